//! JSON records, one a line.

use super::batch::Batch;
use super::event::Said;
use super::outcome::Reason;
use super::record_fields::{Fields, Slot, Value};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Reads one line without its end; an empty one is nothing. `now` is the time of a record without `time`.
pub(super) fn line(bytes: &[u8], tag: &str, now: f64, batch: &mut Batch) {
    if bytes.trim_ascii().is_empty() {
        return;
    }
    // serde_json bounds the nesting it accepts
    let Ok(Json::Object(record)) = serde_json::from_slice(bytes) else {
        batch.drop_record(Reason::Malformed);
        return;
    };
    let mut fields = Fields::default();
    for (key, value) in &record {
        match (Slot::of(key.as_bytes()), value) {
            (Some(Slot::Said), Json::Object(map)) => {
                let mut said = Said::default();
                map.iter().for_each(|(name, value)| said.set(name.as_bytes(), convert(value)));
                fields.say(said);
            }
            (Some(slot), value) => fields.set(slot, convert(value)),
            (None, _) => {}
        }
    }
    batch.add(&fields, Some(now), tag);
}

fn convert(value: &Json) -> Value<'_> {
    match value {
        Json::Null => Value::Absent,
        Json::String(text) => Value::text(Cow::Borrowed(text)),
        Json::Number(number) => number.as_f64().map_or(Value::Other, Value::Number),
        Json::Array(items) => {
            Value::Texts(items.iter().filter_map(Json::as_str).map(Cow::Borrowed).collect())
        }
        Json::Bool(_) | Json::Object(_) => Value::Other,
    }
}
