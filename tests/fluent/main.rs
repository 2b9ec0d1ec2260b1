//! Fluent Bit and Fluentd: the forward client, the shipped configurations, and the whole chain.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod alerts;
mod chain;
mod fluent_bit;
mod fluent_bit_faults;
mod fluent_bit_monitor;
mod fluentd;
mod forward;
mod forward_hosts;
mod groups;
mod init;
mod logs;
mod odd_values;
mod patterns;
mod predecessor;
mod recipes;
mod serve;
mod serve_clients;
mod serve_faults;
mod serve_hosts;
mod serve_panics;
mod serve_state;
mod serve_upgrade;
mod settle;
