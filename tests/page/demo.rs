//! `fluent-anomaly demo` and what it leaves behind, through the command line.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    command.env_remove("NO_COLOR");
    command
}

fn demo(arguments: &[&str]) -> Output {
    let output = binary().arg("demo").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    output
}

fn text(arguments: &[&str]) -> String {
    String::from_utf8(demo(arguments).stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_slice(&demo(&[arguments, &["--format", "json"]].concat()).stdout).unwrap()
}

/// A folder of its own for each test, below the target folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo").join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// The numbers of a line of the report that begins with `title`, other characters aside.
fn numbers(report: &str, title: &str) -> Vec<f64> {
    let line =
        report.lines().find(|line| line.starts_with(title)).unwrap_or_else(|| panic!("{title}: {report}"));
    line.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn text_and_json_give_the_same_figures() {
    for arguments in [["--days", "3"], ["--days", "7"], ["--hosts", "3"]] {
        let arguments = [&arguments[..], &["--seed", "4", "--no-write"]].concat();
        let (text, json) = (text(&arguments), json(&arguments));
        let incidents = json["incidents"].as_array().unwrap();
        let found = incidents.iter().filter(|incident| !incident["found"].is_null()).count();
        assert_eq!(json["found"], found);
        assert_eq!(json["planted"], incidents.len());

        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("  day ")).collect();
        assert_eq!(rows.len(), incidents.len());
        for (row, incident) in rows.iter().zip(incidents) {
            assert!(row.contains(incident["kind"].as_str().unwrap()), "{row} {incident}");
            assert!(row.contains(incident["host"].as_str().unwrap()), "{row} {incident}");
            assert_eq!(row.contains("missed"), incident["found"].is_null(), "{row} {incident}");
        }
        assert_eq!(numbers(&text, "Found  ")[..2], [found as f64, incidents.len() as f64]);
        let false_alarms = json["false_alarms"].as_array().unwrap().len();
        assert_eq!(numbers(&text, "False alarms")[0], false_alarms as f64);
        let days = json["quiet_host_days"].as_f64().unwrap();
        let rate = json["false_alarms_per_host_day"].as_f64().unwrap();
        assert!((rate - false_alarms as f64 / days).abs() < 1e-12);
        assert!(!text.contains('\u{1b}'), "colours without a terminal");
    }
}

#[test]
fn obvious_incidents_are_found_and_alarms_are_rare() {
    let (mut found, mut planted, mut false_alarms, mut days) = (0, 0, 0, 0.0);
    for seed in 1..=10 {
        let json = json(&["--seed", &seed.to_string(), "--no-write"]);
        for incident in json["incidents"].as_array().unwrap() {
            // 20 % is at least five standard deviations of the noise
            if incident["size"].as_f64().unwrap().abs() > 0.2 && incident["period_minutes"].is_null() {
                planted += 1;
                found += usize::from(!incident["found"].is_null());
            }
        }
        false_alarms += json["false_alarms"].as_array().unwrap().len();
        days += json["quiet_host_days"].as_f64().unwrap();
    }
    assert!(planted >= 20, "{planted}");
    assert_eq!(found, planted);
    assert!((false_alarms as f64) < 0.1 * days, "{false_alarms} in {days} days");
}

#[test]
fn a_report_is_the_same_each_time_but_for_the_clock() {
    let report = |seed| {
        let mut json = json(&["--seed", seed, "--days", "3", "--no-write"]);
        json.as_object_mut().unwrap().remove("measured").unwrap();
        json
    };
    assert_eq!(report("1"), report("1"));
    assert_ne!(report("1")["incidents"], report("2")["incidents"]);
}

#[test]
fn the_records_and_their_configuration_are_written() {
    let folder = folder("written");
    let json = json(&["--hosts", "2", "--days", "2", "-o", folder.to_str().unwrap()]);
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    assert_eq!(json["written"]["bytes"], records.len());
    let lines: Vec<&str> = records.lines().collect();
    assert_eq!(lines.len(), 2 * 2 * 1440);
    assert_eq!(json["records"], lines.len());
    assert!(lines[0].ends_with(",\"warming_up\":true}"), "{}", lines[0]);
    for line in [lines[1440], lines[lines.len() - 1]] {
        let record: Value = serde_json::from_str(line).unwrap();
        let keys: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
        for key in
            ["host", "metric_change", "metric_outlier", "requests", "score_change", "score_outlier", "time"]
        {
            assert!(keys.contains(&key), "{key}: {line}");
        }
        assert_eq!(keys.len(), 7, "{line}");
    }
    // an incident's time is that of a record of its host
    let incident = &json["incidents"][0];
    let begin = format!("{{\"time\":{},\"host\":{}", incident["start"], incident["host"]);
    assert_eq!(lines.iter().filter(|line| line.starts_with(&begin)).count(), 1, "{begin}");

    let output = binary().arg("check").arg("-c").arg(folder.join("fluent-anomaly.ini")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_filter_gives_the_same_scores_as_the_demo() {
    let folder = folder("again");
    demo(&["--hosts", "2", "--days", "2", "-o", folder.to_str().unwrap()]);
    let records = fs::read(folder.join("records.jsonl")).unwrap();
    let mut filter = binary()
        .arg("filter")
        .arg("-c")
        .arg(folder.join("fluent-anomaly.ini"))
        .args(["--tag", "demo.web"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = filter.stdin.take().unwrap();
    // without the scores of the demo
    let added =
        |line: &str| [",\"metric_outlier\"", ",\"warming_up\""].iter().find_map(|field| line.find(field));
    let bare: Vec<u8> = String::from_utf8(records.clone())
        .unwrap()
        .lines()
        .flat_map(|line| format!("{}}}\n", &line[..added(line).unwrap()]).into_bytes())
        .collect();
    let writer = std::thread::spawn(move || input.write_all(&bare).unwrap());
    let output = filter.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == records, "scores differ");
}

#[test]
fn the_second_act_finds_what_was_planted_in_the_log_and_the_filter_counts_the_same() {
    let folder = folder("logs");
    let json = json(&["--logs", "-o", folder.to_str().unwrap()]);
    assert_eq!((&json["found"], json["incidents"].as_array().unwrap().len()), (&Value::from(5), 5), "{json}");
    // 45 series-days at one a week
    assert!(json["false_alarms"].as_u64().unwrap() <= 13, "{json}");
    let lines = fs::File::open(folder.join("service-log.jsonl")).unwrap();
    let output = binary()
        .args(["filter", "--tag", "demo.log", "-c"])
        .arg(folder.join("service-log.ini"))
        .stdin(lines)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(json["windows"], text.matches("anomaly_window\":{").count());
    let marked: Vec<&str> = text.lines().filter(|line| line.contains("anomaly_pattern")).collect();
    assert_eq!(marked.len(), 1, "{marked:?}");
    assert!(marked[0].contains("certificate of relay 3 expires in 7 days"), "{marked:?}");
}

#[test]
fn without_write_nothing_is_written() {
    let folder = folder("nothing");
    fs::create_dir_all(&folder).unwrap();
    let output = binary()
        .current_dir(&folder)
        .args(["demo", "--days", "2", "--hosts", "1", "--no-write"])
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
    let folder = folder("in-the-way");
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&folder);
    fs::write(&folder, "a file").unwrap();
    let output = binary().args(["demo", "--days", "2", "-o"]).arg(&folder).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("in-the-way") && message.contains("--no-write"), "{message}");
}

#[test]
fn arguments_out_of_range_are_refused() {
    for arguments in [
        &["--days", "1"][..],
        &["--hosts", "0"],
        &["--hosts", "10000", "--days", "3650"],
        &["--seed", "-1"],
        &["--no-write", "-o", "x"],
    ] {
        let output = binary().arg("demo").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}
