//! Series that keep one value: what alerts, and what does not.

use super::*;

/// Alerts when all points of a quarter of an hour lie outside.
fn all_of_a_quarter(algorithm: &str, deviations: f64, metric: &str) -> SharedBand {
    let season = if algorithm == "basic" { "" } else { ", seasonality='hourly'" };
    let mut raw = RawMonitor::default();
    raw.set(
        "query",
        format!("avg(last_1h):anomalies({metric}, '{algorithm}', {deviations}, alert_window='last_15m', interval=60{season}) >= 1"),
    );
    SharedBand::new(MonitorSpec::check(&raw).unwrap())
}

/// The first minute of ALERT of a series that keeps `before` for five hours and then does what `after` says.
fn first_alert(
    algorithm: &str,
    deviations: f64,
    metric: &str,
    before: f64,
    after: impl Fn(i64) -> Option<f64>,
) -> Option<i64> {
    let shared = all_of_a_quarter(algorithm, deviations, metric);
    let mut evaluator = SeriesEvaluator::new(&shared);
    let mut alert = None;
    for minute in 0..600 {
        let mut note = |status: Status| {
            if status == Status::Alert {
                alert.get_or_insert(minute - 300);
            }
        };
        let value = if minute < 300 { Some(before) } else { after(minute - 300) };
        match value.and_then(Finite::new) {
            Some(x) => {
                evaluator.observe(&shared, minute * 60, x, |_, verdict| note(verdict.status));
            }
            None => evaluator.tick(&shared, minute * 60, |_, evaluation| note(evaluation.status)),
        }
    }
    alert
}

#[test]
fn a_constant_that_changes_for_good_alerts_and_its_first_wiggle_does_not() {
    for algorithm in ["basic", "agile", "robust"] {
        for deviations in [1.0, 2.0, 3.0, 6.0] {
            for (before, after) in [(3.0, 2.0), (1.0, 0.0), (100.0, 99.0), (0.5, 0.6), (42.0, 42.1)] {
                let told = format!("{algorithm} {deviations}: {before} -> {after}");
                let stays = first_alert(algorithm, deviations, "avg:x{*}", before, |_| Some(after));
                // the bucket of a point closes with the next one: five points of run, fifteen of the window
                assert_eq!(stays, Some(20), "{told}");
                let once = first_alert(algorithm, deviations, "avg:x{*}", before, |t| {
                    Some(if t == 0 { after } else { before })
                });
                assert_eq!(once, None, "{told}, once");
                let toggles = first_alert(algorithm, deviations, "avg:x{*}", before, |t| {
                    Some([after, before][t as usize % 2])
                });
                assert_eq!(toggles, None, "{told}, to and fro");
            }
            let heartbeat = first_alert(algorithm, deviations, "sum:beat{*}.as_count()", 1.0, |_| None);
            assert_eq!(heartbeat, Some(20), "{algorithm} {deviations}: a heartbeat that stops");
        }
    }
}

/// The first minute of ALERT at and after minute 400 of a series that does what `before` says, and then what `after` says.
fn first_alerts(algorithm: &str, deviations: f64, before: fn(i64) -> f64, after: fn(i64) -> f64) -> Vec<i64> {
    let shared = all_of_a_quarter(algorithm, deviations, "avg:x{*}");
    let mut evaluator = SeriesEvaluator::new(&shared);
    let mut alerts = Vec::new();
    for minute in 0..600 {
        let value = if minute < 400 { before(minute) } else { after(minute - 400) };
        let said = observe(&mut evaluator, &shared, minute * 60, value).unwrap();
        if said.transition.is_some_and(|change| change.to == Status::Alert) {
            alerts.push(minute - 400);
        }
    }
    alerts
}

#[test]
fn a_constant_that_wiggles_now_and_then_alerts_when_it_changes_for_good() {
    type Values = fn(i64) -> f64;
    let rows: [(&str, Values, Values, i64); 9] = [
        ("3, once in 100 minutes 2, then 2", |t| if t % 100 == 37 { 2.0 } else { 3.0 }, |_| 2.0, 20),
        ("3, twice an hour 2, then 2", |t| if t % 30 == 17 { 2.0 } else { 3.0 }, |_| 2.0, 20),
        ("3, now and then 4, then 2", |t| if t % 100 == 37 { 4.0 } else { 3.0 }, |_| 2.0, 20),
        ("up, now and then down, then down", |t| if t % 200 == 37 { 0.0 } else { 1.0 }, |_| 0.0, 20),
        ("100 %, now and then 99, then 99", |t| if t % 50 == 11 { 99.0 } else { 100.0 }, |_| 99.0, 20),
        ("42.0, now and then 42.1, then 41.9", |t| if t % 50 == 11 { 42.1 } else { 42.0 }, |_| 41.9, 20),
        (
            "5e9, now and then one more, then so",
            |t| if t % 50 == 11 { 5e9 + 1.0 } else { 5e9 },
            |_| 5e9 + 1.0,
            20,
        ),
        ("three minutes of 2 an hour, then 2", |t| if t % 60 < 3 { 2.0 } else { 3.0 }, |_| 2.0, 21),
        (
            "the same, which goes on",
            |t| if t % 60 < 3 { 2.0 } else { 3.0 },
            |t| if (t + 40) % 60 < 3 { 2.0 } else { 3.0 },
            0,
        ),
    ];
    for (name, before, after, at) in rows {
        for algorithm in ["basic", "agile", "robust"] {
            for deviations in [2.0, 6.0] {
                let alerts = first_alerts(algorithm, deviations, before, after);
                let wanted = if at > 0 { vec![at] } else { Vec::new() };
                assert_eq!(alerts, wanted, "{name}: {algorithm} {deviations}");
            }
        }
    }
}
