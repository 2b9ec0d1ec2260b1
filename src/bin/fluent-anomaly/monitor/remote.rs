//! Datadog's API, with the keys of the environment.

use fluent_anomaly::Config;
use fluent_anomaly::sources::datadog::{MonitorApi, MonitorApiError};

use crate::failure::Failure;

/// A client for the site of the configuration.
pub(super) fn connect(config: &Config) -> Result<MonitorApi, Failure> {
    MonitorApi::new(&crate::pull::datadog_settings(config)?)
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// What is to be changed is status 2, what may go away by itself status 1.
pub(super) fn failure(section: &str, error: &MonitorApiError) -> Failure {
    let message = format!("[{section}] {error}");
    match error {
        MonitorApiError::Refused(_) | MonitorApiError::Unauthorized(_) => Failure::Usage(message),
        _ => Failure::Failed(message),
    }
}
