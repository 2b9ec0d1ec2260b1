//! What `stream` counts, and the text of it for a scraper.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

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
    let mut text = String::with_capacity(4096);
    // writing to a string cannot fail
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, String)]| {
        let _ = writeln!(text, "# TYPE fluent_anomaly_stream_{name} {kind}");
        let _ = writeln!(text, "# HELP fluent_anomaly_stream_{name} {help}.");
        let suffix = if kind == "counter" { "_total" } else { "" };
        for (labels, value) in samples {
            let _ = writeln!(text, "fluent_anomaly_stream_{name}{suffix}{labels} {value}");
        }
    };
    for (name, help, counter) in [
        ("records", "Records that left together with their offsets", &counters.records),
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
        family(name, "counter", help, &[(String::new(), counter.load(Relaxed).to_string())]);
    }
    let partitions = counters.partitions();
    let each = |value: &dyn Fn(&PartitionGauges) -> String| -> Vec<(String, String)> {
        let sample = |((topic, partition), gauges): (&(String, i32), &PartitionGauges)| {
            (format!("{{topic=\"{topic}\",partition=\"{partition}\"}}"), value(gauges))
        };
        partitions.iter().map(sample).collect()
    };
    let age = |gauges: &PartitionGauges| match gauges.checkpoint_made_s {
        0 => "NaN".to_owned(),
        made_s => (now_s - made_s).max(0).to_string(),
    };
    family(
        "partitions",
        "gauge",
        "Partitions of this member",
        &[(String::new(), partitions.len().to_string())],
    );
    family(
        "lag_records",
        "gauge",
        "Records that are not yet committed",
        &each(&|gauges| gauges.lag.to_string()),
    );
    family("checkpoint_age_seconds", "gauge", "Age of the last checkpoint", &each(&age));
    let bytes = |gauges: &PartitionGauges| gauges.checkpoint_bytes.to_string();
    family("checkpoint_bytes", "gauge", "Size of the last checkpoint", &each(&bytes));
    family("series", "gauge", "Series in memory", &each(&|gauges| gauges.series.to_string()));
    text.push_str("# EOF\n");
    text
}
