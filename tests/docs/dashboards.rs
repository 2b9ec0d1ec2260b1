//! The dashboards and rules ask for what the programs tell, and Prometheus takes both.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fluent_anomaly::aggregation::{Stats, render};
use fluent_anomaly::native::{Counters, DropReason, metrics};
use fluent_anomaly::{Config, Format, Pipeline};
use serde_json::Value;

use crate::common::hosts::installed;
use crate::common::http_server::{Answer, Server};
use crate::common::program::{HANG, Running, free_port, run_with_input};
use crate::sources::root;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fluent-config/dashboards/");

const CONFIG: &str = "[filter]\nstate: off\n[series.latency]\nmatch: app.*\nvalue: $ms\nk: 2\nwarm_up: off\n";

fn json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(format!("{FOLDER}{name}")).unwrap()).unwrap()
}

/// All texts below a member of this name.
fn texts(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| texts(item, name, found)),
        Value::Object(members) => {
            for (key, member) in members {
                match member {
                    Value::String(text) if key == name => found.push(text.clone()),
                    other => texts(other, name, found),
                }
            }
        }
        _ => {}
    }
}

fn grafana_expressions() -> Vec<String> {
    let mut found = Vec::new();
    texts(&json("grafana.json")["panels"], "expr", &mut found);
    assert!(found.len() > 8, "{found:?}");
    found
}

/// Every name that the filter, the companion and the aggregator tell.
fn told() -> BTreeSet<String> {
    let config = Config::parse("f.ini", CONFIG).unwrap();
    let counters = Counters::default();
    counters.section("a", |section| section.pulled_at = Some(1));
    let about = metrics::About { version: "0", started: 0, now: 0 };
    let all = [
        Pipeline::new(&config, Format::Json, None).figures().to_text(),
        metrics::render(&counters.snapshot(), about),
        render(&Stats::default(), &Counters::default().snapshot()),
    ];
    let lines = all.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("fluent_anomaly_"))
}

#[test]
fn dashboards_and_rules_ask_for_names_that_are_told() {
    let told = told();
    let mut asked = grafana_expressions();
    asked.push(fs::read_to_string(format!("{FOLDER}prometheus-rules.yml")).unwrap());
    asked.push(fs::read_to_string(format!("{FOLDER}rules-test.yml")).unwrap());
    let mut count = 0;
    for name in asked.iter().flat_map(|text| names(text)) {
        assert!(told.contains(name), "{name} is told by nobody");
        count += 1;
    }
    assert!(count > 30, "{count} names");
    // Datadog's agent puts its namespace before a dot, leaves `_total` out, and adds `.count` to a counter
    let mut queries = Vec::new();
    texts(&json("datadog.json")["widgets"], "query", &mut queries);
    for name in queries.iter().filter_map(|query| query.split_once("fluent_anomaly_filter.")) {
        let name = name.1.split('{').next().unwrap();
        let name =
            name.strip_suffix(".count").map_or_else(|| name.to_owned(), |name| format!("{name}_total"));
        assert!(told.contains(&format!("fluent_anomaly_filter_{name}")), "{name} is told by nobody");
    }
    assert!(queries.len() > 5, "{queries:?}");
}

#[test]
fn a_dashboard_has_panels_that_do_not_lie_on_each_other() {
    let dashboard = json("grafana.json");
    let panels = dashboard["panels"].as_array().unwrap();
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_i64().unwrap());
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for (n, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(x >= 0 && x + w <= 24 && h > 0, "{panel}");
        for other in &panels[n + 1..] {
            let [ox, oy, ow, oh] = place(other);
            assert!(x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y, "{panel}\n{other}");
        }
    }
}

fn promtool(promtool: &Path, arguments: &[&str], folder: &Path) {
    let output = Command::new(promtool).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}\n{said}");
}

#[test]
fn promtool_takes_the_rules_their_tests_and_the_expressions_of_the_dashboard() {
    let Some(program) = installed("promtool", "PROMTOOL") else { return };
    promtool(&program, &["check", "rules", "prometheus-rules.yml"], FOLDER.as_ref());
    promtool(&program, &["test", "rules", "rules-test.yml"], FOLDER.as_ref());
    let folder = tempfile::tempdir().unwrap();
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    for (n, expression) in grafana_expressions().iter().enumerate() {
        rules += &format!("  - record: panel_{n}\n    expr: {}\n", Value::from(expression.as_str()));
    }
    fs::write(folder.path().join("dashboard.yml"), rules).unwrap();
    promtool(&program, &["check", "rules", "dashboard.yml"], folder.path());
}

#[test]
fn promtool_takes_what_the_filter_writes_for_a_textfile_collector() {
    let Some(program) = installed("promtool", "PROMTOOL") else { return };
    let config = Config::parse("f.ini", CONFIG).unwrap();
    let text = Pipeline::new(&config, Format::Json, None).figures().to_text();
    let output = run_with_input(Command::new(program).args(["check", "metrics"]), text.as_bytes());
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// The answer to a `GET`, head included.
fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// `filter --metrics`, which waits for more input; killed when dropped.
struct Filter {
    child: Child,
    address: String,
}

impl Filter {
    fn start(folder: &Path) -> Self {
        fs::write(folder.join("fluent-anomaly.ini"), CONFIG).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .args(["filter", "--tag", "app.1", "--metrics", "127.0.0.1:0"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = said.find_map(|line| {
            let line = line.unwrap();
            Some(
                line.strip_prefix("fluent-anomaly: metrics at http://")?.strip_suffix("/metrics")?.to_owned(),
            )
        });
        // what it says later goes nowhere, but must not fill the pipe
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address: address.unwrap() }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Prometheus that scrapes these addresses each second and evaluates the rules; ended when dropped.
struct Prometheus {
    running: Running,
    address: String,
}

impl Prometheus {
    fn start(program: &Path, folder: &Path, targets: &[&str]) -> Self {
        let rules: PathBuf = root().join("fluent-config/dashboards/prometheus-rules.yml");
        let config = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: [{rules:?}]\n\
             scrape_configs:\n- job_name: test\n  static_configs:\n  - targets: {targets:?}\n"
        );
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let listen = format!("--web.listen-address={address}");
        let options = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", &listen];
        Self { running: Running::start(program, &options, folder, "prometheus"), address }
    }

    /// The values of a query, one a series.
    fn values(&self, query: &str) -> Vec<String> {
        let query: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = get(&self.address, &format!("/api/v1/query?query={query}")).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.iter().filter_map(|series| Some(series["value"][1].as_str()?.to_owned())).collect()
    }
}

#[test]
fn a_prometheus_scrapes_the_filter_and_evaluates_the_rules() {
    let Some(program) = installed("prometheus", "PROMETHEUS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut filter = Filter::start(folder.path());
    filter.child.stdin.as_mut().unwrap().write_all(b"{\"ms\":1}\n{\"ms\":2}\n{\"no\":3}\n").unwrap();
    let mut prometheus = Prometheus::start(&program, folder.path(), &[&filter.address]);
    for (query, expected) in [
        ("fluent_anomaly_filter_records_total", "3"),
        ("fluent_anomaly_filter_scored_total", "2"),
        ("fluent_anomaly_filter_refused_total{reason=\"no_value\"}", "1"),
        ("fluent_anomaly_filter_series", "1"),
        ("up", "1"),
    ] {
        let deadline = Instant::now() + HANG;
        while prometheus.values(query) != [expected] {
            let status = prometheus.running.ended();
            let values = prometheus.values(query);
            assert!(status.is_none() && Instant::now() < deadline, "{query}: {values:?} ({status:?})");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let rules = get(&prometheus.address, "/api/v1/rules").unwrap();
    assert!(rules.contains("FluentAnomalyScoresNothing") && !rules.contains("\"health\":\"err\""), "{rules}");
}

/// What the companion tells at `/metrics` while it pulls.
fn companion() -> Server {
    let counters = Counters::default();
    Server::start(move |_, before| {
        let now = 1_700_000_000 + before as i64;
        counters.drop_points(DropReason::Null, 1);
        counters.section("cpu", |section| section.complete_to = now - 60);
        let about = metrics::About { version: "0", started: 1_700_000_000, now };
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned();
        Answer::Full(200, vec![("Content-Type", kind)], metrics::render(&counters.snapshot(), about))
    })
}

#[test]
fn every_panel_of_the_dashboard_shows_numbers_while_the_programs_run() {
    let Some(program) = installed("prometheus", "PROMETHEUS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut filter = Filter::start(folder.path());
    let companion = companion();
    let targets = [filter.address.as_str(), companion.url.trim_start_matches("http://")];
    let mut prometheus = Prometheus::start(&program, folder.path(), &targets);
    let deadline = Instant::now() + HANG;
    // a rate needs two scrapes with records between
    let mut without = grafana_expressions();
    while !without.is_empty() {
        filter.child.stdin.as_mut().unwrap().write_all(b"{\"ms\":1}\n{\"ms\":2}\n{\"no\":3}\n").unwrap();
        without.retain(|expression| {
            let values = prometheus.values(expression);
            !values.iter().any(|value| value.parse::<f64>().is_ok_and(f64::is_finite))
        });
        let status = prometheus.running.ended();
        assert!(status.is_none() && Instant::now() < deadline, "no numbers: {without:#?} ({status:?})");
        std::thread::sleep(Duration::from_millis(200));
    }
}
