//! `stream` against a broker, and against one that fails.
//!
//! The broker is the one in `cluster`, unless `KAFKA=host:port` names one that is there, or `TANSU=/path/of/tansu` an
//! executable that each test starts for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod broker;
mod chaos;
mod checkpoints;
mod cluster;
mod exactly_once;
mod faults;
mod figures;
mod recipe;
