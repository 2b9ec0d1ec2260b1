//! `fluent-config/recipes`: each folder in the real Fluent Bit, on its own sample, until what it should find is found.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/another] cargo test --test fluent recipes`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::build;
use crate::common::hosts;
use crate::common::http_server::{Answer, Request, Server};
use crate::common::program::{self, Running};
use fluent_anomaly::Config;
use serde_json::Value;
use tempfile::TempDir;

const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
const RECIPES: &str = "fluent-config/recipes";

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECIPES);
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir()).collect()
}

#[test]
fn each_recipe_has_a_sound_configuration_and_is_explained_in_ten_lines() {
    assert!(folders().len() >= 7);
    for folder in folders() {
        let text = fs::read_to_string(folder.join("fluent-anomaly.ini")).unwrap();
        Config::parse("fluent-anomaly.ini", &text).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let lines = readme.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '|'])).count();
        assert!((1..=10).contains(&lines), "{folder:?}: {lines} lines");
    }
}

/// A folder with the recipes and the module.
fn site() -> TempDir {
    let site = program::site();
    program::install(&site, build::wasm_module(), MODULE);
    for folder in folders() {
        let copy = site.path().join(RECIPES).join(folder.file_name().unwrap());
        fs::create_dir_all(&copy).unwrap();
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() && file.extension().is_none_or(|extension| extension != "log") {
                fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    site
}

/// Runs a recipe on its sample until `is_enough` of what it prints.
fn run(program: &Path, recipe: &str, is_enough: impl Fn(&[Value]) -> bool) {
    let site = site();
    let folder = site.path().join(RECIPES).join(recipe);
    let sampled = Command::new("sh").arg(folder.join("sample.sh")).status();
    assert!(sampled.unwrap().success());
    let yaml = format!("{RECIPES}/{recipe}/fluent-bit.yaml");
    let mut running = Running::start(program, &["-c", &yaml], site.path(), recipe);
    let stdout = site.path().join(format!("{recipe}.stdout"));
    let records = || {
        let text = fs::read_to_string(&stdout).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
    };
    running.wait_for("the alarms of the sample", || is_enough(&records()));
    running.stop();
}

/// Whether an alarm of this window's map began, for the series with these `by` values.
fn has_alarm(records: &[Value], map: &str, by: &[(&str, &str)]) -> bool {
    records.iter().any(|record| {
        let window = &record[map];
        window["alarm"] == "start" && by.iter().all(|(name, value)| window["by"][*name] == *value)
    })
}

#[test]
fn the_access_log_finds_the_failures_and_the_slow_route() {
    for program in hosts::executables("FLUENT_BIT") {
        run(&program, "access-log", |records| {
            has_alarm(records, "failures_anomaly_window", &[])
                && has_alarm(records, "slow_anomaly_window", &[("route", "/cart")])
        });
    }
}

#[test]
fn the_error_volume_finds_the_service_with_more_errors() {
    for program in hosts::executables("FLUENT_BIT") {
        run(&program, "error-volume", |records| has_alarm(records, "anomaly_window", &[("service", "pay")]));
    }
}

#[test]
fn a_silent_service_is_found_by_its_silence() {
    for program in hosts::executables("FLUENT_BIT") {
        run(&program, "silent-service", |records| {
            has_alarm(records, "anomaly_window", &[("service", "mail")])
                && records.iter().any(|record| record["anomaly_window"]["value"] == 0.0)
        });
    }
}

#[test]
fn container_logs_are_counted_by_namespace_and_label() {
    for program in hosts::executables("FLUENT_BIT") {
        run(&program, "kubernetes", |records| {
            has_alarm(records, "stderr_anomaly_window", &[("namespace_name", "web"), ("app", "pay")])
        });
    }
}

#[test]
fn system_metrics_are_read_by_every_section() {
    for program in hosts::executables("FLUENT_BIT") {
        let site = site();
        let yaml = format!("{RECIPES}/system-metrics/fluent-bit.yaml");
        let mut running = Running::start(&program, &["-c", &yaml], site.path(), "system");
        let stdout = site.path().join("system.stdout");
        running.wait_for("records that warm up, of all inputs", || {
            let text = fs::read_to_string(&stdout).unwrap_or_default();
            let records =
                text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect::<Vec<_>>();
            let has = |input: &str, field: &str| {
                records.iter().any(|record| !record[input].is_null() && record[field] == true)
            };
            has("cpu_p", "warming_up")
                && has("Mem.used", "warming_up")
                && has("read_size", "warming_up")
                && has("write_size", "write_warming_up")
                && has("lo.tx.bytes", "warming_up")
                && has("lo.rx.bytes", "rx_warming_up")
        });
        running.stop();
    }
}

fn receiver() -> (Server, String) {
    let server = Server::start(|_, _| Answer::json(r#"{"errors":false,"items":[]}"#));
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    (server, port)
}

#[test]
fn alarms_reach_slack_pagerduty_and_a_webhook_each_with_a_body_of_its_own() {
    for program in hosts::executables("FLUENT_BIT") {
        let (server, port) = receiver();
        let site = site();
        let sample = site.path().join(RECIPES).join("alarms/sample.sh");
        assert!(Command::new("sh").arg(sample).status().unwrap().success());
        let variables = [
            ("ALARM_HOST", "127.0.0.1"),
            ("ALARM_PORT", &port),
            ("ALARM_TLS", "off"),
            ("SLACK_PATH", "/services/T0/B0/X"),
            ("PAGERDUTY_KEY", "secret"),
        ];
        let yaml = format!("{RECIPES}/alarms/fluent-bit.yaml");
        let mut running = Running::start_with(&program, &["-c", &yaml], &variables, site.path(), "alarms");
        let bodies = |target: &str| -> Vec<Value> {
            let requests = server.requests.lock().unwrap();
            let sent = requests.iter().filter(|request| request.target == target);
            sent.map(|request| serde_json::from_str(&request.body).expect("a body is one JSON object"))
                .collect()
        };
        let targets = ["/services/T0/B0/X", "/v2/enqueue", "/webhook"];
        running.wait_for("three requests", || targets.iter().all(|target| !bodies(target).is_empty()));
        running.stop();
        let slack = bodies(targets[0])[0]["text"].as_str().unwrap().to_owned();
        assert!(slack.starts_with(":rotating_light: latency {service=pay}: anomaly (spike: 9"), "{slack}");
        let event = &bodies(targets[1])[0];
        assert_eq!((&event["event_action"], &event["routing_key"]), (&"trigger".into(), &"secret".into()));
        assert_eq!(event["dedup_key"], "latency {service=pay}");
        assert_eq!(event["payload"]["severity"], "warning");
        let hook = &bodies(targets[2])[0];
        assert_eq!((&hook["series"], &hook["alarm"]), (&event["dedup_key"], &Value::from("start")));
        assert!(hook["time"].is_u64());
    }
}

/// Runs one file of `scores` until a request arrives that is right.
fn arrives(program: &Path, file: &str, variables: &[(&str, &str)], is_right: impl Fn(&Request) -> bool) {
    let (server, port) = receiver();
    let site = site();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, if *value == "port" { port.as_str() } else { value }))
        .collect();
    let yaml = format!("{RECIPES}/scores/{file}");
    let mut running = Running::start_with(program, &["-c", &yaml], &variables, site.path(), "scores");
    running.wait_for(file, || server.requests.lock().unwrap().iter().any(&is_right));
    running.stop();
}

#[test]
fn scores_reach_loki_elasticsearch_opensearch_datadog_and_prometheus() {
    let is_scored = |body: &str| body.contains("score_change") && body.contains("latency_ms");
    for program in hosts::executables("FLUENT_BIT") {
        let here = "127.0.0.1";
        arrives(&program, "loki.yaml", &[("LOKI_HOST", here), ("LOKI_PORT", "port")], |request| {
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let stream = &body["streams"][0];
            request.target == "/loki/api/v1/push"
                && stream["stream"]["service"].is_string()
                && is_scored(stream["values"][0][1].as_str().unwrap_or_default())
        });
        for (file, host, port) in [
            ("elasticsearch.yaml", "ELASTIC_HOST", "ELASTIC_PORT"),
            ("opensearch.yaml", "OPENSEARCH_HOST", "OPENSEARCH_PORT"),
        ] {
            arrives(&program, file, &[(host, here), (port, "port")], |request| {
                let mut lines = request.body.lines();
                let action = lines.next().unwrap_or_default();
                request.target == "/_bulk"
                    && action == r#"{"create":{"_index":"anomaly"}}"#
                    && is_scored(lines.next().unwrap_or_default())
            });
        }
        let datadog = [
            ("DATADOG_HOST", here),
            ("DATADOG_PORT", "port"),
            ("DATADOG_TLS", "off"),
            ("DD_API_KEY", "secret"),
        ];
        arrives(&program, "datadog.yaml", &datadog, |request| {
            request.target == "/api/v2/logs" && request.header("dd-api-key") == Some("secret")
        });
        // the body is packed by snappy, which leaves names that come for the first time as they are
        let prometheus = [("EXPORTER_PORT", "0"), ("PROMETHEUS_HOST", here), ("PROMETHEUS_PORT", "port")];
        arrives(&program, "prometheus.yaml", &prometheus, |request| {
            request.target == "/api/v1/write" && request.body.contains("anomaly_gauge_")
        });
    }
}
