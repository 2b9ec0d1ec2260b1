//! One chunk behind the other: put on disk, score, hand over. Now and then a snapshot replaces what is on disk.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::arrivals::Arrivals;
use super::clock::ArrivalClock;
use super::inbox::{Inbox, Next, WaitingChunk};
use super::input_log::InputLog;
use super::known::{ChunkKey, forms};
use super::log_entry::LoggedChunk;
use super::output::{ScoredEntries, ScoredParts};
use super::saved_models::Recovered;
use super::shards::{ShardFailed, Shards};
use super::stats::Stats;
use super::ticket::Promise;
use crate::bank::{Storage, StorageError};
use crate::config::Config;
use crate::time::Time;

/// Bytes that are put on disk, scored and handed over together.
const BATCH: usize = 1 << 20;
/// The engine looks so often for what it was asked.
const LOOK: Duration = Duration::from_millis(200);
/// What pipelines have to say is asked for so often.
const LISTEN: Duration = Duration::from_secs(1);
/// A state folder that failed is tried again after so long.
const RETRY: Duration = Duration::from_secs(30);

/// A part of a scored chunk, and who waits for its arrival.
#[derive(Debug)]
pub(super) struct ScoredChunk {
    pub(super) number: u64,
    pub(super) entries: ScoredEntries,
    /// With the last part of a chunk.
    pub(super) end: Option<ChunkEnd>,
}

/// What is to be done when a chunk has arrived.
#[derive(Debug)]
pub(super) struct ChunkEnd {
    pub(super) connection: u64,
    pub(super) key: Option<ChunkKey>,
    pub(super) promise: Option<Promise>,
}

/// The state of an aggregator, read from its folder.
pub(super) struct Engine {
    shards: Shards,
    log: Option<InputLog>,
    /// Chunks that were on their way when the last process ended.
    left: Vec<(u64, ScoredParts, ChunkEnd)>,
    next: u64,
    /// Since when nothing can be put on disk.
    failed_at: Option<Instant>,
    told: Vec<String>,
}

/// What the engine works with.
pub(super) struct Surroundings<'a> {
    pub(super) inbox: &'a Inbox,
    pub(super) arrivals: &'a Arrivals,
    pub(super) stats: &'a Stats,
    pub(super) log: &'a (dyn Fn(&str) + Send + Sync),
    /// The configuration, if it was asked to be read again.
    pub(super) reload: &'a (dyn Fn() -> Option<Result<Config, String>> + Send + Sync),
    pub(super) outbox: SyncSender<ScoredChunk>,
}

impl Engine {
    /// Goes on from what `storage` holds; without one models are kept in memory. Chunks that came before are told to
    /// `inbox`.
    pub(super) fn open(
        config: &Config,
        storage: Option<Box<dyn Storage>>,
        inbox: &Inbox,
    ) -> Result<Self, StorageError> {
        let clock = ArrivalClock::default();
        let threads = config.serve.threads;
        let mut shards = Shards::start(config, threads, &[], clock.clone())?;
        let mut left = Vec::new();
        let mut next = 1;
        let mut told = Vec::new();
        let mut log = None;
        if let Some(storage) = storage {
            // both closures score
            let cell = std::cell::RefCell::new(&mut shards);
            let mut begin = |recovered: &Recovered| -> Result<(), StorageError> {
                if !recovered.models.is_empty() {
                    **cell.borrow_mut() = Shards::start(config, threads, &recovered.models, clock.clone())?;
                }
                forms(&recovered.known).for_each(|(key, form)| inbox.knows(key, form));
                Ok(())
            };
            let mut failed = None;
            let mut replay = |logged: LoggedChunk| {
                let LoggedChunk { number, at, key, form, chunk, has_arrived } = logged;
                if failed.is_some() {
                    return;
                }
                clock.set(at);
                let scored = match cell.borrow_mut().score(chunk) {
                    Ok(scored) => scored,
                    Err(error) => {
                        failed = Some(format!("chunk {number}: {error}"));
                        return;
                    }
                };
                next = number + 1;
                if has_arrived {
                    key.iter().for_each(|key| inbox.knows(*key, form));
                } else {
                    let promise = key.map(|key| inbox.expects(key, form));
                    left.push((number, scored, ChunkEnd { connection: u64::MAX, key, promise }));
                }
            };
            let (opened, lines) = InputLog::open(storage, &mut begin, &mut replay)?;
            if let Some(why) = failed {
                return Err(StorageError::new("score again", "log", why));
            }
            next = next.max(opened.next());
            told = lines;
            log = Some(opened);
        }
        if !left.is_empty() {
            told.push(format!(
                "state: {} chunks had not arrived when the last process ended: they go first",
                left.len()
            ));
        }
        Ok(Self { shards, log, left, next, failed_at: None, told })
    }

    /// Works until no more chunks come, and saves the state. However it ends, no client waits for it any more.
    ///
    /// # Errors
    /// [`ShardFailed`]: the chunk at hand, and those behind it, are refused.
    pub(super) fn work(mut self, with: &Surroundings<'_>) -> Result<(), ShardFailed> {
        let _end = InboxEnd(with.inbox);
        self.told.drain(..).for_each(|line| (with.log)(&line));
        let arrived = self.left.first().map_or(self.next, |(number, ..)| *number) - 1;
        with.arrivals.set(arrived);
        let mut goes_on = true;
        for (number, entries, end) in std::mem::take(&mut self.left) {
            goes_on = goes_on && hand_over(number, entries, end, &with.outbox);
        }
        let mut listened = Instant::now();
        while goes_on {
            match with.inbox.next(BATCH, LOOK) {
                Next::Chunks(chunks) => goes_on = self.take(chunks, with)?,
                Next::Look => {}
                Next::Closed => break,
            }
            if let Some(config) = (with.reload)() {
                self.reload(config, with)?;
            }
            if listened.elapsed() >= LISTEN {
                listened = Instant::now();
                self.listen(false, with)?;
                self.look_at_log(with);
            }
            let is_due = self.log.as_ref().is_some_and(InputLog::wants_snapshot)
                || self.failed_at.is_some_and(|at| at.elapsed() >= RETRY);
            if is_due {
                self.snapshot(with);
            }
        }
        self.listen(true, with)?;
        self.snapshot(with);
        Ok(())
    }

    /// False when nobody takes scored chunks any more.
    fn take(&mut self, chunks: Vec<WaitingChunk>, with: &Surroundings<'_>) -> Result<bool, ShardFailed> {
        let at = ArrivalClock::now();
        self.put_on_disk(&chunks, at, with);
        self.shards.clock().set(at);
        let mut goes_on = true;
        for waiting in chunks {
            let number = self.next;
            self.next += 1;
            let entries = self.shards.score(waiting.chunk)?;
            let end = ChunkEnd { connection: waiting.connection, key: waiting.key, promise: waiting.promise };
            goes_on = hand_over(number, entries, end, &with.outbox) && goes_on;
        }
        Ok(goes_on)
    }

    fn put_on_disk(&mut self, chunks: &[WaitingChunk], at: Time, with: &Surroundings<'_>) {
        let Some(log) = self.log.as_mut().filter(|_| self.failed_at.is_none()) else { return };
        let chunks = chunks.iter().map(|waiting| (waiting.key, at, &waiting.chunk));
        if let Err(error) = log.append(chunks, with.arrivals.up_to()) {
            self.failed_at = Some(Instant::now());
            (with.log)(&format!(
                "state: {error}: records flow on, and their models are in memory only until a snapshot can be written"
            ));
        }
    }

    /// Writes a snapshot, once everything has arrived.
    fn snapshot(&mut self, with: &Surroundings<'_>) {
        if self.log.is_none() {
            return;
        }
        let all = with.arrivals.wait_for(self.next - 1);
        let Some(log) = &mut self.log else { return };
        let outcome = if all {
            self.shards.save().and_then(|models| log.snapshot(&models, &with.inbox.known(), self.next))
        } else {
            log.note_arrived(with.arrivals.up_to())
        };
        match outcome {
            Ok(()) if all => {
                if self.failed_at.take().is_some() {
                    (with.log)("state: the models are on disk again");
                }
            }
            Ok(()) => {}
            Err(error) => {
                if self.failed_at.replace(Instant::now()).is_none() {
                    (with.log)(&format!(
                        "state: {error}: records flow on, and their models are in memory only"
                    ));
                }
            }
        }
    }

    /// Goes on under another configuration.
    fn reload(&mut self, config: Result<Config, String>, with: &Surroundings<'_>) -> Result<(), ShardFailed> {
        let goes_on = |why: &str| (with.log)(&format!("reload: {why}; the old configuration goes on"));
        let config = match config {
            Ok(config) => config,
            Err(why) => {
                goes_on(&why);
                return Ok(());
            }
        };
        let clock = self.shards.clock().clone();
        let fresh = self
            .shards
            .save()
            .and_then(|models| Shards::start(&config, config.serve.threads, &models, clock));
        match fresh {
            Ok(fresh) => {
                self.listen(true, with)?;
                self.shards = fresh;
                // chunks of the log were scored under the old one
                self.snapshot(with);
                (with.log)("reload: the configuration was read again");
            }
            Err(error) => goes_on(&error.to_string()),
        }
        Ok(())
    }

    /// A log that somebody has removed is replaced by a snapshot.
    fn look_at_log(&mut self, with: &Surroundings<'_>) {
        if self.failed_at.is_none() && self.log.as_mut().is_some_and(InputLog::is_gone) {
            (with.log)(
                "state: somebody has removed the log of the input: a snapshot of all models takes its place",
            );
            self.snapshot(with);
        }
    }

    fn listen(&mut self, ending: bool, with: &Surroundings<'_>) -> Result<(), ShardFailed> {
        let looked = self.shards.look(ending)?;
        looked.log.iter().for_each(|line| (with.log)(line));
        with.stats.look(&looked, self.log.as_ref().map_or(0, InputLog::bytes), with.inbox.bytes());
        Ok(())
    }
}

/// Nobody scores any more once this is dropped.
struct InboxEnd<'a>(&'a Inbox);

impl Drop for InboxEnd<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Hands a scored chunk over in parts; false when nobody takes it.
fn hand_over(number: u64, scored: ScoredParts, end: ChunkEnd, outbox: &SyncSender<ScoredChunk>) -> bool {
    let parts = scored.into_parts();
    let (last, mut end) = (parts.len().saturating_sub(1), Some(end));
    for (n, entries) in parts.into_iter().enumerate() {
        let end = if n == last { end.take() } else { None };
        if outbox.send(ScoredChunk { number, entries, end }).is_err() {
            return false;
        }
    }
    true
}
