//! The shipped configuration and the built binary in the real Fluentd.
//!
//! `FLUENTD=/path/of/fluentd cargo test --test fluent fluentd::`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common::hosts;
use crate::common::program::{self, Running};
use crate::common::records::Random;
use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use serde_json::{Value, json};
use tempfile::TempDir;

const FORMATS: [&str; 2] = ["json", "msgpack"];
const INI: &str =
    "[filter]\nmax_series: 1000\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 7\nwarm_up: off\n";

fn fluentds() -> Vec<PathBuf> {
    hosts::executables("FLUENTD")
}

pub(crate) fn site() -> TempDir {
    let site = program::site();
    let binary = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    program::install(&site, binary, "target/release/fluent-anomaly");
    site
}

/// The shipped `<match>` with another format, fed from a file.
pub(crate) fn tail_config(site: &TempDir, format: &str, buffer: usize) {
    let shipped = fs::read_to_string(site.path().join("fluent-config/fluentd.conf")).unwrap();
    let (_, matches) = shipped.split_once("</source>").unwrap();
    let matches = matches
        .replace("<match system.**>", "<match app.**>")
        .replace("--format msgpack", &format!("--format {format}"))
        .replace("@type msgpack", &format!("@type {format}"))
        // by default Fluentd's JSON parser waits until 8192 bytes of answers are there
        .replace(
            "<parse>\n    @type json",
            &format!("<parse>\n    @type json\n    stream_buffer_size {buffer}"),
        )
        .replace("flush_interval 1s", "flush_interval 0.2s");
    let source = "<source>\n  @type tail\n  path in.jsonl\n  pos_file in.pos\n  tag app.web\n  \
                  read_from_head true\n  refresh_interval 1s\n  <parse>\n    @type json\n  </parse>\n</source>\n";
    fs::write(site.path().join("tail.conf"), format!("{source}{matches}")).unwrap();
    fs::write(site.path().join("fluent-config/fluent-anomaly.ini"), INI).unwrap();
}

pub(crate) fn start(program: &Path, site: &TempDir, name: &str) -> Running {
    let args = ["-c", "tail.conf"];
    Running::start(program, &args, site.path(), name)
}

fn records(count: usize) -> Vec<Value> {
    let mut random = Random(7);
    (0..count)
        .map(|n| {
            let ms = random.below(9000) as f64 / 1000.0;
            json!({"id": (1u64 << 60) + n as u64, "host": format!("h{}", n % 3), "ms": ms, "text": "\"q\\ é"})
        })
        .collect()
}

pub(crate) fn append(site: &TempDir, records: &[Value]) {
    let text: String = records.iter().map(|record| format!("{record}\n")).collect();
    let mut file = OpenOptions::new().create(true).append(true).open(site.path().join("in.jsonl")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The records as the library scores them.
fn expected(records: &[Value]) -> Vec<Value> {
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    let score = |record: &Value| {
        let mut text = record.to_string().into_bytes();
        pipeline.process(b"app.web", Time::default(), &mut text);
        serde_json::from_slice(&text).unwrap()
    };
    records.iter().map(score).collect()
}

/// What left the last `<match>`.
pub(crate) fn scored(site: &TempDir, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(site.path().join(format!("{name}.stdout"))).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect()
}

#[track_caller]
fn assert_same(got: &[Value], expected: &[Value]) {
    for (n, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got, expected, "record {n}");
    }
    assert_eq!(got.len(), expected.len());
}

#[test]
fn the_shipped_configuration_scores_the_load() {
    for program in fluentds() {
        let site = site();
        // supervised, as people start it
        let mut running = Running::start(&program, &["-c", "fluent-config/fluentd.conf"], site.path(), "run");
        running.wait_for("scored records", || scored(&site, "run").len() >= 3);
        running.stop();
        for record in scored(&site, "run") {
            // a few records: the model warms up, and says so
            assert!(record["load1"].is_number() && record["load_warming_up"] == true, "{record}");
            assert_eq!(record.get("load_score_change"), None);
            assert_eq!((record.get("fluent_tag"), record.get("anomaly_error")), (None, None));
        }
        let log = String::from_utf8(running.stdout()).unwrap();
        assert!(!log.contains("[error]") && !log.contains("[warn]"), "{log}");
        assert!(site.path().join("fluent-config/state/journal-01").is_file());
    }
}

#[test]
fn scores_equal_those_of_the_library_bit_for_bit() {
    let records = records(5000);
    let expected = expected(&records);
    for (program, format) in fluentds().iter().flat_map(|program| FORMATS.map(|format| (program, format))) {
        let site = site();
        tail_config(&site, format, 1);
        append(&site, &records);
        let mut running = start(program, &site, "run");
        running.wait_for("scored records", || scored(&site, "run").len() >= records.len());
        running.stop();
        assert_same(&scored(&site, "run"), &expected);
    }
}

/// Processes whose parent is `parent`, and theirs.
fn descendants(parent: u32) -> Vec<u32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let stats =
        processes.filter_map(|id: u32| Some((id, fs::read_to_string(format!("/proc/{id}/stat")).ok()?)));
    let parents: Vec<(u32, u32)> = stats
        .filter_map(|(id, stat)| {
            Some((id, stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut found = vec![parent];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        at += 1;
    }
    found
}

pub(crate) fn filter_process(fluentd: u32) -> Option<u32> {
    descendants(fluentd).into_iter().find(|id| {
        fs::read_link(format!("/proc/{id}/exe"))
            .is_ok_and(|path| path.ends_with("target/release/fluent-anomaly"))
    })
}

#[test]
fn a_killed_child_is_started_again_and_scores_go_on() {
    let records = records(2000);
    let expected = expected(&records);
    for (program, format) in fluentds().iter().flat_map(|program| FORMATS.map(|format| (program, format))) {
        let site = site();
        tail_config(&site, format, 1);
        let mut running = start(program, &site, "run");
        for (n, part) in records.chunks(500).enumerate() {
            append(&site, part);
            running.wait_for("scored records", || scored(&site, "run").len() >= 500 * (n + 1));
            let child = filter_process(running.id()).expect("the child runs");
            program::kill(child, "KILL");
            let fluentd = running.id();
            running.wait_for("new child", || filter_process(fluentd).is_some_and(|new| new != child));
        }
        running.stop();
        assert_same(&scored(&site, "run"), &expected);
    }
}

/// Chunks in files, which outlive a stop. Fluentd closes the child's input also in the middle of a write, and forgets a chunk
/// that it has in memory only.
fn keep_chunks(site: &TempDir) {
    let path = site.path().join("tail.conf");
    let text = fs::read_to_string(&path).unwrap();
    let kept = text.replace("<buffer>", "<buffer>\n    @type file\n    path chunks");
    assert_ne!(text, kept);
    fs::write(path, kept).unwrap();
}

/// Where in the file these records stand.
fn places(scored: &[Value]) -> Vec<usize> {
    scored.iter().map(|record| (record["id"].as_u64().unwrap() - (1 << 60)) as usize).collect()
}

/// What leaves is what was learned, in the order of the file, and nothing is missing. A chunk that Fluentd was writing at the
/// stop is given again to the next child: from its begin on, records may come twice.
#[test]
fn a_stop_loses_nothing_that_was_read() {
    let records = records(30_000);
    for (program, format) in fluentds().iter().flat_map(|program| FORMATS.map(|format| (program, format))) {
        let site = site();
        append(&site, &records);
        // the second time, what is left need not fill a buffer of Fluentd's parser
        for (name, buffer) in [("first", 8192), ("second", 1)] {
            tail_config(&site, format, buffer);
            keep_chunks(&site);
            let mut running = start(program, &site, name);
            let is_last = |name| places(&scored(&site, name)).last() == Some(&(records.len() - 1));
            running.wait_for("scored records", || match name {
                "first" => !scored(&site, "first").is_empty(),
                _ => is_last("first") || is_last("second"),
            });
            running.stop();
        }
        let [first, second] = ["first", "second"].map(|name| scored(&site, name));
        let read = first.len();
        let again = places(&second).first().copied().unwrap_or(read);
        assert!(again <= read, "{} records are lost in {}", again - read, program.display());
        let given: Vec<usize> = (0..read).chain(again..records.len()).collect();
        assert_eq!([places(&first), places(&second)].concat(), given);
        let given: Vec<Value> = given.into_iter().map(|place| records[place].clone()).collect();
        assert_same(&[first, second].concat(), &expected(&given));
    }
}
