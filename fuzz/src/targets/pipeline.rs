//! A record through sections that annotate it: JSON stays JSON, and only its end changes.

use fluent_anomaly::{Config, Format, Pipeline, Time};
use serde::de::IgnoredAny;

const CONFIG: &str = "\
[filter]
state: off
anomaly_score: on
[series.a]
match: *
value: $x
by: $h
time: $t
k: 2
T1: 2
T2: 2
warm_up: off
[series.b]
match: *
value: $x
prefix: b_
[monitor.m]
on: a
query: avg(last_4h):anomalies(avg:m{*} by {h}, 'basic', 2, alert_window='last_5m', interval=60) >= 0.8
message: {{h.name}} {{value}}
";

thread_local! {
    static CONFIG_OF_ALL: Config = Config::parse("f.ini", CONFIG).expect("a fixed text");
}

/// The first byte says in which format the rest is, and how often it comes.
pub fn run(data: &[u8]) {
    let Some((&how, original)) = data.split_first() else { return };
    let format = if how & 1 == 0 { Format::Json } else { Format::Msgpack };
    let mut pipeline = CONFIG_OF_ALL.with(|config| Pipeline::new(config, format, None));
    if how & 2 == 2 {
        pipeline.mend_records();
    }
    for n in 0..i64::from(how >> 2 & 3) + 1 {
        let mut record = original.to_vec();
        pipeline.process(b"t", Time::from_seconds(1_700_000_000 + 60 * n), &mut record);
        if format == Format::Msgpack {
            let is_msgpack =
                |mut bytes: &[u8]| rmpv::decode::read_value_ref(&mut bytes).is_ok() && bytes.is_empty();
            assert!(is_msgpack(&record) || !is_msgpack(original));
            continue;
        }
        let is_json = |bytes: &[u8]| serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        assert!(is_json(&record) || !is_json(original));
    }
    let counters = pipeline.counters();
    assert_eq!(counters.records, u64::from(how >> 2 & 3) + 1);
}
