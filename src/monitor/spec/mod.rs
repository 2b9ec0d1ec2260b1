//! A monitor, checked: the query, thresholds, windows and delays of one `[monitor.*]` section.

mod check;
mod raw;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use raw::RawMonitor;
#[cfg(any(test, feature = "companion"))]
pub(super) use raw::escape;
pub(crate) use raw::unescape;

use super::query::{AnomalyQuery, PointRollup, QueryError};
use super::timeframe::Timeframe;
use super::zone::Zone;
use crate::codec::{FloatText, debug_with_float_text};
use crate::detector::band;

/// Most buckets that `evaluation_delay` may hold open. Each costs 24 bytes of state a series.
pub(crate) const MOST_OPEN_BUCKETS: u32 = 256;

/// A monitor whose parts fit together. Made by [`MonitorSpec::check`]; one serves all series it watches.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct MonitorSpec {
    /// Title, for messages and Datadog.
    pub name: Option<String>,
    /// The query, with the direction and time zone that hold.
    pub query: AnomalyQuery,
    /// The band that the query asks for.
    pub band: band::BandSpec,
    /// Share of anomalous points in the trigger window that raises an alert, in (0, 1].
    pub critical: f64,
    /// Largest share in the recovery window that ends an alert, in [0, critical).
    pub critical_recovery: f64,
    /// Share in the trigger window that raises a warning, in (0, critical).
    pub warning: Option<f64>,
    /// Largest share in the recovery window that ends a warning, in [0, warning).
    pub warning_recovery: f64,
    /// Timeframe that recovery looks at; within what [`super::timeframe::recovery_range`] allows.
    pub recovery_window: Timeframe,
    /// Whether a trigger window with missing points is left unjudged.
    pub require_full_window: bool,
    /// Seconds after the first point of a series before it is judged.
    pub new_group_delay_s: u32,
    /// Seconds that buckets stay open behind the newest record.
    pub evaluation_delay_s: u32,
    /// Whether silence becomes NO DATA.
    pub notify_no_data: bool,
    /// Minutes of silence after which it does, >= 1.
    pub no_data_timeframe_min: u32,
    /// Minutes between reminders in ALERT and NO DATA, >= 1; `None`: no reminders.
    pub renotify_interval_min: Option<u32>,
    /// Hours of silence after which a state resolves to OK, 1..=24; `None`: never.
    pub timeout_h: Option<u32>,
    /// The band that judges a series for as long as there is none of [`band`](Self::band); `None`: nothing does.
    pub fallback: Option<band::BandSpec>,
    /// Message template.
    pub message: String,
    /// Tags of the monitor itself.
    pub tags: Vec<String>,
    /// 1 (highest) to 5.
    pub priority: Option<u8>,
    /// Zone of a daily or weekly season; `None`: UTC.
    pub zone: Option<Zone>,
}

debug_with_float_text!(MonitorSpec {
    name,
    query,
    band,
    critical => FloatText(*critical),
    critical_recovery => FloatText(*critical_recovery),
    warning => warning.map(FloatText),
    warning_recovery => FloatText(*warning_recovery),
    recovery_window,
    require_full_window,
    new_group_delay_s,
    evaluation_delay_s,
    notify_no_data,
    no_data_timeframe_min,
    renotify_interval_min,
    timeout_h,
    fallback,
    message,
    tags,
    priority,
    zone,
});

impl MonitorSpec {
    /// Length of a bucket, s, >= 1.
    #[must_use]
    pub fn bucket_s(&self) -> u32 {
        self.query.bucket_s()
    }

    /// How records become a bucket's value.
    #[must_use]
    pub fn point_rollup(&self) -> PointRollup {
        self.query.metric.point_rollup()
    }

    /// Points of the trigger window, 5..=20 160: whole buckets that fit into it.
    #[must_use]
    pub fn trigger_points(&self) -> u32 {
        self.query.trigger_points()
    }

    /// Points of the recovery window, 1 to [`MonitorSpec::trigger_points`]: buckets that cover it.
    #[must_use]
    pub fn recovery_points(&self) -> u32 {
        self.recovery_window.seconds().div_ceil(self.bucket_s()).clamp(1, self.trigger_points())
    }

    /// Buckets that are open at a time, 1..=256.
    #[must_use]
    pub fn open_buckets(&self) -> u32 {
        self.evaluation_delay_s.div_ceil(self.bucket_s()) + 1
    }
}

/// What is wrong with one key of a monitor's section, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MonitorProblem {
    /// A needed key is absent.
    #[error("{key}: missing; allowed is {allowed}")]
    Missing {
        /// Key.
        key: &'static str,
        /// What may be written.
        allowed: &'static str,
    },
    /// A value lies outside what is allowed.
    #[error("{key}: {given} is not allowed; allowed is {allowed}")]
    NotAllowed {
        /// Key.
        key: &'static str,
        /// Its value as written, shortened.
        given: String,
        /// What may be written instead.
        allowed: String,
    },
    /// The query breaks a rule.
    #[error("query: {0}")]
    Query(QueryError),
    /// No band can be made of the query's season and interval.
    #[error("query: {0}")]
    Band(band::BandSpecError),
}

impl MonitorProblem {
    /// The key of the section that is to be mended.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            MonitorProblem::Missing { key, .. } | MonitorProblem::NotAllowed { key, .. } => key,
            MonitorProblem::Query(_) | MonitorProblem::Band(_) => "query",
        }
    }

    /// The text without the key in front, for reports that print it themselves.
    #[must_use]
    pub fn message(&self) -> String {
        let text = self.to_string();
        text.strip_prefix(self.key())
            .and_then(|rest| rest.strip_prefix(": "))
            .map(str::to_owned)
            .unwrap_or(text)
    }
}
