//! What `stream` counts, and the text of it for a scraper.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::companion::metrics::MetricsText;

/// The state of one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PartitionGauges {
    /// Records of the log that are not yet committed.
    pub lag: i64,
    /// When the last checkpoint was made that counts, seconds since 1970; 0: never.
    pub checkpoint_made_s: i64,
    /// Its bytes.
    pub checkpoint_bytes: u64,
    /// Series in memory.
    pub series: usize,
}

/// Counters of a running member; shared by reference between threads.
#[derive(Debug, Default)]
pub struct StreamCounters {
    /// Records that left, with their offsets.
    pub records: AtomicU64,
    /// Windows that left as records of their own.
    pub windows: AtomicU64,
    /// Records that were learned again without leaving.
    pub replayed: AtomicU64,
    /// Transactions that were committed.
    pub committed: AtomicU64,
    /// Transactions that were aborted.
    pub aborted: AtomicU64,
    /// Changes of the assignment.
    pub rebalances: AtomicU64,
    /// Checkpoints that count.
    pub checkpoints: AtomicU64,
    /// Records refused since their message has no key.
    pub refused: AtomicU64,
    /// Records sent to the topic of `rekey`.
    pub rekeyed: AtomicU64,
    /// Times that the input was gone which a checkpoint needs.
    pub gaps: AtomicU64,
    /// Times that the member began anew after an error.
    pub restarts: AtomicU64,
    partitions: Mutex<BTreeMap<(String, i32), PartitionGauges>>,
}

impl StreamCounters {
    /// Changes the gauges of a partition.
    pub fn partition(&self, topic: &str, partition: i32, change: impl FnOnce(&mut PartitionGauges)) {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        change(partitions.entry((topic.to_owned(), partition)).or_default());
    }

    /// Forgets a partition that others have now.
    pub fn forget(&self, topic: &str, partition: i32) {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.remove(&(topic.to_owned(), partition));
    }

    /// Forgets all of them.
    pub fn forget_all(&self) {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn partitions(&self) -> BTreeMap<(String, i32), PartitionGauges> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The text of a gauge of one partition.
type GaugeText<'a> = &'a dyn Fn(&PartitionGauges) -> String;

/// All counters as OpenMetrics text. Names begin with `fluent_anomaly_stream_`.
///
/// ```
/// use fluent_anomaly::streams::{StreamCounters, render};
/// let counters = StreamCounters::default();
/// counters.partition("metrics", 3, |gauges| gauges.lag = 12);
/// let text = render(&counters, 1_700_000_000);
/// assert!(text.contains("\nfluent_anomaly_stream_lag_records{topic=\"metrics\",partition=\"3\"} 12\n"));
/// assert!(text.contains("\nfluent_anomaly_stream_transactions_aborted_total 0\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
#[must_use]
pub fn render(counters: &StreamCounters, now_s: i64) -> String {
    let mut text = MetricsText::new("fluent_anomaly_stream_");
    for (name, help, counter) in [
        ("records", "Records that left together with their offsets", &counters.records),
        ("windows", "Windows that left as records of their own", &counters.windows),
        ("replayed", "Records that were learned again without leaving", &counters.replayed),
        ("transactions_committed", "Transactions that were committed", &counters.committed),
        ("transactions_aborted", "Transactions that were aborted", &counters.aborted),
        ("rebalances", "Changes of the assignment", &counters.rebalances),
        ("checkpoints", "Checkpoints that count", &counters.checkpoints),
        ("records_refused", "Records refused since their message has no key", &counters.refused),
        ("records_rekeyed", "Records sent to the topic of rekey", &counters.rekeyed),
        ("gaps", "Times that the input was gone which a checkpoint needs", &counters.gaps),
        ("restarts", "Times that the member began anew after an error", &counters.restarts),
    ] {
        text.counter(name, help, counter.load(Relaxed));
    }
    let partitions = counters.partitions();
    text.gauge("partitions", "Partitions of this member", partitions.len());
    let age = |gauges: &PartitionGauges| match gauges.checkpoint_made_s {
        0 => "NaN".to_owned(),
        made_s => now_s.saturating_sub(made_s).max(0).to_string(),
    };
    let of_each: [(&str, &str, GaugeText<'_>); 4] = [
        ("lag_records", "Records that are not yet committed", &|gauges| gauges.lag.to_string()),
        ("checkpoint_age_seconds", "Age of the last checkpoint", &age),
        ("checkpoint_bytes", "Size of the last checkpoint", &|gauges| gauges.checkpoint_bytes.to_string()),
        ("series", "Series in memory", &|gauges| gauges.series.to_string()),
    ];
    for (name, help, value) in of_each {
        text.family(name, "gauge", "", help);
        for ((topic, partition), gauges) in &partitions {
            let labels = [("topic", topic.as_str()), ("partition", &partition.to_string())];
            text.sample(name, &labels, value(gauges));
        }
    }
    text.end()
}
