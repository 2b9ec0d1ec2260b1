//! The configuration file of a proposal.

use super::log_series::LogSection;
use super::propose::Proposal;

impl Proposal {
    /// Its text.
    pub(super) fn ini(&self, input: &str) -> String {
        let mut ini = format!(
            "; made by `fluent-anomaly init` from {input}\n[filter]\nstate: state\nalarms: {}\n",
            self.budget
        );
        if self.log_series.is_some() {
            ini += &format!(
                "tick: {TICK}               ; records of this tag close windows when nothing else comes\n"
            );
        }
        let several = self.sections.len() > 1;
        for section in &self.sections {
            ini += &format!(
                "\n; {}\n[series.{}]\nmatch: {}\nvalue: {}\n",
                section.reason,
                section.name,
                self.tag,
                self.name(section.value)
            );
            if let Some(unit) = section.unit {
                ini += &format!("unit: {unit}\n");
            }
            ini += &self.key_and_time();
            if several {
                ini += &format!("prefix: {}_\n", section.name);
            }
        }
        ini += &self.log_sections();
        let monitored = self.monitor_s.map(|interval| (interval, &self.sections)).into_iter();
        for (interval, section) in monitored.flat_map(|(s, sections)| sections.iter().map(move |it| (s, it)))
        {
            let metric: String =
                section.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            ini += &format!(
                "\n; alerts from the first minutes on, when two of six values lie far outside of what was usual before\n\
                 [monitor.{0}]\non: {0}\nquery: avg(last_{1}s):anomalies(avg:value.{metric}{{*}}, 'basic', 4, alert_window='last_{2}s', interval={interval}) >= 0.3\n",
                section.name,
                (60 * interval).max(3600),
                6 * interval
            );
        }
        ini
    }

    /// The lines of a section that say what tells series apart, and when a record was.
    fn key_and_time(&self) -> String {
        let mut lines = String::new();
        if !self.keys.is_empty() {
            let keys: Vec<&str> = self.keys.iter().map(|&key| self.name(key)).collect();
            lines += &format!("by: {}\n", keys.join(", "));
        }
        if let Some(time) = self.time.filter(|_| self.reads_time) {
            lines += &format!("time: {}\n", self.name(time));
        }
        lines
    }

    /// The sections with measures.
    fn log_sections(&self) -> String {
        let Some(log_series) = &self.log_series else { return String::new() };
        let mut ini = String::new();
        for LogSection { name, measure, condition, reason } in &log_series.sections {
            ini += &format!("\n; {reason}\n[series.{name}]\nmatch: {}\n", self.tag);
            if let Some(condition) = condition {
                ini += &format!("where: {condition}\n");
            }
            ini += &format!(
                "measure: {measure}\nevery: {}\nwindows: records                 ; where the host can make records, as in Fluentd; else as `all`\n{}",
                log_series.every,
                self.key_and_time()
            );
        }
        if let Some(text) = log_series.text {
            ini += &format!(
                "\n; kinds of lines, and each new one as it comes: without these semicolons\n; [series.patterns]\n; match: {}\n; measure: patterns {}\n; every: {}\n; windows: records\n",
                self.tag,
                self.name(text),
                log_series.every
            );
            for line in self.key_and_time().lines() {
                ini += &format!("; {line}\n");
            }
        }
        ini
    }
}

/// The tag of records that close windows.
pub(super) const TICK: &str = "anomaly.tick";
