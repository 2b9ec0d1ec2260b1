//! The native pipeline, JSON in and JSON out: `cargo bench --bench pipeline`. Each call scores 1000 records, so a
//! figure in us reads as ns a record.

#![expect(clippy::expect_used, reason = "the configuration is a fixed text")]

use divan::{Bencher, black_box};
use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;

fn main() {
    divan::main();
}

const SERIES: usize = 50;
const SECTION: &str = "[datadog.cpu]\nquery: avg:system.cpu.idle{*} by {host}\nk: 7\nT1: 10\nT2: 5\n";
const MONITOR: &str = "[monitor.cpu]\non: cpu\nquery: avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'robust', 2, alert_window='last_15m', interval=60, seasonality='hourly') >= 0.8\n";

/// About 110 bytes each, as the companion pulls them.
fn records() -> Vec<Vec<u8>> {
    (0..1000)
        .map(|n| {
            let host = n % SERIES;
            let value = 50.0 + (n * 7919 % 1009) as f64 / 100.0;
            format!(
                r#"{{"metric":"system.cpu.idle","raw_value":{value},"scope":"host:web-{host:02}","host":"web-{host:02}","time":0000000000}}"#
            )
            .into_bytes()
        })
        .collect()
}

fn run(bencher: Bencher<'_, '_>, config: &str) {
    let config = Config::parse("bench.ini", config).expect("a fixed text");
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    let records = records();
    let mut record = Vec::with_capacity(4096);
    let mut minute = 28_000_000u64;
    bencher.bench_local(|| {
        for (n, original) in records.iter().enumerate() {
            if n % SERIES == 0 {
                minute += 1;
            }
            record.clear();
            record.extend_from_slice(original);
            // the time goes on, so that no point is a repetition
            let mut seconds = minute * 60;
            for digit in record.iter_mut().rev().skip(1).take(10) {
                *digit = b'0' + (seconds % 10) as u8;
                seconds /= 10;
            }
            pipeline.process(b"changefinder.cpu", Time::from_seconds(0), &mut record);
            black_box(&record);
        }
    });
}

#[divan::bench]
fn scores(bencher: Bencher<'_, '_>) {
    run(bencher, SECTION);
}

#[divan::bench]
fn scores_and_a_robust_monitor(bencher: Bencher<'_, '_>) {
    run(bencher, &format!("{SECTION}{MONITOR}"));
}
