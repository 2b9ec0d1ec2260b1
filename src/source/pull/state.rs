//! Cursor and memory of a section, on disk; the budget too.

use super::PullError;
use super::acknowledged::Acknowledged;
use super::window::PullCursor;
use crate::bank::folder_lock::FolderLock;
use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::companion::atomic::{self, SavedFile};
use crate::companion::{Notice, Progress};
use crate::source::datadog::CallBudget;
use std::path::{Path, PathBuf};

const SECTION_MAGIC: [u8; 8] = *b"FAPULL\0\x01";
const BUDGET_MAGIC: [u8; 8] = *b"FABUDG\0\x01";

/// A folder of state files, locked against other companions while it lives.
#[derive(Debug)]
pub(super) struct StateFolder {
    /// `None`: everything stays in memory.
    path: Option<PathBuf>,
    _lock: Option<FolderLock>,
}

/// Progress of a section.
#[derive(Debug)]
pub(super) struct SectionState {
    pub(super) cursor: PullCursor,
    pub(super) seen: Acknowledged,
}

/// A section's state that waits until it is true.
#[derive(Debug)]
pub(super) struct Unwritten {
    path: Option<PathBuf>,
    body: Vec<u8>,
}

impl Unwritten {
    pub(super) fn write(&self, progress: &dyn Progress) {
        let Some(path) = &self.path else { return };
        if let Err(error) = atomic::write(path, SECTION_MAGIC, &self.body) {
            not_saved(path, &error.to_string(), progress);
        }
    }
}

impl StateFolder {
    /// Opens the folder. One that cannot be made is reported, and pulling goes on without.
    pub(super) fn open(path: Option<&Path>, progress: &dyn Progress) -> Result<Self, PullError> {
        let Some(path) = path else { return Ok(Self { path: None, _lock: None }) };
        let lock = match FolderLock::take(path, "pull.lock") {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Err(PullError::Locked { path: path.display().to_string() }),
            Err(error) => {
                not_saved(path, &error.to_string(), progress);
                None
            }
        };
        Ok(Self { path: Some(path.to_owned()), _lock: lock })
    }

    /// The file of a section and query: another query starts anew, and coming back to the former one goes on there.
    fn section_path(&self, name: &str, query: &str) -> Option<PathBuf> {
        let clean: String = name
            .chars()
            .take(40)
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        let hash = checksum(checksum(1, name.as_bytes()), query.as_bytes());
        self.path.as_ref().map(|path| path.join(format!("pull-{clean}-{hash:016x}.state")))
    }

    /// Reads the saved state of a section.
    pub(super) fn load(&self, name: &str, query: &str, progress: &dyn Progress) -> Option<SectionState> {
        load(&self.section_path(name, query)?, SECTION_MAGIC, progress, |reader| {
            if reader.bytes("section")? != name.as_bytes() || reader.bytes("query")? != query.as_bytes() {
                return Err(CodecError::Invalid { what: "section" });
            }
            let cursor = PullCursor {
                at: reader.i64("cursor")?,
                start: reader.i64("start")?,
                step: reader.u32("step")?,
            };
            // up to the year 9999
            let sane = 0..=253_402_300_799;
            if !sane.contains(&cursor.at) || !sane.contains(&cursor.start) || cursor.step > 366 * 86_400 {
                return Err(CodecError::Invalid { what: "cursor" });
            }
            Ok(SectionState { cursor, seen: Acknowledged::restore(reader)? })
        })
    }

    /// Saves a section for good.
    pub(super) fn save(&self, name: &str, query: &str, state: &SectionState, progress: &dyn Progress) {
        self.keep(name, query, state).write(progress);
    }

    /// The state as it is now, to be written later.
    pub(super) fn keep(&self, name: &str, query: &str, state: &SectionState) -> Unwritten {
        let path = self.section_path(name, query);
        if path.is_none() {
            return Unwritten { path, body: Vec::new() };
        }
        let mut body = Vec::with_capacity(64 + state.seen.len() * 28);
        let mut writer = Writer::new(&mut body);
        writer.bytes(name.as_bytes());
        writer.bytes(query.as_bytes());
        writer.i64(state.cursor.at);
        writer.i64(state.cursor.start);
        writer.u32(state.cursor.step);
        state.seen.save(&mut writer);
        Unwritten { path, body }
    }

    /// Takes over what was spent before the restart.
    pub(super) fn load_budget(&self, budget: &mut CallBudget, progress: &dyn Progress) {
        let Some(path) = self.path.as_ref().map(|path| path.join("pull.budget")) else { return };
        load(&path, BUDGET_MAGIC, progress, |reader| budget.restore(reader));
    }

    /// Saves what was spent.
    pub(super) fn save_budget(&self, budget: &CallBudget, progress: &dyn Progress) {
        let Some(path) = self.path.as_ref().map(|path| path.join("pull.budget")) else { return };
        let mut body = Vec::new();
        budget.save(&mut Writer::new(&mut body));
        if let Err(error) = atomic::write(&path, BUDGET_MAGIC, &body) {
            not_saved(&path, &error.to_string(), progress);
        }
    }
}

fn load<T>(
    path: &Path,
    magic: [u8; 8],
    progress: &dyn Progress,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Option<T> {
    let reason = match atomic::read(path, magic) {
        SavedFile::Nothing => return None,
        SavedFile::Body(body) => match read(&mut Reader::new(&body)) {
            Ok(value) => return Some(value),
            Err(error) => error.to_string(),
        },
        SavedFile::Broken(reason) => reason,
    };
    let shown = match atomic::set_aside(path) {
        Ok(aside) => aside.display().to_string(),
        Err(error) => format!("{} (left in its place: {error})", path.display()),
    };
    progress.notice(&Notice::StateSetAside { path: shown, reason });
    None
}

fn not_saved(path: &Path, reason: &str, progress: &dyn Progress) {
    progress.notice(&Notice::StateNotSaved { path: path.display().to_string(), reason: reason.to_owned() });
}
