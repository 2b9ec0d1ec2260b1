//! `[monitor.*]`: a Datadog anomaly monitor over the series of another section.

use super::ini;
use super::section::{Section, read_prefix, section_named};
use super::section_reader::SectionReader;
use crate::monitor::{MonitorSpec, RawMonitor};

/// One monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorSection {
    /// The name behind `monitor.`.
    pub name: String,
    /// Index of the section it watches.
    pub on: usize,
    /// Goes before the names of its annotations.
    pub prefix: String,
    /// Query, windows, thresholds and delays.
    pub spec: MonitorSpec,
}

/// The keys of `[<section>]` of a file as they stand, unchecked; `None` where there is no such section.
#[must_use]
pub fn raw_monitor(text: &str, section: &str) -> Option<RawMonitor> {
    let sections = ini::read("", text, &mut Vec::new());
    let section = sections.into_iter().find(|one| one.name == section)?;
    let mut raw = RawMonitor::default();
    for entry in section.entries.into_iter().filter(|entry| !entry.value.is_empty()) {
        raw.set(&entry.key, entry.value);
    }
    Some(raw)
}

impl MonitorSection {
    /// Reads `[monitor.<name>]`.
    #[inline(never)] // stack
    pub(super) fn read(name: &str, keys: &mut SectionReader<'_>, sections: &[&Section]) -> Option<Self> {
        for key in ["alarms", "anomaly_score"] {
            if keys.text(key).is_some() {
                keys.complain_about(
                    key,
                    "has no meaning in a monitor, which alerts by its query's threshold: set it in the section that \
                     the monitor is `on`, or in [filter]",
                );
            }
        }
        let on = keys.required("on", "cpu");
        let prefix = read_prefix(keys);
        keys.required("query", "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, alert_window='last_15m', interval=60) >= 0.8");
        let raw = raw_of(keys);
        let spec = match (raw.query.is_some(), MonitorSpec::check(&raw)) {
            (_, Ok(spec)) => Some(spec),
            (false, Err(_)) => None, // told already
            (true, Err(problems)) => {
                for problem in problems {
                    keys.complain_about(problem.key(), problem.message());
                }
                None
            }
        };
        let on = on.and_then(|on| section_named(on, keys, sections))?;
        let prefix = prefix
            .unwrap_or_else(|| sections.get(on).map(|section| section.prefix.clone()).unwrap_or_default());
        Some(Self { name: name.to_owned(), on, prefix, spec: spec? })
    }

    /// The names of the fields that are written into a record: the verdict, and what silent series say.
    #[must_use]
    pub fn annotation_names(&self) -> [String; 2] {
        ["anomaly", "anomaly_silent"].map(|name| format!("{}{name}", self.prefix))
    }
}

/// The monitor as its section gives it, unchecked.
#[inline(never)] // stack
fn raw_of(keys: &mut SectionReader<'_>) -> RawMonitor {
    let mut raw = RawMonitor::default();
    for &key in RawMonitor::KEYS {
        let value = match key {
            "query" | "name" | "message" | "tags" => keys.text(key),
            _ => keys.given(key),
        };
        if let Some(value) = value {
            raw.set(key, value);
        }
    }
    raw
}
