//! Records as JSON text.

pub(super) mod escape;
mod scan;
mod write;

pub(super) use scan::scan;
pub(super) use write::{annotate, pieces};

use super::value::{Number, Repr, Text, Value};

/// The value with this text, which a scan has accepted.
pub(super) fn value(text: &[u8], escaped: bool) -> Option<Value<'_>> {
    Some(match text {
        [b'"', bytes @ .., b'"'] => Value::Text(Text { bytes, escaped }),
        [b'{', ..] => Value::Object,
        [b'[', ..] => Value::Array,
        b"null" => Value::Null,
        b"true" => Value::Bool(true),
        b"false" => Value::Bool(false),
        [b'-' | b'0'..=b'9', ..] => Value::Number(Number(Repr::Text(text))),
        _ => return None,
    })
}
