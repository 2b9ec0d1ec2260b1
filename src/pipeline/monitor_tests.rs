//! Monitors behind the pipeline's border.

use super::tests::{TAG, json, noisy, pass, pipeline};
use super::*;
use crate::bank::MemoryStorage;

const MONITORED: &str = "[series.q]\nmatch: *\nvalue: $x\nby: $host\nk: 2\nwarm_up: off\n[monitor.high]\non: q\n\
    query: avg(last_1h):anomalies(avg:q{*} by {host}, 'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.6\n\
    recovery_window: last_5m\nnotify_no_data: true\nno_data_timeframe: 15\n\
    message: {{#is_alert}}{{host.name}} is high{{/is_alert}}{{#is_no_data}}{{host.name}} is silent{{/is_no_data}}\n";

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
