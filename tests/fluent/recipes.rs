//! `fluent-config/recipes`: each folder in the real Fluent Bit, on its own sample, until what it should find is found.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/another] FLUENTD=/path/of/fluentd cargo test --test fluent recipes`

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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

/// A folder with the recipes and the command, and the sample of one of them.
fn fluentd_site(recipe: &str) -> TempDir {
    let site = site();
    let binary = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    program::install(&site, binary, "target/release/fluent-anomaly");
    let sample = site.path().join(RECIPES).join(recipe).join("sample.sh");
    assert!(Command::new("sh").arg(sample).status().unwrap().success());
    site
}

/// Until Fluentd has started, and its child has begun to score.
fn wait_for_fluentd(running: &mut Running, site: &TempDir, recipe: &str) {
    let stdout = site.path().join(format!("{recipe}.stdout"));
    running.wait_for("start of Fluentd", || {
        fs::read_to_string(&stdout).unwrap_or_default().contains("worker is now running")
    });
    let state = site.path().join(RECIPES).join(recipe).join("state");
    running.wait_for("state", || state.join("journal-01").is_file() || state.join("snapshot").is_file());
}

/// Runs a recipe in Fluentd on its sample until `is_enough` of the alarms that it prints.
fn run_fluentd(recipe: &str, is_enough: impl Fn(&[Value]) -> bool) {
    for program in hosts::executables("FLUENTD") {
        let site = fluentd_site(recipe);
        let config = format!("{RECIPES}/{recipe}/fluentd.conf");
        let mut running = Running::start(&program, &["-c", &config], site.path(), recipe);
        let stdout = site.path().join(format!("{recipe}.stdout"));
        let records = || {
            let text = fs::read_to_string(&stdout).unwrap_or_default();
            let records = text.lines().filter_map(|line| serde_json::from_str(line).ok());
            records.filter(Value::is_object).collect::<Vec<Value>>()
        };
        wait_for_fluentd(&mut running, &site, recipe);
        running.wait_for("the alarms of the sample", || is_enough(&records()));
        running.stop();
        // windows are records of their own, and only those of alarms are told
        for record in records() {
            let map = record.as_object().unwrap();
            assert!(map.len() == 1 && map.values().all(|window| window["alarm"].is_string()), "{record}");
        }
        let log = String::from_utf8(running.stdout()).unwrap();
        assert!(!log.contains("[error]") && !log.contains("[warn]"), "{log}");
    }
}

#[test]
fn fluentd_finds_the_failures_and_the_slow_route_in_the_access_log() {
    run_fluentd("access-log", |records| {
        has_alarm(records, "failures_anomaly_window", &[])
            && has_alarm(records, "slow_anomaly_window", &[("route", "/cart")])
    });
}

#[test]
fn fluentd_finds_the_service_with_more_errors() {
    run_fluentd("error-volume", |records| has_alarm(records, "anomaly_window", &[("service", "pay")]));
}

#[test]
fn fluentd_finds_the_service_that_fell_silent() {
    run_fluentd("silent-service", |records| {
        has_alarm(records, "anomaly_window", &[("service", "mail")])
            && records.iter().any(|record| record["anomaly_window"]["value"] == 0.0)
    });
}

#[test]
fn fluentd_sends_one_request_an_alarm_to_a_webhook() {
    for program in hosts::executables("FLUENTD") {
        let (server, _) = receiver();
        let site = fluentd_site("alarms");
        let url = format!("{}/webhook", server.url);
        let config = format!("{RECIPES}/alarms/fluentd.conf");
        let mut running =
            Running::start_with(&program, &["-c", &config], &[("ALARM_URL", &url)], site.path(), "alarms");
        wait_for_fluentd(&mut running, &site, "alarms");
        running.wait_for("a request", || !server.requests.lock().unwrap().is_empty());
        running.stop();
        let requests = server.requests.lock().unwrap();
        let bodies: Vec<Value> = requests
            .iter()
            .map(|request| serde_json::from_str(&request.body).expect("one JSON object"))
            .collect();
        assert_eq!(
            (&bodies[0]["alarm"], &bodies[0]["series"]),
            (&"start".into(), &"latency {service=pay}".into())
        );
        let text = bodies[0]["text"].as_str().unwrap();
        assert!(text.starts_with("anomaly: latency of pay is 9") && text.contains(", expected 1"), "{text}");
        assert!(bodies[0]["time"].is_u64() && requests[0].target == "/webhook", "{}", bodies[0]);
    }
}

fn receiver() -> (Server, String) {
    let server = Server::start(|_, _| Answer::json(r#"{"errors":false,"items":[]}"#));
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    (server, port)
}

/// Starts a recipe that sends alarms to Slack, PagerDuty and a webhook; the receiver is all three.
fn start_with_alarms(program: &Path, port: &str, site: &TempDir, recipe: &str) -> Running {
    let sample = site.path().join(RECIPES).join(recipe).join("sample.sh");
    assert!(Command::new("sh").arg(sample).status().unwrap().success());
    let variables = [
        ("ALARM_HOST", "127.0.0.1"),
        ("ALARM_PORT", port),
        ("ALARM_TLS", "off"),
        ("SLACK_PATH", "/services/T0/B0/X"),
        ("PAGERDUTY_KEY", "secret"),
    ];
    let yaml = format!("{RECIPES}/{recipe}/fluent-bit.yaml");
    Running::start_with(program, &["-c", &yaml], &variables, site.path(), recipe)
}

/// What arrived at a target.
fn bodies(server: &Server, target: &str) -> Vec<Value> {
    let requests = server.requests.lock().unwrap();
    let sent = requests.iter().filter(|request| request.target == target);
    sent.map(|request| serde_json::from_str(&request.body).expect("a body is one JSON object")).collect()
}

#[test]
fn alarms_reach_slack_pagerduty_and_a_webhook_each_with_a_body_of_its_own() {
    for program in hosts::executables("FLUENT_BIT") {
        let ((server, port), site) = (receiver(), site());
        let mut running = start_with_alarms(&program, &port, &site, "alarms");
        let bodies = |target: &str| bodies(&server, target);
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

#[test]
fn an_incident_of_many_hosts_and_the_host_that_is_apart_reach_slack_pagerduty_and_a_webhook() {
    for program in hosts::executables("FLUENT_BIT") {
        let ((server, port), site) = (receiver(), site());
        let mut running = start_with_alarms(&program, &port, &site, "incidents");
        let bodies = |target: &str| bodies(&server, target);
        let told = |key: &str, state: &str| -> Vec<Value> {
            let is_told =
                |body: &Value| body["key"].as_str().unwrap().starts_with(key) && body["state"] == state;
            bodies("/webhook").into_iter().filter(is_told).collect()
        };
        // the host that is apart by its latency, and by its lines of errors; the deploy is over before
        running.wait_for("the end of the sick host", || {
            ["latency host:web-9", "errors host:web-9"].iter().all(|key| !told(key, "ends").is_empty())
                && bodies("/v2/enqueue").len() >= bodies("/webhook").len()
                && bodies("/services/T0/B0/X").len() >= bodies("/webhook").len()
        });
        running.stop();
        for key in ["latency host:web-9", "errors host:web-9"] {
            assert!(!told(key, "begins").is_empty(), "{key}");
        }
        // six hosts at once: one begin, two updates
        let grown = told("latency-", "grows");
        let texts: Vec<&str> = grown.iter().map(|body| body["text"].as_str().unwrap()).collect();
        // another one by chance may grow, too: the deploy is that of four
        let is_deploy = |body: &&Value| body["text"].as_str().unwrap().contains(" 4 series, first web-0");
        let deploy = &grown.iter().find(is_deploy).unwrap_or_else(|| panic!("{texts:?}"))["key"];
        let of_deploy =
            |state: &str| told("latency-", state).iter().filter(|body| body["key"] == *deploy).count();
        assert_eq!([of_deploy("begins"), of_deploy("grows"), of_deploy("ends")], [1, 2, 1], "{texts:?}");
        let pages = bodies("/v2/enqueue");
        let of_key: Vec<&Value> = pages.iter().filter(|page| page["dedup_key"] == *deploy).collect();
        assert_eq!(of_key.iter().filter(|page| page["event_action"] == "trigger").count(), 3);
        assert_eq!(of_key.iter().filter(|page| page["event_action"] == "resolve").count(), 1);
        let slack = bodies("/services/T0/B0/X");
        let said = |part: &str| slack.iter().any(|body| body["text"].as_str().unwrap().contains(part));
        assert!(
            said(":rotating_light: incident latency-") && said("host:web-9 is apart from its group errors")
        );
        assert!(!running.stderr().contains("[fluent-anomaly]"), "{}", running.stderr());
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

/// A push as Loki's HTTP API has it: the head, streams with their labels, each line a JSON text with its time in nanoseconds as
/// text, byte by byte.
fn is_push(request: &Request) -> bool {
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!((&*request.method, &*request.target), ("POST", "/loki/api/v1/push"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let mut bytes = String::from("{\"streams\":[");
    let mut is_scored = false;
    for (n, stream) in body["streams"].as_array().expect("streams").iter().enumerate() {
        let service = stream["stream"]["service"].as_str().expect("the label");
        let separator = if n > 0 { "," } else { "" };
        bytes += &format!(
            "{separator}{{\"stream\":{{\"job\":\"fluent-anomaly\",\"service\":\"{service}\"}},\"values\":["
        );
        for (n, value) in stream["values"].as_array().expect("values").iter().enumerate() {
            let (time, line) = (value[0].as_str().expect("a text"), value[1].as_str().expect("a text"));
            assert!(time.len() == 19 && time.bytes().all(|b| b.is_ascii_digit()), "{time}");
            let record: Value = serde_json::from_str(line).expect("a line is JSON");
            assert!(record["latency_ms"].is_number(), "{line}");
            is_scored |= record["score_change"].is_number() && record["score_outlier"].is_number();
            let separator = if n > 0 { "," } else { "" };
            bytes += &format!("{separator}[\"{time}\",{}]", Value::from(line));
        }
        bytes += "]}";
    }
    bytes += "]}";
    assert_eq!(request.body, bytes);
    is_scored
}

#[test]
fn scores_reach_loki_elasticsearch_opensearch_datadog_and_prometheus() {
    let is_scored = |body: &str| body.contains("score_change") && body.contains("latency_ms");
    for program in hosts::executables("FLUENT_BIT") {
        let here = "127.0.0.1";
        arrives(&program, "loki.yaml", &[("LOKI_HOST", here), ("LOKI_PORT", "port")], is_push);
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

/// The value of a query that a Prometheus answers.
fn asked(address: &str, query: &str) -> Option<String> {
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(socket, "GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
}

#[test]
fn a_prometheus_takes_the_scores_by_remote_write() {
    let Some(prometheus) = hosts::installed("prometheus", "PROMETHEUS") else { return };
    for program in hosts::executables("FLUENT_BIT") {
        let site = site();
        // a port that was free a moment ago
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        fs::write(site.path().join("prometheus.yml"), "global: {}\n").unwrap();
        let listen = format!("--web.listen-address={address}");
        let options = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=tsdb",
            "--web.enable-remote-write-receiver",
            &listen,
        ];
        let mut database = Running::start(&prometheus, &options, site.path(), "prometheus");
        let port = address.port().to_string();
        let variables =
            [("EXPORTER_PORT", "0"), ("PROMETHEUS_HOST", "127.0.0.1"), ("PROMETHEUS_PORT", &*port)];
        let yaml = format!("{RECIPES}/scores/prometheus.yaml");
        let mut running = Running::start_with(&program, &["-c", &yaml], &variables, site.path(), "scores");
        let score = |service: &str| {
            let query = format!("anomaly_gauge_outlier_score{{service=%22{service}%22}}");
            asked(&address.to_string(), &query).and_then(|value| value.parse::<f64>().ok())
        };
        running.wait_for("scores of both services", || score("pay").is_some() && score("shop").is_some());
        assert!(score("pay").is_some_and(f64::is_finite));
        running.stop();
        database.stop();
    }
}
