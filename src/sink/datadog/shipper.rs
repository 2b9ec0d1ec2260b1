//! Chunks in, requests out: the one object a host keeps for each output.

use super::batch::Batch;
use super::chunk_queue::{ChunkQueue, OfferedChunk, ROOM, Tried};
use super::client::{Client, IntakeAnswer, IntakeFailure};
use super::event::OLDEST_EVENT;
use super::log::NoteLog;
use super::ordered_shipper::{Attempt, OrderedShipper};
use super::outcome::{ChunkVerdict, Note, ShipOutcome, Totals, UnsentCounts, UnsentReason};
use super::retry_gate::RetryGate;
use super::settings::ShipperSettings;
use super::{chunk, payload};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Unfinished chunks whose progress is remembered.
const PROGRESS_LIMIT: usize = 256;
/// A request with less time than this left of the budget is not begun.
const SHORTEST_REQUEST: Duration = Duration::from_millis(50);

/// Ships chunks to Datadog's intake. Shared by threads: each call of [`Shipper::ship_chunk`] works for itself.
///
/// ```no_run
/// use fluent_anomaly::sinks::datadog::{ChunkVerdict, Shipper, ShipperSettings};
/// let settings = ShipperSettings::read(|_| None, |name| std::env::var(name).ok())?;
/// let shipper = Shipper::new(settings);
/// let outcome = shipper.ship_chunk(b"", "changefinder.cpu");
/// assert_eq!(outcome.verdict, ChunkVerdict::Done);
/// # Ok::<(), fluent_anomaly::sinks::datadog::ShipperSettingsError>(())
/// ```
#[derive(Debug)]
pub struct Shipper {
    settings: ShipperSettings,
    client: Client,
    gate: Mutex<RetryGate>,
    log: Mutex<NoteLog>,
    totals: Mutex<Totals>,
    /// Fingerprints of chunks to come again, and the position each one reached.
    progress: Mutex<VecDeque<(u64, u64)>>,
    /// Chunks that wait for their turn, with `dd_order on`.
    ordered: Option<OrderedShipper>,
    fingerprints: RandomState,
    stopping: (Mutex<bool>, Condvar),
}

/// A lock's state stays usable after a panic elsewhere: each change is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One shipment under way.
#[derive(Debug)]
struct Shipment {
    /// Position of the first point not yet accepted or given up.
    at: u64,
    sent: u64,
    dropped: UnsentCounts,
    notes: Vec<Note>,
    /// Why it could not go on, when it was the intake's answer.
    failed: Option<IntakeFailure>,
}

/// A batch that was shipped as far as possible.
#[derive(Debug)]
pub(super) struct Shipped {
    pub(super) outcome: ShipOutcome,
    /// Position of the first point not yet accepted or given up.
    pub(super) reached: u64,
    failed: Option<IntakeFailure>,
}

impl Shipper {
    /// Prepares shipping; nothing is sent and no thread started.
    pub fn new(settings: ShipperSettings) -> Self {
        Self {
            client: Client::new(&settings),
            ordered: settings
                .order
                .map(|order| OrderedShipper::new(ChunkQueue::new(order.start, order.patience, ROOM))),
            settings,
            gate: Mutex::default(),
            log: Mutex::default(),
            totals: Mutex::default(),
            progress: Mutex::default(),
            fingerprints: RandomState::new(),
            stopping: (Mutex::new(false), Condvar::new()),
        }
    }

    /// Ships a chunk of msgpack entries that carries `tag`. Blocks at most for the settings' time-out.
    pub fn ship_chunk(&self, bytes: &[u8], tag: &str) -> ShipOutcome {
        self.ship_chunk_at(bytes, tag, unix_now())
    }

    /// The same at a given time, in UNIX seconds, which decides what is too old.
    pub fn ship_chunk_at(&self, bytes: &[u8], tag: &str, now: i64) -> ShipOutcome {
        let fingerprint = self.fingerprints.hash_one((bytes, tag));
        let mut batch = self.batch();
        chunk::read(bytes, tag, &mut batch);
        let outcome = match (&self.ordered, batch.span(now)) {
            (Some(ordered), Some(span)) => {
                self.ship_in_order(ordered, tag, OfferedChunk { fingerprint, span, bytes }, &batch, now)
            }
            // in no order, or nothing to be sent
            _ => {
                let known = self.take_progress(fingerprint);
                let Shipped { outcome, reached, .. } = self.ship_batch(&batch, known, now);
                if outcome.verdict == ChunkVerdict::Retry {
                    self.keep_progress(fingerprint, reached);
                }
                outcome
            }
        };
        lock(&self.totals).retries += u64::from(outcome.verdict == ChunkVerdict::Retry);
        outcome
    }

    /// Ships what is due of the tag's chunks. The outcome has the verdict of this chunk, and the counts of all.
    fn ship_in_order(
        &self,
        ordered: &OrderedShipper,
        tag: &str,
        chunk: OfferedChunk<'_>,
        own: &Batch,
        now: i64,
    ) -> ShipOutcome {
        let started = Instant::now();
        let mut all = ShipOutcome {
            verdict: ChunkVerdict::Retry,
            sent: 0,
            dropped: UnsentCounts::default(),
            notes: Vec::new(),
        };
        let driven = ordered.offer(tag, chunk, self.settings.budget, |job, attempt| {
            let now = now.saturating_add(started.elapsed().as_secs() as i64);
            let mut other = self.batch();
            let batch = match &job.bytes {
                Some(bytes) if job.fingerprint != chunk.fingerprint => {
                    chunk::read(bytes, tag, &mut other);
                    &other
                }
                _ => own,
            };
            let Shipped { outcome, reached, failed } = self.attempt_batch(batch, job.reached, now, attempt);
            all.sent += outcome.sent;
            all.dropped.merge(&outcome.dropped);
            all.notes.extend(outcome.notes);
            Tried {
                verdict: outcome.verdict,
                reached,
                accepted: outcome.sent > 0,
                suspect: failed.is_some_and(IntakeFailure::can_be_the_body),
            }
        });
        all.verdict = driven.verdict;
        all.notes.extend(NoteLog::passed(driven.passed));
        all.notes.extend(driven.collecting.and_then(|left| lock(&self.log).collecting(left)));
        all
    }

    /// Counts since the start.
    pub fn totals(&self) -> Totals {
        *lock(&self.totals)
    }

    /// Ends waits, and keeps shipments from beginning another request.
    pub fn stop(&self) {
        *lock(&self.stopping.0) = true;
        self.stopping.1.notify_all();
    }

    /// An empty batch for these settings.
    pub(super) fn batch(&self) -> Batch {
        Batch::new(&self.settings)
    }

    /// Ships a batch from a position on. `None`: it comes for the first time, so what its records lack is
    /// counted now.
    pub(super) fn ship_batch(&self, batch: &Batch, from: Option<u64>, now: i64) -> Shipped {
        self.attempt_batch(batch, from, now, Attempt { budget: self.settings.budget, probe: false })
    }

    fn attempt_batch(&self, batch: &Batch, from: Option<u64>, now: i64, attempt: Attempt) -> Shipped {
        let mut shipment = Shipment {
            at: from.unwrap_or(0),
            sent: 0,
            dropped: UnsentCounts::default(),
            notes: Vec::new(),
            failed: None,
        };
        if from.is_none() {
            shipment.dropped.merge(batch.dropped());
        }
        let finished = self.deliver(batch, &mut shipment, now, attempt);
        let Shipment { at, sent, dropped, mut notes, failed } = shipment;
        let hopeless = [UnsentReason::Malformed, UnsentReason::Refused, UnsentReason::TooLarge]
            .map(|r| dropped.get(r) > 0);
        let verdict = match finished {
            false => ChunkVerdict::Retry,
            true if sent == 0 && from.unwrap_or(0) == 0 && hopeless.contains(&true) => ChunkVerdict::Failed,
            true => ChunkVerdict::Done,
        };
        let mut totals = lock(&self.totals);
        totals.sent += sent;
        totals.dropped.merge(&dropped);
        drop(totals);
        notes.extend(lock(&self.log).drops(&dropped));
        Shipped { outcome: ShipOutcome { verdict, sent, dropped, notes }, reached: at, failed }
    }

    /// Sends what is left; `false` when something has to be given again.
    fn deliver(&self, batch: &Batch, shipment: &mut Shipment, now: i64, attempt: Attempt) -> bool {
        let started = Instant::now();
        let Attempt { budget, mut probe } = attempt;
        let ShipperSettings { timeout, patience, api, compression, .. } = self.settings;
        let mut limits = self.settings.limits;
        let mut second_try = false;
        let mut waited = Duration::ZERO;
        let end = batch.len() + batch.events().len() as u64;
        while shipment.at < end {
            let left = budget.saturating_sub(started.elapsed());
            let wait = lock(&self.gate).wait(Instant::now());
            if let Some(wait) = wait.filter(|_| !probe) {
                waited += wait;
                if waited > patience || wait + SHORTEST_REQUEST > left || self.stopped_within(wait) {
                    return false;
                }
                continue;
            }
            if left < SHORTEST_REQUEST || self.stopped_within(Duration::ZERO) {
                return false;
            }
            let now = now.saturating_add(started.elapsed().as_secs() as i64);
            let event = shipment.at.checked_sub(batch.len()).and_then(|n| batch.events().get(n as usize));
            if event.is_some_and(|event| event.time < now - OLDEST_EVENT) {
                shipment.dropped.add(UnsentReason::EventTooOld, 1);
                shipment.at += 1;
                continue;
            }
            let mut body = payload::build(batch, shipment.at, now, &limits, api, compression);
            let answer = if let Some(event) = event {
                (body.points, body.end) = (1, shipment.at + 1);
                lock(&self.totals).requests += 1;
                self.client.post_event(&event.body, timeout.min(left))
            } else if body.points == 0 {
                IntakeAnswer::Accepted(None)
            } else {
                lock(&self.totals).requests += 1;
                self.client.post(&body.body, timeout.min(left))
            };
            match answer {
                IntakeAnswer::Accepted(complaint) => {
                    if body.points > 0 {
                        lock(&self.gate).open();
                    }
                    shipment.sent += body.points;
                    if let Some(text) = complaint {
                        shipment.notes.extend(lock(&self.log).refusal("accepted with errors", &text));
                    }
                }
                IntakeAnswer::TooLarge if body.points > 1 => {
                    limits.points = body.points / 2;
                    continue;
                }
                IntakeAnswer::TooLarge => shipment.dropped.add(UnsentReason::TooLarge, body.points),
                IntakeAnswer::Refused(text) => {
                    shipment.dropped.add(UnsentReason::Refused, body.points);
                    shipment.notes.extend(lock(&self.log).refusal("refused as malformed (400)", &text));
                }
                // a pooled connection that the intake closed meanwhile breaks just once
                IntakeAnswer::Later { cause: IntakeFailure::Network, .. } if !second_try => {
                    second_try = true;
                    continue;
                }
                IntakeAnswer::Later { cause, wait, text } => {
                    (shipment.failed, probe) = (Some(cause), false);
                    let wait = lock(&self.gate).close(Instant::now(), cause, wait);
                    shipment.notes.extend(lock(&self.log).wait(cause, wait, &text));
                    continue;
                }
            }
            shipment.dropped.merge(&body.dropped);
            shipment.at = body.end;
        }
        true
    }

    /// Waits; whether the shipper is being stopped.
    fn stopped_within(&self, wait: Duration) -> bool {
        let stopping = lock(&self.stopping.0);
        let waited = self.stopping.1.wait_timeout_while(stopping, wait, |stopping| !*stopping);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn take_progress(&self, fingerprint: u64) -> Option<u64> {
        let mut progress = lock(&self.progress);
        let place = progress.iter().position(|(known, _)| *known == fingerprint)?;
        progress.remove(place).map(|(_, position)| position)
    }

    fn keep_progress(&self, fingerprint: u64, position: u64) {
        let mut progress = lock(&self.progress);
        if progress.len() == PROGRESS_LIMIT {
            progress.pop_front();
        }
        progress.push_back((fingerprint, position));
    }
}

/// The clock of the host, in UNIX seconds.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
