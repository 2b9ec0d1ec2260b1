//! Text as Fluent Bit prints a record: JSON stays as it is, everything else is mended to JSON or leaves as it came.

use std::cell::RefCell;

use fluent_anomaly::{Config, Format, Pipeline, Time, records::MAX_DEPTH};
use serde::de::IgnoredAny;

/// No section matches: mending is all that happens.
const CONFIG: &str = "[filter]\nstate: off\n[series.a]\nmatch: other.*\nvalue: $x\n";

thread_local! {
    /// No record leaves a trace in it that another one could meet.
    static PIPELINE: RefCell<Pipeline> = RefCell::new(pipeline());
}

fn pipeline() -> Pipeline {
    let config = Config::parse("f.ini", CONFIG).expect("a fixed text");
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    pipeline.mend_records();
    pipeline
}

pub fn run(data: &[u8]) {
    PIPELINE.with_borrow_mut(|pipeline| check(pipeline, data));
}

fn check(pipeline: &mut Pipeline, data: &[u8]) {
    let once = mended(pipeline, data);

    let was_json = is_json(data);
    // digits beyond the range of floats, and pairs of surrogates, are JSON and are mended all the same
    let is_large = |four: &[u8]| matches!(four, [b'e' | b'E', rest @ ..] if rest.iter().all(|byte| byte.is_ascii_digit() || b"+-".contains(byte)));
    let is_odd = |bytes: &[u8]| {
        bytes.windows(2).any(|two| two == b"\\u") || bytes.windows(4).any(is_large) || bytes.len() > 300
    };
    if was_json && !is_odd(data) {
        assert_eq!(once, data, "JSON stays as it is");
    }
    if was_json {
        assert!(is_json(&once), "JSON stays JSON");
    }
    if once != data {
        assert!(data.iter().filter(|byte| b"{[".contains(byte)).count() >= 1);
        let twice = mended(pipeline, &once);
        assert_eq!(twice, once, "what is mended needs no mending");
    }
    let opened = data.iter().filter(|byte| b"{[".contains(byte)).count();
    if was_json && opened <= MAX_DEPTH && data.trim_ascii_start().first() == Some(&b'{') && !is_odd(data) {
        assert_eq!(once, data);
    }
}

fn mended(pipeline: &mut Pipeline, data: &[u8]) -> Vec<u8> {
    let mut record = data.to_vec();
    pipeline.process(b"t", Time::from_seconds(60), &mut record);
    record
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}
