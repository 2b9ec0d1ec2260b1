//! Whether the folder still is as this writer left it.

use super::JournalWriter;
use crate::bank::entry::StateEntry;
use crate::bank::frame::{FrameReader, PREAMBLE};
use crate::bank::notice::StateNotice;
use crate::bank::position::{SNAPSHOT, journal_name, journal_names};
use crate::bank::recover::rename_bad;
use crate::bank::storage::StorageError;

/// What became of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FolderState {
    /// They are as they were written.
    Ours,
    /// Another writer has gone on from them.
    TakenOver,
    /// They were deleted or replaced.
    Lost,
}

impl JournalWriter {
    /// The first entry of a file; `None` where there is no such file, or it is none of ours.
    fn head_of(&mut self, name: &str) -> Result<Option<Head>, StorageError> {
        let Some(len) = self.storage.len(name)?.filter(|len| *len >= PREAMBLE) else { return Ok(None) };
        let Ok(mut frames) = FrameReader::open(&mut *self.storage, name, len) else { return Ok(None) };
        Ok(match frames.next() {
            Ok(Some((_, payload))) => match StateEntry::take(payload) {
                Ok(StateEntry::Journal(head)) => Some(Head::Journal(head.number)),
                Ok(StateEntry::Snapshot(head)) => Some(Head::Snapshot(head.next_journal)),
                _ => None,
            },
            _ => None,
        })
    }

    /// A journal from before the snapshot, whose removal failed at the time.
    pub(super) fn is_left_behind(&mut self, name: &str, number: u64) -> Result<bool, StorageError> {
        Ok(matches!(self.head_of(name)?, Some(Head::Journal(theirs)) if theirs < number))
    }

    /// Whoever opens the folder after us begins a further journal, or has already compacted ours away.
    pub(super) fn folder_state(&mut self) -> Result<FolderState, StorageError> {
        let number = self.position.next_journal;
        let own = journal_name(number - 1);
        let next = journal_name(number);
        let own_len = self.storage.len(&own)?;
        let is_next_there = self.storage.len(&next)?.is_some();
        if own_len == Some(self.written) && !is_next_there {
            return Ok(FolderState::Ours);
        }
        match self.head_of(SNAPSHOT)? {
            Some(Head::Snapshot(next_journal)) if next_journal >= number => {
                return Ok(FolderState::TakenOver);
            }
            _ => {}
        }
        if own_len != Some(self.written) {
            return Ok(FolderState::Lost);
        }
        let is_left_behind = self.is_left_behind(&next, number)?;
        Ok(if is_left_behind { FolderState::Ours } else { FolderState::TakenOver })
    }

    /// Whether the snapshot and the journal that the next one continues are there.
    pub(super) fn are_predecessors_there(&mut self) -> Result<bool, StorageError> {
        let position = self.position;
        if position.snapshot_bytes > 0 && self.storage.len(SNAPSHOT)?.is_none() {
            return Ok(false);
        }
        if position.next_journal == position.first_journal || position.rewrite {
            return Ok(true);
        }
        Ok(self.storage.len(&journal_name(position.next_journal - 1))?.is_some())
    }

    /// Gives files that were put into the folder other names, and begins behind their numbers: so that a writer
    /// that made them recognises that it was taken over.
    pub(super) fn clear_folder(&mut self, notices: &mut Vec<StateNotice>) -> Result<(), StorageError> {
        match self.head_of(SNAPSHOT)? {
            // the one that this writer began from: the next snapshot replaces it
            Some(Head::Snapshot(number)) if number == self.position.first_journal => {}
            head => {
                if let Some(Head::Snapshot(number)) = head {
                    self.position.next_journal = self.position.next_journal.max(number + 1);
                }
                if self.storage.len(SNAPSHOT)?.is_some() {
                    self.put_aside(SNAPSHOT, notices)?;
                }
            }
        }
        for name in journal_names() {
            if self.storage.len(&name)?.is_none() {
                continue;
            }
            if let Some(Head::Journal(number)) = self.head_of(&name)? {
                self.position.next_journal = self.position.next_journal.max(number + 1);
            }
            self.put_aside(&name, notices)?;
        }
        self.position.are_files_lost = false;
        Ok(())
    }

    fn put_aside(&mut self, name: &str, notices: &mut Vec<StateNotice>) -> Result<(), StorageError> {
        let to = rename_bad(&mut *self.storage, name)?;
        notices.push(StateNotice::PutAside { file: name.to_owned(), to });
        Ok(())
    }
}

/// The first entry of a state file.
enum Head {
    /// A journal of this number.
    Journal(u64),
    /// A snapshot that this journal goes on from.
    Snapshot(u64),
}
