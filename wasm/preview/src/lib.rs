//! One series under one set of parameters: what `fluent-anomaly` makes of it, point by point.
//!
//! The page of `fluent-anomaly report` and the JavaScript package hold one [`Preview`] a series and evaluate it anew
//! whenever a parameter changes. Bands, states and scores come from the library; nothing is computed here.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings.rs` | texts of controls -> query and checked parameters, or what `check` says of them |
//! | `series.rs` | times and values, and their evaluation |
//! | `evaluation.rs` | columns of the result |
//! | `copy.rs` | query, INI sections and JSON body to take along |
//! | `json.rs`, `replies.rs` | write JSON |
//! | `abi.rs` (feature `page`) | plain exports for the page |
//! | `bindings.rs` (feature `package`) | classes for JavaScript |
#![cfg_attr(not(feature = "page"), forbid(unsafe_code))]

#[cfg(all(target_arch = "wasm32", feature = "talc"))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(all(target_arch = "wasm32", feature = "wee_alloc", not(feature = "talc")))]
#[global_allocator]
static ALLOCATOR: wee_alloc::WeeAlloc<'static> = wee_alloc::WeeAlloc::INIT;

#[cfg(feature = "page")]
mod abi;
#[cfg(feature = "package")]
pub mod bindings;
mod copy;
mod evaluation;
mod json;
#[cfg(any(feature = "page", feature = "package"))]
mod replies;
mod series;
mod settings;

pub use copy::Copies;
pub use evaluation::{Columns, Evaluation, Summary};
pub use series::{Preview, SeriesError};
pub use settings::{Checked, Problem, Settings};
