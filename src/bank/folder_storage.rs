//! The bank's storage in a real folder, for the native hosts.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::bank::folder_lock::FolderLock;
use crate::bank::{Storage, StorageError};

/// Why a state folder cannot be used at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another process holds it.
    #[error("{folder:?} is in use by another process: stop it, or give each its own `state:`")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

/// A state folder that belongs to this process until it is dropped.
///
/// A folder that cannot be made or written is no error here: scoring goes on in memory, and the bank tells.
#[derive(Debug)]
pub struct FolderStorage {
    path: PathBuf,
    /// Held for its lock; `None` when the folder cannot be written.
    _lock: Option<FolderLock>,
    writing: Option<File>,
    reading: Option<(String, File)>,
}

impl FolderStorage {
    /// Makes the folder if it is missing, and locks it.
    ///
    /// # Errors
    /// [`FolderError::InUse`] when another process has it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        // what fails here fails again at the first write, and is told then
        let lock = match FolderLock::take(path, "lock") {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Err(FolderError::InUse { folder: path.to_owned() }),
            Err(_) => None,
        };
        Ok(Self { path: path.to_owned(), _lock: lock, writing: None, reading: None })
    }

    fn error(&self, operation: &'static str, name: &str, cause: &std::io::Error) -> StorageError {
        StorageError::new(operation, &self.path.join(name).display().to_string(), cause.to_string())
    }
}

impl Storage for FolderStorage {
    fn len(&mut self, name: &str) -> Result<Option<u64>, StorageError> {
        match fs::metadata(self.path.join(name)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error("look at", name, &error)),
        }
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        if self.reading.as_ref().is_none_or(|(open, _)| open != name) {
            let file = File::open(self.path.join(name)).map_err(|error| self.error("open", name, &error))?;
            self.reading = Some((name.to_owned(), file));
        }
        let Some((_, file)) = &mut self.reading else { return Ok(0) };
        let outcome = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read(into));
        outcome.map_err(|error| self.error("read", name, &error))
    }

    fn create(&mut self, name: &str) -> Result<bool, StorageError> {
        let path = self.path.join(name);
        let make = || OpenOptions::new().create_new(true).append(true).open(&path);
        let made = match make() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&self.path)
                    .map_err(|error| self.error("make the folder of", name, &error))?;
                make()
            }
            made => made,
        };
        match made {
            Ok(file) => {
                self.writing = Some(file);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.error("create", name, &error)),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let outcome = match &mut self.writing {
            Some(file) => file.write_all(bytes),
            None => Err(std::io::Error::other("no file is open")),
        };
        outcome.map_err(|error| self.error("append to", "", &error))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        let outcome = self.writing.as_ref().map_or(Ok(()), File::sync_all);
        outcome.map_err(|error| self.error("sync", "", &error))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.reading = None;
        fs::rename(self.path.join(from), self.path.join(to))
            .map_err(|error| self.error("rename", from, &error))?;
        // the new name survives a power cut only when the folder itself is on disk
        if let Ok(folder) = File::open(&self.path) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.reading = None;
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.error("remove", name, &error)),
            _ => Ok(()),
        }
    }
}
