//! Fluent Bit's C interface for outputs (the one its Go plugins use), and all unsafe code of the plugin.
//!
//! Layouts are the same in every release from 1.9 to 5.1 as far as they are declared here; what newer hosts
//! append is neither declared nor touched. The host keeps one opaque pointer for each `[OUTPUT]` section: it
//! gets a number here, looked up at each call, so that a stale or repeated pointer is no more than unknown.
#![expect(unsafe_code, reason = "this is the border")]

use crate::instance::{Instance, Line, line};
use fluent_anomaly::sinks::datadog::{ChunkVerdict, NoteLevel};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const FLB_ERROR: c_int = 0;
const FLB_OK: c_int = 1;
const FLB_RETRY: c_int = 2;
/// An output plugin, called by the convention of Go plugins.
const OUTPUT: c_int = 2;
const GOLANG: c_int = 11;

/// `struct flb_plugin_proxy_def` up to the field that every host has. Newer hosts have more behind it, zeroed;
/// on older ones foreign heap lies there.
#[repr(C)]
struct Definition {
    kind: c_int,
    proxy: c_int,
    flags: c_int,
    name: *const c_char,
    description: *const c_char,
}

/// `struct flbgo_output_plugin` as far as it is read. The host reuses it for the next section.
#[repr(C)]
struct Plugin {
    name: *const c_char,
    api: *const Api,
    instance: *mut c_void,
    context: *mut Context,
}

#[repr(C)]
struct Context {
    remote: *mut c_void,
    proxy: *mut c_void,
}

type GetProperty = unsafe extern "C" fn(*const c_char, *mut c_void) -> *const c_char;
type LogPrint = unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char, ...);
type LogCheck = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

/// `struct flb_api`: hosts before 2.0 have the first slot only.
#[repr(C)]
struct Api {
    output_get_property: Option<GetProperty>,
    input_get_property: *const c_void,
    output_get_cmt_instance: *const c_void,
    input_get_cmt_instance: *const c_void,
    log_print: Option<LogPrint>,
    input_log_check: *const c_void,
    output_log_check: Option<LogCheck>,
}

/// What the host offers to one section.
#[derive(Clone, Copy)]
struct Host {
    get_property: Option<GetProperty>,
    /// `None` on hosts without a logging interface.
    log: Option<(LogPrint, LogCheck)>,
    instance: *mut c_void,
}

// SAFETY: the functions are the host's own code and its `instance` outlives the section; the host itself calls
// them from any of its threads. This side calls them only from Init, a flush and Exit, which are host threads.
unsafe impl Send for Host {}
// SAFETY: as above; nothing is written through the pointers.
unsafe impl Sync for Host {}

impl Host {
    /// # Safety
    /// `plugin` is what the host passed to Init, during Init.
    unsafe fn new(plugin: *const Plugin) -> Option<Self> {
        if plugin.is_null() {
            return None;
        }
        // SAFETY: the first four fields are the same in every host.
        let (api, instance) = unsafe { ((*plugin).api, (*plugin).instance) };
        if api.is_null() {
            return None;
        }
        // SAFETY: every host has the first slot. It is read through a pointer to it alone: a reference to the
        // whole table would claim slots that an old host does not have.
        let get_property = unsafe { (&raw const (*api).output_get_property).read() };
        let log = if has_log_slots() {
            // SAFETY: such a host has slots 0 to 6.
            let slots = unsafe {
                ((&raw const (*api).log_print).read(), (&raw const (*api).output_log_check).read())
            };
            slots.0.zip(slots.1)
        } else {
            None
        };
        Some(Self { get_property, log, instance })
    }

    /// An option of the section.
    fn property(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        // SAFETY: the name ends in NUL; the answer is NULL or a C string of the host that lives as long as the
        // section, and is copied at once.
        unsafe {
            let value = self.get_property?(name.as_ptr(), self.instance);
            (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
        }
    }

    /// Writes to the host's log if it wants lines of this level.
    fn log(&self, (level, text): &Line) {
        let number = match level {
            NoteLevel::Error => 1,
            NoteLevel::Warn => 2,
            NoteLevel::Info => 3,
        };
        match self.log {
            // SAFETY: the format takes one C string and gets one; the file name may be NULL.
            Some((print, check)) => unsafe {
                if check(self.instance, number) != 0 {
                    print(number, ptr::null(), 0, c"%s".as_ptr(), text.as_ptr());
                }
            },
            None => {
                let level = ["", "error", " warn", " info"].get(number as usize).copied().unwrap_or_default();
                eprintln!("[{level}] {}", text.to_string_lossy());
            }
        }
    }
}

/// The host called PreRegister, which hosts do from 2.2 on.
static PRE_REGISTERED: AtomicBool = AtomicBool::new(false);

/// Whether the host's table has its logging slots. The table carries neither size nor version.
fn has_log_slots() -> bool {
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    }
    // SAFETY: NULL is RTLD_DEFAULT; the name ends in NUL. The address is compared, never called: 2.0 and 2.1
    // export this function, 1.9 has none of that name.
    PRE_REGISTERED.load(Ordering::Relaxed)
        || unsafe { !dlsym(ptr::null_mut(), c"flb_output_log_check".as_ptr()).is_null() }
}

/// Sections that run, by the number the host holds.
static SECTIONS: Mutex<BTreeMap<usize, (Arc<Instance>, Host)>> = Mutex::new(BTreeMap::new());

fn sections() -> MutexGuard<'static, BTreeMap<usize, (Arc<Instance>, Host)>> {
    SECTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A panic must not cross the border: the host would abort.
fn guarded(on_panic: c_int, work: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(on_panic)
}

/// The first call of hosts from 2.2 on.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn FLBPluginPreRegister(_hot_reloading: c_int) -> c_int {
    PRE_REGISTERED.store(true, Ordering::Relaxed);
    0
}

/// Names the plugin. Called again at each reload, while older sections run.
///
/// # Safety
/// `definition` is NULL or points to the host's definition.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn FLBPluginRegister(definition: *mut c_void) -> c_int {
    let definition = definition.cast::<Definition>();
    if definition.is_null() {
        return -1;
    }
    // SAFETY: these five fields exist in every host. They are written one by one, because writing a whole
    // struct may write its padding, and anything behind `description` may be foreign. The texts are static:
    // old hosts keep the pointers for good, and no host frees them.
    unsafe {
        (&raw mut (*definition).kind).write(OUTPUT);
        (&raw mut (*definition).proxy).write(GOLANG);
        (&raw mut (*definition).flags).write(0);
        (&raw mut (*definition).name).write(c"dd".as_ptr());
        (&raw mut (*definition).description).write(c"Points and anomaly scores to Datadog".as_ptr());
    }
    0
}

/// Starts a section.
///
/// # Safety
/// `plugin` is NULL or the host's plugin, whose context belongs to the section that starts.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn FLBPluginInit(plugin: *mut c_void) -> c_int {
    let plugin = plugin.cast::<Plugin>();
    guarded(FLB_ERROR, || {
        // SAFETY: passed on as it came.
        let Some(host) = (unsafe { Host::new(plugin) }) else { return FLB_ERROR };
        match Instance::start(|name| host.property(name)) {
            Ok((instance, hello)) => {
                // 0 would be NULL, which stands for no section
                static NUMBER: AtomicUsize = AtomicUsize::new(1);
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                // SAFETY: the plugin is not NULL, or there were no host; the context is read and written only
                // during Init, as the host wants it. The number is never used as an address.
                unsafe {
                    let context = (*plugin).context;
                    if context.is_null() {
                        return FLB_ERROR;
                    }
                    (*context).remote = ptr::without_provenance_mut(number);
                }
                sections().insert(number, (Arc::new(instance), host));
                host.log(&hello);
                FLB_OK
            }
            Err(error) => {
                for problem in &error.problems {
                    host.log(&line(NoteLevel::Error, problem));
                }
                FLB_ERROR
            }
        }
    })
}

/// Ships a chunk. May be called by several threads at once.
///
/// # Safety
/// `data` has `len` bytes and `tag` ends in NUL, both for the time of the call.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn FLBPluginFlushCtx(
    context: *mut c_void,
    data: *const c_void,
    len: usize,
    tag: *const c_char,
) -> c_int {
    guarded(FLB_ERROR, || {
        let Some((instance, host)) = sections().get(&context.addr()).cloned() else { return FLB_ERROR };
        if data.is_null() || len == 0 {
            return FLB_OK;
        }
        // SAFETY: the host's chunk, valid during the call; it is copied, so that no thread of ours ever reads
        // it behind the host's back.
        let chunk = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec();
        let tag = if tag.is_null() {
            String::new()
        } else {
            // SAFETY: the host's tag, ending in NUL, copied.
            unsafe { CStr::from_ptr(tag) }.to_string_lossy().into_owned()
        };
        let (verdict, lines) = instance.flush(chunk, tag);
        for line in &lines {
            host.log(line);
        }
        match verdict {
            ChunkVerdict::Done => FLB_OK,
            ChunkVerdict::Retry => FLB_RETRY,
            ChunkVerdict::Failed => FLB_ERROR,
        }
    })
}

/// Ends a section and joins its threads. NULL, and sections that ended already, are nothing.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn FLBPluginExitCtx(context: *mut c_void) -> c_int {
    guarded(FLB_ERROR, || {
        let ended = sections().remove(&context.addr());
        if let Some((instance, host)) = ended {
            let totals = instance.stop();
            host.log(&line(NoteLevel::Info, &totals.to_string()));
        }
        FLB_OK
    })
}
