use super::*;
use crate::bank::MemoryStorage;

const TAG: &[u8] = b"app.web";

fn pipeline(ini: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None)
}

fn pass(pipeline: &mut Pipeline, tag: &[u8], seconds: i64, record: &str) -> String {
    let mut bytes = record.as_bytes().to_vec();
    pipeline.process(tag, Time::from_seconds(seconds), &mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn json(text: &str) -> serde_json::Value {
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

const MONITORED: &str = "[series.q]\nmatch: *\nvalue: $x\nby: $host\nk: 2\nwarm_up: off\n[monitor.high]\non: q\n\
    query: avg(last_1h):anomalies(avg:q{*} by {host}, 'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.6\n\
    recovery_window: last_5m\nnotify_no_data: true\nno_data_timeframe: 15\n\
    message: {{#is_alert}}{{host.name}} is high{{/is_alert}}{{#is_no_data}}{{host.name}} is silent{{/is_no_data}}\n";

fn noisy(n: i64) -> f64 {
    50.0 + (n * 7919 % 101) as f64 / 50.0
}

/// Names that do not fit the short way into a record take the long one, with the same result.
#[test]
fn names_of_hundreds_of_bytes_change_nothing_but_the_names() {
    let named = |section: &str, monitor: &str| {
        let ini = MONITORED
            .replace("[series.q]", &format!("[series.{section}]"))
            .replace("on: q", &format!("on: {section}"));
        pipeline(&ini.replace("[monitor.high]", &format!("[monitor.{monitor}]")))
    };
    let long = "n".repeat(300);
    let (mut short, mut others) = (named("q", "high"), [named(&long, "high"), named("q", &long)]);
    for n in 0..240 {
        let record = format!(r#"{{"x":{:?},"host":"a"}}"#, noisy(n));
        let expected = pass(&mut short, TAG, 60 * n, &record);
        assert!(expected.contains("changefinder.outlier.q"));
        for other in &mut others {
            let out = pass(other, TAG, 60 * n, &record)
                .replace(&format!("\"monitor\":\"{long}\""), "\"monitor\":\"high\"");
            assert_eq!(out.replace(&long, "q"), expected);
        }
    }
}

#[test]
fn a_monitor_writes_its_verdict_and_tells_transitions_with_their_message() {
    let mut p = pipeline(MONITORED);
    let mut transitions = Vec::new();
    for n in 0..240 {
        let x = if (200..210).contains(&n) { 90.0 } else { noisy(n) };
        let out = json(&pass(&mut p, TAG, 60 * n, &format!(r#"{{"x":{x:?},"host":"a"}}"#)));
        let verdict = &out["anomaly"];
        assert_eq!(verdict["monitor"], "high");
        assert_eq!(verdict.get("expected").is_some(), n > 30 || verdict.get("expected").is_some());
        if n == 200 {
            assert_eq!(verdict["is_anomaly"], true);
        }
        if let Some(transition) = verdict.get("transition") {
            transitions.push((
                n,
                transition.as_str().unwrap().to_owned(),
                verdict["message"].as_str().map(str::to_owned),
            ));
        }
    }
    assert_eq!(transitions[0], (203, "OK->ALERT".into(), Some("a is high".into())), "{transitions:?}");
    assert_eq!(transitions[1].1, "ALERT->OK");
    assert_eq!(transitions.len(), 2);
}

#[test]
fn a_series_that_falls_silent_is_told_by_a_record_of_another() {
    let mut p = pipeline(MONITORED);
    let mut told = Vec::new();
    for n in 0..120 {
        if n < 60 {
            pass(&mut p, TAG, 60 * n, &format!(r#"{{"x":{:?},"host":"gone"}}"#, noisy(n)));
        }
        let out = json(&pass(&mut p, TAG, 60 * n, &format!(r#"{{"x":{:?},"host":"here"}}"#, noisy(n))));
        if let Some(silent) = out.get("anomaly_silent") {
            told.push((n, silent.clone()));
        }
    }
    let [(n, silent)] = &told[..] else { panic!("{told:?}") };
    assert!((75..80).contains(n), "{n}");
    assert_eq!(
        silent,
        &serde_json::json!({"monitor": "high", "series": "gone", "status": "NO DATA", "transition": "OK->NO DATA", "message": "gone is silent"})
    );
}

#[test]
fn monitors_go_on_exactly_over_a_kill() {
    let config = Config::parse("f.ini", MONITORED).unwrap();
    let disk = MemoryStorage::new();
    let open = || Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
    let mut whole = pipeline(MONITORED);
    let mut killed = open();
    for n in 0..400 {
        if n % 37 == 0 {
            killed = open();
        }
        let host = ["a", "b"][usize::from(n % 5 == 0 && n < 200)];
        let x = if n > 300 { 80.0 } else { noisy(n) };
        let record = format!(r#"{{"x":{x:?},"host":"{host}"}}"#);
        assert_eq!(
            pass(&mut killed, TAG, 60 * n, &record),
            pass(&mut whole, TAG, 60 * n, &record),
            "record {n}"
        );
    }
}

#[test]
fn tuning_a_monitor_keeps_its_band_and_all_scores() {
    let disk = MemoryStorage::new();
    let open = |ini: &str| {
        Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, Some(Box::new(disk.clone())))
    };
    let mut p = open(MONITORED);
    for n in 0..100 {
        pass(&mut p, TAG, 60 * n, &format!(r#"{{"x":{:?},"host":"a"}}"#, noisy(n)));
    }
    drop(p);
    let mut p = open(&MONITORED.replace("'basic', 3", "'basic', 2").replace(">= 0.6", ">= 0.8"));
    let out = json(&pass(&mut p, TAG, 6000, r#"{"x":51.5,"host":"a"}"#));
    assert!(out["anomaly"]["expected"].is_f64(), "{out}");
    assert_eq!(p.take_log(), [""; 0]);
}

#[test]
fn many_monitors_on_one_section_are_all_written() {
    let mut ini = "[series.q]\nmatch: *\nvalue: $x\nk: 2\nwarm_up: off\n".to_owned();
    for n in 0..6 {
        ini += &format!(
            "[monitor.m{n}]\non: q\nprefix: m{n}_\nquery: avg(last_1h):anomalies(avg:q{{*}}, 'basic', {}, alert_window='last_5m', interval=60) >= 1\n",
            n + 1
        );
    }
    let mut p = pipeline(&ini);
    let out = json(&pass(&mut p, TAG, 60, r#"{"x":1}"#));
    for n in 0..6 {
        assert_eq!(out[format!("m{n}_anomaly")]["warming_up"], true, "{out}");
    }
    assert_eq!(p.series().0, 2, "one model of scores, one shared band");
}

/// Points of one host, one a minute; point 300 is far out, and stays so for three points.
fn steps() -> impl Iterator<Item = (i64, f64)> {
    (0..3000i64).map(|i| {
        let noise = (i * 7919 % 101) as f64;
        (i * 60, if (2500..2503).contains(&i) { 5000.0 + noise } else { noise })
    })
}

const CALIBRATED: &str = "[filter]\nalarms: 1/day\n[series.a]\nmatch: app.*\nvalue: $ms\nk: 2\nwarm_up: off\n[series.b]\nmatch: app.*\nvalue: $ms\nprefix: b_\nalarms: off\n";

#[test]
fn rare_points_are_scored_and_alarm_once_and_say_why() {
    let mut p = pipeline(CALIBRATED);
    let answers: Vec<_> = steps()
        .map(|(seconds, ms)| json(&pass(&mut p, TAG, seconds, &format!(r#"{{"ms":{ms}}}"#))))
        .collect();
    for (n, answer) in answers.iter().enumerate() {
        let score = answer.get("anomaly_score").and_then(|score| score.as_f64());
        assert_eq!(score.is_some(), n >= 30, "warm-up, point {n}");
        assert_eq!(
            answer.get("b_anomaly_score").is_some(),
            n >= 30,
            "also while an order is chosen, point {n}"
        );
        assert!(score.is_none_or(|score| (0.0..=1.0).contains(&score)));
        assert_eq!(answer.get("is_alarm").is_some(), n >= 30);
        assert!(answer.get("b_is_alarm").is_none() && answer.get("b_anomaly_reason").is_none());
        assert_eq!(answer.get("anomaly_reason").is_some(), answer.get("is_alarm") == Some(&true.into()));
        assert_eq!(answer.get("anomaly_size").is_some(), answer.get("is_alarm") == Some(&true.into()));
    }
    let edges: Vec<_> =
        answers.iter().enumerate().filter(|(_, answer)| answer.get("alarm").is_some()).collect();
    let starts: Vec<usize> =
        edges.iter().filter(|(_, answer)| answer["alarm"] == "start").map(|(n, _)| *n).collect();
    assert_eq!(starts, [2500]);
    assert_eq!(edges.last().unwrap().1["alarm"], "end");
    let reason = &answers[2500]["anomaly_reason"];
    assert_eq!(reason["kind"], "spike");
    assert!(reason["observed"].as_f64().unwrap() > 4999.0 && reason["expected"].as_f64().unwrap() < 1000.0);
    assert!(answers[2500]["anomaly_size"].as_f64().unwrap() > 12.0);
}

#[test]
fn the_calibrated_score_goes_on_bit_for_bit_after_each_restart() {
    let config = Config::parse("f.ini", CALIBRATED).unwrap();
    let storage = MemoryStorage::default();
    let open = || Pipeline::new(&config, Format::Json, Some(Box::new(storage.clone())));
    let (mut whole, mut parts) = (pipeline(CALIBRATED), open());
    for (n, (seconds, ms)) in steps().enumerate() {
        if n % 611 == 610 {
            parts = open();
        }
        let record = format!(r#"{{"ms":{ms}}}"#);
        let expected = pass(&mut whole, TAG, seconds, &record);
        assert_eq!(pass(&mut parts, TAG, seconds, &record), expected, "point {n}");
    }
}

#[test]
fn switching_the_calibrated_score_on_or_off_leaves_change_finder_as_it_was() {
    let storage = MemoryStorage::default();
    let ini = |score: &str| format!("[series.a]\nmatch: app.*\nvalue: $ms\nk: 2\nanomaly_score: {score}\n");
    let open = |score: &str| {
        let config = Config::parse("f.ini", &ini(score)).unwrap();
        Pipeline::new(&config, Format::Json, Some(Box::new(storage.clone())))
    };
    let mut plain = pipeline(&ini("off"));
    for (run, score) in ["off", "on", "off", "on"].into_iter().enumerate() {
        let mut p = open(score);
        for (seconds, ms) in steps().skip(run * 100).take(100) {
            let record = format!(r#"{{"ms":{ms}}}"#);
            let expected = json(&pass(&mut plain, TAG, seconds, &record));
            let mut answer = json(&pass(&mut p, TAG, seconds, &record));
            answer.as_object_mut().unwrap().remove("anomaly_score");
            assert_eq!(answer, expected);
        }
        assert!(!p.has_log(), "{:?}", p.take_log());
    }
}

#[test]
fn a_pulled_point_that_comes_again_leaves_with_the_score_it_had() {
    let mut p = pipeline("[filter]\nalarms: 1/day\n[datadog.cpu]\nquery: avg:m{*}\nk: 2\n");
    let mut last = Vec::new();
    for (seconds, value) in steps().take(2501) {
        let record = format!(r#"{{"raw_value":{value},"scope":"a","time":{seconds}}}"#);
        let answer = pass(&mut p, b"changefinder.cpu", 0, &record);
        last.push((record, json(&answer)));
    }
    for (record, mut expected) in last.into_iter().rev().take(20) {
        let again = json(&pass(&mut p, b"changefinder.cpu", 0, &record));
        if let Some(reason) = expected.get_mut("anomaly_reason") {
            *reason = serde_json::json!({"kind": reason["kind"]});
            expected.as_object_mut().unwrap().remove("anomaly_size");
        }
        assert_eq!(again, expected);
    }
    assert_eq!(p.counters().repeated, 20);
}
