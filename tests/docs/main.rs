//! What the documents show is what the programs do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod attributes;
mod config_keys;
mod examples;
mod kubernetes;
mod links;
mod modules;
mod readme;
mod sources;
