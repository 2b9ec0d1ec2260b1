//! The native pipeline with few series and with a million: CPU a record, and memory. `cargo bench --bench scale`
//!
//! CPU is counted by the kernel, so that a busy machine changes little. Linux only: both figures come from `/proc`.

#![expect(clippy::expect_used, reason = "what is missing ends the bench")]

use std::fs;

use fluent_anomaly::{Config, Format, Pipeline, Time};

const SECTION: &str = "[filter]\nstate: off\nmax_series: 2000000\n\
    [series.cpu]\nmatch: cpu\nvalue: $value\nby: $host\ntime: $time\nk: 7\nT1: 10\nT2: 5\n";
/// What the kernel counts CPU in, by `sysconf(_SC_CLK_TCK)` on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

fn main() {
    run(50, 2_000_000);
    run(1_000_000, 2_000_000);
}

fn run(series: u32, records: u32) {
    let config = Config::parse("scale.ini", SECTION).expect("a fixed text");
    let mut pipeline = Pipeline::new(&config, Format::Json, None);
    let mut record = Vec::with_capacity(4096);
    let empty_mb = memory_mb();
    // what making the records costs is taken off
    let making = ticks(|| (0..records).for_each(|n| write(n, series, &mut record)));
    let both = ticks(|| {
        for n in 0..records {
            write(n, series, &mut record);
            pipeline.process(b"cpu", Time::default(), &mut record);
        }
    });
    let us = (both - making) / TICKS_A_SECOND / f64::from(records) * 1e6;
    let (known, evicted) = pipeline.series();
    println!(
        "{known} series, {} records each: {us:.2} us of CPU a record, {:.0} MB ({evicted} evicted)",
        records / series,
        memory_mb() - empty_mb
    );
}

/// About 80 bytes; the times of a series go on by a minute.
fn write(n: u32, series: u32, record: &mut Vec<u8>) {
    use std::io::Write as _;
    record.clear();
    let (host, minute) = (n % series, n / series);
    let value = f64::from(n.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
    let time = 1_700_000_000 + 60 * u64::from(minute);
    write!(
        record,
        r#"{{"metric":"system.cpu.idle","value":{value:.4},"host":"web-{host:07}","time":{time}}}"#
    )
    .expect("memory takes all");
}

/// CPU of this process while `work` runs, in ticks.
fn ticks(work: impl FnOnce()) -> f64 {
    let now = || {
        let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
        let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        behind_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
    };
    let before = now();
    work();
    now() - before
}

/// Resident memory of this process, MB.
fn memory_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse::<f64>().ok());
    kb.expect("the kernel's form") / 1024.0
}
