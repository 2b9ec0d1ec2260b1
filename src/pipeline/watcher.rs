//! One section at work: fields out of a record, scores into it.

use super::track::{Refusal, TrackSpec};
use crate::annotation;
use crate::bank::{Observation, SectionId, SeriesKey};
use crate::codec::{Writer, checksum};
use crate::config::{Nulls, Section, TagPattern};
use crate::detector::ParamsError;
use crate::record::{Accessor, Extractor, Format, Found, Value};
use crate::time::Time;

/// A section, ready for records of one format.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) name: String,
    pub(super) tags: TagPattern,
    pub(super) extractor: Extractor,
    /// Its own, as it remembers how this section's records look.
    pub(super) found: Found,
    nulls: Nulls,
    /// The inputs of the extractor: value, time if there is one, then the key fields.
    has_time: bool,
    keys: usize,
    value: Accessor,
}

/// What a record holds for a section.
pub(super) enum Reading {
    /// A number, and the key of its series in the buffer.
    Point(Observation),
    /// Nothing to score, and nothing wrong with that.
    Nothing,
    /// The value is there but is no number.
    NotANumber(&'static str),
}

impl Watcher {
    pub(super) fn new(section: &Section, format: Format) -> Self {
        let mut inputs = vec![section.value.clone()];
        inputs.extend(section.time.clone());
        inputs.extend(section.by.iter().cloned());
        Self {
            name: section.title(),
            tags: section.tags.clone(),
            extractor: Extractor::new(format, &inputs, &annotation::outputs(section)),
            found: Found::default(),
            nulls: section.nulls,
            has_time: section.time.is_some(),
            keys: section.by.len(),
            value: section.value.clone(),
        }
    }

    /// Takes value, time and key from a scanned record.
    pub(super) fn read(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> Reading {
        let found = &self.found;
        let value = match found.number(record, 0) {
            Some(number) => number,
            None => return self.read_odd(record, event_time, key),
        };
        Reading::Point(self.observation(record, value, event_time, key))
    }

    /// A value that is no number.
    #[cold]
    #[inline(never)]
    fn read_odd(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> Reading {
        let value = match self.found.value(record, 0) {
            Some(Value::Null) if self.nulls == Nulls::Zero => 0.0,
            Some(Value::Null) | None => return Reading::Nothing,
            Some(Value::Text(_)) => return Reading::NotANumber("a text"),
            Some(Value::Bool(_)) => return Reading::NotANumber("a truth value"),
            Some(Value::Array) => return Reading::NotANumber("an array"),
            Some(_) => return Reading::NotANumber("a map"),
        };
        Reading::Point(self.observation(record, value, event_time, key))
    }

    #[inline(always)]
    fn observation(&self, record: &[u8], value: f64, event_time: Time, key: &mut SeriesKey) -> Observation {
        let found = &self.found;
        let mut time = event_time;
        let mut first_key = 1;
        if self.has_time {
            first_key = 2;
            if let Some(seconds) = found.number(record, 1) {
                time = Time::from_seconds_f64(seconds).unwrap_or(event_time);
            }
        }
        if self.keys == 1
            && let Some(text) = found.plain_text(record, first_key)
        {
            key.set(b't', text);
            return Observation { time, value, source: 0 };
        }
        self.fill_key(record, first_key, key);
        Observation { time, value, source: 0 }
    }

    #[inline(never)]
    fn fill_key(&self, record: &[u8], first_key: usize, key: &mut SeriesKey) {
        key.fill(|out| {
            for input in first_key..first_key + self.keys {
                append_key(self.found.value(record, input), self.keys > 1, out);
            }
        });
    }

    pub(super) fn explain_not_a_number(&self, what: &str) -> String {
        format!("[{}] {} is {what}, not a number: the record is not scored", self.name, self.value)
    }

    pub(super) fn explain_refusal(&self, refusal: Refusal) -> String {
        format!("[{}] {}: {refusal}: the record is not scored", self.name, self.value)
    }
}

/// Fields that are missing or no scalars count as one further value. Several fields are told apart by kind and
/// length, so that `a, bc` and `ab, c` are two series.
fn append_key(value: Option<Value<'_>>, several: bool, key: &mut Vec<u8>) {
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
}

/// Everything that a saved model of this section depends on: what it learns, of which series, and how.
pub(super) fn section_id(section: &Section) -> SectionId {
    let settings = &section.change_finder;
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.f64(settings.discounting_rate);
    for number in [settings.order.unwrap_or(0), settings.outlier_window, settings.change_window] {
        w.varint(number as u64);
    }
    w.bytes(settings.ar.to_string().as_bytes());
    w.bytes(settings.surprise.to_string().as_bytes());
    w.u8(u8::from(section.nulls == Nulls::Zero));
    w.bytes(section.value.to_string().as_bytes());
    for accessor in &section.by {
        w.bytes(accessor.to_string().as_bytes());
    }
    SectionId { name: section.title(), signature: checksum(1, &bytes) }
}

/// The spec of a section's models.
pub(super) fn section_spec(section: &Section) -> Result<TrackSpec, ParamsError> {
    TrackSpec::new(&section.change_finder)
}
