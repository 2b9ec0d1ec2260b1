//! The few functions of WASI preview 1 that the filter imports, over real folders, with faults on demand.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use wasmi::{Caller, Error, Extern, Linker, StoreLimits};

pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

const SUCCESS: u32 = 0;
const ACCES: u32 = 2;
const BADF: u32 = 8;
const EXIST: u32 = 20;
const INVAL: u32 = 28;
const IO: u32 = 29;
const ISDIR: u32 = 31;
const LOOP: u32 = 32;
const NOENT: u32 = 44;
const NOSPC: u32 = 51;
const NOTDIR: u32 = 54;
const ROFS: u32 = 69;
const NOTCAPABLE: u32 = 76;
/// A preopened folder has this number; files get those behind the last folder.
const FIRST_FOLDER: u32 = 3;

/// What goes wrong in the host's world.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// Bytes that may still be written before the disk is full.
    pub(crate) room: Option<u64>,
    pub(crate) read_only: bool,
    /// Paths that begin so are refused.
    pub(crate) denied: Option<String>,
    pub(crate) sync_fails: bool,
    /// Bytes that may still be written before the process is killed, in the middle of a write.
    pub(crate) killed_after: Option<u64>,
}

/// What the host knows of one instance.
#[derive(Default)]
pub(crate) struct World {
    /// Name in the guest, real folder.
    pub(crate) folders: Vec<(String, PathBuf)>,
    pub(crate) files: BTreeMap<u32, (String, File)>,
    /// Names of the files of all whole writes.
    pub(crate) written: Vec<String>,
    pub(crate) faults: Faults,
    /// What was written to standard error.
    pub(crate) log: String,
    pub(crate) limits: StoreLimits,
    pub(crate) calls: u64,
    /// How often the clock was read: it goes on by a second each time.
    pub(crate) clock_reads: u64,
    /// What the clock says instead, s.
    pub(crate) clock_s: Option<u64>,
}

impl World {
    fn path(&self, fd: u32, path: &[u8], changes: bool) -> Result<PathBuf, u32> {
        let at = fd.checked_sub(FIRST_FOLDER).ok_or(BADF)?;
        let (_, folder) = self.folders.get(at as usize).ok_or(BADF)?;
        let path = Path::new(std::str::from_utf8(path).map_err(|_| INVAL)?);
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(NOTCAPABLE);
        }
        if self.faults.denied.as_deref().is_some_and(|denied| path.starts_with(denied)) {
            return Err(ACCES);
        }
        if changes && self.faults.read_only {
            return Err(ROFS);
        }
        Ok(folder.join(path))
    }

    fn open(
        &mut self,
        fd: u32,
        dirflags: u32,
        path: &[u8],
        oflags: u32,
        rights: u64,
        fdflags: u32,
    ) -> Result<u32, u32> {
        const FOLLOW_LINKS: u32 = 1;
        const READ: u64 = 1 << 1;
        const WRITE: u64 = 1 << 6;
        let (create, exclusive, truncate) = (oflags & 1 != 0, oflags & 4 != 0, oflags & 8 != 0);
        let path = self.path(fd, path, create || truncate || rights & WRITE != 0)?;
        if dirflags & FOLLOW_LINKS == 0 && path.is_symlink() {
            return Err(LOOP);
        }
        let mut options = OpenOptions::new();
        options.read(rights & READ != 0).write(rights & WRITE != 0).append(fdflags & 1 != 0);
        options.create(create).create_new(create && exclusive).truncate(truncate);
        let file = options.open(&path).map_err(|error| errno(&error))?;
        let first = FIRST_FOLDER + self.folders.len() as u32;
        let free = (first..).find(|fd| !self.files.contains_key(fd)).ok_or(IO)?;
        self.files.insert(free, (path.display().to_string(), file));
        Ok(free)
    }

    fn write(&mut self, fd: u32, bytes: &[u8]) -> Result<usize, u32> {
        if fd == 2 {
            self.log += &String::from_utf8_lossy(bytes);
            return Ok(bytes.len());
        }
        let (name, file) = self.files.get_mut(&fd).ok_or(BADF)?;
        let room = self.faults.room.unwrap_or(u64::MAX).min(bytes.len() as u64) as usize;
        if room == 0 && !bytes.is_empty() {
            return Err(NOSPC);
        }
        self.faults.room = self.faults.room.map(|left| left - room as u64);
        file.write_all(&bytes[..room]).map_err(|error| errno(&error))?;
        self.written.push(name.clone());
        Ok(room)
    }
}

fn errno(error: &io::Error) -> u32 {
    match error.kind() {
        ErrorKind::NotFound => NOENT,
        ErrorKind::AlreadyExists => EXIST,
        ErrorKind::PermissionDenied => ACCES,
        ErrorKind::NotADirectory => NOTDIR,
        ErrorKind::IsADirectory => ISDIR,
        ErrorKind::StorageFull => NOSPC,
        ErrorKind::ReadOnlyFilesystem => ROFS,
        _ => IO,
    }
}

fn code(outcome: Result<(), u32>) -> u32 {
    outcome.err().unwrap_or(SUCCESS)
}

/// Linear memory and the world, at once. A pointer outside is an error that stops the test: the filter never
/// hands out one.
fn parts<'a>(caller: &'a mut Caller<'_, World>) -> Result<(&'a mut [u8], &'a mut World), Error> {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(Error::new("the module exports no memory"));
    };
    let (bytes, world) = memory.data_and_store_mut(caller);
    world.calls += 1;
    Ok((bytes, world))
}

fn slice(memory: &[u8], at: u32, len: u32) -> Result<&[u8], Error> {
    memory
        .get(at as usize..(at as usize).saturating_add(len as usize))
        .ok_or_else(|| Error::new("a pointer of the filter lies outside of its memory"))
}

fn put(memory: &mut [u8], at: u32, bytes: &[u8]) -> Result<(), Error> {
    slice(memory, at, bytes.len() as u32)?;
    memory[at as usize..][..bytes.len()].copy_from_slice(bytes);
    Ok(())
}

fn word(memory: &[u8], at: u32) -> Result<u32, Error> {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(slice(memory, at, 4)?);
    Ok(u32::from_le_bytes(bytes))
}

/// Places and lengths of an iovec array.
fn vectors(memory: &[u8], at: u32, count: u32) -> Result<Vec<(u32, u32)>, Error> {
    (0..count).map(|n| Ok((word(memory, at + 8 * n)?, word(memory, at + 8 * n + 4)?))).collect()
}

type Call<'a> = Caller<'a, World>;

/// Defines the functions; those that the module imports besides are missing at its instantiation.
pub(crate) fn define(linker: &mut Linker<World>) -> Result<(), Error> {
    define_files(linker)?;
    define_paths(linker)
}

fn define_files(linker: &mut Linker<World>) -> Result<(), Error> {
    linker.func_wrap(MODULE, "fd_prestat_get", |mut call: Call<'_>, fd: u32, into: u32| {
        let (memory, world) = parts(&mut call)?;
        let Some((name, _)) = fd.checked_sub(FIRST_FOLDER).and_then(|at| world.folders.get(at as usize))
        else {
            return Ok::<_, Error>(BADF);
        };
        let len = (name.len() as u32).to_le_bytes();
        put(memory, into, &[[0; 4], len].concat())?;
        Ok(SUCCESS)
    })?;
    linker.func_wrap(MODULE, "fd_prestat_dir_name", |mut call: Call<'_>, fd: u32, into: u32, len: u32| {
        let (memory, world) = parts(&mut call)?;
        let Some((name, _)) = fd.checked_sub(FIRST_FOLDER).and_then(|at| world.folders.get(at as usize))
        else {
            return Ok::<_, Error>(BADF);
        };
        let len = name.len().min(len as usize);
        put(memory, into, &name.as_bytes()[..len])?;
        Ok(SUCCESS)
    })?;
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut call: Call<'_>, _clock: u32, _precision: u64, into: u32| {
            let (memory, world) = parts(&mut call)?;
            world.clock_reads += 1;
            let seconds = world.clock_s.unwrap_or(1_790_000_000 + world.clock_reads);
            put(memory, into, &(seconds * 1_000_000_000).to_le_bytes())?;
            Ok::<_, Error>(SUCCESS)
        },
    )?;
    linker.func_wrap(MODULE, "fd_close", |mut call: Call<'_>, fd: u32| {
        let (_, world) = parts(&mut call)?;
        Ok::<_, Error>(code(world.files.remove(&fd).map(drop).ok_or(BADF)))
    })?;
    linker.func_wrap(
        MODULE,
        "fd_pread",
        |mut call: Call<'_>, fd: u32, at: u32, count: u32, offset: u64, read: u32| {
            let (memory, world) = parts(&mut call)?;
            let Some((_, file)) = world.files.get(&fd) else { return Ok::<_, Error>(BADF) };
            let mut total = 0;
            for (place, len) in vectors(memory, at, count)? {
                let mut bytes = slice(memory, place, len)?.to_vec();
                match file.read_at(&mut bytes, offset + total) {
                    Ok(got) => {
                        put(memory, place, &bytes[..got])?;
                        total += got as u64;
                    }
                    Err(error) => return Ok(errno(&error)),
                }
            }
            put(memory, read, &(total as u32).to_le_bytes())?;
            Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut call: Call<'_>, fd: u32, at: u32, count: u32, written: u32| {
            let (memory, world) = parts(&mut call)?;
            let mut bytes = Vec::new();
            for (place, len) in vectors(memory, at, count)? {
                bytes.extend_from_slice(slice(memory, place, len)?);
            }
            if fd != 2
                && let Some(left) = world.faults.killed_after
            {
                if left < bytes.len() as u64 {
                    let _ = world.write(fd, &bytes[..left as usize]);
                    world.written.pop();
                    return Err(Error::new("killed"));
                }
                world.faults.killed_after = Some(left - bytes.len() as u64);
            }
            match world.write(fd, &bytes) {
                Ok(count) => {
                    put(memory, written, &(count as u32).to_le_bytes())?;
                    Ok(SUCCESS)
                }
                Err(errno) => Ok(errno),
            }
        },
    )?;
    linker.func_wrap(MODULE, "fd_sync", |mut call: Call<'_>, fd: u32| {
        let (_, world) = parts(&mut call)?;
        // the device itself is not asked: a test of it would only be slow
        let known = if world.files.contains_key(&fd) { SUCCESS } else { BADF };
        Ok::<_, Error>(if world.faults.sync_fails { IO } else { known })
    })?;
    Ok(())
}

fn define_paths(linker: &mut Linker<World>) -> Result<(), Error> {
    #[expect(clippy::too_many_arguments, reason = "preview 1's own")]
    fn path_open(
        mut call: Call<'_>,
        fd: u32,
        dirflags: u32,
        path: u32,
        len: u32,
        oflags: u32,
        rights: u64,
        _inheriting: u64,
        fdflags: u32,
        into: u32,
    ) -> Result<u32, Error> {
        let (memory, world) = parts(&mut call)?;
        match world.open(fd, dirflags, slice(memory, path, len)?, oflags, rights, fdflags) {
            Ok(opened) => {
                put(memory, into, &opened.to_le_bytes())?;
                Ok(SUCCESS)
            }
            Err(errno) => Ok(errno),
        }
    }
    linker.func_wrap(MODULE, "path_open", path_open)?;
    linker.func_wrap(
        MODULE,
        "path_filestat_get",
        |mut call: Call<'_>, fd: u32, _flags: u32, path: u32, len: u32, into: u32| {
            let (memory, world) = parts(&mut call)?;
            let path = match world.path(fd, slice(memory, path, len)?, false) {
                Ok(path) => path,
                Err(errno) => return Ok::<_, Error>(errno),
            };
            let stat = match fs::metadata(path) {
                Ok(stat) => stat,
                Err(error) => return Ok(errno(&error)),
            };
            let modified = (stat.mtime() * 1_000_000_000 + stat.mtime_nsec()) as u64;
            let kind = if stat.is_dir() { 3 } else { 4 };
            let fields =
                [stat.dev(), stat.ino(), kind, stat.nlink(), stat.len(), modified, modified, modified];
            put(memory, into, &fields.map(u64::to_le_bytes).concat())?;
            Ok(SUCCESS)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "path_rename",
        |mut call: Call<'_>, fd: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32| {
            let (memory, world) = parts(&mut call)?;
            let from = world.path(fd, slice(memory, old, old_len)?, true);
            let to = world.path(new_fd, slice(memory, new, new_len)?, true);
            Ok::<_, Error>(code(
                from.and_then(|from| to.and_then(|to| fs::rename(from, to).map_err(|error| errno(&error)))),
            ))
        },
    )?;
    linker.func_wrap(MODULE, "path_unlink_file", |mut call: Call<'_>, fd: u32, path: u32, len: u32| {
        let (memory, world) = parts(&mut call)?;
        let path = world.path(fd, slice(memory, path, len)?, true);
        Ok::<_, Error>(code(path.and_then(|path| fs::remove_file(path).map_err(|error| errno(&error)))))
    })?;
    linker.func_wrap(
        MODULE,
        "path_create_directory",
        |mut call: Call<'_>, fd: u32, path: u32, len: u32| {
            let (memory, world) = parts(&mut call)?;
            let path = world.path(fd, slice(memory, path, len)?, true);
            Ok::<_, Error>(code(path.and_then(|path| fs::create_dir(path).map_err(|error| errno(&error)))))
        },
    )?;
    Ok(())
}
