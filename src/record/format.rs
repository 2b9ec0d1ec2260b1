//! How a record is written, and why bytes are not one.

use thiserror::Error;

/// The deepest nesting of containers, the record itself included. Deeper records are [`NotARecord`].
pub const MAX_DEPTH: usize = 1024;

/// How records are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object as text, white space around it allowed.
    Json,
    /// One msgpack map. WASM modules do without: their hosts pass JSON.
    Msgpack,
}

impl Format {
    /// The same, where it is asked what to do with it: a compiler sees here that WASM modules know JSON alone, and leaves
    /// out 6 kB.
    #[inline(always)] // speed
    pub(crate) const fn in_this_build(self) -> Self {
        if cfg!(target_family = "wasm") { Self::Json } else { self }
    }
}

/// The bytes are not one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a record: {why} at byte {at}")]
pub struct NotARecord {
    /// What is wrong.
    pub why: Why,
    /// Offset of the first wrong byte from the record's start; the record's length if it ends early.
    pub at: usize,
}

/// What keeps bytes from being a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Why {
    /// Some other value stands where the record's JSON object or msgpack map must begin.
    #[error("it does not begin with an object (`{{`) or map")]
    NotAnObject,
    /// The record ends in the middle of a value.
    #[error("it ends early")]
    Truncated,
    /// JSON: something else than the comma, colon, quote, bracket or value that must follow.
    #[error("unexpected character")]
    Unexpected,
    /// JSON: a control character (below 0x20) stands unescaped in a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// JSON: a backslash is not followed by one of `"\/bfnrt` or `u` and four hex digits.
    #[error("invalid escape in a string")]
    BadEscape,
    /// JSON: a number is not written as JSON wants it (`01`, `1.`, `.5`, `+1`, `0x1`).
    #[error("invalid number")]
    BadNumber,
    /// msgpack: the byte 0xc1, which no value begins with.
    #[error("byte 0xc1, which msgpack never uses,")]
    BadMarker,
    /// Containers are nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Something stands behind the record.
    #[error("something follows the record")]
    Trailing,
}

impl Why {
    #[cold]
    #[inline(never)] // speed: rare
    pub(super) fn at(self, at: usize) -> NotARecord {
        NotARecord { why: self, at }
    }
}
