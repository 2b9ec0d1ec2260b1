//! Windows of records that lack something, of values at the ends of their range, and of times that jump.

use serde_json::{Value, json};

use super::test_setup::{self, PLAIN, TAG, log, open};
use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::time::Time;

/// A whole day.
const START_S: i64 = 1_799_971_200;
const DAY_S: i64 = 86_400;

fn section(measure: &str, more: &str) -> String {
    format!("[series.a]\nmatch: app.*\nmeasure: {measure}\nevery: 1m\n{more}{PLAIN}")
}

fn pipeline(ini: &str) -> Pipeline {
    let mut pipeline = test_setup::pipeline(ini);
    pipeline.make_window_records();
    pipeline
}

/// What a record closes, with `windows: records`.
fn pass(p: &mut Pipeline, seconds: i64, record: &str) -> Vec<Value> {
    let mut bytes = record.as_bytes().to_vec();
    p.process(TAG, Time::from_seconds(seconds), &mut bytes);
    assert_eq!(String::from_utf8(bytes).unwrap(), record, "the record stays as it is");
    std::iter::from_fn(|| p.take_window_record())
        .map(|window| {
            let record: Value = serde_json::from_slice(&window.record).expect("JSON");
            record["anomaly_window"].clone()
        })
        .collect()
}

/// The windows over these records of one second, and what the log says of those that are not counted.
fn windows_and_log(measure: &str, records: &[&str]) -> (Vec<Value>, String) {
    let mut p = pipeline(&section(measure, "windows: records\n"));
    for record in records {
        pass(&mut p, START_S, record);
    }
    (pass(&mut p, START_S + 70, "{}"), log(&mut p))
}

/// The values of the windows over these records, a second each.
fn values(measure: &str, more: &str, records: &[&str]) -> Vec<Option<f64>> {
    let mut p = pipeline(&section(measure, &format!("{more}windows: records\n")));
    let mut windows: Vec<Value> = Vec::new();
    for (n, record) in records.iter().enumerate() {
        windows.extend(pass(&mut p, START_S + n as i64, record));
    }
    // a step that no clock doubts
    windows.extend(pass(&mut p, START_S + 70, "{}"));
    windows.iter().map(|window| window["value"].as_f64()).collect()
}

#[test]
fn a_window_without_records_is_zero_for_every_measure_that_asks_for_it() {
    let more = "where: $ms exists\n";
    for measure in ["p95 $ms", "avg $ms", "min $ms", "max $ms", "share $ms > 5", "sum $ms", "distinct $ms"] {
        for (empty, expected) in [("zero", 3), ("skip", 1)] {
            let mut p = pipeline(&section(measure, &format!("{more}empty: {empty}\nwindows: records\n")));
            pass(&mut p, START_S, r#"{"ms":7}"#);
            let mut found = Vec::new();
            for minute in 1..4 {
                for second in 0..60 {
                    found.extend(pass(&mut p, START_S + 60 * minute + second, r#"{"other":1}"#));
                }
            }
            let found: Vec<f64> = found.iter().map(|window| window["value"].as_f64().unwrap()).collect();
            assert_eq!(found.len(), expected, "{measure} {empty}");
            assert!(found[1..].iter().all(|value| *value == 0.0), "{measure} {found:?}");
        }
    }
}

#[test]
fn a_record_without_a_field_of_its_key_counts_nowhere_unless_the_section_shares_them() {
    let records =
        [r#"{"s":"x","r":1,"h":true}"#, r#"{"s":"x","r":1}"#, r#"{"s":"x","r":null,"h":true}"#, "{}"];
    for (more, expected, told) in [
        (
            "",
            1,
            "3 records lack one of s, r, h (`by` of [series.a]); those count in no window; `without_by: share`",
        ),
        (
            "without_by: share\n",
            4,
            "3 records lack one of s, r, h (`by` of [series.a]); those share one model",
        ),
    ] {
        let mut p =
            pipeline(&section("count", &format!("by: $s, $r, $h\nempty: skip\n{more}windows: records\n")));
        for record in records {
            pass(&mut p, START_S, record);
        }
        assert_eq!(p.counters().counted, expected, "{more}");
        let windows = pass(&mut p, START_S + 70, r#"{"s":"x","r":1,"h":true}"#);
        assert_eq!(windows.len() as u64, expected, "{windows:?}");
        assert_eq!(windows[0]["by"], json!({"s": "x", "r": "1", "h": "true"}));
        let log = log(&mut p);
        assert!(log.contains(told), "{log}");
    }
}

#[test]
fn values_at_the_ends_of_their_range_make_windows_of_finite_numbers_or_of_none() {
    let one = |measure: &str, records: &[&str]| {
        let values = values(measure, "", records);
        assert_eq!(values.len(), 1, "{measure} {values:?}");
        values[0]
    };
    let close = |found: Option<f64>, expected: f64| {
        let found = found.expect("a number");
        assert!((found - expected).abs() <= 0.01 * expected.abs(), "{found} {expected}");
    };
    close(one("p50 $v", &[r#"{"v":-5}"#, r#"{"v":-5000}"#]), -5000.0);
    close(one("p50 $v", &[r#"{"v":-5}"#, r#"{"v":-5000}"#, r#"{"v":-0.25}"#]), -5.0);
    assert_eq!(one("p99 $v", &[r#"{"v":1e101}"#, r#"{"v":-1e308}"#, r#"{"v":1e100}"#]), Some(1e100));
    close(one("p50 $v", &[r#"{"v":1e-300}"#, r#"{"v":1e-300}"#]), 1e-300);
    assert_eq!(one("p50 $v", &[r#"{"v":0}"#, r#"{"v":-0.0}"#, r#"{"v":0.0}"#]), Some(0.0));
    assert_eq!(one("max $v", &[r#"{"v":1e999}"#, r#"{"v":"NaN"}"#, r#"{"v":-3}"#]), Some(-3.0));
    assert_eq!(one("sum $v", &[r#"{"v":"12.5"}"#, r#"{"v":12.5}"#]), Some(25.0));
    // what no model takes is told, and leaves the others alone
    let (windows, log) = windows_and_log("sum $v", &[r#"{"v":1e308}"#, r#"{"v":1e308}"#, r#"{"v":3}"#]);
    assert_eq!(windows[0]["value"], 3.0);
    assert!(log.contains("that is no number; the first of them: beyond 1e100"), "{log}");
}

#[test]
fn a_text_that_is_a_number_or_has_the_unit_of_the_section_is_measured() {
    let records = [r#"{"v":"12.5ms"}"#, r#"{"v":"2 s"}"#, r#"{"v":" 7 "}"#, r#"{"v":3}"#, r#"{"v":"fast"}"#];
    assert_eq!(values("sum $v", "unit: ms\n", &records), [Some(2022.5)]);
    let (windows, log) = windows_and_log("sum $v", &records);
    assert_eq!(windows[0]["value"], 10.0);
    assert!(log.contains("3 records have $v (the value of [series.a]) that is no number; the first of them: a text with a unit (the key `unit` reads those)"), "{log}");
}

#[test]
fn a_map_is_no_value_that_differs_which_the_log_tells() {
    let records =
        [r#"{"user":{"id":1}}"#, r#"{"user":[1]}"#, r#"{"user":1}"#, r#"{"user":"1"}"#, r#"{"user":true}"#];
    let (windows, log) = windows_and_log("distinct $user", &records);
    assert_eq!(windows[0]["value"], 2.0, "a text and a number that read the same are one: {windows:?}");
    assert!(log.contains("2 records have $user (the value of [series.a]) that is no"), "{log}");
}

#[test]
fn a_share_without_records_is_no_window() {
    let found =
        values("share $code >= 500", "where: $level exists\n", &[r#"{"code":500}"#, r#"{"code":200}"#]);
    assert_eq!(found, []);
}

/// Begin, length and value of the windows of a day over some days, an hour between two records.
fn days(zone: &str, from_s: i64, days: i64) -> Vec<(i64, i64, f64)> {
    let mut p = pipeline(&format!(
        "[series.a]\nmatch: app.*\nmeasure: rate\nevery: 1d\ntimezone: {zone}\nwindows: records\n{PLAIN}"
    ));
    let mut found = Vec::new();
    for minute in 0..days * 24 * 12 {
        for window in pass(&mut p, from_s + 300 * minute, "{}") {
            let number = |name: &str| window[name].as_i64().unwrap();
            found.push((number("from"), number("to") - number("from"), window["value"].as_f64().unwrap()));
        }
    }
    found
}

#[test]
fn a_day_of_another_length_has_the_rate_of_its_own_seconds_in_zones_of_any_offset() {
    // 2026: both changes of each zone lie within the days, where it has any
    for (zone, lengths) in [
        ("Europe/Vienna", [23, 25]),
        ("Australia/Lord_Howe", [0, 0]),
        ("Australia/Adelaide", [25, 23]),
        ("Pacific/Chatham", [25, 23]),
        ("America/Havana", [23, 25]),
        ("Asia/Kolkata", [24, 24]),
    ] {
        let (spring, autumn) = (1_774_500_000, 1_792_500_000);
        let mut seen = Vec::new();
        for from_s in [spring - 25 * DAY_S, autumn - 35 * DAY_S] {
            for (_, length_s, rate) in days(zone, from_s, 50).into_iter().skip(1) {
                // a record each five minutes, whatever the length of the day
                assert!((rate * 300.0 - 1.0).abs() < 1e-9, "{zone} {length_s} {rate}");
                if length_s != DAY_S {
                    seen.push(length_s);
                }
            }
        }
        let expected: Vec<i64> = match zone {
            "Asia/Kolkata" => vec![],
            "Australia/Lord_Howe" => vec![DAY_S + 1800, DAY_S - 1800],
            _ => lengths.iter().map(|hours| hours * 3600).collect(),
        };
        assert_eq!(seen, expected, "{zone}");
    }
}

#[test]
fn a_stop_of_hours_makes_up_no_more_windows_of_silence_than_a_day_of_minutes_has() {
    let mut p = pipeline(&section("count", "by: $s\nwindows: records\nforget: 7d\n"));
    for second in 0..120 {
        pass(&mut p, START_S + second, r#"{"s":"x"}"#);
    }
    // the third record that agrees on the time moves the clock
    let mut windows = Vec::new();
    for n in 0..4 {
        windows.extend(pass(&mut p, START_S + 3 * DAY_S + n, r#"{"s":"x"}"#));
    }
    let zeros = windows.iter().filter(|window| window["value"] == 0.0).count();
    assert!((1400..=1440).contains(&zeros), "{zeros} of {}", windows.len());
    assert_eq!(p.counters().late, 0);
}

#[test]
fn a_clock_that_jumps_by_a_year_and_back_goes_on_with_windows_of_the_right_time() {
    let mut p = pipeline(&section("count", "windows: records\n"));
    let mut windows = Vec::new();
    let year_s = 365 * DAY_S;
    for second in 0..300 {
        windows.extend(pass(&mut p, START_S + second, "{}"));
    }
    for second in 0..200 {
        windows.extend(pass(&mut p, START_S + year_s + second, "{}"));
    }
    for second in 300..900 {
        windows.extend(pass(&mut p, START_S + second, "{}"));
    }
    let full = |from_s: i64| windows.iter().any(|window| window["from"] == from_s && window["value"] == 60.0);
    assert!(full(START_S) && full(START_S + year_s + 60) && full(START_S + 780), "{windows:?}");
    // nothing of it is made up for a year
    assert!(windows.len() < 2000, "{}", windows.len());
}

/// The values of the windows that records carry, a record each of these seconds.
fn carried(p: &mut Pipeline, seconds: std::ops::Range<i64>) -> Vec<Value> {
    let mut carried = Vec::new();
    for second in seconds {
        let mut bytes = b"{}".to_vec();
        p.process(TAG, Time::from_seconds(START_S + second), &mut bytes);
        let record: Value = serde_json::from_slice(&bytes).unwrap();
        carried.extend(record.get("anomaly_window").map(|window| window["value"].clone()));
    }
    carried
}

#[test]
fn a_tick_that_a_section_counts_too_is_counted_and_carries() {
    let mut p = test_setup::pipeline(&format!("[filter]\ntick: app.*\n{}", section("count", "")));
    assert_eq!(carried(&mut p, 0..140), [json!(60.0), json!(60.0)]);
}

#[test]
fn a_section_with_another_name_begins_anew_and_the_log_tells() {
    let disk = MemoryStorage::new();
    let mut p = open(&section("count", ""), &disk);
    for second in 0..90 {
        p.process(TAG, Time::from_seconds(START_S + second), &mut b"{}".to_vec());
    }
    drop(p);
    let mut p = open(&section("count", "").replace("series.a", "series.b"), &disk);
    // what was counted before is gone with its section
    assert_eq!(carried(&mut p, 90..190), [json!(30.0)]);
    let log = p.take_log().join("\n");
    assert!(log.contains("section [series.a] was changed or removed: 1 saved models"), "{log}");
}

#[test]
fn keys_that_mean_nothing_beside_a_measure_are_told() {
    let told = |more: &str| Config::parse("f.ini", &section("sum $v", more)).unwrap_err().to_string();
    assert!(told("nulls: zero\n").contains("nulls: goes with `value`"));
    let count = section("count", "unit: ms\n");
    let told_of_count = Config::parse("f.ini", &count).unwrap_err().to_string();
    assert!(
        told_of_count.contains("unit: goes with `value`, or with a `measure` of numbers"),
        "{told_of_count}"
    );
    assert!(told("value: $v\n").contains("a section has `value` or `measure`"));
    let every = |text: &str| {
        let ini = section("count", "").replace("every: 1m", &format!("every: {text}"));
        Config::parse("f.ini", &ini).err().map(|error| error.to_string())
    };
    for fine in ["1s", "90s", "1h", "1d", "1w", "7d"] {
        assert_eq!(every(fine), None, "{fine}");
    }
    for wrong in ["7m", "5h", "8d", "0s", "1 m 30 s", "60", "1.5m"] {
        assert!(
            every(wrong).is_some_and(|told| told.contains("that divides a day, or whole days")),
            "{wrong}"
        );
    }
}
