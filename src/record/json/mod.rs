//! Records as JSON text.

pub(super) mod escape;
mod padded;
mod scan;
mod suffix;
pub(super) mod template;
mod write;

pub(super) use scan::scan;
pub use suffix::{Suffix, SuffixText};
pub(super) use write::{annotate, append_suffix, append_value, pieces, takes_suffix};

use super::value::{Number, Repr, Text, Value};

/// The value with this text, which a scan has accepted; `number` if it was read already.
pub(super) fn value(text: &[u8], escaped: bool, number: Option<f64>) -> Option<Value<'_>> {
    Some(match text.first()? {
        b'-' | b'0'..=b'9' => Value::Number(Number(Repr::Text(text, number))),
        b'"' => Value::Text(Text { bytes: text.get(1..text.len().checked_sub(1)?)?, escaped }),
        b'{' => Value::Object,
        b'[' => Value::Array,
        b'n' => Value::Null,
        b't' => Value::Bool(true),
        b'f' => Value::Bool(false),
        _ => return None,
    })
}
