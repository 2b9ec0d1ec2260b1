//! Monitors: through the records, and through the command `monitor`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod fleet;
mod groups;
mod monitor_cli;
mod monitor_records;
mod queries;
