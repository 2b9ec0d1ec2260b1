//! The Fluent forward protocol, server side: chunks of Fluent Bit, Fluentd and their libraries.
//!
//! | file | what it knows |
//! |---|---|
//! | `settings` | where clients connect, and what they may do |
//! | `messages` | options, acks, HELO and PING as bytes |
//! | `chunk` | entries: their times and records |
//! | `unpack` | gzip and zstd, bounded |
//! | `frame_error` | why a message is not taken |
//! | `frame` | a message of any of the four modes -> chunk |
//! | `frame_memory` | what all messages on their way may take together |
//! | `handshake` | shared key and users |
//! | `tls` | certificates |
//! | `stream` | a connection with deadlines |
//! | `connection` | one client: messages in, acks out |
//! | `listener` | accepts clients, a thread each, up to a bound |
//!
//! A chunk with an id is acknowledged when whoever takes it ([`TakeChunk`]) says that it has arrived for good. The next
//! message of the connection is read then, so that a client's order is kept and a slow receiver slows its clients down.

mod chunk;
mod connection;
mod frame;
mod frame_error;
mod frame_memory;
mod handshake;
mod listener;
mod messages;
mod settings;
mod stream;
mod tls;
mod unpack;

pub use chunk::{IncomingChunk, IncomingEntry, Skipped};
pub use connection::{Arrival, ClientEvent, TakeChunk};
pub use frame::read_frame;
pub use frame_error::FrameError;
pub use frame_memory::HeldMemory;
pub use handshake::ServerSecurity;
pub use listener::{ListenError, Listener};
pub use messages::{ChunkId, Text};
pub use settings::{ListenAddress, ListenAddressError, ServerSettings};
pub use tls::{ServerTlsError, server_tls};
