//! One section, ready for records of one format: fields out of a record, annotations into it.
//!
//! | file | what it holds |
//! |---|---|
//! | `odd_value` | values that are no number, times that are no number of seconds |
//! | `explain` | what a section says of records that it does not score |

mod explain;
mod odd_value;

use super::annotate::{self, Annotations};
use super::annotate_fast::FastPath;
use super::counted_records::CountedRecords;
use super::fleet::SectionFleet;
use super::grouped::SectionGroups;
use super::monitored::{PlainVerdict, RenderedVerdict, SectionMonitors};
use super::rating::Anomaly;
use super::record_access::RecordAccess;
use super::reminder::Reminder;
use super::series_key::{append_field, scalar_text};
use super::windows::PatternSection;
use crate::bank::{Observation, SeriesKey};
use crate::codec::checksum;
use crate::config::{GroupSection, Nulls, Section, TagPattern};
use crate::detector::Scores;
use crate::record::{Accessor, Extractor, Format, Found, Unit, Value};
use crate::time::Time;
use std::cell::Cell;

pub(super) use odd_value::{OddValue, kind_of, number_of_text, time_of};

/// A section, ready for records of one format.
#[derive(Debug)]
pub(super) struct PreparedSection {
    pub(super) name: String,
    pub(super) tags: TagPattern,
    pub(super) access: RecordAccess,
    /// `None`: all records count.
    pub(super) counted: Option<Box<CountedRecords>>,
    nulls: Nulls,
    /// Its records are counted in windows, and scored when those close.
    pub(super) has_windows: bool,
    /// The inputs of the extractor: value, time if there is one, the key fields, the source, the fields of the condition.
    has_time: bool,
    keys: usize,
    pub(super) key_names: Vec<String>,
    /// Whether records that lack one of the fields that make the key share one model; otherwise they are not scored.
    pub(super) shares_without_by: bool,
    /// Such records.
    pub(super) without_key: Cell<u64>,
    /// The input that tells the sources of one model apart.
    source: Option<usize>,
    value: Accessor,
    unit: Option<Unit>,
    time: Option<Accessor>,
    /// Tells of records that come too late for the monitors.
    pub(super) late: Reminder,
    /// The section has an alarm budget.
    pub(super) has_budget: bool,
    /// `None` where only the general path will do.
    pub(super) fast: Option<Box<FastPath>>,
    pub(super) monitors: SectionMonitors,
    pub(super) groups: SectionGroups,
    /// Where its series share a budget of alarms.
    pub(super) fleet: Option<SectionFleet>,
    /// Where lines are counted by their templates.
    pub(super) patterns: Option<Box<PatternSection>>,
    /// What the records of a window amount to; empty without windows.
    pub(super) measure: String,
    /// Under which the scores are known.
    metrics: [String; 2],
    /// A record told that records of the section are mended.
    pub(super) has_told_mending: bool,
}

/// Bytes of a reason: its word, names and two numbers.
const REASON: usize = 128;

impl PreparedSection {
    pub(super) fn new<'a>(
        section: &Section,
        monitors: SectionMonitors,
        groups: impl Iterator<Item = &'a GroupSection>,
        format: Format,
    ) -> Self {
        let mut inputs = vec![section.value.clone()];
        inputs.extend(section.time.clone());
        inputs.extend(section.by.iter().cloned());
        let source = section.source.clone().map(|accessor| {
            inputs.push(accessor);
            inputs.len() - 1
        });
        let counted = CountedRecords::new(section, &mut inputs);
        let mut outputs = annotate::outputs(section);
        outputs.extend(monitors.outputs());
        let groups = SectionGroups::new(section, groups, &mut inputs, outputs.len());
        outputs.extend(groups.outputs());
        // a number and its surroundings; a text in which each byte is escaped
        let texts =
            outputs.iter().map(|output| output.name.len() + output.constant.as_ref().map_or(0, String::len));
        let room = 64 * outputs.len() + 6 * texts.sum::<usize>() + monitors.room() + groups.room() + REASON;
        let extractor = Extractor::new(format, &inputs, &outputs);
        let has_windows = section.windows.is_some();
        let fast = if has_windows { None } else { FastPath::new(&extractor, section) };
        Self {
            name: section.title(),
            tags: section.tags.clone(),
            access: RecordAccess { extractor, found: Found::default(), room },
            counted,
            nulls: section.nulls,
            has_windows,
            has_time: section.time.is_some(),
            keys: section.by.len() + usize::from(has_patterns(section)),
            key_names: key_names(section),
            shares_without_by: section.shares_without_by,
            without_key: Cell::new(0),
            source,
            value: measured(section),
            unit: section.unit,
            time: section.time.clone(),
            late: Reminder::default(),
            has_budget: section.alarms.is_some(),
            fast,
            monitors,
            groups,
            fleet: None,
            patterns: None,
            measure: section
                .windows
                .as_ref()
                .map_or_else(String::new, |windows| windows.measure.text.clone()),
            metrics: section.metric_names(),
            has_told_mending: false,
        }
    }

    /// Writes annotations by the fast path; false, and nothing written, where it does not apply. A verdict is that of
    /// the only monitor.
    #[inline(always)] // speed
    pub(super) fn annotate_fast(
        &mut self,
        record: &mut Vec<u8>,
        scores: Scores,
        anomaly: &Option<Anomaly>,
        verdict: Option<PlainVerdict>,
    ) -> bool {
        let Some(fast) = &mut self.fast else { return false };
        let verdict = match verdict {
            None => None,
            Some(verdict) => match self.monitors.texts_of_only() {
                Some(texts) => Some((texts, verdict)),
                None => return false,
            },
        };
        fast.annotate(record, &self.access, scores, anomaly, verdict)
    }

    /// Writes annotations by the general path. `encoded` is scratch.
    pub(super) fn annotate(
        &mut self,
        record: &mut Vec<u8>,
        scores: Option<Scores>,
        anomaly: Option<&Anomaly>,
        verdicts: &[RenderedVerdict],
        encoded: &mut Vec<u8>,
    ) {
        let annotations = Annotations { scores, anomaly, has_budget: self.has_budget, verdicts };
        annotate::annotate(record, &mut self.access, &self.monitors, annotations, encoded);
    }

    /// Whether the record that was scanned last counts.
    #[inline(always)] // speed
    pub(super) fn includes(&mut self, record: &[u8]) -> bool {
        match &mut self.counted {
            None => true,
            Some(counted) => counted.includes(record, &self.access.found),
        }
    }

    /// Takes value, time and key from a scanned record; `None` where the value is no number or the time is no number of
    /// seconds.
    #[inline(always)] // speed
    pub(super) fn read(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> Option<Observation> {
        let value = self.access.found.number(record, 0)?;
        let time = if self.has_time {
            Time::from_seconds_f64(self.access.found.number(record, 1)?)?
        } else {
            event_time
        };
        self.observation(record, value, time, key)
    }

    /// The same for any value and any time.
    pub(super) fn read_odd(&self, record: &[u8], event_time: Time, key: &mut SeriesKey) -> OddValue {
        let value = match self.access.found.value(record, 0) {
            Some(Value::Number(number)) => number.to_f64(),
            Some(Value::Null) if self.nulls == Nulls::Zero => 0.0,
            Some(Value::Null) | None => return OddValue::Missing,
            Some(Value::Text(text)) => match number_of_text(text, self.unit) {
                Ok(number) => number,
                Err(what) => return OddValue::NotANumber(what),
            },
            Some(other) => return OddValue::NotANumber(kind_of(other)),
        };
        let mut time = event_time;
        if self.has_time {
            let given = self.access.found.value(record, 1);
            match given.and_then(time_of) {
                Some(read) => time = read,
                None => return OddValue::UnreadableTime(self.explain_time(given)),
            }
        }
        match self.observation(record, value, time, key) {
            Some(observation) => OddValue::Point(observation),
            None => {
                self.without_key.set(self.without_key.get() + 1);
                OddValue::NoKey
            }
        }
    }

    #[inline(always)] // speed
    fn observation(&self, record: &[u8], value: f64, time: Time, key: &mut SeriesKey) -> Option<Observation> {
        let found = &self.access.found;
        let first_key = if self.has_time { 2 } else { 1 };
        if self.keys == 1
            && let Some(text) = found.plain_text(record, first_key)
        {
            key.set(b't', text);
            return Some(Observation { time, value, source: 0 });
        }
        if !self.fill_key(record, first_key, key) {
            return None;
        }
        let source = self.source.map_or(0, |input| source_of(found.value(record, input)));
        Some(Observation { time, value, source })
    }

    #[inline(never)] // speed
    fn fill_key(&self, record: &[u8], first_key: usize, key: &mut SeriesKey) -> bool {
        let mut is_whole = true;
        key.fill(|out| {
            for input in first_key..first_key + self.keys {
                let value = self.access.found.value(record, input);
                is_whole &= append_field(value, self.has_several_keys(), out);
            }
        });
        if !is_whole && self.shares_without_by {
            self.without_key.set(self.without_key.get() + 1);
        }
        is_whole || self.shares_without_by
    }

    /// The name without what kind of section it is.
    pub(super) fn plain_name(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |(_, name)| name)
    }

    /// Under which the scores are known.
    pub(super) fn metric_names(&self) -> &[String; 2] {
        &self.metrics
    }

    /// Whether the value of the record that was scanned last is null.
    pub(super) fn is_null(&self, record: &[u8]) -> bool {
        matches!(self.access.found.value(record, 0), Some(Value::Null))
    }

    /// Whether several fields make the key.
    pub(super) fn has_several_keys(&self) -> bool {
        self.keys > 1
    }

    /// The key fields with their names, from a key's text.
    pub(super) fn groups_of_key(&self, series: &str) -> Vec<(String, String)> {
        match &self.key_names[..] {
            [name] => vec![(name.clone(), series.to_owned())],
            names => names.iter().cloned().zip(series.split(',').map(str::to_owned)).collect(),
        }
    }

    /// The key fields of a scanned record with their names, for people.
    pub(super) fn groups_of_record(&self, record: &[u8]) -> Vec<(String, String)> {
        let first = if self.has_time { 2 } else { 1 };
        let named = self.key_names.iter().zip(first..);
        named
            .filter_map(|(name, input)| {
                Some((name.clone(), scalar_text(self.access.found.value(record, input)?)?))
            })
            .collect()
    }
}

/// The field that holds the number; of a section that only counts, what a window's number is called.
fn measured(section: &Section) -> Accessor {
    let field = section.windows.as_ref().and_then(|windows| windows.measure.field.as_ref());
    field.unwrap_or(&section.value).clone()
}

/// Names of the key fields. Those of windows stand beside each other in a map: each has its own.
fn key_names(section: &Section) -> Vec<String> {
    let by = &section.by;
    if section.windows.is_none() {
        return by.iter().map(|accessor| accessor.root().to_owned()).collect();
    }
    let of_lines = has_patterns(section).then_some(PATTERN_KEY);
    let is_single =
        |name: &str| by.iter().filter(|other| other.name() == name).count() == 1 && of_lines != Some(name);
    let name = |accessor: &Accessor| match accessor.name() {
        name if is_single(name) => name.to_owned(),
        _ => accessor.to_string(),
    };
    by.iter().map(name).chain(of_lines.map(str::to_owned)).collect()
}

/// Names the template among the key fields of a window.
const PATTERN_KEY: &str = "pattern";

/// Whether lines are counted by their templates.
fn has_patterns(section: &Section) -> bool {
    section.windows.as_ref().is_some_and(|windows| windows.patterns.is_some())
}

/// Tells points of one time apart that several sources send to one model.
#[cold]
#[inline(never)] // speed
fn source_of(value: Option<Value<'_>>) -> u32 {
    let mut bytes = Vec::new();
    if let Some(Value::Text(text)) = value {
        text.append_to(&mut bytes);
    }
    checksum(0, &bytes) as u32
}
