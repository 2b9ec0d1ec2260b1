//! The files of a state folder, and where writing goes on in it.

/// The state of all series at one moment.
pub(super) const SNAPSHOT: &str = "snapshot";
/// Journals share this many names; a compaction always comes before the names run out.
pub(super) const JOURNAL_NAMES: u64 = 64;

/// The file of the journal with this number.
pub(super) fn journal_name(number: u64) -> String {
    format!("journal-{:02}", number % JOURNAL_NAMES)
}

/// The files of all journals that a state folder may hold.
pub fn journal_names() -> impl Iterator<Item = String> {
    (0..JOURNAL_NAMES).map(journal_name)
}

/// Where the next journal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JournalPosition {
    /// First journal behind the snapshot.
    pub(super) first_journal: u64,
    /// The one to be begun next.
    pub(super) next_journal: u64,
    /// Sound bytes of the one before it.
    pub(super) base_len: u64,
    /// Bytes of all journals behind the snapshot.
    pub(super) journal_bytes: u64,
    /// Length of the snapshot in bytes.
    pub(super) snapshot_bytes: u64,
    pub(super) next_id: u32,
    pub(super) evicted: u64,
    /// The files hold something that must not be read again: write a snapshot before anything else.
    pub(super) rewrite: bool,
    /// Files that this writer did not write may stand in the folder.
    pub(super) are_files_lost: bool,
}

impl JournalPosition {
    pub(super) fn start() -> Self {
        Self {
            first_journal: 1,
            next_journal: 1,
            base_len: 0,
            journal_bytes: 0,
            snapshot_bytes: 0,
            next_id: 0,
            evicted: 0,
            rewrite: false,
            are_files_lost: false,
        }
    }
}
