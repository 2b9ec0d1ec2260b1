//! The shipped configuration and the built filter in the real Fluent Bit.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/path/of/another] cargo test --test fluent fluent_bit::`

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::hosts;
use crate::common::program::{self, Running};
use crate::common::records::Random;
use crate::common::{build, msgpack};
use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction};
use fluent_anomaly::state::FolderStorage;
use serde_json::{Value, json};
use tempfile::TempDir;

const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
const SCORES: [&str; 2] = ["score_outlier", "score_change"];
pub(crate) const INI: &str =
    "[filter]\nmax_series: 1000\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 7\nwarm_up: off\n";

fn site() -> TempDir {
    let site = program::site();
    program::install(&site, build::wasm_module(), MODULE);
    site
}

pub(crate) fn fluent_bits() -> impl Iterator<Item = (std::path::PathBuf, TempDir)> {
    hosts::executables("FLUENT_BIT").into_iter().map(|program| (program, site()))
}

/// tail -> filter -> file in msgpack, which keeps every bit of a number; no stack beyond the host's default.
pub(crate) fn tail_config(site: &TempDir, ini: &str, input: &str) {
    fs::write(site.path().join("fluent-config/fluent-anomaly.ini"), ini).unwrap();
    let config = format!(
        "service:\n  flush: 0.2\n  log_level: info\n\
         parsers:\n  - name: records\n    format: json\n\
         pipeline:\n  inputs:\n    - name: tail\n      tag: app.web\n      path: {input}\n      parser: records\n      \
         read_from_head: true\n      buffer_chunk_size: 2M\n      buffer_max_size: 16M\n      refresh_interval: 1\n  \
         filters:\n    - name: wasm\n      match: '*'\n      wasm_path: {MODULE}\n      function_name: anomaly_filter\n      \
         event_format: json\n      accessible_paths: fluent-config\n  \
         outputs:\n    - name: file\n      match: \'*\'\n      file: out.msgpack\n      format: msgpack\n"
    );
    fs::write(site.path().join("tail.yaml"), config).unwrap();
}

/// The bodies of the events `[[time, metadata], body]` that have left.
pub(crate) fn bodies(site: &TempDir) -> Vec<Value> {
    msgpack::decode_all(&fs::read(site.path().join("out.msgpack")).unwrap_or_default())
        .into_iter()
        .filter_map(|event| event.get(1).filter(|body| body.is_object()).cloned())
        .collect()
}

/// Starts a run whose output is its own.
pub(crate) fn start(program: &Path, site: &TempDir, name: &str) -> Running {
    let _ = fs::remove_file(site.path().join("out.msgpack"));
    Running::start(program, &["-c", "tail.yaml"], site.path(), name)
}

/// Short decimals: the host prints a record's floats with 16 digits before the filter sees them.
fn records(count: usize) -> Vec<Value> {
    let mut random = Random(42);
    (0..count)
        .map(|n| {
            let spike = if random.below(300) == 0 { 40_000 } else { 0 };
            let ms = (random.below(9000) + spike) as f64 / 1000.0;
            json!({"id": n, "host": format!("h{}", n % 3), "ms": ms, "text": "\"q\\ é"})
        })
        .collect()
}

pub(crate) fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Whether this is Fluent Bit 3.
pub(crate) fn is_3(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output().unwrap().stdout;
    String::from_utf8_lossy(&version).contains("v3.")
}

/// The records as the library scores them.
pub(crate) fn expected(records: &[Value]) -> Vec<Value> {
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, None);
    records
        .iter()
        .map(|record| {
            let mut text = record.to_string().into_bytes();
            pipeline.process(b"app.web", Time::default(), &mut text);
            serde_json::from_slice(&text).unwrap()
        })
        .collect()
}

#[track_caller]
fn assert_same(got: &[Value], expected: &[Value], program: &Path) {
    for (n, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got, expected, "record {n} of {}", program.display());
    }
    assert_eq!(got.len(), expected.len(), "{}", program.display());
}

#[test]
fn the_shipped_configurations_score_the_cpu() {
    for (program, _) in fluent_bits() {
        for file in ["fluent-config/fluent-bit.yaml", "fluent-config/fluent-bit.conf"] {
            let site = site();
            let mut running = Running::start(&program, &["-c", file], site.path(), "run");
            let stdout = site.path().join("run.stdout");
            running.wait_for("scored record", || {
                // the first minute of a model gives no scores and says so
                let out = fs::read_to_string(&stdout).unwrap();
                out.matches("\"cpu_score_change\":").count() + out.matches("\"cpu_warming_up\":true").count()
                    >= 2
            });
            assert!(running.stop().success(), "{file}");
            let stdout = String::from_utf8(running.stdout()).unwrap();
            for line in stdout.lines().filter(|line| line.starts_with('{')) {
                let record: Value = serde_json::from_str(line).unwrap();
                assert!(record["cpu_p"].is_number(), "{record}");
                if record["cpu_warming_up"] != true {
                    assert_eq!(record["cpu_metric_outlier"], "changefinder.outlier.cpu", "{record}");
                    assert!(record["cpu_score_outlier"].is_number(), "{record}");
                }
                assert_eq!(record.get("anomaly_error"), None);
            }
            let stderr = running.stderr();
            assert!(!stderr.contains("[error]") && !stderr.contains("wasm"), "{file}:\n{stderr}");
            assert!(site.path().join("fluent-config/state").is_dir());
        }
    }
}

#[test]
fn scores_equal_those_of_the_library_bit_for_bit() {
    let records = records(20_000);
    let expected = expected(&records);
    for (program, site) in fluent_bits() {
        tail_config(&site, INI, "in.jsonl");
        fs::write(site.path().join("in.jsonl"), lines(&records)).unwrap();
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= records.len());
        running.stop();
        assert_same(&bodies(&site), &expected, &program);
        let stderr = running.stderr();
        assert!(!stderr.contains("[error]") && !stderr.contains("[fluent-anomaly]"), "{stderr}");
    }
}

#[test]
fn after_kill_9_between_records_scores_go_on_bit_for_bit() {
    let records = records(3000);
    let expected = expected(&records);
    for (program, site) in fluent_bits() {
        let mut got = Vec::new();
        for (n, part) in records.chunks(1000).enumerate() {
            let input = format!("in{n}.jsonl");
            tail_config(&site, INI, &input);
            fs::write(site.path().join(&input), lines(part)).unwrap();
            let mut running = start(&program, &site, &format!("run{n}"));
            running.wait_for("records", || bodies(&site).len() >= part.len());
            running.signal("KILL");
            running.wait();
            got.extend(bodies(&site));
        }
        assert_same(&got, &expected, &program);
    }
}

/// How many records the killed filter had learned is told by the score that its models give to a probe.
#[test]
fn kill_9_in_the_middle_of_records_leaves_exactly_those_that_were_learned() {
    const PROBE: f64 = 3.25;
    let ini = INI.replace("by: $host\n", "");
    let records = records(60_000);
    let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss).unwrap();
    let mut model = ChangeFinder::new(&params);
    let mut update = |x: f64| {
        let probe = model.clone().update(&params, Finite::new(PROBE).unwrap()).unwrap();
        (model.update(&params, Finite::new(x).unwrap()).unwrap(), probe)
    };
    let scores: Vec<_> = records.iter().map(|record| update(record["ms"].as_f64().unwrap())).collect();
    for (program, site) in fluent_bits() {
        tail_config(&site, &ini, "in.jsonl");
        let input = site.path().join("in.jsonl");
        fs::write(&input, lines(&records[..2000])).unwrap();
        let mut running = start(&program, &site, "killed");
        running.wait_for("records", || bodies(&site).len() >= 100);
        // the kill comes as soon as the models of the others are being written: a fast host is not through with them
        let learned = || -> u64 {
            let entries = fs::read_dir(site.path().join("fluent-config/state")).unwrap();
            entries.map(|entry| entry.and_then(|entry| entry.metadata()).map_or(0, |data| data.len())).sum()
        };
        let before = learned();
        let mut rest = fs::File::options().append(true).open(&input).unwrap();
        std::io::Write::write_all(&mut rest, lines(&records[2000..]).as_bytes()).unwrap();
        let deadline = std::time::Instant::now() + crate::common::program::HANG;
        while learned() == before {
            assert!(std::time::Instant::now() < deadline, "no further record was learned");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        running.signal("KILL");
        running.wait();
        let seen = bodies(&site).len();
        // a copy of the state, so that the probe is not learned
        let state = site.path().join("fluent-config/state");
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&state).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let folder = FolderStorage::open(copy.path()).unwrap();
        let mut pipeline =
            Pipeline::new(&Config::parse("f.ini", &ini).unwrap(), Format::Json, Some(Box::new(folder)));
        let mut probe = format!("{{\"ms\":{PROBE}}}").into_bytes();
        pipeline.process(b"app.web", Time::default(), &mut probe);
        let probe: Value = serde_json::from_slice(&probe).unwrap();
        assert_eq!(probe.get("anomaly_error"), None);
        let learned = scores
            .iter()
            .position(|(_, scores)| {
                probe["score_outlier"] == scores.outlier && probe["score_change"] == scores.change
            })
            .unwrap_or_else(|| panic!("{seen} had left, and the models are those of no moment: {probe}"));
        assert!(learned >= seen, "{learned} learned, but {seen} had left");
        assert!(learned < records.len(), "it was killed too late to show anything");
        // and from there on
        let rest = &records[learned..(learned + 2000).min(records.len())];
        tail_config(&site, &ini, "rest.jsonl");
        fs::write(site.path().join("rest.jsonl"), lines(rest)).unwrap();
        let mut running = start(&program, &site, "again");
        running.wait_for("records", || bodies(&site).len() >= rest.len());
        running.stop();
        for (body, (scores, _)) in bodies(&site).iter().zip(&scores[learned..]) {
            assert_eq!((&body[SCORES[0]], &body[SCORES[1]]), (&json!(scores.outlier), &json!(scores.change)));
        }
    }
}

#[test]
fn large_records_and_large_integers_come_through() {
    let mut records = records(12);
    for (n, record) in records.iter_mut().enumerate() {
        let len = [100_000, 10, 1_000_000, 2_000][n % 4];
        record["pad"] = Value::from("é\"x".repeat(len / 4));
        record["large"] = json!(9_223_372_036_854_775_807u64 - n as u64);
        record["negative"] = json!(i64::MIN + n as i64);
    }
    for (program, site) in fluent_bits() {
        let mut records = records.clone();
        if !is_3(&program) {
            // Fluent Bit 3 itself clips what is above i64::MAX, before any filter
            records.iter_mut().for_each(|record| record["huge"] = json!(u64::MAX));
        }
        tail_config(&site, INI, "in.jsonl");
        fs::write(site.path().join("in.jsonl"), lines(&records)).unwrap();
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= records.len());
        running.stop();
        assert_same(&bodies(&site), &expected(&records), &program);
    }
}

#[test]
fn a_wrong_configuration_is_told_in_every_record_and_none_is_lost() {
    let records = records(500);
    for (program, site) in fluent_bits() {
        tail_config(&site, &INI.replace("k: 7", "k: seven"), "in.jsonl");
        fs::write(site.path().join("in.jsonl"), lines(&records)).unwrap();
        let mut running = start(&program, &site, "run");
        running.wait_for("records", || bodies(&site).len() >= records.len());
        running.stop();
        for (body, record) in bodies(&site).iter().zip(&records) {
            assert!(body["anomaly_error"].as_str().is_some_and(|error| error.contains("seven")), "{body}");
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove("anomaly_error");
            assert_eq!(body, *record);
        }
        assert!(running.stderr().contains("[fluent-anomaly]"), "{}", running.stderr());
    }
}
