//! Sources of records.

#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod datadog;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod pull;
pub mod series_file;
