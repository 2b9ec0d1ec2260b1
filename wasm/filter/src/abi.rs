//! The border to the host: what it calls, what it offers, and every `unsafe` of this crate.
//!
//! The host calls `malloc` for the tag, `malloc` for the record, copies both in, calls `anomaly_filter`, copies
//! the result out up to its NUL, and (not on every version) calls `free` for both. It runs in one thread and is
//! never re-entered.

use core::cell::UnsafeCell;

use fluent_anomaly::{HostClock, Time};

use crate::buffers::{Buffers, Look, SPARE};
use crate::errno::Errno;
use crate::guest::Guest;

const NO_MEMORY: &[u8] =
    b"{\"anomaly_error\":\"the record does not fit the memory of the WASM filter and is lost\"}\0";

/// So much shadow stack may be lost by traps, bytes: less than what a call leaves free.
const LOST_STACK: usize = 4096;

struct Border {
    buffers: Buffers,
    guest: Option<Guest>,
    /// The last call did not return: it was stopped by a trap.
    in_call: bool,
    traps: u32,
    /// Where the shadow stack ended at the first start; 0 before. A trap leaves it where it was.
    first_stack: usize,
}

struct Single(UnsafeCell<Border>);

// SAFETY: the host runs the module in one thread and never calls it while a call is under way.
unsafe impl Sync for Single {}

static BORDER: Single = Single(UnsafeCell::new(Border {
    buffers: Buffers::new(),
    guest: None,
    in_call: false,
    traps: 0,
    first_stack: 0,
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
    border.buffers.hand_out(size)
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
    let buffers = &mut border.buffers;
    buffers.tag_is_out = false;
    let is_ours = core::ptr::eq(buffers.record.as_ptr(), record) && record_len < buffers.record.capacity();
    if is_ours && buffers.looks_in > 0 {
        buffers.looks_in -= 1;
        // SAFETY: the capacity holds `record_len` bytes, and the host has written them since `malloc`.
        unsafe { buffers.record.set_len(record_len) };
    } else if let Err(answer) = border.take_in(record, record_len, is_ours) {
        return answer;
    }
    let tag = border.tag(tag, tag_len);
    if border.in_call || border.guest.is_none() {
        border.start();
    }
    border.in_call = true;
    if let Some(guest) = &mut border.guest {
        guest.process(tag, Time::from_parts(seconds, nanos), &mut border.buffers.record);
    }
    border.in_call = false;
    // never more than was reserved: annotations are left out where there is no room
    border.buffers.record.push(0);
    border.buffers.record.as_ptr()
}

impl Border {
    /// Takes the host's record into the buffer after a look at the memory. `Err`: what the host gets back at once.
    #[cold]
    #[inline(never)] // speed
    fn take_in(&mut self, record: *mut u8, len: usize, is_ours: bool) -> Result<(), *const u8> {
        if !is_inside_memory(record, len) {
            return Err(NO_MEMORY.as_ptr());
        }
        match self.buffers.look(self.guest.is_none()) {
            Look::Room => {}
            Look::Short => return Err(record),
            Look::NewlyShort => {
                let _ = write(Fd(2), b"[fluent-anomaly] too little memory: records are passed on unscored\n");
                return Err(record);
            }
        }
        let buffer = &mut self.buffers.record;
        if is_ours {
            // SAFETY: the capacity holds `len` bytes, and the host has written them since `malloc`.
            unsafe { buffer.set_len(len) };
            return Ok(());
        }
        buffer.clear();
        if buffer.try_reserve(len.saturating_add(SPARE)).is_err() {
            return Err(record); // no room to copy it: it leaves as it came
        }
        // SAFETY: the bytes lie inside of linear memory and were written by the host. They may lie within the buffer
        // itself, whose bytes stay where they are while it is not grown: `copy` allows that.
        unsafe {
            core::ptr::copy(record, buffer.as_mut_ptr(), len);
            buffer.set_len(len);
        }
        Ok(())
    }

    /// Begins, or begins again after a trap.
    #[cold]
    #[inline(never)] // stack
    fn start(&mut self) {
        if self.in_call {
            // whatever the guest held may be half done: forget it, and read the models again from their journal
            let was_starting = self.guest.take().map(core::mem::forget).is_none();
            self.traps += 1;
            // what stopped a start once would stop it at every record
            if was_starting || self.first_stack.saturating_sub(stack()) > LOST_STACK {
                self.guest = Some(Guest::pass(self.traps));
                return;
            }
        }
        if self.first_stack == 0 {
            self.first_stack = stack();
        }
        self.in_call = true;
        self.guest = Some(Guest::start(self.traps));
    }

    /// The tag as the host left it.
    #[inline]
    fn tag(&self, pointer: *const u8, len: usize) -> &'static [u8] {
        let is_ours = core::ptr::eq(self.buffers.tag.as_ptr(), pointer) && len <= self.buffers.tag.capacity();
        if !is_ours && !is_inside_memory(pointer, len) {
            return &[];
        }
        // SAFETY: the bytes lie inside of linear memory, and the host has written them (a `malloc` buffer, or its
        // own heap). Nothing writes there until this call returns, and the slice is not kept longer.
        unsafe { core::slice::from_raw_parts(pointer, len) }
    }
}

/// The end of the shadow stack, which grows down.
fn stack() -> usize {
    let here = 0u8;
    core::ptr::from_ref(core::hint::black_box(&here)).addr()
}

/// A pointer of 0 means that the host found no memory for the data, yet calls all the same.
#[cold]
#[inline(never)] // speed
fn is_inside_memory(pointer: *const u8, len: usize) -> bool {
    const PAGE: usize = 65_536;
    let end = (pointer as usize).checked_add(len);
    !pointer.is_null() && end.is_some_and(|end| end.div_ceil(PAGE) <= core::arch::wasm32::memory_size(0))
}

/// An open file or folder of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fd(u32);

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
    fn clock_time_get(clock: u32, precision: u64, into: *mut u64) -> u32;
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

/// The clock of the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WasiClock;

impl HostClock for WasiClock {
    fn now(&mut self) -> Option<Time> {
        const REALTIME: u32 = 0;
        const MILLISECOND: u64 = 1_000_000;
        let mut nanos = 0;
        // SAFETY: `nanos` is a valid place for the 8 bytes that the host writes.
        check(unsafe { clock_time_get(REALTIME, MILLISECOND, &mut nanos) }).ok()?;
        i64::try_from(nanos).ok().map(Time::from_nanos)
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

/// Kubernetes mounts the files of a ConfigMap as symbolic links.
const FOLLOW_LINKS: u32 = 1;

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
    check(unsafe {
        path_open(dir.0, FOLLOW_LINKS, path.as_ptr(), path.len(), oflags, rights, 0, fdflags, &mut fd)
    })?;
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
#[inline(always)] // speed
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
