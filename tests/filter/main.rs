//! The filter as it ships: the built module as a host calls it, and the command `filter` through its pipes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod clocks;
mod deploy;
mod files;
mod log_series;
mod odd_groups;
mod soak;
mod wasm_filter;
