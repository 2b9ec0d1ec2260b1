//! `eval` through its command line.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn run(folder: &TempDir, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .arg("eval")
        .args(args)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Three days of minutes; minute 4000 is far out.
fn data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let value = |i: i64| if i == 4000 { 5000 } else { i * 7919 % 101 };
    let mut csv = String::from("timestamp,value\n");
    let mut lines = String::new();
    for i in 0..4320 {
        let (day, minute) = (i / 1440, i % 1440);
        csv += &format!("2014-04-0{} {:02}:{:02}:00,{}\n", day + 1, minute / 60, minute % 60, value(i));
        lines += &format!("{{\"time\":{},\"value\":{}}}\n", 1_396_310_400 + 60 * i, value(i));
    }
    fs::create_dir_all(folder.path().join("data/one")).unwrap();
    fs::write(folder.path().join("data/one/a.csv"), csv).unwrap();
    fs::write(folder.path().join("data/b.jsonl"), lines).unwrap();
    let labels =
        r#"{"one/a.csv": [["2014-04-03 18:30:00.000000", "2014-04-03 19:00:00"]], "one/gone.csv": []}"#;
    fs::write(folder.path().join("labels.json"), labels).unwrap();
    folder
}

#[test]
fn a_folder_is_judged_by_its_labels_and_each_row_gets_a_score() {
    let folder = data();
    let args = ["--input", "data", "--labels", "labels.json", "--scores", "out", "--format", "json"];
    let (status, report, told) = run(&folder, &args);
    assert!(status == 0 && told.lines().all(|line| line.contains(": read as ")), "{told}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let (b, a) = (&report["files"][0], &report["files"][1]);
    assert_eq!((a["file"].as_str(), b["file"].as_str()), (Some("one/a.csv"), Some("b.jsonl")));
    assert_eq!(
        (a["points"].as_u64(), a["hits"].as_u64(), a["misses"].as_u64()),
        (Some(4320), Some(1), Some(0))
    );
    assert_eq!((a["false_alarms"].as_u64(), a["median_delay_s"].as_f64()), (Some(0), Some(600.0)));
    assert_eq!(a["alarm_list"][0]["reason"], "spike");
    assert_eq!(b["false_alarms"], b["alarms"], "nothing is labelled in it");
    assert_eq!(report["all"]["windows"], 1);
    assert_eq!(report["labelled_files_not_in_the_input"], 1);
    let scores = |name: &str| -> Vec<String> {
        fs::read_to_string(folder.path().join(name)).unwrap().lines().map(str::to_owned).collect()
    };
    let (a, b) = (scores("out/one/a.csv"), scores("out/b.csv"));
    assert_eq!(
        (a.len(), &a[0][..], &a[1][..]),
        (4321, "timestamp,value,anomaly_score", "2014-04-01 00:00:00,0,0")
    );
    let last = |row: &String| row.rsplit(',').next().unwrap().to_owned();
    assert!(last(&a[4001]).parse::<f64>().unwrap() > 0.4, "{}", a[4001]);
    assert_eq!(a.iter().map(last).collect::<Vec<_>>(), b.iter().map(last).collect::<Vec<_>>());
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_status_2() {
    let folder = data();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("bad.csv", "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-31 00:00:00,2\n");
    write("bad.json", r#"{"one/a.csv": [["soon", "later"]]}"#);
    write("turned.json", r#"{"one/a.csv": [["2014-04-02 00:00:00", "2014-04-01 00:00:00"]]}"#);
    write("quiet.ini", "[series.s]\nmatch: x\nvalue: $v\n");
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (args, told) in [
        (&["--input", "none"][..], "none: cannot be read"),
        (&["--input", "empty"], "empty: holds no file that ends in .csv"),
        (&["--input", "bad.csv"], "bad.csv: line 3, column 1 (timestamp)"),
        (
            &["--input", "data", "--labels", "bad.json"],
            "bad.json: one/a.csv: [\"soon\", \"later\"] is no window",
        ),
        (&["--input", "data", "--labels", "turned.json"], "ends before it starts"),
        (&["--input", "data", "--labels", "bad.csv"], "bad.csv: expected"),
        (&["--input", "data", "--config", "quiet.ini"], "[series.s] raises no alarms: set `alarms: 1/week`"),
        (&["--input", "data", "--config", "quiet.ini", "--section", "t"], "there is only series.s"),
        (&["--input", "data", "--section", "t"], "--config"),
    ] {
        let (status, out, error) = run(&folder, args);
        assert!(status == 2 && out.is_empty() && error.contains(told), "{args:?}: {status} {out} {error}");
    }
}
