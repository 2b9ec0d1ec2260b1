//! `measure: patterns` in the real Fluent Bit and the real Fluentd: over a kill and a stop they tell the templates, counts and
//! alarms that the library tells of the same lines at one go.
//!
//! `FLUENT_BIT=... FLUENTD=... cargo test --test fluent patterns::`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::hosts;
use crate::common::program;
use crate::fluent_bit;
use crate::fluentd;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

/// Ten minutes to learn, two new templates a day, an alarm an hour.
const INI: &str = "[series.kinds]\nmatch: app.*\nmeasure: patterns $log\nevery: 10s\nlate: 2s\ntime: $ts\nk: 2\n\
    learn_patterns: 10m\nnew_patterns: 2\nalarms: 1/hour\n";
/// Far from midnight.
const START_S: u64 = 1_699_920_000 + 7200;
const SECONDS: u64 = 7200;
/// Lines that come for the first time once the section has learned. The third is one more than a day may tell.
const NEW: [(u64, &str); 3] = [
    (4000, "certificate of relay 3 expires in 7 days"),
    (4500, "disk 2 is full: 17 bytes left"),
    (5000, "out of memory: killed process 17"),
];
/// One template comes twenty times as often.
const BURST: std::ops::Range<u64> = 6000..6060;

fn lines() -> Vec<Value> {
    let mut lines = Vec::new();
    for second in 0..SECONDS {
        let mut line = |log: String| lines.push(json!({"ts": START_S + second, "log": log}));
        line(format!("request {second} of user u{} done in {} ms", second % 13, second % 70));
        for n in 0..(if BURST.contains(&second) { 20 } else { u64::from(second % 3 == 0) }) {
            line(format!("cache miss for key item:{}-{n}", second * 7));
        }
        if second % 7 == 0 {
            line("session opened for ann\nfrom a terminal".to_owned());
        }
        for (at, text) in NEW {
            if second == at || second == at + 60 {
                line(text.to_owned());
            }
        }
    }
    lines
}

/// What records tell of lines: the marked ones, and what the windows of each template say.
#[derive(Debug, PartialEq)]
struct Told {
    marks: Vec<(u64, Value)>,
    /// Template, its id, begin -> value, alarm.
    windows: BTreeMap<(String, String, u64), (f64, Value)>,
}

fn told(records: &[Value]) -> Told {
    let mut told = Told { marks: Vec::new(), windows: BTreeMap::new() };
    // whatever closes the last windows: the time of the next record, or the host's clock
    let until_s = START_S + SECONDS - 60;
    for record in records {
        if let Some(mark) = record.get("anomaly_pattern") {
            told.marks.push((record["ts"].as_u64().unwrap(), mark.clone()));
        }
        let Some(window) = record.get("anomaly_window") else { continue };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let from_s = window["from"].as_u64().unwrap();
        let at = (text(&window["template"]), text(&window["by"]["pattern"]), from_s);
        if from_s < until_s {
            let twice = told.windows.insert(at, (window["value"].as_f64().unwrap(), window["alarm"].clone()));
            assert_eq!(twice, None, "{window}");
        }
    }
    told
}

/// What the library makes of the same lines.
fn expected(lines: &[Value]) -> Told {
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    let pass = |line: &Value| {
        let mut text = line.to_string().into_bytes();
        pipeline.process(b"app.web", Time::default(), &mut text);
        serde_json::from_slice(&text).unwrap()
    };
    let records: Vec<Value> = lines.iter().map(pass).collect();
    let told = told(&records);
    // the two that may be told, each at its first line
    let marks: Vec<_> = told.marks.iter().map(|(ts, mark)| (*ts, mark["template"].clone())).collect();
    assert_eq!(
        marks,
        [
            (START_S + 4000, json!("certificate of relay <*> expires in <*> days")),
            (START_S + 4500, json!("disk <*> is full: <*> bytes left"))
        ]
    );
    assert!(told.marks.iter().all(|(_, mark)| mark["is_new"] == true));
    let alarms: Vec<_> = told.windows.iter().filter(|(_, (_, alarm))| alarm == "start").collect();
    let burst = alarms.iter().any(|((template, _, from_s), _)| {
        template.starts_with("cache miss for key") && BURST.contains(&(from_s - START_S))
    });
    assert!(burst, "{alarms:?}");
    told
}

#[track_caller]
fn assert_told(records: &[Value], lines: &[Value], program: &Path) {
    let (got, expected) = (told(records), expected(lines));
    assert_eq!(got.marks, expected.marks, "{}", program.display());
    let differs = |at| got.windows.get(at) != expected.windows.get(at);
    let all = got.windows.keys().chain(expected.windows.keys());
    let different: Vec<_> =
        all.filter(|at| differs(*at)).map(|at| (at, got.windows.get(at), expected.windows.get(at))).collect();
    assert!(different.is_empty(), "{}: {:?}", program.display(), &different[..different.len().min(5)]);
    // the lines themselves stay as they are
    let mut passed: Vec<Value> =
        records.iter().filter(|record| record.get("ts").is_some()).cloned().collect();
    for record in &mut passed {
        let map = record.as_object_mut().unwrap();
        map.retain(|name, _| name == "ts" || name == "log");
    }
    assert!(passed == lines, "{}: {} of {} lines", program.display(), passed.len(), lines.len());
}

/// Three lives: one ends by a kill, two by a stop. The third has the template that is not told.
fn lives(lines: &[Value]) -> [&[Value]; 3] {
    let at = |second: u64| lines.iter().position(|line| line["ts"] == START_S + second).unwrap();
    [&lines[..at(4030)], &lines[at(4030)..at(4800)], &lines[at(4800)..]]
}

#[test]
fn fluent_bit_tells_new_templates_and_their_alarms_over_a_kill_and_a_stop() {
    let lines = lines();
    for (program, site) in fluent_bit::fluent_bits() {
        fluent_bit::tail_config(&site, INI, "in.jsonl");
        let mut records = Vec::new();
        for (n, part) in lives(&lines).into_iter().enumerate() {
            fs::write(site.path().join("in.jsonl"), fluent_bit::lines(part)).unwrap();
            let mut running = fluent_bit::start(&program, &site, &format!("life{n}"));
            running.wait_for("lines", || fluent_bit::bodies(&site).len() >= part.len());
            if n == 0 {
                running.signal("KILL");
                running.wait();
            } else {
                assert!(running.stop().success());
            }
            records.extend(fluent_bit::bodies(&site));
            let stderr = running.stderr();
            assert!(!stderr.contains("[error]"), "{stderr}");
            let is_withheld =
                stderr.contains("a line of a new template is not marked, as many others were today");
            assert_eq!(is_withheld, n == 2, "{stderr}");
        }
        assert_told(&records, &lines, &program);
    }
}

#[test]
fn fluentd_tells_new_templates_and_their_alarms_over_a_kill_of_its_child_and_a_stop() {
    let lines = lines();
    for program in hosts::executables("FLUENTD") {
        let site = fluentd::site();
        fluentd::tail_config(&site, "msgpack", 1);
        fs::write(site.path().join("fluent-config/fluent-anomaly.ini"), INI).unwrap();
        let [first, second, third] = lives(&lines);
        let mut running = fluentd::start(&program, &site, "first");
        fluentd::append(&site, first);
        running.wait_for("lines", || fluentd::scored(&site, "first").len() >= first.len());
        let child = fluentd::filter_process(running.id()).expect("the child runs");
        program::kill(child, "KILL");
        let id = running.id();
        running.wait_for("new child", || fluentd::filter_process(id).is_some_and(|new| new != child));
        fluentd::append(&site, second);
        running.wait_for("lines", || fluentd::scored(&site, "first").len() >= first.len() + second.len());
        running.stop();
        let mut running = fluentd::start(&program, &site, "second");
        fluentd::append(&site, third);
        running.wait_for("lines", || fluentd::scored(&site, "second").len() >= third.len());
        running.stop();
        let mut records = fluentd::scored(&site, "first");
        records.extend(fluentd::scored(&site, "second"));
        assert_told(&records, &lines, &program);
        let metrics = fs::read_to_string(site.path().join("fluent-config/state/metrics.prom")).unwrap();
        assert!(metrics.contains("fluent_anomaly_filter_patterns_untold_total 1\n"), "{metrics}");
    }
}
