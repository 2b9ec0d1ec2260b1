//! The table of keys against the readers of the configuration, and the page made from it.

use std::collections::BTreeSet;
use std::process::Command;

use fluent_anomaly::Config;
use fluent_anomaly::configuration::{Key, keys};

const SERIES: &str = "[series.cpu]\nmatch: app.*\nvalue: $v\n";
const QUERY: &str = "avg(last_4h):anomalies(avg:a{*}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 0.8";

/// Names that stay readable and are not shown: older ones, and those that a monitor knows to refuse.
const NOT_SHOWN: [(&str, &str); 6] = [
    ("group", "alarms"),
    ("general", "shared_key"),
    ("general", "username"),
    ("general", "password"),
    ("monitor", "alarms"),
    ("monitor", "anomaly_score"),
];

/// A file around one section, with what that section needs besides `key`.
pub(super) fn file(section: &str, key: &str, line: &str) -> String {
    let needed = |pairs: &[(&str, &str)]| -> String {
        pairs
            .iter()
            .filter(|(name, _)| *name != key)
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    };
    match section {
        "general" | "filter" => format!("[{section}]\n{line}\n{SERIES}"),
        "slack" => format!("[slack]\n{}{line}\n{SERIES}", needed(&[("url", "https://hooks.slack.com/x")])),
        "datadog" => format!(
            "[filter]\nmax_series: 100000\n[datadog.cpu]\n{}{line}\n",
            needed(&[("query", "avg:a{*}")])
        ),
        "series" if of_windows(key) => {
            let every = if key == "timezone" { "1d" } else { "1m" };
            format!(
                "[series.cpu]\n{}{line}\n",
                needed(&[("match", "app.*"), ("measure", "count"), ("every", every)])
            )
        }
        "series" if key.ends_with("_patterns") => format!(
            "[series.cpu]\n{}{line}\n",
            needed(&[("match", "app.*"), ("measure", "patterns $log"), ("every", "1m")])
        ),
        "series" => format!("[series.cpu]\n{}{line}\n", needed(&[("match", "app.*"), ("value", "$v")])),
        "group" => {
            let base: &[(&str, &str)] = match key {
                "percent" => &[("on", "cpu"), ("across", "$host"), ("algorithm", "mad")],
                "across" | "query" => &[("on", "cpu"), ("across", "$host")],
                _ => &[("on", "cpu"), ("across", "$host")],
            };
            let across = if key == "query" { base.get(..1).unwrap() } else { base };
            format!("{SERIES}[group.g]\n{}{line}\n", needed(across))
        }
        "serve" => {
            let base: &[(&str, &str)] = match key {
                "users" => &[("shared_key", "k")],
                key if key.starts_with("tls_") => &[("tls_cert_file", "c"), ("tls_key_file", "k")],
                _ => &[],
            };
            format!("[serve]\n{}{line}\n{SERIES}", needed(if line.is_empty() { &[] } else { base }))
        }
        "kafka" => format!("[kafka]\n{line}\n{SERIES}"),
        "monitor" => {
            let warning = if key == "warning_recovery" { "warning: 0.5\n" } else { "" };
            format!("{SERIES}[monitor.m]\n{warning}{}{line}\n", needed(&[("on", "cpu"), ("query", QUERY)]))
        }
        other => panic!("the test knows no [{other}]"),
    }
}

/// Keys that a section has only with a `measure`.
fn of_windows(key: &str) -> bool {
    ["measure", "every", "late", "empty", "forget", "windows", "timezone"].contains(&key)
}

pub(super) fn sections(key: &Key) -> Vec<&'static str> {
    key.section.split(", ").map(|name| name.split('.').next().unwrap()).collect()
}

#[test]
fn the_table_has_the_keys_that_the_readers_take() {
    let all: BTreeSet<&str> = keys().flat_map(sections).collect();
    for section in all {
        // a section of windows has other keys than one of records, and one that counts lines by template has more
        let kinds: &[&str] = if section == "series" { &["", "late", "new_patterns"] } else { &[""] };
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for kind in kinds {
            let error =
                Config::parse("f.ini", &file(section, kind, "qqqqqqqqqq: 1")).unwrap_err().to_string();
            let (_, allowed) =
                error.split_once("allowed here: ").unwrap_or_else(|| panic!("{section}: {error}"));
            let keys = allowed.lines().next().unwrap().split(", ");
            taken.extend(keys.filter(|key| !NOT_SHOWN.contains(&(section, key))).map(str::to_owned));
        }
        let told: BTreeSet<String> =
            keys().filter(|key| sections(key).contains(&section)).map(|key| key.key.to_owned()).collect();
        assert_eq!(told, taken, "[{section}]: add the key to src/config/keys");
    }
}

#[test]
fn a_default_that_is_written_down_changes_nothing_and_each_example_is_taken() {
    for key in keys() {
        for section in sections(key) {
            let parse = |line: &str| Config::parse("f.ini", &file(section, key.key, line));
            if let Some(default) = key.default_value() {
                let given = parse(&format!("{}: {default}", key.key));
                assert_eq!(given, parse(""), "[{section}] {}: {default}", key.key);
            }
            let example = parse(&format!("{}: {}", key.key, key.example));
            assert!(example.is_ok(), "[{section}] {}: {}: {example:?}", key.key, key.example);
        }
    }
}

#[test]
fn the_page_about_the_configuration_is_made_from_the_table() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["config", "keys", "--format", "markdown"])
        .output()
        .unwrap();
    let tables = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.ends_with(&tables),
        "docs/configuration.md: replace its tables by what `fluent-anomaly config keys --format markdown` prints"
    );
}
