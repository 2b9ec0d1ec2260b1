//! Streaming anomaly detection inside Fluent Bit and Fluentd pipelines.
//!
//! The modules follow the flow of a record; each uses only what stands above it:
//!
//! | module | what it knows |
//! |---|---|
//! | [`codec`] | bytes of saved state: primitives, checksums |
//! | [`time`] | instants of event time |
//! | [`record`] | a record's text: find fields, append annotations, touch nothing else |
//! | [`detector`] | numbers and time, nothing else |
//! | [`monitor`] | query grammar, windows, thresholds, alert states |
//! | [`config`] | INI text -> checked [`config::Config`], all problems at once |
//! | [`bank`] | a model for each series; cap, eviction, exact restart |
//! | [`pipeline`] | the one call every host makes |
//! | `companion` | what sinks and sources share: clock, counters, notices, waits (feature `companion`) |
//! | `sink` | where records and scores leave for (feature `datadog`) |
//! | [`source`] | where records come from: files; Datadog (feature `companion`) |
#![forbid(unsafe_code)]

/// A module for browsers, which is downloaded: size counts for more than the last tenth of speed.
pub(crate) const IS_COMPACT: bool = cfg!(all(feature = "compact", target_family = "wasm"));

pub mod bank;
pub mod codec;
pub mod config;
pub mod detector;
pub mod monitor;
pub mod pipeline;
pub mod record;
#[cfg(feature = "datadog")]
pub mod sink;
pub mod source;
pub mod time;

#[cfg(all(feature = "companion", not(target_family = "wasm")))]
pub mod companion;

/// Compiles and runs the Rust part of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
