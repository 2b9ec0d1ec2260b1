//! Datadog's query API: points of a metric query in a window of time.
//!
//! | file | what it knows |
//! |---|---|
//! | `settings` | site, keys, limits |
//! | `http` | one request: headers, time-outs, a bounded body, what a status code means |
//! | `answer` | bodies, read leniently: v1 and v2 |
//! | `v1`, `v2` | the two query endpoints behind [`QueryApi`] |
//! | `monitors` | the calls that validate and create a monitor |
//! | `budget` | calls an hour: our own limit, and what the API's headers say |
//!
//! Own structures instead of the official client: that one hides the headers of the rate limit, panics on an
//! unknown site and carries a wrong unit for `interval`.

mod answer;
mod budget;
mod http;
mod monitors;
mod settings;
mod v1;
mod v2;

pub use budget::{CallBudget, RateHeaders};
pub use monitors::{MonitorApi, MonitorApiError};
pub use settings::{ApiVersion, DatadogError, DatadogSettings};
pub use v1::QueryV1;
pub use v2::QueryV2;

use std::time::Duration;

/// The series of bytes, read as the answer of each version of the query API; for the fuzz targets.
#[doc(hidden)]
#[must_use]
pub fn read_answers(bytes: &[u8]) -> Vec<QuerySeries> {
    let _ = answer::error_text(bytes);
    let read = [answer::v1(&mut &bytes[..], "avg:m{*}"), answer::v2(&mut &bytes[..], "avg:m{*}", Some(60))];
    let series = read.into_iter().flatten().filter_map(|body| match body {
        answer::AnswerBody::Series(series) => Some(series),
        answer::AnswerBody::Refused(_) => None,
    });
    series.flatten().collect()
}

/// One bucket of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryPoint {
    /// Start of the bucket, seconds since 1970.
    pub time: i64,
    /// The value, finite; `None` where there is no data.
    pub value: Option<f64>,
}

/// One scope of a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QuerySeries {
    /// Name of the metric.
    pub metric: String,
    /// `*` or `host:a,env:b`.
    pub scope: String,
    /// Host, where the scope names one.
    pub host: Option<String>,
    /// Which of several queries (joined with commas) it belongs to.
    pub query_index: u32,
    /// Length of a bucket, seconds; chosen by the API. `None` when it cannot be told.
    pub interval: Option<u32>,
    /// In the order of the answer.
    pub points: Vec<QueryPoint>,
}

/// A window of time, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryWindow {
    /// First second.
    pub from: i64,
    /// First second after the window.
    pub to: i64,
}

/// Result of a query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum QueryOutcome {
    /// Series, possibly none.
    Series(Vec<QuerySeries>),
    /// The API does not take this query; it would not the next time either.
    Refused {
        /// Message of the API.
        reason: String,
    },
    /// Too many calls.
    RateLimited {
        /// When the API takes calls again, if it says so.
        reset: Option<Duration>,
    },
    /// Bad or missing key, missing scope, or the wrong site.
    Unauthorized {
        /// Message of the API.
        reason: String,
    },
    /// Not reached, not in time, or broken at the moment.
    Unavailable {
        /// Cause.
        reason: String,
    },
    /// An answer that makes no sense.
    Malformed {
        /// Cause.
        reason: String,
    },
    /// The answer is longer than the limit; a shorter window may fit.
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
}

/// An outcome and what the answer's headers say about the rate limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The outcome.
    pub outcome: QueryOutcome,
    /// The headers.
    pub rate: RateHeaders,
}

/// Asks for the points of a query.
pub trait QueryApi {
    /// The points of `query` in `window`. Blocks, within the time-outs of the settings.
    fn query(&self, query: &str, window: QueryWindow) -> Reply;
}

/// The implementation that the settings choose.
///
/// # Errors
/// [`DatadogError`]: keys, site or CA file cannot be used.
pub fn connect(settings: &DatadogSettings) -> Result<Box<dyn QueryApi>, DatadogError> {
    Ok(match settings.version {
        ApiVersion::V1 => Box::new(QueryV1::new(settings)?),
        ApiVersion::V2 => Box::new(QueryV2::new(settings)?),
    })
}
