//! What the bank asks of a folder: six operations that exist natively, over WASI and in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// A storage operation that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} {name:?}: {cause}")]
pub struct StorageError {
    /// What was tried, as a verb: `read`, `append to`.
    pub operation: &'static str,
    /// The file, relative to the folder.
    pub name: String,
    /// What the system said.
    pub cause: String,
}

impl StorageError {
    /// Puts the three parts together.
    pub fn new(operation: &'static str, name: &str, cause: impl Into<String>) -> Self {
        Self { operation, name: name.to_owned(), cause: cause.into() }
    }
}

/// One flat folder of small named files, with one file open for writing at a time.
///
/// A kill of the process at any moment leaves every file as some prefix of the calls made it; only
/// [`sync`](Storage::sync) speaks of power cuts.
pub trait Storage: Send {
    /// Length of a file in bytes, `None` when there is no such file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn len(&mut self, name: &str) -> Result<Option<u64>, StorageError>;

    /// Reads up to `into.len()` bytes from `offset`, returns how many; 0 at the end.
    ///
    /// # Errors
    /// When the file is missing or cannot be read.
    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError>;

    /// Makes an empty file and writes there from now on; `false`, and nothing changes, when the name is taken.
    ///
    /// # Errors
    /// When the folder cannot be written.
    fn create(&mut self, name: &str) -> Result<bool, StorageError>;

    /// Adds all the bytes at the end of the file that [`create`](Storage::create) made last.
    ///
    /// # Errors
    /// When they could not all be written; a part of them may have been.
    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError>;

    /// Waits until what was appended would survive a power cut.
    ///
    /// # Errors
    /// When the device reports one.
    fn sync(&mut self) -> Result<(), StorageError>;

    /// Gives a file another name in one step, replacing what had it.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is missing.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError>;

    /// Removes a file; a missing one is no error.
    ///
    /// # Errors
    /// When the folder cannot be written.
    fn remove(&mut self, name: &str) -> Result<(), StorageError>;
}

/// A folder in memory, for tests, previews and backtests. A clone is a second owner of the same folder, as another
/// process would be; [`limit`](MemoryStorage::limit) plays a full disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    disk: Arc<Mutex<Disk>>,
    open: Option<String>,
}

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    /// Bytes that may still be written before the disk is full.
    room: Option<usize>,
}

impl MemoryStorage {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on only `room` more bytes can be written; `None` lifts the limit.
    pub fn limit(&self, room: Option<usize>) {
        self.disk().room = room;
    }

    /// Looks at or tampers with the files.
    pub fn with_files<R>(&self, look: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> R) -> R {
        look(&mut self.disk().files)
    }

    /// A copy that shares nothing with this one: the folder as a crash at this moment would leave it.
    #[must_use]
    pub fn crashed(&self) -> Self {
        let copy = Self::new();
        copy.disk().files = self.disk().files.clone();
        copy
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn len(&mut self, name: &str) -> Result<Option<u64>, StorageError> {
        Ok(self.disk().files.get(name).map(|bytes| bytes.len() as u64))
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        let disk = self.disk();
        let bytes = disk.files.get(name).ok_or_else(|| StorageError::new("read", name, "no such file"))?;
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn create(&mut self, name: &str) -> Result<bool, StorageError> {
        let mut disk = self.disk();
        if disk.room == Some(0) {
            return Err(StorageError::new("create", name, "no space left"));
        }
        if disk.files.contains_key(name) {
            return Ok(false);
        }
        disk.files.insert(name.to_owned(), Vec::new());
        drop(disk);
        self.open = Some(name.to_owned());
        Ok(true)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let name = self.open.clone().unwrap_or_default();
        let mut disk = self.disk();
        let written = bytes.len().min(disk.room.unwrap_or(usize::MAX));
        match disk.files.get_mut(&name) {
            Some(file) => file.extend_from_slice(&bytes[..written]),
            None => return Ok(()), // removed by another owner: written to a file without a name
        }
        disk.room = disk.room.map(|room| room - written);
        if written < bytes.len() {
            return Err(StorageError::new("append to", &name, "no space left"));
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut disk = self.disk();
        let bytes =
            disk.files.remove(from).ok_or_else(|| StorageError::new("rename", from, "no such file"))?;
        disk.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.disk().files.remove(name);
        Ok(())
    }
}
