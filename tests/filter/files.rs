//! `filter` with what people have at hand: packed streams, arrays, files of any form that the shared reader knows.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::program;

const CONFIG: &str =
    "[filter]\nstate: off\n[series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 2\nwarm_up: off\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    folder
}

fn filter(folder: &TempDir, arguments: &[&str], stdin: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    program::run_with_input(command.current_dir(folder.path()).arg("filter").args(arguments), stdin)
}

fn run(folder: &TempDir, arguments: &[&str], stdin: &[u8]) -> (Output, Vec<Value>) {
    let output = filter(folder, arguments, stdin);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let records =
        serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter::<Value>();
    let records = records
        .flat_map(|value| match value.unwrap() {
            Value::Array(elements) => elements,
            other => vec![other],
        })
        .collect();
    (output, records)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn scored(records: &[Value]) -> usize {
    records.iter().filter(|record| record["score_outlier"].is_f64()).count()
}

const LINES: &str =
    "{\"t\":1700000000,\"ms\":1,\"host\":\"a\"}\n{\"t\":1700000060,\"ms\":2,\"host\":\"a\"}\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    program::run_with_input(&mut Command::new("gzip"), text).stdout
}

#[test]
fn standard_input_may_be_packed_an_array_or_printed_over_several_lines() {
    let folder = folder();
    let array =
        "[\n  {\"t\":1700000000,\"ms\":1,\"host\":\"a\"},\n  {\"t\":1700000060,\"ms\":2,\"host\":\"a\"}\n]\n";
    let spread = "{\n  \"t\": 1700000000,\n  \"ms\": 1,\n  \"host\": \"a\"\n}\n{\n  \"t\": 1700000060,\n  \"ms\": 2,\n  \"host\": \"a\"\n}\n";
    let twice = [
        gzip(b"{\"t\":1700000000,\"ms\":1,\"host\":\"a\"}\n"),
        gzip(b"{\"t\":1700000060,\"ms\":2,\"host\":\"a\"}\n"),
    ]
    .concat();
    let marked = format!("\u{feff}{LINES}");
    let inputs: [(&str, Vec<u8>); 6] = [
        ("lines", LINES.into()),
        ("gzip", gzip(LINES.as_bytes())),
        ("gzip twice", twice),
        ("array", array.into()),
        ("spread", spread.into()),
        ("byte order mark", marked.into()),
    ];
    let mut expected: Option<Vec<Value>> = None;
    for (name, input) in inputs {
        let (output, records) = run(&folder, &["--tag", "app.1", "--time", "t"], &input);
        assert_eq!((output.status.code(), scored(&records)), (Some(0), 2), "{name}: {}", said(&output));
        assert_eq!(said(&output), "", "{name}");
        assert_eq!(*expected.get_or_insert(records.clone()), records, "{name}");
    }
}

#[test]
fn windows_are_records_of_their_own_whether_records_come_from_a_file_or_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("fluent-anomaly.ini"),
        "[filter]\nstate: off\n[series.calls]\nmatch: app\nmeasure: count\nevery: 1m\ntime: $t\nwindows: records\n",
    )
    .unwrap();
    let lines: String = (0..200).map(|second| format!("{{\"t\":{}}}\n", 1_700_000_000 + second)).collect();
    fs::write(folder.path().join("app.jsonl"), &lines).unwrap();
    let (piped, records) = run(&folder, &["--tag", "app", "--time", "t"], lines.as_bytes());
    let windows = records.iter().filter(|record| record["anomaly_window"].is_object()).count();
    assert_eq!((windows, records.len()), (3, 203));
    let (read, _) = run(&folder, &["--tag", "app", "--time", "t", "app.jsonl"], b"");
    assert_eq!(String::from_utf8(read.stdout), String::from_utf8(piped.stdout));
}

#[test]
fn an_array_keeps_its_brackets_and_every_other_byte() {
    let folder = folder();
    let (output, _) = run(&folder, &["--tag", "web"], b"[ {\"ms\":1.50}\n, {\"ms\":2} ]");
    assert_eq!(output.stdout, b"[ {\"ms\":1.50}\n, {\"ms\":2} ]");
}

/// Files with the same two points: name, content, further options.
const FILES: [(&str, &str, &[&str]); 9] = [
    ("a.csv", "time,host,ms\n1700000000,a,1\n1700000060,a,2\n", &[]),
    ("b.csv", "Zeit;host;ms\n2023-11-14 22:13:20;a;1,0\n2023-11-14 22:14:20;a;2,0\n", &[]),
    ("c.csv", "ms,host,epoch\n1,a,1700000000000\n2,a,1700000060000\n", &["--time", "epoch"]),
    ("d.log", "ts=2023-11-14T22:13:20Z host=a ms=1\nts=2023-11-14T22:14:20Z host=a ms=2\n", &[]),
    ("e.influx", "m,host=a ms=1 1700000000000000000\nm,host=a ms=2 1700000060000000000\n", &[]),
    (
        "f.json",
        "[{\"time\":\"2023-11-14T22:13:20Z\",\"ms\":1,\"host\":\"a\"},{\"time\":\"2023-11-14T22:14:20Z\",\"ms\":2,\"host\":\"a\"}]",
        &[],
    ),
    (
        "g.jsonl",
        "{\"@timestamp\":\"2023-11-14T22:13:20.000Z\",\"ms\":1,\"host\":\"a\"}\n{\"@timestamp\":\"2023-11-14T22:14:20.000Z\",\"ms\":2,\"host\":\"a\"}\n",
        &[],
    ),
    (
        "h.jsonl",
        "{\"ts\":1700000060,\"ms\":2,\"host\":\"a\"}\n{\"ts\":1700000000,\"ms\":1,\"host\":\"a\"}\n",
        &[],
    ),
    (
        "i.jsonl",
        "{\"at\":\"14/Nov/2023:22:13:20 +0000\",\"ms\":1,\"host\":\"a\"}\n{\"at\":\"14/Nov/2023:22:14:20 +0000\",\"ms\":2,\"host\":\"a\"}\n",
        &["--time", "at"],
    ),
];

#[test]
fn a_file_of_any_form_gives_the_same_scores_in_the_order_of_time() {
    let folder = folder();
    let scores = |records: &[Value]| -> Vec<(Value, Value)> {
        records.iter().map(|record| (record["ms"].as_f64().into(), record["score_outlier"].clone())).collect()
    };
    let mut expected = None;
    for (name, content, options) in FILES {
        fs::write(folder.path().join(name), content).unwrap();
        let (output, records) = run(&folder, &[options, &[name]].concat(), b"");
        assert_eq!((output.status.code(), scored(&records)), (Some(0), 2), "{name}: {}", said(&output));
        assert!(said(&output).contains("records count with the tag app.x"), "{name}: {}", said(&output));
        assert!(said(&output).contains("read as "), "{name}: {}", said(&output));
        assert_eq!(*expected.get_or_insert(scores(&records)), scores(&records), "{name}");
    }
    let (output, _) = run(&folder, &["h.jsonl"], b"");
    assert!(said(&output).contains("not in the order of time: sorted"), "{}", said(&output));
    let (output, records) = run(&folder, &["--input", "-"], FILES[0].1.as_bytes());
    assert_eq!((output.status.code(), scored(&records)), (Some(0), 2), "{}", said(&output));
}

#[test]
fn the_bytes_of_json_records_in_a_file_stay_as_they_are() {
    let folder = folder();
    let content = "{\"ts\":1700000000,\"x\":1.50,\"y\":[1, 2]}\nno record\n{\"ts\":1700000060}\n";
    fs::write(folder.path().join("a.log"), content).unwrap();
    let output = filter(&folder, &["a.log"], b"");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), content);
}

#[test]
fn a_field_is_scored_without_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..200)
        .map(|n| {
            format!(
                "{{\"ts\":{},\"req\":{{\"ms\":{}}},\"host\":\"a\"}}\n",
                1_700_000_000 + 60 * n,
                20 + n * 7 % 5
            )
        })
        .collect();
    let (output, records) =
        run(&folder, &["--value", "$req['ms']", "--by", "host", "--time", "ts"], lines.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(records[199]["anomaly_score"].is_number(), "{}", records[199]);
    assert!(!folder.path().join("state").exists(), "and nothing is kept");
}

#[test]
fn what_is_misread_is_told_with_what_would_read_it() {
    let folder = folder();
    for (input, told) in [
        (
            "time,host,ms\n1700000000,a,1\n",
            "looks like CSV, and JSON lines are wanted: `filter --input -` reads it",
        ),
        ("ts=1 ms=2 host=a\n", "looks like logfmt"),
        ("m,host=a ms=1 1700000000000000000\n", "looks like InfluxDB line protocol"),
        (
            "{\"ts\":1700000000,\"ms\":1,\"host\":\"a\"}\n",
            "with the time of their arrival, not with their `ts`, 2023-11-14T22:13:20Z: --time ts takes that",
        ),
    ] {
        let output = filter(&folder, &["--tag", "app.1"], input.as_bytes());
        assert!(said(&output).contains(told), "{input}: {}", said(&output));
        assert_eq!(output.stdout.split(|b| *b == b'\n').count(), input.split('\n').count(), "{input}");
    }
    for (arguments, told) in [
        (&["none.csv"][..], "none.csv: cannot be read"),
        (&["a.csv", "--time", "when"], "--time: there is no \"when\"; there are time, host, ms"),
        (&["--value", "ms", "-c", "x.ini"], "cannot be used with"),
        (&["torn.gz"], "the file begins as gzip does, and cannot be unpacked"),
    ] {
        fs::write(folder.path().join("a.csv"), FILES[0].1).unwrap();
        fs::write(folder.path().join("torn.gz"), &gzip(LINES.as_bytes())[..20]).unwrap();
        let output = filter(&folder, arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(told), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_record_without_its_key_shares_a_model_only_where_that_is_said() {
    let folder = folder();
    let lines =
        "{\"ms\":1}\n{\"ms\":2,\"host\":null}\n{\"ms\":3,\"host\":{\"a\":1}}\n{\"ms\":4,\"host\":\"a\"}\n";
    let (output, records) = run(&folder, &["--tag", "app.1"], lines.as_bytes());
    assert_eq!(scored(&records), 1);
    let told = "3 records lack one of host (`by` of [series.latency]); those are not scored; `without_by: share` gives them one model";
    assert!(said(&output).contains(told), "{}", said(&output));
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG.replace("k: 2", "k: 2\nwithout_by: share"))
        .unwrap();
    let (output, records) = run(&folder, &["--tag", "app.1"], lines.as_bytes());
    assert_eq!(scored(&records), 4);
    assert!(said(&output).contains("3 records lack one of host"), "{}", said(&output));
    assert!(said(&output).contains("those share one model"), "{}", said(&output));
}

#[test]
fn the_filter_keeps_figures_about_itself_in_the_state_folder() {
    let folder = folder();
    let config = CONFIG.replace("state: off", "state: state");
    fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
    let lines = "{\"ms\":1,\"host\":\"a\"}\n{\"ms\":2,\"host\":\"a\"}\n{\"host\":\"a\"}\n{\"ms\":null}\n{\"ms\":\"x\",\"host\":\"a\"}\n{\"ms\":3}\nno record\n";
    let output = filter(&folder, &["--tag", "app.1"], lines.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = fs::read_to_string(folder.path().join("state/metrics.prom")).unwrap();
    for line in [
        "fluent_anomaly_filter_records_total 7",
        "fluent_anomaly_filter_matched_total 7",
        "fluent_anomaly_filter_scored_total 2",
        "fluent_anomaly_filter_refused_total{reason=\"no_value\"} 1",
        "fluent_anomaly_filter_refused_total{reason=\"null\"} 1",
        "fluent_anomaly_filter_refused_total{reason=\"no_number\"} 1",
        "fluent_anomaly_filter_refused_total{reason=\"no_key\"} 1",
        "fluent_anomaly_filter_refused_total{reason=\"no_record\"} 1",
        "fluent_anomaly_filter_series 1",
        "# TYPE fluent_anomaly_filter_records_total counter",
        "# TYPE fluent_anomaly_filter_journal_bytes gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("journal_bytes 0\n"), "{text}");
}
