//! Logs and exports as people have them at hand: `init` finds time, value and keys, and what it writes is taken.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::hosts;
use crate::common::program::run;

const RECORDS: u32 = 200;

/// Noise around 100; an incident from the 150th record on.
fn value(n: u32) -> u32 {
    if (150..154).contains(&n) { 900 + n } else { 100 + n * n * 31 % 11 }
}

fn time(n: u32) -> u32 {
    1_700_000_000 + 10 * n
}

/// `2023-11-14T22:13:20`
fn clock(n: u32) -> String {
    let of_day = time(n) % 86_400;
    format!("2023-11-14T{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

fn init(folder: &TempDir, sample: &[u8]) -> Output {
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    run(folder, &["init", "sample.log"])
}

fn lines(line: fn(u32) -> String) -> Vec<u8> {
    (0..RECORDS).map(|n| line(n) + "\n").collect::<String>().into_bytes()
}

fn list(record: fn(u32) -> Value) -> Vec<Value> {
    (0..RECORDS).map(record).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}"
        .chars()
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// Name, sample, lines of the configuration, what is told.
type Shape = (&'static str, Vec<u8>, &'static [&'static str], &'static [&'static str]);

fn shapes() -> Vec<Shape> {
    vec![
        (
            "containerd",
            lines(|n| format!("{}.123456789Z stdout F {{\"service\":\"{}\",\"ms\":{}}}", clock(n), ["a", "b"][n as usize % 2], value(n))),
            &["value: $ms", "by: $service"],
            &["time    of the envelope: from 2023-11-14T22:13:20Z", "what follows the prefix is JSON"],
        ),
        (
            "syslog without a year",
            lines(|n| format!("<13>Nov 14 {} web-1 app[17]: took={} rows=3", &clock(n)[11..], value(n))),
            &["value: $took"],
            &["-11-14T22:13:20Z", "what follows the prefix is logfmt"],
        ),
        (
            "heroku",
            lines(|n| format!("{}.5+00:00 heroku[router]: at=info dyno=web.1 connect=0ms service={}ms status=200", clock(n), value(n))),
            &["value: $service", "unit: ms"],
            &["not     $connect: always 0"],
        ),
        (
            "docker compose",
            lines(|n| format!("web-{}  | {{\"time\":{},\"ms\":{}}}", n % 2, time(n), value(n))),
            &["value: $ms", "by: $service", "time: $time"],
            &[],
        ),
        (
            "docker with an access log",
            lines(|n| {
                json!({"log": format!("10.0.0.1 - - [14/Nov/2023:{} +0000] \"GET / HTTP/1.1\" 200 {}\n", &clock(n)[11..], value(n)),
                    "stream": "stdout", "time": clock(n) + ".1Z"})
                .to_string()
            }),
            &["value: $size"],
            &["$log is an access log"],
        ),
        (
            "journald",
            lines(|n| {
                json!({"__REALTIME_TIMESTAMP": format!("{}000001", time(n)), "_PID": "812", "PRIORITY": "6",
                    "MESSAGE": format!("took={} ok=yes", value(n))})
                .to_string()
            }),
            &["value: $took", "time: $__REALTIME_TIMESTAMP"],
            &["$MESSAGE is logfmt"],
        ),
        (
            "nginx",
            lines(|n| json!({"msec": format!("{}.123", time(n)), "status": "200", "request_time": format!("{}.5", value(n))}).to_string()),
            &["value: $request_time", "time: $msec"],
            &[],
        ),
        (
            "GELF",
            lines(|n| {
                json!({"version": "1.1", "host": "a", "timestamp": f64::from(time(n)) + 0.125, "level": 6, "_service": if n % 2 == 0 { "x" } else { "y" },
                    "_duration_ms": value(n)})
                .to_string()
            }),
            &["value: $_duration_ms", "by: $_service"],
            &["not     $level: always 6"],
        ),
        (
            "ECS",
            lines(|n| {
                json!({"@timestamp": clock(n) + "Z", "service.name": if n % 2 == 0 { "x" } else { "y" }, "event": {"duration": value(n)},
                    "http.response.status_code": 200 + n % 2})
                .to_string()
            }),
            &["value: $event['duration']", "by: $['service.name']"],
            &["not     $['http.response.status_code']: its name says that it is a label"],
        ),
        (
            "CloudWatch's logs",
            json!({"events": list(|n| json!({"timestamp": u64::from(time(n)) * 1000, "message": json!({"ms": value(n)}).to_string()})), "nextToken": "x"})
                .to_string()
                .into_bytes(),
            &["value: $ms"],
            &["jq -c '.events[]' < 'sample.log' > '", "sample.log.lines'"],
        ),
        (
            "CloudWatch's statistics, pretty-printed",
            serde_json::to_vec_pretty(&json!({"Label": "CPU",
                "Datapoints": list(|n| json!({"Timestamp": clock(n) + "+00:00", "Average": value(n), "Unit": "Percent"}))}))
            .unwrap(),
            &["value: $Average", "time: $Timestamp"],
            &["jq -c '.Datapoints[]'"],
        ),
        (
            "CloudWatch's metrics",
            json!({"MetricDataResults": [{"Label": "cpu", "Timestamps": list(|n| json!(clock(n) + "Z")), "Values": list(|n| json!(value(n)))}]})
                .to_string()
                .into_bytes(),
            &["value: $value"],
            &["from 2023-11-14T22:13:20Z"],
        ),
        (
            "CloudWatch's insights",
            json!({"results": list(|n| json!([{"field": "@timestamp", "value": clock(n).replace('T', " ")}, {"field": "ms", "value": value(n).to_string()}]))})
                .to_string()
                .into_bytes(),
            &["value: $ms", "time: $@timestamp"],
            &["jq -c '.results[] | map({(.field): .value}) | add'"],
        ),
        (
            "a search of Elasticsearch",
            json!({"hits": {"total": {"value": 2}, "hits": list(|n| json!({"_id": "x", "_source": {"@timestamp": clock(n) + "Z", "ms": value(n)}}))}})
                .to_string()
                .into_bytes(),
            &["value: $ms"],
            &["jq -c '.hits.hits[]._source'"],
        ),
        (
            "OpenTelemetry",
            lines(|n| {
                json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
                    "scopeLogs": [{"logRecords": [{"timeUnixNano": format!("{}000000000", time(n)), "body": {"stringValue": "b"},
                        "attributes": [{"key": "duration_ms", "value": {"intValue": value(n).to_string()}}]}]}]}]})
                .to_string()
            }),
            &["value: $duration_ms"],
            &["jq -c '.resourceLogs[]"],
        ),
        (
            "an array over lines",
            serde_json::to_vec_pretty(&list(|n| json!({"time": time(n), "ms": value(n)}))).unwrap(),
            &["value: $ms"],
            &["jq -c '.[]'"],
        ),
        (
            "records over lines",
            list(|n| json!({"time": time(n), "ms": value(n)}))
                .iter()
                .flat_map(|record| [serde_json::to_vec_pretty(record).unwrap(), b"\n".to_vec()].concat())
                .collect(),
            &["value: $ms"],
            &["jq -c . < 'sample.log'"],
        ),
        (
            "CSV with decimal commas",
            lines(|n| format!("{};{},5", time(n), value(n))),
            &["value: $column_2"],
            &["tr , . < 'sample.log'"],
        ),
        ("CSV with bars", lines(|n| format!("{}|web|{}", time(n), value(n))), &["value: $column_3"], &[]),
        ("TSV with Windows' line ends", lines(|n| format!("{}\t{}\r", time(n), value(n))), &["value: $column_2"], &[]),
        (
            "UTF-16",
            utf16(&(0..RECORDS).map(|n| format!("{},{}\r\n", time(n), value(n))).collect::<String>()),
            &["value: $column_2"],
            &["iconv -f UTF-16 -t UTF-8 < 'sample.log'"],
        ),
        ("one column", lines(|n| value(n).to_string()), &["value: $column_1"], &["none found: a record's time is that of its arrival"]),
        (
            "a hundred columns",
            lines(|n| format!("{},{}", time(n), (0..99).map(|k| (value(n) + k).to_string()).collect::<Vec<_>>().join(","))),
            &["value: $column_2", "value: $column_5"],
            &["95 more fields with numbers"],
        ),
        (
            "records of several shapes",
            lines(|n| match n % 4 {
                2 => json!({"time": time(n), "event": "request", "took": value(n)}).to_string(),
                _ => json!({"time": time(n), "event": "other"}).to_string(),
            }),
            &["value: $took"],
            &["numbers in 50 of 200 records"],
        ),
        (
            "a date that may be read in two ways",
            lines(|n| format!("11/12/2023 {},{}", &clock(n)[11..], value(n))),
            &["value: $column_2"],
            &["holds \"11/12/2023 22:13:20\", which may be read in two ways: ISO 8601 is certain"],
        ),
    ]
}

#[test]
fn init_finds_its_way_in_logs_and_exports_of_every_kind() {
    for (name, sample, keys, told) in shapes() {
        let folder = tempfile::tempdir().unwrap();
        let output = init(&folder, &sample);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let ini = fs::read_to_string(folder.path().join("fluent-anomaly.ini")).unwrap();
        for key in keys {
            assert!(ini.lines().any(|line| line == *key), "{name}: {key}\n{ini}");
        }
        for told in told {
            assert!(said.contains(told), "{name}: {told}\n{said}");
        }
        let is_read = said.contains("200 values learned or scored")
            || said.contains("800 values")
            || name.contains("shapes");
        assert!(is_read && said.contains("would have been raised:"), "{name}\n{said}");
        let check = run(&folder, &["check"]);
        assert_eq!(check.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&check.stderr));
    }
}

#[test]
fn what_the_command_for_hosts_makes_is_read_as_the_sample_was() {
    for (name, sample, ..) in shapes() {
        let folder = tempfile::tempdir().unwrap();
        let said = String::from_utf8(init(&folder, &sample).stdout).unwrap();
        let Some(command) = said.lines().find(|line| line.contains(".lines'")) else { continue };
        let tool = command.split_whitespace().next().unwrap();
        let is_there = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
        if !is_there.status.success() {
            hosts::skip(tool, &format!("no `{tool}` is here to make files for hosts"));
            continue;
        }
        let made = Command::new("sh").current_dir(folder.path()).args(["-c", command]).output().unwrap();
        assert!(made.status.success(), "{name}: {command}\n{}", String::from_utf8_lossy(&made.stderr));
        let again = run(&folder, &["init", "sample.log.lines", "--output", "again"]);
        let told = String::from_utf8(again.stdout).unwrap();
        assert!(told.contains("would have been raised:") && !told.contains("  file "), "{name}\n{told}");
        let written = |folder_name: &str| {
            let ini = fs::read_to_string(folder.path().join(folder_name).join("fluent-anomaly.ini")).unwrap();
            ini.split_once('\n').unwrap().1.to_owned()
        };
        assert_eq!(written("."), written("again"), "{name}");
    }
}

#[test]
fn a_sample_that_is_no_use_is_told_with_what_to_do() {
    for (sample, told) in [
        (&b"{\"time\":1700000000,\"ms\":1}\n"[..], "there is one record: two or more are needed"),
        (b"\n \n", "the file is empty"),
        (b"hello world\nhello again\n", "let a parser of Fluent Bit or Fluentd take them apart"),
        (
            b"2023-11-14 10:00:00 a, b\n2023-11-14 10:00:01 a, b, c\n",
            "the lines are plain text, neither JSON, logfmt, CSV nor an access log",
        ),
        (
            b"plain\n{\"ms\":1}\nplain\n{\"ms\":2}\n",
            "2 of 4 lines are none: take them out (`grep '^{'` keeps JSON)",
        ),
        (
            b"time,caf\xe9\n1,2\n",
            "bytes that are no UTF-8 text: save it as such, `iconv -f latin1 -t utf-8` does",
        ),
        (
            b"time,amount\n1700000000,\"1,100.5\"\n1700000060,\"1,200.5\"\n",
            "$amount is a text such as \"1,100.5\": log the number alone",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = init(&folder, sample);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(told), "{told}: {said}");
        assert!(!folder.path().join("fluent-anomaly.ini").exists());
    }
}
