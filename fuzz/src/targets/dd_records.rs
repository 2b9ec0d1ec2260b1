//! Any bytes as records of the `dd` output: the body that is sent is JSON with finite points. An odd first byte: lines
//! of JSON; an even one: msgpack entries.

use fluent_anomaly::internals::read_records;
use serde_json::Value;

pub fn run(data: &[u8]) {
    let Some((&how, bytes)) = data.split_first() else { return };
    let (points, body) = read_records(bytes, how & 1 == 1, 1_700_000_000);
    let body: Value = serde_json::from_slice(&body).expect("the body is JSON");
    let series = body.get("series").and_then(Value::as_array).expect("the body has series");
    assert!(series.len() as u64 <= points);
}
