//! Writes the journal, and knows when it is to be replaced by a snapshot.

mod compaction;
mod not_saving;
mod record_entries;
mod takeover;

use super::entry::{JournalHead, StateEntry};
use super::frame::FrameWriter;
use super::notice::StateNotice;
use super::position::{JOURNAL_NAMES, JournalPosition, journal_name};
use super::storage::{Storage, StorageError};
use super::{Observation, SectionId};
use crate::time::{HostClock, Time};
use not_saving::NotSaving;
use record_entries::RecordEntries;
use takeover::FolderState;

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
/// Entries of a record beyond so many bytes begin a further frame: what is read back has a bound.
const LONGEST_RECORD: usize = 1 << 20;
/// Most writes between two looks at the folder.
const WRITES_BETWEEN_LOOKS: u32 = 256;
/// Otherwise the folder is looked at by the first write after so long, ns. Each look asks the host for two files.
const NANOS_BETWEEN_LOOKS: i64 = 1_000_000_000;
/// Compaction also bounds how many journals a start has to read.
const MAX_JOURNALS: u64 = JOURNAL_NAMES / 2;

#[derive(Debug)]
enum WriterMode {
    /// The next entry begins a journal.
    Idle,
    /// A journal is open.
    Open,
    /// Updates are in memory only.
    NotSaving(NotSaving),
}

/// The writing side of the state folder.
pub(super) struct JournalWriter {
    storage: Box<dyn Storage>,
    flush: Flush,
    position: JournalPosition,
    sections: Vec<SectionId>,
    mode: WriterMode,
    frames: FrameWriter,
    record: RecordEntries,
    /// Frames that are not yet in the file.
    pending: Vec<u8>,
    /// Bytes in the open journal, and in all journals when it is time for a snapshot.
    written: u64,
    limit: u64,
    writes_since_look: u32,
    /// Event time of the last observation, of the last flush, and of the last look at the folder.
    now: Time,
    flushed_at: Option<Time>,
    looked_at: Time,
    /// Time by the host's clock of the last look.
    host_looked_at: Option<Time>,
    clock: Option<Box<dyn HostClock>>,
    /// Observations since saving failed.
    unsaved: u64,
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
            record: RecordEntries::default(),
            pending: Vec::new(),
            written: 0,
            limit: LONG_JOURNAL,
            writes_since_look: 0,
            now: Time::default(),
            flushed_at: None,
            looked_at: Time::default(),
            host_looked_at: None,
            clock: None,
            unsaved: 0,
        }
    }

    /// A writer for a folder that cannot be read: it saves nothing, tells, and tries again.
    pub(super) fn unreadable(
        storage: Box<dyn Storage>,
        flush: Flush,
        sections: Vec<SectionId>,
        error: StorageError,
    ) -> Self {
        let mut writer = Self::new(storage, flush, JournalPosition::start(), sections);
        writer.mode = WriterMode::NotSaving(NotSaving::new(StateNotice::CannotRead(error), 0));
        writer
    }

    /// The clock of the host: looks, retries and reminders go by it instead of the time of the events.
    pub(super) fn set_clock(&mut self, clock: Box<dyn HostClock>) {
        self.clock = Some(clock);
    }

    /// Observations since saving failed.
    pub(super) fn unsaved(&self) -> u64 {
        self.unsaved
    }

    /// Bytes of the journals behind the snapshot.
    pub(super) fn bytes(&self) -> u64 {
        self.position.journal_bytes + self.written
    }

    fn host_now(&mut self) -> Option<Time> {
        self.clock.as_mut()?.now()
    }

    /// Notes an observation, as [`log`](JournalWriter::log) would.
    #[inline(always)] // speed
    pub(super) fn log_observation(
        &mut self,
        id: u32,
        observation: Observation,
        notices: &mut Vec<StateNotice>,
    ) {
        if matches!(self.mode, WriterMode::Open) && observation.source == 0 {
            self.record.observe(StateEntry::observation_words(id, observation.time, observation.value));
            self.now = observation.time;
        } else {
            self.log(&StateEntry::Observe { id, observation }, notices);
        }
    }

    /// Notes one entry of the record at hand; it is written with the next flush.
    #[inline(never)] // stack
    pub(super) fn log(&mut self, entry: &StateEntry<'_>, notices: &mut Vec<StateNotice>) {
        match entry {
            StateEntry::Observe { observation, .. } => self.now = observation.time,
            StateEntry::Line { time, .. } => self.now = *time,
            _ => {}
        }
        if matches!(self.mode, WriterMode::Idle) {
            self.begin_journal(notices);
        }
        if let WriterMode::NotSaving(not_saving) = &mut self.mode {
            not_saving.entries = not_saving.entries.saturating_add(1);
            self.unsaved += u64::from(matches!(entry, StateEntry::Observe { .. }));
            return;
        }
        let record = self.record.bytes();
        entry.put(record);
        if record.len() >= LONGEST_RECORD {
            self.end_record();
        }
    }

    /// Ends the entries of one record, and writes what waits, if it is due.
    #[inline(always)] // speed
    pub(super) fn commit(&mut self, notices: &mut Vec<StateNotice>) {
        if let Some(words) = self.record.take_only() {
            let frame = self.frames.frame_of_words(words);
            let is_due = self.flush == Flush::EachRecord && matches!(self.mode, WriterMode::Open);
            if is_due && self.pending.is_empty() {
                let appended = self.storage.append(&frame);
                return self.end_write(appended, frame.len(), notices);
            }
            self.pending.extend_from_slice(&frame);
        } else {
            self.end_record();
        }
        let due = match self.flush {
            Flush::EachRecord => true,
            Flush::Interval { seconds } => {
                let since = *self.flushed_at.get_or_insert(self.now);
                self.now.nanos().abs_diff(since.nanos()) >= u64::from(seconds) * 1_000_000_000
                    || self.pending.len() >= MAX_PENDING
            }
        };
        if due {
            self.write(notices);
        }
    }

    /// Makes one frame of the entries of a record.
    #[inline(never)] // stack
    fn end_record(&mut self) {
        let record = self.record.bytes();
        if !record.is_empty() {
            self.frames.frame(record, &mut self.pending);
            record.clear();
        }
    }

    /// Writes what waits in memory.
    pub(super) fn flush(&mut self, notices: &mut Vec<StateNotice>) {
        self.end_record();
        self.write(notices);
    }

    /// Writes the frames that wait in memory.
    #[inline(never)] // stack
    fn write(&mut self, notices: &mut Vec<StateNotice>) {
        self.flushed_at = Some(self.now);
        if !matches!(self.mode, WriterMode::Open) {
            return self.remind(notices);
        }
        if self.pending.is_empty() {
            return;
        }
        let appended = self.storage.append(&self.pending);
        self.end_write(appended, self.pending.len(), notices);
        self.pending.clear();
    }

    /// Counts a write of `len` bytes, or tells that it failed.
    #[inline(always)] // speed
    fn end_write(&mut self, appended: Result<(), StorageError>, len: usize, notices: &mut Vec<StateNotice>) {
        if let Err(error) = appended {
            return self.fail(error, 0, notices);
        }
        self.written += len as u64;
        self.writes_since_look += 1;
        let since = self.now.nanos().wrapping_sub(self.looked_at.nanos());
        if self.writes_since_look >= WRITES_BETWEEN_LOOKS
            || since.unsigned_abs() >= NANOS_BETWEEN_LOOKS as u64
        {
            self.look_if_due(notices);
        }
    }

    /// Looks at the folder, but not each time while records of the past rush by.
    #[cold]
    #[inline(never)] // stack
    fn look_if_due(&mut self, notices: &mut Vec<StateNotice>) {
        self.looked_at = self.now;
        if let Some(now) = self.host_now() {
            let since = self.host_looked_at.map(|looked_at| now.nanos().abs_diff(looked_at.nanos()));
            if self.writes_since_look < WRITES_BETWEEN_LOOKS
                && since.is_some_and(|since| since < NANOS_BETWEEN_LOOKS as u64)
            {
                return;
            }
            self.host_looked_at = Some(now);
        }
        self.writes_since_look = 0;
        self.look(notices);
    }

    /// Whether the folder still is as this writer left it. False when it is not, and that is told.
    fn look(&mut self, notices: &mut Vec<StateNotice>) -> bool {
        match self.folder_state() {
            Ok(FolderState::Ours) => return true,
            Ok(FolderState::TakenOver) => self.give_up(StateNotice::TakenOver, notices),
            Ok(FolderState::Lost) => self.lose_files(notices),
            Err(error) => self.fail(error, 0, notices),
        }
        false
    }

    /// True when the journals have grown enough to be replaced by a snapshot.
    #[inline(always)] // speed
    pub(super) fn wants_compaction(&mut self) -> bool {
        match &self.mode {
            WriterMode::Open => self.position.journal_bytes + self.written > self.limit,
            _ => self.wants_first_compaction(),
        }
    }

    /// The same while no journal is open.
    #[cold]
    #[inline(never)] // speed: rare
    fn wants_first_compaction(&mut self) -> bool {
        match &self.mode {
            WriterMode::Open => false,
            WriterMode::Idle => {
                self.position.rewrite
                    || self.position.journal_bytes > MIN_JOURNAL.max(self.position.snapshot_bytes / 2)
                    || self.position.next_journal - self.position.first_journal >= MAX_JOURNALS
            }
            WriterMode::NotSaving(_) => self.wants_retry(),
        }
    }

    /// Opens the next journal, or tells why there is none.
    #[cold]
    #[inline(never)] // stack
    fn begin_journal(&mut self, notices: &mut Vec<StateNotice>) {
        match self.try_begin_journal() {
            Ok(FolderState::Ours) => {}
            Ok(FolderState::TakenOver) => self.give_up(StateNotice::TakenOver, notices),
            Ok(FolderState::Lost) => self.lose_files(notices),
            Err(error) => self.fail(error, 0, notices),
        }
    }

    fn try_begin_journal(&mut self) -> Result<FolderState, StorageError> {
        let number = self.position.next_journal;
        let name = journal_name(number);
        if !self.are_predecessors_there()? {
            return Ok(FolderState::Lost);
        }
        if !self.storage.create(&name)? {
            if !self.is_left_behind(&name, number)? {
                return Ok(FolderState::TakenOver);
            }
            self.storage.remove(&name)?;
            if !self.storage.create(&name)? {
                return Ok(FolderState::TakenOver);
            }
        }
        self.frames = FrameWriter::default();
        self.pending.clear();
        FrameWriter::preamble(&mut self.pending);
        self.record.clear();
        StateEntry::Journal(JournalHead {
            number,
            base_len: self.position.base_len,
            sections: self.sections.clone(),
        })
        .put(self.record.bytes());
        self.end_record();
        self.written = 0;
        self.limit = LONG_JOURNAL.max(2 * self.position.snapshot_bytes);
        self.writes_since_look = 0;
        self.looked_at = self.now;
        self.position.next_journal = number + 1;
        self.mode = WriterMode::Open;
        Ok(FolderState::Ours)
    }
}
