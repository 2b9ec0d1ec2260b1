//! Closed windows as messages.

use crate::pipeline::WindowRecord;
use crate::record::{Accessor, Extractor, Field, Format, Found, Output};
use crate::time::Time;

/// A closed window of a section with `windows: records`, behind the record that closed it.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowMessage {
    /// `anomaly.window.<section>`.
    pub tag: String,
    /// The values of the series' `by` fields, separated by commas; the tag for a section without `by`.
    pub key: Vec<u8>,
    /// The end of the window.
    pub time: Time,
    /// The record: a map with `anomaly_window`, and tag and time where those of the input have them.
    pub record: Vec<u8>,
}

/// Where tag and time stand in the records of a topic.
#[derive(Debug, Clone)]
pub(super) struct WindowFields {
    extractor: Extractor,
    has_tag: bool,
    has_time: bool,
}

impl WindowFields {
    /// A field within another one is left out: the record of a window has no such one.
    pub(super) fn new(format: Format, tag_key: Option<&str>, time_key: Option<&str>) -> Self {
        let member = |key: Option<&str>| Some(Accessor::parse(key?).ok()?.as_member()?.to_owned());
        let (tag_key, time_key) = (member(tag_key), member(time_key));
        let (has_tag, has_time) = (tag_key.is_some(), time_key.is_some());
        let names = tag_key.into_iter().chain(time_key);
        let outputs: Vec<Output> = names.map(|name| Output { name, constant: None }).collect();
        Self { extractor: Extractor::new(format, &[], &outputs), has_tag, has_time }
    }

    pub(super) fn message(&self, window: WindowRecord, found: &mut Found) -> WindowMessage {
        let WindowRecord { tag, series, time, mut record } = window;
        let mut fields = Vec::new();
        if self.has_tag {
            fields.push((fields.len(), Field::Text(&tag)));
        }
        if self.has_time {
            fields.push((fields.len(), Field::Integer(time.seconds())));
        }
        if !fields.is_empty() && self.extractor.scan(&record, found).is_ok() {
            self.extractor.annotate(&mut record, found, &fields);
        }
        let key = if series == "*" { tag.clone() } else { series };
        WindowMessage { key: key.into_bytes(), tag, time, record }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_tag_and_time_where_the_members_of_a_record_have_them() {
        let record = |tag_key, time_key| {
            let window = WindowRecord {
                tag: "anomaly.window.errors".to_owned(),
                series: "*".to_owned(),
                time: Time::from_seconds(60),
                record: b"{\"anomaly_window\":{}}".to_vec(),
            };
            let message =
                WindowFields::new(Format::Json, tag_key, time_key).message(window, &mut Found::default());
            String::from_utf8(message.record).unwrap()
        };
        for (tag_key, time_key, expected) in [
            (None, Some("$['@timestamp']"), r#"{"anomaly_window":{},"@timestamp":60}"#),
            (None, Some("@timestamp"), r#"{"anomaly_window":{},"@timestamp":60}"#),
            (
                Some("$tag"),
                Some("$['the time']"),
                r#"{"anomaly_window":{},"tag":"anomaly.window.errors","the time":60}"#,
            ),
            // within another field: the record of a window has no such one
            (Some("$a['tag']"), Some("$a['time']"), r#"{"anomaly_window":{}}"#),
        ] {
            assert_eq!(record(tag_key, time_key), expected, "{tag_key:?} {time_key:?}");
        }
    }
}
