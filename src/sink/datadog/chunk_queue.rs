//! Which chunk goes next: a line of waiting chunks for each tag.
//!
//! A host gives chunks in their order, gives those that failed again by a timer of its own, and after a restart
//! gives new ones before those on its disk. So a chunk takes its place at its first offer: at the end, but
//! before those that are newer throughout; while the offers after a start are being collected, before all that
//! begin later. (In a running session arrival is the better order: one late point makes a whole chunk begin
//! early.) From then on only the first of a line goes, whoever offers what.
//!
//! Nothing here ships, locks or reads a clock.

use super::outcome::ChunkVerdict;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of waiting chunks, in all. A chunk beyond it keeps its place, and waits for its own next offer.
pub(super) const ROOM: usize = 16 * 1024 * 1024;
/// Waiting chunks in all, and verdicts not yet fetched; Fluent Bit itself has 2048 under way at most.
const LIMIT: usize = 4096;
/// A collection that older chunks prolong lasts so many times its length, at most.
const LONGEST_COLLECTION: u32 = 10;
/// Chunks that nobody waits for are forgotten after this time: by then the intake refuses their points.
const FORGOTTEN: Duration = Duration::from_secs(super::point::OLDEST.unsigned_abs());

/// A chunk as it is offered.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfferedChunk<'a> {
    /// The same for the same bytes and tag.
    pub(super) fingerprint: u64,
    /// Earliest and latest time of its points, UNIX seconds.
    pub(super) span: (i64, i64),
    pub(super) bytes: &'a [u8],
}

/// A chunk whose turn it is.
#[derive(Debug, Clone)]
pub(super) struct DueChunk {
    pub(super) fingerprint: u64,
    /// `None`: there was no room, only who offers it can ship it.
    pub(super) bytes: Option<Arc<[u8]>>,
    /// The position reached; `None`: never tried.
    pub(super) reached: Option<u64>,
    /// It kept the others waiting for longer than the patience allows.
    pub(super) overdue: bool,
}

/// Result of an attempt to ship a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) verdict: ChunkVerdict,
    pub(super) reached: u64,
    /// The intake took some of it.
    pub(super) accepted: bool,
    /// It failed in a way that can be its own fault.
    pub(super) suspect: bool,
}

/// Result of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    /// It waits in its line.
    Waiting,
    /// It was finished meanwhile.
    Finished(ChunkVerdict),
    /// Too many wait.
    Full,
}

#[derive(Debug)]
struct QueuedChunk {
    fingerprint: u64,
    span: (i64, i64),
    bytes: Option<Arc<[u8]>>,
    reached: Option<u64>,
    /// Since when it keeps the others waiting without getting on.
    stuck: Option<Instant>,
    /// It lost its place: others go before it, and it goes only when it is offered.
    passed: bool,
    offered: Instant,
}

impl QueuedChunk {
    fn job(&self, now: Instant, patience: Duration) -> DueChunk {
        DueChunk {
            fingerprint: self.fingerprint,
            bytes: self.bytes.clone(),
            reached: self.reached,
            overdue: self.stuck.is_some_and(|since| now.duration_since(since) >= patience),
        }
    }
}

/// The lines of all tags.
#[derive(Debug)]
pub(super) struct ChunkQueue {
    lines: HashMap<String, VecDeque<QueuedChunk>>,
    /// Bytes that can still be held.
    room: usize,
    /// Of chunks that were finished on another one's call.
    verdicts: VecDeque<(u64, ChunkVerdict)>,
    /// How long offers are collected, from the first one or from the last one that came too late.
    start: Duration,
    /// The first offer, and the end of the collection.
    collection: Option<(Instant, Instant)>,
    patience: Duration,
}

impl ChunkQueue {
    pub(super) fn new(start: Duration, patience: Duration, room: usize) -> Self {
        Self { lines: HashMap::new(), room, verdicts: VecDeque::new(), start, collection: None, patience }
    }

    /// Takes an offer down.
    pub(super) fn enter(&mut self, tag: &str, chunk: OfferedChunk<'_>, now: Instant) -> Entered {
        self.collection.get_or_insert((now, now + self.start));
        if let Some(verdict) = self.take_verdict(chunk.fingerprint) {
            return Entered::Finished(verdict);
        }
        self.forget(now);
        let collecting = self.collecting(now).is_some();
        let known = self.line(tag).iter().position(|held| held.fingerprint == chunk.fingerprint);
        let place = match known {
            Some(place) => place,
            None if self.lines.values().map(VecDeque::len).sum::<usize>() >= LIMIT => return Entered::Full,
            None => self.place(tag, chunk, collecting, now),
        };
        self.hold(tag, place, chunk.bytes);
        if let Some(held) = self.lines.get_mut(tag).and_then(|line| line.get_mut(place)) {
            held.offered = now;
        }
        Entered::Waiting
    }

    /// How long nothing goes yet, because the host may still have older chunks to give.
    pub(super) fn collecting(&self, now: Instant) -> Option<Duration> {
        match self.collection {
            Some((_, end)) => end.checked_duration_since(now).filter(|left| !left.is_zero()),
            None => Some(self.start),
        }
    }

    /// The first of the line; `own` is what the call at hand offers.
    pub(super) fn first(&mut self, tag: &str, own: u64, now: Instant) -> Option<DueChunk> {
        let patience = self.patience;
        let line = self.lines.get_mut(tag)?;
        let place = line.iter().position(|held| !held.passed);
        // chunks that lost their place come last
        let place = place.or_else(|| line.iter().position(|held| held.fingerprint == own))?;
        let held = line.get_mut(place)?;
        if held.bytes.is_none() && held.fingerprint != own {
            held.stuck.get_or_insert(now);
        }
        Some(held.job(now, patience))
    }

    /// The next chunk after `fingerprint` that can be tried.
    pub(super) fn behind(&self, tag: &str, fingerprint: u64, own: u64, now: Instant) -> Option<DueChunk> {
        let line = self.lines.get(tag)?;
        let behind = line.iter().skip_while(|held| held.fingerprint != fingerprint).skip(1);
        let mut able =
            behind.filter(|held| !held.passed && (held.bytes.is_some() || held.fingerprint == own));
        able.next().map(|held| held.job(now, self.patience))
    }

    /// Notes what came of a job.
    pub(super) fn settle(&mut self, tag: &str, fingerprint: u64, tried: Tried, now: Instant) {
        let Some(line) = self.lines.get_mut(tag) else { return };
        let Some(place) = line.iter().position(|held| held.fingerprint == fingerprint) else { return };
        if tried.verdict == ChunkVerdict::Retry {
            if let Some(held) = line.get_mut(place) {
                let got_on = tried.reached > held.reached.unwrap_or(0);
                held.reached = Some(tried.reached);
                if got_on {
                    held.stuck = None;
                }
                if tried.suspect {
                    held.stuck.get_or_insert(now);
                }
            }
            return;
        }
        let held = line.remove(place);
        self.room += held.and_then(|held| held.bytes).map_or(0, |bytes| bytes.len());
        if line.is_empty() {
            self.lines.remove(tag);
        }
        if self.verdicts.len() == LIMIT {
            self.verdicts.pop_front();
        }
        self.verdicts.push_back((fingerprint, tried.verdict));
    }

    /// Takes a chunk's place away: a later one got through where it failed.
    pub(super) fn pass(&mut self, tag: &str, fingerprint: u64) {
        let line = self.lines.get_mut(tag);
        let held = line.and_then(|line| line.iter_mut().find(|held| held.fingerprint == fingerprint));
        if let Some(held) = held {
            held.passed = true;
            self.room += held.bytes.take().map_or(0, |bytes| bytes.len());
        }
    }

    /// The verdict of a finished chunk, told once.
    pub(super) fn take_verdict(&mut self, fingerprint: u64) -> Option<ChunkVerdict> {
        let place = self.verdicts.iter().position(|(known, _)| *known == fingerprint)?;
        self.verdicts.remove(place).map(|(_, verdict)| verdict)
    }

    fn line(&mut self, tag: &str) -> &mut VecDeque<QueuedChunk> {
        self.lines.entry(tag.to_owned()).or_default()
    }

    /// Gives a new chunk its place.
    fn place(&mut self, tag: &str, chunk: OfferedChunk<'_>, collecting: bool, now: Instant) -> usize {
        let line = self.line(tag);
        let before = |held: &QueuedChunk| {
            held.passed || chunk.span.1 < held.span.0 || (collecting && chunk.span.0 < held.span.0)
        };
        let overtaken = line.iter().rev().take_while(|held| before(held)).count();
        let place = line.len() - overtaken;
        let OfferedChunk { fingerprint, span, .. } = chunk;
        let (bytes, reached, stuck, passed) = (None, None, None, false);
        line.insert(place, QueuedChunk { fingerprint, span, bytes, reached, stuck, passed, offered: now });
        if let Some((started, end)) = self.collection.as_mut().filter(|_| collecting && overtaken > 0) {
            // the host is still giving its backlog, in portions
            *end = (now + self.start).min(*started + self.start * LONGEST_COLLECTION).max(*end);
        }
        place
    }

    /// Keeps a chunk's bytes if there is room; chunks after it give theirs up for that.
    fn hold(&mut self, tag: &str, place: usize, bytes: &[u8]) {
        let Some(line) = self.lines.get_mut(tag) else { return };
        if line.get(place).is_none_or(|held| held.passed || held.bytes.is_some()) {
            return;
        }
        let behind: usize =
            line.iter().skip(place + 1).filter_map(|held| held.bytes.as_ref()).map(|b| b.len()).sum();
        if self.room + behind < bytes.len() {
            return;
        }
        let mut last = line.len();
        while self.room < bytes.len() && last > place + 1 {
            last -= 1;
            self.room += line.get_mut(last).and_then(|held| held.bytes.take()).map_or(0, |b| b.len());
        }
        if let Some(held) = line.get_mut(place) {
            self.room -= bytes.len();
            held.bytes = Some(bytes.into());
        }
    }

    /// Drops what the host has not offered for long and nobody can ship.
    fn forget(&mut self, now: Instant) {
        for line in self.lines.values_mut() {
            line.retain(|held| held.bytes.is_some() || now.duration_since(held.offered) < FORGOTTEN);
        }
        self.lines.retain(|_, line| !line.is_empty());
    }
}

#[cfg(test)]
mod tests;
