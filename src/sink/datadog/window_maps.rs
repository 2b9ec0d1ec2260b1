//! The maps within `<prefix>anomaly_window`: what monitors and groups say of a closed window. The record that carries it is one of
//! others, so the window's own `by` names the series.

use super::record_fields::{FieldValue, MonitorMap, RecordFields};

/// Maps of a window as they are read.
#[derive(Debug, Default)]
pub(super) struct WindowMaps<'a> {
    /// Tags that name the series: `service:shop`.
    keys: Vec<String>,
    maps: Vec<MonitorMap<'a>>,
}

impl<'a> WindowMaps<'a> {
    /// Takes a field of `by` over; one that is neither text nor number names nothing.
    pub(super) fn add_key(&mut self, name: &str, value: &FieldValue<'_>) {
        let text = match value {
            FieldValue::Text(text) => text.replace(',', "_"), // which divides tags
            FieldValue::Number(number) => number.to_string(),
            _ => return,
        };
        if self.keys.len() < RecordFields::ANNOTATION_LIMIT {
            self.keys.push(format!("{name}:{text}"));
        }
    }

    /// Takes the map of a monitor or a group over.
    pub(super) fn add_map(&mut self, map: MonitorMap<'a>) {
        if map.is_event() && self.maps.len() < RecordFields::ANNOTATION_LIMIT {
            self.maps.push(map);
        }
    }

    /// Hands the maps over, each with the series it is about.
    pub(super) fn give(mut self, fields: &mut RecordFields<'a>) {
        // hosts keep their own order of fields, and the series goes into the key that joins events
        self.keys.sort_unstable();
        let series = if self.keys.is_empty() { "*".to_owned() } else { self.keys.join(",") };
        for mut map in self.maps {
            // of a silent series its map has the name
            if map.series.is_absent() {
                map.series = FieldValue::Text(series.clone().into());
            }
            fields.add_monitor(map);
        }
    }
}
