//! Closed windows as messages.

use crate::pipeline::WindowRecord;
use crate::record::{Extractor, Field, Format, Found, Output};
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
        let plain = |name: &&str| !name.contains(['[', '\'', '"']);
        let (tag_key, time_key) = (tag_key.filter(plain), time_key.filter(plain));
        let names = tag_key.iter().chain(&time_key).map(|name| name.trim_start_matches('$').to_owned());
        let outputs: Vec<Output> = names.map(|name| Output { name, constant: None }).collect();
        Self {
            extractor: Extractor::new(format, &[], &outputs),
            has_tag: tag_key.is_some(),
            has_time: time_key.is_some(),
        }
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
