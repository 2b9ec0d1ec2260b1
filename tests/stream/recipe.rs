//! The recipe that sends scored records to Kafka, in a real Fluent Bit, to the broker of these tests.
//!
//! `FLUENT_BIT_KAFKA=/path/of/fluent-bit[:/another] cargo test --features kafka --test stream recipe`: a Fluent Bit that has the output
//! `kafka`, as the packages of its project have it.

use std::fs;

use crate::broker::{Broker, Seen};
use crate::common::program::{self, Running};
use crate::common::{build, hosts};
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde_json::Value;

const RECIPE: &str = "fluent-config/recipes/scores";
const MODULE: &str = "target/wasm32-unknown-unknown/release/anomaly_filter.wasm";
/// The topic that the recipe names.
const TOPIC: &str = "anomaly";
const SERVICES: [(&str, &str); 2] = [("pay", "12.5"), ("shop", "40")];
const EACH: usize = 12;

/// What the library makes of so many records of a service.
fn scored(service: &str, value: &str) -> Vec<Value> {
    let text = fs::read_to_string(build::root().join(RECIPE).join("fluent-anomaly.ini")).unwrap();
    let config = Config::parse("fluent-anomaly.ini", &text).unwrap();
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    let score = |_| {
        let mut record = format!("{{\"service\":\"{service}\",\"latency_ms\":{value}}}").into_bytes();
        pipeline.process(b"app.x", Time::default(), &mut record);
        serde_json::from_slice(&record).unwrap()
    };
    (0..EACH).map(score).collect()
}

fn of_service(seen: &[Seen], service: &str) -> Vec<Value> {
    let of_key = seen.iter().filter(|seen| seen.key.as_deref() == Some(service.as_bytes()));
    of_key.map(|seen| serde_json::from_str(&seen.text()).expect("one JSON object a message")).collect()
}

#[test]
fn scored_records_reach_kafka_each_with_its_service_as_key() {
    for fluent_bit in hosts::executables("FLUENT_BIT_KAFKA") {
        let broker = Broker::start();
        broker.create_topic(TOPIC, 1);
        let site = program::site();
        program::install(&site, build::wasm_module(), MODULE);
        for file in ["fluent-anomaly.ini", "kafka.yaml"] {
            let shipped = build::root().join(RECIPE).join(file);
            program::install(&site, &shipped, &format!("{RECIPE}/{file}"));
        }
        let variables = [("KAFKA_BROKERS", broker.address.as_str())];
        let args = ["-c", &format!("{RECIPE}/kafka.yaml")];
        let mut running = Running::start_with(&fluent_bit, &args, &variables, site.path(), "kafka");
        broker.wait_written(TOPIC, 1, 2 * EACH + 4);
        running.stop();
        let seen = broker.read(TOPIC, 1).remove(0);
        for (service, value) in SERVICES {
            let got = of_service(&seen, service);
            assert!(got.len() >= EACH, "{service}: {} of {}", got.len(), seen.len());
            for (n, (got, expected)) in got.iter().zip(scored(service, value)).enumerate() {
                assert_eq!((&got["service"], got["@timestamp"].is_number()), (&expected["service"], true));
                assert_eq!(got["latency_ms"], expected["latency_ms"]);
                for score in ["score_outlier", "score_change"] {
                    let (got, expected) = (got[score].as_f64(), expected[score].as_f64());
                    // the host prints 16 digits
                    let is_same = match (got, expected) {
                        (Some(got), Some(expected)) => (got - expected).abs() <= 1e-12 * expected.abs(),
                        (got, expected) => got == expected,
                    };
                    assert!(is_same, "{service} {n}: {score} {got:?} {expected:?}");
                }
            }
        }
    }
}
