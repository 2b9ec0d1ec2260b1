//! One budget of alarms for all series of a section, and the incident that alarms make together.

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

use crate::common::series::noise_of;

const INI: &str = "[series.latency]\nmatch: *\nvalue: $ms\nby: $host\nk: 2\nalarms: 1/day for all\n";
const HOSTS: i64 = 20;
/// The first minute of the deploy, which shifts eight of the hosts.
const DEPLOY: i64 = 3200;

fn records(minutes: std::ops::Range<i64>) -> impl Iterator<Item = (i64, String)> {
    minutes.flat_map(|minute| {
        (0..HOSTS).map(move |host| {
            let is_hit = (DEPLOY..DEPLOY + 30).contains(&minute) && host < 8;
            let x = 50.0 + noise_of(host as u64 + 1, minute) + if is_hit { 12.0 } else { 0.0 };
            (60 * minute + host, format!(r#"{{"host":"h{host}","ms":{x:?}}}"#))
        })
    })
}

fn pass(p: &mut Pipeline, records: impl Iterator<Item = (i64, String)>) -> Vec<(i64, String)> {
    records
        .map(|(second, record)| {
            let mut bytes = record.into_bytes();
            p.process(b"app", Time::from_seconds(second), &mut bytes);
            (second, String::from_utf8(bytes).unwrap())
        })
        .collect()
}

fn incidents(records: &[(i64, String)]) -> Vec<(i64, Value)> {
    let told = records.iter().filter(|(_, record)| record.contains("\"incident\""));
    told.map(|(second, record)| (*second, serde_json::from_str::<Value>(record).unwrap()["incident"].clone()))
        .collect()
}

#[test]
fn alarms_that_begin_together_are_one_incident_with_one_start_and_one_end() {
    let mut p = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    let before = incidents(&pass(&mut p, records(0..DEPLOY)));
    let starts = before.iter().filter(|(_, incident)| incident["event"] == "start").count();
    assert!(starts <= 3, "one a day is promised: {before:?}");
    let hit = pass(&mut p, records(DEPLOY..DEPLOY + 240));
    let told = incidents(&hit);
    let events: Vec<&str> = told.iter().map(|(_, incident)| incident["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["start", "update", "update", "update", "end"], "{told:?}");
    let (second, start) = &told[0];
    assert!(*second < 60 * DEPLOY + 120);
    assert_eq!(start["series"], 1);
    assert_eq!(start["started"], *second);
    let id = format!("latency-{second}");
    assert!(told.iter().all(|(_, incident)| incident["id"] == json!(id)));
    let (_, largest) = &told[3];
    assert_eq!(largest["series"], 8);
    assert_eq!(largest["members"].as_object().unwrap().len(), 5);
    assert!(largest["size"].as_f64().unwrap() > 4.0, "{largest}");
    assert!(largest["first"].as_str().unwrap().starts_with('h'));
    let alarms = hit.iter().filter(|(_, record)| record.contains("\"alarm\":\"start\"")).count();
    assert!((8..10).contains(&alarms), "each series begins once: {alarms}");
}

#[test]
fn an_incident_goes_on_over_a_restart() {
    let config = Config::parse("f.ini", INI).unwrap();
    let all: Vec<_> = records(0..DEPLOY + 100).collect();
    let whole = pass(&mut Pipeline::new(&config, Format::Json, None), all.iter().cloned());
    let at_minute = |minute: i64| (minute * HOSTS) as usize;
    for cut in [at_minute(1000), at_minute(DEPLOY) + 3, at_minute(DEPLOY + 50)] {
        let storage = MemoryStorage::default();
        let mut first = Pipeline::new(&config, Format::Json, Some(Box::new(storage.clone())));
        pass(&mut first, all[..cut].iter().cloned());
        drop(first);
        let mut second = Pipeline::new(&config, Format::Json, Some(Box::new(storage)));
        assert_eq!(pass(&mut second, all[cut..].iter().cloned()), whole[cut..], "cut at {cut}");
    }
}

#[test]
fn a_budget_for_all_goes_into_a_section_of_series() {
    for (ini, problem) in [
        (
            "[filter]\nalarms: 1/day for all\n[series.a]\nmatch: *\nvalue: $x\n",
            "f.ini:2: [filter] alarms: \"1/day for all\" is not allowed here: `for all` goes into a [datadog.*] or [series.*] section",
        ),
        (
            "[series.a]\nmatch: *\nvalue: $x\nalarms: 1/day for everyone\n",
            "f.ini:4: [series.a] alarms: \"1/day for everyone\" is not allowed: `off`, or a whole number",
        ),
    ] {
        let error = Config::parse("f.ini", ini).unwrap_err().to_string();
        assert!(error.starts_with(problem), "{error}");
    }
}
