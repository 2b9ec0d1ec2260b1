//! What can be taken along: the query, the sections of a configuration, the body for Datadog's API.

use fluent_anomaly::monitors::explain;
use fluent_anomaly::monitors::{MonitorSpec, RawMonitor};

use crate::evaluation::Summary;
use crate::json::Json;
use crate::settings::{Checked, Settings};

/// The same monitor in three forms, and in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The query string, as Datadog's editor takes it.
    pub query: String,
    /// `[series.*]` with ChangeFinder's parameters and `[monitor.*]`.
    pub ini: String,
    /// The body that `POST /api/v1/monitor` takes.
    pub json: String,
    /// What will be alerted on, one statement a line.
    pub explanation: Vec<String>,
}

impl Copies {
    /// Of settings and what their check gave.
    #[must_use]
    pub fn new(settings: &Settings, checked: &Checked) -> Self {
        let monitor = &checked.monitor;
        Self {
            query: monitor.query.to_string(),
            ini: ini(settings, checked),
            json: monitor_json(monitor),
            explanation: explain(monitor),
        }
    }

    /// As one JSON object, with the counts of an evaluation.
    #[must_use]
    pub fn to_json(&self, summary: &Summary, monitor: &MonitorSpec) -> String {
        Json::object(|all| {
            all.string("query", &self.query).string("ini", &self.ini).string("json", &self.json);
            all.raw("explanation", &Json::array(self.explanation.iter().map(|line| Json::string(line))));
            all.raw("summary", &summary_json(summary));
            all.number("critical", monitor.critical).number("recovery", monitor.critical_recovery);
            if let Some(warning) = monitor.warning {
                all.number("warning", warning);
            }
            all.number("interval", monitor.bucket_s());
            all.number("trigger_s", monitor.query.alert_window.seconds());
        })
    }
}

fn ini(settings: &Settings, checked: &Checked) -> String {
    let mut text = settings.section() + "\n[monitor.preview]\non: preview\n";
    for key in RawMonitor::KEYS {
        if let Some(value) = checked.raw.get(key) {
            text += &format!("{key}: {}\n", value.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    text + &settings.group_section()
}

/// As `fluent-anomaly monitor export` writes it; the tests hold the two against each other.
fn monitor_json(spec: &MonitorSpec) -> String {
    let thresholds = Json::object(|thresholds| {
        thresholds.number("critical", spec.critical).number("critical_recovery", spec.critical_recovery);
        if let Some(warning) = spec.warning {
            thresholds.number("warning", warning).number("warning_recovery", spec.warning_recovery);
        }
    });
    let windows = Json::object(|windows| {
        windows
            .string("trigger_window", &spec.query.alert_window.to_string())
            .string("recovery_window", &spec.recovery_window.to_string());
    });
    let options = Json::object(|options| {
        options.raw("thresholds", &thresholds).raw("threshold_windows", &windows);
        options
            .flag("require_full_window", spec.require_full_window)
            .flag("notify_no_data", spec.notify_no_data)
            .number("new_group_delay", spec.new_group_delay_s);
        let optional = [
            ("evaluation_delay", Some(spec.evaluation_delay_s).filter(|delay| *delay > 0)),
            ("no_data_timeframe", spec.notify_no_data.then_some(spec.no_data_timeframe_min)),
            ("renotify_interval", spec.renotify_interval_min),
            ("timeout_h", spec.timeout_h),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                options.number(name, value);
            }
        }
    });
    Json::object(|monitor| {
        monitor
            .string("name", spec.name.as_deref().unwrap_or("preview"))
            .string("type", "query alert")
            .string("query", &spec.query.to_string())
            .string("message", &spec.message)
            .raw("tags", &Json::array(spec.tags.iter().map(|tag| Json::string(tag))))
            .raw("options", &options);
        if let Some(priority) = spec.priority {
            monitor.number("priority", priority);
        }
    })
}

pub(crate) fn summary_json(summary: &Summary) -> String {
    Json::object(|counts| {
        counts
            .number("points", summary.points)
            .number("judged", summary.judged)
            .number("anomalous", summary.anomalous)
            .number("alerts", summary.alerts)
            .number("warnings", summary.warnings)
            .number("late", summary.late);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluent_anomaly::monitors::exchange;
    use serde_json::Value;

    fn checked(pairs: &[(&str, &str)]) -> (Settings, Checked) {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(key, value));
        let checked = settings.check().unwrap();
        (settings, checked)
    }

    const CASES: [&[(&str, &str)]; 3] = [
        &[],
        &[
            ("algorithm", "agile"),
            ("seasonality", "daily"),
            ("timezone", "Europe/Vienna"),
            ("critical", "0.8"),
            ("warning", "0.4"),
            ("evaluation_delay", "60"),
            ("message", r#"say "hi" \n {{value}} \\"#),
            ("tags", "a:b, c"),
            ("priority", "2"),
        ],
        &[("notify_no_data", "true"), ("renotify_interval", "30"), ("timeout_h", "2"), ("name", "x\u{1}ü")],
    ];

    #[test]
    fn the_json_body_is_the_one_that_monitor_export_gives() {
        for case in CASES {
            let (settings, checked) = checked(case);
            let ours: Value = serde_json::from_str(&Copies::new(&settings, &checked).json).unwrap();
            assert_eq!(ours, exchange::export(&checked.monitor, "preview"), "{case:?}");
        }
    }

    #[test]
    fn the_ini_reads_back_as_the_same_monitor_and_parameters() {
        for case in CASES {
            let (settings, checked) = checked(case);
            let ini = Copies::new(&settings, &checked).ini;
            let config = fluent_anomaly::Config::parse("f.ini", &ini).unwrap();
            assert_eq!(config.monitors[0].spec, checked.monitor, "{ini}");
            assert_eq!(config.sections[0].change_finder, checked.change_finder);
        }
    }
}
