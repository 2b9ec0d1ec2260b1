//! fluent-anomaly as Fluent Bit loads it: `anomaly_filter.wasm`.
//!
//! | file | what it holds |
//! |---|---|
//! | `abi.rs` | exports and imports, all `unsafe` of this crate |
//! | `buffers.rs` | the two buffers that the host fills |
//! | `errno.rs` | error numbers of WASI, in words |
//! | `guest.rs` | finds the configuration, keeps the pipeline, recovers after an internal error |
//! | `folder.rs` | the bank's storage over WASI |
//!
//! Everything else is the library. Off WASM the crate is empty, so that a plain `cargo test --workspace` builds.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

#[cfg(target_arch = "wasm32")]
mod abi;
#[cfg(target_arch = "wasm32")]
mod buffers;
#[cfg(target_arch = "wasm32")]
mod errno;
#[cfg(target_arch = "wasm32")]
mod folder;
#[cfg(target_arch = "wasm32")]
mod guest;

#[cfg(all(target_arch = "wasm32", feature = "talc"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(all(target_arch = "wasm32", feature = "wee_alloc", not(feature = "talc")))]
#[global_allocator]
static ALLOCATOR: wee_alloc::WeeAlloc<'static> = wee_alloc::WeeAlloc::INIT;
