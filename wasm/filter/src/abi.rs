//! The border to the host: what it calls, what it offers, and every `unsafe` of this crate.
//!
//! The host calls `malloc` for the tag, `malloc` for the record, copies both in, calls `anomaly_filter`, copies
//! the result out up to its NUL, and (not on every version) calls `free` for both. It runs in one thread and is
//! never re-entered. `malloc` hands out two buffers that are used again and again, with room behind the record,
//! so that the result is written in place and nothing can leak.

use core::cell::UnsafeCell;

use fluent_anomaly::Time;

use crate::guest::Guest;

/// Room behind a record for its annotations and the NUL, so that they seldom move it.
const SPARE: usize = 1024;
const NO_MEMORY: &[u8] =
    b"{\"anomaly_error\":\"the record does not fit the memory of the WASM filter and is lost\"}\0";

/// Free memory without which no record is scored: an allocation that fails would stop the call, and the host would
/// drop the record.
const ROOM: usize = 96 << 10;
/// The first call also reads the configuration and the state.
const START_ROOM: usize = 256 << 10;
/// Memory is looked at again after so many records, besides when a buffer grows.
const RECORDS_BETWEEN_LOOKS: u32 = 64;

struct Border {
    tag: Vec<u8>,
    record: Vec<u8>,
    /// A request below this fits the buffer with `SPARE` bytes behind it; 0 to look closer.
    tag_limit: usize,
    record_limit: usize,
    /// Records until memory is looked at again.
    looks_in: u32,
    /// There was too little memory when it was looked at last; buffers are not kept then.
    is_short: bool,
    /// Whether the next buffer the host asks for is the record's: it asks for the tag's first.
    tag_is_out: bool,
    guest: Option<Guest>,
    /// The last call did not return: it was stopped by a trap.
    in_call: bool,
    traps: u32,
}

struct Single(UnsafeCell<Border>);

// SAFETY: the host runs the module in one thread and never calls it while a call is under way.
unsafe impl Sync for Single {}

static BORDER: Single = Single(UnsafeCell::new(Border {
    tag: Vec::new(),
    record: Vec::new(),
    tag_limit: 0,
    record_limit: 0,
    looks_in: 0,
    is_short: false,
    tag_is_out: false,
    guest: None,
    in_call: false,
    traps: 0,
}));

/// Exported so that the linker runs constructors once and not around each export, and so that hosts find the
/// reactor that WASI asks for.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn _initialize() {}

/// Called by the host instead of its own small heap. 0 when there is no memory.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc(size: usize) -> *mut u8 {
    // SAFETY: see `Single`; the reference ends with this function.
    let border = unsafe { &mut *BORDER.0.get() };
    border.tag_is_out = !border.tag_is_out;
    let (buffer, limit) = if border.tag_is_out {
        (&mut border.tag, border.tag_limit)
    } else {
        (&mut border.record, border.record_limit)
    };
    if size < limit {
        return buffer.as_mut_ptr();
    }
    border.grow(size)
}

/// Both buffers are used again: nothing to do.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn free(_pointer: *mut u8) {}

/// The filter: a NUL-ended JSON record in, the same record with its annotations out.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn anomaly_filter(
    tag: *const u8,
    tag_len: usize,
    seconds: u32,
    nanos: u32,
    record: *mut u8,
    record_len: usize,
) -> *const u8 {
    // SAFETY: see `Single`; the reference ends with this function.
    let border = unsafe { &mut *BORDER.0.get() };
    border.tag_is_out = false;
    let is_ours = core::ptr::eq(border.record.as_ptr(), record) && record_len < border.record.capacity();
    if is_ours && border.looks_in > 0 {
        border.looks_in -= 1;
        // SAFETY: the capacity holds `record_len` bytes, and the host has written them since `malloc`.
        unsafe { border.record.set_len(record_len) };
    } else if let Err(answer) = border.take_in(record, record_len, is_ours) {
        return answer;
    }
    let tag = border.tag(tag, tag_len);
    if border.in_call || border.guest.is_none() {
        border.start();
    }
    border.in_call = true;
    if let Some(guest) = &mut border.guest {
        guest.process(tag, Time::from_parts(seconds, nanos), &mut border.record);
    }
    border.in_call = false;
    // never more than was reserved: annotations are left out where there is no room
    border.record.push(0);
    border.record.as_ptr()
}

impl Border {
    /// A larger buffer, or a first one.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, size: usize) -> *mut u8 {
        let (buffer, limit) = if self.tag_is_out {
            (&mut self.tag, &mut self.tag_limit)
        } else {
            (&mut self.record, &mut self.record_limit)
        };
        buffer.clear();
        *limit = 0;
        if self.is_short {
            *buffer = Vec::new();
        }
        self.looks_in = 0;
        if buffer.try_reserve_exact(size.saturating_add(SPARE)).is_err() {
            self.is_short = true;
            (self.tag_limit, self.record_limit) = (0, 0);
            return core::ptr::null_mut();
        }
        if !self.is_short {
            // buffers grow, and never shrink, until the next call of this function
            *limit = buffer.capacity().saturating_sub(SPARE).saturating_add(1);
        }
        buffer.as_mut_ptr()
    }

    /// Makes `self.record` the host's record after a look at the memory. `Err`: what the host gets back at once.
    #[cold]
    #[inline(never)]
    fn take_in(&mut self, record: *mut u8, len: usize, is_ours: bool) -> Result<(), *const u8> {
        if !is_inside_memory(record, len) {
            return Err(NO_MEMORY.as_ptr());
        }
        if !self.has_room() {
            return Err(record);
        }
        if is_ours {
            // SAFETY: the capacity holds `len` bytes, and the host has written them since `malloc`.
            unsafe { self.record.set_len(len) };
            return Ok(());
        }
        self.record.clear();
        if self.record.try_reserve(len.saturating_add(SPARE)).is_err() {
            return Err(record); // no room to copy it: it leaves as it came
        }
        // SAFETY: the bytes lie inside of linear memory and were written by the host. They may lie within the buffer
        // itself, whose bytes stay where they are while it is not grown: `copy` allows that.
        unsafe {
            core::ptr::copy(record, self.record.as_mut_ptr(), len);
            self.record.set_len(len);
        }
        Ok(())
    }

    /// Begins, or begins again after a trap.
    #[cold]
    #[inline(never)]
    fn start(&mut self) {
        if self.in_call {
            // whatever the guest held may be half done: forget it, and read the models again from their journal
            core::mem::forget(self.guest.take());
            self.traps += 1;
        }
        self.in_call = true;
        self.guest = Some(Guest::start(self.traps));
    }

    /// Whether a record can be scored without an allocation that fails.
    fn has_room(&mut self) -> bool {
        if self.looks_in > 0 {
            self.looks_in -= 1;
            return true;
        }
        let room = if self.guest.is_none() { START_ROOM } else { ROOM };
        let was_short = self.is_short;
        self.is_short = Vec::<u8>::new().try_reserve_exact(room).is_err();
        if !self.is_short {
            self.looks_in = RECORDS_BETWEEN_LOOKS;
            return true;
        }
        (self.tag_limit, self.record_limit) = (0, 0);
        if !was_short {
            let _ = write(Fd(2), b"[fluent-anomaly] too little memory: records are passed on unscored\n");
        }
        false
    }

    /// The tag as the host left it.
    #[inline]
    fn tag(&self, pointer: *const u8, len: usize) -> &'static [u8] {
        let is_ours = core::ptr::eq(self.tag.as_ptr(), pointer) && len <= self.tag.capacity();
        if !is_ours && !is_inside_memory(pointer, len) {
            return &[];
        }
        // SAFETY: the bytes lie inside of linear memory, and the host has written them (a `malloc` buffer, or its
        // own heap). Nothing writes there until this call returns, and the slice is not kept longer.
        unsafe { core::slice::from_raw_parts(pointer, len) }
    }
}

/// A pointer of 0 means that the host found no memory for the data, yet calls all the same.
#[cold]
#[inline(never)]
fn is_inside_memory(pointer: *const u8, len: usize) -> bool {
    const PAGE: usize = 65_536;
    let end = (pointer as usize).checked_add(len);
    !pointer.is_null() && end.is_some_and(|end| end.div_ceil(PAGE) <= core::arch::wasm32::memory_size(0))
}

/// An open file or folder of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fd(u32);

/// WASI preview 1's error number, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(u16);

impl Errno {
    pub(crate) const EXIST: Errno = Errno(20);
    pub(crate) const NOENT: Errno = Errno(44);

    /// In words, for those that users meet.
    pub(crate) fn explain(self) -> String {
        let words = match self.0 {
            2 => "permission denied",
            20 => "it exists already",
            29 => "input/output error",
            31 => "it is a directory",
            33 => "too many open files",
            44 => "no such file or directory",
            51 => "no space left on device",
            54 => "it is not a directory",
            69 => "read-only file system",
            76 => "outside of accessible_paths",
            other => return format!("WASI error {other}"),
        };
        words.to_owned()
    }
}

#[repr(C)]
struct Prestat {
    kind: u8,
    name_len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Filestat {
    device: u64,
    inode: u64,
    filetype: u8,
    links: u64,
    size: u64,
    accessed: u64,
    modified: u64,
    changed: u64,
}

#[repr(C)]
struct Slice {
    pointer: *const u8,
    len: usize,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_prestat_get(fd: u32, into: *mut Prestat) -> u32;
    fn fd_prestat_dir_name(fd: u32, into: *mut u8, len: usize) -> u32;
    fn path_open(
        dir: u32,
        dirflags: u32,
        path: *const u8,
        path_len: usize,
        oflags: u32,
        rights: u64,
        inheriting: u64,
        fdflags: u32,
        into: *mut u32,
    ) -> u32;
    fn fd_close(fd: u32) -> u32;
    fn fd_pread(fd: u32, slices: *const Slice, count: usize, offset: u64, read: *mut usize) -> u32;
    fn fd_write(fd: u32, slices: *const Slice, count: usize, written: *mut usize) -> u32;
    fn fd_sync(fd: u32) -> u32;
    fn path_filestat_get(dir: u32, flags: u32, path: *const u8, path_len: usize, into: *mut Filestat) -> u32;
    fn path_rename(
        dir: u32,
        old: *const u8,
        old_len: usize,
        new_dir: u32,
        new: *const u8,
        new_len: usize,
    ) -> u32;
    fn path_unlink_file(dir: u32, path: *const u8, path_len: usize) -> u32;
    fn path_create_directory(dir: u32, path: *const u8, path_len: usize) -> u32;
}

fn check(code: u32) -> Result<(), Errno> {
    match code as u16 {
        0 => Ok(()),
        errno => Err(Errno(errno)),
    }
}

/// The folders under `accessible_paths`, each with the name the host gives it.
pub(crate) fn preopened() -> Vec<(Fd, String)> {
    const FIRST: u32 = 3;
    let mut folders = Vec::new();
    for fd in FIRST.. {
        let mut prestat = Prestat { kind: 0, name_len: 0 };
        // SAFETY: `prestat` is a valid place for the 8 bytes that the host writes.
        if check(unsafe { fd_prestat_get(fd, &mut prestat) }).is_err() || prestat.name_len > 65_536 {
            break;
        }
        let mut name = vec![0; prestat.name_len];
        // SAFETY: the host writes at most `name.len()` bytes to `name`.
        if prestat.kind == 0
            && check(unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) }).is_ok()
        {
            while name.last() == Some(&0) {
                name.pop();
            }
            folders.push((Fd(fd), String::from_utf8_lossy(&name).into_owned()));
        }
    }
    folders
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// An existing file.
    Read,
    /// A new file; [`Errno::EXIST`] if the name is taken.
    CreateNew,
}

/// Opens a file below a folder.
pub(crate) fn open(dir: Fd, path: &str, how: Open) -> Result<Fd, Errno> {
    const READ: u64 = 1 << 1;
    const SEEK: u64 = 1 << 2;
    const SYNC: u64 = 1 << 4;
    const TELL: u64 = 1 << 5;
    const WRITE: u64 = 1 << 6;
    const STAT: u64 = 1 << 21;
    const CREATE: u32 = 1;
    const EXCLUSIVE: u32 = 4;
    const APPEND: u32 = 1;
    let (oflags, rights, fdflags) = match how {
        Open::Read => (0, READ | SEEK | TELL | STAT, 0),
        Open::CreateNew => (CREATE | EXCLUSIVE, WRITE | SYNC | SEEK | TELL | STAT, APPEND),
    };
    let mut fd = 0;
    // SAFETY: `path` is read within its length, `fd` is a valid place for the result.
    check(unsafe { path_open(dir.0, 0, path.as_ptr(), path.len(), oflags, rights, 0, fdflags, &mut fd) })?;
    Ok(Fd(fd))
}

/// Closes a file; what a close can report was reported by the write before.
pub(crate) fn close(fd: Fd) {
    // SAFETY: takes a number only.
    let _ = unsafe { fd_close(fd.0) };
}

/// Reads at a place, returns how many bytes.
pub(crate) fn read_at(fd: Fd, offset: u64, into: &mut [u8]) -> Result<usize, Errno> {
    let slice = Slice { pointer: into.as_mut_ptr(), len: into.len() };
    let mut read = 0;
    // SAFETY: the host writes at most `into.len()` bytes to `into` and the count to `read`.
    check(unsafe { fd_pread(fd.0, &slice, 1, offset, &mut read) })?;
    Ok(read.min(into.len()))
}

/// Writes some of the bytes at the end, returns how many.
pub(crate) fn write(fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    let slice = Slice { pointer: bytes.as_ptr(), len: bytes.len() };
    let mut written = 0;
    // SAFETY: the host reads `bytes` within its length and writes the count to `written`.
    check(unsafe { fd_write(fd.0, &slice, 1, &mut written) })?;
    Ok(written.min(bytes.len()))
}

/// One line to the host's standard error.
pub(crate) fn log(message: &str) {
    let _ = write(Fd(2), format!("[fluent-anomaly] {message}\n").as_bytes());
}

/// Waits for the device.
pub(crate) fn sync(fd: Fd) -> Result<(), Errno> {
    // SAFETY: takes a number only.
    check(unsafe { fd_sync(fd.0) })
}

/// Size in bytes and time of the last change in ns.
pub(crate) fn stat(dir: Fd, path: &str) -> Result<(u64, u64), Errno> {
    const FOLLOW_LINKS: u32 = 1;
    let mut stat = Filestat {
        device: 0,
        inode: 0,
        filetype: 0,
        links: 0,
        size: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
    };
    // SAFETY: `path` is read within its length, `stat` is a valid place for the 64 bytes that the host writes.
    check(unsafe { path_filestat_get(dir.0, FOLLOW_LINKS, path.as_ptr(), path.len(), &mut stat) })?;
    Ok((stat.size, stat.modified))
}

/// Gives a file another name in the same folder, replacing what had it.
pub(crate) fn rename(dir: Fd, from: &str, to: &str) -> Result<(), Errno> {
    // SAFETY: both paths are read within their lengths.
    check(unsafe { path_rename(dir.0, from.as_ptr(), from.len(), dir.0, to.as_ptr(), to.len()) })
}

/// Removes a file.
pub(crate) fn unlink(dir: Fd, path: &str) -> Result<(), Errno> {
    // SAFETY: `path` is read within its length.
    check(unsafe { path_unlink_file(dir.0, path.as_ptr(), path.len()) })
}

/// Makes a folder.
pub(crate) fn create_folder(dir: Fd, path: &str) -> Result<(), Errno> {
    // SAFETY: `path` is read within its length.
    check(unsafe { path_create_directory(dir.0, path.as_ptr(), path.len()) })
}
