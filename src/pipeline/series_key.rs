//! The key of a series: the values of a section's `by` fields, as bytes and for people.

use crate::record::Value;

/// Appends one field to a key. A field that is missing or no scalar counts as one further value; false for such a one.
/// Several fields are told apart by kind and length, so that `a, bc` and `ab, c` are two series.
pub(super) fn append_field(value: Option<Value<'_>>, several: bool, key: &mut Vec<u8>) -> bool {
    let start = key.len();
    if several {
        key.extend_from_slice(&[0; 4]);
    }
    match value {
        Some(Value::Text(text)) => {
            key.push(b't');
            text.append_to(key);
        }
        Some(Value::Number(number)) => {
            key.push(b'n');
            number.append_to(key);
        }
        Some(Value::Bool(true)) => key.push(b'1'),
        Some(Value::Bool(false)) => key.push(b'0'),
        _ => key.push(b'-'),
    }
    if several {
        let len = (key.len() - start) as u32;
        if let Some(slot) = key.get_mut(start..start + 4) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
    }
    matches!(value, Some(Value::Text(_) | Value::Number(_) | Value::Bool(_)))
}

/// Appends a text to a key of several fields, as [`append_field`] does with one of the record.
pub(super) fn append_text_part(text: &[u8], key: &mut Vec<u8>) {
    key.extend_from_slice(&(text.len() as u32 + 5).to_le_bytes());
    key.push(b't');
    key.extend_from_slice(text);
}

/// A key as [`append_field`] made it, for people: its values, separated by commas.
pub(super) fn key_text(key: &[u8], several: bool) -> String {
    if key.is_empty() && !several {
        return "*".to_owned();
    }
    key_parts(key, several).map(part_text).collect::<Vec<_>>().join(",")
}

/// The parts of a key, each with its kind before its text.
pub(super) fn key_parts(key: &[u8], several: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = key;
    std::iter::from_fn(move || {
        if !several {
            return Some(std::mem::take(&mut rest)).filter(|part| !part.is_empty());
        }
        let len = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
        let (this, next) = rest.split_at_checked(len.max(4))?;
        rest = next;
        this.get(4..)
    })
}

/// A part for people.
pub(super) fn part_text(part: &[u8]) -> String {
    match part.split_first() {
        Some((b't' | b'n', text)) => String::from_utf8_lossy(text).into_owned(),
        Some((b'1', _)) => "true".to_owned(),
        Some((b'0', _)) => "false".to_owned(),
        _ => "-".to_owned(),
    }
}

/// A scalar for people; `None` for a map, an array or null.
pub(super) fn scalar_text(value: Value<'_>) -> Option<String> {
    let mut bytes = Vec::new();
    append_scalar(value, &mut bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Appends the text of a scalar; false, and nothing appended, for a map, an array or null.
pub(super) fn append_scalar(value: Value<'_>, out: &mut Vec<u8>) -> bool {
    match value {
        Value::Text(text) => text.append_to(out),
        Value::Number(number) => number.append_to(out),
        Value::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        _ => return false,
    }
    true
}
