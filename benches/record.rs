//! What a record costs besides its model: `cargo bench --bench record`.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up must say so")]

use divan::{Bencher, black_box, counter::BytesCount};
use fluent_anomaly::{
    Format,
    internals::{format_f64, parse_f64},
    records::{Accessor, Extractor, Field, Found, Output, Value},
};

fn main() {
    divan::main();
}

/// 110 bytes, six members.
const SHORT: &str = r#"{"host":"web-0017","service":"checkout","latency_ms":12.375,"status":200,"time":1700000000,"path":"/api/v1/x"}"#;

/// The same with a message, 2 kB.
fn long() -> String {
    let text = "GET /some/path and more text; ".repeat(63);
    format!("{},\"message\":\"{text}\"}}", SHORT.trim_end_matches('}'))
}

fn extractor(format: Format) -> Extractor {
    let inputs = ["latency_ms", "host", "time"].map(|text| Accessor::parse(text).expect("an accessor"));
    let output = |name: &str, constant: Option<&str>| Output {
        name: name.to_owned(),
        constant: constant.map(str::to_owned),
    };
    let outputs = [
        output("metric_outlier", Some("changefinder.outlier.cpu")),
        output("score_outlier", None),
        output("metric_change", Some("changefinder.change.cpu")),
        output("score_change", None),
    ];
    Extractor::new(format, &inputs, &outputs)
}

fn msgpack(text: &str) -> Vec<u8> {
    let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let mut packed = Vec::new();
    let value = rmpv::ext::to_value(json).expect("a value");
    rmpv::encode::write_value(&mut packed, &value).expect("memory");
    packed
}

const RECORDS: [&str; 4] = ["json 110 B", "json 2 kB", "msgpack 90 B", "msgpack 2 kB"];

fn record(which: &str) -> (Format, Vec<u8>) {
    let text = if which.ends_with("kB") { long() } else { SHORT.to_owned() };
    if which.starts_with("json") { (Format::Json, text.into()) } else { (Format::Msgpack, msgpack(&text)) }
}

#[divan::bench(args = RECORDS)]
fn scan(bencher: Bencher<'_, '_>, which: &str) {
    let (format, record) = record(which);
    let extractor = extractor(format);
    let mut found = Found::default();
    bencher
        .counter(BytesCount::of_slice(&record))
        .bench_local(|| extractor.scan(black_box(&record), &mut found).is_ok());
}

#[divan::bench(args = RECORDS)]
fn scan_read_annotate(bencher: Bencher<'_, '_>, which: &str) {
    let (format, record) = record(which);
    let extractor = extractor(format);
    let mut found = Found::default();
    let (mut out, mut key) = (Vec::new(), Vec::new());
    let mut score = 1.0;
    bencher.counter(BytesCount::of_slice(&record)).bench_local(|| {
        out.clear();
        out.extend_from_slice(black_box(&record));
        if extractor.scan(&out, &mut found).is_err() {
            return 0;
        }
        key.clear();
        if let Some(Value::Text(host)) = found.value(&out, 1) {
            host.append_to(&mut key);
        }
        for input in [0, 2] {
            if let Some(Value::Number(number)) = found.value(&out, input) {
                score = (score + number.to_f64()) * 1e-9 + 1.0 / 3.0;
            }
        }
        let fields = [
            (0, Field::Constant),
            (1, Field::Number(score)),
            (2, Field::Constant),
            (3, Field::Number(score * 0.7)),
        ];
        extractor.annotate(&mut out, &found, &fields);
        out.len()
    });
}

#[divan::bench(args = ["12.375", "1700000000", "0.30000000000000004", "1.7976931348623157e308"])]
fn parse_number(text: &str) -> f64 {
    parse_f64(black_box(text.as_bytes()))
}

#[divan::bench(args = ["12", "12.375", "0.30000000000000004", "1.7976931348623157e308"])]
fn print_number(bencher: Bencher<'_, '_>, text: &str) {
    let value = parse_f64(text.as_bytes());
    let mut out = Vec::with_capacity(32);
    bencher.bench_local(|| {
        out.clear();
        format_f64(black_box(value), &mut out);
        out.len()
    });
}
