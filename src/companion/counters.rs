//! Counters about the companion itself; an endpoint prints them, nothing in here does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why a point of an answer did not become a record (or a record was not sent).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// The overlap brought it again.
    Duplicate,
    /// Its bucket was not over; the next pull brings it.
    Incomplete,
    /// No value, and `nulls: skip`.
    Null,
    /// It lies outside of the window that was asked for.
    OutsideWindow,
    /// Its record alone is larger than a forward server takes.
    TooLarge,
}

impl DropReason {
    /// All reasons, in the order of [`Snapshot::dropped`].
    pub const ALL: [Self; 5] =
        [Self::Duplicate, Self::Incomplete, Self::Null, Self::OutsideWindow, Self::TooLarge];

    /// The word for a metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Incomplete => "incomplete",
            Self::Null => "null",
            Self::OutsideWindow => "outside_window",
            Self::TooLarge => "too_large",
        }
    }
}

/// The state of one section's pulling.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SectionGauges {
    /// Seconds between the last look at it and the end of the last acknowledged bucket.
    pub lag_secs: f64,
    /// End of the last acknowledged bucket, seconds since 1970.
    pub complete_to: i64,
    /// Series seen by de-duplication.
    pub series: usize,
    /// Points acknowledged since the start.
    pub acknowledged: u64,
    /// When an answer was acknowledged last, seconds since 1970.
    pub pulled_at: Option<i64>,
}

/// Counters of a running companion; shared by reference between threads.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests to the API.
    pub requests: AtomicU64,
    /// Requests that brought no series (any reason).
    pub failed_requests: AtomicU64,
    /// Points in the API's answers.
    pub pulled: AtomicU64,
    /// Records that the sink took for good.
    pub acknowledged: AtomicU64,
    /// Points that arrived behind a later one of their series (they are sent).
    pub late: AtomicU64,
    /// Chunks sent to a forward server, resends included.
    pub chunks_sent: AtomicU64,
    /// Chunks that were sent again.
    pub chunks_resent: AtomicU64,
    /// Connections opened to forward servers.
    pub connections: AtomicU64,
    /// API calls left in this hour by the limit and by the API's own headers.
    pub budget_left: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    sections: Mutex<BTreeMap<String, SectionGauges>>,
}

/// All counters at one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `Counters`")]
pub struct Snapshot {
    pub requests: u64,
    pub failed_requests: u64,
    pub pulled: u64,
    pub acknowledged: u64,
    pub late: u64,
    pub chunks_sent: u64,
    pub chunks_resent: u64,
    pub connections: u64,
    pub budget_left: u64,
    pub dropped: [(DropReason, u64); DropReason::ALL.len()],
    pub sections: BTreeMap<String, SectionGauges>,
}

impl Counters {
    /// `count` points were dropped for `reason`.
    pub fn drop_points(&self, reason: DropReason, count: u64) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            counter.fetch_add(count, Relaxed);
        }
    }

    /// Changes the gauges of a section.
    pub fn section(&self, name: &str, change: impl FnOnce(&mut SectionGauges)) {
        let mut sections = self.lock();
        match sections.get_mut(name) {
            Some(gauges) => change(gauges),
            None => change(sections.entry(name.to_owned()).or_default()),
        }
    }

    /// Forgets the sections that are not configured any more.
    pub fn keep_sections(&self, keep: impl Fn(&str) -> bool) {
        self.lock().retain(|name, _| keep(name));
    }

    /// Reads everything.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let at = |counter: &AtomicU64| counter.load(Relaxed);
        Snapshot {
            requests: at(&self.requests),
            failed_requests: at(&self.failed_requests),
            pulled: at(&self.pulled),
            acknowledged: at(&self.acknowledged),
            late: at(&self.late),
            chunks_sent: at(&self.chunks_sent),
            chunks_resent: at(&self.chunks_resent),
            connections: at(&self.connections),
            budget_left: at(&self.budget_left),
            dropped: DropReason::ALL.map(|reason| (reason, self.dropped.get(reason as usize).map_or(0, at))),
            sections: self.lock().clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SectionGauges>> {
        self.sections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
