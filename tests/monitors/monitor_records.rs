//! Monitors through the records, as whatever stands behind the filter sees them.

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use serde_json::{Value, json};

/// Five points of a minute decide: ALERT from 4, WARN from 2 anomalous ones.
fn ini(keys: &str) -> String {
    format!(
        "[series.q]\nmatch: *\nvalue: $x\nby: $host\nk: 2\nwarm_up: off\n[monitor.high]\non: q\n\
         query: avg(last_1h):anomalies(avg:q{{*}} by {{host}}, 'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.8\n\
         recovery_window: last_5m\n{keys}"
    )
}

fn pipeline(keys: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", &ini(keys)).unwrap(), Format::Json, None)
}

fn usual(minute: i64) -> f64 {
    50.0 + (minute * 7919 % 101) as f64 / 50.0
}

/// The record as it leaves; checks that what was in it stays.
fn pass(p: &mut Pipeline, minute: i64, record: &str) -> Value {
    let mut bytes = record.as_bytes().to_vec();
    p.process(b"app", Time::from_seconds(60 * minute), &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with(record.trim_end_matches('}')), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn point(p: &mut Pipeline, minute: i64, host: &str, x: f64) -> Value {
    pass(p, minute, &format!(r#"{{"host":"{host}","x":{x:?}}}"#))
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Minute and transition of each record that tells one, for a host whose points are `x`.
fn transitions(
    p: &mut Pipeline,
    minutes: std::ops::Range<i64>,
    x: impl Fn(i64) -> Option<f64>,
) -> Vec<(i64, String)> {
    let mut told = Vec::new();
    for minute in minutes {
        let Some(x) = x(minute) else { continue };
        let record = point(p, minute, "a", x);
        if record["anomaly"].get("transition").is_some() {
            told.push((minute, text(&record["anomaly"], "transition")));
        }
    }
    told
}

/// Minute and message of each record of `a` that tells of the silence of `b`, whose last point is that of minute 59.
fn told_of_silence(p: &mut Pipeline, minutes: std::ops::Range<i64>) -> Vec<(i64, String)> {
    let mut told = Vec::new();
    for minute in minutes {
        if minute < 60 {
            point(p, minute, "b", usual(minute));
        }
        let record = point(p, minute, "a", usual(minute));
        told.extend(record["anomaly_silent"]["message"].as_str().map(|message| (minute, message.to_owned())));
    }
    told
}

fn rows(rows: &[(i64, &str)]) -> Vec<(i64, String)> {
    rows.iter().map(|&(minute, transition)| (minute, transition.to_owned())).collect()
}

#[test]
fn warning_becomes_critical_and_both_recover() {
    let mut p = pipeline("warning: 0.4\n");
    let spike = |minute: i64| Some(if (200..205).contains(&minute) { 90.0 } else { usual(minute) });
    let told = transitions(&mut p, 0..300, spike);
    // two, then four of five closed points; none of five from 205 on; a point is closed by the next one
    assert_eq!(told, rows(&[(202, "OK->WARN"), (204, "WARN->ALERT"), (210, "ALERT->OK")]));
}

#[test]
fn the_verdict_has_everything_that_is_promised_and_transitions_come_once() {
    let mut p =
        pipeline("message: {{host.name}} {{value}} {{threshold}} {{#is_alert}}{{observed}}{{/is_alert}}\n");
    for minute in 0..200 {
        point(&mut p, minute, "a", usual(minute));
    }
    let quiet = point(&mut p, 200, "a", 90.0)["anomaly"].clone();
    let keys: Vec<&String> = quiet.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["expected", "is_anomaly", "lower", "monitor", "status", "upper"]);
    assert_eq!(
        (&quiet["monitor"], &quiet["status"], &quiet["is_anomaly"]),
        (&json!("high"), &json!("OK"), &json!(true))
    );
    let number = |name: &str| quiet[name].as_f64().unwrap();
    assert!(number("lower") < number("expected") && number("expected") < number("upper"), "{quiet}");
    for minute in 201..204 {
        assert_eq!(point(&mut p, minute, "a", 90.0)["anomaly"].get("transition"), None);
    }
    let alert = point(&mut p, 204, "a", 90.5)["anomaly"].clone();
    assert_eq!((&alert["status"], &alert["transition"]), (&json!("ALERT"), &json!("OK->ALERT")));
    assert_eq!(alert["message"], "a 0.8 0.8 90.5");
    let next = point(&mut p, 205, "a", 90.0)["anomaly"].clone();
    assert_eq!((&next["status"], next.get("transition"), next.get("message")), (&json!("ALERT"), None, None));
}

#[test]
fn messages_know_since_when_a_state_lasts_as_datadogs_do() {
    let mut p = pipeline(
        "warning: 0.4\nrenotify_interval: 2\nmessage: {{first_triggered_at_epoch}} {{last_triggered_at}} {{triggered_duration_sec}}\n",
    );
    let mut told = Vec::new();
    for minute in 0..300 {
        let x = if (200..208).contains(&minute) { 90.0 } else { usual(minute) };
        let record = point(&mut p, minute, "a", x);
        if let Some(message) = record["anomaly"]["message"].as_str() {
            let what = record["anomaly"]["transition"].as_str().unwrap_or("still");
            told.push(format!("{what}: {message}"));
        }
    }
    // minute 202 is 12 120 s
    assert_eq!(
        told[..4],
        [
            "OK->WARN: 12120000 1970-01-01T03:22:00Z 0",
            "WARN->ALERT: 12120000 1970-01-01T03:24:00Z 120",
            "still: 12120000 1970-01-01T03:24:00Z 240",
            "still: 12120000 1970-01-01T03:24:00Z 360",
        ]
    );
    assert!(told.last().unwrap().starts_with("ALERT->OK: 12120000 1970-01-01T03:24:00Z "), "{told:?}");
}

#[test]
fn a_message_about_silence_says_that_there_is_no_data_and_since_when() {
    let mut p = pipeline(
        "notify_no_data: true\nno_data_timeframe: 12\nmessage: {{host.name}} {{observed}} in {{lower}}..{{upper}} since {{first_triggered_at}}\n",
    );
    let told = told_of_silence(&mut p, 0..100);
    // the bucket of the last point ends with minute 60
    assert_eq!(told, rows(&[(72, "b no data in n/a..n/a since 1970-01-01T01:12:00Z")]));
}

#[test]
fn before_there_is_a_band_a_record_says_that_it_is_not_judged() {
    let mut p = pipeline("");
    for minute in 0..15 {
        let record = point(&mut p, minute, "a", usual(minute));
        assert_eq!(record["anomaly"], json!({"monitor": "high", "warming_up": true}), "minute {minute}");
    }
    assert!(point(&mut p, 15, "a", usual(15))["anomaly"]["expected"].is_f64());
}

#[test]
fn each_host_has_a_state_of_its_own() {
    let mut p = pipeline("");
    let mut alerts = Vec::new();
    for minute in 0..260 {
        for (n, host) in ["a", "b", "c"].iter().enumerate() {
            let from = 200 + 10 * n as i64;
            let high = *host != "c" && (from..from + 20).contains(&minute);
            let record = point(&mut p, minute, host, if high { 90.0 } else { usual(minute) });
            if text(&record["anomaly"], "transition") == "OK->ALERT" {
                alerts.push((minute, (*host).to_owned()));
            }
        }
    }
    assert_eq!(alerts, rows(&[(204, "a"), (214, "b")]));
}

#[test]
fn silence_becomes_no_data_and_is_told_by_the_records_of_others() {
    let mut p = pipeline(
        "notify_no_data: true\nno_data_timeframe: 12\nmessage: {{host.name}}{{#is_no_data}} is silent{{/is_no_data}}\n",
    );
    let mut told = Vec::new();
    for minute in 0..120 {
        if !(60..100).contains(&minute) {
            let record = point(&mut p, minute, "b", usual(minute));
            if record["anomaly"].get("transition").is_some() {
                told.push((minute, text(&record["anomaly"], "transition")));
            }
        }
        let record = point(&mut p, minute, "a", usual(minute));
        let silent = &record["anomaly_silent"];
        if !silent.is_null() {
            assert_eq!((text(silent, "series"), text(silent, "message")), ("b".into(), "b is silent".into()));
            told.push((minute, text(silent, "transition")));
        }
    }
    let [(no_data, first), (back, second)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("OK->NO DATA", "NO DATA->OK"));
    // its last point is that of minute 59; the clock of silent series goes once a bucket
    assert!((72..=74).contains(no_data), "{told:?}");
    assert_eq!(*back, 101, "{told:?}");
}

#[test]
fn the_message_of_a_silence_says_when_it_was_noticed() {
    let mut p = pipeline(
        "notify_no_data: true\nno_data_timeframe: 12\nmessage: {{last_triggered_at}} {{last_triggered_at_epoch}} {{local_time 'last_triggered_at' 'Europe/Vienna'}}\n",
    );
    let told = told_of_silence(&mut p, 0..120);
    assert_eq!(told, rows(&[(72, "1970-01-01T01:12:00Z 4320000 1970-01-01 02:12:00+01:00")]));
}

#[test]
fn reminders_come_while_the_alert_lasts() {
    let mut p = pipeline("renotify_interval: 2\nmessage: still {{value}}\n");
    let mut reminders = Vec::new();
    for minute in 0..240 {
        let x = if minute >= 200 { 500.0 } else { usual(minute) };
        let record = point(&mut p, minute, "a", x);
        if record["anomaly"]["renotify"] == true {
            assert_eq!(record["anomaly"]["status"], "ALERT");
            assert!(text(&record["anomaly"], "message").starts_with("still "), "{record}");
            reminders.push(minute);
        }
    }
    // ALERT from 204 to 210, when the band has followed
    assert_eq!(reminders, [206, 208]);
}

#[test]
fn after_hours_of_silence_a_state_resolves() {
    let mut p = pipeline("timeout_h: 1\n");
    let mut resolved = Vec::new();
    for minute in 0..400 {
        if minute <= 204 {
            point(&mut p, minute, "a", if minute >= 200 { 90.0 } else { usual(minute) });
        }
        let record = point(&mut p, minute, "b", usual(minute));
        if let Some(transition) = record["anomaly_silent"].get("transition") {
            resolved.push((minute, transition.as_str().unwrap().to_owned()));
        }
    }
    let [(minute, transition)] = &resolved[..] else { panic!("{resolved:?}") };
    assert_eq!(transition, "ALERT->OK");
    assert!((264..=267).contains(minute), "{resolved:?}");
}

#[test]
fn a_window_with_gaps_is_not_judged_when_it_has_to_be_full() {
    for (keys, alerts) in [("", 1), ("require_full_window: true\n", 0)] {
        let mut p = pipeline(keys);
        let x = |minute: i64| match minute {
            200..215 if minute % 5 == 0 => None,
            200..215 => Some(90.0),
            _ => Some(usual(minute)),
        };
        let told = transitions(&mut p, 0..215, x);
        assert_eq!(told.iter().filter(|(_, told)| told == "OK->ALERT").count(), alerts, "{keys} {told:?}");
    }
}

#[test]
fn records_of_one_bucket_are_rolled_up_and_late_ones_count_while_it_is_open() {
    let mut p = pipeline("");
    let mut q = pipeline("");
    let mut last = (Value::Null, Value::Null);
    for minute in 0..100 {
        let x = usual(minute);
        // the same mean, from two records in any order within the bucket
        for (second, x) in [(40, x + 3.0), (10, x - 3.0)] {
            let mut bytes = format!(r#"{{"host":"a","x":{x:?}}}"#).into_bytes();
            p.process(b"app", Time::from_seconds(60 * minute + second), &mut bytes);
            last.0 = serde_json::from_slice(&bytes).unwrap();
        }
        last.1 = point(&mut q, minute, "a", x);
    }
    let band = |record: &Value| record["anomaly"]["upper"].as_f64().unwrap();
    assert!((band(&last.0) - band(&last.1)).abs() < 1e-9, "{last:?}");
}

#[test]
fn bad_values_leave_the_record_and_the_state_alone() {
    let mut p = pipeline("");
    let mut clean = pipeline("");
    for minute in 0..200 {
        let bad = [
            r#"{"host":"a"}"#,
            r#"{"host":"a","x":null}"#,
            r#"{"host":"a","x":"high"}"#,
            r#"{"host":"a","x":1e200}"#,
            r#"{"host":"a","x":{"y":1}}"#,
        ];
        let record = bad[usize::try_from(minute).unwrap() % bad.len()];
        let out = pass(&mut p, minute, record);
        assert_eq!(out.get("anomaly"), None, "{out}");
        assert_eq!(out.get("anomaly_error").is_some(), minute % 5 >= 2, "{out}");
        let x = usual(minute);
        assert_eq!(point(&mut p, minute, "a", x), point(&mut clean, minute, "a", x), "minute {minute}");
    }
    for text in ["", "x", "[1]", "{\"x\":1", "{\"x\":NaN}"] {
        let mut bytes = text.as_bytes().to_vec();
        p.process(b"app", Time::from_seconds(0), &mut bytes);
        assert_eq!(bytes, text.as_bytes());
    }
}

#[test]
fn times_at_the_ends_of_the_range_do_no_harm() {
    let mut p = pipeline("notify_no_data: true\n");
    for seconds in [0, 60, i64::MAX, i64::MIN, 120, 9_000_000_000, -9_000_000_000, 0] {
        for x in ["1", "1e100", "-1e100", "5e-324"] {
            let mut bytes = format!(r#"{{"host":"a","x":{x}}}"#).into_bytes();
            p.process(b"app", Time::from_seconds(seconds), &mut bytes);
            let record: Value = serde_json::from_slice(&bytes).unwrap();
            for name in ["expected", "lower", "upper"] {
                assert!(record["anomaly"].get(name).is_none_or(Value::is_number), "{record}");
            }
        }
    }
}

#[test]
fn a_configuration_with_wrong_monitors_tells_all_problems_with_their_keys() {
    let text = ini("warning: 0.9\nrecovery_window: last_1d\ntimeout_h: 99\nrenotify: 5\n").replacen(
        "recovery_window: last_5m\n",
        "",
        1,
    ) + "[monitor.high2]\non: r\nquery: avg(last_1h):anomalies(avg:q{*}, 'basic', 3, alert_window='last_5m', interval=60) >= 1\n";
    let error = Config::parse("f.ini", &text).unwrap_err().to_string();
    for told in [
        "f.ini:10: [monitor.high] warning: ",
        "f.ini:11: [monitor.high] recovery_window: ",
        "f.ini:12: [monitor.high] timeout_h: ",
        "f.ini:13: [monitor.high] renotify: unknown key; did you mean `renotify_interval`?",
        "f.ini:15: [monitor.high2] on: there is no [datadog.r] and no [series.r]",
    ] {
        assert!(error.contains(told), "{told}\n{error}");
    }
    // a name of one letter is near to none: those that there are follow
    assert!(error.ends_with("no [series.r]; allowed: [series.q]"), "{error}");
}
