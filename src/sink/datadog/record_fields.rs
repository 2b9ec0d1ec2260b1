//! The fields of a record that matter to Datadog, borrowed from its bytes.

use std::borrow::Cow;

/// A value of a wanted field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum FieldValue<'a> {
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

impl<'a> FieldValue<'a> {
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

    /// What Ruby's `to_f` makes of it, as fluent-plugin-dd sends it: 0 for nothing, the number that a text begins with,
    /// 0 for a text that begins with none. `None` where `to_f` fails.
    pub(super) fn to_f(&self) -> Option<f64> {
        match self {
            Self::Absent => Some(0.0),
            Self::Number(number) => Some(*number),
            Self::Text(text) => Some(leading_number(text)),
            Self::Texts(_) | Self::Other => None,
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

/// The decimal number at the beginning of a text: digits with single `_` between them, a fraction, an exponent.
fn leading_number(text: &str) -> f64 {
    let bytes = text.trim_start().as_bytes();
    let mut number = String::new();
    let mut at = 0;
    let sign = |at: &mut usize, number: &mut String| {
        if let Some(sign @ (b'+' | b'-')) = bytes.get(*at) {
            number.push(char::from(*sign));
            *at += 1;
        }
    };
    let digits = |at: &mut usize, number: &mut String| {
        let before = number.len();
        while let Some(&byte) = bytes.get(*at) {
            let is_between = byte == b'_'
                && number.len() > before
                && bytes.get(*at + 1).is_some_and(u8::is_ascii_digit)
                && bytes.get(*at - 1).is_some_and(u8::is_ascii_digit);
            if byte.is_ascii_digit() {
                number.push(char::from(byte));
            } else if !is_between {
                break;
            }
            *at += 1;
        }
        number.len() > before
    };
    sign(&mut at, &mut number);
    if !digits(&mut at, &mut number) {
        if bytes.get(at) != Some(&b'.') {
            return 0.0;
        }
        number.push('0');
    }
    // a part counts only when it is whole
    for mark in [b'.', b'e'] {
        let (mut ahead, mut part) = (at, String::new());
        if bytes.get(ahead).is_some_and(|byte| byte.eq_ignore_ascii_case(&mark)) {
            part.push(char::from(mark));
            ahead += 1;
            if mark == b'e' {
                sign(&mut ahead, &mut part);
            }
            if digits(&mut ahead, &mut part) {
                (at, number) = (ahead, number + &part);
            }
        }
    }
    number.parse().unwrap_or(0.0)
}

/// The two scores of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScoreKind {
    Outlier,
    Change,
}

/// An annotation: the name of a score's metric and the score, which share the section's prefix.
#[derive(Debug)]
pub(super) struct Annotation<'a> {
    prefix: &'a str,
    kind: ScoreKind,
    pub(super) metric: FieldValue<'a>,
    pub(super) score: FieldValue<'a>,
}

/// The map of a monitor in a record: `<prefix>anomaly`, or `<prefix>anomaly_silent` of another series; that of a group,
/// `<prefix>anomaly_group`, or `<prefix>anomaly_group_silent` of another member; that of an incident, `<prefix>incident`.
#[derive(Debug, Clone, Default)]
pub(super) struct MonitorMap<'a> {
    pub(super) monitor: FieldValue<'a>,
    pub(super) series: FieldValue<'a>,
    pub(super) status: FieldValue<'a>,
    pub(super) transition: FieldValue<'a>,
    renotify: bool,
    pub(super) message: FieldValue<'a>,
    pub(super) group: FieldValue<'a>,
    /// Of an incident: its id, what happens to it, the first of its series, the largest size.
    pub(super) id: FieldValue<'a>,
    pub(super) event: FieldValue<'a>,
    pub(super) first: FieldValue<'a>,
    pub(super) size: FieldValue<'a>,
}

impl<'a> MonitorMap<'a> {
    /// Takes a member of the map over.
    pub(super) fn set(&mut self, name: &[u8], value: FieldValue<'a>) {
        match name {
            b"monitor" => self.monitor = value,
            b"series" => self.series = value,
            b"status" => self.status = value,
            b"transition" => self.transition = value,
            b"message" => self.message = value,
            b"group" => self.group = value,
            b"id" => self.id = value,
            b"event" => self.event = value,
            b"first" => self.first = value,
            b"size" => self.size = value,
            // only ever written as true
            b"renotify" => self.renotify = true,
            _ => {}
        }
    }

    /// Whether anybody has to be told.
    pub(super) fn is_event(&self) -> bool {
        let of_monitor = self.monitor.as_text().is_some() || self.group.as_text().is_some();
        of_monitor && (self.renotify || self.transition.as_text().is_some()) || self.is_incident()
    }

    /// Whether it is that of an incident, and somebody has to be told.
    pub(super) fn is_incident(&self) -> bool {
        self.id.as_text().is_some() && matches!(self.event.as_text(), Some("start" | "update" | "end"))
    }
}

/// Meaning of a record's key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FieldSlot<'a> {
    Metric,
    FieldValue,
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
    ScoreName(&'a str, ScoreKind),
    /// `<prefix>score_outlier`, `<prefix>score_change`
    Score(&'a str, ScoreKind),
    /// `<prefix>anomaly`, `<prefix>anomaly_group`, of others `<prefix>anomaly_silent`, `<prefix>anomaly_group_silent`;
    /// `<prefix>incident`
    MonitorMap,
    /// `<prefix>anomaly_window`: a closed window with such maps in it
    Window,
}

impl<'a> FieldSlot<'a> {
    /// The slot of a key; `None` for the many that do not matter.
    pub(super) fn of(key: &'a [u8]) -> Option<Self> {
        Some(match key {
            b"metric" => Self::Metric,
            b"value" => Self::FieldValue,
            b"raw_value" => Self::RawValue,
            b"tag" => Self::Tag,
            b"tags" => Self::Tags,
            b"scope" => Self::Scope,
            b"host" => Self::Host,
            b"device" => Self::Device,
            b"type" => Self::Type,
            b"time" => Self::Time,
            b"interval" => Self::Interval,
            _ if key.ends_with(b"anomaly_window") => Self::Window,
            _ if [
                &b"anomaly"[..],
                b"anomaly_silent",
                b"anomaly_group",
                b"anomaly_group_silent",
                b"incident",
            ]
            .iter()
            .any(|name| key.ends_with(name)) =>
            {
                Self::MonitorMap
            }
            _ => {
                let (rest, kind) = if let Some(rest) = key.strip_suffix(b"_outlier") {
                    (rest, ScoreKind::Outlier)
                } else {
                    (key.strip_suffix(b"_change")?, ScoreKind::Change)
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
pub(super) struct RecordFields<'a> {
    pub(super) metric: FieldValue<'a>,
    pub(super) value: FieldValue<'a>,
    pub(super) raw_value: FieldValue<'a>,
    pub(super) tag: FieldValue<'a>,
    pub(super) tags: FieldValue<'a>,
    pub(super) scope: FieldValue<'a>,
    pub(super) host: FieldValue<'a>,
    pub(super) device: FieldValue<'a>,
    pub(super) kind: FieldValue<'a>,
    pub(super) time: FieldValue<'a>,
    pub(super) interval: FieldValue<'a>,
    pub(super) annotations: Vec<Annotation<'a>>,
    pub(super) monitors: Vec<MonitorMap<'a>>,
}

impl<'a> RecordFields<'a> {
    /// Takes a field over; of two with one name the last counts.
    pub(super) fn set(&mut self, slot: FieldSlot<'a>, value: FieldValue<'a>) {
        *match slot {
            FieldSlot::Metric => &mut self.metric,
            FieldSlot::FieldValue => &mut self.value,
            FieldSlot::RawValue => &mut self.raw_value,
            FieldSlot::Tag => &mut self.tag,
            FieldSlot::Tags => &mut self.tags,
            FieldSlot::Scope => &mut self.scope,
            FieldSlot::Host => &mut self.host,
            FieldSlot::Device => &mut self.device,
            FieldSlot::Type => &mut self.kind,
            FieldSlot::Time => &mut self.time,
            FieldSlot::Interval => &mut self.interval,
            // maps, taken over by `add_monitor`
            FieldSlot::MonitorMap | FieldSlot::Window => return,
            FieldSlot::ScoreName(prefix, kind) => match self.annotation(prefix, kind) {
                Some(annotation) => &mut annotation.metric,
                None => return,
            },
            FieldSlot::Score(prefix, kind) => match self.annotation(prefix, kind) {
                Some(annotation) => &mut annotation.score,
                None => return,
            },
        } = value;
    }

    /// Takes the map of a monitor over.
    pub(super) fn add_monitor(&mut self, map: MonitorMap<'a>) {
        if map.is_event() && self.monitors.len() < Self::ANNOTATION_LIMIT {
            self.monitors.push(map);
        }
    }

    /// Sections that can score one record; a record with more is not of ours, and would make this quadratic.
    pub(super) const ANNOTATION_LIMIT: usize = 256;

    fn annotation(&mut self, prefix: &'a str, kind: ScoreKind) -> Option<&mut Annotation<'a>> {
        let place = self.annotations.iter().position(|a| a.kind == kind && a.prefix == prefix);
        let place = match place {
            Some(place) => place,
            None if self.annotations.len() == Self::ANNOTATION_LIMIT => return None,
            None => {
                let (metric, score) = (FieldValue::Absent, FieldValue::Absent);
                self.annotations.push(Annotation { prefix, kind, metric, score });
                self.annotations.len() - 1
            }
        };
        self.annotations.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::FieldValue;

    /// The right column is what Ruby 3.1 prints for `"...".to_f`.
    #[test]
    fn texts_are_read_as_ruby_reads_them() {
        for (text, number) in [
            ("12abc", 12.0),
            ("abc", 0.0),
            (" 1.5e3x", 1500.0),
            ("1e", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-0.25", -0.25),
            ("1_000", 1000.0),
            ("1__0", 1.0),
            ("nan", 0.0),
            ("Infinity", 0.0),
            ("0x1A", 0.0),
            ("+7", 7.0),
        ] {
            assert_eq!(FieldValue::Text(text.into()).to_f(), Some(number), "{text}");
        }
        assert_eq!(FieldValue::Absent.to_f(), Some(0.0));
        assert_eq!(FieldValue::Other.to_f(), None);
    }
}
