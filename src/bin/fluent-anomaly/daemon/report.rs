//! The status file: what a running daemon says of itself, as JSON, replaced as a whole.

use std::path::Path;

use fluent_anomaly::native::{Snapshot, atomic};
use serde::{Deserialize, Serialize};

use crate::utc;

/// One moment of a daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) pid: u32,
    pub(super) version: String,
    /// All times in seconds since 1970.
    pub(super) since: i64,
    /// When this was written.
    pub(super) at: i64,
    pub(super) log: String,
    /// Address of the metrics endpoint.
    pub(super) metrics: Option<String>,
    /// `scored` or `raw`.
    #[serde(default)]
    pub(super) records: Option<String>,
    /// The same as a sentence.
    #[serde(default)]
    pub(super) records_told: Option<String>,
    pub(super) budget_left: u64,
    pub(super) acknowledged: u64,
    pub(super) queries: Vec<Query>,
    pub(super) last_warning: Option<Warning>,
}

/// One section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Query {
    pub(super) section: String,
    pub(super) last_pull: Option<i64>,
    /// Seconds between now and the end of the last acknowledged bucket.
    pub(super) lag: i64,
    pub(super) series: u64,
    pub(super) acknowledged: u64,
}

/// The last thing to act on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Warning {
    pub(super) at: i64,
    pub(super) cause: String,
    pub(super) text: String,
}

impl Report {
    /// Takes the counters over.
    pub(super) fn update(&mut self, now: &Snapshot) {
        self.at = utc::now();
        self.budget_left = now.budget_left;
        self.acknowledged = now.acknowledged;
        let query = |(name, section): (&String, &fluent_anomaly::native::SectionGauges)| Query {
            section: name.clone(),
            last_pull: section.pulled_at,
            lag: (utc::now() - section.complete_to).max(0),
            series: section.series as u64,
            acknowledged: section.acknowledged,
        };
        self.queries = now.sections.iter().map(query).collect();
    }

    /// Writes it for `status` to read; a full disk costs only that.
    pub(super) fn write(&self, path: &Path) {
        if let Ok(text) = serde_json::to_string_pretty(self) {
            let _ = atomic::write_text(path, &(text + "\n"));
        }
    }

    /// Reads what a daemon wrote; with its delays brought to the present.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut report: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let age = (utc::now() - report.at).max(0);
        for query in &mut report.queries {
            query.lag += age;
        }
        Some(report)
    }
}
