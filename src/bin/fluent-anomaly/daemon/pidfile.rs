//! Who runs. The daemon holds an exclusive lock on its pid file as long as it lives, so a file without a lock is
//! stale, whatever process has its number by now. The number is for people, and for the signal of `stop`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::failure::Failure;

/// `status` and `stop` hold a lock for an instant; a start tries this often before it believes in a daemon.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(25);

/// Who holds a pid file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// There is no file.
    Nobody,
    /// A file without an owner.
    Stale(Option<u32>),
    /// A daemon; its number is unknown for the moment in which it writes it.
    Running(Option<u32>),
}

/// The pid file of this process; locked while it lives.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    /// The file that was there, and the one that took its place: whoever has opened either sees a lock.
    _locks: [File; 2],
}

impl PidFile {
    /// Takes the file for this process; a stale one is replaced, atomically.
    pub(super) fn claim(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::of(format!("pid file {}", path.display()), error);
        for _ in 0..TRIES {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(PAUSE);
                    continue;
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // another start may have replaced the file between opening and locking
            if fs::metadata(path).map(|data| data.ino()).ok() != file.metadata().map(|data| data.ino()).ok() {
                continue;
            }
            if !is_pid(&read(&mut file).map_err(failed)?) {
                return Err(Failure::Usage(format!(
                    "pid file {}: it holds something else; name another with `pidfile_path` in [general]",
                    path.display()
                )));
            }
            // nobody shall take the former number for ours
            file.set_len(0).map_err(failed)?;
            let own = replace(path).map_err(failed)?;
            return Ok(Self { path: path.to_owned(), _locks: [file, own] });
        }
        Err(Failure::Failed(match look(path) {
            Ok(Holder::Running(Some(pid))) => format!("already running: pid {pid} ({})", path.display()),
            _ => format!("already running ({})", path.display()),
        }))
    }

    /// Takes the file away; the lock ends with the process.
    pub(super) fn remove(&self) {
        // what cannot be removed is stale, and recognised as such
        let _ = fs::remove_file(&self.path);
    }
}

/// Puts a file with our number in the place of `path`; it is locked before anybody can see it.
fn replace(path: &Path) -> io::Result<File> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    let done = file
        .try_lock()
        .map_err(io::Error::from)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = done {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(file)
}

/// Looks who holds the file.
pub(super) fn look(path: &Path) -> io::Result<Holder> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    let held = match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(error),
    };
    let pid = read(&mut file)?.trim().parse().ok();
    Ok(if held { Holder::Running(pid) } else { Holder::Stale(pid) })
}

/// Removes a stale file; false when it has an owner after all, or holds something else.
pub(super) fn remove_stale(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    file.try_lock().is_ok()
        && read(&mut file).is_ok_and(|text| is_pid(&text))
        && fs::remove_file(path).is_ok()
}

fn read(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// True for a number or nothing: other files are not ours to overwrite.
fn is_pid(text: &str) -> bool {
    text.trim().bytes().all(|byte| byte.is_ascii_digit())
}
