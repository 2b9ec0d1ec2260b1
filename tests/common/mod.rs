//! What the tests of the shipped artefacts share.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod build;
pub(crate) mod msgpack;
pub(crate) mod program;
pub(crate) mod records;
pub(crate) mod wasi;
pub(crate) mod wasm_host;
