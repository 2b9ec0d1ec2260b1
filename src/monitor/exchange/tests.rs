use proptest::prelude::*;

use super::*;
use crate::monitor::spec::MonitorSpec;
use serde_json::json;

/// As the API gives it, with the fields of the seed's standard configuration.
const EXPORTED: &str = r#"{
  "id": 91879684, "name": "CPU idle is low on {{host.name}}", "type": "query alert",
  "query": "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', interval=60, alert_window='last_30m', count_default_zero='true', seasonality='daily', timezone='America/New_York') >= 1",
  "message": "{{#is_alert}}\nbusy; see the graph\n{{/is_alert}} @slack-ops",
  "tags": ["service:web", "team:ops"], "priority": 3, "multi": true, "restricted_roles": null,
  "options": {
    "thresholds": {"critical": 1.0, "critical_recovery": 0.0, "warning": 0.5, "warning_recovery": 0.25},
    "threshold_windows": {"trigger_window": "last_30m", "recovery_window": "last_15m"},
    "notify_no_data": true, "no_data_timeframe": 60, "renotify_interval": 0, "timeout_h": 24,
    "require_full_window": false, "new_group_delay": 60, "evaluation_delay": null,
    "notify_audit": false, "include_tags": true, "locked": false, "silenced": {},
    "escalation_message": "still busy", "new_host_delay": 300
  },
  "created": "2022-10-10T18:27:04+00:00", "overall_state": "OK", "creator": {"email": "x@example.com"}
}"#;

fn with(from: &str, to: &str) -> String {
    assert!(EXPORTED.contains(from), "{from}");
    EXPORTED.replacen(from, to, 1)
}

#[test]
fn an_exported_monitor_becomes_a_section() {
    let imported = import(EXPORTED).unwrap();
    assert_eq!(
        imported.to_ini("cpu"),
        r#"[monitor.cpu_idle_is_low_on_host_name]
on: cpu
name: CPU idle is low on {{host.name}}
query: avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', interval=60, alert_window='last_30m', count_default_zero='true', seasonality='daily', timezone='America/New_York') >= 1
critical_recovery: 0
warning: 0.5
warning_recovery: 0.25
recovery_window: last_15m
new_group_delay: 60
notify_no_data: true
no_data_timeframe: 60
timeout_h: 24
tags: service:web, team:ops
priority: 3
message: {{#is_alert}}\nbusy\x3b see the graph\n{{/is_alert}} @slack-ops
"#
    );
    assert_eq!(imported.notes, [r#"escalation_message: left out ("still busy")"#]);
    let spec = MonitorSpec::check(&imported.raw).unwrap();
    assert_eq!(spec.message, "{{#is_alert}}\nbusy; see the graph\n{{/is_alert}} @slack-ops");
    assert_eq!((spec.critical, spec.warning, spec.warning_recovery), (1.0, Some(0.5), 0.25));
    assert_eq!(spec.tags, ["service:web", "team:ops"]);
}

#[test]
fn the_body_for_the_api() {
    let spec = MonitorSpec::check(&import(EXPORTED).unwrap().raw).unwrap();
    assert_eq!(
        export(&spec, "unused"),
        json!({
            "name": "CPU idle is low on {{host.name}}",
            "type": "query alert",
            "query": "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_30m', interval=60, count_default_zero='true', seasonality='daily', timezone='America/New_York') >= 1",
            "message": "{{#is_alert}}\nbusy; see the graph\n{{/is_alert}} @slack-ops",
            "tags": ["service:web", "team:ops"],
            "priority": 3,
            "options": {
                "thresholds": {"critical": 1, "critical_recovery": 0, "warning": 0.5, "warning_recovery": 0.25},
                "threshold_windows": {"trigger_window": "last_30m", "recovery_window": "last_15m"},
                "require_full_window": false,
                "notify_no_data": true,
                "no_data_timeframe": 60,
                "new_group_delay": 60,
                "timeout_h": 24,
            },
        })
    );
}

#[test]
fn a_zone_without_effect_is_left_out_with_a_note() {
    let basic = with("'agile'", "'basic'").replace(", seasonality='daily'", "");
    let imported = import(&basic).unwrap();
    assert!(imported.notes[0].starts_with("timezone: left out of the query"), "{:?}", imported.notes);
    assert!(MonitorSpec::check(&imported.raw).is_ok());
    assert!(!imported.raw.query.unwrap().contains("New_York"));
}

#[test]
fn a_critical_threshold_that_differs_from_the_query_is_kept_for_the_check_to_refuse() {
    let raw = import(&with("\"critical\": 1.0", "\"critical\": 0.9")).unwrap().raw;
    let problems = MonitorSpec::check(&raw).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "critical: 0.9 is not allowed; allowed is the threshold of the query (1)"
    );
}

#[test]
fn missing_data_that_is_shown_and_told_is_notify_no_data() {
    let notify = with("\"notify_no_data\": true", "\"on_missing_data\": \"show_and_notify_no_data\"");
    assert_eq!(import(&notify).unwrap().raw.notify_no_data.as_deref(), Some("true"));
    let resolve = with("\"notify_no_data\": true", "\"on_missing_data\": \"resolve\"");
    assert!(import(&resolve).unwrap().notes.contains(&"on_missing_data: left out (\"resolve\")".to_owned()));
}

#[test]
fn what_is_no_monitor_is_refused_with_the_field() {
    for (text, part) in [
        ("", "no JSON"),
        ("[1, 2]", "monitor: [1,2] is not allowed; allowed is one JSON object"),
        (
            "{\"type\": \"log alert\", \"query\": \"x\"}",
            "type: \"log alert\" is not allowed: only monitors with anomalies(...) or outliers(...) are evaluated here",
        ),
        ("{\"type\": \"query alert\"}", "query: nothing is not allowed"),
        ("{\"query\": 7}", "query: 7 is not allowed"),
        ("{\"query\": \"x\", \"options\": []}", "options: [] is not allowed; allowed is an object"),
    ] {
        let shown = import(text).unwrap_err().to_string();
        assert!(shown.contains(part), "{shown}");
    }
    assert!(matches!(import(&" ".repeat(LONGEST_JSON + 1)), Err(ExchangeError::TooLarge { .. })));
}

prop_compose! {
    fn specs()(
        algorithm in prop_oneof![Just("basic"), Just("agile"), Just("robust")], zoned: bool, minutes in 5u32..500,
        critical in 1u32..=20, warned: bool, recovery in 0.0f64..0.9, window in 0.0f64..=1.0, flags: (bool, bool),
        delays in (0u32..1000, 0u32..600, 1u32..1440, 0u32..600, 0u32..=24),
        name in "[ -~äß]{0,12}", message in "[ -~\n\\\\;ä{}]{0,60}", tags in proptest::collection::vec("[a-z]{1,4}:[a-z]{1,4}", 0..3),
        priority in 0u32..=5,
    ) -> MonitorSpec {
        let critical = f64::from(critical) / 20.0;
        let recovery = critical * recovery;
        let (shortest, longest) = super::super::timeframe::recovery_range(minutes * 60, critical, recovery);
        let window = shortest + (f64::from(longest - shortest) * window) as u32;
        let season = if algorithm == "basic" { "" } else { ", seasonality='weekly'" };
        let query = format!("avg(last_1d):anomalies(sum:a.b{{c:d}} by {{host}}.as_count(), '{algorithm}', 2.5, alert_window='last_{minutes}m', interval=60{season}) >= {critical}");
        let mut raw = RawMonitor { query: Some(query), ..RawMonitor::default() };
        let (group, delay, no_data, renotify, timeout) = delays;
        let mut set = |key: &str, value: String| assert!(raw.set(key, value));
        set("critical_recovery", recovery.to_string());
        if warned {
            set("warning", (critical / 2.0).to_string());
            set("warning_recovery", (critical / 4.0).to_string());
        }
        set("recovery_window", format!("last_{window}s"));
        if zoned && algorithm != "basic" {
            set("timezone", "Asia/Kolkata".to_owned());
        }
        set("require_full_window", flags.0.to_string());
        if flags.1 {
            set("notify_no_data", "true".to_owned());
            set("no_data_timeframe", no_data.to_string());
        }
        set("new_group_delay", group.to_string());
        set("evaluation_delay", delay.to_string());
        set("renotify_interval", renotify.to_string());
        set("timeout_h", timeout.to_string());
        set("name", escape(&format!("n{name}")));
        set("message", escape(&message));
        set("tags", tags.join(","));
        if priority > 0 {
            set("priority", priority.to_string());
        }
        MonitorSpec::check(&raw).unwrap()
    }
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_it_was(spec in specs()) {
        let imported = import(&export(&spec, "x").to_string()).unwrap();
        prop_assert_eq!(&imported.notes, &Vec::<String>::new());
        prop_assert_eq!(MonitorSpec::check(&imported.raw), Ok(spec));
    }

    #[test]
    fn no_text_makes_the_import_panic(text: String) {
        let _ = import(&text);
        let _ = import(&json!({"query": text, "options": {"thresholds": {"critical": text}}}).to_string());
    }
}

#[test]
fn terraform_nests_at_most_64_deep() {
    for (open, close) in [("a {\n", "}\n"), ("a = [", "]\n"), ("a = {\n", "}\n")] {
        let nested = |depth: usize| {
            let (lists, ends) = match open {
                "a = [" => (format!("a = {}", "[".repeat(depth)), "]".repeat(depth) + "\n"),
                _ => (open.repeat(depth), close.repeat(depth)),
            };
            format!("resource \"datadog_monitor\" \"m\" {{\n{lists}{ends}}}\n")
        };
        assert!(hcl::monitors(&nested(64)).is_ok(), "{open}");
        for depth in [65, 100_000] {
            let (_, why) = hcl::monitors(&nested(depth)).unwrap_err();
            assert_eq!(why, "blocks and lists nest too deep, at most 64 are read", "{open}");
        }
    }
}

#[test]
fn expressions_of_terraform_are_left_out_and_told_where_a_value_is_needed() {
    let text = r#"
resource "datadog_monitor" "a" {
  count   = var.on ? 1 : 0
  name    = "CPU of ${var.on ? "prod" : "dev"} \"x\""
  type    = "query alert" // not "metric alert"
  query   = "avg(last_4h):anomalies(avg:a.b{*}, 'basic', 2, alert_window='last_15m', interval=60) >= 1"
  message = "a" == var.b ? "x" : "y"
  tags    = concat(["a:b"], [for tag in var.tags : "${tag}:x"])
  priority = var.priority
  monitor_thresholds {
    critical = var.critical
    warning  = lookup(var.map, "warning", 0.5)
  }
  renotify_interval = max(60, var.minutes)
  timeout_h = "12"
  on_missing_data = "show_no_data"
}
"#;
    let imported = import_all(text).unwrap().monitors.remove(0).unwrap();
    assert_eq!(imported.raw.name.as_deref(), Some(r#"CPU of ${var.on ? "prod" : "dev"} "x""#));
    assert_eq!(imported.raw.timeout_h.as_deref(), Some("12"));
    assert_eq!(imported.raw.message.as_deref(), Some("a"));
    assert!(MonitorSpec::check(&imported.raw).is_ok());
    for note in [
        "tags: left out (\"${concat([\\\"a:b\\\"]",
        "monitor_thresholds.critical: left out (\"${var.critical}\")",
        "monitor_thresholds.warning: left out (\"${lookup(var.map, ",
        "renotify_interval: left out (\"${max(60, var.minutes)}\")",
        "name: ${var.on ? \"prod\" : \"dev\"} is known to Terraform only",
        "priority of Terraform: left out (\"${var.priority}\")",
    ] {
        assert!(imported.notes.iter().any(|told| told.starts_with(note)), "{note}: {:?}", imported.notes);
    }
    assert_eq!(imported.notes.len(), 6, "{:?}", imported.notes);
}
