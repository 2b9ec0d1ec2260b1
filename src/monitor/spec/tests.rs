use super::*;

const QUERY: &str = "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 0.8";

fn raw(keys: &[(&str, &str)]) -> RawMonitor {
    let mut raw = RawMonitor { query: Some(QUERY.to_owned()), ..RawMonitor::default() };
    for (key, value) in keys {
        assert!(raw.set(key, *value), "{key}");
    }
    raw
}

fn problems(keys: &[(&str, &str)]) -> Vec<String> {
    MonitorSpec::check(&raw(keys)).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_section_of_the_design() {
    let spec = MonitorSpec::check(&raw(&[
        ("warning", "0.5"),
        ("recovery_window", "last_15m"),
        ("timezone", "Europe/Vienna"),
    ]))
    .unwrap();
    assert_eq!((spec.critical, spec.warning), (0.8, Some(0.5)));
    assert_eq!((spec.critical_recovery, spec.warning_recovery), (0.0, 0.0));
    assert_eq!((spec.bucket_s(), spec.trigger_points(), spec.recovery_points()), (60, 15, 15));
    assert_eq!(spec.zone.as_ref().map(Zone::name), Some("Europe/Vienna"));
    assert_eq!(spec.query.timezone.as_deref(), Some("Europe/Vienna"));
    assert_eq!(spec.no_data_timeframe_min, 30);
    assert_eq!((spec.open_buckets(), spec.renotify_interval_min, spec.timeout_h), (1, None, None));
    assert!(!spec.require_full_window && !spec.notify_no_data);
}

#[test]
fn recovery_windows_of_the_documentation() {
    for (threshold, window, allowed) in [
        ("0.5", "last_120m", false),
        ("0.5", "last_121m", true),
        ("0.5", "last_4h", true),
        ("0.5", "last_241m", false),
        ("0.8", "last_48m", false),
        ("0.8", "last_49m", true),
        ("0.8", "last_240m", true),
        ("1", "last_1m", true),
    ] {
        let query = QUERY.replace("last_15m", "last_4h").replace(">= 0.8", &format!(">= {threshold}"));
        let result = MonitorSpec::check(&raw(&[("query", &query), ("recovery_window", window)]));
        match result {
            Ok(spec) => {
                assert!(allowed, "{threshold} {window}");
                assert_eq!(spec.recovery_window.to_string(), window);
            }
            Err(problems) => {
                assert!(!allowed, "{problems:?}");
                assert_eq!(problems[0].key(), "recovery_window");
            }
        }
    }
    assert_eq!(
        problems(&[("query", &QUERY.replace("last_15m", "last_4h")), ("recovery_window", "last_48m")]),
        [
            "recovery_window: last_48m is not allowed; allowed is 49 to 240 min (trigger window x (1 - critical) + 1 min to the trigger window)"
        ]
    );
}

/// Each row is one mistake; the text names the key, the value given, and what is allowed.
#[test]
fn each_problem_names_its_key_the_value_and_what_is_allowed() {
    for (key, value, allowed) in [
        ("critical", "0.9", "the threshold of the query (0.8)"),
        ("critical", "80%", "above 0, at most 1"),
        ("critical", "0", "above 0, at most 1"),
        ("critical", "nan", "above 0, at most 1"),
        ("critical_recovery", "0.8", "a share below critical (0.8)"),
        ("critical_recovery", "-0.1", "from 0, below 1"),
        ("warning", "0.8", "a share below critical (0.8)"),
        ("warning", "1.5", "above 0, at most 1"),
        ("warning_recovery", "0", "none without warning"),
        ("trigger_window", "last_30m", "the alert_window of the query (last_15m)"),
        ("trigger_window", "15 minutes", "last_15m"),
        ("recovery_window", "last_3m", "4 to 15 min"),
        ("recovery_window", "", "last_15m"),
        ("direction", "above", "the direction of the query (below)"),
        ("direction", "sideways", "above, below or both"),
        ("require_full_window", "yes", "true or false"),
        ("notify_no_data", "1", "true or false"),
        ("new_group_delay", "-1", "from 0 to 604800 s"),
        ("evaluation_delay", "1.5", "from 0 to 86400 s"),
        ("evaluation_delay", "15360", "at most 15300 s: 255 intervals of 60 s"),
        ("no_data_timeframe", "0", "from 1 to 1440 min"),
        ("renotify_interval", "often", "from 0 to 10080 min"),
        ("timeout_h", "25", "from 0 to 24 h"),
        ("timezone", "Europe/Wien", "a name of the IANA database; similar ones are"),
        ("priority", "6", "a whole number from 1 to 5"),
    ] {
        let found = problems(&[(key, value)]);
        assert_eq!(found.len(), 1, "{found:?}");
        let shown = if value.is_empty() { "an empty value" } else { value };
        assert!(found[0].starts_with(&format!("{key}: {shown} is not allowed; allowed is ")), "{found:?}");
        assert!(found[0].contains(allowed), "{found:?}");
    }
}

#[test]
fn a_zone_needs_a_daily_or_weekly_season() {
    let hourly = QUERY.replace("daily", "hourly");
    let basic = QUERY.replace("'agile'", "'basic'").replace(", seasonality='daily'", "");
    for query in [&hourly, &basic] {
        let found = problems(&[("query", query), ("timezone", "Europe/Vienna")]);
        assert!(
            found[0].starts_with("timezone: Europe/Vienna is not allowed; allowed is one with"),
            "{found:?}"
        );
        assert!(MonitorSpec::check(&raw(&[("query", query), ("timezone", "UTC")])).is_ok());
    }
    // weekly is what agile uses when the query names no season
    let weekly = QUERY.replace(", seasonality='daily'", "");
    assert!(MonitorSpec::check(&raw(&[("query", &weekly), ("timezone", "Europe/Vienna")])).is_ok());
}

#[test]
fn zone_of_the_query_and_zone_of_the_key_are_the_same() {
    let query = QUERY.replace("'daily'", "'daily', timezone='Europe/Vienna'");
    let spec = MonitorSpec::check(&raw(&[("query", &query), ("timezone", "europe/vienna")])).unwrap();
    assert_eq!(spec.zone.map(|zone| zone.name()), Some("Europe/Vienna"));
    let found = problems(&[("query", &query), ("timezone", "Europe/Berlin")]);
    assert_eq!(
        found,
        ["timezone: Europe/Berlin is not allowed; allowed is the timezone of the query (Europe/Vienna)"]
    );
}

#[test]
fn the_direction_may_come_from_the_key() {
    let query = QUERY.replace("direction='below', ", "");
    let spec = MonitorSpec::check(&raw(&[("query", &query), ("direction", "above")])).unwrap();
    assert_eq!(spec.query.side(), super::super::query::Direction::Above);
}

#[test]
fn all_problems_come_at_once_those_of_the_query_included() {
    let found = problems(&[
        ("query", &QUERY.replace("interval=60", "interval=600").replace("'agile'", "'adaptive'")),
        ("warning", "2"),
        ("timeout_h", "x"),
        ("message", "fine"),
    ]);
    assert_eq!(found.len(), 4, "{found:?}");
    let keys: Vec<_> = found.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(keys, ["query", "query", "warning", "timeout_h"]);
}

#[test]
fn a_missing_query_is_a_problem_of_its_own() {
    let problems = MonitorSpec::check(&RawMonitor::default()).unwrap_err();
    assert_eq!(problems[0].key(), "query");
    assert!(problems[0].message().starts_with("missing; allowed is avg(<query_window>)"));
}

#[test]
fn every_key_can_be_set_and_read() {
    let mut raw = RawMonitor::default();
    for key in RawMonitor::KEYS {
        assert!(raw.set(key, "x"));
        assert_eq!(raw.get(key), Some("x"));
    }
    assert!(!raw.set("on", "cpu"));
    assert_eq!(raw.get("on"), None);
}

#[test]
fn a_recovery_threshold_needs_a_longer_recovery_window() {
    // 15 min x 0.2 / 0.5 + 1 min = 7 min
    assert!(
        MonitorSpec::check(&raw(&[("critical_recovery", "0.5"), ("recovery_window", "last_7m")])).is_ok()
    );
    let found = problems(&[("critical_recovery", "0.5"), ("recovery_window", "last_6m")]);
    assert!(found[0].contains("7 to 15 min") && found[0].contains("critical_recovery"), "{found:?}");
}
