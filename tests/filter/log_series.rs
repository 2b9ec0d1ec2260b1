//! Series made from log lines, in the built module and in the command `filter`.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::records::{Event, Random};
use crate::common::wasi::Faults;
use crate::common::wasm_host::Host;
use fluent_anomaly::{Config, Format, HostClock, Pipeline, Time};
use serde_json::Value;
use tempfile::TempDir;

/// A whole minute.
const START_S: u32 = 1_699_999_980;

/// Two sections on one stream: lines by template, errors by service.
const LINES: &str = "[filter]\nstate: state\njournal: record\n\
    [series.kinds]\nmatch: app.*\nmeasure: patterns $log\nevery: 10s\nby: $service\nk: 2\nwarm_up: off\nalarms: 1/day\n\
    learn_patterns: 10m\nnew_patterns: 40\n\
    [series.errors]\nmatch: app.*\nwhere: $log contains 'failed'\nmeasure: count\nevery: 10s\nby: $service\nk: 2\nwarm_up: off\n";

const KINDS: [&str; 6] = [
    "request # done in # ms",
    "request # failed: upstream @ answered 503",
    "session opened for user @",
    "cache miss for key item:# in /var/cache/@/#",
    "worker 0x# started with \\\"quotes\\\" and \\t é",
    "@ # @ # @ # @",
];

/// Lines over some minutes, now and then one of a new kind.
fn lines(count: u32) -> Vec<Event> {
    let mut random = Random(17);
    (0..count)
        .map(|n| {
            let kind = KINDS[random.below(KINDS.len() as u64) as usize];
            let mut log: String = kind
                .chars()
                .map(|c| match c {
                    '#' => random.below(100_000).to_string(),
                    '@' => ["ann", "bob", "carol"][random.below(3) as usize].to_owned(),
                    c => c.to_string(),
                })
                .collect();
            if random.below(150) == 0 {
                let letters = [n / 26 / 26, n / 26, n].map(|n| char::from(b'a' + (n % 26) as u8));
                log = format!("{} never seen", String::from_iter(letters));
            }
            Event {
                tag: "app.web",
                time: (START_S + n / 3 - random.below(3) as u32, 0),
                record: format!("{{\"log\":\"{log}\",\"service\":\"s{}\",\"n\":{n}}}", random.below(3)),
            }
        })
        .collect()
}

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
    folder
}

/// The host's clock says what the last event does.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU32>);

impl HostClock for Clock {
    fn now(&mut self) -> Option<Time> {
        Some(Time::from_seconds(self.0.load(Ordering::Relaxed).into()))
    }
}

/// The same records through the library itself, in memory.
fn native(config: &str, events: &[Event]) -> Vec<String> {
    let config = Config::parse("test.ini", config).unwrap();
    let clock = Clock::default();
    let mut pipeline = Pipeline::new(&config, Format::Json, None).with_clock(clock.clone());
    let process = |event: &Event| {
        clock.0.store(event.time.0, Ordering::Relaxed);
        let mut record = event.record.clone().into_bytes();
        pipeline.process(event.tag.as_bytes(), Time::from_parts(event.time.0, event.time.1), &mut record);
        String::from_utf8(record).unwrap()
    };
    events.iter().map(process).collect()
}

fn one(host: &mut Host, event: &Event) -> Result<String, String> {
    host.world().clock_s = Some(event.time.0.into());
    let out = host.filter(event.tag.as_bytes(), event.time, event.record.as_bytes())?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn templates_are_told_and_counted_as_by_the_library_with_a_new_instance_for_each_chunk() {
    let folder = folder(LINES);
    let events = lines(3000);
    let expected = native(LINES, &events);
    let marked = expected.iter().filter(|record| record.contains("\"is_new\":true")).count();
    let windows = expected.iter().filter(|record| record.contains("\"template\":\"request <*> done")).count();
    assert!(marked >= 3 && windows > 20, "{marked} {windows}");
    let mut got = Vec::new();
    let mut rest = &events[..];
    for size in [1, 2, 500, 40, 3].into_iter().cycle() {
        let chunk;
        (chunk, rest) = rest.split_at(size.min(rest.len()));
        let mut host = Host::start(folder.path());
        got.extend(chunk.iter().map(|event| one(&mut host, event).expect("no record is lost")));
        if rest.is_empty() {
            break;
        }
    }
    assert!(got == expected, "{:?}", got.iter().zip(&expected).find(|(got, expected)| got != expected));
}

/// Template and id of the window in a record, if one counts lines of a template.
fn template(record: &str) -> Option<(String, String)> {
    let record: Value = serde_json::from_str(record).unwrap();
    let window = &record["anomaly_window"];
    Some((window["template"].as_str()?.to_owned(), window["by"]["pattern"].as_str()?.to_owned()))
}

/// What was cut of the entries of one record is lost: its sections may count it once more, or once less.
#[test]
fn kills_in_the_middle_of_a_write_lose_no_record_and_change_no_id() {
    let folder = folder(LINES);
    let events = lines(900);
    let expected: BTreeSet<_> = native(LINES, &events).iter().filter_map(|record| template(record)).collect();
    let mut got = BTreeSet::new();
    let (mut at, mut kills) = (0, 0);
    while at < events.len() {
        // a snapshot takes some kilobytes: now and then one is written whole
        let killed_after = Some(if kills < 100 { kills } else { 1237 * kills % 60_000 });
        let faults = Faults { killed_after, ..Faults::default() };
        let mut host = Host::start_with(&[("fluent-config", folder.path())], faults, usize::MAX);
        kills += 1;
        while let Some(event) = events.get(at) {
            host.world().written.clear();
            let Ok(out) = one(&mut host, event) else {
                at += usize::from(host.world().written.iter().any(|name| name.contains("journal")));
                break;
            };
            assert!(out.starts_with(event.record.trim_end_matches('}')), "{out}");
            assert!(!out.contains("anomaly_error"), "{out}");
            got.extend(template(&out));
            at += 1;
        }
    }
    assert!(kills > 100, "{kills}");
    let kinds = |pairs: &BTreeSet<(String, String)>| -> BTreeSet<_> {
        pairs.iter().filter(|(template, _)| !template.contains("never seen")).cloned().collect()
    };
    assert_eq!(kinds(&got), kinds(&expected));
}

#[test]
fn a_configuration_that_changes_while_windows_are_open_keeps_what_it_can() {
    let errors = |more: &str| {
        format!(
            "[filter]\nstate: state\n[series.errors]\nmatch: app.*\nmeasure: count\nevery: 1m\nk: 2\nwarm_up: off\n{more}"
        )
    };
    let folder = folder(&errors(""));
    let event =
        |second: u32| Event { tag: "app.web", time: (START_S + second, 0), record: "{\"a\":1}".to_owned() };
    let window = |record: String| serde_json::from_str::<Value>(&record).unwrap()["anomaly_window"].clone();
    let run = |config: &str, seconds: std::ops::Range<u32>| -> (Vec<Value>, String) {
        fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
        let mut host = Host::start(folder.path());
        let windows = seconds.map(|second| window(one(&mut host, &event(second)).unwrap()));
        let windows = windows.filter(|window| !window.is_null()).collect();
        (windows, host.take_log())
    };
    assert_eq!(run(&errors(""), 0..30), (Vec::new(), String::new()));
    // what is told, another section, a budget: the open window goes on
    let more = "windows: all\nalarms: 1/day\n[series.lines]\nmatch: app.*\nmeasure: rate\nevery: 10s\nk: 2\n";
    let (windows, log) = run(&errors(more), 30..90);
    let errors_of = |windows: &[Value]| -> Vec<f64> {
        windows
            .iter()
            .filter(|window| window["series"] == "errors")
            .map(|window| window["value"].as_f64().unwrap())
            .collect()
    };
    assert_eq!((errors_of(&windows), &*log), (vec![60.0], ""));
    // another length: the open window has no place in it, which the log tells
    let (windows, log) = run(&errors("").replace("1m", "30s"), 90..150);
    assert!(log.contains("section [series.errors] was changed or removed"), "{log}");
    assert_eq!(errors_of(&windows), [30.0]);
}

/// What the command answers to these lines, and what it says.
fn filter(folder: &TempDir, args: &[&str], input: &str) -> (Vec<Value>, String) {
    let (records, said) = answers(folder, args, input);
    (records.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), said)
}

fn answers(folder: &TempDir, args: &[&str], input: &str) -> (String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["filter", "-c"])
        .arg(folder.path().join("fluent-anomaly.ini"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_owned();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_command_marks_a_new_template_and_check_states_its_bound() {
    let ini = "[filter]\nstate: off\n[series.kinds]\nmatch: app\nmeasure: patterns $log\nevery: 1m\ntime: $t\nwindows: records\nk: 2\nnew_patterns: 5\n";
    let folder = folder(ini);
    let mut input: String =
        (0..4000).map(|n| format!("{{\"t\":{},\"log\":\"request {n} done\"}}\n", START_S + n)).collect();
    input += &format!("{{\"t\":{},\"log\":\"out of memory: killed process 17\"}}\n", START_S + 4000);
    let (records, said) = filter(&folder, &["--tag", "app"], &input);
    let marked: Vec<&Value> = records.iter().filter(|record| record["anomaly_pattern"].is_object()).collect();
    assert_eq!(marked.len(), 1, "{said}");
    assert_eq!(marked[0]["anomaly_pattern"]["template"], "out of memory: killed process <*>");
    let windows: Vec<&Value> =
        records.iter().map(|record| &record["anomaly_window"]).filter(|window| window.is_object()).collect();
    assert_eq!(windows.len(), 66);
    assert!(windows.iter().all(|window| window["template"] == "request <*> done" && window["value"] == 60.0));
    let checked = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["check", "-c"])
        .arg(folder.path().join("fluent-anomaly.ini"))
        .output()
        .unwrap();
    let text = String::from_utf8(checked.stdout).unwrap();
    for told in [
        "measure patterns $log",
        "lines   marked where their template is new; at most 5 new templates a day are told, none in the first 1 h",
        "writes  anomaly_window, anomaly_pattern",
        "bytes for 1000 templates",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_queue_of_windows_that_is_full_leaves_out_the_oldest_and_counts_them() {
    // 15 000 services, closed at once: 10 000 windows may wait
    let ini = "[filter]\nstate: state\nmax_series: 20000\n[series.n]\nmatch: app\nmeasure: count\nevery: 1m\nby: $s\ntime: $t\nk: 2\nanomaly_score: off\nempty: skip\n";
    let folder = folder(ini);
    let mut input: String = (0..15_000).map(|n| format!("{{\"t\":{START_S},\"s\":\"s{n:05}\"}}\n")).collect();
    for n in 0..10_500 {
        input += &format!("{{\"t\":{},\"s\":\"late\"}}\n", START_S + 100 + n / 1000);
    }
    let (records, _) = filter(&folder, &["--tag", "app"], &input);
    let told: Vec<&str> =
        records.iter().filter_map(|record| record["anomaly_window"]["by"]["s"].as_str()).collect();
    assert_eq!((told.len(), told.first(), told.last()), (10_000, Some(&"s05000"), Some(&"s14999")));
    let metrics = fs::read_to_string(folder.path().join("state/metrics.prom")).unwrap();
    for sample in
        ["fluent_anomaly_filter_windows_total 15000\n", "fluent_anomaly_filter_windows_lost_total 5000\n"]
    {
        assert!(metrics.contains(sample), "{sample}: {metrics}");
    }
}

/// Feeds so many values of a key to a section that keeps 500 series.
fn cap_holds(count: u32) {
    let ini = "[filter]\nstate: state\njournal: interval:60\nmax_series: 500\n[series.n]\nmatch: app\nmeasure: count\nevery: 1m\n\
        by: $user\ntime: $t\nk: 2\nanomaly_score: off\nwindows: alarms\n";
    let folder = folder(ini);
    let input: String =
        (0..count).map(|n| format!("{{\"t\":{},\"user\":{n}}}\n", START_S + n / 10_000)).collect();
    let (records, said) = answers(&folder, &["--tag", "app"], &input);
    assert!(records == input, "no record is lost or changed");
    let told = format!(
        "{} series were forgotten so far, those seen least recently, as max_series allows 500",
        count - 500
    );
    assert!(said.contains(&told), "{said}");
    let metrics = fs::read_to_string(folder.path().join("state/metrics.prom")).unwrap();
    for (name, value) in [("series", 500), ("series_evicted_total", count - 500)] {
        assert!(metrics.contains(&format!("fluent_anomaly_filter_{name} {value}\n")), "{metrics}");
    }
    let state = fs::read_dir(folder.path().join("state")).unwrap();
    let bytes: u64 = state.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes < 16 << 20, "{bytes}");
}

#[test]
fn values_of_a_key_beyond_the_cap_are_evicted_and_told() {
    cap_holds(50_000);
}

#[test]
fn a_million_values_of_a_key_are_evicted_and_told() {
    cap_holds(1_000_000);
}
