//! The companion's counters as OpenMetrics text, and a small server for it.
//!
//! Format: OpenMetrics 1.0.0, `application/openmetrics-text`. Names begin with `fluent_anomaly_`; counters end in
//! `_total`; a family's lines stand together behind its `TYPE`, `UNIT` and `HELP`; `# EOF` ends the text.

mod server;

pub use server::{serve, serve_with_readiness};

use super::Snapshot;
use core::fmt::{Display, Write};

/// What is known about the process besides its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Version of the program.
    pub version: &'static str,
    /// When it started, seconds since 1970.
    pub started: i64,
    /// Now, seconds since 1970.
    pub now: i64,
}

/// A text that grows by families.
pub(crate) struct MetricsText {
    text: String,
    prefix: &'static str,
}

impl MetricsText {
    /// All names begin with `prefix`.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { text: String::with_capacity(4096), prefix }
    }

    pub(crate) fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let prefix = self.prefix;
        // writing to a string cannot fail
        let _ = writeln!(self.text, "# TYPE {prefix}{name} {kind}");
        if !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT {prefix}{name} {unit}");
        }
        let _ = writeln!(self.text, "# HELP {prefix}{name} {help}.");
    }

    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{}{name}", self.prefix);
        for (n, (key, text)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{key}=\"{}\"", escaped(text));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
    }

    /// A counter without labels.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", "", help);
        self.sample(&format!("{name}_total"), &[], value);
    }

    /// A gauge without labels or unit.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", "", help);
        self.sample(name, &[], value);
    }

    /// Without its end: more follows.
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// The whole text.
    pub(crate) fn end(self) -> String {
        self.text + "# EOF\n"
    }
}

/// Prometheus text as OpenMetrics: counters are named without `_total` in their heads, and an end is marked.
///
/// ```
/// use fluent_anomaly::native::metrics::openmetrics;
/// assert_eq!(openmetrics("# TYPE a_total counter\na_total 1\n"), "# TYPE a counter\na_total 1\n# EOF\n");
/// ```
#[must_use]
pub fn openmetrics(prometheus: &str) -> String {
    let mut text = String::with_capacity(prometheus.len() + 8);
    for line in prometheus.lines() {
        let is_head = line.starts_with("# TYPE ") || line.starts_with("# HELP ");
        let line = if is_head { line.replacen("_total ", " ", 1) } else { line.to_owned() };
        text.push_str(&line);
        text.push('\n');
    }
    text + "# EOF\n"
}

/// A label's value: backslash, quote and line break are escaped, the rest is UTF-8 as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// All counters as OpenMetrics text.
///
/// ```
/// use fluent_anomaly::native::{Counters, metrics};
/// let text = metrics::render(&Counters::default().snapshot(), metrics::About { version: "1.0", started: 0, now: 9 });
/// assert!(text.contains("\nfluent_anomaly_points_acknowledged_total 0\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
#[must_use]
pub fn render(now: &Snapshot, about: About) -> String {
    let mut text = MetricsText::new("fluent_anomaly_");
    text.family("build", "info", "", "The running program");
    text.sample("build_info", &[("version", about.version)], 1);
    text.gauge("up", "1 while the companion runs", 1);
    text.family("start_time_seconds", "gauge", "seconds", "When the companion started, since 1970");
    text.sample("start_time_seconds", &[], about.started);
    text.counter("api_requests", "Requests to the API", now.requests);
    text.counter("api_failed_requests", "Requests that brought no series", now.failed_requests);
    text.gauge("api_budget_left", "API calls that may still be made in this hour", now.budget_left);
    text.counter("points_pulled", "Points in the API's answers", now.pulled);
    text.counter("points_acknowledged", "Points that the receiver took for good", now.acknowledged);
    text.counter("points_late", "Points sent although a later one of their series was first", now.late);
    text.family("points_dropped", "counter", "", "Points that were not sent, by reason");
    for (reason, count) in &now.dropped {
        text.sample("points_dropped_total", &[("reason", reason.label())], count);
    }
    text.counter("chunks_shipped", "Chunks sent to forward servers, resends included", now.chunks_sent);
    text.counter("chunks_resent", "Chunks that were sent again", now.chunks_resent);
    text.counter("connections", "Connections opened to forward servers", now.connections);
    text.family(
        "query_lag_seconds",
        "gauge",
        "seconds",
        "Time since the end of the last acknowledged bucket, by section",
    );
    for (name, section) in &now.sections {
        text.sample("query_lag_seconds", &[("section", name)], (about.now - section.complete_to).max(0));
    }
    text.family(
        "query_last_pull_seconds",
        "gauge",
        "seconds",
        "When a section's points were acknowledged last, since 1970",
    );
    for (name, section) in &now.sections {
        if let Some(at) = section.pulled_at {
            text.sample("query_last_pull_seconds", &[("section", name)], at);
        }
    }
    text.family("query_series", "gauge", "", "Series that are remembered, by section");
    for (name, section) in &now.sections {
        text.sample("query_series", &[("section", name)], section.series);
    }
    text.family(
        "query_points_acknowledged",
        "counter",
        "",
        "Points that the receiver took for good, by section",
    );
    for (name, section) in &now.sections {
        text.sample("query_points_acknowledged_total", &[("section", name)], section.acknowledged);
    }
    text.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companion::Counters;

    #[test]
    fn a_section_with_odd_characters_is_one_escaped_label() {
        let counters = Counters::default();
        counters.section("a\"b\\c\nd", |gauges| gauges.series = 3);
        let text = render(&counters.snapshot(), About { version: "0", started: 1, now: 2 });
        assert!(text.contains("fluent_anomaly_query_series{section=\"a\\\"b\\\\c\\nd\"} 3\n"), "{text}");
    }
}
