//! The calibrated score behind the pipeline's border.

use super::tests::{TAG, json, pass, pipeline};
use super::*;
use crate::bank::MemoryStorage;

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
