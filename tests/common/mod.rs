//! What the test programs share: each one has it all and uses a part.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

#[cfg(feature = "companion")]
pub(crate) mod api;
pub(crate) mod build;
pub(crate) mod config_map;
#[cfg(feature = "companion")]
pub(crate) mod forward_server;
pub(crate) mod hosts;
#[cfg(feature = "datadog")]
pub(crate) mod http;
pub(crate) mod http_server;
pub(crate) mod msgpack;
pub(crate) mod predecessor;
pub(crate) mod program;
pub(crate) mod records;
pub(crate) mod series;
pub(crate) mod slips;
pub(crate) mod wasi;
pub(crate) mod wasm_host;
#[cfg(feature = "companion")]
pub(crate) mod world;
