//! Where records and scores leave for.

pub mod datadog;
