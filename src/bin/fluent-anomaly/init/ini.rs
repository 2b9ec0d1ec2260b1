//! The configuration file of a proposal.

use super::propose::Proposal;

impl Proposal {
    /// Its text.
    pub(super) fn ini(&self, input: &str) -> String {
        let mut ini = format!(
            "; made by `fluent-anomaly init` from {input}\n[filter]\nstate: state\nalarms: {}\n",
            self.budget
        );
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
            if !self.keys.is_empty() {
                let keys: Vec<&str> = self.keys.iter().map(|&key| self.name(key)).collect();
                ini += &format!("by: {}\n", keys.join(", "));
            }
            if let Some(time) = self.time.filter(|_| self.reads_time) {
                ini += &format!("time: {}\n", self.name(time));
            }
            if several {
                ini += &format!("prefix: {}_\n", section.name);
            }
        }
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
}
