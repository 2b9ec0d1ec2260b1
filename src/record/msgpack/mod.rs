//! Records as msgpack maps.

mod head;
mod scan;
mod stream;
mod write;

pub(super) use scan::{Level, scan};
pub use stream::{BadBytes, object_len};
pub(super) use write::{annotate, append_value, pieces};

use super::value::{Number, Repr, Text, Value};
use head::Body;

/// The value with this encoding, which a scan has accepted.
pub(super) fn value(bytes: &[u8]) -> Option<Value<'_>> {
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
