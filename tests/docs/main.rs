//! What the documents show is what the programs do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod attributes;
#[path = "../common/mod.rs"]
mod common;
mod config_keys;
mod config_mistakes;
mod dashboards;
mod examples;
mod kubernetes;
mod links;
mod modules;
mod pages;
mod readme;
mod sources;
