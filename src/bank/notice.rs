//! What happened to the saved state, for the log and for `anomaly_error`.

use thiserror::Error;

use super::storage::StorageError;

/// Something a user should know about the state folder. None of it stops scoring.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum StateNotice {
    /// A file could not be used; it was renamed and its series begin anew.
    #[error("state file {file:?} was set aside as {to:?}: {why}; the series it held begin anew")]
    SetAside {
        /// The name it had.
        file: String,
        /// The name it has now.
        to: String,
        /// What is wrong with it.
        why: String,
    },
    /// The last write before a crash was incomplete; everything before it is used.
    #[error(
        "state file {file:?} ends with {bytes} bytes of a write that was cut; all updates before it are kept"
    )]
    CutWrite {
        /// The journal.
        file: String,
        /// Bytes that were ignored.
        bytes: u64,
    },
    /// The parameters of a section are not those its models were trained with.
    #[error("section [{section}] was changed or removed: {series} saved models of it were dropped")]
    Dropped {
        /// Name of the section as it was.
        section: String,
        /// How many models.
        series: u64,
    },
    /// A part of the saved models is of an older version.
    #[error(
        "section [{section}]: {series} saved models hold anomaly scores of an older version; these begin anew, all else is kept"
    )]
    Outdated {
        /// Name of the section.
        section: String,
        /// How many models.
        series: u64,
    },
    /// Model updates are in memory only for now.
    #[error("state is not saved: {0}; scoring goes on in memory, saving is tried again")]
    CannotSave(StorageError),
    /// The journal goes on, but no snapshot can replace it.
    #[error("state is saved in a journal that grows, as no snapshot can replace it: {0}; it is tried again")]
    CannotCompact(StorageError),
    /// Somebody deleted or replaced the files.
    #[error(
        "the files of the state folder were deleted or replaced while this filter used them: all is saved anew"
    )]
    FilesLost,
    /// A file that appeared in the folder while it was in use.
    #[error(
        "state file {file:?} is not the one that this filter wrote: it was renamed to {to:?} and not read"
    )]
    PutAside {
        /// The name it had.
        file: String,
        /// The name it has now.
        to: String,
    },
    /// Told each hour while nothing is saved.
    #[error("still not saved, {updates} model updates so far: {why}")]
    StillNotSaved {
        /// The reason, as it was told at first.
        why: Box<StateNotice>,
        /// Updates that are in memory only.
        updates: u64,
    },
    /// After [`CannotSave`](StateNotice::CannotSave): everything is on disk again.
    #[error("state is saved again")]
    SavingAgain,
    /// The folder cannot even be read.
    #[error("state cannot be read: {0}; scoring begins anew, in memory only, until it can be read")]
    CannotRead(StorageError),
    /// After [`CannotRead`](StateNotice::CannotRead): the folder held models, which replace those in memory.
    #[error("state can be read: the saved models go on, and it is saved again")]
    ReadAgain,
    /// Another filter has continued from the files of this one.
    #[error(
        "another filter writes the same state folder: this one goes on in memory only; give each its own `state:`"
    )]
    TakenOver,
    /// No room for a further series although `max_series` allows it.
    #[error(
        "out of memory for a further series at {series}: the least recently seen is evicted instead; lower max_series"
    )]
    OutOfMemory {
        /// Series in memory.
        series: usize,
    },
}

impl StateNotice {
    /// True for what a person has to mend; false for what is only good to know.
    #[must_use]
    pub(crate) fn is_error(&self) -> bool {
        !matches!(
            self,
            StateNotice::SavingAgain
                | StateNotice::ReadAgain
                | StateNotice::Dropped { .. }
                | StateNotice::CutWrite { .. }
        )
    }
}
