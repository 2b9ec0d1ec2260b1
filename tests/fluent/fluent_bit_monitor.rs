//! Monitors in the real Fluent Bit: the shipped configuration, and where transitions go.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/path/of/another] cargo test --test fluent fluent_bit_monitor::`

use crate::common::build;
use crate::common::hosts;
use crate::common::program;
use std::fs;
use std::path::PathBuf;

use crate::common::program::Running;
use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use serde_json::{Value, json};
use tempfile::TempDir;

const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
const INI: &str = "fluent-config/monitors/fluent-anomaly.ini";
const YAML: &str = "fluent-config/monitor.yaml";
/// The input of the shipped configuration, which a test replaces by a file.
const CPU: &str = "    - name: cpu\n      tag: cpu.local\n      interval_sec: 1\n";
const TAIL: &str = "    - name: tail\n      tag: cpu.local\n      path: in.jsonl\n      parser: records\n      \
    read_from_head: true\n      buffer_chunk_size: 1M\n      buffer_max_size: 4M\n";
const PARSER: &str =
    "parsers:\n  - name: records\n    format: json\n    time_key: at\n    time_format: '%s'\n\npipeline:\n";
/// Left out here: the host's default of 8 KiB has to do as well.
const STACK: &str = "      wasm_stack_size: 65536\n";
const START: i64 = 1_700_000_000;

fn fluent_bits() -> impl Iterator<Item = (PathBuf, TempDir)> {
    hosts::executables("FLUENT_BIT").into_iter().map(|program| {
        let site = program::site();
        program::install(&site, build::wasm_module(), MODULE);
        program::install(&site, &build::root().join(INI), INI);
        (program, site)
    })
}

/// Replays records through the shipped configuration; gives what went to the tag of transitions.
fn replay(program: &std::path::Path, site: &TempDir, records: &[Value], expected: usize) -> Vec<String> {
    let yaml = fs::read_to_string(site.path().join(YAML)).unwrap();
    assert!(yaml.contains(CPU), "{YAML} has another input now");
    assert!(yaml.contains(STACK), "{YAML} asks for another stack now");
    let yaml = yaml.replace(CPU, TAIL).replace("pipeline:\n", PARSER).replace(STACK, "");
    fs::write(site.path().join("replay.yaml"), yaml).unwrap();
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(site.path().join("in.jsonl"), lines).unwrap();
    let mut running = Running::start(program, &["-c", "replay.yaml"], site.path(), "replay");
    let stdout = site.path().join("replay.stdout");
    let routed = || -> Vec<String> {
        let text = fs::read_to_string(&stdout).unwrap();
        text.lines().filter(|line| line.contains("] transition.cpu.local: ")).map(str::to_owned).collect()
    };
    let passed = || {
        let text = fs::read_to_string(&stdout).unwrap();
        text.lines().filter(|line| line.starts_with("{\"date\":")).count()
    };
    running.wait_for("transitions", || routed().len() >= expected && passed() >= records.len());
    assert!(running.stop().success());
    let stderr = running.stderr();
    assert!(!stderr.contains("[error]") && !stderr.contains("[fluent-anomaly]"), "{stderr}");
    assert_eq!(passed(), records.len(), "every record goes on once besides");
    routed()
}

/// The transitions that the library itself tells for the same records.
fn transitions(ini: &str, records: &[Value]) -> Vec<(String, String)> {
    let mut pipeline = Pipeline::new(&Config::parse("f.ini", ini).unwrap(), Format::Json, None);
    let mut told = Vec::new();
    for record in records {
        let mut text = record.to_string().into_bytes();
        let time = Time::from_seconds(record["at"].as_str().unwrap().parse().unwrap());
        pipeline.process(b"cpu.local", time, &mut text);
        let record: Value = serde_json::from_slice(&text).unwrap();
        for field in ["anomaly", "anomaly_silent"] {
            let text = |name: &str| record[field][name].as_str().unwrap_or_default().to_owned();
            if !text("transition").is_empty() {
                told.push((text("transition"), text("message")));
            }
        }
    }
    told
}

fn load(n: i64) -> f64 {
    if (200..240).contains(&n) { 95.5 } else { 10.0 + (n * 7919 % 101) as f64 / 50.0 }
}

#[test]
fn the_shipped_configuration_watches_the_cpu() {
    for (program, site) in fluent_bits() {
        let mut running = Running::start(&program, &["-c", YAML], site.path(), "run");
        let stdout = site.path().join("run.stdout");
        running.wait_for("watched record", || {
            fs::read_to_string(&stdout).unwrap().matches("\"anomaly\":{\"monitor\":\"cpu\"").count() >= 3
        });
        assert!(running.stop().success());
        let stderr = running.stderr();
        assert!(!stderr.contains("[error]") && !stderr.contains("wasm"), "{stderr}");
        assert!(site.path().join("fluent-config/monitors/state").is_dir());
    }
}

#[test]
fn transitions_are_routed_to_a_tag_of_their_own() {
    let records: Vec<Value> =
        (0..400).map(|n| json!({"at": (START + n).to_string(), "cpu_p": load(n)})).collect();
    let expected = transitions(&fs::read_to_string(build::root().join(INI)).unwrap(), &records);
    let names: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["OK->WARN", "WARN->ALERT", "ALERT->OK"]);
    for (program, site) in fluent_bits() {
        let routed = replay(&program, &site, &records, expected.len());
        assert_eq!(routed.len(), expected.len(), "{}: {routed:#?}", program.display());
        for (line, (transition, message)) in routed.iter().zip(&expected) {
            assert!(line.contains(&format!("\"transition\"=>\"{transition}\"")), "{line}");
            assert!(line.contains(&format!("\"message\"=>\"{message}\"")), "{line}");
        }
    }
}

#[test]
fn a_series_that_falls_silent_is_routed_as_well() {
    let ini = fs::read_to_string(build::root().join(INI))
        .unwrap()
        .replace("value: $cpu_p\n", "value: $cpu_p\nby: $host\n")
        .replace("avg:cpu{*},", "avg:cpu{*} by {host},")
        .replace("warning: 0.4\n", "notify_no_data: true\nno_data_timeframe: 1\n");
    let records: Vec<Value> = (0..200)
        .flat_map(|n| {
            let hosts: &[&str] = if n < 60 { &["gone", "here"] } else { &["here"] };
            hosts
                .iter()
                .map(move |host| json!({"at": (START + n).to_string(), "cpu_p": 10 + n % 5, "host": host}))
        })
        .collect();
    let expected = transitions(&ini, &records);
    assert_eq!(expected.len(), 1, "{expected:?}");
    for (program, site) in fluent_bits() {
        fs::write(site.path().join(INI), &ini).unwrap();
        let routed = replay(&program, &site, &records, 1);
        assert_eq!(routed.len(), 1, "{}: {routed:#?}", program.display());
        for part in ["\"anomaly_silent\"=>{", "\"series\"=>\"gone\"", "\"transition\"=>\"OK->NO DATA\""] {
            assert!(routed[0].contains(part), "{part}: {}", routed[0]);
        }
    }
}
