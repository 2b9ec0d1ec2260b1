//! `alerts.lua` in the real Fluent Bit: the same alerts with the same fields as the predecessor's Norikra query.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/another] cargo test --test fluent alerts`

use std::fs;

use crate::common::hosts;
use crate::common::program::{self, Running};
use serde_json::{Value, json};

/// A whole minute.
const START: i64 = 1_700_000_040;

/// 24 points of three metrics, one each 20 s: 72 records.
fn records() -> Vec<Value> {
    let record = |metric: &str, place: i64, raw: f64, change: Option<f64>| {
        json!({"metric": metric, "raw_value": raw, "score_outlier": place, "score_change": change,
               "scope": "*", "host": "*", "time": START + 20 * place})
    };
    (0..24)
        .flat_map(|place| {
            let change = if [1, 2, 13].contains(&place) { 20 + place } else { 3 };
            let free = if [0, 4].contains(&place) { 5e8 } else { 2e9 };
            let warming_up = (place > 0).then_some(change as f64);
            [
                record("system.cpu.idle", place, 90.0 - place as f64, warming_up),
                record("system.disk.free", place, free + place as f64, Some(99.0)),
                record("queue.running", place, 1.0, Some(99.0)),
            ]
        })
        .collect()
}

fn alert(
    metric: &str,
    [first, last]: [i64; 2],
    text: [&str; 2],
    raw: f64,
    change: f64,
    outlier: f64,
) -> Value {
    json!({"date": last as f64, "metric": metric, "min_time": text[0], "max_time": text[1],
           "start_ts": first - 1800, "end_ts": last + 1800, "raw": raw, "change": change, "outlier": outlier})
}

#[test]
fn of_a_minute_of_the_records_own_time_one_alert_a_metric_leaves_by_that_metrics_own_bound() {
    for program in hosts::executables("FLUENT_BIT") {
        let site = program::site();
        let lines: String = records().iter().map(|record| format!("{record}\n")).collect();
        fs::write(site.path().join("in.jsonl"), lines).unwrap();
        fs::write(site.path().join("parsers.conf"), "[PARSER]\n    Name json\n    Format json\n").unwrap();
        let shipped = fs::read_to_string(site.path().join("fluent-config/datadog-chain.yaml")).unwrap();
        let (_, filters) = shipped.split_once("    # alerts: a copy").unwrap();
        let (filters, outputs) = filters.split_once("  outputs:").unwrap();
        let (_, output) = outputs.split_once("    # what alerts.lua found").unwrap();
        let yaml = format!(
            "service: {{flush: 1, grace: 1, parsers_file: ../parsers.conf}}\npipeline:\n  inputs:\n    - {{name: tail, \
             path: in.jsonl, parser: json, read_from_head: true, tag: changefinder.x}}\n  filters:\n    #{filters}  \
             outputs:\n    #{output}"
        );
        fs::write(site.path().join("fluent-config/alerts.yaml"), yaml).unwrap();
        let mut running =
            Running::start(&program, &["-c", "fluent-config/alerts.yaml"], site.path(), "alerts");
        let stdout = site.path().join("alerts.stdout");
        let found = || {
            let text = fs::read_to_string(&stdout).unwrap();
            let alerts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            alerts.filter(Value::is_object).collect::<Vec<Value>>()
        };
        running.wait_for("four alerts", || found().len() >= 4);
        running.stop();
        let mut found = found();
        let key = |alert: &Value| (alert["metric"].to_string(), alert["start_ts"].as_i64());
        found.sort_by_key(key);
        let at = |place: i64| START + 20 * place;
        let (m14, m15, m18) = ("2023-11-14 22:14 UTC", "2023-11-14 22:15 UTC", "2023-11-14 22:18 UTC");
        let mut wanted = [
            alert("system.cpu.idle", [at(1), at(2)], [m14, m14], 89.0, 22.0, 2.0),
            alert("system.cpu.idle", [at(13), at(13)], [m18, m18], 77.0, 33.0, 13.0),
            alert("system.disk.free", [at(0), at(0)], [m14, m14], 5e8, 99.0, 0.0),
            alert("system.disk.free", [at(4), at(4)], [m15, m15], 5e8 + 4.0, 99.0, 4.0),
        ];
        wanted.sort_by_key(key);
        let numbers = |alert: &Value| -> Value {
            let fields = alert.as_object().unwrap().iter();
            fields
                .map(|(name, value)| (name.clone(), value.as_f64().map_or(value.clone(), Value::from)))
                .collect()
        };
        assert_eq!(
            found.iter().map(numbers).collect::<Vec<_>>(),
            wanted.iter().map(numbers).collect::<Vec<_>>(),
            "{}",
            program.display()
        );
    }
}
