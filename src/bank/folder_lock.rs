//! A folder that one owner uses at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Held until dropped, or until the process ends.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl FolderLock {
    /// Makes the folder if it is missing, and locks the file `name` in it. `None`: somebody else holds it. A file system
    /// without locks counts as free.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub(crate) fn take(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(name))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(Self(file))),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // closing is not enough: a child that another thread is just starting has the open file, too, until it is another program
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_with_its_owner_even_while_a_starting_child_has_the_file() {
        let folder = std::env::temp_dir().join(format!("folder-lock-{}", std::process::id()));
        let lock = FolderLock::take(&folder, "lock").unwrap().unwrap();
        let of_a_child = lock.0.try_clone().unwrap();
        assert!(FolderLock::take(&folder, "lock").unwrap().is_none());
        drop(lock);
        assert!(FolderLock::take(&folder, "lock").unwrap().is_some());
        drop(of_a_child);
        fs::remove_dir_all(folder).unwrap();
    }
}
