//! Calls the built module exactly as Fluent Bit does (`flb_wasm_call_function_format_json`).

use std::path::Path;
use std::sync::OnceLock;

use wasmi::{Config, Engine, Instance, Linker, Memory, Module, Store, StoreLimitsBuilder, TypedFunc};

use super::build;
use super::wasi::{self, Faults, World};

/// Whether the host gives the tag and the record back: 4.1.0 and 4.1.1 do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frees {
    Always,
    Never,
}

type Filter = TypedFunc<(u32, u32, u32, u32, u32, u32), u32>;

/// One instance of the module.
pub(crate) struct Host {
    store: Store<World>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: Filter,
    pub(crate) frees: Frees,
}

/// The engine, with the features that WAMR 1.3 has, and the module in it.
pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let bytes = std::fs::read(build::wasm_module()).expect("the module is there");
        Module::new(&engine(), &bytes[..]).expect("the module is valid without newer features of WASM")
    })
}

/// As WAMR 1.3 is built in Fluent Bit 3.2: no reference types, so an index of a table is a single zero byte.
pub(crate) fn engine() -> Engine {
    Engine::new(&features())
}

fn features() -> Config {
    let mut config = Config::default();
    config.wasm_reference_types(false).wasm_tail_call(false).wasm_multi_memory(false);
    config.wasm_extended_const(false).wasm_custom_page_sizes(false).wasm_wide_arithmetic(false);
    config
}

/// More operations than a test can take.
const FUEL: u64 = u64::MAX / 2;

impl Host {
    /// With one folder as `accessible_paths`.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(&[("fluent-config", folder)], Faults::default(), usize::MAX)
    }

    /// Counts the operations that it interprets.
    pub(crate) fn start_counting(folder: &Path) -> Self {
        let bytes = std::fs::read(build::wasm_module()).expect("the module is there");
        let engine = Engine::new(features().consume_fuel(true));
        let module = Module::new(&engine, &bytes[..]).expect("the module is valid");
        Self::instantiate(&module, &[("fluent-config", folder)], Faults::default(), usize::MAX)
    }

    /// `memory`: bytes of linear memory that the host grants.
    pub(crate) fn start_with(folders: &[(&str, &Path)], faults: Faults, memory: usize) -> Self {
        Self::instantiate(module(), folders, faults, memory)
    }

    fn instantiate(module: &Module, folders: &[(&str, &Path)], faults: Faults, memory: usize) -> Self {
        let folders = folders.iter().map(|(name, path)| ((*name).to_owned(), path.to_path_buf())).collect();
        let limits = StoreLimitsBuilder::new().memory_size(memory).build();
        let world = World { folders, faults, limits, ..World::default() };
        let mut store = Store::new(module.engine(), world);
        store.limiter(|world| &mut world.limits);
        let _ = store.set_fuel(FUEL); // refused where none is counted
        let mut linker = Linker::new(module.engine());
        wasi::define(&mut linker).expect("names are not doubled");
        let instance: Instance =
            linker.instantiate_and_start(&mut store, module).expect("the module can be instantiated");
        // WAMR runs it as part of the instantiation
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
            initialize.call(&mut store, ()).expect("_initialize returns");
        }
        let memory = instance.get_memory(&store, "memory").expect("the module exports its memory");
        let malloc = instance.get_typed_func(&store, "malloc").expect("malloc(i32) -> i32");
        let free = instance.get_typed_func(&store, "free").expect("free(i32)");
        let filter = instance.get_typed_func(&store, "anomaly_filter").expect("the filter's signature");
        Self { store, memory, malloc, free, filter, frees: Frees::Always }
    }

    /// One record through the filter; an error is a record that the host would drop.
    pub(crate) fn filter(&mut self, tag: &[u8], time: (u32, u32), record: &[u8]) -> Result<Vec<u8>, String> {
        let tag_buffer = self.duplicate(tag);
        let record_buffer = self.duplicate(record);
        let result =
            self.call((tag_buffer, tag.len() as u32, time.0, time.1, record_buffer, record.len() as u32));
        if self.frees == Frees::Always {
            for buffer in [tag_buffer, record_buffer].into_iter().filter(|buffer| *buffer != 0) {
                self.free.call(&mut self.store, buffer).map_err(|error| format!("trap in free: {error}"))?;
            }
        }
        result
    }

    /// The call alone: what the result points to, up to its NUL.
    pub(crate) fn call(&mut self, args: (u32, u32, u32, u32, u32, u32)) -> Result<Vec<u8>, String> {
        let result = self.filter.call(&mut self.store, args).map_err(|error| format!("trap: {error}"))?;
        if result == 0 {
            return Err("0 returned".to_owned());
        }
        let memory = self.memory.data(&self.store);
        let text = memory.get(result as usize..).ok_or("an address outside of memory returned")?;
        let end = text.iter().position(|&byte| byte == 0).ok_or("no NUL behind the result")?;
        if end == 0 {
            return Err("an empty string returned".to_owned());
        }
        Ok(text[..end].to_vec())
    }

    /// `wasm_runtime_module_dup_data`: a copy with its NUL in the module's memory, or 0.
    pub(crate) fn duplicate(&mut self, bytes: &[u8]) -> u32 {
        let at = self.malloc.call(&mut self.store, bytes.len() as u32 + 1).unwrap_or(0);
        if at != 0 {
            self.put(at, bytes);
        }
        at
    }

    /// A page behind everything that the module uses, as WAMR's own heap is.
    pub(crate) fn own_heap(&mut self) -> u32 {
        let page = self.memory.grow(&mut self.store, 1).expect("one more page");
        page as u32 * 65_536
    }

    /// Copies text and its NUL to a place.
    pub(crate) fn put(&mut self, at: u32, bytes: &[u8]) {
        let place = &mut self.memory.data_mut(&mut self.store)[at as usize..][..bytes.len() + 1];
        place[..bytes.len()].copy_from_slice(bytes);
        place[bytes.len()] = 0;
    }

    /// Operations so far; none where they are not counted.
    pub(crate) fn operations(&self) -> Option<u64> {
        self.store.get_fuel().ok().map(|left| FUEL - left)
    }

    /// Bytes of linear memory now.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// What the filter wrote to standard error since the last call.
    pub(crate) fn take_log(&mut self) -> String {
        std::mem::take(&mut self.store.data_mut().log)
    }

    /// The host's world: faults, open files.
    pub(crate) fn world(&mut self) -> &mut World {
        self.store.data_mut()
    }
}
