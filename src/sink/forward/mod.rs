//! The Fluent forward protocol, client side: records to Fluent Bit and Fluentd, each chunk acknowledged.
//!
//! | file | what it knows |
//! |---|---|
//! | `settings` | servers, keys, time-outs |
//! | `encode` | records -> chunk: PackedForward with an option map, EventTime, gzip |
//! | `json` | JSON text -> msgpack |
//! | `answer` | the server's msgpack, bounded: HELO, PONG, ack |
//! | `handshake` | shared key, user and password |
//! | `stream` | TCP and TLS with a deadline on every call |
//! | `connection` | one connection: connect, handshake, send a chunk, await its ack |
//! | `settle` | acknowledged chunks are kept until their server has outlived the ack long enough |
//! | `client` | several connections: failover, back-off, resend of the same chunk |
//!
//! Delivery is at least once: a chunk whose ack does not come is sent again with the same id, over a new
//! connection (a late ack would shift every following one). Servers do not de-duplicate; who minds repeats
//! looks at the time of a series.

mod answer;
mod client;
mod connection;
mod encode;
mod handshake;
mod json;
mod settings;
mod settle;
mod stream;

/// Reads bytes as every answer that a server gives; the length of the first whole value, if there is one. For the fuzz
/// targets.
#[doc(hidden)]
#[must_use]
pub fn read_answers(bytes: &[u8]) -> Option<usize> {
    let _ = (answer::helo(bytes), answer::pong(bytes), answer::ack(bytes));
    answer::whole(bytes).ok().flatten()
}

pub use client::ForwardSink;
pub use connection::ForwardError;
pub use encode::{EncodeError, Entries, ForwardChunk, MAX_BODY_BYTES, MAX_ENTRY_BYTES};
pub use settings::{ForwardServer, ForwardSettings, ForwardSettingsError};
