//! The query string of an anomaly monitor, typed.
//!
//! ```text
//! avg(<query_window>):anomalies(<metric_query>, '<algorithm>', <deviations>, direction='<direction>',
//!     alert_window='<window>', interval=<s>, count_default_zero='<true|false>'
//!     [, seasonality='<seasonality>'] [, timezone='<zone>']) >= <threshold>
//! ```
//!
//! The metric query comes first, everything behind it in any order. Absent arguments: `direction` is both and
//! `count_default_zero` is true (Datadog's editor starts so), `seasonality` of agile and robust is weekly (the
//! default of Datadog's `anomalies()` function). All others are needed. Printing keeps Datadog's order, and
//! `parse(print(q)) = q`.

mod check;
mod cursor;
mod error;
mod metric;
mod metric_scan;
mod outliers;
mod parse;
#[cfg(test)]
mod tests;

use core::fmt;

pub use error::{QueryError, QueryPlace, QueryRule};
pub use metric::{Method, MetricPart, MetricQuery, PointRollup};
pub use outliers::OutlierQuery;
pub use parse::parse;

use crate::codec::{FloatText, debug_with_float_text};
pub use crate::detector::band::{Algorithm, Seasonality};
use crate::monitor::timeframe::Timeframe;

/// Longest query that is read, bytes: what parsing costs is bounded by it.
pub const LONGEST_QUERY: usize = 16_384;
/// Most points an alert window may hold: two weeks of minutes. Each costs two bits of state a series.
pub const MOST_POINTS: u32 = 20_160;

/// On which side of the band a point is anomalous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Above or below.
    Both,
    /// Above only.
    Above,
    /// Below only.
    Below,
}

impl Direction {
    /// Whether a point is anomalous that lies `above` or `below` the band.
    #[inline(always)] // speed
    pub(crate) fn covers(self, above: bool, below: bool) -> bool {
        match self {
            Direction::Both => above || below,
            Direction::Above => above,
            Direction::Below => below && !above,
        }
    }
}

/// A checked query. Fields are public to build one; [`AnomalyQuery::check`] says whether it follows the rules.
#[derive(Clone, PartialEq)]
pub struct AnomalyQuery {
    /// Time shown in notifications' graphs; at least the alert window.
    pub query_window: Timeframe,
    /// What is measured, verbatim and scanned.
    pub metric: MetricQuery,
    /// How the band is made.
    pub algorithm: Algorithm,
    /// Width of the band in deviations, > 0.
    pub deviations: f64,
    /// Which side counts, as written; see [`AnomalyQuery::side`].
    pub direction: Option<Direction>,
    /// Timeframe that is checked for anomalies; 5 intervals to two weeks.
    pub alert_window: Timeframe,
    /// Roll-up interval as written, s, >= 1; a `.rollup()` with an interval overrides it, see [`AnomalyQuery::bucket_s`].
    pub interval_s: u32,
    /// Whether an absent count is 0.
    pub count_default_zero: bool,
    /// The season as written; `None` with basic, or where agile and robust use their default.
    pub seasonality: Option<Seasonality>,
    /// IANA zone as written, for a daily or weekly season.
    pub timezone: Option<String>,
    /// Share of anomalous points in the alert window that raises a critical alert, in (0, 1].
    pub threshold: f64,
}

debug_with_float_text!(AnomalyQuery {
    query_window,
    metric,
    algorithm,
    deviations => FloatText(*deviations),
    direction,
    alert_window,
    interval_s,
    count_default_zero,
    seasonality,
    timezone,
    threshold => FloatText(*threshold),
});

impl AnomalyQuery {
    /// Length of a bucket, s: the interval of the metric query's `.rollup()`, else `interval`.
    #[must_use]
    pub fn bucket_s(&self) -> u32 {
        self.metric.rollup_s().unwrap_or(self.interval_s)
    }

    /// Points of the alert window: whole buckets that fit into it, 5 to [`MOST_POINTS`] for a checked query.
    #[must_use]
    pub fn trigger_points(&self) -> u32 {
        (self.alert_window.seconds() / self.bucket_s().max(1)).max(1)
    }

    /// The season the band uses: none for basic; weekly for agile and robust when the query names none.
    #[must_use]
    pub fn season(&self) -> Option<Seasonality> {
        match self.algorithm {
            Algorithm::Basic => None,
            Algorithm::Agile | Algorithm::Robust => Some(self.seasonality.unwrap_or(Seasonality::Weekly)),
        }
    }

    /// Which side counts: both when the query does not say.
    #[must_use]
    pub fn side(&self) -> Direction {
        self.direction.unwrap_or(Direction::Both)
    }

    /// True where an empty bucket counts as 0: counts with `count_default_zero`, and `default_zero()` or
    /// `.fill(zero)` on any metric.
    #[must_use]
    pub fn empty_is_zero(&self) -> bool {
        self.metric.fills_zero() || (self.count_default_zero && self.metric.is_count())
    }

    /// Every rule that needs more than one argument or a range.
    ///
    /// # Errors
    /// All broken rules, each with its argument's place in the printed query.
    pub fn check(&self) -> Result<(), Vec<QueryError>> {
        parse(&self.to_string()).map(|_| ())
    }
}

impl fmt::Display for AnomalyQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric.text();
        write!(
            f,
            "avg({}):anomalies({metric}, '{}', {}",
            self.query_window,
            self.algorithm,
            FloatText(self.deviations)
        )?;
        if let Some(direction) = self.direction {
            write!(f, ", direction='{direction}'")?;
        }
        write!(f, ", alert_window='{}', interval={}", self.alert_window, self.interval_s)?;
        write!(f, ", count_default_zero='{}'", self.count_default_zero)?;
        if let Some(seasonality) = self.seasonality {
            write!(f, ", seasonality='{seasonality}'")?;
        }
        if let Some(zone) = &self.timezone {
            write!(f, ", timezone='{zone}'")?;
        }
        write!(f, ") >= {}", FloatText(self.threshold))
    }
}

/// Gives an enum its words: `ALL`, `word`, `from_word` and `Display`.
macro_rules! words {
    ($kind:ident { $($variant:ident = $word:literal),+ }) => {
        impl $kind {
            /// Each value with its word.
            pub(crate) const WORDS: &'static [(&'static str, $kind)] = &[$(($word, $kind::$variant)),+];

            /// The word that stands for it in a query.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $($kind::$variant => $word),+
                }
            }

            /// The value a word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|(candidate, _)| *candidate == word).map(|(_, value)| *value)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words!(Algorithm { Basic = "basic", Agile = "agile", Robust = "robust" });
words!(Direction { Both = "both", Above = "above", Below = "below" });
words!(Seasonality { Hourly = "hourly", Daily = "daily", Weekly = "weekly" });
