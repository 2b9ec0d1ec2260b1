//! A point, the identity of its series, and the window of time that the intake takes.

use super::outcome::UnsentReason;
use super::record_fields::FieldValue;
use super::settings::HOST_LIMIT;

/// Points older than this many seconds vanish at the intake without an error.
pub const OLDEST: i64 = 3600;
/// So do points further ahead than this many seconds.
pub const FURTHEST_AHEAD: i64 = 600;

/// Times beyond it are no seconds (year 5138); milliseconds of today are.
pub(super) const LAST_SECOND: f64 = 1e11;

/// What Datadog makes of the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum MetricKind {
    Gauge,
    Count,
    Rate,
}

impl MetricKind {
    /// The kind that a record's `type` names; a gauge where it names none.
    pub(super) fn of(value: &FieldValue<'_>) -> Option<Self> {
        if value.is_absent() {
            return Some(Self::Gauge);
        }
        let text = value.as_text()?;
        // `counter` is the spelling of older clients
        let table =
            [("gauge", Self::Gauge), ("count", Self::Count), ("counter", Self::Count), ("rate", Self::Rate)];
        table.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, kind)| kind)
    }
}

/// One point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MetricPoint {
    /// UNIX seconds, 0 ..= [`LAST_SECOND`].
    pub(super) time: i64,
    /// Finite.
    pub(super) value: f64,
}

/// What all points of a series have in common, cleaned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesIdentity {
    pub(super) metric: String,
    pub(super) kind: MetricKind,
    pub(super) host: Option<String>,
    pub(super) device: Option<String>,
    /// Sorted, without doubles.
    pub(super) tags: Vec<String>,
    /// Seconds, from 1.
    pub(super) interval: Option<u32>,
}

/// Why the intake would drop a point without a word.
pub(super) fn outside(point: &MetricPoint, now: i64) -> Option<UnsentReason> {
    if point.time < now - OLDEST {
        Some(UnsentReason::TooOld)
    } else if point.time > now + FURTHEST_AHEAD {
        Some(UnsentReason::TooFarAhead)
    } else {
        None
    }
}

/// A host or device name: control characters go, the rest stays as it is, up to [`HOST_LIMIT`] bytes.
pub(super) fn resource(text: &str) -> Option<String> {
    let mut name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    name.truncate(name.floor_char_boundary(HOST_LIMIT));
    (!name.is_empty()).then_some(name)
}

/// Whole seconds from 1; anything else is left out, as a gauge needs none.
pub(super) fn interval(value: &FieldValue<'_>) -> Option<u32> {
    let seconds = value.as_number()?;
    // checked range: the cast only cuts the fraction
    (1.0..=f64::from(u32::MAX)).contains(&seconds).then_some(seconds as u32)
}
