//! The fields of a record that matter to Datadog, borrowed from its bytes.

use super::event::Said;
use std::borrow::Cow;

/// A value of a wanted field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Value<'a> {
    /// Missing, null, or an empty text.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(f64),
    /// The texts of an array; everything else in it is left out.
    Texts(Vec<Cow<'a, str>>),
    /// A map, a boolean, ...
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn text(text: Cow<'a, str>) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }

    /// A text that says something.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|t| !t.is_empty()),
            _ => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        *self == Self::Absent
    }

    /// A number, or a text that is one: record transformers of Fluentd turn every value into text.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Tags: the items of an array, or of a text separated by commas.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        let (text, list) = match self {
            Self::Text(text) => (text.as_ref(), &[][..]),
            Self::Texts(list) => ("", list.as_slice()),
            _ => ("", &[][..]),
        };
        text.split(',').chain(list.iter().map(AsRef::as_ref)).map(str::trim).filter(|t| !t.is_empty())
    }
}

/// The two scores of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Outlier,
    Change,
}

/// An annotation: the name of a score's metric and the score, which share the section's prefix.
#[derive(Debug)]
pub(super) struct Annotation<'a> {
    prefix: &'a str,
    kind: Kind,
    pub(super) metric: Value<'a>,
    pub(super) score: Value<'a>,
}

/// What a key of a record means here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slot<'a> {
    Metric,
    Value,
    RawValue,
    Tag,
    Tags,
    Scope,
    Host,
    Device,
    Type,
    Time,
    Interval,
    /// `<prefix>metric_outlier`, `<prefix>metric_change`
    ScoreName(&'a str, Kind),
    /// `<prefix>score_outlier`, `<prefix>score_change`
    Score(&'a str, Kind),
    /// `<prefix>anomaly`, `<prefix>anomaly_silent`
    Said,
}

impl<'a> Slot<'a> {
    /// The slot of a key; `None` for the many that do not matter.
    pub(super) fn of(key: &'a [u8]) -> Option<Self> {
        Some(match key {
            b"metric" => Self::Metric,
            b"value" => Self::Value,
            b"raw_value" => Self::RawValue,
            b"tag" => Self::Tag,
            b"tags" => Self::Tags,
            b"scope" => Self::Scope,
            b"host" => Self::Host,
            b"device" => Self::Device,
            b"type" => Self::Type,
            b"time" => Self::Time,
            b"interval" => Self::Interval,
            _ if key.ends_with(b"anomaly") || key.ends_with(b"anomaly_silent") => Self::Said,
            _ => {
                let (rest, kind) = if let Some(rest) = key.strip_suffix(b"_outlier") {
                    (rest, Kind::Outlier)
                } else {
                    (key.strip_suffix(b"_change")?, Kind::Change)
                };
                if let Some(prefix) = rest.strip_suffix(b"metric") {
                    Self::ScoreName(std::str::from_utf8(prefix).ok()?, kind)
                } else {
                    Self::Score(std::str::from_utf8(rest.strip_suffix(b"score")?).ok()?, kind)
                }
            }
        })
    }
}

/// The wanted fields of one record.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) metric: Value<'a>,
    pub(super) value: Value<'a>,
    pub(super) raw_value: Value<'a>,
    pub(super) tag: Value<'a>,
    pub(super) tags: Value<'a>,
    pub(super) scope: Value<'a>,
    pub(super) host: Value<'a>,
    pub(super) device: Value<'a>,
    pub(super) kind: Value<'a>,
    pub(super) time: Value<'a>,
    pub(super) interval: Value<'a>,
    pub(super) annotations: Vec<Annotation<'a>>,
    pub(super) said: Vec<Said<'a>>,
}

impl<'a> Fields<'a> {
    /// Takes a field over; of two with one name the last counts.
    pub(super) fn set(&mut self, slot: Slot<'a>, value: Value<'a>) {
        *match slot {
            Slot::Metric => &mut self.metric,
            Slot::Value => &mut self.value,
            Slot::RawValue => &mut self.raw_value,
            Slot::Tag => &mut self.tag,
            Slot::Tags => &mut self.tags,
            Slot::Scope => &mut self.scope,
            Slot::Host => &mut self.host,
            Slot::Device => &mut self.device,
            Slot::Type => &mut self.kind,
            Slot::Time => &mut self.time,
            Slot::Interval => &mut self.interval,
            // a map, taken over by `say`
            Slot::Said => return,
            Slot::ScoreName(prefix, kind) => match self.annotation(prefix, kind) {
                Some(annotation) => &mut annotation.metric,
                None => return,
            },
            Slot::Score(prefix, kind) => match self.annotation(prefix, kind) {
                Some(annotation) => &mut annotation.score,
                None => return,
            },
        } = value;
    }

    /// Takes the map of a monitor over.
    pub(super) fn say(&mut self, said: Said<'a>) {
        if said.is_event() && self.said.len() < Self::ANNOTATION_LIMIT {
            self.said.push(said);
        }
    }

    /// Sections that can score one record; a record with more is not of ours, and would make this quadratic.
    const ANNOTATION_LIMIT: usize = 256;

    fn annotation(&mut self, prefix: &'a str, kind: Kind) -> Option<&mut Annotation<'a>> {
        let place = self.annotations.iter().position(|a| a.kind == kind && a.prefix == prefix);
        let place = match place {
            Some(place) => place,
            None if self.annotations.len() == Self::ANNOTATION_LIMIT => return None,
            None => {
                let (metric, score) = (Value::Absent, Value::Absent);
                self.annotations.push(Annotation { prefix, kind, metric, score });
                self.annotations.len() - 1
            }
        };
        self.annotations.get_mut(place)
    }
}
