//! One budget of alarms for all series of a section, and the incident that alarms make together.

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

use crate::common::series::noise_of;

const INI: &str = "[series.latency]\nmatch: *\nvalue: $ms\nby: $host\nk: 2\nalarms: 1/day for all\n";
const HOSTS: i64 = 20;
/// The first minute of the deploy, which shifts eight of the hosts.
const DEPLOY: i64 = 3260;

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

/// Minutes of twenty hosts; `x` gives what a host adds in a minute, none where it is silent. What was told of incidents
/// in the four hours from the deploy on.
fn told_after(x: impl Fn(i64, i64) -> Option<f64>) -> Vec<(i64, Value)> {
    let mut p = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    let mut told = Vec::new();
    for minute in 0..DEPLOY + 240 {
        let records = (0..HOSTS).filter_map(|host| {
            let value = 50.0 + noise_of(host as u64 + 1, minute) + x(host, minute)?;
            Some((60 * minute + host, format!(r#"{{"host":"h{host}","ms":{value:?}}}"#)))
        });
        let left = pass(&mut p, records);
        if minute >= DEPLOY {
            told.extend(incidents(&left));
        }
    }
    told
}

fn events(told: &[(i64, Value)]) -> Vec<&str> {
    told.iter().map(|(_, incident)| incident["event"].as_str().unwrap()).collect()
}

#[test]
fn two_deploys_ten_minutes_apart_are_one_incident() {
    let told = told_after(|host, minute| {
        let first = (DEPLOY..DEPLOY + 5).contains(&minute) && host < 6;
        let second = (DEPLOY + 10..DEPLOY + 15).contains(&minute) && (6..14).contains(&host);
        Some(if first || second { 12.0 } else { 0.0 })
    });
    assert_eq!(events(&told), ["start", "update", "update", "update", "end"], "{told:?}");
    assert_eq!(told[4].1["series"], 14);
}

#[test]
fn a_deploy_that_rolls_over_the_hosts_for_twenty_minutes_is_one_incident() {
    let told = told_after(|host, minute| Some(if minute >= DEPLOY + host { 12.0 } else { 0.0 }));
    assert_eq!(events(&told).iter().filter(|event| **event == "start").count(), 1, "{told:?}");
    assert_eq!(events(&told)[..5], ["start", "update", "update", "update", "update"], "{told:?}");
    let id = &told[0].1["id"];
    assert!(told.iter().all(|(_, incident)| incident["id"] == *id), "{told:?}");
}

#[test]
fn an_incident_ends_although_its_series_have_vanished_and_keeps_their_names() {
    let told = told_after(|host, minute| match minute >= DEPLOY && host < 8 {
        true => (minute < DEPLOY + 3).then_some(12.0),
        false => Some(0.0),
    });
    assert_eq!(events(&told), ["start", "update", "update", "update", "end"], "{told:?}");
    let (second, end) = &told[4];
    assert!((60 * (DEPLOY + 60)..60 * (DEPLOY + 70)).contains(second), "{told:?}");
    assert_eq!(end["series"], 8);
    let members = end["members"].as_object().unwrap();
    assert!(members.len() == 5 && members.keys().all(|name| name.starts_with('h')), "{end}");
}

#[test]
fn one_series_alone_is_an_incident_of_one() {
    let told = told_after(|host, minute| Some(if minute == DEPLOY && host == 7 { 40.0 } else { 0.0 }));
    assert_eq!(events(&told), ["start", "end"], "{told:?}");
    assert_eq!((&told[1].1["series"], &told[1].1["first"]), (&json!(1), &json!("h7")));
}

/// 1000 series with a point in ten minutes; 200 shift at once.
#[test]
fn a_deploy_that_shifts_a_fifth_of_a_thousand_series_has_one_start_within_two_minutes() {
    let mut p = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    const DEPLOYED: i64 = 3 * 144 + 36;
    let mut told = Vec::new();
    for turn in 0..DEPLOYED + 18 {
        let records = (0..1000).map(|host: i64| {
            let shift = if turn >= DEPLOYED && host % 5 == 0 { 9.0 } else { 0.0 };
            let x = 50.0 + noise_of(host as u64 + 1, turn) + shift;
            (600 * turn + host / 10, format!(r#"{{"host":"h{host}","ms":{x:?}}}"#))
        });
        let left = pass(&mut p, records);
        if turn >= DEPLOYED {
            told.extend(incidents(&left));
        }
    }
    let starts: Vec<&(i64, Value)> =
        told.iter().filter(|(_, incident)| incident["event"] == "start").collect();
    let [(second, _)] = starts[..] else { panic!("{starts:?}") };
    assert!((600 * DEPLOYED..600 * DEPLOYED + 120).contains(second), "{starts:?}");
    let largest = told.iter().filter_map(|(_, incident)| incident["series"].as_i64()).max();
    assert!((128..=200).contains(&largest.unwrap()), "{told:?}");
}

#[test]
fn groups_and_monitors_stand_beside_a_budget_for_all() {
    let ini = format!(
        "{INI}warm_up: off\n[group.g]\non: latency\nacross: $host\nalgorithm: mad\n[monitor.m]\non: latency\n\
         query: avg(last_1h):anomalies(avg:q{{*}} by {{host}}, 'basic', 3, direction='above', alert_window='last_5m', interval=60) >= 0.8\n"
    );
    let alone = told_after(|host, minute| Some(if minute >= DEPLOY && host < 3 { 12.0 } else { 0.0 }));
    let mut p = Pipeline::new(&Config::parse("f.ini", &ini).unwrap(), Format::Json, None);
    let (mut told, mut outliers, mut alerts) = (Vec::new(), 0, 0);
    for minute in 0..DEPLOY + 240 {
        let records = (0..HOSTS).map(|host| {
            let shift = if minute >= DEPLOY && host < 3 { 12.0 } else { 0.0 };
            let x = 50.0 + noise_of(host as u64 + 1, minute) + shift;
            (60 * minute + host, format!(r#"{{"host":"h{host}","ms":{x:?}}}"#))
        });
        let left = pass(&mut p, records);
        if minute >= DEPLOY {
            told.extend(incidents(&left));
            for (_, record) in &left {
                outliers += usize::from(record.contains("\"is_outlier\":true"));
                alerts += usize::from(
                    record.contains("\"transition\":\"OK->ALERT\",\"")
                        || record.contains("\"transition\":\"OK->ALERT\"}"),
                );
            }
        }
    }
    assert_eq!(told, alone, "what stands beside it changes nothing");
    assert!(outliers > 100 && alerts >= 3, "{outliers} {alerts}");
}

#[test]
fn budgets_from_one_an_hour_to_one_a_month_raise_the_fewer_the_smaller_they_are() {
    let mut starts = Vec::new();
    for budget in ["1/hour", "1/day", "1/week", "1/month"] {
        let ini = INI.replace("1/day", budget);
        let mut p = Pipeline::new(&Config::parse("f.ini", &ini).unwrap(), Format::Json, None);
        // hits of several sizes, three hours after each other
        let records = (0..DEPLOY + 2000).flat_map(|minute| {
            (0..HOSTS).map(move |host| {
                let hour = minute / 60;
                let is_hit = minute > DEPLOY && minute % 180 == 0 && host == hour % HOSTS;
                let x = 50.0
                    + noise_of(host as u64 + 1, minute)
                    + if is_hit { (hour % 7) as f64 * 4.0 } else { 0.0 };
                (60 * minute + host, format!(r#"{{"host":"h{host}","ms":{x:?}}}"#))
            })
        });
        let told = incidents(&pass(&mut p, records));
        starts.push(events(&told).iter().filter(|event| **event == "start").count());
    }
    assert!(starts.is_sorted_by(|a, b| a >= b) && starts[0] > starts[3], "{starts:?}");
}

#[test]
fn a_budget_for_all_goes_into_a_section_of_series() {
    for (ini, problem) in [
        (
            "[filter]\nalarms: 1/day for all\n[series.a]\nmatch: *\nvalue: $x\n",
            "f.ini:2: [filter] alarms: \"1/day for all\" is not allowed here: `for all` goes into a [datadog.*] or [series.*] section",
        ),
        (
            "[series.a]\nmatch: *\nmeasure: count\nevery: 1m\nalarms: 1/day for all\n",
            "f.ini:5: [series.a] alarms: `for all` goes with no `measure`: its windows are judged one by one",
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
