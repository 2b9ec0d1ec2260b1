//! The time of day as pipelines see it: when the chunk at hand arrived. So a chunk that is scored again after a crash
//! meets the same clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::{HostClock, Time};

/// Set by the engine, read by its pipelines.
#[derive(Debug, Clone, Default)]
pub(super) struct ArrivalClock(Arc<AtomicI64>);

impl ArrivalClock {
    /// A chunk arrived at this time; the clock never goes back.
    pub(super) fn set(&self, at: Time) {
        self.0.fetch_max(at.nanos(), Relaxed);
    }

    /// When a chunk arrives that arrives now.
    pub(super) fn now() -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl HostClock for ArrivalClock {
    fn now(&mut self) -> Option<Time> {
        Some(Time::from_nanos(self.0.load(Relaxed)))
    }
}
