//! Anomaly monitors: Datadog's query strings, windows, thresholds and alert states, evaluated in event time.
//!
//! | module | what it does |
//! |---|---|
//! | [`query`] | `avg(last_4h):anomalies(...) >= 0.8` -> typed arguments, and back |
//! | [`timeframe`] | `last_15m`, and which recovery windows a threshold allows |
//! | [`zone`] | a zone's UTC offset, without a time-zone database |
//! | [`spec`] | texts of a configuration -> a checked [`MonitorSpec`], all problems at once |
//! | `calendar` | days and weeks that begin with a local hour |
//! | [`rollup`] | records of a series -> buckets of the interval |
//! | [`alert`] | positions in the band -> OK, WARN, ALERT, NO DATA |
//! | [`evaluate`] | one series under its monitors: roll-up -> band -> verdict -> states |
//! | [`backtest`] | the same over history: time passes in its gaps |
//! | [`suggest`] | a monitor for a history, proved on it |
//! | `metric_name` (feature `datadog`) | names as Datadog stores them |
//! | [`message`] | `{{value}}`, `{{#is_alert}}` filled in |
//! | [`explain`] | what will be alerted on, in plain words |
//! | `exchange` (feature `companion`) | monitors as Datadog's API writes them |
//!
//! Nothing here reads a clock: time is an argument, in whole seconds of UTC.

pub(crate) mod alert;
pub(crate) mod backtest;
mod calendar;
pub(crate) mod evaluate;
#[cfg(feature = "companion")]
pub mod exchange;
pub(crate) mod explain;
mod expression;
pub(crate) mod message;
#[cfg(feature = "datadog")]
pub(crate) mod metric_name;
pub mod query;
pub(crate) mod rollup;
pub(crate) mod spec;
pub(crate) mod suggest;
pub(crate) mod text;
pub(crate) mod timeframe;
pub(crate) mod zone;

pub use alert::{AlertEvaluation, AlertState, BandPosition, Status, Transition, Triggered};
pub(crate) use evaluate::Unchanged;
pub use evaluate::{MonitorVerdict, SeriesEvaluator, SharedBand};
pub use query::AnomalyQuery;
pub use rollup::Rollup;
pub use spec::{MonitorProblem, MonitorSpec, RawMonitor};
pub use timeframe::Timeframe;
pub use zone::Zone;
