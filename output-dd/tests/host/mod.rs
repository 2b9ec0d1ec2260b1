//! A host in miniature: loads the built library and calls it as Fluent Bit does.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a host that cannot work fails the test")]

use libloading::{Library, Symbol};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Mutex;

pub(crate) const ERROR: c_int = 0;
pub(crate) const OK: c_int = 1;
pub(crate) const RETRY: c_int = 2;
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// `struct flb_api` of hosts from 2.0 on.
#[repr(C)]
pub(crate) struct Api {
    pub(crate) slots: [*const c_void; 7],
}

// SAFETY: the slots are addresses of functions.
unsafe impl Sync for Api {}

/// `struct flbgo_output_plugin`, whole.
#[repr(C)]
pub(crate) struct Plugin {
    name: *const c_char,
    pub(crate) api: *const c_void,
    pub(crate) section: *const Section,
    pub(crate) context: *mut Context,
    callbacks: [*const c_void; 5],
}

#[repr(C)]
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) remote: *mut c_void,
    proxy: *mut c_void,
}

/// What stands behind `o_ins`.
#[derive(Debug, Default)]
pub(crate) struct Section {
    options: Vec<(String, CString)>,
    log: Mutex<Vec<String>>,
}

impl Section {
    pub(crate) fn new(options: &[(&str, &str)]) -> Self {
        let options = options.iter().map(|(n, v)| ((*n).to_owned(), CString::new(*v).unwrap())).collect();
        Self { options, log: Mutex::default() }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

pub(crate) unsafe extern "C" fn get_property(name: *const c_char, section: *const Section) -> *const c_char {
    let (name, section) = unsafe { (CStr::from_ptr(name).to_str().unwrap(), &*section) };
    let found = section.options.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map_or(std::ptr::null(), |(_, value)| value.as_ptr())
}

thread_local! {
    /// The section whose level was checked last: `log_print` is not told.
    static CHECKED: std::cell::Cell<*const Section> = const { std::cell::Cell::new(std::ptr::null()) };
}

/// Variadic in C. Rust cannot define such a function, but on Linux the fifth argument travels the same way.
unsafe extern "C" fn log_print(
    level: c_int,
    file: *const c_char,
    _line: c_int,
    format: *const c_char,
    text: *const c_char,
) {
    let (format, text) = unsafe { (CStr::from_ptr(format), CStr::from_ptr(text)) };
    assert!(file.is_null());
    assert_eq!(format, c"%s");
    let section = CHECKED.with(std::cell::Cell::get);
    let line = format!("{level} {}", text.to_str().unwrap());
    unsafe { (*section).log.lock().unwrap().push(line) };
}

unsafe extern "C" fn output_log_check(section: *const Section, level: c_int) -> c_int {
    CHECKED.with(|checked| checked.set(section));
    c_int::from(level <= 3)
}

pub(crate) fn api() -> Api {
    let foreign = 0xaaaa_aaaa_usize as *const c_void;
    let mut slots = [foreign; 7];
    slots[0] = get_property as *const c_void;
    slots[4] = log_print as *const c_void;
    slots[6] = output_log_check as *const c_void;
    Api { slots }
}

/// The library beside this test's executable.
pub(crate) struct Host {
    library: Library,
    pub(crate) api: Api,
}

impl Host {
    /// Loads the library; calls nothing yet.
    pub(crate) fn load() -> Self {
        let path = std::env::current_exe().unwrap().with_file_name("libout_dd.so");
        let library = unsafe { Library::new(&path) }.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self { library, api: api() }
    }

    /// Loads it as a host from 2.2 on does.
    pub(crate) fn new() -> Self {
        let host = Self::load();
        assert_eq!(host.pre_register(0), 0);
        host
    }

    fn symbol<T>(&self, name: &str) -> Symbol<'_, T> {
        unsafe { self.library.get(name.as_bytes()) }.unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        unsafe { self.library.get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_ok()
    }

    pub(crate) fn pre_register(&self, reloading: c_int) -> c_int {
        unsafe { self.symbol::<unsafe extern "C" fn(c_int) -> c_int>("FLBPluginPreRegister")(reloading) }
    }

    pub(crate) fn register(&self, definition: *mut u8) -> c_int {
        unsafe { self.symbol::<unsafe extern "C" fn(*mut u8) -> c_int>("FLBPluginRegister")(definition) }
    }

    /// Starts a section through a plugin that is gone right afterwards, as the host overwrites its own.
    pub(crate) fn init(&self, section: &Section) -> (c_int, Context) {
        self.init_with(std::ptr::from_ref(&self.api).cast(), section)
    }

    pub(crate) fn init_with(&self, api: *const c_void, section: &Section) -> (c_int, Context) {
        let mut context = Context { remote: std::ptr::null_mut(), proxy: std::ptr::null_mut() };
        let callbacks = [std::ptr::null(); 5];
        let mut plugin = Plugin { name: c"dd".as_ptr(), api, section, context: &raw mut context, callbacks };
        let code = unsafe {
            self.symbol::<unsafe extern "C" fn(*mut Plugin) -> c_int>("FLBPluginInit")(&raw mut plugin)
        };
        (code, context)
    }

    pub(crate) fn flush(&self, remote: usize, chunk: &[u8]) -> c_int {
        type Flush = unsafe extern "C" fn(*mut c_void, *const u8, usize, *const c_char) -> c_int;
        let flush = self.symbol::<Flush>("FLBPluginFlushCtx");
        unsafe { flush(remote as *mut c_void, chunk.as_ptr(), chunk.len(), c"some.tag".as_ptr()) }
    }

    pub(crate) fn exit(&self, remote: usize) -> c_int {
        let exit = self.symbol::<unsafe extern "C" fn(*mut c_void) -> c_int>("FLBPluginExitCtx");
        unsafe { exit(remote as *mut c_void) }
    }
}

/// `[now, {"metric": "m", "value": 1}]`
pub(crate) fn chunk() -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut chunk = vec![0x92, 0xce];
    chunk.extend(u32::try_from(now).unwrap().to_be_bytes());
    chunk.extend(b"\x82\xa6metric\xa1m\xa5value\x01");
    chunk
}
