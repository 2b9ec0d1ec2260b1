//! Groups through the records, as whatever stands behind the filter sees them.

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

const INI: &str = "[series.cpu]\nmatch: *\nvalue: $x\nby: $role, $host\nk: 2\nwarm_up: off\n\
                   [group.cpu]\non: cpu\nacross: $host\nwithin: $role\n";

fn pipeline(ini: &str) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None)
}

/// The record as it leaves; checks that what was in it stays.
fn pass(p: &mut Pipeline, tag: &str, second: i64, record: &str) -> Value {
    let mut bytes = record.as_bytes().to_vec();
    p.process(tag.as_bytes(), Time::from_seconds(second), &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with(record.trim_end_matches('}')), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn like(host: i64, minute: i64) -> f64 {
    (host * 37 + minute * 11).rem_euclid(10) as f64 / 10.0
}

/// A minute of a group; `shift` is added to host 3.
fn minute(p: &mut Pipeline, role: &str, hosts: i64, minute: i64, shift: f64) -> Vec<Value> {
    let record = |host: i64| {
        let x = like(host, minute) + if host == 3 { shift } else { 0.0 };
        format!(r#"{{"role":"{role}","host":"h{host}","x":{x:?}}}"#)
    };
    (0..hosts).map(|host| pass(p, "app", 60 * minute + 30, &record(host))).collect()
}

#[test]
fn a_member_apart_from_its_group_is_told_in_its_own_records() {
    let mut p = pipeline(INI);
    for n in 0..10 {
        minute(&mut p, "db", 10, n, 0.0);
        minute(&mut p, "web", 10, n, 40.0); // its own kind, elsewhere
    }
    minute(&mut p, "db", 10, 10, 9.0);
    let records = minute(&mut p, "db", 10, 11, 9.0);
    let told = &records[3]["anomaly_group"];
    let distance = told["distance"].as_f64().unwrap();
    let expected = json!({"group": "cpu:db", "is_outlier": true, "distance": distance, "members": 10,
        "status": "ALERT", "transition": "OK->ALERT"});
    assert_eq!(told, &expected);
    assert!(distance > 3.0);
    assert!(records[3]["score_outlier"].is_number(), "the scores stand beside it");
    let other = &records[4]["anomaly_group"];
    assert_eq!((&other["is_outlier"], &other["status"]), (&json!(false), &json!("OK")));
    assert!(other.get("transition").is_none());
    let again = &minute(&mut p, "db", 10, 12, 9.0)[3]["anomaly_group"];
    assert_eq!(again["status"], "ALERT");
    assert!(again.get("transition").is_none(), "it is told once");
    minute(&mut p, "db", 10, 13, 0.0);
    assert_eq!(minute(&mut p, "db", 10, 14, 0.0)[3]["anomaly_group"]["transition"], "ALERT->OK");
}

#[test]
fn a_group_of_two_has_members_and_no_verdict() {
    let mut p = pipeline(INI);
    for n in 0..5 {
        minute(&mut p, "db", 2, n, 0.0);
    }
    let records = minute(&mut p, "db", 2, 5, 0.0);
    assert_eq!(records[1]["anomaly_group"], json!({"group": "cpu:db", "members": 2}));
}

#[test]
fn a_record_without_a_member_is_scored_and_not_compared() {
    let given = r#"{"role":"db","x":1.0}"#;
    let record = pass(&mut pipeline(INI), "app", 60, given);
    assert_eq!(record, serde_json::from_str::<Value>(given).unwrap(), "without its key it has no series");
    let shared = INI.replace("warm_up: off\n", "warm_up: off\nwithout_by: share\n");
    let record = pass(&mut pipeline(&shared), "app", 60, given);
    assert!(record.get("anomaly_group").is_none() && record["score_outlier"].is_number(), "{record}");
}

#[test]
fn pulled_records_are_grouped_by_the_tags_of_their_scope() {
    let ini = "[datadog.load]\nquery: avg:system.load.1{*} by {host,role}\nk: 2\n\
               [group.load]\non: load\nacross: host\nwithin: role\nalgorithm: mad\n";
    let mut p = pipeline(ini);
    let mut last = Value::Null;
    for minute in 0..10 {
        for host in 0..10 {
            let x = like(host, minute) + if host == 3 { 90.0 } else { 0.0 };
            let record = format!(
                r#"{{"metric":"system.load.1","raw_value":{x:?},"scope":"host:h{host},role:db","host":"h{host}","time":{}}}"#,
                60 * minute + 30
            );
            let left = pass(&mut p, "changefinder.load", 60 * minute + 30, &record);
            last = if host == 3 { left } else { last };
        }
    }
    assert_eq!(last["anomaly_group"]["group"], "load:db");
    assert_eq!(last["anomaly_group"]["is_outlier"], true, "{last}");
}

#[test]
fn what_a_group_says_is_the_same_after_a_restart_at_any_record() {
    let config = Config::parse("f.ini", INI).unwrap();
    let records: Vec<(i64, String)> = (0..40)
        .flat_map(|minute| {
            (0..8).map(move |host| {
                let x = like(host, minute) + if host == 3 && minute > 12 { 9.0 } else { 0.0 };
                (60 * minute + 30 + host, format!(r#"{{"role":"db","host":"h{host}","x":{x:?}}}"#))
            })
        })
        .collect();
    let left = |p: &mut Pipeline, records: &[(i64, String)]| -> Vec<Vec<u8>> {
        let pass = |(second, record): &(i64, String)| {
            let mut bytes = record.clone().into_bytes();
            p.process(b"app", Time::from_seconds(*second), &mut bytes);
            bytes
        };
        records.iter().map(pass).collect()
    };
    let whole = left(&mut Pipeline::new(&config, Format::Json, None), &records);
    assert!(whole.iter().any(|record| String::from_utf8_lossy(record).contains("OK->ALERT")));
    for cut in [1, 7, 63, 111, 112, 200] {
        let storage = MemoryStorage::default();
        let mut first = Pipeline::new(&config, Format::Json, Some(Box::new(storage.clone())));
        assert_eq!(left(&mut first, &records[..cut]), whole[..cut]);
        drop(first); // as killed: what is not on disk is lost
        let mut second = Pipeline::new(&config, Format::Json, Some(Box::new(storage)));
        assert_eq!(left(&mut second, &records[cut..]), whole[cut..], "cut at {cut}");
    }
}

#[test]
fn mistakes_in_a_group_are_told_with_what_is_allowed() {
    let series = "[series.cpu]\nmatch: *\nvalue: $x\nby: $host\n[group.g]\n";
    for (keys, problem) in [
        ("on: cpu\n", "f.ini:5: [group.g] across: the key is needed, for example `across: $host`"),
        ("across: $host\n", "f.ini:5: [group.g] on: the key is needed, for example `on: cpu`"),
        (
            "on: cpuu\nacross: $host\n",
            "f.ini:6: [group.g] on: there is no [datadog.cpuu] and no [series.cpuu]; did you mean `cpu`?",
        ),
        (
            "on: cpu\nacross: $host\nalgorithm: kmeans\n",
            "f.ini:8: [group.g] algorithm: \"kmeans\" is not allowed: dbscan or scaled_dbscan or mad or scaled_mad",
        ),
        (
            "on: cpu\nacross: $host\ntolerance: 0\n",
            "f.ini:8: [group.g] tolerance: \"0\" is not allowed: a number above 0, at most 1000; 3 is usual",
        ),
        (
            "on: cpu\nacross: $host\npercent: 20\n",
            "f.ini:8: [group.g] percent: has a meaning with `algorithm: mad` and `scaled_mad` only",
        ),
        (
            "on: cpu\nacross: $host\nmin_members: 2\n",
            "f.ini:8: [group.g] min_members: \"2\" is not allowed: a whole number from 3 to 10000",
        ),
        (
            "on: cpu\nacross: $host\nalarms: 1/week\ntolerance: 3\n",
            "f.ini:9: [group.g] tolerance: goes with no `alarms`: a budget of alarms takes its place",
        ),
        ("on: cpu\nacross: ,\n", "f.ini:7: [group.g] across: \",\" names no field"),
        (
            "on: cpu\nacross: $host\nacros: $role\n",
            "f.ini:8: [group.g] acros: unknown key; did you mean `across`?",
        ),
    ] {
        let error = Config::parse("f.ini", &format!("{series}{keys}")).unwrap_err();
        assert_eq!(error.to_string(), problem);
    }
    let two = format!("{series}on: cpu\nacross: $host\n[group.h]\non: cpu\nacross: $x\n");
    let error = Config::parse("f.ini", &two).unwrap_err().to_string();
    assert!(
        error.contains("writes the same field `anomaly_group` into the same records as [group.g]"),
        "{error}"
    );
}

/// `fluent-anomaly monitor <arguments>` in a folder.
fn monitor(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .arg("monitor")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_outlier_monitor_of_datadog_comes_in_and_goes_out() {
    let body = json!({
        "name": "Load; of one host", "type": "query alert", "message": "look\nhere @slack", "priority": 2,
        "query": "avg(last_30m):outliers(avg:system.load.1{role:db} by {host}, 'MAD', 3, 20) > 0",
        "tags": ["team:a", "env:b"],
        "options": {"thresholds": {"critical": 0}, "notify_no_data": false, "require_full_window": false},
    });
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("monitor.json", &body.to_string());
    let ini = monitor(folder.path(), &["import", "monitor.json"]);
    let config = Config::parse("f.ini", &ini).unwrap();
    let [group] = &config.groups[..] else { panic!("{ini}") };
    assert_eq!((group.spec.buckets(), group.spec.interval_s()), (30, 60));
    assert_eq!(group.across.iter().map(ToString::to_string).collect::<Vec<_>>(), ["host"]);
    write("f.ini", &ini);
    let exported = monitor(folder.path(), &["export", "load_of_one_host", "-c", "f.ini"]);
    assert_eq!(serde_json::from_str::<Value>(&exported).unwrap(), body);
    assert_eq!(monitor(folder.path(), &["validate", "-c", "f.ini"]), "[group.load_of_one_host] fine\n");
    let explained = monitor(folder.path(), &["explain", "load_of_one_host", "-c", "f.ini"]);
    let line = "A member is an outlier when more than 20 % of its values lie more than 3 usual deviations from the median of all.";
    assert!(explained.contains(line), "{explained}");
}

#[test]
fn a_group_of_a_pulled_section_is_exported_without_a_query_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let ini = "[datadog.load]\nquery: avg:system.load.1{*} by {host}\n[group.load]\non: load\nacross: host\ninterval: 60\nintervals: 5\n";
    std::fs::write(folder.path().join("f.ini"), ini).unwrap();
    let exported: Value =
        serde_json::from_str(&monitor(folder.path(), &["export", "load", "-c", "f.ini"])).unwrap();
    assert_eq!(exported["query"], "avg(last_5m):outliers(avg:system.load.1{*} by {host}, 'DBSCAN', 3) > 0");
}

#[test]
fn mistakes_in_a_query_are_told_with_their_place() {
    let ini = "[series.cpu]\nmatch: *\nvalue: $x\n[group.g]\non: cpu\n";
    for (keys, problem) in [
        (
            "query: outliers(avg:m{*} by {host}, 'kmeans', 2)\n",
            "f.ini:6: [group.g] query: algorithm: 'kmeans' is not allowed",
        ),
        ("query: outliers(avg:m{*}, 'MAD', 2)\n", "f.ini:4: [group.g] across: the key is needed"),
        (
            "query: outliers(avg:m{*} by {host}, 'MAD', 2)\ntolerance: 3\n",
            "f.ini:7: [group.g] tolerance: stands in the query",
        ),
        (
            "query: avg(last_4h):outliers(avg:m{*} by {host}, 'MAD', 2) > 0\ninterval: 60\n",
            "f.ini:7: [group.g] interval: at most 60 intervals",
        ),
    ] {
        let error = Config::parse("f.ini", &format!("{ini}{keys}")).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
