//! A record's text: find fields, append annotations, touch nothing else.
//!
//! [`Extractor::scan`] walks a record once, checks that it is one well-formed JSON object (or msgpack map) and
//! notes where the wanted values stand; [`Found::value`] reads them; [`Extractor::annotate`] writes fields behind
//! the last member. Every byte that is not an annotation stays: order, white space, and the text of each number.
//!
//! ```
//! use fluent_anomaly::record::{Accessor, Extractor, Field, Format, Found, Output, Value};
//!
//! let inputs = [Accessor::parse("$latency_ms")?, Accessor::parse("$host['name']")?];
//! let outputs = [Output { name: "score".to_owned(), constant: None }];
//! let extractor = Extractor::new(Format::Json, &inputs, &outputs);
//! let mut found = Found::default();
//!
//! let mut record = br#"{"latency_ms":12.50,"host":{"name":"web-1"}}"#.to_vec();
//! extractor.scan(&record, &mut found)?;
//! let Some(Value::Number(latency)) = found.value(&record, 0) else { unreachable!() };
//! assert_eq!(latency.to_f64(), 12.5);
//!
//! extractor.annotate(&mut record, &found, &[(0, Field::Number(3.0))]);
//! assert_eq!(record, br#"{"latency_ms":12.50,"host":{"name":"web-1"},"score":3.0}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a record may cost
//! One pass, linear in its length; nothing is allocated once the scratch in [`Found`] has grown to the nesting
//! depth of the records. Nesting beyond [`MAX_DEPTH`] is refused, that is: such a record passes unchanged.

mod accessor;
mod extractor;
mod found;
mod json;
pub mod msgpack;
mod number;
mod output;
mod shortest;
mod tree;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use accessor::{Accessor, AccessorError};
pub use extractor::Extractor;
pub use found::Found;
pub use json::{Suffix, SuffixText};
pub use number::{format_f64, parse_f64};
pub use output::{Field, Output};
pub use value::{Number, Text, Value};

use thiserror::Error;

/// Containers that may stand inside each other, the record itself included. Deeper records are [`NotARecord`].
pub const MAX_DEPTH: usize = 1024;

/// How records are written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object as text, white space around it allowed.
    Json,
    /// One msgpack map.
    Msgpack,
}

/// Appends a value as it stands in a record of this format.
///
/// ```
/// use fluent_anomaly::record::{Field, Format, encode};
/// let mut out = Vec::new();
/// encode(Format::Json, &Field::Map(&[("status", Field::Text("OK"))]), &mut out);
/// assert_eq!(out, br#"{"status":"OK"}"#);
/// ```
pub fn encode(format: Format, field: &Field<'_>, out: &mut Vec<u8>) {
    match format {
        Format::Json => json::append_value(field, out),
        Format::Msgpack => msgpack::append_value(field, out),
    }
}

/// The bytes are not one record: they must pass as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a record: {why} at byte {at}")]
pub struct NotARecord {
    /// What is wrong.
    pub why: Why,
    /// Offset of the byte at which it shows, from the record's start; its length if the end comes too early.
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
    #[inline(never)]
    pub(crate) fn at(self, at: usize) -> NotARecord {
        NotARecord { why: self, at }
    }
}
