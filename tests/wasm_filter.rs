//! The built `anomaly_filter.wasm`, called exactly as Fluent Bit calls it.

#![expect(clippy::expect_used, reason = "what is missing fails the test")]

mod common;

use std::path::Path;

use common::records::{ALL_MODES, Event, fleet, native};
use common::wasi::Faults;
use common::wasm_host::{Frees, Host};
use tempfile::TempDir;

/// A folder with this configuration, as `accessible_paths` names it.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("fluent-anomaly.ini"), config).expect("it can be written");
    folder
}

fn run(host: &mut Host, events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let out = host.filter(event.tag.as_bytes(), event.time, event.record.as_bytes());
            String::from_utf8(out.expect("no record is dropped")).expect("UTF-8 stays UTF-8")
        })
        .collect()
}

#[track_caller]
fn assert_same(got: &[String], expected: &[String]) {
    assert_eq!(got.len(), expected.len());
    if let Some(n) = (0..got.len()).find(|&n| got[n] != expected[n]) {
        panic!("record {n}:\n got      {}\n expected {}", got[n], expected[n]);
    }
}

#[test]
fn scores_equal_those_of_the_library_bit_for_bit() {
    let folder = folder(ALL_MODES);
    let events = fleet(8000);
    let expected = native(ALL_MODES, &events);
    assert!(expected.iter().any(|record| record.contains("\"a_score_change\":")), "an order was chosen");
    let mut host = Host::start(folder.path());
    assert_same(&run(&mut host, &events), &expected);
    assert_eq!(host.take_log(), "");
}
