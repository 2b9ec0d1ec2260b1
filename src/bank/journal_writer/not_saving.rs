//! What a writer does while nothing is saved: it tries again, and tells each hour that it goes on.

use super::{JournalWriter, WriterMode};
use crate::bank::notice::StateNotice;
use crate::bank::position::JournalPosition;
use crate::bank::storage::{Storage, StorageError};
use crate::time::Time;

/// Time between two tries to save again, s.
const RETRY_S: i64 = 10;
/// Entries after which the next try comes at the latest.
const ENTRIES_BEFORE_RETRY: u32 = 4096;
/// A try that wrote so many bytes in vain is repeated after one more entry.
const BYTES_PER_ENTRY: u64 = 256;
/// Time between two messages, s.
const REMIND_S: i64 = 3600;

/// Why and since when nothing is saved.
#[derive(Debug)]
pub(super) struct NotSaving {
    why: StateNotice,
    /// Saving is tried again.
    may_retry: bool,
    /// Entries since the last try.
    pub(super) entries: u32,
    /// Bytes that it wrote in vain.
    wasted: u64,
    /// When it was, and when the user was told last; `None` before the first look at a clock.
    tried_at: Option<Time>,
    told_at: Option<Time>,
}

impl NotSaving {
    pub(super) fn new(why: StateNotice, wasted: u64) -> Self {
        Self { why, may_retry: true, entries: 0, wasted, tried_at: None, told_at: None }
    }

    /// Until the next start.
    fn for_good(why: StateNotice) -> Self {
        Self { may_retry: false, ..Self::new(why, 0) }
    }
}

/// At least so long after, or so long before: a clock may be set.
fn is_apart(now: Time, then: Time, seconds: i64) -> bool {
    now.seconds().abs_diff(then.seconds()) >= seconds.unsigned_abs()
}

impl JournalWriter {
    /// Saving failed after `wasted` bytes; it is tried again.
    #[cold]
    pub(super) fn fail(&mut self, error: StorageError, wasted: u64, notices: &mut Vec<StateNotice>) {
        let mut next = NotSaving::new(StateNotice::CannotSave(error), wasted);
        match &self.mode {
            // the reason may have changed, it is told when it is due
            WriterMode::NotSaving(before) => next.told_at = before.told_at,
            _ => notices.push(next.why.clone()),
        }
        self.stop_saving(next);
    }

    /// Saving ends until the next start.
    #[cold]
    pub(super) fn give_up(&mut self, why: StateNotice, notices: &mut Vec<StateNotice>) {
        notices.push(why.clone());
        self.stop_saving(NotSaving::for_good(why));
    }

    /// The files are not those of this writer any more: all models are saved anew as soon as possible.
    #[cold]
    pub(super) fn lose_files(&mut self, notices: &mut Vec<StateNotice>) {
        notices.push(StateNotice::FilesLost);
        let mut next = NotSaving::new(StateNotice::FilesLost, 0);
        next.entries = ENTRIES_BEFORE_RETRY;
        self.position.are_files_lost = true;
        self.stop_saving(next);
    }

    /// Whether the folder could not even be read.
    pub(in crate::bank) fn is_unreadable(&self) -> bool {
        matches!(&self.mode, WriterMode::NotSaving(NotSaving { why: StateNotice::CannotRead(_), .. }))
    }

    /// Gives back the folder that could not be read, to try that again.
    pub(in crate::bank) fn storage(&mut self) -> &mut dyn Storage {
        &mut *self.storage
    }

    /// It still cannot be read.
    pub(in crate::bank) fn stay_unreadable(&mut self, error: StorageError) {
        let mut next = NotSaving::new(StateNotice::CannotRead(error), 0);
        if let WriterMode::NotSaving(before) = &self.mode {
            next.told_at = before.told_at;
        }
        self.stop_saving(next);
    }

    /// Goes on from a folder that can be read now.
    pub(in crate::bank) fn resume(&mut self, position: JournalPosition) {
        self.position = position;
        self.mode = WriterMode::Idle;
        self.unsaved = 0;
    }

    fn stop_saving(&mut self, mut next: NotSaving) {
        self.record.clear(); // the models hold it: it is part of the next snapshot
        self.pending.clear();
        let now = self.pace();
        next.tried_at = Some(now);
        next.told_at = next.told_at.or(Some(now));
        self.mode = WriterMode::NotSaving(next);
    }

    /// The time that retries and reminders go by.
    fn pace(&mut self) -> Time {
        self.host_now().unwrap_or(self.now)
    }

    /// Whether it is time to try again.
    pub(in crate::bank) fn wants_retry(&mut self) -> bool {
        let WriterMode::NotSaving(NotSaving { may_retry: true, entries, wasted, tried_at, .. }) = self.mode
        else {
            return false;
        };
        if entries >= ENTRIES_BEFORE_RETRY {
            return true;
        }
        u64::from(entries) * BYTES_PER_ENTRY >= wasted
            && tried_at.is_none_or(|tried_at| is_apart(self.pace(), tried_at, RETRY_S))
    }

    /// Tells once an hour that nothing is saved.
    #[cold]
    pub(super) fn remind(&mut self, notices: &mut Vec<StateNotice>) {
        if !matches!(self.mode, WriterMode::NotSaving(_)) {
            return;
        }
        let now = self.pace();
        let unsaved = self.unsaved;
        if let WriterMode::NotSaving(NotSaving { why, told_at, .. }) = &mut self.mode {
            let told_at = told_at.get_or_insert(now);
            if is_apart(now, *told_at, REMIND_S) {
                *told_at = now;
                notices.push(StateNotice::StillNotSaved { why: Box::new(why.clone()), updates: unsaved });
            }
        }
    }
}
