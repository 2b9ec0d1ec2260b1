//! One section at work: fields out of a record, scores into it.

use super::monitoring::Monitored;
use super::quick::Quick;
use super::scoring::{Refusal, ScoreSpec};
use crate::annotation::{self, Anomaly};
use crate::bank::{Observation, SectionId, SeriesKey};
use crate::codec::{Writer, checksum};
use crate::config::{Kind, Nulls, Section, TagPattern};
use crate::detector::calibrated::{AlarmBudget, CalibratedSpec};
use crate::detector::{ParamsError, Scores};
use crate::record::{Accessor, Extractor, Field, Format, Found, Value};
use crate::time::Time;

/// A section, ready for records of one format.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) name: String,
    pub(super) tags: TagPattern,
    pub(super) extractor: Extractor,
    /// Bytes that the annotations take at most: where they are not to be had, the record leaves without them.
    pub(super) room: usize,
    /// Its own, as it remembers how this section's records look.
    pub(super) found: Found,
    nulls: Nulls,
    /// The inputs of the extractor: value, time if there is one, then the key fields.
    has_time: bool,
    keys: usize,
    key_names: Vec<String>,
    /// The input that tells the sources of one model apart.
    source: Option<usize>,
    value: Accessor,
    /// Whether there is a budget of alarms.
    pub(super) alarms: bool,
    /// The short way, if there is one.
    pub(super) quick: Option<Quick>,
    /// Monitors of the section.
    pub(super) monitored: Monitored,
}

/// Bytes of a reason: its word, names and two numbers.
const REASON: usize = 128;

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
    pub(super) fn new(section: &Section, monitored: Monitored, format: Format) -> Self {
        let mut inputs = vec![section.value.clone()];
        inputs.extend(section.time.clone());
        inputs.extend(section.by.iter().cloned());
        let source = section.source.clone().map(|accessor| {
            inputs.push(accessor);
            inputs.len() - 1
        });
        let mut outputs = annotation::outputs(section);
        outputs.extend(monitored.outputs());
        // a number and what stands around it; a text in which each byte is escaped
        let texts =
            outputs.iter().map(|output| output.name.len() + output.constant.as_ref().map_or(0, String::len));
        let room = 64 * outputs.len() + 6 * texts.sum::<usize>() + monitored.room() + REASON;
        let extractor = Extractor::new(format, &inputs, &outputs);
        let quick = Quick::new(&extractor, section);
        Self {
            name: section.title(),
            tags: section.tags.clone(),
            extractor,
            room,
            found: Found::default(),
            nulls: section.nulls,
            has_time: section.time.is_some(),
            keys: section.by.len(),
            key_names: section.by.iter().map(|accessor| accessor.root().to_owned()).collect(),
            source,
            value: section.value.clone(),
            alarms: section.alarms.is_some(),
            quick,
            monitored,
        }
    }

    /// Walks a record; false when it is none.
    #[inline]
    pub(super) fn scan(&mut self, record: &[u8]) -> bool {
        self.extractor.scan(record, &mut self.found).is_ok()
    }

    /// Writes fields into the record that was scanned, if there is memory for them; `texts`: bytes of text in them
    /// that are not the same in every record.
    #[inline]
    pub(super) fn annotate(&self, record: &mut Vec<u8>, fields: &[(usize, Field<'_>)], texts: usize) {
        // an allocation that fails inside would abort, and a WASM host would lose the record
        if record.try_reserve_exact(self.room + 6 * texts).is_ok() {
            self.extractor.annotate(record, &self.found, fields);
        }
    }

    /// Writes the scores of a point into the record that was scanned.
    #[inline(never)]
    pub(super) fn annotate_scores(
        &self,
        record: &mut Vec<u8>,
        scores: Option<Scores>,
        anomaly: Option<Anomaly>,
    ) {
        let reason = annotation::reason(anomaly.as_ref());
        let (fields, used) = annotation::fields(scores, anomaly.as_ref(), reason.as_ref(), self.alarms);
        if used > 0 {
            self.annotate(record, &fields[..used], 0);
        }
    }

    /// Takes value, time and key from a scanned record; `None` where the value is no number.
    #[inline(always)]
    pub(super) fn read(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> Option<Observation> {
        let value = self.found.number(record, 0)?;
        Some(self.observation(record, value, event_time, key))
    }

    /// The same for a value that is no number.
    pub(super) fn read_odd(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> Reading {
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
        let source = self.source.map_or(0, |input| source_of(found.value(record, input)));
        Observation { time, value, source }
    }

    #[inline(never)]
    fn fill_key(&self, record: &[u8], first_key: usize, key: &mut SeriesKey) {
        key.fill(|out| {
            for input in first_key..first_key + self.keys {
                append_key(self.found.value(record, input), self.keys > 1, out);
            }
        });
    }

    /// Whether several fields make the key.
    pub(super) fn several_keys(&self) -> bool {
        self.keys > 1
    }

    /// The key fields with their names, from a key's text.
    pub(super) fn key_groups(&self, series: &str) -> Vec<(String, String)> {
        match &self.key_names[..] {
            [name] => vec![(name.clone(), series.to_owned())],
            names => names.iter().cloned().zip(series.split(',').map(str::to_owned)).collect(),
        }
    }

    /// The key fields of a scanned record with their names, for people.
    pub(super) fn groups(&self, record: &[u8]) -> Vec<(String, String)> {
        let first = if self.has_time { 2 } else { 1 };
        let named = self.key_names.iter().zip(first..);
        named
            .filter_map(|(name, input)| Some((name.clone(), plain_text(self.found.value(record, input)?)?)))
            .collect()
    }

    pub(super) fn explain_not_a_number(&self, what: &str) -> String {
        format!("[{}] {} is {what}, not a number: the record is not scored", self.name, self.value)
    }

    pub(super) fn explain_refusal(&self, refusal: Refusal) -> String {
        format!("[{}] {}: {refusal}: the record is not scored", self.name, self.value)
    }
}

/// Of several sources of one model: enough to tell points of the same time apart.
#[cold]
#[inline(never)]
fn source_of(value: Option<Value<'_>>) -> u32 {
    let mut bytes = Vec::new();
    if let Some(Value::Text(text)) = value {
        text.append_to(&mut bytes);
    }
    checksum(0, &bytes) as u32
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

fn plain_text(value: Value<'_>) -> Option<String> {
    let mut bytes = Vec::new();
    match value {
        Value::Text(text) => text.append_to(&mut bytes),
        Value::Number(number) => number.append_to(&mut bytes),
        Value::Bool(truth) => bytes.extend_from_slice(if truth { b"true" } else { b"false" }),
        _ => return None,
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A key as [`append_key`] made it, for people: its values, separated by commas.
pub(super) fn key_text(key: &[u8], several: bool) -> String {
    let part = |bytes: &[u8]| match bytes.split_first() {
        Some((b't' | b'n', text)) => String::from_utf8_lossy(text).into_owned(),
        Some((b'1', _)) => "true".to_owned(),
        Some((b'0', _)) => "false".to_owned(),
        _ => "-".to_owned(),
    };
    if !several {
        return if key.is_empty() { "*".to_owned() } else { part(key) };
    }
    let mut parts = Vec::new();
    let mut rest = key;
    while let Some((len, _)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let Some((this, next)) = rest.split_at_checked(len.max(4)) else { break };
        parts.push(part(&this[4..]));
        rest = next;
    }
    parts.join(",")
}

/// What is learned, of which series: part of what every model of a section depends on.
fn put_inputs(section: &Section, w: &mut Writer<'_>) {
    w.u8(u8::from(section.nulls == Nulls::Zero));
    w.bytes(section.value.to_string().as_bytes());
    for accessor in &section.by {
        w.bytes(accessor.to_string().as_bytes());
    }
}

/// Everything that a saved ChangeFinder of this section depends on.
pub(super) fn score_id(section: &Section) -> SectionId {
    let settings = &section.change_finder;
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.f64(settings.discounting_rate);
    for number in [settings.order.unwrap_or(0), settings.outlier_window, settings.change_window] {
        w.varint(number as u64);
    }
    w.bytes(settings.ar.to_string().as_bytes());
    w.bytes(settings.surprise.to_string().as_bytes());
    put_inputs(section, &mut w);
    SectionId { name: section.title(), signature: checksum(1, &bytes) }
}

/// Everything that a saved band of this section depends on.
pub(super) fn band_id(section: &Section, plan_signature: u64) -> SectionId {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.u64(plan_signature);
    put_inputs(section, &mut w);
    SectionId { name: format!("{}, bands", section.title()), signature: checksum(2, &bytes) }
}

/// A pulled point may come again with everything that was under way with it: the companion keeps no more points
/// of a series unacknowledged.
const REMEMBERED: usize = 64;

/// The spec of a section's scores.
pub(super) fn score_spec(section: &Section) -> Result<ScoreSpec, ParamsError> {
    let remembered = match section.kind {
        Kind::Datadog { .. } => REMEMBERED,
        Kind::Series => 0,
    };
    // what is learned does not depend on the budget
    let budget = section.alarms.unwrap_or(AlarmBudget::WEEKLY);
    let calibrated = section.anomaly_score.then(|| CalibratedSpec::new(budget));
    ScoreSpec::new(&section.change_finder, remembered, calibrated)
}
