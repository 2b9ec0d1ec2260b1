//! Checkpoints in a folder that all members share.
//!
//! ```text
//! <folder>/<group>/<topic>-<partition>-<id>.checkpoint
//! ```
//! A file counts once a committed offset names its id. So a member that lost its partition may write what it likes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::reference::Reference;
use crate::companion::atomic;

const SUFFIX: &str = ".checkpoint";
const MAGIC: [u8; 8] = *b"FLUACKPF";

/// Why a folder does not give or take a checkpoint.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointFolderError {
    /// The file system says so.
    #[error("checkpoint {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The file that the committed offset names cannot be used.
    #[error("checkpoint {}: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: CheckpointError,
    },
}

/// The checkpoints of one group.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
}

impl CheckpointFolder {
    /// The folder of a group; it is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path, group: &str) -> Result<Self, CheckpointFolderError> {
        let path = folder.join(file_name(group));
        fs::create_dir_all(&path)
            .map_err(|source| CheckpointFolderError::Io { path: path.clone(), source })?;
        Ok(Self { path })
    }

    /// Writes a checkpoint. It replaces nothing: [`remove`](CheckpointFolder::remove) the one before once the offset is
    /// committed that names this one.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&self, checkpoint: &Checkpoint, id: u64) -> Result<u64, CheckpointFolderError> {
        let path = self.file(&checkpoint.topic, checkpoint.partition, id);
        let bytes = checkpoint.encode();
        atomic::write(&path, MAGIC, &bytes).map_err(|source| CheckpointFolderError::Io { path, source })?;
        Ok(bytes.len() as u64)
    }

    /// The checkpoint that a committed offset names; without a name the latest one at or before `committed`.
    ///
    /// # Errors
    /// When the one that is named cannot be read.
    pub fn load(
        &self,
        topic: &str,
        partition: i32,
        reference: Option<&Reference>,
        committed: i64,
    ) -> Result<Option<(u64, Checkpoint)>, CheckpointFolderError> {
        if let Some(reference) = reference {
            let path = self.file(topic, partition, reference.id);
            let found = read(&path, topic, partition)?;
            return Ok(found.map(|checkpoint| (reference.id, checkpoint)));
        }
        let mut best: Option<(u64, Checkpoint)> = None;
        for (id, path) in self.files(topic, partition)? {
            // one that is broken is no reason to do without the others
            let Ok(Some(found)) = read(&path, topic, partition) else { continue };
            if found.offset <= committed && best.as_ref().is_none_or(|(_, best)| found.offset > best.offset) {
                best = Some((id, found));
            }
        }
        Ok(best)
    }

    /// Removes a checkpoint that no committed offset names any more.
    pub fn remove(&self, topic: &str, partition: i32, id: u64) {
        // one that stays takes room, and the next owner of the partition tries again
        let _ = fs::remove_file(self.file(topic, partition, id));
    }

    /// Removes all checkpoints of a partition but one: those of owners that did not come to it.
    pub fn keep_only(&self, topic: &str, partition: i32, keep: u64) {
        for (id, path) in self.files(topic, partition).unwrap_or_default() {
            if id != keep {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn file(&self, topic: &str, partition: i32, id: u64) -> PathBuf {
        self.path.join(format!("{}-{partition}-{id:016x}{SUFFIX}", file_name(topic)))
    }

    fn files(&self, topic: &str, partition: i32) -> Result<Vec<(u64, PathBuf)>, CheckpointFolderError> {
        let failed = |source| CheckpointFolderError::Io { path: self.path.clone(), source };
        let prefix = format!("{}-{partition}-", file_name(topic));
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(SUFFIX));
            if let Some(id) = id.and_then(|id| u64::from_str_radix(id, 16).ok()) {
                found.push((id, path));
            }
        }
        Ok(found)
    }
}

/// Groups may have any characters, file names may not.
fn file_name(name: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut text = String::new();
    for c in name.chars() {
        if keep(c) && !(c == '.' && text.is_empty()) {
            text.push(c);
        } else {
            text.push_str(&format!("%{:x}", u32::from(c)));
        }
    }
    text
}

fn read(path: &Path, topic: &str, partition: i32) -> Result<Option<Checkpoint>, CheckpointFolderError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CheckpointFolderError::Io { path: path.to_owned(), source }),
    };
    let unusable = |source| CheckpointFolderError::Unusable { path: path.to_owned(), source };
    let Some(body) = bytes.strip_prefix(&MAGIC) else { return Err(unusable(CheckpointError::Foreign)) };
    // the file's own checksum stands behind that of the checkpoint
    let Some(body) = body.len().checked_sub(8).and_then(|len| body.get(..len)) else {
        return Err(unusable(CheckpointError::Corrupt));
    };
    Checkpoint::decode(body, topic, partition).map(Some).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn checkpoint(offset: i64) -> Checkpoint {
        let models = vec![offset as u8; 3];
        Checkpoint { topic: "t".into(), partition: 0, partitions: 1, offset, clock: Time::default(), models }
    }

    fn reference(id: u64) -> Reference {
        Reference { id, offset: 0, partitions: 1, slot: 0, chunks: 0, log_start: 0, made_s: 0 }
    }

    #[test]
    fn only_the_named_checkpoint_counts_whatever_else_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let own = CheckpointFolder::open(folder.path(), "a/b group").unwrap();
        own.write(&checkpoint(10), 1).unwrap();
        own.write(&checkpoint(99), 2).unwrap(); // by a member that lost its partition
        let (_, found) = own.load("t", 0, Some(&reference(1)), 20).unwrap().unwrap();
        assert_eq!(found, checkpoint(10));
        assert!(own.load("t", 0, Some(&reference(3)), 20).unwrap().is_none());
        // offsets that were reset by another program name none
        assert_eq!(own.load("t", 0, None, 50).unwrap().unwrap(), (1, checkpoint(10)));
        own.keep_only("t", 0, 1);
        assert_eq!(own.load("t", 0, None, 500).unwrap().unwrap(), (1, checkpoint(10)));
    }

    #[test]
    fn groups_do_not_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|group| CheckpointFolder::open(folder.path(), group).unwrap());
        a.write(&checkpoint(10), 1).unwrap();
        assert!(b.load("t", 0, None, 50).unwrap().is_none());
        assert_ne!(file_name(".."), "..");
    }

    #[test]
    fn a_cut_file_is_told_and_not_half_used() {
        let folder = tempfile::tempdir().unwrap();
        let own = CheckpointFolder::open(folder.path(), "g").unwrap();
        own.write(&checkpoint(10), 1).unwrap();
        let path = own.file("t", 0, 1);
        let bytes = fs::read(&path).unwrap();
        for len in 0..bytes.len() {
            fs::write(&path, &bytes[..len]).unwrap();
            assert!(own.load("t", 0, Some(&reference(1)), 20).is_err(), "{len} bytes");
        }
    }
}
