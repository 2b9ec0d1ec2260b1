//! Writes the journal, and knows when it is to be replaced by a snapshot.

mod compaction;
mod takeover;

pub(super) use compaction::SeriesCounts;

use super::entry::{JournalHead, StateEntry};
use super::frame::FrameWriter;
use super::notice::StateNotice;
use super::position::{JOURNAL_NAMES, JournalPosition, journal_name};
use super::storage::{Storage, StorageError};
use super::{Observation, SectionId};
use crate::time::Time;

/// How soon a model update is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Flush {
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
/// Entries between two looks whether somebody else has taken the folder over.
const ENTRIES_BETWEEN_LOOKS: u32 = 256;
/// Entries between two tries to save again after a failure.
const ENTRIES_BEFORE_RETRY: u32 = 4096;
/// Compaction also bounds how many journals a start has to read.
const MAX_JOURNALS: u64 = JOURNAL_NAMES / 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriterMode {
    /// The next entry begins a journal.
    Idle,
    /// A journal is open.
    Open,
    /// Not written since a failure; entries since then are in memory only.
    Failed { entries: u32 },
    /// Another writer owns the folder; final.
    TakenOver,
}

/// The writing side of the state folder.
pub(super) struct JournalWriter {
    storage: Box<dyn Storage>,
    flush: Flush,
    position: JournalPosition,
    sections: Vec<SectionId>,
    mode: WriterMode,
    frames: FrameWriter,
    /// Payload of one entry; reused.
    payload: Vec<u8>,
    /// Frames that are not yet in the file.
    pending: Vec<u8>,
    /// Bytes in the open journal, and in all journals when it is time for a snapshot.
    written: u64,
    limit: u64,
    entries_since_look: u32,
    /// Event time of the last observation, and of the last flush.
    now: Time,
    flushed_at: Option<Time>,
}

impl std::fmt::Debug for JournalWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalWriter").field("position", &self.position).field("mode", &self.mode).finish()
    }
}

impl JournalWriter {
    pub(super) fn new(
        storage: Box<dyn Storage>,
        flush: Flush,
        position: JournalPosition,
        sections: Vec<SectionId>,
    ) -> Self {
        Self {
            storage,
            flush,
            position,
            sections,
            mode: WriterMode::Idle,
            frames: FrameWriter::default(),
            payload: Vec::new(),
            pending: Vec::new(),
            written: 0,
            limit: LONG_JOURNAL,
            entries_since_look: 0,
            now: Time::default(),
            flushed_at: None,
        }
    }

    /// Notes an observation, as [`log`](JournalWriter::log) would.
    #[inline(always)] // speed
    pub(super) fn log_observation(
        &mut self,
        id: u32,
        observation: Observation,
        notices: &mut Vec<StateNotice>,
    ) {
        if self.mode == WriterMode::Open && observation.source == 0 {
            let words = StateEntry::observation_words(id, observation.time, observation.value);
            self.frames.frame_of_words(words, &mut self.pending);
            self.now = observation.time;
        } else {
            self.log(&StateEntry::Observe { id, observation }, notices);
        }
    }

    /// Notes one entry; it is written with the next flush.
    #[inline(never)] // stack
    pub(super) fn log(&mut self, entry: &StateEntry<'_>, notices: &mut Vec<StateNotice>) {
        match self.mode {
            WriterMode::TakenOver => return,
            WriterMode::Failed { ref mut entries } => {
                *entries = entries.saturating_add(1);
                return;
            }
            WriterMode::Idle => {
                if let Err(error) = self.begin_journal() {
                    self.fail(error, notices);
                    return;
                }
                if self.mode == WriterMode::TakenOver {
                    notices.push(StateNotice::TakenOver);
                    return;
                }
            }
            WriterMode::Open => {}
        }
        self.payload.clear();
        entry.put(&mut self.payload);
        self.frames.frame(&self.payload, &mut self.pending);
        if let StateEntry::Observe { observation, .. } = entry {
            self.now = observation.time;
        }
    }

    /// Writes what waits, if it is due.
    #[inline(always)] // speed
    pub(super) fn commit(&mut self, notices: &mut Vec<StateNotice>) {
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
    pub(super) fn flush(&mut self, notices: &mut Vec<StateNotice>) {
        self.flushed_at = Some(self.now);
        if self.mode != WriterMode::Open || self.pending.is_empty() {
            return;
        }
        if let Err(error) = self.storage.append(&self.pending) {
            self.pending.clear();
            self.fail(error, notices);
            return;
        }
        self.written += self.pending.len() as u64;
        self.pending.clear();
        self.entries_since_look += 1;
        if self.entries_since_look >= ENTRIES_BETWEEN_LOOKS {
            self.entries_since_look = 0;
            match self.is_taken_over() {
                Ok(false) => {}
                Ok(true) => {
                    self.mode = WriterMode::TakenOver;
                    notices.push(StateNotice::TakenOver);
                }
                Err(error) => self.fail(error, notices),
            }
        }
    }

    /// True when the journals have grown enough to be replaced by a snapshot.
    pub(super) fn wants_compaction(&self) -> bool {
        match self.mode {
            WriterMode::Open => self.position.journal_bytes + self.written > self.limit,
            WriterMode::Idle => {
                self.position.rewrite
                    || self.position.journal_bytes > MIN_JOURNAL.max(self.position.snapshot_bytes / 2)
                    || self.position.next_journal - self.position.first_journal >= MAX_JOURNALS
            }
            WriterMode::Failed { entries } => entries >= ENTRIES_BEFORE_RETRY,
            WriterMode::TakenOver => false,
        }
    }

    fn begin_journal(&mut self) -> Result<(), StorageError> {
        let number = self.position.next_journal;
        let name = journal_name(number);
        if !self.storage.create(&name)? {
            if !self.is_left_behind(&name, number)? {
                self.mode = WriterMode::TakenOver;
                return Ok(());
            }
            self.storage.remove(&name)?;
            if !self.storage.create(&name)? {
                self.mode = WriterMode::TakenOver;
                return Ok(());
            }
        }
        self.frames = FrameWriter::default();
        self.pending.clear();
        FrameWriter::preamble(&mut self.pending);
        self.payload.clear();
        StateEntry::Journal(JournalHead {
            number,
            base_len: self.position.base_len,
            sections: self.sections.clone(),
        })
        .put(&mut self.payload);
        self.frames.frame(&self.payload, &mut self.pending);
        self.written = 0;
        self.limit = LONG_JOURNAL.max(2 * self.position.snapshot_bytes);
        self.entries_since_look = 0;
        self.position.next_journal = number + 1;
        self.mode = WriterMode::Open;
        Ok(())
    }

    fn fail(&mut self, error: StorageError, notices: &mut Vec<StateNotice>) {
        if !matches!(self.mode, WriterMode::Failed { .. }) {
            notices.push(StateNotice::CannotSave(error));
        }
        self.mode = WriterMode::Failed { entries: 0 };
        self.pending.clear();
    }
}
