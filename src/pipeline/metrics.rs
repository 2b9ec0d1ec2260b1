//! The filter's own figures as Prometheus text: `metrics.prom` in the state folder, and `/metrics` of native hosts.

use core::fmt::Write;

use super::Pipeline;

/// Before each name.
const PREFIX: &str = "fluent_anomaly_filter_";

struct MetricsText(String);

impl MetricsText {
    #[inline(never)] // stack
    fn family(&mut self, name: &str, is_counter: bool, help: &str) {
        for (word, text) in [("HELP", help), ("TYPE", if is_counter { "counter" } else { "gauge" })] {
            for part in ["# ", word, " ", PREFIX, name, " ", text, "\n"] {
                self.0.push_str(part);
            }
        }
    }

    #[inline(never)] // stack
    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        self.0.push_str(PREFIX);
        self.0.push_str(name);
        if let Some((key, text)) = label {
            for part in ["{", key, "=\"", text, "\"}"] {
                self.0.push_str(part);
            }
        }
        // writing to a string cannot fail
        let _ = writeln!(self.0, " {value}");
    }
}

impl Pipeline {
    /// What was done so far as Prometheus text, version 0.0.4. Names begin with `fluent_anomaly_filter_`; counters end in
    /// `_total`.
    #[must_use]
    #[inline(never)] // stack
    pub fn metrics(&self) -> String {
        let counters = self.counters();
        let mut text = MetricsText(String::with_capacity(4096));
        let unmatched = self.unscored.unmatched_records();
        for (name, help, value) in [
            ("records_total", "Records that came in.", counters.records),
            ("matched_total", "Records whose tag matches a section.", counters.records - unmatched),
            ("scored_total", "Scores written, one a section and record.", counters.scored),
            ("warming_up_total", "Points learned by models that give no scores yet.", counters.warming_up),
            ("alarms_total", "Alarms that began.", counters.alarms),
            ("repeated_total", "Points seen before, or too old to tell.", counters.repeated),
            (
                "late_total",
                "Points too late for the monitors of their section, or for their window.",
                counters.late,
            ),
            (
                "mended_total",
                "Records changed because the host could not have read them back.",
                counters.mended,
            ),
            ("windows_total", "Windows closed.", counters.windows),
            ("windows_lost_total", "Windows not told because too many waited.", counters.lost_windows),
            ("series_evicted_total", "Series that went because there were too many.", self.bank.evicted()),
        ] {
            text.family(name, true, help);
            text.sample(name, None, value);
        }
        let name = "refused_total";
        text.family(name, true, "Records not scored although their tag matches, by reason.");
        let of_sections = self.unscored.by_reason();
        let no_key: u64 = self.sections.iter().map(|section| section.without_key.get()).sum();
        for (reason, value) in [
            ("no_value", of_sections.missing),
            ("null", of_sections.null),
            ("no_number", counters.refused),
            ("no_record", counters.malformed),
            ("no_key", no_key),
            ("no_time", counters.unreadable_times),
            ("ahead", counters.ahead),
        ] {
            text.sample(name, Some(("reason", reason)), value);
        }
        for (name, help, value) in [
            ("series", "Series in memory.", self.bank.len() as u64),
            ("unsaved_points", "Points whose models are in memory only, as saving failed.", counters.unsaved),
            ("journal_bytes", "Bytes of the journals behind the snapshot.", self.bank.journal_bytes()),
        ] {
            text.family(name, false, help);
            text.sample(name, None, value);
        }
        text.0
    }
}
