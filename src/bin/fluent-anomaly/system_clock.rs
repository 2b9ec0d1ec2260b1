//! The clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use fluent_anomaly::{HostClock, Time};

/// What bounds the times of records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl HostClock for SystemClock {
    fn now(&mut self) -> Option<Time> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok().map(Time::from_nanos)
    }
}
