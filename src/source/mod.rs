//! Where records come from.

pub mod datadog;
pub mod pull;
pub mod series_file;
