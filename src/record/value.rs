//! A value of a record: where it stands, and what it is.

use super::json::escape;
use super::msgpack::head::{self, Body};
use super::number;

/// A part of a record.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// A JSON string with escapes.
    pub(super) escaped: bool,
}

/// Where the value of an input stands. It belongs to one scan; that of an earlier scan is missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct InputSpan {
    pub(super) scan: u32,
    pub(super) form: ValueForm,
    pub(super) start: usize,
    pub(super) end: usize,
    /// JSON: the value, for [`ValueForm::Number`].
    pub(super) number: f64,
}

impl InputSpan {
    #[inline(always)] // speed
    pub(super) fn new(scan: u32, span: Span) -> Self {
        let form = if span.escaped { ValueForm::Escaped } else { ValueForm::Unread };
        Self { scan, form, start: span.start, end: span.end, number: 0.0 }
    }
}

/// What the scan knows of a value besides its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ValueForm {
    /// Nothing.
    #[default]
    Unread,
    /// It is a JSON string with escapes.
    Escaped,
    /// It is a JSON string without escapes.
    Plain,
    /// It is a JSON number, read already.
    Number,
}

/// A value of a record, borrowed from it and not yet decoded.
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

impl<'a> Value<'a> {
    /// The JSON value with this text, which a scan has accepted.
    pub(super) fn of_json(text: &'a [u8], span: &InputSpan) -> Option<Self> {
        Some(match text.first()? {
            b'-' | b'0'..=b'9' => {
                let number = (span.form == ValueForm::Number).then_some(span.number);
                Value::Number(Number(Repr::Text(text, number)))
            }
            b'"' => {
                let bytes = text.get(1..text.len().checked_sub(1)?)?;
                Value::Text(Text { bytes, escaped: span.form == ValueForm::Escaped })
            }
            b'{' => Value::Object,
            b'[' => Value::Array,
            b'n' => Value::Null,
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            _ => return None,
        })
    }

    /// The msgpack value with this encoding, which a scan has accepted.
    pub(super) fn of_msgpack(bytes: &'a [u8]) -> Option<Self> {
        let head = head::read(bytes).ok()?;
        Some(match head.body {
            Body::Nil => Value::Null,
            Body::Bool(value) => Value::Bool(value),
            Body::Unsigned(value) => Value::Number(Number(Repr::Unsigned(value))),
            Body::Signed(value) => Value::Number(Number(Repr::Signed(value))),
            Body::Float(value) => Value::Number(Number(Repr::Float(value))),
            Body::Text => Value::Text(Text { bytes: bytes.get(head.start..head.end)?, escaped: false }),
            Body::Array(_) => Value::Array,
            Body::Map(_) => Value::Object,
            Body::Extension => Value::Other,
        })
    }
}

/// A number as it stands in the record.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a>(Repr<'a>);

#[derive(Debug, Clone, Copy)]
enum Repr<'a> {
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

    /// The number, if it is an integer of 64 bits with a sign, in JSON one without fraction and exponent.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Text(text, _) => std::str::from_utf8(text).ok()?.parse().ok(),
            Repr::Unsigned(value) => i64::try_from(value).ok(),
            Repr::Signed(value) => Some(value),
            Repr::Float(_) => None,
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
    bytes: &'a [u8],
    /// JSON escapes are among the bytes; all are valid.
    escaped: bool,
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
