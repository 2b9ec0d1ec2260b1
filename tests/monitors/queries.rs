//! Monitors as they are in the world: each is imported, validated, explained, exported and read back.
//!
//! The queries are made up; their forms are those of public monitors.

use std::fs;

use serde_json::{Value, json};

use crate::common::program::run;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Queries that need no change.
const PLAIN: [&str; 32] = [
    "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 0.8",
    "avg(last_1h):anomalies(avg:system.load.1{role:db}, 'basic', 3, direction='above', alert_window='last_5m', interval=20, count_default_zero='true') >= 1",
    "avg(last_1d):anomalies(sum:shop.orders{env:prod}.as_count(), 'robust', 3, direction='below', alert_window='last_1h', interval=300, count_default_zero='true', seasonality='weekly') >= 0.5",
    "avg(last_1w):anomalies(sum:shop.revenue{*}.as_count(), 'robust', 2, direction='both', alert_window='last_1d', interval=3600, count_default_zero='false', seasonality='weekly', timezone='Europe/Vienna') >= 1",
    "avg(last_4h):anomalies(max:queue.depth{queue:mail,env:prod} by {queue}, 'agile', 4, alert_window='last_30m', interval=60) >= 0.75",
    "avg(last_4h):anomalies(min:disk.free{!host:old} by {host,device}, 'basic', 2, alert_window='last_15m', interval=60) >= 0.3",
    "avg(last_12h):anomalies(avg:http.latency{service:api AND env:prod} by {resource}, 'agile', 2, alert_window='last_30m', interval=120, seasonality='hourly') >= 0.6",
    "avg(last_4h):anomalies(avg:http.errors{env IN (prod,stage)}.as_rate(), 'basic', 2, alert_window='last_15m', interval=60) >= 0.9",
    "avg(last_1d):anomalies(avg:jvm.heap{*}.rollup(avg, 300), 'agile', 2, alert_window='last_1h', interval=300, seasonality='daily') >= 0.5",
    "avg(last_2d):anomalies(sum:login.ok{*}.as_count().rollup(sum, 600), 'robust', 2, alert_window='last_2h', interval=600, seasonality='daily') >= 0.5",
    "avg(last_4h):anomalies(avg:nginx.connections{*} by {host}.fill(zero), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(default_zero(sum:jobs.done{*}.as_count()), 'agile', 3, alert_window='last_15m', interval=60, seasonality='daily') >= 1",
    "avg(last_4h):anomalies(sum:a.hits{*}.as_count() / sum:a.requests{*}.as_count(), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(avg:a.used{*} / (avg:a.used{*} + avg:a.free{*}) * 100, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(abs(avg:clock.drift{*} by {host}), 'basic', 3, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(ewma_5(avg:a.temperature{room:1}), 'basic', 3, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(per_second(sum:net.bytes{*} by {interface}), 'basic', 3, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(diff(avg:db.rows{*}), 'basic', 3, alert_window='last_15m', interval=60) >= 1",
    "avg(last_30m):anomalies(avg:a.b{*}, 'agile', 2, alert_window='last_30m', interval=60, seasonality='hourly', timezone='utc') >= 1",
    "avg(last_4h):anomalies(p95:http.latency{service:web} by {env}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 1",
    "avg(last_4h):anomalies(p99:trace.web.request{env:prod}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 1",
    "avg(last_1d):anomalies(count:http.latency{*}.as_count(), 'robust', 3, alert_window='last_2h', interval=300, seasonality='weekly') >= 0.5",
    "avg(last_4h):anomalies(avg:kubernetes.cpu.usage.total{kube_namespace:shop,pod_name:web*} by {pod_name}, 'basic', 3, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(avg:a.b{*} by {host}, \"agile\", 2, direction=\"above\", alert_window=\"last_15m\", interval=60, seasonality=\"daily\") >= 0.50",
    "avg(last_4h):anomalies(percentile:http.latency{service:web}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 1",
    "avg(last_2w):anomalies(avg:a.b{*}.rollup(avg, daily, '8am', 'Europe/Vienna'), 'basic', 2, alert_window='last_5d', interval=60) >= 1",
    "avg(last_4h):anomalies(moving_rollup(avg:a.b{*}, 600, 'avg'), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(timeshift(avg:a.b{*}, -3600), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(clamp_min(avg:a.b{*}, 0), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    "avg(last_4h):anomalies(log2(avg:a.b{*} by {host,device}.as_rate()), 'robust', 2.5, alert_window='last_15m', interval=60, seasonality='hourly') >= 0.333",
    "avg(last_4h):anomalies(exclude_null(avg:a.b{env:prod,!host:x*} by {service}), 'agile', 2, direction='above', alert_window='last_15m', interval=60, count_default_zero='false', seasonality='weekly', timezone='America/Sao_Paulo') >= 0.75",
    "avg(last_2w):anomalies(sum:a.b{*}.as_count().rollup(sum, daily, 12am), 'basic', 2, alert_window='last_5d', interval=60) >= 1",
];

/// Queries that Datadog takes as they stand: what is written, a part of what it becomes, a part of what is told.
const CHANGED: [(&str, &str, &str); 32] = [
    (
        "avg(last_1h):anomalies(avg:a.b{*}, 'basic', 3) >= 1",
        "alert_window='last_1h'",
        "the window of the query",
    ),
    ("avg(last_1h):anomalies(avg:a.b{*}, 'basic', 3) >= 1", "interval=20", "the usual one for last_1h"),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'agile', 2, seasonality='daily') >= 0.5",
        "interval=60",
        "interval=60 added",
    ),
    ("avg(last_1d):anomalies(avg:a.b{*}, 'agile', 2) >= 0.5", "interval=300", "interval=300 added"),
    ("avg(last_1w):anomalies(avg:a.b{*}, 'robust', 2) >= 0.5", "interval=3600", "interval=3600 added"),
    ("avg(last_5m):anomalies(avg:a.b{*}, 'basic', 2) >= 0.5", "interval=20", "interval=20 added"),
    ("avg(last_1m):anomalies(avg:a.b{*}, 'basic', 2) >= 0.5", "interval=12", "interval=12 added"),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) > 0.5",
        ">= 0.5",
        "`> 0.5` taken as `>= 0.5`",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*},'basic',2,alert_window='last_15m',interval=60)>0.5",
        ">= 0.5",
        "`> 0.5` taken as `>= 0.5`",
    ),
    (
        "sum(last_12h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_1h', interval=60) >= 1",
        "avg(last_12h)",
        "`sum(...)` taken as `avg(...)`",
    ),
    (
        "max(last_12h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_1h', interval=60) >= 1",
        "avg(last_12h)",
        "`max(...)` taken as `avg(...)`",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}.rollup(avg, 600), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "alert_window='last_50m'",
        "buckets of 600 s",
    ),
    (
        "avg(last_30m):anomalies(avg:a.b{*}.rollup(max, 900), 'basic', 2, alert_window='last_30m', interval=60) >= 1",
        "avg(last_75m)",
        "it holds the alert window",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=300) >= 1",
        "interval=180",
        "interval=300 taken as 180",
    ),
    (
        "avg(last_15m):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_1h', interval=60) >= 1",
        "avg(last_1h)",
        "last_15m taken as last_1h",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'adaptive', 2, alert_window='last_15m', interval=60) >= 1",
        "'agile'",
        "which Datadog has retired",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60, seasonality='daily') >= 1",
        "'basic', 2",
        "seasonality left out",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60, timezone='Europe/Paris') >= 1",
        "'basic', 2",
        "timezone: left out",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'agile', 2, alert_window='last_15m', interval=60, seasonality='hourly', timezone='Asia/Tokyo') >= 1",
        "seasonality='hourly'",
        "timezone: left out",
    ),
    (
        "avg(last_4h):\n  anomalies(\n    avg:a.b{*} by {host},\n    'basic', 2,\n    alert_window='last_15m', interval=60\n  ) >= 1",
        "avg:a.b{*} by {host}",
        "",
    ),
    (
        "  avg( last_4h ) : anomalies( avg:a.b{*} , 'basic' , 2 , alert_window = 'last_15m' , interval = 60 )  >=  1 ",
        "interval",
        "",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', '2', alert_window='last_15m', interval='60') >= 1",
        "interval",
        "",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, direction=both, alert_window='last_15m', interval=60) >= 1",
        "direction='both'",
        "",
    ),
    (
        "avg(last_1h):anomalies(\n avg:a.b{*}, 'adaptive', 3)\n > 0.9",
        "'agile', 3",
        "`> 0.9` taken as `>= 0.9`",
    ),
    (
        "avg(last_4h):anomalies(avg:my-app.reqüests{env:a-b} by {host}, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "avg:my_app.req_ests{env:a-b} by {host}",
        "the metric my-app.reqüests taken as my_app.req_ests, the name that Datadog stores",
    ),
    (
        "avg(last_4h):anomalies(sum:a@b{*}.as_count() / sum:a.c{*}.as_count(), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "sum:a_b{*}.as_count() / sum:a.c{*}.as_count()",
        "the metric a@b taken as a_b",
    ),
    (
        "avg(last_1d):anomalies(avg:a.b{*}.rollup(avg, daily), 'basic', 2, alert_window='last_1d', interval=300) >= 1",
        "alert_window='last_5d'",
        "buckets of 86400 s",
    ),
    (
        "avg(last_4h):anomalies(p95:_a.b__c{*}, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "p95:a.b_c{*}",
        "_a.b__c taken as a.b_c",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) > 0",
        ">= 0.0666",
        "`> 0` taken as `>= 0.0666`: the share of one point among 15",
    ),
    ("min(last_1h):anomalies(avg:a.b{*}, 'basic', 2) > 0.0", ">= 0.0055", "the share of one point among 180"),
    (
        "avg(last_1mo):anomalies(avg:a.b{*}, 'robust', 2) >= 0.5",
        "avg(last_30d)",
        "last_1mo taken as last_30d",
    ),
    (
        "avg(last_4h) : anomalies (avg:a.b{*}, 'basic', 2) >= .5",
        "alert_window='last_4h', interval=60",
        "interval=60 added",
    ),
];

/// Queries that cannot be evaluated: what is written, a part of the reason.
const REFUSED: [(&str, &str); 18] = [
    (
        "avg(last_1w):anomalies(sum:a.b{*}.as_count().rollup(sum, weekly), 'basic', 2) >= 1",
        ".rollup() by 604800 s is not allowed; allowed is 1 to 241920 seconds, hourly or daily: an alert window holds five of them",
    ),
    (
        "avg(last_2w):anomalies(avg:a.b{*}.rollup(avg, weekly, 'monday', 'Europe/Vienna'), 'basic', 2, alert_window='last_2w', interval=3600) >= 1",
        "at most two weeks long",
    ),
    (
        "avg(last_30d):anomalies(avg:a.b{*}.rollup(avg, 300000), 'basic', 2, alert_window='last_1w', interval=3600) >= 1",
        ".rollup() by 300000 s is not allowed",
    ),
    (
        "avg(last_4h):anomalies(cumsum(sum:a.b{*}), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "cumsum",
    ),
    (
        "avg(last_4h):anomalies(anomalies(avg:a.b{*}, 'basic', 2), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "anomalies",
    ),
    ("avg(last_4h):avg:a.b{*} > 5", "anomalies"),
    ("avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) < 1", "'>='"),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) >= 1.5",
        "at most 1",
    ),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'holt', 2, alert_window='last_15m', interval=60) >= 1",
        "'basic', 'agile' or 'robust'",
    ),
    ("avg(last_4h):anomalies(avg:a.b{*}, 'basic', alert_window='last_15m', interval=60) >= 1", "deviations"),
    ("avg(last_99d):anomalies(avg:a.b{*}, 'basic', 2) >= 1", "query_window"),
    ("avg(last_4h):anomalies(avg:a.b, 'basic', 2, alert_window='last_15m', interval=60) >= 1", "{"),
    ("avg(last_4h):forecast(avg:a.b{*}, 'linear', 1) >= 1", "anomalies"),
    (
        "avg(last_4h):anomalies(avg:a.b{*}.rollup(avg, monthly), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        "months and years differ in length",
    ),
    (
        "avg(last_2w):anomalies(avg:a.b{*}.rollup(avg, daily, '8am', 'Europe/Wien'), 'basic', 2, alert_window='last_5d', interval=60) >= 1",
        "similar ones are Europe/Kiev, Europe/Riga, Europe/Vienna",
    ),
    (
        "avg(last_2w):anomalies(avg:a.b{*}.rollup(avg, daily, '12am', 'Africa/Casablanca'), 'basic', 2, alert_window='last_5d', interval=60) >= 1",
        "a zone whose clocks follow one rule",
    ),
    ("", "query"),
    (
        "avg(last_4h):anomalies(avg:a.b{*}, 'agile', 2, alert_window='last_15m', interval=60, timezone='Europe/Wien') >= 1",
        "a name of the IANA database",
    ),
];

/// Imports a file, then validates, explains, exports and reads back each monitor. The sections, and what was told.
fn round_trip(file: &str, content: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), content).unwrap();
    let imported = run(&folder, &["monitor", "import", file]);
    let (ini, told) = (text(&imported.stdout), text(&imported.stderr));
    assert_eq!(imported.status.code(), Some(0), "{content}\n{told}");
    fs::write(folder.path().join("fluent-anomaly.ini"), &ini).unwrap();
    let validated = run(&folder, &["monitor", "validate"]);
    assert_eq!(validated.status.code(), Some(0), "{ini}\n{}", text(&validated.stderr));
    for name in ini.lines().filter_map(|line| line.strip_prefix("[monitor.")) {
        let name = name.trim_end_matches(']');
        let explained = run(&folder, &["monitor", "explain", name]);
        assert_eq!(explained.status.code(), Some(0), "{}", text(&explained.stderr));
        let exported = run(&folder, &["monitor", "export", name]);
        assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
        fs::write(folder.path().join("again.json"), &exported.stdout).unwrap();
        let again = run(&folder, &["monitor", "import", "again.json", "--name", name]);
        let changes = text(&again.stderr);
        let changes: Vec<&str> =
            changes.lines().filter(|line| !line.contains("known to Terraform only")).collect();
        assert!(changes.is_empty(), "what was exported needs no change: {changes:?}");
        fs::write(folder.path().join("again.ini"), &again.stdout).unwrap();
        let once_more = run(&folder, &["monitor", "export", name, "-c", "again.ini"]);
        assert_eq!(text(&once_more.stdout), text(&exported.stdout), "read back, it is the same");
    }
    (ini, told)
}

fn monitor(query: &str) -> Value {
    json!({"name": "A monitor", "type": "query alert", "query": query, "message": "", "tags": [], "options": {}})
}

#[test]
fn a_query_of_the_editor_is_imported_without_a_word() {
    let all: Vec<Value> = PLAIN.iter().map(|query| monitor(query)).collect();
    let (ini, told) = round_trip("monitors.json", &Value::from(all).to_string());
    assert_eq!(told, "");
    for query in PLAIN {
        assert!(ini.contains(&format!("\nquery: {query}\n")), "{query}\n{ini}");
    }
}

#[test]
fn a_query_that_datadog_takes_is_adapted_and_each_change_told() {
    let all: Vec<Value> = CHANGED.iter().map(|(query, ..)| monitor(query)).collect();
    let (ini, told) = round_trip("monitors.json", &Value::from(all).to_string());
    for (at, (query, becomes, reason)) in CHANGED.iter().enumerate() {
        let name = if at == 0 {
            "[monitor.a_monitor]".to_owned()
        } else {
            format!("[monitor.a_monitor_{}]", at + 1)
        };
        let section = ini.split(&name).nth(1).unwrap().split("[").next().unwrap();
        assert!(section.contains(becomes), "{query}\n{section}");
        let prefix = format!("monitor {}: ", at + 1);
        let about: Vec<&str> = told.lines().filter(|line| line.contains(&prefix)).collect();
        assert_eq!(about.is_empty(), reason.is_empty(), "{query}: {about:?}");
        assert!(about.is_empty() || about.iter().any(|line| line.contains(reason)), "{query}: {about:?}");
    }
}

#[test]
fn a_query_that_cannot_be_evaluated_is_refused_with_the_reason() {
    for (query, reason) in REFUSED {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("m.json"), monitor(query).to_string()).unwrap();
        let imported = run(&folder, &["monitor", "import", "m.json"]);
        let told = text(&imported.stderr);
        assert_eq!((imported.status.code(), text(&imported.stdout).as_str()), (Some(2), ""), "{query}");
        assert!(told.contains(reason), "{query}: {told}");
    }
}

#[test]
fn validate_says_which_rules_are_only_the_editors() {
    let folder = tempfile::tempdir().unwrap();
    let section = |lines: &str| format!("[series.a]\nmatch: a\nvalue: $v\n[monitor.m]\non: a\n{lines}");
    for (lines, told) in [
        (
            "query: avg(last_1h):anomalies(avg:a.b{*}, 'basic', 3) >= 1\n".to_owned(),
            &["query: alert_window='last_1h' added", "query: interval=20 added"][..],
        ),
        (
            "query: avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) > 0.5\n"
                .to_owned(),
            &["`> 0.5` taken as `>= 0.5`"],
        ),
        (format!("query: {QUERY}\ntimeout_h: 72\n"), &["timeout_h: 72 taken as 24"]),
        (format!("query: {QUERY}\nrecovery_window: last_4h\n"), &["recovery_window: last_4h taken as last_30m"]),
    ] {
        fs::write(folder.path().join("fluent-anomaly.ini"), section(&lines)).unwrap();
        let output = run(&folder, &["monitor", "validate"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{lines}");
        assert!(said.contains("[monitor.m] breaks rules of Datadog's editor only"), "{lines}: {said}");
        assert!(told.iter().all(|told| said.contains(told)), "{lines}: {said}");
    }
    for lines in ["query: avg(last_4h):avg:a.b{*} > 5\n".to_owned(), format!("query: {QUERY}\npriority: 9\n")]
    {
        fs::write(folder.path().join("fluent-anomaly.ini"), section(&lines)).unwrap();
        let said = text(&run(&folder, &["monitor", "validate"]).stderr);
        assert!(!said.contains("editor"), "Datadog has this rule, too: {said}");
    }
}

const QUERY: &str = "avg(last_4h):anomalies(avg:a.b{*} by {host}, 'agile', 2, direction='both', alert_window='last_30m', interval=60, count_default_zero='true', seasonality='daily') >= 0.8";

#[test]
fn options_that_the_editor_does_not_offer_are_adapted_and_told() {
    for (options, key, told_of) in [
        (json!({"timeout_h": 72}), "timeout_h: 24", "timeout_h: 72 taken as 24"),
        (
            json!({"notify_no_data": true, "no_data_timeframe": 2880}),
            "no_data_timeframe: 1440",
            "no_data_timeframe: 2880 taken as 1440",
        ),
        (
            json!({"new_host_delay": 600}),
            "new_group_delay: 600",
            "new_host_delay: 600 taken as new_group_delay",
        ),
        (json!({"new_host_delay": 300}), "query:", ""),
        (
            json!({"threshold_windows": {"recovery_window": "last_4h", "trigger_window": "last_30m"}}),
            "recovery_window: last_30m",
            "recovery_window: last_4h taken as last_30m",
        ),
        (
            json!({"threshold_windows": {"recovery_window": "last_2m", "trigger_window": "last_30m"}}),
            "recovery_window: last_7m",
            "recovery_window: last_2m taken as last_7m",
        ),
        (json!({"thresholds": {"critical": 0.8}, "threshold_windows": {}}), "query:", ""),
        (
            json!({"renotify_interval": 99_999}),
            "renotify_interval: 10080",
            "renotify_interval: 99999 taken as 10080",
        ),
        (json!({"on_missing_data": "show_and_notify_no_data"}), "notify_no_data: true", ""),
        (json!({"avalanche_window": 10}), "query:", "avalanche_window: left out (10)"),
    ] {
        let mut monitor = monitor(QUERY);
        monitor["options"] = options.clone();
        let (ini, told) = round_trip("m.json", &monitor.to_string());
        assert!(ini.contains(key), "{options}\n{ini}");
        assert_eq!(told.is_empty(), told_of.is_empty(), "{options}: {told}");
        assert!(told.contains(told_of), "{options}: {told}");
    }
}

#[test]
fn the_window_of_a_monitor_may_stand_in_its_options_only() {
    let mut monitor = monitor("avg(last_4h):anomalies(avg:a.b{*}, 'basic', 3) >= 0.5");
    monitor["options"] =
        json!({"threshold_windows": {"trigger_window": "last_15m", "recovery_window": "last_15m"}});
    let (ini, told) = round_trip("m.json", &monitor.to_string());
    assert!(ini.contains("alert_window='last_15m', interval=60"), "{ini}");
    assert!(told.contains("alert_window='last_15m' added: from threshold_windows"), "{told}");
}

#[test]
fn files_of_every_kind_are_read() {
    let terraform = format!(
        r#"# two monitors and something else
resource "datadog_dashboard" "board" {{
  title = "no monitor"
  widget {{ note_definition {{ content = "a \"quote\"" }} }}
}}
resource "datadog_monitor" "cpu" {{
  name    = "CPU of ${{var.team}}"
  type    = "query alert"
  message = <<-EOT
    {{{{#is_alert}}}}busy{{{{/is_alert}}}}
      @slack-ops
  EOT
  query   = "{QUERY}"
  monitor_thresholds {{
    critical          = 0.8
    critical_recovery = "0.1"
    warning           = 0.5
  }}
  monitor_threshold_windows {{
    trigger_window  = "last_30m"
    recovery_window = "last_15m"
  }}
  notify_no_data    = false // quiet
  renotify_interval = 60
  tags = ["team:ops", "note:a;b"]
}}
"#
    );
    let plan = json!({"format_version": "1.2", "planned_values": {"root_module": {"child_modules": [{"resources": [
        {"type": "datadog_monitor", "values": {"name": "CPU", "type": "metric alert", "query": QUERY, "message": "m",
            "monitor_thresholds": [{"critical": "0.8", "warning": "0.5"}], "renotify_interval": 60, "tags": null}}]}]}}});
    let operator = format!(
        "apiVersion: datadoghq.com/v1alpha1\nkind: DatadogMonitor\nmetadata:\n  name: cpu\nspec:\n  query: \"{QUERY}\"\n  type: \"query alert\"\n  name: CPU\n  message: busy\n  tags: [\"team:ops\"]\n  options:\n    renotifyInterval: 60\n    thresholds:\n      critical: \"0.8\"\n      warning: \"0.5\"\n"
    );
    let mut wrapped = monitor(QUERY);
    wrapped["options"] = json!({"thresholds": {"critical": 0.8, "warning": 0.5}, "renotify_interval": 60});
    let state = json!({"version": 4, "resources": [{"mode": "managed", "type": "datadog_monitor", "name": "a", "instances": [
        {"attributes": {"name": "CPU", "type": "query alert", "query": QUERY, "message": "m", "renotify_interval": 60,
            "monitor_thresholds": [{"critical": "0.8", "warning": "0.5"}]}}]}]});
    let configured = json!({"resource": [{"datadog_monitor": {"a": {"name": "CPU", "type": "query alert", "query": QUERY,
        "message": "m", "renotify_interval": "60", "monitor_thresholds": {"critical": 0.8, "warning": 0.5}}}}]});
    let properties = json!({"Name": "CPU", "Type": "query alert", "Query": QUERY, "Message": "m",
        "Options": {"RenotifyInterval": 60, "Thresholds": {"Critical": 0.8, "Warning": 0.5}}});
    let formation = json!({"Resources": {"Other": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "M": {"Type": "Datadog::Monitors::Monitor", "Properties": properties}}});
    let pulumi = format!(
        "resources:\n  m:\n    type: datadog:Monitor\n    properties:\n      name: CPU\n      type: query alert\n      message: m\n      renotifyInterval: 60\n      query: \"{QUERY}\"\n      monitorThresholds:\n        critical: 0.8\n        warning: 0.5\n"
    );
    for (file, content) in [
        ("formation.json", formation.to_string()),
        ("pulumi.yaml", pulumi),
        ("data.json", json!({"data": [wrapped]}).to_string()),
        ("lines.json", wrapped.to_string() + "\n"),
        ("terraform.tfstate", state.to_string()),
        ("main.tf.json", configured.to_string()),
        ("main.tf", terraform.clone()),
        ("plan.json", plan.to_string()),
        ("operator.yaml", operator),
        ("definition.json", json!({"definition": wrapped}).to_string()),
        ("list.json", json!([wrapped]).to_string()),
        ("search.json", json!({"monitors": [wrapped], "metadata": {}}).to_string()),
        ("bom.json", format!("\u{feff}{wrapped}")),
    ] {
        let (ini, _) = round_trip(file, &content);
        assert!(ini.contains("warning: 0.5\n") && ini.contains("renotify_interval: 60\n"), "{file}\n{ini}");
        assert!(ini.contains(&format!("query: {QUERY}\n")), "{file}\n{ini}");
    }
    let (ini, _) = round_trip("main.tf", &terraform);
    assert!(ini.contains("message: {{#is_alert}}busy{{/is_alert}}\\n  @slack-ops"), "{ini}");
    assert!(ini.contains("tags: team:ops, note:a\\x3bb\n"), "{ini}");
}

#[test]
fn an_account_with_monitors_of_all_kinds_gives_those_that_are_evaluated() {
    let mut composite = monitor("123 && !456");
    composite["type"] = json!("composite");
    let all = json!([
        composite,
        monitor(QUERY),
        monitor("avg(last_5m):avg:a.b{*} > 5"),
        monitor("max(next_1w):forecast(avg:a.b{*}, 'linear', 1) >= 5"),
        monitor("change(avg(last_5m),last_5m):avg:a.b{*} > 5")
    ]);
    let (ini, told) = round_trip("monitors.json", &all.to_string());
    assert_eq!(ini.matches("[monitor.").count(), 1, "{ini}");
    assert_eq!(
        told,
        "monitors.json: monitors 1, 3, 4, 5 passed over: no anomaly and no outlier monitors, which alone are evaluated here\n"
    );
    for (content, reason) in [
        (json!([composite, composite]), "monitors 1, 2 passed over"),
        (
            composite.clone(),
            "type: \"composite\" is not allowed: only monitors with anomalies(...) or outliers(...)",
        ),
        (
            monitor("avg(last_5m):avg:a.b{*} > 5"),
            "query: avg(last_5m):avg:a.b{*} > 5 is not allowed: only monitors with",
        ),
        (json!({"errors": ["Forbidden"]}), "the file is an answer that says \"Forbidden\""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("m.json"), content.to_string()).unwrap();
        let output = run(&folder, &["monitor", "import", "m.json"]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stderr).contains(reason), "{content}: {}", text(&output.stderr));
    }
}

#[test]
fn loops_templates_and_functions_of_terraform_are_told_and_lose_nothing_else() {
    let terraform = format!(
        r#"locals {{
  on = {{ for name, one in var.services : name => one if one.on }}
  tags = [for tag in var.tags : "x:${{tag}}"]
}}
resource "datadog_monitor" "each" {{
  for_each = {{ for k, v in var.services : k => v if v.on }}
  name     = format("%s latency", each.key)
  type     = "query alert"
  query    = <<-EOQ
    avg(last_4h):anomalies(
      avg:a.b{{service:shop}} by {{host}},
      'agile', 2, alert_window='last_30m', interval=60, seasonality='daily'
    ) >= 0.8
  EOQ
  message  = "${{var.text}} {{{{host.name}}}}"
  tags     = ["a:b", "env:${{var.env}}"]
  dynamic "monitor_thresholds" {{
    for_each = [1]
    content {{ critical = 0.8 }}
  }}
}}
resource "datadog_monitor" "plain" {{
  name  = "Plain"
  type  = "query alert"
  query = "{QUERY}"
}}
"#
    );
    let (ini, told) = round_trip("main.tf", &terraform);
    assert_eq!(ini.matches("[monitor.").count(), 2, "{ini}");
    for note in [
        "main.tf: monitor 1: name: ${format(\"%s latency\", each.key)} is known to Terraform only",
        "main.tf: monitor 1: message: ${var.text} is known to Terraform only",
        "main.tf: monitor 1: tags: ${var.env} is known to Terraform only and stays as it is written; `terraform show -json PLAN` has",
    ] {
        assert!(told.contains(note), "{note}\n{told}");
    }
    assert!(!told.contains("monitor 2"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let unknown = monitor("avg(${var.window}):anomalies(avg:a.b{*}, 'agile', 2) >= 1");
    fs::write(folder.path().join("m.json"), unknown.to_string()).unwrap();
    let output = run(&folder, &["monitor", "import", "m.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("query: ${var.window} is known to Terraform only"),
        "{}",
        text(&output.stderr)
    );
}

/// Formulas, as the API has them in `variables`: query, variables, what is read.
const FORMULAS: [(&str, &str, &str); 6] = [
    (
        "avg(last_4h):anomalies(query1, 'agile', 2, alert_window='last_15m', interval=60) >= 0.8",
        r#"[{"data_source": "metrics", "name": "query1", "query": "avg:a.b{env:prod} by {host}"}]"#,
        "avg(last_4h):anomalies(avg:a.b{env:prod} by {host}, 'agile', 2, alert_window='last_15m', interval=60) >= 0.8",
    ),
    (
        "formula(\"anomalies(query1, 'agile', 2, alert_window='last_15m', interval=60)\").last(\"4h\") >= 0.8",
        r#"[{"data_source": "metrics", "name": "query1", "query": "sum:a.b{*}.as_count()"}]"#,
        "avg(last_4h):anomalies(sum:a.b{*}.as_count(), 'agile', 2, alert_window='last_15m', interval=60) >= 0.8",
    ),
    (
        "avg(last_4h):anomalies(query2 / query1 * 100, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        r#"[{"name": "query1", "query": "sum:a.all{*} + sum:a.other{*}"}, {"name": "query2", "query": "sum:a.bad{query1:x}"}]"#,
        "avg(last_4h):anomalies(sum:a.bad{query1:x} / (sum:a.all{*} + sum:a.other{*}) * 100, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    ),
    (
        "avg(last_4h):anomalies(ewma_5(default_zero(errors)), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        r#"[{"data_source": "metrics", "name": "errors", "query": "sum:a.errors{errors:1}.rollup(sum, 60)"}]"#,
        "avg(last_4h):anomalies(ewma_5(default_zero(sum:a.errors{errors:1}.rollup(sum, 60))), 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    ),
    (
        "avg(last_4h):anomalies(query1 - query1, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
        r#"[{"metric_query": [{"name": "query1", "query": "avg:a.b{*} by {query1}"}]}]"#,
        "avg(last_4h):anomalies(avg:a.b{*} by {query1} - avg:a.b{*} by {query1}, 'basic', 2, alert_window='last_15m', interval=60) >= 1",
    ),
    (
        "avg(last_4h):outliers(query1, 'MAD', 3) > 0",
        r#"[{"data_source": "metrics", "name": "query1", "query": "avg:a.b{*} by {host}"}]"#,
        "avg(last_4h):outliers(avg:a.b{*} by {host}, 'MAD', 3) > 0",
    ),
];

#[test]
fn a_formula_is_read_with_the_queries_that_it_names() {
    for (query, variables, read) in FORMULAS {
        let mut monitor = monitor(query);
        monitor["options"]["variables"] = serde_json::from_str(variables).unwrap();
        if read.contains("outliers") {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("m.json"), monitor.to_string()).unwrap();
            let imported = run(&folder, &["monitor", "import", "m.json"]);
            assert!(text(&imported.stdout).contains(&format!("\nquery: {read}\n")), "{imported:?}");
            continue;
        }
        let (ini, told) = round_trip("m.json", &monitor.to_string());
        assert!(ini.contains(&format!("\nquery: {read}\n")), "{query}\n{ini}");
        assert!(told.contains(" of `variables` written out"), "{told}");
    }
    let block = |name: &str| {
        format!(
            "    metric_query {{\n      data_source = \"metrics\"\n      name = \"{name}\"\n      query = \"avg:a.{name}{{*}}\"\n    }}\n"
        )
    };
    let terraform = format!(
        "resource \"datadog_monitor\" \"a\" {{\n  name = \"A\"\n  type = \"query alert\"\n  message = \"m\"\n  query = \"formula(\\\"anomalies(query1 / query2, 'agile', 2, alert_window='last_15m', interval=60)\\\").last(\\\"4h\\\") >= 1\"\n  variables {{\n{}{}  }}\n}}\n",
        block("query1"),
        block("query2")
    );
    let (ini, _) = round_trip("main.tf", &terraform);
    assert!(ini.contains("anomalies(avg:a.query1{*} / avg:a.query2{*}, 'agile', 2"), "{ini}");
}

#[test]
fn a_formula_that_names_no_metric_is_refused_with_the_reason() {
    for (variables, reason) in [
        (
            json!([]),
            "variables: no query named query1, which the query of the monitor names, is not allowed; allowed is a list that defines each",
        ),
        (
            json!([{"data_source": "metrics", "name": "query2", "query": "avg:a{*}"}]),
            "variables: no query named query1",
        ),
        (
            json!([{"data_source": "logs", "name": "query1", "search": {"query": "x"}, "compute": {"aggregation": "count"}}]),
            "variables: query1 with data_source \"logs\" is not allowed; allowed is a query with `name`, `data_source: metrics` and `query`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut monitor = monitor("avg(last_4h):anomalies(query1, 'agile', 2) >= 1");
        monitor["options"]["variables"] = variables;
        fs::write(folder.path().join("m.json"), monitor.to_string()).unwrap();
        let imported = run(&folder, &["monitor", "import", "m.json"]);
        assert_eq!(imported.status.code(), Some(2), "{monitor}");
        assert!(text(&imported.stderr).contains(reason), "{reason}\n{}", text(&imported.stderr));
    }
}

#[test]
fn titles_without_ascii_letters_have_names_of_their_own() {
    let titled = |title: &str| {
        let mut monitor = monitor(QUERY);
        monitor["name"] = json!(title);
        monitor
    };
    let all = json!([titled("温度が高い"), titled("負荷"), titled("!!!"), titled("???")]);
    let (ini, _) = round_trip("m.json", &all.to_string());
    let names: Vec<&str> = ini.lines().filter_map(|line| line.strip_prefix("[monitor.")).collect();
    assert_eq!(names, ["温度が高い]", "負荷]", "imported]", "imported_2]"]);
}

#[test]
fn a_message_that_is_not_all_known_is_told_by_validate_and_explain() {
    let folder = tempfile::tempdir().unwrap();
    let ini = format!(
        "[series.cpu]\nmatch: cpu\nvalue: $p\nby: $host\n[monitor.cpu]\non: cpu\nquery: {QUERY}\nmessage: {{{{host.name}}}} {{{{color}}}} {{{{#is_blue}}}}x{{{{/is_blue}}}}\n"
    );
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    for command in [&["monitor", "validate"][..], &["monitor", "explain", "cpu"]] {
        let told = text(&run(&folder, command).stdout);
        assert!(told.contains("stays as it is written: {{color}}, {{#is_blue}}"), "{told}");
    }
}

#[test]
fn a_file_that_holds_no_monitor_is_refused_with_its_place() {
    for (file, content, reason) in [
        ("a.json", "{", "the file is no JSON: EOF while parsing an object at line 1 column 1"),
        ("b.json", "{\"title\": \"a dashboard\"}", "query: nothing is not allowed"),
        ("c.json", "[]", "file: [] is not allowed"),
        ("d.json", "{\"type\": \"log alert\", \"query\": \"x\"}", "type: \"log alert\" is not allowed"),
        (
            "e.tf",
            "resource \"datadog_monitor\" \"a\" {\n  name = \"open\n",
            "the file is no Terraform: line 2: a quote is not closed",
        ),
        (
            "f.tf",
            "resource \"datadog_monitor\" \"a\" {\n  name\n}",
            "the file is no Terraform: line 3: `=` or `{` is wanted",
        ),
        ("g.yaml", "kind: DatadogMonitor\nspec: [", "the file is no YAML: line "),
        ("h.txt", "hello", "file: hello is not allowed"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(file), content).unwrap();
        let output = run(&folder, &["monitor", "import", file]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(told.starts_with(&format!("{file}: ")) && told.contains(reason), "{content}: {told}");
    }
}

#[test]
fn several_monitors_on_one_section_write_fields_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("m.json"), Value::from(vec![monitor(QUERY), monitor(QUERY)]).to_string())
        .unwrap();
    let imported = run(&folder, &["monitor", "import", "m.json", "--on", "a"]);
    assert_eq!(
        text(&imported.stderr),
        "m.json: monitor 2: prefix: a_monitor_2_ added, as several monitors watch [a]\n"
    );
    let ini = format!("[series.a]\nmatch: a\nvalue: $v\n{}", text(&imported.stdout));
    fs::write(folder.path().join("fluent-anomaly.ini"), &ini).unwrap();
    let validated = run(&folder, &["monitor", "validate"]);
    assert_eq!(validated.status.code(), Some(0), "{ini}\n{}", text(&validated.stderr));
}

#[test]
fn what_terraform_writes_as_text_and_windows_that_no_longer_fit_are_adapted() {
    let terraform = r#"resource "datadog_monitor" "a" {
  name = "A"
  type = "query alert"
  query = "sum(last_12h):anomalies(avg:a.b{*}.rollup(avg, 600), 'basic', 3) >= 0.5"
  message = "b"
  new_host_delay = 600
  monitor_threshold_windows {
    trigger_window = "last_15m"
    recovery_window = "last_15m"
  }
}
"#;
    let (ini, told) = round_trip("main.tf", terraform);
    assert!(ini.contains("new_group_delay: 600\n") && !ini.contains("trigger_window:"), "{ini}");
    assert!(
        told.contains("trigger_window: last_15m left out, the alert window of the query is last_50m"),
        "{told}"
    );
    assert!(told.contains("new_host_delay: 600 taken as new_group_delay"), "{told}");
}
