//! Groups with odd members, in the built module and through the command `filter`: both write these bytes.

use std::fs;
use std::process::Command;

use crate::common::program;
use crate::common::wasm_host::Host;
use tempfile::TempDir;

const START: i64 = 1_700_000_040;
const INI: &str = "[filter]\nstate: off\n[series.cpu]\nmatch: *\nvalue: $x\nby: $host\ntime: $t\nk: 2\n\
                   [group.cpu]\non: cpu\nacross: $host\n";

fn folder(ini: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    folder
}

/// Minutes and hosts with their values.
type Sample = (i64, usize, f64);

fn record((minute, host, x): Sample) -> String {
    format!(r#"{{"t":{},"host":"h{host}","x":{x:?}}}"#, START + 60 * minute)
}

/// What the records get, the same from module and command: `{"t":..,"host":..,"x":..` is taken away.
#[track_caller]
fn added(ini: &str, samples: &[Sample]) -> Vec<String> {
    let folder = folder(ini);
    let records: Vec<String> = samples.iter().map(|&sample| record(sample)).collect();
    let mut host = Host::start(folder.path());
    let left = records.iter().zip(samples).map(|(record, (minute, ..))| {
        let time = ((START + 60 * minute) as u32, 0);
        String::from_utf8(host.filter(b"app", time, record.as_bytes()).unwrap()).unwrap()
    });
    let left: Vec<String> = left.collect();
    let output = program::run_on(&folder, &["filter", "--tag", "app"], &(records.join("\n") + "\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let of_command = String::from_utf8(output.stdout).unwrap();
    assert!(of_command.lines().eq(left.iter().map(String::as_str)), "module and command differ");
    let strip = |(left, record): (&String, &String)| {
        left.strip_prefix(record.trim_end_matches('}')).expect("what was in it stays").to_owned()
    };
    left.iter().zip(&records).map(strip).collect()
}

/// What stands in each record before the model of its series judges.
const YOUNG: &str = r#","warming_up":true"#;

/// What the last record of a host got.
fn last(samples: &[Sample], added: &[String], host: usize) -> String {
    added[samples.iter().rposition(|(_, it, _)| *it == host).unwrap()].clone()
}

/// Tenths that differ from host to host and from minute to minute.
fn usual(host: usize, minute: i64) -> f64 {
    (host as i64 * 37 + minute * 11).rem_euclid(10) as f64 / 10.0
}

fn minutes(minutes: i64, hosts: usize, x: impl Fn(i64, usize) -> Option<f64>) -> Vec<Sample> {
    let all = (0..minutes).flat_map(|minute| (0..hosts).map(move |host| (minute, host)));
    all.filter_map(|(minute, host)| Some((minute, host, x(minute, host)?))).collect()
}

#[test]
fn a_group_of_one_or_two_tells_its_members_and_no_verdict() {
    for hosts in [1, 2] {
        let samples = minutes(6, hosts, |_, host| Some(if host == 1 { 1e6 } else { 1.0 }));
        let added = added(INI, &samples);
        assert_eq!(added[0], format!("{YOUNG}{}", r#","anomaly_group":{"group":"cpu","members":0}}"#));
        for host in 0..hosts {
            let expected = format!(r#"{YOUNG},"anomaly_group":{{"group":"cpu","members":{hosts}}}}}"#);
            assert_eq!(last(&samples, &added, host), expected);
        }
    }
}

#[test]
fn members_whose_values_are_all_equal_are_no_outliers_and_one_that_differs_is_one() {
    for algorithm in ["dbscan", "scaled_dbscan", "mad", "scaled_mad"] {
        let ini = format!("{INI}algorithm: {algorithm}\n");
        let samples = minutes(5, 8, |_, _| Some(5.0));
        let equal = added(&ini, &samples);
        let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":false,"distance":0.0,"members":8,"status":"OK"}}"#;
        assert_eq!(last(&samples, &equal, 0), expected, "{algorithm}");
        let samples = minutes(3, 8, |_, host| Some(if host == 6 { 9.0 } else { 5.0 }));
        let one = added(&ini, &samples);
        assert_eq!(last(&samples, &one, 0), expected, "{algorithm}");
        // the mean deviation, 0.5 times 1.2533, takes the place of a median deviation of 0
        let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":true,"distance":6.3831484879917015,"members":8,"status":"ALERT","transition":"OK->ALERT"}}"#;
        assert_eq!(last(&samples, &one, 6), expected, "{algorithm}");
    }
}

#[test]
fn a_member_with_a_record_in_five_minutes_is_compared_with_those_that_have_one_a_minute() {
    let samples = minutes(32, 6, |minute, host| {
        let shift = if host == 2 && minute >= 20 { 40.0 } else { 0.0 };
        (host != 2 || minute % 5 == 0).then(|| usual(host, minute) + shift)
    });
    let added = added(INI, &samples);
    let of_host = |minute: i64, host: usize| {
        added[samples.iter().position(|(at, it, _)| (*at, *it) == (minute, host)).unwrap()].clone()
    };
    assert_eq!(
        of_host(15, 2),
        r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":false,"distance":0.22483025315886523,"members":6,"status":"OK"}}"#
    );
    // its next record tells what its value of minute 20 was beside the others
    let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":true,"distance":90.04451639012545,"members":6,"status":"ALERT","transition":"OK->ALERT"}}"#;
    assert_eq!(of_host(25, 2), expected);
    let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":true,"distance":135.5726426547956,"members":6,"status":"ALERT"}}"#;
    assert_eq!(of_host(30, 2), expected);
    let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":false,"distance":0.6744907594765954,"members":6,"status":"OK"}}"#;
    assert_eq!(of_host(30, 3), expected);
}

#[test]
fn ten_thousand_members_are_compared_and_the_one_apart_is_told() {
    let samples =
        minutes(4, 10_000, |minute, host| Some(usual(host, minute) + if host == 4711 { 50.0 } else { 0.0 }));
    let added = added(INI, &samples);
    let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":true,"distance":135.84243895858629,"members":10000,"status":"ALERT"}}"#;
    assert_eq!(last(&samples, &added, 4711), expected);
    let expected = r#","warming_up":true,"anomaly_group":{"group":"cpu","is_outlier":false,"distance":0.13489815189531904,"members":10000,"status":"OK"}}"#;
    assert_eq!(last(&samples, &added, 4712), expected);
    assert_eq!(added.iter().filter(|added| added.contains("OK->ALERT")).count(), 1);
}

#[test]
fn a_group_without_across_lets_records_pass_with_the_reason_and_ends_the_command() {
    const PROBLEM: &str =
        "fluent-anomaly.ini:9: [group.cpu] across: the key is needed, for example `across: $host`";
    let folder = folder(&INI.replace("across: $host\n", ""));
    let left =
        Host::start(folder.path()).filter(b"app", (START as u32, 0), br#"{"host":"h1","x":1}"#).unwrap();
    let expected = format!(r#"{{"host":"h1","x":1,"anomaly_error":"{PROBLEM}"}}"#);
    assert_eq!(String::from_utf8(left).unwrap(), expected);
    for arguments in [&["filter"][..], &["check", "-c", "fluent-anomaly.ini"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
        let output =
            program::run_with_input(command.current_dir(folder.path()).args(arguments), b"{\"x\":1}\n");
        assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()), "{arguments:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.lines().any(|line| line.ends_with(PROBLEM)), "{told}");
    }
}
