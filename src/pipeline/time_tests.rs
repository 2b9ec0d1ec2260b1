//! Records with wrong times: one of them silences nothing, and a clock that was wrong recovers.

use super::*;
use crate::bank::MemoryStorage;
use serde_json::Value;

const TAG: &[u8] = b"app.web";
const NOW: i64 = 1_790_000_000;

#[derive(Clone)]
struct Fixed;

impl HostClock for Fixed {
    fn now(&mut self) -> Option<Time> {
        Some(Time::from_seconds(NOW))
    }
}

const MONITORED: &str = "[series.q]\nmatch: *\nvalue: $x\ntime: $t\nby: $host\nk: 2\nalarms: 10/day\n\
    [monitor.high]\non: q\nnotify_no_data: true\nno_data_timeframe: 15\nquery: avg(last_1h):anomalies(avg:q{*} by {host}, \
    'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.6\n";

fn open(storage: Option<&MemoryStorage>) -> Pipeline {
    let storage = storage.map(|disk| Box::new(disk.clone()) as Box<dyn Storage>);
    Pipeline::new(&Config::parse("f.ini", MONITORED).unwrap(), Format::Json, storage)
}

fn noise(n: i64) -> f64 {
    50.0 + (n * 7919 % 101) as f64 / 100.0
}

/// One record of a host; its answer.
fn pass(pipeline: &mut Pipeline, host: &str, seconds: i64, x: f64) -> Value {
    let mut record = format!(r#"{{"host":"{host}","x":{x:?},"t":{seconds}}}"#).into_bytes();
    pipeline.process(TAG, Time::from_seconds(NOW), &mut record);
    serde_json::from_slice(&record).unwrap()
}

/// A record a minute of each host.
fn run(pipeline: &mut Pipeline, hosts: &[&str], from: i64, minutes: i64) -> Vec<Value> {
    (0..minutes)
        .flat_map(|n| hosts.iter().map(move |host| (n, *host)))
        .map(|(n, host)| pass(pipeline, host, from + 60 * n, noise(n)))
        .collect()
}

fn is_judged(answer: &Value) -> bool {
    answer["anomaly"]["status"].is_string()
}

#[test]
fn a_record_ahead_of_the_hosts_clock_is_told_and_changes_nothing() {
    let start = NOW - 60 * 300;
    let (mut disturbed, mut whole) = (open(None).with_clock(Fixed), open(None));
    run(&mut disturbed, &["a", "b"], start, 200);
    run(&mut whole, &["a", "b"], start, 200);
    for ahead_s in [3600, 86_400, 100_000_000] {
        let answer = pass(&mut disturbed, "a", NOW + ahead_s, 50.0);
        assert!(answer.get("score_outlier").is_none() && !is_judged(&answer), "{answer}");
    }
    let answer = pass(&mut disturbed, "new", NOW + 3600, 50.0);
    assert_eq!(
        answer["anomaly_error"],
        "[series.q] $t: 1790003600 lies 60 minutes ahead of this host's clock, 10 minutes are allowed: the record is not scored"
    );
    assert_eq!(disturbed.counters().ahead, 4);
    let after = start + 60 * 200;
    assert_eq!(run(&mut disturbed, &["a", "b"], after, 60), run(&mut whole, &["a", "b"], after, 60));
}

#[test]
fn without_a_clock_one_record_from_the_future_delays_its_own_series_by_a_few_records_only() {
    for jump_s in [3600, 86_400, 200_000_000] {
        let mut p = open(None);
        run(&mut p, &["a", "b"], 1_700_000_000, 3000);
        let mut at = 1_700_000_000 + 60 * 3000;
        pass(&mut p, "a", at + jump_s, 50.5);
        let answers = run(&mut p, &["a", "b"], at, 90);
        at += 60 * 90;
        for (n, answer) in answers.iter().enumerate() {
            assert!(answer.get("anomaly_silent").is_none(), "{jump_s} s, {n}: {answer}");
            let is_late = answer["host"] == "a" && n < 8;
            assert_eq!(is_judged(answer), !is_late, "{jump_s} s, {n}: {answer}");
        }
        // and alarms begin and end
        assert_eq!(pass(&mut p, "a", at, 9e3)["alarm"], "start", "{jump_s} s");
        let day = run(&mut p, &["a"], at + 60, 60 * 24);
        assert!(day.iter().any(|answer| answer["alarm"] == "end"), "{jump_s} s");
    }
}

#[test]
fn what_comes_too_late_for_a_monitor_is_counted_and_told_once() {
    let mut p = open(None);
    run(&mut p, &["a"], 1_700_000_000, 100);
    let late: Vec<Value> = (0..4).map(|n| pass(&mut p, "a", 1_700_000_000 + 60 * n, 50.0)).collect();
    assert!(late.iter().all(|answer| answer["score_outlier"].is_f64() && !is_judged(answer)));
    let told: Vec<_> = late.iter().filter_map(|answer| answer.get("anomaly_error")).collect();
    assert_eq!(
        told,
        [
            "[series.q] $t: the record comes after the monitors have closed its interval: it is scored and not judged \
          (so far 1; a longer evaluation_delay waits for such records)"
        ]
    );
    assert_eq!(p.counters().late, 4);
    assert_eq!(p.take_log().len(), 1);
}

#[test]
fn points_that_jump_back_by_years_are_judged_again_after_five() {
    let mut p = open(None);
    run(&mut p, &["a", "b"], 1_700_000_000, 200);
    let answers = run(&mut p, &["a", "b"], 1_500_000_000, 400);
    let missing = answers.iter().filter(|answer| !is_judged(answer)).count();
    assert_eq!(missing, 8, "four of each series");
    // silence is measured by the new clock
    let silent: Vec<Value> = run(&mut p, &["a"], 1_500_000_000 + 60 * 400, 30);
    let told: Vec<_> = silent.iter().filter_map(|answer| answer.get("anomaly_silent")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["series"], "b");
}

#[test]
fn a_state_that_an_earlier_release_left_in_the_future_recovers() {
    let disk = MemoryStorage::new();
    let mut p = open(Some(&disk));
    run(&mut p, &["a", "b"], 1_900_000_000, 100);
    drop(p);
    let mut p = open(Some(&disk)).with_clock(Fixed);
    let answers = run(&mut p, &["a", "b"], NOW - 6000, 50);
    assert!(answers[8..].iter().all(is_judged), "{answers:?}");
    let silent = run(&mut p, &["a"], NOW - 3000, 30);
    assert_eq!(silent.iter().filter(|answer| answer.get("anomaly_silent").is_some()).count(), 1);
}

#[test]
fn a_restart_at_any_record_changes_nothing_also_while_clocks_are_in_doubt() {
    let disk = MemoryStorage::new();
    let (mut whole, mut parts) = (open(None), open(Some(&disk)));
    let mut seconds = 1_700_000_000;
    for n in 0..600i64 {
        // ahead, back, ahead again for a while
        let wrong = match n {
            200 | 300..306 | 400..402 => 50_000,
            350..353 => -900_000,
            _ => 0,
        };
        seconds += 40;
        let host = ["a", "b", "c"][(n % 3) as usize];
        if n % 5 == 0 || wrong != 0 {
            parts = open(Some(&disk));
        }
        let mut expected = pass(&mut whole, host, seconds + wrong, noise(n));
        let mut found = pass(&mut parts, host, seconds + wrong, noise(n));
        // a new process tells of late records again
        for record in [&mut found, &mut expected] {
            record.as_object_mut().unwrap().remove("anomaly_error");
        }
        assert_eq!(found, expected, "record {n}");
    }
}

#[test]
fn one_wrong_time_does_not_end_the_warm_up() {
    let ini = "[series.a]\nmatch: *\nvalue: $x\ntime: $t\nby: $host\nanomaly_score: off\nwarm_up: off\n";
    for wrong in [1_900_000_000, 100] {
        let mut p = Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None);
        let scored = |answer: Value| answer.get("score_outlier").is_some();
        for n in 0..2000 {
            let time = if n == 100 { wrong } else { 1_700_000_000 + 60 * n };
            let answer = pass(&mut p, "a", time, noise(n));
            assert_eq!(scored(answer), n >= 1500, "point {n}, {wrong}");
        }
    }
}
