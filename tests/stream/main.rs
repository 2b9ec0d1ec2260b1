//! `stream` against a real broker, and against one that fails.
//!
//! `KAFKA=host:port` names a broker that is there; `TANSU=/path/of/tansu` an executable that each test starts for itself
//! (`.ci/run` fetches one).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod broker;
mod chaos;
mod exactly_once;
mod faults;
