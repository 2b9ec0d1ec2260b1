//! Chunks in, requests out: the one object a host keeps for each output.

use super::batch::Batch;
use super::client::{Answer, Cause, Client};
use super::event::OLDEST_EVENT;
use super::gate::Gate;
use super::outcome::{Counts, Level, Note, Outcome, Reason, Totals, Verdict};
use super::settings::Settings;
use super::{chunk, payload};
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Unfinished chunks whose progress is remembered.
const PROGRESS_LIMIT: usize = 256;
/// Time between two log lines about the same thing.
const QUIET: Duration = Duration::from_secs(60);
/// A request with less time than this left of the budget is not begun.
const SHORTEST_REQUEST: Duration = Duration::from_millis(50);

/// Ships chunks to Datadog's intake. Shared by threads: each call of [`Shipper::ship_chunk`] works for itself.
///
/// ```no_run
/// use fluent_anomaly::sink::datadog::{Settings, Shipper, Verdict};
/// let settings = Settings::read(|_| None, |name| std::env::var(name).ok())?;
/// let shipper = Shipper::new(settings);
/// let outcome = shipper.ship_chunk(b"", "changefinder.cpu");
/// assert_eq!(outcome.verdict, Verdict::Done);
/// # Ok::<(), fluent_anomaly::sink::datadog::SettingsError>(())
/// ```
#[derive(Debug)]
pub struct Shipper {
    settings: Settings,
    client: Client,
    gate: Mutex<Gate>,
    log: Mutex<Log>,
    totals: Mutex<Totals>,
    /// Fingerprints of chunks to come again, and the position each one reached.
    progress: Mutex<VecDeque<(u64, u64)>>,
    fingerprints: RandomState,
    stopping: (Mutex<bool>, Condvar),
}

/// What was not logged yet, to keep a broken intake from flooding the log.
#[derive(Debug, Default)]
struct Log {
    dropped: Counts,
    drops_told: Option<Instant>,
    waits_told: [Option<Instant>; Cause::COUNT],
    refusal_told: Option<Instant>,
}

/// The state behind a lock stays usable after a panic elsewhere: each change is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One shipment under way.
#[derive(Debug)]
struct Shipment {
    /// Position of the first point not yet accepted or given up.
    at: u64,
    sent: u64,
    dropped: Counts,
    notes: Vec<Note>,
}

impl Shipper {
    /// Prepares shipping; nothing is sent and no thread started.
    pub fn new(settings: Settings) -> Self {
        Self {
            client: Client::new(&settings),
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
    pub fn ship_chunk(&self, bytes: &[u8], tag: &str) -> Outcome {
        self.ship_chunk_at(bytes, tag, unix_now())
    }

    /// The same at a given time, in UNIX seconds, which decides what is too old.
    pub fn ship_chunk_at(&self, bytes: &[u8], tag: &str, now: i64) -> Outcome {
        let fingerprint = self.fingerprints.hash_one((bytes, tag));
        let mut batch = self.batch();
        chunk::read(bytes, tag, &mut batch);
        let known = self.take_progress(fingerprint);
        let (outcome, reached) = self.ship_batch(&batch, known, now);
        if outcome.verdict == Verdict::Retry {
            self.keep_progress(fingerprint, reached);
        }
        outcome
    }

    /// What was shipped and dropped so far.
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
    /// counted now. Also returns the position reached.
    pub(super) fn ship_batch(&self, batch: &Batch, from: Option<u64>, now: i64) -> (Outcome, u64) {
        let mut shipment =
            Shipment { at: from.unwrap_or(0), sent: 0, dropped: Counts::default(), notes: Vec::new() };
        if from.is_none() {
            shipment.dropped.merge(batch.dropped());
        }
        let finished = self.deliver(batch, &mut shipment, now);
        let Shipment { at, sent, dropped, mut notes } = shipment;
        let hopeless = [Reason::Malformed, Reason::Refused, Reason::TooLarge].map(|r| dropped.get(r) > 0);
        let verdict = match finished {
            false => Verdict::Retry,
            true if sent == 0 && from.unwrap_or(0) == 0 && hopeless.contains(&true) => Verdict::Failed,
            true => Verdict::Done,
        };
        let mut totals = lock(&self.totals);
        totals.sent += sent;
        totals.retries += u64::from(verdict == Verdict::Retry);
        totals.dropped.merge(&dropped);
        drop(totals);
        notes.extend(lock(&self.log).drops(&dropped));
        (Outcome { verdict, sent, dropped, notes }, at)
    }

    /// Sends what is left; `false` when something has to be given again.
    fn deliver(&self, batch: &Batch, shipment: &mut Shipment, now: i64) -> bool {
        let started = Instant::now();
        let Settings { timeout, budget, patience, api, compression, .. } = self.settings;
        let mut limits = self.settings.limits;
        let mut second_try = false;
        let mut waited = Duration::ZERO;
        let end = batch.len() + batch.events().len() as u64;
        while shipment.at < end {
            let left = budget.saturating_sub(started.elapsed());
            let wait = lock(&self.gate).wait(Instant::now());
            if let Some(wait) = wait {
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
                shipment.dropped.add(Reason::EventTooOld, 1);
                shipment.at += 1;
                continue;
            }
            let mut body = payload::build(batch, shipment.at, now, &limits, api, compression);
            let answer = if let Some(event) = event {
                (body.points, body.end) = (1, shipment.at + 1);
                lock(&self.totals).requests += 1;
                self.client.post_event(&event.body, timeout.min(left))
            } else if body.points == 0 {
                Answer::Accepted(None)
            } else {
                lock(&self.totals).requests += 1;
                self.client.post(&body.body, timeout.min(left))
            };
            match answer {
                Answer::Accepted(complaint) => {
                    if body.points > 0 {
                        lock(&self.gate).open();
                    }
                    shipment.sent += body.points;
                    if let Some(text) = complaint {
                        shipment.notes.extend(lock(&self.log).refusal("accepted with errors", &text));
                    }
                }
                Answer::TooLarge if body.points > 1 => {
                    limits.points = body.points / 2;
                    continue;
                }
                Answer::TooLarge => shipment.dropped.add(Reason::TooLarge, body.points),
                Answer::Refused(text) => {
                    shipment.dropped.add(Reason::Refused, body.points);
                    shipment.notes.extend(lock(&self.log).refusal("refused as malformed (400)", &text));
                }
                // a pooled connection that the intake closed meanwhile breaks just once
                Answer::Later { cause: Cause::Network, .. } if !second_try => {
                    second_try = true;
                    continue;
                }
                Answer::Later { cause, wait, text } => {
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

impl Log {
    fn due(told: &mut Option<Instant>) -> bool {
        let now = Instant::now();
        let due = told.is_none_or(|told| now.duration_since(told) >= QUIET);
        if due {
            *told = Some(now);
        }
        due
    }

    fn drops(&mut self, dropped: &Counts) -> Option<Note> {
        self.dropped.merge(dropped);
        if self.dropped.lost() == 0 || !Self::due(&mut self.drops_told) {
            return None;
        }
        let text = format!("dropped: {}", std::mem::take(&mut self.dropped));
        Some(Note { level: Level::Warn, text })
    }

    fn refusal(&mut self, what: &str, answer: &str) -> Option<Note> {
        Self::due(&mut self.refusal_told)
            .then(|| Note { level: Level::Error, text: format!("points {what}: {answer}") })
    }

    fn wait(&mut self, cause: Cause, wait: Duration, answer: &str) -> Option<Note> {
        if !self.waits_told.get_mut(cause as usize).is_some_and(Self::due) {
            return None;
        }
        let (level, what) = match cause {
            Cause::RateLimit => (Level::Warn, "the intake limits the rate"),
            Cause::Key => (Level::Error, "the intake refuses the API key; is it one of this site?"),
            Cause::Server => (Level::Warn, "the intake is in trouble"),
            Cause::Timeout => (Level::Warn, "the intake does not answer in time"),
            Cause::Network => (Level::Warn, "the intake cannot be reached"),
            Cause::Elsewhere => (Level::Error, "the answer is not an intake's; is the address right?"),
        };
        let seconds = wait.as_secs_f64();
        Some(Note {
            level,
            text: format!("{what}: {answer}; the next request comes in {seconds:.0} s or later"),
        })
    }
}

/// The clock of the host, in UNIX seconds.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
