//! Whether another writer has taken the folder over.

use super::JournalWriter;
use crate::bank::entry::StateEntry;
use crate::bank::frame::{FrameReader, PREAMBLE};
use crate::bank::position::journal_name;
use crate::bank::storage::StorageError;

impl JournalWriter {
    /// A journal from before the snapshot, whose removal failed at the time.
    pub(super) fn is_left_behind(&mut self, name: &str, number: u64) -> Result<bool, StorageError> {
        let len = self.storage.len(name)?.unwrap_or(0);
        if len < PREAMBLE {
            return Ok(false);
        }
        let Ok(mut frames) = FrameReader::open(&mut *self.storage, name, len) else { return Ok(false) };
        Ok(match frames.next() {
            Ok(Some((_, payload))) => {
                matches!(StateEntry::take(payload), Ok(StateEntry::Journal(head)) if head.number < number)
            }
            _ => false,
        })
    }

    /// Whoever opens the folder after us begins a further journal, or has already compacted ours away.
    pub(super) fn is_taken_over(&mut self) -> Result<bool, StorageError> {
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
}
