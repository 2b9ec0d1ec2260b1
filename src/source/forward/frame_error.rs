//! Why a message is not taken.

use thiserror::Error;

/// Why a message is not taken. The connection is closed: what comes next cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not msgpack, or nested too deeply.
    #[error("{0}")]
    BadBytes(String),
    /// msgpack, but no message of the protocol.
    #[error("no message of the forward protocol: {0}")]
    NotAMessage(&'static str),
    /// Longer than allowed.
    #[error("a message of {announced} bytes or more is not allowed: at most {limit} (max_frame_mb)")]
    TooLarge {
        /// Bytes that it has at least.
        announced: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The body cannot be unpacked.
    #[error("{how}: {why}")]
    Packed {
        /// `gzip` or `zstd`.
        how: &'static str,
        /// Cause.
        why: String,
    },
    /// There is no room for an unpacked body.
    #[error(
        "there is no memory to unpack a body of up to {bytes} bytes: other clients' messages take it (memory_mb)"
    )]
    NoMemory {
        /// Bytes that it may have.
        bytes: usize,
    },
    /// An unknown compression.
    #[error("compressed: {given:?} is not allowed: gzip, zstd or text")]
    Compression {
        /// Value given.
        given: String,
    },
    /// Metrics or traces of Fluent Bit.
    #[error(
        "fluent_signal: {given} is not allowed: only logs (0) are taken, no metrics (1) and no traces (2)"
    )]
    Signal {
        /// Value given.
        given: u64,
    },
}
