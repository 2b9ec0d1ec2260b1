//! Operations that an interpreter runs for a record in the built filter, and the filter's size. Unlike a time they are
//! the same on each machine: `cargo bench --bench interpreter`
//! (ANOMALY_FILTER_WASM names another module).
//!
//! Records and configurations are those of `fluent-bit.sh`, which measures the time.

#![expect(clippy::expect_used, reason = "what is missing ends the bench")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fs;

use common::wasm_host::Host;

const SERIES: u32 = 50;
const RECORDS: u32 = 20_000;
/// Ahead of the count: templates, shapes and buffers are there.
const FIRST: u32 = 10_000;

const SECTION: &str =
    "[datadog.cpu]\nquery: avg:system.cpu.idle{*} by {host}\nr: 0.02\nk: 7\nT1: 10\nT2: 5\nwarm_up: off\n";
const MONITOR: &str = "[monitor.cpu]\non: cpu\nquery: avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'robust', 3, alert_window='last_15m', interval=60, seasonality='hourly') >= 0.8\n";

fn main() {
    let size = fs::metadata(common::build::wasm_module()).map_or(0, |metadata| metadata.len());
    println!("module {size} B; operations a record");
    let off = "[filter]\nstate: off\n";
    let rows = [
        ("no section matches", "app.other", off, ""),
        ("state: off", "changefinder.cpu", off, ""),
        ("one robust monitor", "changefinder.cpu", off, MONITOR),
        ("anomaly_score: on", "changefinder.cpu", "[filter]\nstate: off\nanomaly_score: on\n", ""),
        ("journal: record", "changefinder.cpu", "[filter]\nstate: state\njournal: record\n", ""),
    ];
    for (name, tag, head, tail) in rows {
        println!("{:>8} {name}", operations(tag, &[head, SECTION, tail].concat(), metric));
    }
    let logs = |name: &str, sections: &str| {
        println!("{:>8} log lines: {name}", operations("app.web", &[off, sections].concat(), log_line));
    };
    logs("only scanned", "[series.a]\nmatch: app.*\nvalue: $none\nby: $service\nk: 7\n");
    logs("count, where, by", COUNT);
    logs("p95, by two fields", P95);
    logs("five sections", &[COUNT, P95_BY_SERVICE, OTHERS].concat());
    logs("templates", PATTERNS);
}

const COUNT: &str = "[series.errors]\nmatch: app.*\nwhere: $level == 'error' and $code >= 500\nmeasure: count\nevery: 1m\nby: $service\nk: 7\n";
const P95: &str =
    "[series.slow]\nmatch: app.*\nmeasure: p95 $latency_ms\nevery: 1m\nby: $service, $route\nk: 7\n";
const PATTERNS: &str = "[series.kinds]\nmatch: app.*\nmeasure: patterns $msg\nevery: 1m\nk: 7\n";
const P95_BY_SERVICE: &str =
    "[series.slow]\nmatch: app.*\nmeasure: p95 $latency_ms\nevery: 1m\nby: $service\nk: 7\n";
const OTHERS: &str = "[series.lines]\nmatch: app.*\nmeasure: rate\nevery: 1m\nby: $service\nk: 7\n\
    [series.share]\nmatch: app.*\nmeasure: share $code >= 500\nevery: 1m\nby: $service\nk: 7\n\
    [series.users]\nmatch: app.*\nmeasure: distinct $user\nevery: 1m\nk: 7\n";

/// A record of `fluent-bit.sh`; `random`: 24 bits.
fn metric(n: u32, random: u32) -> String {
    let value = 40.0 + 20.0 * f64::from(random) / f64::from(1 << 24);
    let (series, minute) = (n % SERIES, n / SERIES);
    format!(
        r#"{{"metric":"system.cpu.idle","raw_value":{value:.4},"scope":"host:web-{series:02}","host":"web-{series:02}","time":{}}}"#,
        1_700_000_000 + 60 * u64::from(minute)
    )
}

/// A record of `fluent-bit-logs.sh`.
fn log_line(n: u32, _: u32) -> String {
    // all bits of a number are random, unlike those of the generator for metrics
    let mut random = n.wrapping_mul(0x9e37_79b9);
    random = (random ^ random >> 16).wrapping_mul(0x85eb_ca6b);
    random = (random ^ random >> 13).wrapping_mul(0xc2b2_ae35);
    random ^= random >> 16;
    let (level, code) = if random.is_multiple_of(20) { ("error", 503) } else { ("info", 200) };
    format!(
        r#"{{"level":"{level}","service":"svc-{:02}","code":{code},"route":"/api/v1/items/{}","latency_ms":{:.3},"user":"u{:05}","host":"node-{:02}.example.net","msg":"request handled, cache miss, retried once after a timeout of upstream"}}"#,
        (random >> 4) % 20,
        (random >> 8) % 5,
        f64::from(random % 100_000) / 700.0,
        (random >> 5) % 5000,
        (random >> 11) % 30
    )
}

fn operations(tag: &str, config: &str, record: fn(u32, u32) -> String) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("fluent-anomaly.ini"), config).expect("it can be written");
    let mut host = Host::start_counting(folder.path());
    let mut first = 0;
    let mut random = 1u32;
    for n in 0..RECORDS {
        if n == FIRST {
            first = host.operations().unwrap_or(0);
        }
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let record = record(n, random >> 8);
        host.filter(tag.as_bytes(), (1_700_000_000 + n / 100, 0), record.as_bytes())
            .expect("no record is lost");
    }
    (host.operations().unwrap_or(0) - first) / u64::from(RECORDS - FIRST)
}
