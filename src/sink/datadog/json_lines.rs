//! JSON records, one a line.

use super::batch::Batch;
use super::outcome::UnsentReason;
use super::record_fields::{FieldSlot, FieldValue, MonitorMap, RecordFields};
use super::window_maps::WindowMaps;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// Reads one line without its end; an empty one is nothing. `now` is the time of a record without `time`.
pub(super) fn line(bytes: &[u8], tag: &str, now: f64, batch: &mut Batch) {
    if bytes.trim_ascii().is_empty() {
        return;
    }
    // serde_json bounds the nesting it accepts
    let Ok(Json::Object(record)) = serde_json::from_slice(bytes) else {
        batch.drop_record(UnsentReason::Malformed);
        return;
    };
    let mut fields = RecordFields::default();
    for (key, value) in &record {
        match (FieldSlot::of(key.as_bytes()), value) {
            (Some(FieldSlot::MonitorMap), Json::Object(members)) => fields.add_monitor(monitor_map(members)),
            (Some(FieldSlot::Window), Json::Object(members)) => window(members).give(&mut fields),
            (Some(slot), value) => fields.set(slot, convert(value)),
            (None, _) => {}
        }
    }
    batch.add(&fields, Some(now), tag);
}

fn monitor_map(members: &Map<String, Json>) -> MonitorMap<'_> {
    let mut map = MonitorMap::default();
    members.iter().for_each(|(name, value)| map.set(name.as_bytes(), convert(value)));
    map
}

fn window(members: &Map<String, Json>) -> WindowMaps<'_> {
    let mut window = WindowMaps::default();
    for (key, value) in members {
        match (FieldSlot::of(key.as_bytes()), value) {
            (Some(FieldSlot::MonitorMap), Json::Object(members)) => window.add_map(monitor_map(members)),
            (None, Json::Object(by)) if key == "by" => {
                by.iter().for_each(|(name, value)| window.add_key(name, &convert(value)));
            }
            _ => {}
        }
    }
    window
}

fn convert(value: &Json) -> FieldValue<'_> {
    match value {
        Json::Null => FieldValue::Absent,
        Json::String(text) => FieldValue::text(Cow::Borrowed(text)),
        Json::Number(number) => number.as_f64().map_or(FieldValue::Other, FieldValue::Number),
        Json::Array(items) => {
            FieldValue::Texts(items.iter().filter_map(Json::as_str).map(Cow::Borrowed).collect())
        }
        Json::Bool(_) | Json::Object(_) => FieldValue::Other,
    }
}
