//! The companion: its scheduler, its daemon, its metrics, and the commands beside the filter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod daemon;
mod eval;
mod every_sample;
mod inputs;
mod log_samples;
mod metrics;
mod options;
mod predecessor;
mod pull;
mod pull_command;
mod replay;
mod samples;
mod select_k;
mod shapes;
mod slack;
