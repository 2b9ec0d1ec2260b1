//! Windows behind the pipeline's border.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::test_setup::{Clock, PLAIN, TAG, open, pipeline};
use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::time::Time;

/// A whole minute.
pub(super) const START_S: i64 = 1_800_000_000;

/// The window that a record carries away.
fn pass(pipeline: &mut Pipeline, tag: &[u8], seconds: i64, record: &Value) -> Option<Value> {
    let text = record.to_string();
    let mut bytes = text.clone().into_bytes();
    pipeline.process(tag, Time::from_seconds(seconds), &mut bytes);
    let out = String::from_utf8(bytes).unwrap();
    let mut parsed: Value = serde_json::from_str(&out).unwrap();
    let window = parsed.as_object_mut().unwrap().remove("anomaly_window");
    // everything else stays, byte for byte
    match &window {
        None => assert_eq!(out, text),
        Some(_) => assert!(out.starts_with(text.trim_end_matches('}')), "{out}"),
    }
    window
}

/// A number of each window by its begin and the value of its only key field.
pub(super) fn value_of(window: &Value) -> ((i64, String), f64) {
    let by = window["by"].as_object().and_then(|by| by.values().next());
    let key = by.and_then(Value::as_str).unwrap_or_default().to_owned();
    ((window["from"].as_i64().unwrap(), key), window["value"].as_f64().unwrap())
}

#[test]
fn records_are_counted_and_the_next_one_carries_the_closed_window() {
    let ini = format!("[series.errors]\nmatch: app.*\nmeasure: count\nevery: 1m\nby: $service\n{PLAIN}");
    let mut p = pipeline(&ini);
    let record = json!({"service": "a", "code": 500});
    for second in [0, 10, 59, 60, 69] {
        assert_eq!(pass(&mut p, TAG, START_S + second, &record), None, "{second}");
    }
    let window = pass(&mut p, TAG, START_S + 70, &record).unwrap();
    assert_eq!(
        window,
        json!({
            "series": "errors", "by": {"service": "a"}, "measure": "count", "from": START_S, "to": START_S + 60,
            "value": 3.0, "records": 3, "metric_outlier": "changefinder.outlier.errors",
            "score_outlier": window["score_outlier"], "metric_change": "changefinder.change.errors",
            "score_change": window["score_change"],
        })
    );
    assert!(window["score_outlier"].is_f64());
    assert_eq!(pass(&mut p, TAG, START_S + 71, &record), None);
    let counters = p.counters();
    assert_eq!((counters.counted, counters.windows, counters.scored), (7, 1, 0));
}

#[test]
fn each_measure_is_taken_of_the_records_that_the_condition_lets_through() {
    let measures = [
        "count",
        "rate",
        "share $code >= 500",
        "sum $ms",
        "avg $ms",
        "min $ms",
        "max $ms",
        "distinct $user",
        "p50 $ms",
    ];
    let expected = [4.0, 4.0 / 60.0, 0.5, 100.0, 25.0, 10.0, 40.0, 3.0, 20.0];
    let sections: Vec<String> = measures
        .iter()
        .enumerate()
        .map(|(n, measure)| {
            format!("[series.s{n}]\nmatch: *\nwhere: $level == 'x'\nmeasure: {measure}\nevery: 1m\n{PLAIN}")
        })
        .collect();
    let mut p = pipeline(&sections.join("\n"));
    for (n, (ms, code, user)) in
        [(10, 200, "a"), (20, 500, "b"), (30, 404, "a"), (40, 503, "c")].iter().enumerate()
    {
        let record = json!({"level": "x", "ms": ms, "code": code, "user": user});
        assert_eq!(pass(&mut p, TAG, START_S + n as i64, &record), None);
        assert_eq!(pass(&mut p, TAG, START_S + n as i64, &json!({"level": "y", "ms": 1e9})), None);
    }
    // a record that does not count moves the clock all the same
    for (n, (measure, expected)) in measures.iter().zip(expected).enumerate() {
        let window = pass(&mut p, TAG, START_S + 100, &json!({"level": "y"})).unwrap();
        assert_eq!((&window["series"], &window["measure"]), (&json!(format!("s{n}")), &json!(measure)));
        let value = window["value"].as_f64().unwrap();
        assert!((value / expected - 1.0).abs() <= 0.01, "{measure}: {value}");
    }
    assert_eq!(pass(&mut p, TAG, START_S + 100, &json!({"level": "y"})), None);
}

#[test]
fn a_condition_also_holds_for_sections_with_a_value() {
    let mut p = pipeline(&format!("[series.a]\nmatch: *\nvalue: $ms\nwhere: $level == 'x'\n{PLAIN}"));
    for (level, is_scored) in [("x", true), ("y", false)] {
        let mut bytes = json!({"level": level, "ms": 1}).to_string().into_bytes();
        p.process(TAG, Time::from_seconds(0), &mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap().contains("score_outlier"), is_scored);
    }
    assert_eq!(p.counters().scored, 1);
}

#[test]
fn a_silent_series_has_windows_of_zero_until_it_is_forgotten() {
    let ini = format!(
        "[filter]\ntick: tick\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1m\nby: $s\nforget: 5m\n{PLAIN}"
    );
    let clock = Clock::at(START_S);
    let mut p = pipeline(&ini).with_clock(clock.clone());
    assert_eq!(pass(&mut p, TAG, START_S, &json!({"s": "a"})), None);
    let mut values = Vec::new();
    for second in 1..1200 {
        clock.set(START_S + second);
        let window = pass(&mut p, b"tick", START_S + second, &json!({}));
        values.extend(window.map(|window| (second, window["value"].as_f64().unwrap())));
    }
    assert_eq!(values, [(70, 1.0), (130, 0.0), (190, 0.0), (250, 0.0), (310, 0.0)]);
    // it comes back
    clock.set(START_S + 1200);
    assert_eq!(pass(&mut p, TAG, START_S + 1200, &json!({"s": "a"})), None);
    clock.set(START_S + 1270);
    let window = pass(&mut p, b"tick", START_S + 1270, &json!({})).unwrap();
    assert_eq!((&window["from"], &window["value"]), (&json!(START_S + 1200), &json!(1.0)));
}

#[test]
fn a_file_that_is_read_after_the_fact_has_the_windows_of_its_own_time() {
    let ini = format!("[series.n]\nmatch: *\nmeasure: count\nevery: 1m\n{PLAIN}");
    let clock = Clock::at(START_S + 1_000_000);
    let mut p = pipeline(&ini).with_clock(clock.clone());
    let mut values = Vec::new();
    for second in 0..300 {
        clock.set(START_S + 1_000_000 + second / 100);
        let window = pass(&mut p, TAG, START_S + second, &json!({}));
        values.extend(window.map(|window| window["value"].as_f64().unwrap()));
    }
    assert_eq!(values, [60.0; 4]);
}

#[test]
fn a_record_from_the_future_closes_no_window() {
    let ini = format!("[series.n]\nmatch: *\nmeasure: count\nevery: 1m\n{PLAIN}");
    let clock = Clock::at(START_S);
    let mut p = pipeline(&ini).with_clock(clock.clone());
    let mut values = Vec::new();
    for second in 0..200 {
        clock.set(START_S + second);
        let ahead_s = if second % 7 == 3 { 300 } else { 0 };
        let window = pass(&mut p, TAG, START_S + second + ahead_s, &json!({}));
        values.extend(
            window.map(|window| (window["from"].as_i64().unwrap() - START_S, window["value"].clone())),
        );
    }
    assert_eq!(p.counters().late, 0);
    let in_time = |from: i64| (from..from + 60).filter(|second| second % 7 != 3).count() as f64;
    assert_eq!(values, [0, 60, 120].map(|from| (from, json!(in_time(from)))));
}

#[test]
fn a_late_record_is_counted_told_and_left_out() {
    let ini = format!("[series.n]\nmatch: *\nmeasure: count\nevery: 1m\nlate: 10s\n{PLAIN}");
    let mut p = pipeline(&ini);
    for second in [0, 65, 59, 70, 59, 30, 71] {
        pass(&mut p, TAG, START_S + second, &json!({}));
    }
    assert_eq!((p.counters().late, p.counters().counted), (2, 5));
    let log = p.take_log().join("\n");
    assert!(
        log.contains("[series.n] time of the event: the record comes after its window was closed"),
        "{log}"
    );
}

#[test]
fn a_day_is_that_of_the_zone() {
    let ini = format!(
        "[filter]\ntick: t\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1d\ntimezone: Europe/Vienna\n{PLAIN}"
    );
    let clock = Clock::at(START_S);
    let mut p = pipeline(&ini).with_clock(clock.clone());
    // from 2026-10-24 00:00 in Vienna, a record an hour; clocks go back on the 25th
    let first_s = 1_792_792_800;
    let mut days = Vec::new();
    for hour in 0..100 {
        clock.set(first_s + 3600 * hour + 60);
        let window = pass(&mut p, TAG, first_s + 3600 * hour, &json!({}));
        let by_tick = pass(&mut p, b"t", first_s + 3600 * hour + 60, &json!({}));
        days.extend(window.or(by_tick).map(|window| {
            let length_s = window["to"].as_i64().unwrap() - window["from"].as_i64().unwrap();
            (length_s / 3600, window["value"].as_f64().unwrap())
        }));
    }
    assert_eq!(days, [(24, 24.0), (25, 25.0), (24, 24.0), (24, 24.0)]);
}

#[test]
fn an_hour_is_that_of_the_zone() {
    let ini = format!(
        "[filter]\ntick: t\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1h\ntimezone: Asia/Kolkata\n{PLAIN}"
    );
    let mut p = pipeline(&ini);
    let mut hours = Vec::new();
    // from 2026-11-23 00:00 UTC, a record a minute; clocks in Kolkata show 05:30
    for minute in 0..200 {
        let time_s = 1_795_392_000 + 60 * minute;
        hours.extend(pass(&mut p, TAG, time_s, &json!({})).map(|window| {
            (window["from"].as_i64().unwrap() - 1_795_392_000, window["value"].as_f64().unwrap())
        }));
    }
    assert_eq!(hours, [(-1800, 30.0), (1800, 60.0), (5400, 60.0)]);
}

#[test]
fn windows_of_a_second_go_on_without_gaps_where_the_clocks_of_a_zone_change() {
    let ini = format!("[filter]\ntick: t\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1s\n{PLAIN}");
    // 2026-03-29 and 2026-10-25, 02:00 in Vienna, are 01:00 UTC
    for change_s in [1_774_746_000, 1_792_890_000] {
        let mut p = pipeline(&ini);
        let mut windows = Vec::new();
        for half in -20..20 {
            let record = json!({"local": "text"});
            let window = pass(&mut p, TAG, change_s + half / 2, &record);
            windows.extend(window.map(|window| (value_of(&window).0.0, window["value"].as_f64().unwrap())));
        }
        // toward zero, second 0 has three halves
        let expected: Vec<_> = (-10..8_i64).map(|s| (change_s + s, if s == 0 { 3.0 } else { 2.0 })).collect();
        assert_eq!(windows[1..], expected[1..windows.len()]);
        assert!(windows.len() >= 17, "{windows:?}");
    }
    // a minute begins at the same time everywhere
    for every in ["1s", "1m", "15m"] {
        let ini = ini.replace("every: 1s", &format!("every: {every}\ntimezone: Europe/Vienna"));
        let error = Config::parse("f.ini", &ini).unwrap_err();
        assert!(
            error.to_string().contains("timezone: has no effect on windows that divide a quarter"),
            "{error}"
        );
    }
}

#[test]
fn times_that_jump_close_no_window_twice_and_lose_no_record() {
    let ini = format!("[series.n]\nmatch: *\nmeasure: count\nevery: 1m\nby: $s\n{PLAIN}");
    let mut p = pipeline(&ini);
    let mut told: BTreeMap<i64, f64> = BTreeMap::new();
    let year = 365 * 86_400;
    for n in 0..3000 {
        let seconds = match n % 10 {
            3 => START_S + 40 * year,
            6 => START_S - 40 * year,
            9 => i64::from(i32::MAX) * 4,
            _ => START_S + n / 5,
        };
        if let Some(window) = pass(&mut p, TAG, seconds, &json!({"s": "a"})) {
            let ((from_s, _), value) = value_of(&window);
            assert_eq!(told.insert(from_s, value), None, "{window}");
        }
    }
    // each minute of the seven in ten that tell the time; the last one is open
    let minutes: Vec<f64> = told.range(START_S..START_S + 540).map(|(_, value)| *value).collect();
    assert_eq!(minutes, [210.0; 9]);
    let counters = p.counters();
    assert_eq!(counters.counted + counters.late + counters.ahead, 3000);
}

#[test]
fn an_expression_that_explodes_elsewhere_counts_its_lines_and_others_are_refused() {
    let ini = |regex: &str| {
        format!("[series.n]\nmatch: *\nwhere: $log matches {regex}\nmeasure: count\nevery: 1m\n{PLAIN}")
    };
    let mut p = pipeline(&ini("/^(a+)+$/"));
    let long = "a".repeat(20_000);
    for log in [long.clone(), format!("{long}!"), "aaa".to_owned()] {
        assert_eq!(pass(&mut p, TAG, START_S, &json!({"log": log})), None);
    }
    assert_eq!(p.counters().counted, 2);
    for regex in [r"/(a)\1/", "/(?=a)b/", "/a{1000}{1000}/"] {
        let error = Config::parse("f.ini", &ini(regex)).unwrap_err().to_string();
        assert!(error.contains('^') && error.contains("where"), "{regex}: {error}");
    }
}

#[test]
fn a_monitor_judges_windows_and_its_verdict_goes_with_them() {
    let query = "avg(last_10m):anomalies(sum:logs.errors{*}.as_count(), 'basic', 2, direction='above', \
                 alert_window='last_5m', interval=60, count_default_zero='true') >= 1";
    let ini = format!(
        "[series.errors]\nmatch: *\nmeasure: count\nevery: 1m\n{PLAIN}\n[monitor.many]\non: errors\nquery: {query}\n"
    );
    let mut p = pipeline(&ini);
    let mut seen = Vec::new();
    for minute in 0..200 {
        let count = if minute >= 180 { 300 } else { 10 + minute % 3 };
        for n in 0..count {
            let window = pass(&mut p, TAG, START_S + 60 * minute + n % 60, &json!({}));
            let transition = |window: Value| window["anomaly"]["transition"].as_str().map(str::to_owned);
            seen.extend(window.and_then(transition).map(|transition| (minute, transition)));
        }
    }
    assert_eq!(seen.first(), Some(&(186, "OK->ALERT".to_owned())));
    assert!(seen.len() <= 2, "{seen:?}");
}

#[test]
fn alarming_windows_leave_first() {
    const LAST: i64 = 2000;
    let ini = "[filter]\ntick: tick\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 1m\nby: $s\nk: 2\nalarms: 1/day\n";
    let clock = Clock::at(START_S);
    let mut p = pipeline(ini).with_clock(clock.clone());
    let services: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
    for minute in 0..=LAST {
        for (at, service) in services.iter().enumerate() {
            let usual = 10 + (minute * 7919 + 31 * at as i64) % 7;
            let count = if minute == LAST - 1 && at == 8 { 500 } else { usual };
            // the last minute closes no window
            for n in 0..count.min(if minute == LAST { 9 } else { count }) {
                let time_s = START_S + 60 * minute + n % 60;
                clock.set(time_s);
                let mut bytes = json!({"s": service}).to_string().into_bytes();
                p.process(TAG, Time::from_seconds(time_s), &mut bytes);
            }
        }
    }
    let mut left = Vec::new();
    for second in 0..30 {
        let time_s = START_S + 60 * LAST + 15 + second;
        clock.set(time_s);
        left.extend(pass(&mut p, b"tick", time_s, &json!({})));
    }
    assert!(left.len() >= 10, "{}", left.len());
    assert_eq!((&left[0]["is_alarm"], &left[0]["by"]["s"]), (&json!(true), &json!("s8")));
    assert!(left.is_sorted_by_key(|window| window["is_alarm"] != json!(true)));
}

#[test]
fn series_beyond_the_cap_are_evicted_and_counted() {
    let ini = format!(
        "[filter]\nmax_series: 50\nstate: off\n[series.n]\nmatch: *\nmeasure: count\nevery: 1s\nby: $s\n{PLAIN}"
    );
    let mut p = pipeline(&ini);
    let mut told = 0.0;
    for n in 0..5000 {
        let window =
            pass(&mut p, TAG, START_S + n / 1000, &json!({"s": if n % 2 == 0 { n % 20 } else { 1000 + n }}));
        told += window.map_or(0.0, |window| window["value"].as_f64().unwrap());
    }
    assert_eq!(p.series(), (50, 2460));
    assert!(told > 0.0 && told <= 5000.0, "{told}");
}

#[test]
fn a_changed_section_begins_anew_and_a_new_monitor_does_not() {
    let section = |every: &str| format!("[series.n]\nmatch: *\nmeasure: count\nevery: {every}\n{PLAIN}");
    let monitor = "[monitor.m]\non: n\nquery: avg(last_1h):anomalies(sum:logs.n{*}.as_count(), 'basic', 2, alert_window='last_15m', interval=60) >= 0.5\n";
    let disk = MemoryStorage::new();
    let mut first = open(&section("1m"), &disk);
    for second in 0..30 {
        pass(&mut first, TAG, START_S + second, &json!({}));
    }
    drop(first);
    // the open window goes on with a monitor beside it
    let mut second = open(&format!("{}{monitor}", section("1m")), &disk);
    pass(&mut second, TAG, START_S + 59, &json!({}));
    let window = pass(&mut second, TAG, START_S + 70, &json!({})).unwrap();
    assert_eq!((&window["value"], &window["anomaly"]["monitor"]), (&json!(31.0), &json!("m")));
    drop(second);
    let mut third = open(&section("5m"), &disk);
    assert_eq!(third.series().0, 0);
    pass(&mut third, TAG, START_S + 80, &json!({}));
    let log = third.take_log().join("\n");
    assert!(log.contains("section [series.n] was changed or removed: 1 saved models"), "{log}");
}
