//! Linear memory and time of the built filter over millions of records: one row of the table in
//! `wasm/filter/README.md`. `wasm/filter/allocators.sh` runs it for each allocator.
//!
//! `cargo bench --bench allocators -- [RECORDS]`; ANOMALY_FILTER_WASM names another module.

#![expect(clippy::expect_used, reason = "what is missing ends the bench")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;
use std::time::Instant;

use common::wasm_host::Host;

/// Series come and go: each 50th record is of a new one, beyond `max_series` the oldest is evicted.
const CONFIG: &str = "[filter]\nmax_series: 1000\nstate: off\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 7\nwarm_up: off\n";

fn main() {
    let records = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(10_000_000u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("fluent-anomaly.ini"), CONFIG).expect("it can be written");
    let mut host = Host::start(folder.path());
    let size = fs::metadata(common::build::wasm_module()).map_or(0, |metadata| metadata.len());

    let warm_up = (records / 10).max(1);
    let (mut warm, mut largest) = (0, 0);
    let start = Instant::now();
    for n in 0..records {
        let name = if n % 50 == 0 { n } else { n % 49 };
        let padding = "x".repeat((n % 1000 == 0) as usize * 3000); // now and then a long record
        let record = format!(r#"{{"host":"web-{name}","ms":{}.{:03},"note":"{padding}"}}"#, n % 97, n % 1000);
        host.filter(b"app.web", (1_700_000_000, 0), record.as_bytes()).expect("no record is lost");
        largest = largest.max(host.memory_bytes());
        if n == warm_up {
            warm = host.memory_bytes();
        }
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / records as f64;
    println!(
        "module {size} B, {records} records: {micros:.2} us each in wasmi, memory {} KiB after {warm_up}, {} KiB at the end, {} KiB at most",
        warm / 1024,
        host.memory_bytes() / 1024,
        largest / 1024
    );
}
