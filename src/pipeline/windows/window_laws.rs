//! Windows of any records: those of a naive count, and the same after restarts at any record.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_setup::{Clock, PLAIN, TAG};
use super::tests::{START_S, value_of};
use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::record::Format;
use crate::time::Time;

#[derive(Debug, Clone)]
struct Step {
    service: &'static str,
    later_s: i64,
    behind_s: i64,
    ms: f64,
    restart: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop_oneof![4 => 0..3_i64, 1 => 0..200_i64],
        0..10_i64,
        0..1000_u32,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(service, later_s, behind_s, ms, restart)| Step {
            service,
            later_s,
            behind_s,
            ms: f64::from(ms) / 8.0,
            restart,
        });
    prop::collection::vec(step, 1..300)
}

/// All records as they leave, with restarts or without.
fn run(ini: &str, steps: &[Step], restarts: bool) -> Vec<String> {
    let config = Config::parse("f.ini", ini).unwrap();
    let disk = MemoryStorage::new();
    let clock = Clock::at(START_S);
    let open =
        || Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone()))).with_clock(clock.clone());
    let mut p = open();
    let mut out = Vec::new();
    let mut now_s = START_S;
    let mut feed = |p: &mut Pipeline, tag: &[u8], time_s: i64, record: Value| {
        let mut bytes = record.to_string().into_bytes();
        p.process(tag, Time::from_seconds(time_s), &mut bytes);
        out.push(String::from_utf8(bytes).unwrap());
    };
    for step in steps {
        if restarts && step.restart {
            drop(p); // nothing is flushed: as if it was killed
            p = open();
        }
        now_s += step.later_s;
        clock.set(now_s);
        feed(
            &mut p,
            TAG,
            now_s - step.behind_s,
            json!({"s": step.service, "ms": step.ms, "u": step.ms as i64 % 7}),
        );
        feed(&mut p, b"tick", now_s, json!({}));
    }
    for second in 0..400 {
        clock.set(now_s + second);
        feed(&mut p, b"tick", now_s + second, json!({}));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_windows_are_those_of_a_naive_count(steps in steps()) {
        let ini = format!(
            "[filter]\ntick: tick\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1m\nby: $s\nlate: 10s\n{PLAIN}\n\
             [series.sum]\nmatch: app.*\nmeasure: sum $ms\nevery: 1m\nby: $s\nlate: 10s\n{PLAIN}"
        );
        let mut found: BTreeMap<String, BTreeMap<(i64, String), f64>> = BTreeMap::new();
        for record in run(&ini, &steps, false) {
            let record: Value = serde_json::from_str(&record).unwrap();
            if let Some(window) = record.get("anomaly_window") {
                let (at, value) = value_of(window);
                let series = window["series"].as_str().unwrap().to_owned();
                prop_assert!(found.entry(series).or_default().insert(at, value).is_none());
            }
        }
        let mut naive: BTreeMap<(i64, String), (f64, f64)> = BTreeMap::new();
        let mut now_s = START_S;
        for step in &steps {
            now_s += step.later_s;
            let from_s = (now_s - step.behind_s).div_euclid(60) * 60;
            let (count, sum) = naive.entry((from_s, step.service.to_owned())).or_default();
            *count += 1.0;
            *sum += step.ms;
        }
        // from the first record of each series on there are no gaps
        let last_s = now_s + 399 - 40; // the last ones may still wait
        for service in ["a", "b", "c"] {
            let Some(first) = naive.keys().filter(|key| key.1 == service).map(|key| key.0).min() else { continue };
            for from_s in (first..last_s - 59).step_by(60) {
                naive.entry((from_s, service.to_owned())).or_default();
            }
        }
        let counts: BTreeMap<_, _> = naive.iter().map(|(key, value)| (key.clone(), value.0)).collect();
        let sums: BTreeMap<_, _> = naive.iter().map(|(key, value)| (key.clone(), value.1)).collect();
        for found in found.values_mut() {
            found.retain(|(from_s, _), _| from_s + 60 <= last_s);
        }
        prop_assert_eq!(&found["n"], &counts);
        prop_assert_eq!(&found["sum"], &sums);
    }

    #[test]
    fn restarts_at_any_record_change_nothing(steps in steps()) {
        let section = |name: &str, measure: &str, more: &str| {
            format!("[series.{name}]\nmatch: app.*\nmeasure: {measure}\nevery: 10s\n{more}k: 2\nwarm_up: off\nalarms: 1/day\n")
        };
        let query = "avg(last_1m):anomalies(sum:logs.n{*} by {s}.as_count(), 'basic', 2, alert_window='last_1m', interval=10) >= 0.5";
        let ini = [
            "[filter]\ntick: tick\n".to_owned(),
            section("n", "count", "by: $s\nlate: 15s\n"),
            section("p", "p95 $ms", "by: $s\nwhere: $ms > 3\n"),
            section("d", "distinct $u", "windows: alarms\n"),
            section("a", "avg $ms", "empty: skip\n"),
            format!("[monitor.m]\non: n\nquery: {query}\n"),
        ]
        .join("\n");
        let with = run(&ini, &steps, true);
        let without = run(&ini, &steps, false);
        prop_assert_eq!(with, without);
    }
}
