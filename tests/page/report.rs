//! `fluent-anomaly report` through the command line: what the file holds, and what is said of bad input. What the page
//! does in a browser is tested in `tests/browser`.

#![cfg(feature = "report")]
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn report(folder: &Path, input: &str, more: &[&str]) -> Output {
    fs::write(folder.join("in.csv"), input).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let output =
        command.current_dir(folder).args(["report", "--input", "in.csv"]).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("built without the page"), "{said}");
    output
}

pub(crate) fn minutes(points: u32) -> String {
    let mut text = "time,value\n".to_owned();
    for n in 0..points {
        writeln!(text, "{},{}.{:02}", 1_735_689_600 + 60 * n, n * 7919 % 97, n % 89).unwrap();
    }
    text
}

#[test]
fn thirty_days_of_minutes_are_one_file_below_two_megabytes() {
    let folder = folder("month");
    let output = report(&folder, &minutes(43_200), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("report.html: 1 series, 43200 points, "), "{said}");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    assert!(html.contains("\"points\":43200") && html.contains("\"step\":60"));
}

#[test]
fn bad_input_is_told_with_its_line_and_leaves_no_page() {
    let folder = folder("bad");
    for (input, expected) in [
        ("", "the file is empty"),
        ("time,value\n60,1\n", "line 2: there is only one point"),
        ("when,howmuch\n60,1\n120,2\n", "line 1: no time among \"when\", \"howmuch\""),
        ("time,value\n60,1\n120,fast\n", "line 3, column 2 (value): \"fast\" is not allowed"),
        (
            "time,value\n120,1\n60,2\n120,3\n",
            "line 4: the series has a value at this time already, in line 2",
        ),
        ("time,value\n60,1\n120\n", "line 3: 1 columns, but the first line has 2"),
    ] {
        let output = report(&folder, input, &[]);
        assert_eq!(output.status.code(), Some(2), "{input:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("in.csv: ") && said.contains(expected), "{input:?}: {said}");
        assert!(!folder.join("report.html").exists());
    }
    let missing = report(&folder, "time,value\n60,1\n120,2\n", &["--config", "no.ini"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn more_series_than_anyone_searches_are_left_out_and_that_is_told() {
    let folder = folder("many");
    let mut input = "time,value,host\n".to_owned();
    for n in 0..6000 {
        writeln!(input, "{},1,h{n}\n{},1,h{n}", 60 * n, 60 * n + 30).unwrap();
    }
    let output = report(&folder, &input, &["-o", "many.html"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\n6000 series: the page shows the first 5000"), "{said}");
    let html = fs::read_to_string(folder.join("many.html")).unwrap();
    assert!(html.contains("\"name\":\"h4999\"") && !html.contains("\"name\":\"h5000\""));
    assert!(html.contains("6000 series: the page shows the first 5000"));
}

#[test]
fn the_monitor_of_a_configuration_comes_along_by_name() {
    let folder = folder("monitor");
    let config = "[series.s]\nmatch: *\nvalue: $value\nk: 3\n\
        [monitor.a]\non: s\nquery: avg(last_1h):anomalies(avg:x{*}, 'basic', 2, alert_window='last_5m', interval=60) >= 1\n\
        [monitor.b]\non: s\nprefix: b_\nquery: avg(last_1h):anomalies(avg:x{*}, 'basic', 4, alert_window='last_5m', interval=60) >= 1\n";
    fs::write(folder.join("f.ini"), config).unwrap();
    for (name, deviations) in [(&[][..], "2"), (&["--monitor", "b"], "4")] {
        let output = report(&folder, &minutes(100), &[&["--config", "f.ini"], name].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let html = fs::read_to_string(folder.join("report.html")).unwrap();
        assert!(html.contains(&format!("\"deviations\":\"{deviations}\"")) && html.contains("\"k\":\"3\""));
    }
    let wrong = report(&folder, &minutes(100), &["--config", "f.ini", "--monitor", "c"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no [monitor.c]; it has a, b"));
}

#[test]
fn demo_writes_a_page_and_says_where() {
    let folder = folder("demo");
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(&folder)
        .args(["demo", "--hosts", "2", "--days", "4", "-o", "out"])
        .output()
        .unwrap();
    let (said, complaints) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("out/report.html (open it in a browser"), "{complaints}");
    let html = fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(html.contains("\"name\":\"web-2\"") && html.contains("\"incidents\":[{"));
}

#[test]
fn the_windows_of_a_section_that_measures_log_records_are_the_series() {
    let folder = folder("windows");
    let mut lines = String::new();
    for second in 0..1800 {
        let status = if second % 10 == 0 { 500 } else { 200 };
        let host = if second % 3 == 0 { "a" } else { "b" };
        writeln!(lines, r#"{{"ts":{},"status":{status},"host":"{host}"}}"#, 1_735_689_600 + second).unwrap();
    }
    fs::write(folder.join("logs.jsonl"), lines).unwrap();
    fs::write(
        folder.join("logs.ini"),
        "[series.requests]\nmatch: web.*\nmeasure: count\nevery: 1m\nby: $host\ntime: $ts\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(&folder)
        .args(["report", "--input", "logs.jsonl", "--config", "logs.ini"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // the last windows are still open
    assert!(said.starts_with("report.html: 2 series, 5"), "{said}");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    for part in ["\"name\":\"a\"", "\"name\":\"b\"", "\"step\":60", "\"start\":1735689600"] {
        assert!(html.contains(part), "{part}");
    }
}
