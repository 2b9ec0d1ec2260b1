//! A found value, borrowed from the record.

use super::json::escape;
use super::number;

/// A value of a record, not yet decoded.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `null`, nil.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(Number<'a>),
    /// A JSON string; msgpack str or bin.
    Text(Text<'a>),
    /// A JSON array, a msgpack array.
    Array,
    /// A JSON object, a msgpack map.
    Object,
    /// A msgpack extension type.
    Other,
}

/// A number as it stands in the record.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a>(pub(super) Repr<'a>);

#[derive(Debug, Clone, Copy)]
pub(super) enum Repr<'a> {
    /// A checked JSON number, and its value if the scan has read it.
    Text(&'a [u8], Option<f64>),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl<'a> Number<'a> {
    /// The nearest float; infinite for a JSON number beyond the range of floats, such as `1e999`, and whatever
    /// float a msgpack record holds, NaN among them.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        match self.0 {
            Repr::Text(_, Some(value)) => value,
            Repr::Text(text, None) => number::parse_f64(text),
            Repr::Unsigned(value) => value as f64,
            Repr::Signed(value) => value as f64,
            Repr::Float(value) => value,
        }
    }

    /// The JSON text, as it stands in the record; `None` in msgpack, which has none.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.0 {
            Repr::Text(text, _) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// Appends the number as text: that of the record, or for msgpack the shortest one.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        match self.0 {
            Repr::Text(text, _) => out.extend_from_slice(text),
            Repr::Unsigned(value) => number::append_u64(value, out),
            Repr::Signed(value) => number::append_i64(value, out),
            Repr::Float(value) => number::append_f64(value, out),
        }
    }
}

/// A text as it stands in the record.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// JSON escapes are among the bytes; all are valid.
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// Appends the text itself, without escapes. What is not UTF-8 in the record is appended as it is; half a
    /// surrogate pair becomes U+FFFD.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        if self.escaped {
            escape::append_unescaped(self.bytes, out);
        } else {
            out.extend_from_slice(self.bytes);
        }
    }

    /// The text itself, if it stands in the record without escapes.
    #[must_use]
    pub fn as_plain(&self) -> Option<&'a [u8]> {
        (!self.escaped).then_some(self.bytes)
    }
}
