//! `demo` and the page of `report`, through the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod demo;
mod report;
mod serve;
#[cfg(feature = "report")]
mod serving;
