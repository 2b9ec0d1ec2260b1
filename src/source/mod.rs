//! Sources of records.

#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod datadog;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod forward;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod pull;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod series_file;
