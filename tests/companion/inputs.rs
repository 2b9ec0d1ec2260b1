//! Mistakes and inputs as people make them, and what is printed: all commands that read records or history.

use std::fs;
use std::process::{Command, Output};

use crate::common::program::{run, run_on};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const CONFIG: &str =
    "[filter]\nstate: off\n[series.latency]\nmatch: app.*\nvalue: $latency_ms\nby: $host\nk: 2\n";

/// What `filter` says at its end: records, tag, a part of what is said.
const UNSCORED: [(&str, &str, &str); 14] = [
    (r#"{"latency_ms":1,"host":"a"}"#, "web.1", "0 of 1 records were scored; the tag of 0 matches a section"),
    (
        r#"{"latency_ms":1,"host":"a"}"#,
        "web.1",
        "a tag that no section matches: `web.1`; the sections match `app.*`",
    ),
    (
        r#"{"latency":1,"host":"a"}"#,
        "app.1",
        "1 records have no $latency_ms (the value of [series.latency]); the first of them: it has $latency, $host; did you mean `$latency`?",
    ),
    (r#"{"http":{"latency_ms":1},"host":"a"}"#, "app.1", "did you mean `$http['latency_ms']`?"),
    (r#"{"LATENCY_MS":1,"host":"a"}"#, "app.1", "did you mean `$LATENCY_MS`?"),
    ("{}", "app.1", "the first of them: it is empty"),
    (r#"{"latency_ms":null,"host":"a"}"#, "app.1", "1 records have null as $latency_ms"),
    (r#"{"latency_ms":"12 ms","host":"a"}"#, "app.1", "that is no number; the first of them: a text"),
    (r#"{"latency_ms":{"p50":1},"host":"a"}"#, "app.1", "that is no number; the first of them: a map"),
    (
        r#"{"latency_ms":1}"#,
        "app.1",
        "1 records lack one of host (`by` of [series.latency]); those are not scored; `without_by: share` gives them one model",
    ),
    (r#"{"latency_ms":1,"host":null}"#, "app.1", "1 records lack one of host"),
    (r#"{"latency_ms":1,"host":{"name":"a"}}"#, "app.1", "1 records lack one of host"),
    (
        "2026-01-31 ERROR boom",
        "app.1",
        "1 records for [series.latency] are none; the first of them: no JSON object: `2026-01-31 ERROR boom`",
    ),
    (
        "{}\n\u{feff}{\"latency_ms\":1}",
        "app.1",
        "JSON behind a byte order mark (UTF-8 BOM): leave the mark out",
    ),
];

#[test]
fn the_filter_tells_at_its_end_what_it_did_not_score() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    for (record, tag, told) in UNSCORED {
        let output = run_on(&folder, &["filter", "--tag", tag], &format!("{record}\n"));
        assert_eq!(output.status.code(), Some(0), "{record}");
        assert!(said(&output).contains(told), "{record}: {}", said(&output));
    }
    let fine = run_on(&folder, &["filter", "--tag", "app.1"], "{\"latency_ms\":1,\"host\":\"a\"}\n");
    assert_eq!(said(&fine), "", "where all was scored nothing is said");
}

/// Records whose time does not count: how they end, a part of what is said.
const TIMES: [(&str, &str); 7] = [
    (
        r#""ts":"yesterday""#,
        "the first of them: [series.latency] time: $ts is \"yesterday\"; allowed: seconds, milliseconds",
    ),
    (r#""ts":null"#, "time: $ts is null"),
    (r#""ts":true"#, "time: $ts is true"),
    (r#""ts":{"s":1}"#, "time: $ts is a map"),
    (r#""ts":[1]"#, "time: $ts is an array"),
    (r#""t":1"#, "time: $ts is missing"),
    (r#""ts":4102444800"#, "the first of them: [series.latency] "),
];

#[test]
fn the_filter_tells_at_its_end_of_times_that_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("by: $host", "time: $ts\nby: $host");
    fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
    for (record, told) in TIMES {
        let record = format!("{{\"latency_ms\":1,\"host\":\"a\",{record}}}\n");
        let output = run_on(&folder, &["filter", "--tag", "app.1"], &record);
        let said = said(&output);
        assert!(said.contains("0 of 1 records were scored"), "{record}: {said}");
        assert!(said.contains(told), "{record}: {said}");
        assert!(said.contains("1 records have no time that counts; the first of them: "), "{record}: {said}");
    }
}

#[test]
fn files_of_other_kinds_are_told_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, told) in [
        (&b"BZh91AY&SY\x9d"[..], "the file is packed with bzip2: unpack it first: `bzip2 -dk` does"),
        (b"\xfd7zXZ\0\x01", "the file is packed with xz"),
        (b"PK\x03\x04\x14\0", "a zip archive or a spreadsheet: unpack it, or save the sheet as CSV"),
        (b"PAR1\x15\x04", "the file is Parquet: export it as CSV or JSON lines"),
        (b"SQLite format 3\0", "a database of SQLite: export a table as CSV"),
    ] {
        fs::write(folder.path().join("h"), bytes).unwrap();
        for command in [&["eval"][..], &["init"], &["filter", "--value", "v"], &["select-k", "--input"]] {
            let output = run(&folder, &[command, &["h"]].concat());
            assert_eq!(output.status.code(), Some(2), "{command:?}");
            assert!(said(&output).contains(told), "{command:?} {told}: {}", said(&output));
        }
    }
}

#[test]
fn after_a_thousand_records_and_then_each_hour_it_is_told_what_was_not_scored() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    let records: String = (0..9000).map(|n| format!("{{\"ms\":{n},\"t\":{n}}}\n")).collect();
    let output = run_on(&folder, &["filter", "--tag", "app.1", "--time-key", "t"], &records);
    let said = said(&output);
    let counts: Vec<&str> = said.lines().filter(|line| line.contains("records were scored")).collect();
    assert!(counts[0].contains("0 of 1000 records"), "{said}");
    assert_eq!(counts.len(), 3, "after 1000, an hour later, at the end: {said}");
    assert!(counts[2].contains("0 of 9000 records"), "{said}");
}

#[test]
fn texts_with_units_are_values_where_the_section_names_a_unit() {
    let folder = tempfile::tempdir().unwrap();
    let values = ["\"12ms\"", "\"1.5 s\"", "12.5", "\"850\u{b5}s\"", "\"7\"", "\"12 MB\"", "\"fast\""];
    let records: String =
        values.iter().map(|value| format!("{{\"latency_ms\":{value},\"host\":\"a\"}}\n")).collect();
    let config = CONFIG.replace("by: $host", "unit: ms\nby: $host");
    fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
    let output = run_on(&folder, &["filter", "--tag", "app.1"], &records);
    let told = said(&output);
    assert!(
        told.contains("2 records have $latency_ms (the value of [series.latency]) that is no number"),
        "{told}"
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    for (line, value) in lines.lines().zip(values) {
        let is_error = ["\"12 MB\"", "\"fast\""].contains(&value);
        assert_eq!(line.contains("anomaly_error"), is_error, "{line}");
        assert!(line.starts_with(&format!("{{\"latency_ms\":{value},")), "the text stays: {line}");
    }
    // the same numbers with and without units, the same scores
    let score = |unit: &str, text: fn(u32) -> String| {
        let config = format!(
            "[filter]\nstate: off\n[series.latency]\nmatch: *\nvalue: $v\nk: 2\nwarm_up: off\n{unit}"
        );
        fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
        let records: String = (0..300).map(|n| format!("{{\"v\":{},\"time\":{n}}}\n", text(n))).collect();
        let output = run_on(&folder, &["filter", "--time", "time"], &records);
        let scores = |line: &str| line.split_once("\"time\"").map(|(_, scores)| scores.to_owned());
        String::from_utf8(output.stdout).unwrap().lines().map(scores).collect::<Vec<_>>()
    };
    let plain = score("", |n| format!("{}", 100 + n * n * 31 % 101));
    assert!(plain.iter().flatten().any(|line| line.contains("score_outlier")), "{plain:?}");
    assert_eq!(score("unit: ms\n", |n| format!("\"{}ms\"", 100 + n * n * 31 % 101)), plain);
    // in a file the unit of the first value is taken
    let history: String = (0..300).map(|n| format!("{n},{} ms\n", 100 + n * 31 % 101)).collect();
    fs::write(folder.path().join("h.csv"), format!("time,v\n{history}")).unwrap();
    let config = "[filter]\nalarms: 1/day\n[series.v]\nmatch: *\nvalue: $v\nunit: s\n";
    fs::write(folder.path().join("f.ini"), config).unwrap();
    let told = said(&run(&folder, &["eval", "-c", "f.ini", "h.csv"]));
    assert!(told.contains("`v` holds texts with units: taken as numbers of s\n"), "{told}");
}

#[test]
fn a_reader_of_standard_error_who_goes_away_stops_no_record() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    let records: String = (0..3000).map(|n| format!("{{\"ms\":{n}}}\n")).collect();
    fs::write(folder.path().join("in.jsonl"), &records).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(folder.path())
        .args(["filter", "--tag", "app.1"])
        .stdin(fs::File::open(folder.path().join("in.jsonl")).unwrap())
        .stdout(fs::File::create(folder.path().join("out.jsonl")).unwrap())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(folder.path().join("out.jsonl")).unwrap().lines().count(), 3000);
}

#[test]
fn of_a_file_what_was_not_scored_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).unwrap();
    let records: String = (0..9000).map(|n| format!("{{\"ms\":{n},\"time\":{n}}}\n")).collect();
    fs::write(folder.path().join("in.jsonl"), &records).unwrap();
    let told = said(&run(&folder, &["filter", "--tag", "app.1", "in.jsonl"]));
    assert_eq!(told.matches("records were scored").count(), 1, "{told}");
    assert!(told.contains("0 of 9000 records were scored"), "{told}");
}

#[test]
fn filter_finds_the_value_of_a_file_in_any_case_and_with_its_unit() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..40).map(|n| format!("{},{} ms\n", 60 * n, 100 + n * 31 % 101)).collect();
    fs::write(folder.path().join("h.csv"), format!("Time,Took\n{rows}")).unwrap();
    let output = run(&folder, &["filter", "--value", "took", "h.csv"]);
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("warming_up")).count(), 40, "{lines}");
    assert!(!said(&output).contains("records were scored"), "{}", said(&output));
    let wrong = run(&folder, &["filter", "--value", "tok", "h.csv"]);
    assert!(said(&wrong).contains("it has $Time, $Took"), "{}", said(&wrong));
}

#[test]
fn eval_tells_where_a_history_is_too_short_for_its_budget_of_alarms() {
    let folder = tempfile::tempdir().unwrap();
    let history = |points: u32| (0..points).map(|n| format!("{},{}\n", 600 * n, n * n * 31 % 101)).collect();
    for (points, is_told) in [(400, true), (1200, false)] {
        let text: String = history(points);
        fs::write(folder.path().join("h.csv"), text).unwrap();
        let output = run(&folder, &["eval", "h.csv"]);
        let told = String::from_utf8(output.stdout).unwrap();
        let line = "The longest series covers 2 d 18 h; what comes once in 7 d, as the alarms that it may have, cannot";
        assert_eq!(told.contains(line), is_told, "{told}");
        assert_eq!(told.contains("longest series"), is_told, "{told}");
    }
}

/// Mistakes in a configuration: the section's lines, a part of what `check` says.
const CONFIGURATIONS: [(&str, &str); 14] = [
    (
        "[series.a]\nmatch: app.*,web.*\nvalue: $v\n",
        "f.ini:2: [series.a] match: \"app.*,web.*\" is not allowed: patterns are separated by blanks, as in `match: app.* web.*`",
    ),
    (
        "[series.a]\nmatch: app\nvalue: $a.b\n",
        "value: \"$a.b\" is not allowed: write $['a.b'] for a key with a dot, or $a['b'] for a map inside of the record",
    ),
    (
        "[series.a]\nmatch: app\nvalue: $a..b\n",
        "value: \"$a..b\" is not allowed: write $['a..b'] for a key with a dot, or $a['b']",
    ),
    (
        "[series.a]\nmatch: app\nvalue: $a['b'].c\n",
        "value: \"$a['b'].c\" is not allowed: write $a['b']['c'] for a map inside of the record",
    ),
    ("[series.a]\nmatch: app\nvalue: $v\nby: $k.pod\n", "by: \"$k.pod\" is not allowed: write $['k.pod']"),
    ("[series.a]\nmatch: app\nvalue: $v\ntime: $t.s\n", "time: \"$t.s\" is not allowed"),
    (
        "[series.a]\nmatch: app\nvalue: $v\nwidth: 3\n",
        "width: unknown key; allowed here: anomaly_score, alarms, match, measure, value, by, where, without_by, time",
    ),
    ("[series.a]\nmatch: app\nvalu: $v\n", "did you mean `value`?"),
    ("[series.a]\nvalue: $v\n", "match: the key is needed"),
    (
        "[series.a]\nmatch: app\nvalue: $v\n[monitor.a]\non: a\nquery: avg(last_4h):anomalies(avg:x{*}, 'agile', 2, alert_window='last_15m', interval=60) >= 1\ntimezone: Europe/Wien\n",
        "timezone: Europe/Wien is not allowed; allowed is a name of the IANA database; similar ones are",
    ),
    (
        "[series.a]\nmatch: app\nvalue: $v\n[monitor.a]\non: b\nquery: avg(last_4h):anomalies(avg:x{*}, 'agile', 2, alert_window='last_15m', interval=60) >= 1\n",
        "there is no [datadog.b] and no [series.b]",
    ),
    ("[serie.a]\nmatch: app\n", "serie"),
    (
        "[series.a]\nmatch: app\nvalue: $v\nunit: furlong\n",
        "unit: \"furlong\" is not allowed; allowed is ns, us, ms, s, min",
    ),
    (
        "[series.a]\nmatch: app\nmeasure: distinct $v\nevery: 1m\nunit: ms\n",
        "unit: goes with `value`, or with a `measure` of numbers such as `p95 $latency`",
    ),
];

#[test]
fn a_section_that_is_there_and_wrong_is_not_told_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[series.a]\nmatch: app\nvalue: $a.b\n[monitor.m]\non: a\nquery: nonsense\n[group.g]\non: a\n";
    fs::write(folder.path().join("f.ini"), text).unwrap();
    let told = said(&run(&folder, &["check", "-c", "f.ini"]));
    assert!(
        told.contains("f.ini:3: [series.a] value:") && told.contains("f.ini:6: [monitor.m] query:"),
        "{told}"
    );
    assert!(!told.contains("there is no [datadog.a]"), "{told}");
}

#[test]
fn a_mistake_in_a_configuration_is_told_with_the_form_that_works() {
    let folder = tempfile::tempdir().unwrap();
    for (text, told) in CONFIGURATIONS {
        fs::write(folder.path().join("f.ini"), text).unwrap();
        let output = run(&folder, &["check", "-c", "f.ini"]);
        let all = said(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{text}: {all}");
        assert!(all.contains(told), "{text}: {all}");
    }
    fs::write(folder.path().join("f.ini"), "[series.a]\nmatch: app\nvalue: $v\n[monitor.a]\non: a\nquery: avg(last_4h):anomalies(avg:x{*}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 1\ntimezone: \"Europe/Vienna\"\n").unwrap();
    assert_eq!(
        run(&folder, &["check", "-c", "f.ini"]).status.code(),
        Some(0),
        "quotes around a zone are no part of it"
    );
}

/// Files as people have them: name, text, what `eval` says of them.
const FILES: [(&str, &str, &str); 23] = [
    ("upper.csv", "Time,Value\n0,1\n60,2\n", "time `Time`, value `Value`"),
    ("ts.csv", "ts,load\n0,1\n60,2\n", "time `ts`, value `load`"),
    (
        "at.csv",
        "@timestamp,x\n2026-01-31T12:00:00Z,1\n2026-01-31T12:01:00Z,2\n",
        "time `@timestamp`, value `x`",
    ),
    (
        "datetime.csv",
        "datetime;x\n2026-01-31 12:00;1,5\n2026-01-31 12:01;2,5\n",
        "time `datetime`, value `x`",
    ),
    ("unnamed.csv", "when,x\n2026-01-31 12:00,1\n2026-01-31 12:01,2\n", "time `when`, value `x`"),
    ("plain.csv", "0,1\n60,2\n", "time `column 1`, value `column 2`"),
    ("hosts.csv", "time,host,value\n0,a,1\n0,b,2\n60,a,1\n60,b,2\n", "series by `host`"),
    ("labels.csv", "timestamp,value,label\n0,1,0\n60,2,1\n", "time `timestamp`, value `value`\n"),
    ("back.csv", "time,value\n60,2\n0,1\n", "the lines are not in the order of time: sorted"),
    ("twice.csv", "time,value\n0,1\n0,1\n60,2\n", "has 1 lines twice: taken once"),
    (
        "records.jsonl",
        "{\"ts\":0,\"ms\":1,\"host\":\"a\"}\n{\"ts\":0,\"ms\":2,\"host\":\"b\"}\n{\"ts\":60,\"ms\":1,\"host\":\"a\"}\n{\"ts\":60,\"ms\":2,\"host\":\"b\"}\n",
        "series by `host`",
    ),
    ("array.json", "[{\"time\":0,\"v\":1},{\"time\":60,\"v\":2}]", "read as JSON: time `time`, value `v`"),
    (
        "pretty.json",
        "{\n \"time\": 0,\n \"v\": 1\n}\n{\"time\":60,\"v\":2}",
        "read as JSON: time `time`, value `v`",
    ),
    (
        "prometheus.json",
        "{\"data\":{\"result\":[{\"metric\":{},\"values\":[[0,\"1\"],[60,\"2\"]]}]}}",
        "time `time`, value `value`",
    ),
    (
        "datadog.json",
        "{\"series\":[{\"metric\":\"m\",\"scope\":\"*\",\"pointlist\":[[0,1],[60000,2]]}]}",
        "series by `scope`",
    ),
    (
        "influx.log",
        "cpu,host=a usage=1 1700000000000000000\ncpu,host=a usage=2 1700000060000000000\n",
        "read as InfluxDB line protocol: time `time`, value `usage`",
    ),
    ("app.log", "ts=0 level=info ms=1\nts=60 level=info ms=2\n", "read as logfmt: time `ts`, value `ms`"),
    (
        "grafana.csv",
        "\"Time\",\"a\",\"b\"\n2026-01-31 12:00:00,1,2\n2026-01-31 12:01:00,1,2\n",
        "a series for each of `a`, `b`",
    ),
    (
        "formatted.csv",
        "sep=,\n\"Time\",\"a\",\"b\"\n2026-01-31 12:00:00,900 ms,10%\n2026-01-31 12:01:00,1.2 s,20%\n",
        "`a` holds texts with units: taken as numbers of ms",
    ),
    (
        "took.jsonl",
        "{\"time\":0,\"took\":\"1m0.5s\"}\n{\"time\":60,\"took\":\"850ms\"}\n",
        "time `time`, value `took`\ntook.jsonl: `took` holds texts with units: taken as numbers of min",
    ),
    ("psql.csv", "at,x\n2026-01-31 12:00:00 UTC,1\n2026-01-31 12:01:00 UTC,2\n", "time `at`, value `x`"),
    (
        "mail.csv",
        "when,x\n\"Sat, 31 Jan 2026 12:00:00 GMT\",1\n\"Sat, 31 Jan 2026 12:01:00 GMT\",2\n",
        "time `when`, value `x`",
    ),
    (
        "date.csv",
        "when,x\nSat Jan 31 12:00:00 UTC 2026,1\nSat Jan 31 12:01:00 UTC 2026,2\n",
        "time `when`, value `x`",
    ),
];

#[test]
fn one_reader_tells_all_commands_what_it_took_for_what() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, told) in FILES {
        fs::write(folder.path().join(name), text).unwrap();
        for command in [&["eval"][..], &["select-k", "--input"]] {
            let output = run(&folder, &[command, &[name]].concat());
            assert_eq!(output.status.code(), Some(0), "{command:?} {name}: {}", said(&output));
            assert!(said(&output).contains(told), "{command:?} {name}: {}", said(&output));
        }
    }
}

/// Files that cannot be read as they are: name, text, further options, what is said.
const MISREAD: [(&str, &str, &[&str], &str); 15] = [
    ("e.csv", "", &[], "e.csv: the file is empty"),
    (
        "several.csv",
        "time,host,cpu,mem\n0,a,1,2\n60,a,1,2\n",
        &[],
        "`cpu`, `mem` all hold numbers: name the one that is wanted with --value",
    ),
    (
        "several.csv",
        "time,host,cpu,mem\n0,a,1,2\n60,a,1,2\n",
        &["--value", "disk"],
        "no value among \"time\", \"host\", \"cpu\", \"mem\": one of disk is wanted; name another with --value",
    ),
    (
        "several.csv",
        "time,host,cpu,mem\n0,a,1,2\n60,a,1,2\n",
        &["--value", "cpu", "--by", "pod"],
        "no column is named \"pod\" (--by)",
    ),
    ("hour.csv", "hour,v\n1,1\n2,2\n", &[], "line 1: no time among \"hour\", \"v\""),
    (
        "two.csv",
        "time,value\n0,1\n0,2\n60,1\n60,2\n",
        &[],
        "line 3: the series has a value at this time already, in line 2: name with --by",
    ),
    ("fast.csv", "time,value\n0,1\n60,fast\n", &[], "line 3, column 2 (value): \"fast\" is not allowed"),
    (
        "noon.csv",
        "time,value\nnoon,1\n60,2\n",
        &["--time", "time"],
        "line 2, column 1 (time): \"noon\" is not allowed",
    ),
    ("short.csv", "time,value\n0,1\n60\n", &[], "line 3: 1 columns, but the first line has 2"),
    ("mixed.jsonl", "{\"time\":0,\"value\":1}\nWARN\n", &[], "line 2: not a record: no JSON at column 1"),
    (
        "text.jsonl",
        "{\"time\":0,\"value\":\"1 fish\"}\n{\"time\":1,\"value\":\"2 fish\"}\n",
        &[],
        "line 1, column value: \"1 fish\" is not allowed",
    ),
    (
        "units.csv",
        "time,v\n0,1 ms\n60,2 MB\n",
        &["--value", "v"],
        "line 3, column 2 (v): \"2 MB\" is not allowed",
    ),
    (
        "prometheus.json",
        "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter query\"}",
        &[],
        "line 1: the answer is an error: invalid parameter query",
    ),
    ("datadog.json", "{\"errors\":[\"Forbidden\"]}", &[], "line 1: the answer is an error: Forbidden"),
    ("none.csv", "", &["--nonsense"], "unexpected argument '--nonsense'"),
];

#[test]
fn what_cannot_be_read_is_told_with_file_line_and_column_and_an_option_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    let help = String::from_utf8(run(&folder, &["eval", "--help"]).stdout).unwrap();
    for (name, text, options, told) in MISREAD {
        fs::write(folder.path().join(name), text).unwrap();
        let output = run(&folder, &[&["eval", name], options].concat());
        assert_eq!(output.status.code(), Some(2), "{name}: {}", said(&output));
        assert!(said(&output).contains(told), "{name}: {}", said(&output));
        for option in ["--value", "--time", "--by"] {
            assert!(!told.contains(option) || help.contains(option), "{option}");
        }
    }
}

#[test]
fn packed_files_and_standard_input_are_read_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, b"time,value\n0,1\n60,2\n").unwrap();
    fs::write(folder.path().join("h.csv.gz"), gzip.finish().unwrap()).unwrap();
    assert_eq!(run(&folder, &["eval", "h.csv.gz"]).status.code(), Some(0));
    let output = run_on(&folder, &["eval", "-"], "time,value\n0,1\n60,2\n");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// Samples of ten shapes: name, how record `n` is written, the value, key and section that are found.
type Shape = (&'static str, fn(u32) -> String, &'static str, &'static str);
const SHAPES: [Shape; 10] = [
    (
        "nested",
        |n| format!(r#"{{"time":{},"http":{{"host":"h{}","latency_ms":{}}}}}"#, time(n), n % 2, value(n)),
        "value: $http['latency_ms']",
        "by: $http['host']",
    ),
    (
        "logfmt",
        |n| format!("ts={} level=info service=s{} duration={}", time(n), n % 2, value(n)),
        "value: $duration",
        "by: $service",
    ),
    (
        "access",
        |n| {
            format!(
                r#"{{"remote":"10.0.0.{}","user":"-","method":"GET","path":"/p{}","code":"200","size":{},"date":{}}}"#,
                n % 250,
                n % 3,
                value(n),
                time(n)
            )
        },
        "value: $size",
        "by: $path",
    ),
    (
        "kubernetes",
        |n| {
            format!(
                r#"{{"date":{},"stream":"stdout","latency_ms":{},"kubernetes":{{"pod_name":"p{}","namespace_name":"shop","container_name":"c"}}}}"#,
                time(n),
                value(n),
                n % 2
            )
        },
        "value: $latency_ms",
        "by: $kubernetes['pod_name']",
    ),
    (
        "statsd",
        |n| format!(r#"{{"date":{},"type":"gauge","name":"queue{}","value":{}}}"#, time(n), n % 2, value(n)),
        "value: $value",
        "by: $name",
    ),
    (
        "collectd",
        |n| {
            format!(
                r#"{{"time":{},"type":"cpu","type_instance":"{}","plugin":"cpu","plugin_instance":"0","interval":10,"host":"a","value":{}}}"#,
                time(n),
                ["idle", "user"][n as usize % 2],
                value(n)
            )
        },
        "value: $value",
        "by: $type_instance",
    ),
    (
        "cpu",
        |n| {
            format!(
                r#"{{"date":{},"cpu_p":{},"user_p":{},"system_p":{}}}"#,
                time(n),
                value(n),
                value(n + 7),
                value(n + 3)
            )
        },
        "value: $cpu_p",
        "[series.cpu_p]",
    ),
    (
        "mem",
        |n| {
            format!(
                r#"{{"date":{},"Mem.total":8000000,"Mem.used":{},"Mem.free":{}}}"#,
                time(n),
                value(n),
                8_000_000.0 - value(n)
            )
        },
        "value: $['Mem.used']",
        "[series.mem_used]",
    ),
    (
        "disk",
        |n| format!(r#"{{"date":{},"read_size":{},"write_size":{}}}"#, time(n), value(n), value(n + 1)),
        "value: $read_size",
        "[series.read_size]",
    ),
    (
        "netif",
        |n| {
            format!(r#"{{"date":{},"eth0.rx.bytes":{},"eth0.tx.bytes":{}}}"#, time(n), value(n), value(n + 5))
        },
        "value: $['eth0.rx.bytes']",
        "[series.eth0_rx_bytes]",
    ),
];

fn time(n: u32) -> u32 {
    1_700_000_000 + 10 * n
}

/// Noise around 100; one fault far from the start.
fn value(n: u32) -> f64 {
    if n / 4 == 1400 / 4 { 900.0 } else { 100.0 + f64::from(n * n * 31 % 101) / 10.0 }
}

#[test]
fn init_finds_its_way_in_ten_shapes_of_logs_and_what_it_writes_is_taken() {
    for (name, record, value, key) in SHAPES {
        let folder = tempfile::tempdir().unwrap();
        let sample: String = (0..1500).map(|n| record(n) + "\n").collect();
        fs::write(folder.path().join("sample.log"), &sample).unwrap();
        let output = run(&folder, &["init", "sample.log"]);
        let told = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        let ini = fs::read_to_string(folder.path().join("fluent-anomaly.ini")).unwrap();
        assert!(ini.contains(value) && ini.contains(key), "{name}\n{ini}\n{told}");
        assert!(told.contains("1500 records") && told.contains("would have been raised"), "{name}\n{told}");
        assert!(
            told.contains("2023-11-15T02:06:") || told.contains("2023-11-15T02:07:"),
            "{name}: the fault is found\n{told}"
        );
        let check = run(&folder, &["check"]);
        assert_eq!(check.status.code(), Some(0), "{name}: {}", said(&check));
        for file in ["fluent-bit.yaml", "fluentd.conf"] {
            assert!(folder.path().join(file).exists(), "{name}: {file}");
        }
    }
}

/// Samples of 200 records, half an hour, with one incident: name, record, value that is found.
type Short = (&'static str, fn(u32) -> String, &'static str);

fn short_value(n: u32) -> f64 {
    if (150..154).contains(&n) { 800.0 + f64::from(n) } else { 100.0 + f64::from(n * n * 31 % 101) / 10.0 }
}

const SHORT: [Short; 9] = [
    ("json", |n| format!(r#"{{"time":{},"duration_ms":{}}}"#, time(n), short_value(n)), "$duration_ms"),
    (
        "milliseconds and a map",
        |n| format!(r#"{{"ts":{}000,"http":{{"response":{{"time":{}}}}}}}"#, time(n), short_value(n)),
        "$http['response']['time']",
    ),
    (
        "numbers as texts",
        |n| format!(r#"{{"time":"{}","status":"200","request_time":"{:.3}"}}"#, time(n), short_value(n)),
        "$request_time",
    ),
    (
        "JSON in a text",
        |n| {
            format!(r#"{{"time":{},"stream":"stdout","log":"{{\"ms\":{}}}\n"}}"#, time(n), short_value(n))
                .replace("\\n", "")
        },
        "$ms",
    ),
    ("a text with its unit", |n| format!(r#"{{"time":{},"took":"{}ms"}}"#, time(n), short_value(n)), "$took"),
    ("logfmt", |n| format!("ts={} level=info took={} msg=\"all fine\"", time(n), short_value(n)), "$took"),
    (
        "access log",
        |n| {
            format!(
                "10.0.0.1 - - [15/Nov/2023:{:02}:{:02}:{:02} +0000] \"GET /a HTTP/1.1\" 200 {} \"-\" \"curl\"",
                n / 360,
                n / 6 % 60,
                n % 6 * 10,
                short_value(n) as u32
            )
        },
        "$size",
    ),
    (
        "CSV with a decimal comma",
        |n| format!("{};{}", time(n), short_value(n).to_string().replace('.', ",")),
        "$column_2",
    ),
    (
        "a stack trace in between",
        |n| {
            let trace = if n % 50 == 7 { "\nTraceback (most recent call last):" } else { "" };
            format!(r#"{{"time":{},"duration_ms":{}}}{trace}"#, time(n), short_value(n))
        },
        "$duration_ms",
    ),
];

#[test]
fn init_prints_an_alarm_for_a_short_sample_with_an_incident() {
    for (name, record, value) in SHORT {
        let folder = tempfile::tempdir().unwrap();
        // a rotated log begins within a line
        let torn = if name == "json" { "\"level\":\"info\"}\n" } else { "" };
        let sample: String = torn.to_owned() + &(0..200).map(|n| record(n) + "\n").collect::<String>();
        fs::write(folder.path().join("sample.log"), &sample).unwrap();
        let output = run(&folder, &["init", "sample.log"]);
        let told = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
        let alarm = told.lines().skip_while(|line| !line.contains("would have been raised")).nth(1).unwrap();
        assert!(
            alarm.contains(&format!("{value} is 9"))
                && alarm.contains("expected 10")
                && alarm.contains("the monitor alerts"),
            "{name}\n{told}"
        );
        let ini = fs::read_to_string(folder.path().join("fluent-anomaly.ini")).unwrap();
        assert!(ini.contains(&format!("value: {value}\n")), "{name}\n{ini}");
        let check = run(&folder, &["check"]);
        assert_eq!(check.status.code(), Some(0), "{name}: {}", said(&check));
    }
}

#[test]
fn init_prints_what_an_alarm_observed_where_that_is_not_the_value_of_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let value = |n: u32| if n > 1300 { 105.0 } else { 100.0 + f64::from(n * n * 31 % 101) / 10.0 };
    let sample: String = (0..1500)
        .map(|n| format!("{{\"time\":{},\"ms\":{}}}\n", 1_700_000_000 + 120 * n, value(n)))
        .collect();
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    let output = run(&folder, &["init", "sample.log"]);
    let told = String::from_utf8(output.stdout).unwrap();
    let alarm =
        "2023-11-16T17:39:20Z  $ms is 105, observed 2.356, expected 2.609, 2.8 usual deviations: spread\n";
    assert!(told.contains(alarm), "{told}");
}

#[test]
fn init_raises_no_alarm_for_a_short_sample_without_an_incident() {
    let folder = tempfile::tempdir().unwrap();
    let sample: String =
        (0..140).map(|n| format!("{{\"time\":{},\"ms\":{}}}\n", time(n), short_value(n))).collect();
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    let output = run(&folder, &["init", "sample.log"]);
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(told.contains("No alarm would have been raised"), "{told}");
}

#[test]
fn init_tells_what_it_cannot_use_and_replaces_nothing_unasked() {
    let folder = tempfile::tempdir().unwrap();
    for (sample, told) in [
        (
            "{\"msg\":\"a\"}\n{\"msg\":\"b\"}\n",
            "sample.log: no field holds numbers that could be scored; the records have $msg",
        ),
        ("", "sample.log: the file is empty"),
        ("{\"a\":1}\nboom\n", "sample.log: line 2: not a record"),
        ("all done\nall well\n", "the lines are plain text, neither JSON, logfmt, CSV nor an access log"),
        (
            "{\"t\":\"12 fish\"}\n{\"t\":\"13 fish\"}\n",
            "$t is a text such as \"12 fish\": log the number alone, its unit in the name of the field",
        ),
        ("{\"port\":80}\n{\"port\":81}\n", "left out: $port: its name says that it is a label"),
        ("{\"v\":80}\n{\"v\":80}\n", "left out: $v: always 80"),
    ] {
        fs::write(folder.path().join("sample.log"), sample).unwrap();
        let output = run(&folder, &["init", "sample.log"]);
        assert_eq!(output.status.code(), Some(2), "{sample}");
        assert!(said(&output).contains(told), "{sample}: {}", said(&output));
    }
    fs::write(folder.path().join("fluent-anomaly.ini"), "mine").unwrap();
    let output = run_on(&folder, &["init", "-"], "{\"time\":0,\"v\":1}\n{\"time\":1,\"v\":2}\n");
    assert!(said(&output).contains("is there already"), "{}", said(&output));
    let forced =
        run_on(&folder, &["init", "--input", "-", "--force"], "{\"time\":0,\"v\":1}\n{\"time\":1,\"v\":2}\n");
    assert_eq!(forced.status.code(), Some(0), "{}", said(&forced));
    let told = String::from_utf8_lossy(&forced.stdout);
    assert!(told.contains("a series is judged after 30 records"), "{told}");
}
