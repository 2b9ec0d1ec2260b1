//! Groups through the records, as whatever stands behind the filter sees them.

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::{Value, json};

use crate::common::series::noise_of;

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

/// What is told of members that are gone, with the place of the record.
fn gone(records: &[Value]) -> Vec<(usize, Value)> {
    let told = records.iter().enumerate();
    told.filter_map(|(n, record)| Some((n, record.get("anomaly_group_silent")?.clone()))).collect()
}

#[test]
fn the_end_of_an_outlier_that_falls_silent_is_told_once_by_a_record_of_another() {
    for keys in ["", "alarms: 1/day\n"] {
        let mut p = pipeline(&format!("{INI}{keys}"));
        let start = if keys.is_empty() { 10 } else { 1500 };
        // each host but those that are silent; `shift` is added to host 3
        let minute = |p: &mut Pipeline, n: i64, shift: f64, silent: i64| -> Vec<Value> {
            let record = |host: i64| {
                let x = noise_of(host as u64 + 1, n) + if host == 3 { shift } else { 0.0 };
                pass(p, "app", 60 * n + 30, &format!(r#"{{"role":"db","host":"h{host}","x":{x:?}}}"#))
            };
            (0..10).filter(|host| *host != silent).map(record).collect()
        };
        for n in 0..start {
            minute(&mut p, n, 0.0, -1);
        }
        let sick: Vec<Value> = (start..start + 4).flat_map(|n| minute(&mut p, n, 90.0, -1)).collect();
        assert!(
            sick.iter().any(|record| record["anomaly_group"]["transition"] == "OK->ALERT"),
            "{keys} {:?}",
            sick.last()
        );
        let after: Vec<Value> = (start + 4..start + 90).flat_map(|n| minute(&mut p, n, 0.0, 3)).collect();
        let told = gone(&after);
        let [(place, told)] = &told[..] else { panic!("{keys}: {told:?}") };
        let expected = json!({"group": "cpu:db", "series": "host:h3", "status": "NO DATA", "transition": "ALERT->NO DATA"});
        assert_eq!(told, &expected);
        // its last value counts for five intervals more
        assert_eq!(place / 9, 6, "{keys}");
        // back, and as the others are
        let back: Vec<Value> = (start + 90..start + 100).flat_map(|n| minute(&mut p, n, 0.0, -1)).collect();
        let is_told =
            |record: &&Value| record["host"] == "h3" && record["anomaly_group"].get("transition").is_some();
        assert_eq!((back.iter().filter(is_told).count(), gone(&back).len()), (0, 0), "{keys}");
    }
}

const ERRORS: &str = "[series.errors]\nmatch: *\nmeasure: count\nevery: 1m\nby: $host, $role\nk: 2\nwarm_up: off\nwhere: $status >= 500\n\
                      [group.errors]\non: errors\nacross: $host\nwithin: $role\n";

/// Log records of a minute: each host has about ten errors and many other lines; host 3 has `more` errors.
fn log_minute(minute: i64, hosts: i64, more: i64) -> Vec<(i64, String)> {
    let lines = |host: i64| {
        let errors = 10 + (host * 37 + minute * 11).rem_euclid(4) + if host == 3 { more } else { 0 };
        (0..errors + 5).map(move |n| {
            let status = if n < errors { 503 } else { 200 };
            let line = format!(r#"{{"host":"h{host}","role":"db","status":{status},"n":{n}}}"#);
            (60 * minute + n % 50, line)
        })
    };
    let mut all: Vec<_> = (0..hosts).flat_map(lines).collect();
    all.sort_by_key(|(second, _)| *second);
    all
}

#[test]
fn windows_of_log_records_are_compared_as_members_are() {
    let mut p = pipeline(ERRORS);
    let mut windows = Vec::new();
    for n in 0..40 {
        let more = if (20..30).contains(&n) { 40 } else { 0 };
        for (second, line) in log_minute(n, 8, more) {
            let record = pass(&mut p, "app", second, &line);
            windows.extend(record.get("anomaly_window").cloned());
        }
    }
    let changes: Vec<(i64, Value, Value)> = windows
        .iter()
        .filter(|window| window["anomaly_group"].get("transition").is_some())
        .map(|window| {
            let group = &window["anomaly_group"];
            (window["from"].as_i64().unwrap() / 60, window["by"]["host"].clone(), group["transition"].clone())
        })
        .collect();
    // a window is judged when those of the next minute close
    assert_eq!(changes, [(21, json!("h3"), json!("OK->ALERT")), (31, json!("h3"), json!("ALERT->OK"))]);
    let judged =
        windows.iter().find(|window| window["from"] == 21 * 60 && window["by"]["host"] == "h3").unwrap();
    assert_eq!(judged["anomaly_group"]["group"], "errors:db");
    assert_eq!(judged["anomaly_group"]["members"], 8);
    assert!(judged["score_outlier"].is_number(), "the scores stand beside it: {judged}");
}

#[test]
fn groups_of_windows_go_on_over_a_restart_and_become_records_of_their_own() {
    let records: Vec<(i64, String)> =
        (0..30).flat_map(|n| log_minute(n, 6, if n > 12 { 30 } else { 0 })).collect();
    for ini in [ERRORS.to_owned(), ERRORS.replace("every: 1m\n", "every: 1m\nwindows: records\n")] {
        let config = Config::parse("f.ini", &ini).unwrap();
        let left = |p: &mut Pipeline, records: &[(i64, String)]| -> Vec<Vec<u8>> {
            let mut all = Vec::new();
            for (second, line) in records {
                let mut bytes = line.clone().into_bytes();
                p.process(b"app", Time::from_seconds(*second), &mut bytes);
                all.push(bytes);
                while let Some(window) = p.take_window_record() {
                    all.push(window.record);
                }
            }
            all
        };
        let open = |storage: Option<&MemoryStorage>| {
            let storage = storage.map(|storage| Box::new(storage.clone()) as Box<_>);
            let mut p = Pipeline::new(&config, Format::Json, storage);
            p.make_window_records();
            p
        };
        let whole = left(&mut open(None), &records);
        let told = |records: &[Vec<u8>]| {
            records.iter().any(|one| String::from_utf8_lossy(one).contains("OK->ALERT"))
        };
        assert!(told(&whole), "{ini}");
        for cut in [1, 90, 1000, 1130, 1131, 1132, 1500] {
            let storage = MemoryStorage::default();
            let mut first = open(Some(&storage));
            let mut all = left(&mut first, &records[..cut]);
            drop(first); // as killed
            all.extend(left(&mut open(Some(&storage)), &records[cut..]));
            assert!(all == whole, "cut at {cut}");
        }
    }
}

#[test]
fn the_windows_of_one_template_are_compared_with_each_other() {
    let ini = "[series.lines]\nmatch: *\nmeasure: patterns $log\nevery: 1m\nby: $host\nk: 2\nwarm_up: off\nlearn_patterns: 0s\n\
               [group.lines]\non: lines\nacross: $host\n";
    let mut p = pipeline(ini);
    let mut changes = Vec::new();
    for n in 0..30 {
        let mut lines = Vec::new();
        for host in 0..6 {
            let retries = 5 + (host + n) % 3 + if host == 2 && n >= 15 { 40 } else { 0 };
            lines.extend(
                (0..retries).map(|m| {
                    (60 * n + m, format!(r#"{{"host":"h{host}","log":"retry of job {m} on disk"}}"#))
                }),
            );
            lines.extend((0..30).map(|m| {
                (60 * n + m, format!(r#"{{"host":"h{host}","log":"request {m} served in {m} ms"}}"#))
            }));
        }
        lines.sort();
        for (second, line) in lines {
            let record = pass(&mut p, "app", second, &line);
            let window = &record["anomaly_window"];
            if window["anomaly_group"].get("transition").is_some() {
                let by = &window["by"];
                changes.push((
                    by["host"].clone(),
                    window["template"].clone(),
                    window["anomaly_group"]["group"].clone(),
                ));
            }
        }
    }
    let [(host, template, group)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(host, "h2");
    assert!(template.as_str().unwrap().starts_with("retry of job"), "{template}");
    assert!(group.as_str().unwrap().starts_with("lines:"), "{group}");
}

#[test]
fn two_groups_on_one_section_and_one_over_two_sections_each_have_a_field_of_their_own() {
    let ini = "[series.cpu]\nmatch: *\nvalue: $x\nby: $role, $host\nk: 2\nwarm_up: off\n\
               [series.memory]\nmatch: *\nvalue: $y\nby: $role, $host\nk: 2\nwarm_up: off\nprefix: memory_\n\
               [group.roles]\non: cpu\nacross: $host\nwithin: $role\n\
               [group.all]\non: cpu\nacross: $role, $host\nprefix: all_\nalgorithm: mad\n\
               [group.memory]\non: memory\nacross: $host\n";
    let mut p = pipeline(ini);
    let mut last = Value::Null;
    for minute in 0..12 {
        for (role, host) in (0..12).map(|n| (["db", "web"][n % 2], n as i64)) {
            let shift = if minute > 8 && host == 4 { 9.0 } else { 0.0 };
            let x = like(host, minute) + shift + if role == "web" { 50.0 } else { 0.0 };
            let record =
                format!(r#"{{"role":"{role}","host":"h{host}","x":{x:?},"y":{:?}}}"#, like(host, minute));
            let left = pass(&mut p, "app", 60 * minute + 30, &record);
            last = if host == 4 { left } else { last };
        }
    }
    let is_outlier = |field: &str| last[field]["is_outlier"].as_bool();
    assert_eq!(is_outlier("anomaly_group"), Some(true), "{last}");
    assert_eq!(is_outlier("all_anomaly_group"), Some(false), "{last}");
    assert_eq!(is_outlier("memory_anomaly_group"), Some(false), "{last}");
    assert_eq!(last["anomaly_group"]["members"], 6);
    assert_eq!(last["all_anomaly_group"]["members"], 12);
}

#[test]
fn values_that_are_no_numbers_harm_one_record_and_no_group() {
    let mut p = pipeline(INI);
    for n in 0..10 {
        minute(&mut p, "db", 10, n, 0.0);
    }
    for x in ["NaN", "null", "\"x\"", "1e999", "[1]"] {
        let mut record = format!(r#"{{"role":"db","host":"h2","x":{x}}}"#).into_bytes();
        p.process(b"app", Time::from_seconds(630), &mut record);
        assert!(!String::from_utf8_lossy(&record).contains("anomaly_group"), "{x}");
    }
    for n in 10..20 {
        for record in minute(&mut p, "db", 10, n, 0.0) {
            assert_eq!(record["anomaly_group"]["is_outlier"], false, "{record}");
        }
    }
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
        (
            "on: cpu\nacross: ,\n",
            "f.ini:7: [group.g] across: \",\" is not allowed: fields such as `$host`, separated by commas",
        ),
        (
            "on: cpu\nacross: $host\nacros: $role\n",
            "f.ini:8: [group.g] acros: unknown key; did you mean `across`?",
        ),
    ] {
        let error = Config::parse("f.ini", &format!("{series}{keys}")).unwrap_err();
        assert_eq!(error.to_string(), problem);
    }
    for (series, keys, problem) in [
        ("windows: alarms\n", "across: $host\n", "on: \"cpu\" tells alarms only (`windows: alarms`)"),
        ("", "across: $pod\n", "across: $pod is not in `by` of [series.cpu]: $host"),
        ("", "across: $host\nwithin: $role\n", "within: $role is not in `by` of [series.cpu]: $host"),
        ("", "across: $host\ninterval: 30\n", "interval: 30 s are less than a window of 60 s (`every`)"),
    ] {
        let ini = format!(
            "[series.cpu]\nmatch: *\nmeasure: count\nevery: 1m\nby: $host\n{series}[group.g]\non: cpu\n{keys}"
        );
        let error = Config::parse("f.ini", &ini).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
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

/// What comes in, is validated, explained and exported, and read back.
#[test]
fn outlier_monitors_of_every_algorithm_come_in_and_go_out_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    for (given, query) in [
        ("avg(last_1h):outliers(avg:a.b{*} by {host}, 'DBSCAN', 2.5) > 0", None),
        ("avg(last_1h):outliers(avg:a.b{*} by {host}, 'scaledDBSCAN', 3) > 0", None),
        ("avg(last_1d):outliers(sum:a.b{x:y,!c:d} by {host,disk}, 'scaledMAD', 1, 50) > 0", None),
        (
            "  avg( last_4h ) :outliers( avg:a.b{ env:prod } by { host , disk } ,'MAD',2 , 0 )>0 ",
            Some("avg(last_4h):outliers(avg:a.b{ env:prod } by { host , disk }, 'MAD', 2, 0) > 0"),
        ),
        (
            // Datadog takes a percentage with DBSCAN and ignores it
            "avg(last_30m):outliers(avg:a.b{*} by {host}, 'DBSCAN', 3, 20) > 0",
            Some("avg(last_30m):outliers(avg:a.b{*} by {host}, 'DBSCAN', 3) > 0"),
        ),
        (
            "avg(last_30m):outliers(avg:a.b{*} by {host}, \"MAD\", 3.0, 20) > 0",
            Some("avg(last_30m):outliers(avg:a.b{*} by {host}, 'MAD', 3, 20) > 0"),
        ),
    ] {
        let body = json!({"name": "n", "type": "query alert", "query": given, "message": "m"});
        write("monitor.json", &body.to_string());
        let ini = monitor(folder.path(), &["import", "monitor.json"]);
        write("f.ini", &ini);
        assert_eq!(monitor(folder.path(), &["validate", "-c", "f.ini"]), "[group.n] fine\n", "{ini}");
        assert!(
            monitor(folder.path(), &["explain", "n", "-c", "f.ini"]).contains("A member is an outlier when"),
            "{ini}"
        );
        let exported: Value =
            serde_json::from_str(&monitor(folder.path(), &["export", "n", "-c", "f.ini"])).unwrap();
        assert_eq!(exported["query"], query.unwrap_or(given));
        write("again.json", &exported.to_string());
        let again = monitor(folder.path(), &["import", "again.json"]);
        let groups = |ini: &str| Config::parse("f.ini", ini).unwrap().groups;
        assert_eq!(groups(&again), groups(&ini));
    }
}

#[test]
fn what_an_outlier_query_may_not_hold_is_told_with_what_may() {
    let ini = "[series.cpu]\nmatch: *\nvalue: $x\n[group.g]\non: cpu\nacross: $host\nquery: ";
    for (query, problem) in [
        ("outliers(avg:m{*} by {host}, 'DBSCAN', 0)", "0"),
        ("outliers(avg:m{*} by {host}, 'DBSCAN', 1001)", "1001"),
        ("outliers(avg:m{*} by {host}, 'DBSCAN', -2)", "-2"),
        ("outliers(avg:m{*} by {host}, 'DBSCAN', two)", "two"),
        ("outliers(avg:m{*} by {host}, 'MAD', 2, 100)", "100"),
        ("outliers(avg:m{*} by {host}, 'MAD', 2, -1)", "-1"),
        ("outliers(avg:m{*} by {host}, 'MAD')", "tolerance"),
        ("outliers(avg:m{*} by {host})", "algorithm"),
        ("outliers(avg:m{*} by {host}, 'MAD', 2, 20", ")"),
        ("avg(last_30m):outliers(avg:m{*} by {host}, 'MAD', 2, 20) > 1", "0"),
        ("avg(last_3y):outliers(avg:m{*} by {host}, 'MAD', 2, 20) > 0", "last_"),
    ] {
        let error = Config::parse("f.ini", &format!("{ini}{query}\n")).unwrap_err().to_string();
        assert!(
            error.starts_with("f.ini:7: [group.g] query: ") && error.contains(problem),
            "{query}: {error}"
        );
    }
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
