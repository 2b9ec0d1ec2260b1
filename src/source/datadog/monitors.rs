//! The two calls about monitors: `POST /api/v1/monitor/validate` and `POST /api/v1/monitor`.

use thiserror::Error;

use super::QueryOutcome;
use super::http::Http;
use super::settings::{DatadogError, DatadogSettings};

/// Asks Datadog about monitors. The keys travel in headers and are in no error.
#[derive(Debug)]
pub struct MonitorApi(Http);

/// Why Datadog did not take a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MonitorApiError {
    /// The monitor itself has to be changed.
    #[error("Datadog refuses the monitor: {0}")]
    Refused(String),
    /// The keys, or the site, are not the right ones.
    #[error("Datadog refuses the keys: {0}; check DD_API_KEY, DD_APP_KEY and `site` in [general]")]
    Unauthorized(String),
    /// Too many calls; how many seconds to wait, if it said so.
    #[error("Datadog allows no more calls for now{}", .0.map_or(String::new(), |s| format!("; try again in {s} s")))]
    RateLimited(Option<u64>),
    /// No answer, or none of use.
    #[error("Datadog cannot be asked: {0}")]
    Unavailable(String),
}

impl MonitorApi {
    /// A client; connects with the first call.
    ///
    /// # Errors
    /// [`DatadogError`] for settings that cannot be used.
    pub fn new(settings: &DatadogSettings) -> Result<Self, DatadogError> {
        Http::new(settings).map(Self)
    }

    /// Asks whether a monitor could be created of this body.
    ///
    /// # Errors
    /// [`MonitorApiError`]; [`MonitorApiError::Refused`] is Datadog's no.
    pub fn validate(&self, body: &str) -> Result<(), MonitorApiError> {
        self.post("/api/v1/monitor/validate", body).map(drop)
    }

    /// Creates the monitor; gives its number, if the answer tells it.
    ///
    /// # Errors
    /// [`MonitorApiError`]. After [`MonitorApiError::Unavailable`] the monitor may have been created all the same.
    pub fn create(&self, body: &str) -> Result<Option<u64>, MonitorApiError> {
        let answer = self.post("/api/v1/monitor", body)?;
        let answer: Option<serde_json::Value> = serde_json::from_slice(&answer).ok();
        Ok(answer.and_then(|answer| answer.get("id")?.as_u64()))
    }

    fn post(&self, path: &str, body: &str) -> Result<Vec<u8>, MonitorApiError> {
        self.0.post_once(path, body).map_err(|outcome| match outcome {
            QueryOutcome::Unauthorized { reason } => MonitorApiError::Unauthorized(reason),
            QueryOutcome::RateLimited { reset } => {
                MonitorApiError::RateLimited(reset.map(|wait| wait.as_secs()))
            }
            QueryOutcome::Refused { reason } => MonitorApiError::Refused(reason),
            QueryOutcome::Unavailable { reason } | QueryOutcome::Malformed { reason } => {
                MonitorApiError::Unavailable(reason)
            }
            QueryOutcome::TooLarge { .. } => MonitorApiError::Refused("the body is too large".to_owned()),
            QueryOutcome::Series(_) => MonitorApiError::Unavailable("series instead of a monitor".to_owned()),
        })
    }
}
