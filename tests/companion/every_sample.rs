//! Each sample through each command: one reader, so that all take the same for the same, and tell it alike.

use std::fs;
use std::process::Output;

use tempfile::TempDir;

use super::samples::samples;
use crate::common::program::run;

/// A value that has to be named, as several fields hold numbers; how the sample is read by commands of history, or why it
/// is not; the value that `init` proposes, or why it proposes none.
type Expected = (&'static str, &'static str, &'static str, &'static str);

const EXPECTED: [Expected; 33] = [
    ("java.log", "", "read as plain text: time the envelope's, value `ms`", "value: $ms"),
    (
        "vhost.log",
        "",
        "line 1: `size`, `request_time` all hold numbers: name the one that is wanted with --value",
        "value: $request_time",
    ),
    (
        "vhost.log",
        "request_time",
        "read as access log: time `time`, value `request_time`, series by `remote`, `path`",
        "",
    ),
    (
        "iis.log",
        "",
        "line 5: no value among \"log\": one of value, raw_value, _value, val is wanted; name another with --value",
        "measure: count",
    ),
    (
        "pg.csv",
        "",
        "line 1: no value: `process_id`: its name says that it is a label; `session_line_num`: its name says that it is a label; `transaction_id`: its name says that it is a label; `sql_state_code`: its name says that it is a label; `query_id`: its name says that it is a label; name one with --value",
        "measure: count",
    ),
    (
        "mysql-slow.log",
        "",
        "line 2: 1 columns, but the first line has 2",
        "not: line 2: 1 columns, but the first line has 2. If the lines are plain text",
    ),
    ("cri.log", "", "read as lines of a collector: time the envelope's, value `took_ms`", "value: $took_ms"),
    (
        "haproxy.log",
        "",
        "line 1: no value among \"host\", \"ident\", \"log\": one of value, raw_value, _value, val is wanted; name another with --value",
        "measure: count",
    ),
    (
        "alb.log",
        "",
        "line 1: no time among \"log\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        "measure: count",
    ),
    (
        "cef.log",
        "",
        "line 1: no time among \"column 1\", \"column 2\", \"column 3\", \"column 4\", \"column 5\", \"column 6\", \"column 7\", \"column 8\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        "measure: count",
    ),
    (
        "leef.log",
        "",
        "line 1: no time among \"column 1\", \"column 2\", \"column 3\", \"column 4\", \"column 5\", \"column 6\", \"column 7\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        "measure: count",
    ),
    ("traefik.log", "", "read as access log: time `time`, value `size`, series by `remote`", "value: $size"),
    (
        "squid.log",
        "",
        "line 1: no time among \"log\": one of time, timestamp, ts, @timestamp, date, datetime, fluent_time, _time, eventtime is wanted; name another with --time",
        "measure: count",
    ),
    (
        "usdates.csv",
        "",
        "read as CSV: time `Date`, value `Response Time (ms)`, series by `Server`",
        "value: $Response_Time__ms_",
    ),
    (
        "eudates.csv",
        "",
        "read as CSV: time `Datum`, value `Antwortzeit ms`, series by `Server`",
        "value: $Antwortzeit_ms",
    ),
    (
        "journal.json",
        "",
        "line 1: no value: `_PID`: its name says that it is a label; `__MONOTONIC_TIMESTAMP`: its name says that it is a time; name one with --value",
        "value: $duration_ms",
    ),
    (
        "docker.json",
        "",
        "line 1: no value among \"log\", \"stream\", \"time\": one of value, raw_value, _value, val is wanted; name another with --value",
        "value: $latency_ms",
    ),
    (
        "envoy.json",
        "",
        "line 1: `bytes_received`, `bytes_sent`, `duration` all hold numbers: name the one that is wanted with --value",
        "value: $duration",
    ),
    (
        "envoy.json",
        "duration",
        "read as JSON: time `start_time`, value `duration`, series by `path`, `upstream_cluster`",
        "",
    ),
    (
        "cloudtrail.json",
        "",
        "read as JSON: time `eventTime`, value `$additionalEventData['bytesTransferredOut']`, series by `eventName`, `$userIdentity['userName']`",
        "value: $additionalEventData['bytesTransferredOut']",
    ),
    (
        "winevent.json",
        "",
        "line 1: no value: `Id`: its name says that it is a label; `RecordId`: its name says that it is a label; name one with --value",
        "measure: count",
    ),
    (
        "otel.jsonl",
        "",
        "read as JSON: time `timestamp`, value `http.duration_ms`, series by `service.name`",
        "value: $['http.duration_ms']",
    ),
    (
        "gelf.json",
        "",
        "read as JSON: time `timestamp`, value `_duration_ms`, series by `host`",
        "value: $_duration_ms",
    ),
    ("otelmetrics.jsonl", "", "read as JSON: time `timestamp`, value `value`", "value: $value"),
    (
        "prom.txt",
        "",
        "the file is a page of an exporter, as Prometheus scrapes it: one value a series is no history; ask Prometheus for one with GET /api/v1/query_range, or VictoriaMetrics with /api/v1/export",
        "not: the file is a page of an exporter, as Prometheus scrapes it: one value a series is no history; ask Prometheus for one with GET /api/v1/query_range, or VictoriaMetrics with /api/v1/export",
    ),
    (
        "prom-once.txt",
        "",
        "the file is a page of an exporter, as Prometheus scrapes it: one value a series is no history; ask Prometheus for one with GET /api/v1/query_range, or VictoriaMetrics with /api/v1/export",
        "not: the file is a page of an exporter, as Prometheus scrapes it: one value a series is no history; ask Prometheus for one with GET /api/v1/query_range, or VictoriaMetrics with /api/v1/export",
    ),
    ("vm.jsonl", "", "read as JSON: time `timestamp`, value `value`, series by `instance`", "value: $value"),
    ("zabbix.ndjson", "", "read as JSON: time `clock`, value `value`, series by `name`", "value: $value"),
    (
        "telegraf.json",
        "",
        "line 1: `$fields['usage_idle']`, `$fields['usage_user']` all hold numbers: name the one that is wanted with --value",
        "value: $fields['usage_idle']",
    ),
    (
        "telegraf.json",
        "$fields['usage_idle']",
        "read as JSON: time `timestamp`, value `$fields['usage_idle']`, series by `$tags['host']`",
        "",
    ),
    (
        "collectd.json",
        "",
        "line 1: no value: `interval`: its name says that it is a label; $values: a list of numbers; name one with --value",
        "measure: count",
    ),
    (
        "metricbeat.json",
        "",
        "line 1: `$event['duration']`, `$metricset['period']`, `$system['cpu']['cores']`, `$system['cpu']['total']['pct']`, `$system['cpu']['user']['pct']` all hold numbers: name the one that is wanted with --value",
        "value: $system['cpu']['total']['pct']",
    ),
    (
        "metricbeat.json",
        "$system['cpu']['total']['pct']",
        "read as JSON: time `@timestamp`, value `$system['cpu']['total']['pct']`, series by `$host['name']`",
        "",
    ),
];

const MONITOR: &str = "[series.s]\nmatch: *\nvalue: $none\n[monitor.m]\non: s\nquery: avg(last_1h):anomalies(avg:a.b{*}, 'basic', 3, alert_window='last_5m', interval=60) >= 1\n";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command tells of how it reads the sample, or why it does not.
fn reading(name: &str, said: &str) -> String {
    let about = format!("{name}: ");
    let first = said.lines().find_map(|line| line.strip_prefix(&about)).unwrap_or(said);
    // the section of `monitor eval` names another one
    first.replace("one of $none, value", "one of value")
}

#[test]
fn each_command_reads_each_sample_as_the_others_do() {
    let mut faults = Vec::new();
    let samples = samples();
    for (name, value, read, proposed) in EXPECTED {
        let (_, text) = samples.iter().find(|sample| sample.0 == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        fs::write(folder.path().join("m.ini"), MONITOR).unwrap();
        if !proposed.is_empty() {
            faults.extend(init(&folder, name, proposed));
        }
        let option: &[&str] = if value.is_empty() { &[] } else { &["--value", value] };
        for command in [
            &["eval", name][..],
            &["report", name, "-o", "page.html"],
            &["monitor", "suggest", name],
            &["select-k", "--input", name],
            &["monitor", "eval", "m", "-c", "m.ini", name],
        ] {
            let output = run(&folder, &[command, option].concat());
            let told = reading(name, &said(&output));
            if told != read {
                faults.push(format!("{name}: {}: {:?} {told}", command[..2].join(" "), output.status.code()));
            }
        }
    }
    assert!(samples.iter().all(|(name, _)| EXPECTED.iter().any(|expected| expected.0 == *name)));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// What is wrong with what `init` proposes, and with `check` and `filter` behind it.
fn init(folder: &TempDir, name: &str, proposed: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let output = run(folder, &["init", name, "-o", "made"]);
    let ini = fs::read_to_string(folder.path().join("made/fluent-anomaly.ini")).unwrap_or_default();
    if output.status.code() != Some(0) {
        if !proposed.starts_with("not: ") || !said(&output).contains(&proposed[5..]) {
            faults.push(format!("{name}: init: {}", said(&output)));
        }
        return faults;
    }
    if !ini.lines().any(|line| line == proposed) {
        faults.push(format!(
            "{name}: init: no {proposed}: {}",
            ini.lines()
                .filter(|line| line.starts_with("value:") || line.starts_with("measure:"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    let check = run(folder, &["check", "-c", "made/fluent-anomaly.ini"]);
    if check.status.code() != Some(0) {
        faults.push(format!("{name}: check: {}", said(&check)));
    }
    let filter = run(folder, &["filter", "-c", "made/fluent-anomaly.ini", "--tag", "app", name]);
    let rows =
        String::from_utf8_lossy(&output.stdout).split(' ').next().and_then(|rows| rows.parse::<usize>().ok());
    // windows are records of their own
    let made = filter
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty() && !String::from_utf8_lossy(line).contains("\"anomaly_window\""));
    if filter.status.code() != Some(0) || Some(made.count()) != rows {
        faults.push(format!("{name}: filter: {:?} {}", filter.status.code(), said(&filter)));
    }
    faults
}
