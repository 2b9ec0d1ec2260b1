//! A deploy that shifts a fifth of a fleet at once, through the command `filter`: what a pipeline behind it sees.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Command, Stdio};

use crate::common::series::noise_of;
use serde_json::Value;

const INI: &str = "[filter]\nstate: state\n[series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\ntime: $t\nk: 2\nalarms: 1/day for all\n";
const START: i64 = 1_700_000_040;

/// Days of `hosts` with a record each `step_s`, then a deploy that shifts every fifth of them, and four hours more.
/// Seconds from the deploy on, with what was told of incidents from then.
fn told(hosts: i64, step_s: i64, days: i64) -> Vec<(i64, Value)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), INI).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(folder.path())
        .args(["filter", "--tag", "app.web"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = BufWriter::new(child.stdin.take().unwrap());
    let deploy = START + days * 86_400;
    let writer = std::thread::spawn(move || {
        for at in 0..(days * 86_400 + 4 * 3600) / step_s {
            for host in 0..hosts {
                let time_s = START + at * step_s + host * step_s / hosts;
                let shift = if host % 5 == 0 && START + at * step_s >= deploy { 6.0 } else { 0.0 };
                let ms = 50.0 + noise_of(host as u64 + 1, at) + shift;
                writeln!(input, r#"{{"t":{time_s},"host":"h{host}","ms":{ms:?}}}"#).unwrap();
            }
        }
    });
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("\"incident\":") {
            let record: Value = serde_json::from_str(&line).unwrap();
            let since = record["t"].as_i64().unwrap() - deploy;
            if since >= 0 {
                told.push((since, record["incident"].clone()));
            }
        }
    }
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    told
}

/// One start within two minutes, no second one before it has ended, and its end names all series that were shifted.
fn assert_is_one(told: &[(i64, Value)], within_s: i64, shifted: u64) {
    let (since, start) = &told[0];
    assert_eq!(start["event"], "start", "{told:?}");
    assert!(*since < within_s, "{told:?}");
    assert_eq!(start["id"], format!("latency-{}", start["started"]), "the section names the fleet");
    let events = |event: &str| told.iter().filter(|(_, incident)| incident["event"] == event).count();
    assert_eq!((events("start"), events("end")), (1, 1), "{told:?}");
    // it has doubled for the last time within that time as well
    let grown = told.iter().filter(|(since, incident)| *since < within_s && incident["event"] == "update");
    let most = grown.filter_map(|(_, incident)| incident["series"].as_u64()).max();
    assert!(most.is_some_and(|most| 2 * most > shifted), "{told:?}");
    let (_, end) = told.last().unwrap();
    assert!(end["series"].as_u64().is_some_and(|series| series >= shifted), "{end}");
    assert_eq!(end["members"].as_object().unwrap().len(), 5, "{end}");
    assert!(told.iter().all(|(_, incident)| incident["id"] == start["id"]), "{told:?}");
}

#[test]
fn a_deploy_that_shifts_a_fifth_of_the_series_is_one_incident_that_starts_with_its_first_records() {
    assert_is_one(&told(50, 300, 4), 600, 10);
}

/// `cargo test --release --test filter -- --ignored a_deploy`
#[test]
#[ignore = "four million records"]
fn a_deploy_on_a_thousand_series_is_one_incident_within_two_minutes() {
    let told = told(1000, 60, 3);
    println!("{told:#?}");
    assert_is_one(&told, 120, 200);
}
