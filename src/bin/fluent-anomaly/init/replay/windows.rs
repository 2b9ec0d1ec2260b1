//! What closed windows of a sample tell.

use std::collections::HashSet;

use fluent_anomaly::Pipeline;
use serde_json::Value;

use super::super::values::short;
use crate::utc;

/// What the closed windows of a replay came to.
#[derive(Debug, Default)]
pub(super) struct ClosedWindows {
    pub(super) count: usize,
    series: HashSet<String>,
}

/// A window whose score is worth a look.
pub(super) struct Told {
    /// When, and what was counted.
    pub(super) what: String,
    /// The alarm that begins with it.
    pub(super) alarm: Option<String>,
    pub(super) score: Option<f64>,
}

impl ClosedWindows {
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// Takes the windows that closed with the last record.
    pub(super) fn take(&mut self, pipeline: &mut Pipeline, every: &str) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(window) = pipeline.take_window_record() {
            let Ok(record) = serde_json::from_slice::<Value>(&window.record) else { continue };
            let window_map = &record["anomaly_window"];
            let section = window_map["series"].as_str().unwrap_or_default();
            self.count += 1;
            self.series.insert(format!("{section} {}", window.series));
            told.push(Told::of(window_map, section, &window.series, every));
        }
        told
    }
}

impl Told {
    fn of(window: &Value, section: &str, series: &str, every: &str) -> Self {
        let of = if series == "*" { String::new() } else { format!(" of {series}") };
        let from = window["from"].as_i64().unwrap_or_default();
        let value = window["value"].as_f64().unwrap_or_default();
        let what = format!("{}  {section}{of} in {every}: {}", utc::text(from), short(value));
        let alarm = (window["alarm"] == "start")
            .then(|| super::alarm(&what, &window["anomaly_reason"], &window["anomaly_size"]));
        Self { what, alarm, score: window["anomaly_score"].as_f64() }
    }
}
