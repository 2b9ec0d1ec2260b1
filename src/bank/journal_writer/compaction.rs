//! Replaces the journals of a folder by one snapshot.

use super::{JournalWriter, LONG_JOURNAL, WriterMode};
use crate::bank::live_series::LiveSeries;
use crate::bank::notice::StateNotice;
use crate::bank::position::{JournalPosition, journal_name};
use crate::bank::snapshot::{SeriesCounts, SnapshotParts, TEMPORARY};
use crate::bank::storage::StorageError;
use crate::bank::{BankSection, Model};

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
        let snapshot = SnapshotParts { ids: &self.sections, sections, live, counts, next_journal: first_new };
        match snapshot.write(&mut *self.storage, &mut bytes) {
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
                self.record.clear();
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
}
