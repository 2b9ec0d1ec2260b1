//! The metric query inside `anomalies()`: kept verbatim, scanned for what decides how records are rolled up.
//!
//! Datadog evaluates the functions and the arithmetic; here only the shape matters: balanced brackets, metric
//! names, scopes, groups, `.rollup()`, `.as_count()`, and functions that Datadog refuses.

use core::fmt;

use super::words;
use crate::monitor::calendar::{Calendar, interval_s};

/// How points of a bucket become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Number of points.
    Count,
    /// The one with the latest time.
    Last,
}

words!(Method { Avg = "avg", Sum = "sum", Min = "min", Max = "max", Count = "count", Last = "last" });

/// `.as_count()` or `.as_rate()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CountSuffix {
    AsCount,
    AsRate,
}

/// How records of a series become the value of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointRollup {
    /// What is done with the points.
    pub method: Method,
    /// Whether the result is divided by the length of the bucket in seconds (`.as_rate()`).
    pub per_second: bool,
}

/// One `aggregator:metric{scope} by {groups}` of a metric query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPart {
    /// Space aggregator as written (`avg`, `p95`), `None` when absent.
    pub aggregator: Option<String>,
    /// Metric name.
    pub metric: String,
    /// Text between the braces, `*` for everything.
    pub scope: String,
    /// Groups behind `by`.
    pub by: Vec<String>,
    pub(super) rollup: Option<Method>,
    pub(super) rollup_s: Option<u32>,
    pub(super) counted: Option<CountSuffix>,
    pub(super) fill_zero: bool,
}

/// A metric query, verbatim and scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    pub(super) text: String,
    pub(super) parts: Vec<MetricPart>,
    pub(super) default_zero: bool,
    pub(super) scaled: bool, // something else than + and - joins the parts
}

impl MetricQuery {
    /// The query as written, without space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The metrics it reads, at least one.
    #[must_use]
    pub fn parts(&self) -> &[MetricPart] {
        &self.parts
    }

    /// The groups of its first part: one state a combination of their values.
    #[must_use]
    pub fn by(&self) -> &[String] {
        self.parts.first().map_or(&[], |part| &part.by)
    }

    /// The interval of `.rollup()`, s; the largest when several parts have one.
    #[must_use]
    pub fn rollup_s(&self) -> Option<u32> {
        self.parts.iter().filter_map(|part| part.rollup_s).max()
    }

    /// Whether a `.rollup()` goes by days or weeks.
    #[must_use]
    pub fn is_calendar(&self) -> bool {
        self.calendars().next().is_some()
    }

    /// Where the days or weeks of the first such `.rollup()` begin, if not at midnight UTC.
    pub(in crate::monitor) fn calendar(&self) -> Option<Calendar> {
        self.calendars().next().and_then(|(interval_s, words)| Calendar::parse(interval_s, words).ok()?)
    }

    /// The intervals of calendars, with the words behind them.
    fn calendars(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = &str>)> {
        let rollups = self.text.split(".rollup(").skip(1).filter_map(|rest| rest.split(')').next());
        rollups.filter_map(|inside| {
            let mut words = inside.split(',').map(|word| word.trim().trim_matches(['\'', '"']));
            Some((words.find_map(interval_s)?, words))
        })
    }

    /// How records are rolled up: `.rollup()` before `.as_count()` and `.as_rate()` before the aggregator. Parts that
    /// disagree, and percentiles, are averaged.
    #[must_use]
    pub fn point_rollup(&self) -> PointRollup {
        let mut parts = self.parts.iter().map(MetricPart::point_rollup);
        let first = parts.next().unwrap_or(PointRollup { method: Method::Avg, per_second: false });
        if !self.scaled && parts.all(|other| other == first) {
            return first;
        }
        // a ratio or product of metrics arrives computed: its points are no counts any more
        let method = if self.parts.len() == 1 { first.method } else { Method::Avg };
        PointRollup { method, per_second: first.per_second && self.parts.len() == 1 }
    }

    /// True when an absent point means that nothing was counted: every part is a count, and only sums and
    /// differences of them are taken.
    #[must_use]
    pub fn is_count(&self) -> bool {
        (!self.scaled || self.parts.len() == 1) && self.parts.iter().all(MetricPart::is_count)
    }

    /// True with `default_zero()` or `.fill(zero)`.
    #[must_use]
    pub fn fills_zero(&self) -> bool {
        self.default_zero || self.parts.iter().any(|part| part.fill_zero)
    }
}

impl fmt::Display for MetricQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl MetricPart {
    fn point_rollup(&self) -> PointRollup {
        let by_aggregator = self.aggregator.as_deref().and_then(Method::from_word).unwrap_or(Method::Avg);
        match (self.rollup, self.counted) {
            (Some(method), counted) => {
                PointRollup { method, per_second: counted == Some(CountSuffix::AsRate) }
            }
            (None, Some(CountSuffix::AsCount)) => PointRollup { method: Method::Sum, per_second: false },
            (None, Some(CountSuffix::AsRate)) => PointRollup { method: Method::Sum, per_second: true },
            (None, None) => PointRollup { method: by_aggregator, per_second: false },
        }
    }

    fn is_count(&self) -> bool {
        self.counted.is_some() || self.point_rollup().method == Method::Count
    }
}
