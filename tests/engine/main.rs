//! The detectors by numbers: ChangeFinder against its reference, bands against oracles, faults and time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod bands;
mod bands_clean;
mod bands_degenerate;
mod bands_oracles;
mod bands_state;
mod bands_suggest;
mod bands_time;
mod golden;
mod no_allocation;
mod peers;
mod peers_budget;
