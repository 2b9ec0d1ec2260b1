//! Writes the journal, and knows when and how to compact it.

use super::entry::{Entry, JournalHead, SnapshotHead};
use super::frame::{FrameReader, FrameWriter, PREAMBLE};
use super::live_series::Live;
use super::notice::Notice;
use super::recover::{JOURNAL_NAMES, Position, SNAPSHOT, journal_name};
use super::storage::{Storage, StorageError};
use super::{Model, Observation, Section, SectionId};
use crate::codec::Writer;
use crate::time::Time;

/// How soon a model update is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flush {
    /// Before the record leaves: a kill at any moment loses nothing.
    #[default]
    EachRecord,
    /// Once event time has moved on by this many seconds: a kill loses that much at most.
    Interval {
        /// Seconds, > 0.
        seconds: u32,
    },
}

/// No compaction at the start below this many bytes of journal: hosts that make an instance for each chunk read the
/// journal as often.
const MIN_JOURNAL: u64 = 64 << 10;
/// Whoever goes on writing earns a longer one: what a compaction costs is spread over more records, and the next
/// start reads some ten thousand entries more.
const LONG_JOURNAL: u64 = 1 << 20;
/// Entries wait in memory up to this size with [`Flush::Interval`].
const MAX_PENDING: usize = 64 << 10;
/// A snapshot is handed to the storage in pieces of about this size.
const PIECE: usize = 64 << 10;
/// Entries between two looks whether somebody else has taken the folder over.
const WATCH: u32 = 256;
/// Entries between two tries to save again after a failure.
const RETRY: u32 = 4096;
/// Compaction also bounds how many journals a start has to read.
const MAX_JOURNALS: u64 = JOURNAL_NAMES / 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The next entry begins a journal.
    Idle,
    /// A journal is open.
    Open,
    /// Not written since a failure; entries since then are in memory only.
    Failed { entries: u32 },
    /// Another writer owns the folder; final.
    TakenOver,
}

/// What a snapshot holds besides the series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) next_id: u32,
    pub(super) evicted: u64,
}

/// The writing side of the state folder.
pub(super) struct Keeper {
    storage: Box<dyn Storage>,
    flush: Flush,
    position: Position,
    sections: Vec<SectionId>,
    mode: Mode,
    frames: FrameWriter,
    /// Payload of one entry; reused.
    payload: Vec<u8>,
    /// Frames that are not yet in the file.
    pending: Vec<u8>,
    /// Bytes in the open journal, and in all journals when it is time for a snapshot.
    written: u64,
    limit: u64,
    since_watch: u32,
    /// Event time of the last observation, and of the last flush.
    now: Time,
    flushed_at: Option<Time>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("position", &self.position).field("mode", &self.mode).finish()
    }
}

impl Keeper {
    pub(super) fn new(
        storage: Box<dyn Storage>,
        flush: Flush,
        position: Position,
        sections: Vec<SectionId>,
    ) -> Self {
        Self {
            storage,
            flush,
            position,
            sections,
            mode: Mode::Idle,
            frames: FrameWriter::default(),
            payload: Vec::new(),
            pending: Vec::new(),
            written: 0,
            limit: LONG_JOURNAL,
            since_watch: 0,
            now: Time::default(),
            flushed_at: None,
        }
    }

    /// Notes an observation, as [`log`](Keeper::log) would.
    #[inline(always)]
    pub(super) fn log_observation(&mut self, id: u32, observation: Observation, notices: &mut Vec<Notice>) {
        if self.mode == Mode::Open && observation.source == 0 {
            let words = Entry::observation_words(id, observation.time, observation.value);
            self.frames.frame_of_words(words, &mut self.pending);
            self.now = observation.time;
        } else {
            self.log(&Entry::Observe { id, observation }, notices);
        }
    }

    /// Notes one entry; it is written with the next flush.
    #[inline(never)]
    pub(super) fn log(&mut self, entry: &Entry<'_>, notices: &mut Vec<Notice>) {
        match self.mode {
            Mode::TakenOver => return,
            Mode::Failed { ref mut entries } => {
                *entries = entries.saturating_add(1);
                return;
            }
            Mode::Idle => {
                if let Err(error) = self.begin_journal() {
                    self.fail(error, notices);
                    return;
                }
                if self.mode == Mode::TakenOver {
                    notices.push(Notice::TakenOver);
                    return;
                }
            }
            Mode::Open => {}
        }
        self.payload.clear();
        entry.put(&mut self.payload);
        self.frames.frame(&self.payload, &mut self.pending);
        if let Entry::Observe { observation, .. } = entry {
            self.now = observation.time;
        }
    }

    /// Writes what waits, if it is due.
    #[inline(always)]
    pub(super) fn commit(&mut self, notices: &mut Vec<Notice>) {
        let due = match self.flush {
            Flush::EachRecord => true,
            Flush::Interval { seconds } => {
                let since = *self.flushed_at.get_or_insert(self.now);
                self.now.nanos().abs_diff(since.nanos()) >= u64::from(seconds) * 1_000_000_000
                    || self.pending.len() >= MAX_PENDING
            }
        };
        if due {
            self.flush(notices);
        }
    }

    /// Writes what waits in memory.
    #[inline]
    pub(super) fn flush(&mut self, notices: &mut Vec<Notice>) {
        self.flushed_at = Some(self.now);
        if self.mode != Mode::Open || self.pending.is_empty() {
            return;
        }
        if let Err(error) = self.storage.append(&self.pending) {
            self.pending.clear();
            self.fail(error, notices);
            return;
        }
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.since_watch += 1;
        if self.since_watch >= WATCH {
            self.since_watch = 0;
            match self.is_taken_over() {
                Ok(false) => {}
                Ok(true) => {
                    self.mode = Mode::TakenOver;
                    notices.push(Notice::TakenOver);
                }
                Err(error) => self.fail(error, notices),
            }
        }
    }

    /// True when the journals have grown enough to be replaced by a snapshot.
    pub(super) fn wants_compaction(&self) -> bool {
        match self.mode {
            Mode::Open => self.position.journal_bytes + self.written > self.limit,
            Mode::Idle => {
                self.position.rewrite
                    || self.position.journal_bytes > MIN_JOURNAL.max(self.position.snapshot_bytes / 2)
                    || self.position.next_journal - self.position.first_journal >= MAX_JOURNALS
            }
            Mode::Failed { entries } => entries >= RETRY,
            Mode::TakenOver => false,
        }
    }

    /// Replaces all journals by a snapshot of all series.
    pub(super) fn compact<M: Model>(
        &mut self,
        sections: &[Section<M>],
        live: &Live<M>,
        counts: Counts,
        notices: &mut Vec<Notice>,
    ) {
        let was_failing = matches!(self.mode, Mode::Failed { .. });
        if self.mode == Mode::Open {
            match self.is_taken_over() {
                Ok(false) => {}
                Ok(true) => {
                    self.mode = Mode::TakenOver;
                    notices.push(Notice::TakenOver);
                    return;
                }
                Err(error) => return self.fail(error, notices),
            }
        }
        let first_new = self.position.next_journal;
        match self.write_snapshot(sections, live, counts, first_new) {
            Ok(bytes) => {
                for number in self.position.first_journal..first_new {
                    // one that stays behind is recognised by its number and removed later
                    let _ = self.storage.remove(&journal_name(number));
                }
                self.position = Position {
                    first_journal: first_new,
                    base_len: 0,
                    journal_bytes: 0,
                    snapshot_bytes: bytes,
                    rewrite: false,
                    ..self.position
                };
                self.mode = Mode::Idle;
                self.pending.clear();
                self.written = 0;
                if was_failing {
                    notices.push(Notice::SavingAgain);
                }
            }
            Err(error) => self.fail(error, notices),
        }
    }

    fn write_snapshot<M: Model>(
        &mut self,
        sections: &[Section<M>],
        live: &Live<M>,
        counts: Counts,
        next_journal: u64,
    ) -> Result<u64, StorageError> {
        const TEMPORARY: &str = "snapshot.new";
        let storage = &mut *self.storage;
        let mut piece = Vec::new();
        if piece.try_reserve_exact(PIECE + (PIECE >> 2)).is_err() {
            return Err(StorageError::new("write", TEMPORARY, "out of memory"));
        }
        storage.remove(TEMPORARY)?;
        if !storage.create(TEMPORARY)? {
            return Err(StorageError::new("create", TEMPORARY, "another filter writes it at this moment"));
        }
        let mut frames = FrameWriter::default();
        let mut bytes = 0;
        FrameWriter::preamble(&mut piece);
        let mut put = |entry: &Entry<'_>, piece: &mut Vec<u8>| {
            self.payload.clear();
            entry.put(&mut self.payload);
            frames.frame(&self.payload, piece);
        };
        put(
            &Entry::Snapshot(SnapshotHead {
                next_journal,
                next_id: counts.next_id,
                evicted: counts.evicted,
                sections: self.sections.clone(),
                clocks: live.clocks.clone(),
            }),
            &mut piece,
        );
        let mut model = Vec::new();
        for slot in live.arena.by_age() {
            model.clear();
            if let Some(section) = sections.get(usize::from(slot.section)) {
                slot.model.save(&section.spec, &mut Writer::new(&mut model));
            }
            put(
                &Entry::Series {
                    id: slot.id,
                    section: slot.section,
                    seen: slot.seen,
                    key: slot.key.bytes(),
                    model: &model,
                },
                &mut piece,
            );
            if piece.len() >= PIECE {
                storage.append(&piece)?;
                bytes += piece.len() as u64;
                piece.clear();
            }
        }
        put(&Entry::End { series: live.arena.len() as u64 }, &mut piece);
        storage.append(&piece)?;
        bytes += piece.len() as u64;
        storage.sync()?;
        storage.rename(TEMPORARY, SNAPSHOT)?;
        Ok(bytes)
    }

    fn begin_journal(&mut self) -> Result<(), StorageError> {
        let number = self.position.next_journal;
        let name = journal_name(number);
        if !self.storage.create(&name)? {
            if !self.is_left_behind(&name, number)? {
                self.mode = Mode::TakenOver;
                return Ok(());
            }
            self.storage.remove(&name)?;
            if !self.storage.create(&name)? {
                self.mode = Mode::TakenOver;
                return Ok(());
            }
        }
        self.frames = FrameWriter::default();
        self.pending.clear();
        FrameWriter::preamble(&mut self.pending);
        self.payload.clear();
        Entry::Journal(JournalHead {
            number,
            base_len: self.position.base_len,
            sections: self.sections.clone(),
        })
        .put(&mut self.payload);
        self.frames.frame(&self.payload, &mut self.pending);
        self.written = 0;
        self.limit = LONG_JOURNAL.max(2 * self.position.snapshot_bytes);
        self.since_watch = 0;
        self.position.next_journal = number + 1;
        self.mode = Mode::Open;
        Ok(())
    }

    /// A journal from before the snapshot, whose removal failed at the time.
    fn is_left_behind(&mut self, name: &str, number: u64) -> Result<bool, StorageError> {
        let len = self.storage.len(name)?.unwrap_or(0);
        if len < PREAMBLE {
            return Ok(false);
        }
        let Ok(mut frames) = FrameReader::open(&mut *self.storage, name, len) else { return Ok(false) };
        Ok(match frames.next() {
            Ok(Some((_, payload))) => {
                matches!(Entry::take(payload), Ok(Entry::Journal(head)) if head.number < number)
            }
            _ => false,
        })
    }

    /// Whoever opens the folder after us begins a further journal, or has already compacted ours away.
    fn is_taken_over(&mut self) -> Result<bool, StorageError> {
        let own = journal_name(self.position.next_journal - 1);
        let next = journal_name(self.position.next_journal);
        let own_len = self.storage.len(&own)?;
        if own_len != Some(self.written) {
            return Ok(true);
        }
        if self.storage.len(&next)?.is_none() {
            return Ok(false);
        }
        let number = self.position.next_journal;
        Ok(!self.is_left_behind(&next, number)?)
    }

    fn fail(&mut self, error: StorageError, notices: &mut Vec<Notice>) {
        if !matches!(self.mode, Mode::Failed { .. }) {
            notices.push(Notice::CannotSave(error));
        }
        self.mode = Mode::Failed { entries: 0 };
        self.pending.clear();
    }
}
