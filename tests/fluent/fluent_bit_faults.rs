//! Wrong times, a lost state folder and a wrong configuration under a running filter, in the real Fluent Bit.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::config_map;
use crate::common::program::Running;
use crate::fluent_bit::{INI, bodies, fluent_bits, lines, start, tail_config};

/// Releases before 4.1 make a new instance for each chunk: it has nothing to go on with.
fn keeps_instances(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8_lossy(&version);
    !["v2.", "v3.", "v4.0."].iter().any(|old| version.contains(old))
}

fn append(site: &TempDir, records: &[Value]) {
    let mut input = OpenOptions::new().append(true).create(true).open(site.path().join("in.jsonl")).unwrap();
    input.write_all(lines(records).as_bytes()).unwrap();
}

/// Appends records and waits until they have left.
fn pass(running: &mut Running, site: &TempDir, records: &[Value]) -> Vec<Value> {
    let before = bodies(site).len();
    append(site, records);
    running.wait_for("records", || bodies(site).len() >= before + records.len());
    bodies(site).split_off(before)
}

const TIMED: &str = "[filter]\nstate: off\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\ntime: $ts\nk: 2\n\
    [monitor.m]\non: s\nnotify_no_data: true\nno_data_timeframe: 15\n\
    query: avg(last_1h):anomalies(avg:s{*} by {host}, 'basic', 3, alert_window='last_5m', interval=60) >= 0.6\n";

#[test]
fn one_record_from_the_future_is_told_and_silences_nobody() {
    let record = |ts: i64, host: &str| json!({"ms": 5.5, "host": host, "ts": ts});
    let at = |n: i64| 1_700_000_000 + 60 * n;
    let mut records: Vec<Value> = (0..40).flat_map(|n| [record(at(n), "a"), record(at(n), "b")]).collect();
    records.insert(20, record(1_900_000_000, "a"));
    records.insert(41, record(1_900_000_000, "new"));
    for (program, site) in fluent_bits() {
        tail_config(&site, TIMED, "in.jsonl");
        append(&site, &records);
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= records.len());
        running.stop();
        for (n, body) in bodies(&site).iter().enumerate() {
            let told = body["anomaly_error"].as_str().unwrap_or_default();
            let is_wrong = n == 20 || n == 41;
            assert_eq!(told.contains("ahead of this host's clock"), is_wrong, "{n}: {body}");
            // the monitor answers, with a status or that it warms up
            assert_eq!(body["anomaly"]["monitor"].is_string(), !is_wrong, "{n}: {body}");
            assert!(body.get("anomaly_silent").is_none(), "{n}: {body}");
        }
    }
}

#[test]
fn a_state_folder_that_is_deleted_under_a_running_filter_is_saved_anew() {
    let records: Vec<Value> = (0..60).map(|n| json!({"ms": n * 7919 % 101, "host": "a"})).collect();
    for (program, site) in fluent_bits().filter(|(program, _)| keeps_instances(program)) {
        let state = site.path().join("fluent-config/state");
        tail_config(&site, INI, "in.jsonl");
        append(&site, &records[..20]);
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= 20);
        fs::remove_dir_all(&state).unwrap();
        // the folder is looked at by the first write a second later
        let mut told = Vec::new();
        let mut sent = 20;
        while told.is_empty() && sent < 50 {
            let out = pass(&mut running, &site, &records[sent..=sent]);
            told.extend(out.iter().filter_map(|body| body["anomaly_error"].as_str()).map(str::to_owned));
            sent += 1;
        }
        let expected = "the files of the state folder were deleted or replaced while this filter used them: all is saved anew";
        assert_eq!(told, [expected]);
        assert!(state.join("snapshot").is_file());
        pass(&mut running, &site, &records[sent..sent + 1]);
        running.signal("KILL");
        running.wait();
        assert!(running.stderr().contains("state is saved again"), "{}", running.stderr());
        // and a new process goes on from there
        let before = bodies(&site).len();
        tail_config(&site, INI, "rest.jsonl");
        fs::write(site.path().join("rest.jsonl"), lines(&records[sent + 1..])).unwrap();
        let mut running = start(&program, &site, "again");
        running.wait_for("records", || bodies(&site).len() >= records.len() - sent - 1);
        running.stop();
        let whole = crate::fluent_bit::expected(&records);
        assert!(before > 0);
        assert_eq!(bodies(&site), whole[sent + 1..]);
    }
}

#[test]
fn a_running_filter_goes_on_when_its_file_becomes_wrong_and_takes_the_mended_one() {
    let record = |n: usize| json!({"ms": n * 7919 % 101, "host": "a"});
    for (program, site) in fluent_bits().filter(|(program, _)| keeps_instances(program)) {
        tail_config(&site, INI, "in.jsonl");
        let first: Vec<Value> = (0..300).map(record).collect();
        append(&site, &first);
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= first.len());
        let ini = site.path().join("fluent-config/fluent-anomaly.ini");
        fs::write(&ini, INI.replace("k: 7", "k: seven\nr: 7\nT1: no\nnonsense: yes")).unwrap();
        // by time: a few records only
        let mut n = first.len();
        let mut until = |running: &mut Running, is_wrong: bool| -> Vec<Value> {
            loop {
                let out = pass(running, &site, &[record(n)]);
                n += 1;
                assert!(out[0]["score_outlier"].is_number(), "{out:?}");
                if out[0].get("anomaly_error").is_some() == is_wrong {
                    return out;
                }
                assert!(n < 700, "it is not read again");
            }
        };
        let full = until(&mut running, true);
        let full = full[0]["anomaly_error"].as_str().unwrap();
        assert!(
            full.contains("nonsense") && full.starts_with("the last good configuration goes on"),
            "{full}"
        );
        let short = until(&mut running, true);
        let short = short[0]["anomaly_error"].as_str().unwrap();
        assert!(
            short.starts_with("the last good configuration goes on") && short.len() < full.len(),
            "{short}"
        );
        fs::write(&ini, INI).unwrap();
        until(&mut running, false);
        running.stop();
        let whole = crate::fluent_bit::expected(&(0..n).map(record).collect::<Vec<_>>());
        let got: Vec<Value> = bodies(&site)
            .into_iter()
            .map(|mut body| {
                body.as_object_mut().unwrap().remove("anomaly_error");
                body
            })
            .collect();
        assert_eq!(got, whole, "no model was lost");
    }
}

#[test]
fn a_configuration_that_kubernetes_mounts_is_read_and_its_update_as_well() {
    let record = |n: usize| json!({"ms": n * 7919 % 101, "host": "a"});
    for (program, site) in fluent_bits() {
        tail_config(&site, INI, "in.jsonl");
        let folder = site.path().join("fluent-config");
        fs::remove_file(folder.join("fluent-anomaly.ini")).unwrap();
        config_map::mount(&folder, "..first", "fluent-anomaly.ini", INI);
        let first: Vec<Value> = (0..60).map(record).collect();
        append(&site, &first);
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= first.len());
        assert_eq!(bodies(&site), crate::fluent_bit::expected(&first));
        config_map::mount(&folder, "..second", "fluent-anomaly.ini", &INI.replace("k: 7", "nonsense: yes"));
        let mut n = first.len();
        loop {
            let out = pass(&mut running, &site, &[record(n)]);
            n += 1;
            if out[0]["anomaly_error"].as_str().is_some_and(|told| told.contains("nonsense")) {
                break;
            }
            assert!(n < 700, "it is not read again");
        }
        running.stop();
    }
}
