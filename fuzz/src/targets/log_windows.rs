//! Log lines through windows, conditions, groups and one budget for all: JSON stays JSON, and a restart changes nothing.

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde::de::IgnoredAny;

const CONFIG: &str = "\
[filter]
journal: record
tick: tick
[series.errors]
match: app.*
where: $level == 'error' or $code >= 500 or $log contains 'x'
measure: count
every: 10s
late: 2s
by: $host
k: 2
T1: 2
T2: 2
warm_up: off
anomaly_score: on
[series.slow]
match: app.*
measure: p95 $ms
every: 10s
by: $host
alarms: 1/day
[series.users]
match: app.*
measure: distinct $log
every: 1m
[series.share]
match: app.*
measure: share $code >= 500
every: 10s
empty: skip
[series.load]
match: app.*
value: $ms
by: $host
alarms: 1/day for all
[group.load]
on: load
across: $host
interval: 10
intervals: 2
";

thread_local! {
    static CONFIG_OF_ALL: Config = Config::parse("f.ini", CONFIG).expect("a fixed text");
}

fn open(disk: &MemoryStorage) -> Pipeline {
    CONFIG_OF_ALL.with(|config| Pipeline::new(config, Format::Json, Some(Box::new(disk.clone()))))
}

/// The first byte says after how many events the pipeline starts anew; each further event has four bytes: seconds that
/// pass, kind and host, two of content.
pub fn run(data: &[u8]) {
    let Some((&cut, events)) = data.split_first() else { return };
    let disk = MemoryStorage::new();
    let mut steady = open(&MemoryStorage::new());
    let mut restarted = open(&disk);
    let mut seconds = 1_700_000_000;
    for (n, event) in events.chunks_exact(4).enumerate() {
        if n == usize::from(cut) {
            drop(restarted);
            restarted = open(&disk);
        }
        seconds += step(event[0]);
        let (tag, record) = record(event);
        let mut outputs = [record.clone(), record.clone()];
        for (pipeline, output) in [&mut steady, &mut restarted].into_iter().zip(&mut outputs) {
            pipeline.process(tag, Time::from_seconds(seconds), output);
        }
        let [steady, restarted] = outputs;
        assert!(serde_json::from_slice::<IgnoredAny>(&steady).is_ok(), "{}", steady.escape_ascii());
        assert!(steady.starts_with(&record[..record.len() - 1]), "{}", steady.escape_ascii());
        assert_eq!(steady, restarted, "{} | {}", steady.escape_ascii(), restarted.escape_ascii());
    }
}

/// Mostly seconds, now and then minutes, an hour, six hours, or back: each window in between costs time.
fn step(byte: u8) -> i64 {
    match byte {
        0..200 => i64::from(byte % 20),
        200..240 => i64::from(byte - 199) * 15,
        240..249 => i64::from(byte - 239) * 400,
        249 => 6 * 3600,
        _ => -i64::from(byte - 249) * 15,
    }
}

fn record(event: &[u8]) -> (&'static [u8], Vec<u8>) {
    let (kind, a, b) = (event[1], event[2], event[3]);
    let host = kind >> 3 & 7;
    let text = match kind & 7 {
        0 => return (b"tick", b"{}".to_vec()),
        1 => format!(r#"{{"host":"h{host}","level":"error","code":{}}}"#, 400 + 10 * u32::from(a)),
        2 => format!(r#"{{"host":"h{host}","ms":{}.5,"log":"{b}"}}"#, u32::from(a) * u32::from(b)),
        3 => format!(r#"{{"host":"h{host}","ms":{a}e{b}}}"#),
        4 => format!(r#"{{"host":"h{host}","ms":-0.{a},"log":"x{b}"}}"#),
        5 => format!(r#"{{"host":{a},"ms":null,"level":{b}}}"#),
        6 => format!(r#"{{"ms":{b},"code":"{a}"}}"#),
        _ => format!(r#"{{"host":"h{host}","ms":{b},"code":{a},"level":"info"}}"#),
    };
    (b"app.a", text.into_bytes())
}
