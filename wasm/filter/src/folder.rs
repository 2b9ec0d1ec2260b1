//! The bank's storage over WASI: one folder below `accessible_paths`.

use fluent_anomaly::state::{Storage, StorageError, journal_names};

use crate::abi::{self, Fd, Open};
use crate::errno::Errno;

/// A state folder.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Fd,
    /// Path of the folder below `dir`, with a slash at its end.
    prefix: String,
    writing: Option<(String, Fd)>,
    reading: Option<(String, Fd)>,
}

impl Folder {
    /// The folder `path` below `dir`; made when the first file is.
    pub(crate) fn new(dir: Fd, path: &str) -> Self {
        let path = path.trim_end_matches('/');
        let prefix = if path.is_empty() || path == "." { String::new() } else { format!("{path}/") };
        Self { dir, prefix, writing: None, reading: None }
    }

    /// When a journal was written last, ns since 1970.
    pub(crate) fn last_write_ns(&self) -> Option<i64> {
        let written = |name: String| {
            let (_, at) = abi::stat(self.dir, &self.path(&name)).ok()?;
            i64::try_from(at).ok()
        };
        journal_names().filter_map(written).max()
    }

    fn path(&self, name: &str) -> String {
        self.prefix.clone() + name // without format!: stack
    }

    fn error(&self, operation: &'static str, name: &str, errno: Errno) -> StorageError {
        StorageError::new(operation, &self.path(name), errno.explain())
    }

    fn forget(&mut self, name: &str) {
        if self.reading.as_ref().is_some_and(|(open, _)| open == name)
            && let Some((_, fd)) = self.reading.take()
        {
            abi::close(fd);
        }
    }

    fn make_folders(&self) -> Result<(), Errno> {
        for (end, _) in self.prefix.match_indices('/').filter(|(end, _)| *end > 0) {
            match abi::create_folder(self.dir, &self.prefix[..end]) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for (_, fd) in self.writing.take().into_iter().chain(self.reading.take()) {
            abi::close(fd);
        }
    }
}

impl Storage for Folder {
    fn len(&mut self, name: &str) -> Result<Option<u64>, StorageError> {
        match abi::stat(self.dir, &self.path(name)) {
            Ok((size, _)) => Ok(Some(size)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.error("look at", name, errno)),
        }
    }

    fn read_at(&mut self, name: &str, offset: u64, into: &mut [u8]) -> Result<usize, StorageError> {
        let fd = match &self.reading {
            Some((open, fd)) if open == name => *fd,
            _ => {
                if let Some((_, old)) = self.reading.take() {
                    abi::close(old);
                }
                let fd = abi::open(self.dir, &self.path(name), Open::Read)
                    .map_err(|errno| self.error("open", name, errno))?;
                self.reading = Some((name.to_owned(), fd));
                fd
            }
        };
        abi::read_at(fd, offset, into).map_err(|errno| self.error("read", name, errno))
    }

    fn create(&mut self, name: &str) -> Result<bool, StorageError> {
        let path = self.path(name);
        let mut opened = abi::open(self.dir, &path, Open::CreateNew);
        if opened == Err(Errno::NOENT) {
            self.make_folders().map_err(|errno| self.error("make the folder of", name, errno))?;
            opened = abi::open(self.dir, &path, Open::CreateNew);
        }
        match opened {
            Ok(fd) => {
                if let Some((_, old)) = self.writing.replace((name.to_owned(), fd)) {
                    abi::close(old);
                }
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(self.error("create", name, errno)),
        }
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<(), StorageError> {
        let Some((name, fd)) = &self.writing else {
            return Err(StorageError::new("append to", &self.prefix, "no file is open"));
        };
        while !bytes.is_empty() {
            let written = abi::write(*fd, bytes).map_err(|errno| self.error("append to", name, errno))?;
            if written == 0 {
                return Err(StorageError::new("append to", &self.path(name), "nothing could be written"));
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        match &self.writing {
            Some((name, fd)) => abi::sync(*fd).map_err(|errno| self.error("sync", name, errno)),
            None => Ok(()),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        self.forget(from);
        self.forget(to);
        abi::rename(self.dir, &self.path(from), &self.path(to))
            .map_err(|errno| self.error("rename", from, errno))
    }

    fn remove(&mut self, name: &str) -> Result<(), StorageError> {
        self.forget(name);
        match abi::unlink(self.dir, &self.path(name)) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.error("remove", name, errno)),
        }
    }
}
