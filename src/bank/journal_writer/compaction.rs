//! Replaces the journals of a folder by one snapshot.

use super::{JournalWriter, LONG_JOURNAL, WriterMode};
use crate::bank::entry::{SnapshotHead, StateEntry};
use crate::bank::frame::FrameWriter;
use crate::bank::live_series::LiveSeries;
use crate::bank::notice::StateNotice;
use crate::bank::position::{JournalPosition, SNAPSHOT, journal_name};
use crate::bank::storage::StorageError;
use crate::bank::{BankSection, Model};
use crate::codec::Writer;

/// A snapshot is handed to the storage in parts of about this size.
const PART: usize = 64 << 10;
/// The snapshot while it is written.
const TEMPORARY: &str = "snapshot.new";

/// What a snapshot holds besides the series.
#[derive(Debug, Clone, Copy)]
pub(in crate::bank) struct SeriesCounts {
    pub(in crate::bank) next_id: u32,
    pub(in crate::bank) evicted: u64,
}

impl JournalWriter {
    /// Replaces all journals by a snapshot of all series.
    pub(in crate::bank) fn compact<M: Model>(
        &mut self,
        sections: &[BankSection<M>],
        live: &LiveSeries<M>,
        counts: SeriesCounts,
        notices: &mut Vec<StateNotice>,
    ) {
        let was_saving = !matches!(self.mode, WriterMode::NotSaving(_));
        if matches!(self.mode, WriterMode::Open) && !self.look(notices) {
            return;
        }
        if self.position.are_files_lost
            && let Err(error) = self.clear_folder(notices)
        {
            return self.fail(error, 0, notices);
        }
        if let Err(error) = self.begin_snapshot() {
            return self.postpone(error, notices);
        }
        let first_new = self.position.next_journal;
        let mut bytes = 0;
        match self.write_snapshot(sections, live, counts, first_new, &mut bytes) {
            Ok(()) => {
                for number in self.position.first_journal..first_new {
                    // one that stays behind is recognised by its number and removed later
                    let _ = self.storage.remove(&journal_name(number));
                }
                self.position = JournalPosition {
                    first_journal: first_new,
                    base_len: 0,
                    journal_bytes: 0,
                    snapshot_bytes: bytes,
                    rewrite: false,
                    ..self.position
                };
                self.mode = WriterMode::Idle;
                self.pending.clear();
                self.written = 0;
                self.unsaved = 0;
                if !was_saving {
                    notices.push(StateNotice::SavingAgain);
                }
            }
            Err(error) => {
                let _ = self.storage.remove(TEMPORARY); // a full disk needs the room
                self.fail(error, bytes, notices);
            }
        }
    }

    /// The snapshot cannot even be begun. An open journal goes on: nothing is lost, and it grows.
    fn postpone(&mut self, error: StorageError, notices: &mut Vec<StateNotice>) {
        if !matches!(self.mode, WriterMode::Open) {
            return self.fail(error, 0, notices);
        }
        self.limit = self.position.journal_bytes + self.written + LONG_JOURNAL;
        notices.push(StateNotice::CannotCompact(error));
    }

    fn begin_snapshot(&mut self) -> Result<(), StorageError> {
        self.storage.remove(TEMPORARY)?;
        if self.storage.create(TEMPORARY)? {
            return Ok(());
        }
        Err(StorageError::new("create", TEMPORARY, "another filter writes it at this moment"))
    }

    fn write_snapshot<M: Model>(
        &mut self,
        sections: &[BankSection<M>],
        live: &LiveSeries<M>,
        counts: SeriesCounts,
        next_journal: u64,
        bytes: &mut u64,
    ) -> Result<(), StorageError> {
        let storage = &mut *self.storage;
        let mut part = Vec::new();
        if part.try_reserve_exact(PART + (PART >> 2)).is_err() {
            return Err(StorageError::new("write", TEMPORARY, "out of memory"));
        }
        let mut frames = FrameWriter::default();
        FrameWriter::preamble(&mut part);
        let mut put = |entry: &StateEntry<'_>, part: &mut Vec<u8>| {
            self.payload.clear();
            entry.put(&mut self.payload);
            frames.frame(&self.payload, part);
        };
        put(
            &StateEntry::Snapshot(SnapshotHead {
                next_journal,
                next_id: counts.next_id,
                evicted: counts.evicted,
                sections: self.sections.clone(),
                clocks: live.clocks.iter().map(|clock| clock.number).collect(),
            }),
            &mut part,
        );
        for (section, clock) in live.clocks.iter().enumerate().filter(|(_, clock)| !clock.doubt.is_none()) {
            put(&StateEntry::Doubt { section: section as u16, doubt: clock.doubt }, &mut part);
        }
        let mut model = Vec::new();
        for slot in live.arena.by_age() {
            model.clear();
            if let Some(section) = sections.get(usize::from(slot.section)) {
                slot.model.save(&section.spec, &mut Writer::new(&mut model));
            }
            put(
                &StateEntry::Series {
                    id: slot.id,
                    section: slot.section,
                    seen: slot.seen,
                    key: slot.key.bytes(),
                    model: &model,
                },
                &mut part,
            );
            if part.len() >= PART {
                storage.append(&part)?;
                *bytes += part.len() as u64;
                part.clear();
            }
        }
        put(&StateEntry::End { series: live.arena.len() as u64 }, &mut part);
        storage.append(&part)?;
        *bytes += part.len() as u64;
        storage.sync()?;
        storage.rename(TEMPORARY, SNAPSHOT)
    }
}
