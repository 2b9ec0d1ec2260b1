use super::*;
use crate::bank::MemoryStorage;

pub(super) const TAG: &[u8] = b"app.web";

pub(super) fn pipeline(ini: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None)
}

pub(super) fn pass(pipeline: &mut Pipeline, tag: &[u8], seconds: i64, record: &str) -> String {
    let mut bytes = record.as_bytes().to_vec();
    pipeline.process(tag, Time::from_seconds(seconds), &mut bytes);
    String::from_utf8(bytes).unwrap()
}

pub(super) fn noisy(n: i64) -> f64 {
    50.0 + (n * 7919 % 101) as f64 / 50.0
}

pub(super) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const LATENCY: &str = "[series.latency]\nmatch: app.*\nvalue: $ms\nby: $service, $host\nwithout_by: share\nk: 2\nwarm_up: off\nanomaly_score: off\n";

#[test]
fn a_record_of_another_tag_or_without_the_value_passes_untouched() {
    let mut p = pipeline(LATENCY);
    for (tag, record) in [
        (&b"db"[..], r#"{"ms":1}"#),
        (TAG, r#"{"other":1}"#),
        (TAG, r#"{"ms":null}"#),
        (TAG, ""),
        (TAG, "x"),
        (TAG, r#"[{"ms":1}]"#),
        (TAG, r#""ms""#),
        (TAG, r#"{"ms":NaN}"#),
        (TAG, r#"{"ms":1"#),
    ] {
        assert_eq!(pass(&mut p, tag, 0, record), record);
    }
}

#[test]
fn a_value_that_is_no_finite_number_is_told_and_not_learned() {
    let mut p = pipeline(LATENCY);
    for (value, told) in [
        ("\"slow\"", "[series.latency] $ms is a text, not a number: the record is not scored"),
        (
            "\"12 ms\"",
            "[series.latency] $ms is a text with a unit (the key `unit` reads those), not a number: the record is not scored",
        ),
        ("true", "[series.latency] $ms is a truth value, not a number: the record is not scored"),
        ("{}", "[series.latency] $ms is a map, not a number: the record is not scored"),
        ("[1]", "[series.latency] $ms is an array, not a number: the record is not scored"),
        ("1e999", "[series.latency] $ms: inf is not a finite number: the record is not scored"),
        (
            "1e200",
            "[series.latency] $ms: 1e200 is too large to learn: the magnitude must be at most 1e100: the record is not scored",
        ),
    ] {
        let record = format!(r#"{{"ms":{value}}}"#);
        let expected = format!(r#"{{"ms":{value},"anomaly_error":"{told}"}}"#);
        assert_eq!(pass(&mut p, TAG, 0, &record), expected);
    }
    assert_eq!(p.counters().refused, 7);
    let clean = pass(&mut pipeline(LATENCY), TAG, 0, r#"{"ms":5}"#);
    assert_eq!(pass(&mut p, TAG, 0, r#"{"ms":5}"#), clean, "nothing of it was learned");
}

#[test]
fn every_combination_of_keys_has_its_own_model() {
    let mut p = pipeline(LATENCY);
    for keys in [
        r#""service":"a","host":"bc""#,
        r#""service":"ab","host":"c""#,
        r#""service":"ab""#,
        r#""host":"ab""#,
        r#""service":1,"host":"c""#,
        r#""service":"1","host":"c""#,
        r#""service":true,"host":null"#,
    ] {
        pass(&mut p, TAG, 0, &format!("{{{keys},\"ms\":5}}"));
    }
    assert_eq!(p.series().0, 7);
    pass(&mut p, TAG, 0, r#"{"service":"\u0061","host":"bc","ms":5}"#);
    assert_eq!(p.series().0, 7, "an escape names the same series");
}

#[test]
fn a_pulled_section_writes_the_seeds_fields() {
    let mut p = pipeline("[datadog.cpu]\nquery: avg:system.cpu.idle{*} by {host}\nk: 7\n");
    let record =
        r#"{"metric":"system.cpu.idle","raw_value":91.25,"scope":"host:a","host":"a","time":1700000000}"#;
    let out = pass(&mut p, b"changefinder.cpu", 5, record);
    assert!(out.starts_with(&record[..record.len() - 1]));
    let out = json(&out);
    assert_eq!(out["metric_outlier"], "changefinder.outlier.cpu");
    assert_eq!(out["metric_change"], "changefinder.change.cpu");
    assert!(out["score_outlier"].is_f64() && out["score_change"].is_f64());
}

#[test]
fn a_point_that_comes_again_is_not_learned_again_and_keeps_its_scores() {
    let ini = "[datadog.cpu]\nquery: q by {host}\nk: 3\n";
    let record = |n: i64| format!(r#"{{"raw_value":{},"scope":"host:a","time":{}}}"#, n * n % 17, 60 * n);
    let mut once = pipeline(ini);
    let expected: Vec<String> =
        (0..200).map(|n| pass(&mut once, b"changefinder.cpu", 0, &record(n))).collect();
    let mut twice = pipeline(ini);
    for start in (0..200).step_by(40) {
        for _ in 0..2 {
            for n in start..start + 40 {
                assert_eq!(pass(&mut twice, b"changefinder.cpu", 0, &record(n)), expected[n as usize]);
            }
        }
    }
    assert_eq!(twice.counters().repeated, 200);
    // long past: neither learned nor scored
    assert_eq!(pass(&mut twice, b"changefinder.cpu", 0, &record(3)), record(3));
}

#[test]
fn one_model_for_a_section_takes_points_of_one_time_from_several_scopes() {
    let mut p = pipeline("[datadog.cpu]\nquery: q by {host}\nk: 3\nper: section\n");
    for host in ["a", "b", "a"] {
        pass(
            &mut p,
            b"changefinder.cpu",
            0,
            &format!(r#"{{"raw_value":1,"scope":"host:{host}","time":60}}"#),
        );
    }
    assert_eq!((p.series().0, p.counters().scored, p.counters().repeated), (1, 2, 1));
}

#[test]
fn nulls_are_points_only_when_asked_for() {
    let skip = pipeline("[series.a]\nmatch: *\nvalue: $x\nk: 2\nwarm_up: off\n");
    let zero = pipeline("[series.a]\nmatch: *\nvalue: $x\nk: 2\nwarm_up: off\nnulls: zero\n");
    for (mut p, scored) in [(skip, 0), (zero, 1)] {
        pass(&mut p, TAG, 0, r#"{"x":null}"#);
        assert_eq!(p.counters().scored, scored);
    }
}

#[test]
fn without_an_order_one_is_chosen_after_a_day_and_its_model_has_learned_the_last_50_points() {
    let ini = "[series.a]\nmatch: *\nvalue: $x\nanomaly_score: off\nwarm_up: off\n";
    let mut auto = pipeline(ini);
    let value = |n: i64| f64::from((n * 7919 % 101) as i32) / 7.0;
    let record = |n: i64| format!(r#"{{"x":{:?}}}"#, value(n));
    let values: Vec<f64> = (0..=1440).map(value).collect();
    let order = crate::detector::select_order(&values, 50).order;
    let mut fixed = pipeline(&format!("{ini}k: {order}\n"));
    for n in 0..1500 {
        let out = pass(&mut auto, TAG, 60 * n, &record(n));
        let of_order = if n > 1390 { pass(&mut fixed, TAG, 60 * n, &record(n)) } else { String::new() };
        let warming_up = format!(r#"{{"x":{:?},"warming_up":true}}"#, value(n));
        assert_eq!(out, if n <= 1440 { warming_up } else { of_order }, "point {n}");
    }
}

#[test]
fn records_say_that_the_model_warms_up_until_its_scores_mean_something() {
    let ini = "[series.a]\nmatch: *\nvalue: $x\nk: 7\nprefix: a_\nanomaly_score: off\n";
    let (mut warm, mut cold) = (pipeline(ini), pipeline(&format!("{ini}warm_up: off\n")));
    for n in 0..200 {
        let record = format!(r#"{{"x":{:?}}}"#, noisy(n));
        let out = pass(&mut warm, TAG, 60 * n, &record);
        let scored = pass(&mut cold, TAG, 60 * n, &record);
        assert!(scored.contains("a_score_outlier"), "{scored}");
        // k + 1/r + T1 + T2
        let warming_up = format!(r#"{{"x":{:?},"a_warming_up":true}}"#, noisy(n));
        assert_eq!(out, if n < 72 { warming_up } else { scored }, "point {n}");
    }
    assert_eq!((warm.counters().warming_up, warm.counters().scored), (72, 128));
    assert_eq!((cold.counters().warming_up, cold.counters().scored), (0, 200));
}

#[test]
fn a_datadog_section_scores_from_its_first_point_unless_told_otherwise() {
    let record = r#"{"raw_value":1,"scope":"a","time":60}"#;
    let mut seeds = pipeline("[datadog.cpu]\nquery: avg:m{*}\nk: 2\n");
    let mut told = pipeline("[datadog.cpu]\nquery: avg:m{*}\nk: 2\nwarm_up: on\n");
    assert!(pass(&mut seeds, b"changefinder.cpu", 0, record).contains("score_outlier"));
    // a point that comes again as well
    for _ in 0..2 {
        let out = json(&pass(&mut told, b"changefinder.cpu", 0, record));
        assert_eq!((out.get("score_outlier"), &out["warming_up"]), (None, &true.into()));
    }
}

#[test]
fn a_model_that_warms_up_goes_on_exactly_over_a_restart() {
    let ini = "[series.a]\nmatch: *\nvalue: $x\nk: 7\nanomaly_score: off\n";
    let config = Config::parse("f.ini", ini).unwrap();
    let disk = MemoryStorage::new();
    let open = || Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
    let (mut whole, mut parts) = (pipeline(ini), open());
    for n in 0..120 {
        if n % 17 == 16 {
            parts = open();
            assert!(!parts.has_log(), "{:?}", parts.take_log());
        }
        let record = format!(r#"{{"x":{:?}}}"#, noisy(n));
        assert_eq!(pass(&mut parts, TAG, 60 * n, &record), pass(&mut whole, TAG, 60 * n, &record), "{n}");
    }
}

#[test]
fn a_model_that_warms_up_scores_at_once_when_the_warm_up_is_switched_off() {
    let on = "[series.a]\nmatch: *\nvalue: $x\nk: 7\nanomaly_score: off\n";
    let off = &format!("{on}warm_up: off\n");
    let disk = MemoryStorage::new();
    let open = |ini: &str| {
        Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, Some(Box::new(disk.clone())))
    };
    let (mut p, mut cold) = (open(on), pipeline(off));
    for n in 0..80 {
        if n == 40 {
            drop(p);
            p = open(off);
        }
        let record = format!(r#"{{"x":{:?}}}"#, noisy(n));
        let (out, scored) = (pass(&mut p, TAG, 60 * n, &record), pass(&mut cold, TAG, 60 * n, &record));
        assert_eq!(out == scored, n >= 40, "point {n}");
    }
}

#[test]
fn a_choice_of_the_order_goes_on_exactly_over_restarts() {
    let ini = "[series.a]\nmatch: *\nvalue: $x\nanomaly_score: off\n";
    let config = Config::parse("f.ini", ini).unwrap();
    let disk = MemoryStorage::new();
    let open = || Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
    let (mut whole, mut parts) = (pipeline(ini), open());
    for n in 0..1600 {
        if n % 211 == 20 {
            parts = open();
            assert!(!parts.has_log(), "{:?}", parts.take_log());
        }
        let record = format!(r#"{{"x":{:?}}}"#, noisy(n));
        assert_eq!(pass(&mut parts, TAG, 60 * n, &record), pass(&mut whole, TAG, 60 * n, &record), "{n}");
    }
    assert!(whole.counters().scored > 0);
}

#[test]
fn two_sections_score_one_record_under_their_prefixes() {
    let mut p = pipeline(
        "[series.a]\nmatch: *\nvalue: $x\nk: 2\nwarm_up: off\n[series.b]\nmatch: app.*\nvalue: $y\nk: 2\nwarm_up: off\nprefix: b_\n",
    );
    let out = json(&pass(&mut p, TAG, 0, r#"{"x":1,"y":2}"#));
    assert_eq!(out["metric_outlier"], "changefinder.outlier.a");
    assert_eq!(out["b_metric_outlier"], "changefinder.outlier.b");
}

#[test]
fn what_is_wrong_with_the_state_is_told_in_the_record_and_the_log_once() {
    let disk = MemoryStorage::new();
    disk.limit(Some(0));
    let config = Config::parse("f.ini", LATENCY).unwrap();
    let mut p = Pipeline::new(&config, Format::Json, Some(Box::new(disk)));
    let first = json(&pass(&mut p, TAG, 0, r#"{"ms":1}"#));
    assert!(first["score_outlier"].is_f64());
    assert!(
        first["anomaly_error"]
            .as_str()
            .unwrap()
            .starts_with("state is not saved: create \"journal-01\": no space left")
    );
    assert!(json(&pass(&mut p, TAG, 0, r#"{"ms":1}"#)).get("anomaly_error").is_none());
    assert_eq!(p.take_log().len(), 1);
}

#[test]
fn while_the_configuration_is_wrong_records_pass_with_the_reason() {
    let mut passing = Unconfigured::new("f.ini:1: no", Format::Json);
    for (record, expected) in [
        (r#"{"a":1}"#, r#"{"a":1,"anomaly_error":"f.ini:1: no"}"#),
        ("not json", "not json"),
        (r#"{"anomaly_error":"old"}"#, r#"{"anomaly_error":"f.ini:1: no"}"#),
    ] {
        let mut bytes = record.as_bytes().to_vec();
        passing.process(&mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
