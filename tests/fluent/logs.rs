//! Series made from log lines, in the real Fluent Bit and the real Fluentd.
//!
//! `FLUENT_BIT=... FLUENTD=... cargo test --test fluent logs::`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::program::{self, Running};
use crate::common::records::Random;
use crate::common::{build, hosts};
use crate::fluent_bit::{bodies, fluent_bits};
use crate::fluentd;
use serde_json::{Value, json};

const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
const START_S: u64 = 1_700_000_000;
const SECONDS: u64 = 60;
const EVERY_S: u64 = 5;
const INI: &str = "[filter]\ntick: tick\n\
    [series.errors]\nmatch: app.*\nwhere: $level == 'error'\nmeasure: count\nevery: 5s\nlate: 2s\ntime: $ts\nby: $service\nk: 2\nwarm_up: off\n\
    [series.slow]\nmatch: app.*\nmeasure: max $ms\nevery: 5s\nlate: 2s\ntime: $ts\nby: $service\nk: 2\nwarm_up: off\n";

/// Lines of two services over a minute, at most a second out of order.
fn lines() -> Vec<Value> {
    let mut random = Random(5);
    let mut lines = Vec::new();
    for second in 1..SECONDS {
        for _ in 0..random.below(8) {
            lines.push(json!({
                "ts": START_S + second - random.below(2), "service": (["a", "b"][random.below(2) as usize]),
                "level": (["info", "error"][random.below(2) as usize]), "ms": random.below(1000),
            }));
        }
    }
    lines
}

type Windows = BTreeMap<(String, String, u64), f64>;

/// What the windows are to say: section, service, begin -> value.
fn expected(lines: &[Value]) -> Windows {
    let mut windows = Windows::new();
    for line in lines {
        let from_s = line["ts"].as_u64().unwrap() / EVERY_S * EVERY_S;
        let at = |section: &str| (section.to_owned(), line["service"].as_str().unwrap().to_owned(), from_s);
        if line["level"] == "error" {
            *windows.entry(at("errors")).or_default() += 1.0;
        }
        let most = windows.entry(at("slow")).or_default();
        *most = most.max(line["ms"].as_f64().unwrap());
    }
    windows
}

fn windows(records: &[Value]) -> Windows {
    let mut windows = Windows::new();
    for window in records.iter().filter_map(|record| record.get("anomaly_window")) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let at = (text(&window["series"]), text(&window["by"]["service"]), window["from"].as_u64().unwrap());
        let twice = windows.insert(at, window["value"].as_f64().unwrap());
        assert_eq!(twice, None, "{window}");
        assert!(window["score_change"].is_number(), "{window}");
    }
    windows
}

/// Until both services have been silent for a window.
fn is_complete(windows: &Windows) -> bool {
    let is_silent = |service: &str| {
        let mut of_service =
            windows.iter().filter(|((section, of, _), _)| section == "errors" && of == service);
        of_service.any(|((.., from_s), value)| *value == 0.0 && *from_s >= START_S + SECONDS)
    };
    is_silent("a") && is_silent("b")
}

/// Windows of silence may stand between the others.
#[track_caller]
fn assert_same(got: &Windows, expected: &Windows, program: &Path) {
    let counted: Windows =
        got.iter().filter(|(_, value)| **value != 0.0).map(|(at, value)| (at.clone(), *value)).collect();
    let wanted: Windows =
        expected.iter().filter(|(_, value)| **value != 0.0).map(|(at, value)| (at.clone(), *value)).collect();
    assert_eq!(counted, wanted, "{}", program.display());
}

#[test]
fn fluent_bit_counts_lines_in_windows_and_a_tick_shows_silence() {
    let lines = lines();
    for (program, site) in fluent_bits() {
        fs::write(site.path().join("fluent-config/fluent-anomaly.ini"), INI).unwrap();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(site.path().join("in.jsonl"), text).unwrap();
        let config = format!(
            "service:\n  flush: 0.2\n  log_level: info\nparsers:\n  - name: lines\n    format: json\n\
             pipeline:\n  inputs:\n    - name: tail\n      tag: app.web\n      path: in.jsonl\n      \
             parser: lines\n      read_from_head: true\n      refresh_interval: 1\n    - name: dummy\n      tag: tick\n      rate: 5\n      dummy: '{{}}'\n  \
             filters:\n    - name: wasm\n      match: '*'\n      wasm_path: {MODULE}\n      function_name: anomaly_filter\n      \
             event_format: json\n      accessible_paths: fluent-config\n  outputs:\n    - name: file\n      match: '*'\n      \
             file: out.msgpack\n      format: msgpack\n"
        );
        fs::write(site.path().join("logs.yaml"), config).unwrap();
        let mut running = Running::start(&program, &["-c", "logs.yaml"], site.path(), "run");
        running.wait_for("silence", || is_complete(&windows(&bodies(&site))));
        assert!(running.stop().success());
        let bodies = bodies(&site);
        assert_same(&windows(&bodies), &expected(&lines), &program);
        let mut passed: Vec<Value> = bodies.into_iter().filter(|body| body.get("ts").is_some()).collect();
        for body in &mut passed {
            body.as_object_mut().unwrap().remove("anomaly_window");
        }
        assert_eq!(passed, lines, "{}", program.display());
        let stderr = running.stderr();
        assert!(!stderr.contains("[error]") && !stderr.contains("[warn]"), "{stderr}");
    }
}

#[test]
fn the_shipped_example_tells_windows() {
    for (program, _) in fluent_bits() {
        let site = program::site();
        program::install(&site, build::wasm_module(), MODULE);
        let ini = build::root().join("fluent-config/logs/fluent-anomaly.ini");
        program::install(&site, &ini, "fluent-config/logs/fluent-anomaly.ini");
        let mut running = Running::start(&program, &["-c", "fluent-config/logs.yaml"], site.path(), "run");
        let stdout = site.path().join("run.stdout");
        running.wait_for("windows of both sections", || {
            let text = fs::read_to_string(&stdout).unwrap();
            text.contains(r#""series":"errors","by":{"service":"mail"}"#)
                && text.contains(r#""series":"slow","by":{"service":"shop"}"#)
        });
        assert!(running.stop().success());
        let text = String::from_utf8(running.stdout()).unwrap();
        assert!(!text.contains("anomaly_error"), "{text}");
    }
}

#[test]
fn fluentd_gets_each_window_as_a_record_of_its_own() {
    let lines = lines();
    for program in hosts::executables("FLUENTD") {
        let site = fluentd::site();
        fluentd::tail_config(&site, "msgpack", 1);
        let ini = INI.replace("k: 2\n", "k: 2\nwindows: records\n");
        fs::write(site.path().join("fluent-config/fluent-anomaly.ini"), ini).unwrap();
        fluentd::append(&site, &lines);
        let mut running = fluentd::start(&program, &site, "run");
        // the last windows stay open: no tick closes them
        let last_s = START_S + SECONDS - 2 * EVERY_S;
        let is_closed = |windows: &Windows| {
            windows.keys().any(|(section, _, from_s)| section == "slow" && *from_s + EVERY_S >= last_s)
        };
        running.wait_for("windows", || is_closed(&windows(&fluentd::scored(&site, "run"))));
        running.stop();
        let records = fluentd::scored(&site, "run");
        for record in records.iter().filter(|record| record.get("anomaly_window").is_some()) {
            assert_eq!(record.as_object().unwrap().len(), 1, "{record}");
        }
        let passed: Vec<Value> =
            records.iter().filter(|record| record.get("ts").is_some()).cloned().collect();
        assert_eq!(passed, lines);
        let (got, expected) = (windows(&records), expected(&lines));
        let until = |windows: &Windows| -> Windows {
            windows
                .iter()
                .filter(|((.., from_s), _)| *from_s + EVERY_S <= last_s)
                .map(|(at, value)| (at.clone(), *value))
                .collect()
        };
        assert_same(&until(&got), &until(&expected), &program);
    }
}
