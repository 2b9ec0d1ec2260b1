//! Datadog on both ends: the query client, the `dd` output and the command of that name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod datadog_order;
mod datadog_sink;
mod datadog_source;
mod dd_command;
mod group_events;
