//! The `dd` output as Fluent Bit loads it: `abi` speaks the host's C interface and holds all unsafe code,
//! `instance` runs one `[OUTPUT]` section. What is shipped, and how, is `fluent_anomaly::sinks::datadog`.
#![deny(unsafe_code)]

mod abi;
mod instance;
