//! Where records and scores leave for.

pub mod datadog;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod forward;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
mod metric;
#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod slack;

#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub use metric::{ChosenOrder, MetricRecord, NO_HOST, RecordSink, SinkError, StdoutSink};
