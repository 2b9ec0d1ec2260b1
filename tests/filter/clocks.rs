//! Wrong clocks, through the built module and through the command `filter`: both answer alike, one wrong time harms its own
//! series for a few records, and a clock that was wrong recovers, also after a restart and from saved state.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::program;
use crate::common::wasm_host::Host;

/// With `TIME` the section reads the time of a record itself; without it the host's time of the event counts.
const CONFIG: &str = "[filter]\nstate: state\n[series.q]\nmatch: *\nvalue: $x\nTIMEby: $host\nk: 2\n\
    [monitor.high]\non: q\nnotify_no_data: true\nno_data_timeframe: 15\nquery: avg(last_1h):anomalies(avg:q{*} by {host}, \
    'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.6\n";
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const YEARS: i64 = 200_000_000;
/// Records of a series that a wrong time may cost it.
const MOST_UNJUDGED: usize = 8;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn noise(n: i64) -> f64 {
    50.0 + (n * 7919 % 101) as f64 / 100.0
}

/// Time and host of a record.
type Event = (i64, &'static str);

fn folder(time: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG.replace("TIME", time)).unwrap();
    folder
}

fn record(n: usize, (time, host): Event) -> String {
    format!(r#"{{"host":"{host}","x":{:?},"t":{time}}}"#, noise(n as i64))
}

/// The answers of the module, started anew before each part; its host's clock says `clock`.
fn by_module(folder: &TempDir, parts: &[&[Event]], clock: i64) -> Vec<Value> {
    let mut answers = Vec::new();
    for part in parts {
        let mut host = Host::start(folder.path());
        host.world().clock_s = Some(clock as u64);
        for event in *part {
            let record = record(answers.len(), *event);
            let answer = host.filter(b"app.web", (event.0 as u32, 0), record.as_bytes()).unwrap();
            answers.push(serde_json::from_slice(&answer).unwrap());
        }
    }
    answers
}

/// The same of the command, run once a part.
fn by_command(folder: &TempDir, parts: &[&[Event]]) -> Vec<Value> {
    let mut answers: Vec<Value> = Vec::new();
    for part in parts {
        let input: String =
            part.iter().enumerate().map(|(n, event)| record(answers.len() + n, *event) + "\n").collect();
        let output = program::run_on(folder, &["filter", "--tag", "app.web", "--time-key", "t"], &input);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        answers.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    answers
}

/// The clock of the command goes on: how far ahead a record is differs by seconds.
fn without_clock(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(told) = answer.get_mut("anomaly_error") {
        *told = told.as_str().is_some_and(|told| told.contains("ahead of this host's clock")).into();
    }
    answer
}

fn is_judged(answer: &Value) -> bool {
    answer["anomaly"]["status"].is_string()
}

/// A record a minute of each of two hosts.
fn minutes(from: i64, count: i64) -> Vec<Event> {
    (0..count).flat_map(|n| ["a", "b"].map(|host| (from + MINUTE * n, host))).collect()
}

/// What is wrong between two spans of right times: its name, the times, from where the right ones go on, and whether the
/// records are ahead of the host's clock.
fn disturbances(now: i64, at: i64) -> Vec<(&'static str, Vec<Event>, i64, bool)> {
    vec![
        ("one record an hour fast", vec![(at + HOUR, "a")], at, false),
        (
            "a clock that is an hour fast for half an hour",
            (0..30).flat_map(|n| [(at + HOUR + MINUTE * n, "a"), (at + MINUTE * n, "b")]).collect(),
            at + 30 * MINUTE,
            false,
        ),
        ("one record of years ago", vec![(at - YEARS, "a")], at, false),
        ("one record of 1970", vec![(17, "a")], at, false),
        ("all jump back by years", vec![], at - YEARS, false),
        ("all jump back by an hour", vec![], at - HOUR, false),
        ("a new series that is an hour fast", vec![(at + HOUR, "new")], at, false),
        ("one record of the year 2100", vec![(4_102_444_800, "a")], at, true),
        ("one record an hour ahead of the host", vec![(now + HOUR, "a")], at, true),
        ("a new series of the year 2100", vec![(4_102_444_800, "new")], at, true),
    ]
}

#[test]
fn a_wrong_clock_harms_its_own_series_for_a_few_records() {
    for time in ["time: $t\n", ""] {
        let now = now();
        let start = now - 500 * MINUTE;
        let at = start + 200 * MINUTE;
        for (name, wrong, from, is_ahead) in disturbances(now, at) {
            for is_restarted in [false, true] {
                let (before, after) = (minutes(start, 200), minutes(from, 90));
                let whole = [&before[..], &wrong, &after].concat();
                let parts: Vec<&[Event]> = if is_restarted {
                    vec![
                        &whole[..before.len()],
                        &whole[before.len()..before.len() + wrong.len()],
                        &whole[before.len() + wrong.len()..],
                    ]
                } else {
                    vec![&whole]
                };
                let answers = by_module(&folder(time), &parts, now);
                let of = format!("{name}, time {time:?}, restarted: {is_restarted}");
                let by_command = by_command(&folder(time), &parts);
                let differing =
                    answers.iter().zip(&by_command).find(|(a, b)| without_clock(a) != without_clock(b));
                assert!(differing.is_none() && answers.len() == by_command.len(), "{of}: {differing:?}");
                for (answer, _) in answers.iter().zip(&whole).skip(before.len()).take(wrong.len()) {
                    let told = answer["anomaly_error"].as_str().unwrap_or_default();
                    assert_eq!(told.contains("ahead of this host's clock"), is_ahead, "{of}: {answer}");
                }
                let after = &answers[before.len() + wrong.len()..];
                let unjudged =
                    |host: &str| after.iter().filter(|one| one["host"] == host && !is_judged(one)).count();
                let of_b = if name.starts_with("all") { MOST_UNJUDGED } else { 0 };
                assert!(
                    unjudged("a") <= MOST_UNJUDGED && unjudged("b") <= of_b,
                    "{of}: {} {}",
                    unjudged("a"),
                    unjudged("b")
                );
                assert!(after[after.len() - 40..].iter().all(is_judged), "{of}");
                // nobody is called silent who speaks
                let silent = answers.iter().filter_map(|one| one["anomaly_silent"]["series"].as_str());
                assert!(silent.into_iter().all(|series| series == "new"), "{of}");
            }
        }
    }
}

#[test]
fn state_that_was_saved_under_a_clock_of_the_future_recovers() {
    for time in ["time: $t\n", ""] {
        let now = now();
        let future = now + YEARS;
        for is_module in [true, false] {
            let folder = folder(time);
            by_module(&folder, &[&minutes(future - 100 * MINUTE, 100)], future);
            let right = minutes(now - 100 * MINUTE, 60);
            let answers =
                if is_module { by_module(&folder, &[&right], now) } else { by_command(&folder, &[&right]) };
            assert!(answers[2 * MOST_UNJUDGED..].iter().all(is_judged), "{time:?} {is_module}: {answers:?}");
            let silent = answers.iter().filter(|answer| answer.get("anomaly_silent").is_some()).count();
            assert_eq!(silent, 0, "{time:?} {is_module}");
        }
    }
}
