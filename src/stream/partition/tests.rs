//! The law: any moment of a crash and any checkpoint before it give the outputs of a run that nothing disturbed.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Message, Partition, PartitionSettings, Taken};
use crate::config::Config;
use crate::stream::Checkpoint;
use crate::time::Time;

const START: i64 = 1_710_000_000;

const CONFIG: &str = "[filter]
state: off
max_series: 33
anomaly_score: on
[series.a]
match: *
value: $v
by: $s
k: 2
warm_up: off
alarms: 1/hour
[series.late]
match: *
value: $w
time: $t
prefix: w_
alarms: 1/hour for all
k: 2
warm_up: off
[series.counted]
match: *
measure: count
every: 1m
by: $s
k: 2
warm_up: off
prefix: n_
[series.summed]
match: *
measure: sum $v
every: 1m
by: $s
k: 2
warm_up: off
prefix: s_
windows: records
[group.g]
on: a
across: $s
[monitor.a]
on: a
query: avg(last_10m):anomalies(avg:a{*} by {s}, 'basic', 2, direction='both', alert_window='last_5m', interval=60, count_default_zero='true') >= 0.5
notify_no_data: true
no_data_timeframe: 5
[kafka]
";

fn settings(text: &str) -> Arc<PartitionSettings> {
    let config = Config::parse("f.ini", text).unwrap_or_else(|error| panic!("{error}"));
    let kafka = config.kafka.clone().unwrap();
    Arc::new(PartitionSettings::new(&config, &kafka, "topic").unwrap())
}

/// A record of the log: what a seed makes, with all that records may be.
fn record(n: i64, seed: u64) -> (Message, Option<Vec<u8>>) {
    let mut x = seed.wrapping_add(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = |below: u64| {
        x ^= x >> 29;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (x >> 32) % below
    };
    // about 20 s apart, and sometimes late or far ahead
    let time = START
        + n * 20
        + match draw(40) {
            0 => -200,
            1 => 900,
            2 if n > 300 => 200_000_000,
            _ => 0,
        };
    let message = Message {
        offset: 1000 + n + n / 7, // markers of transactions take offsets
        time: (draw(30) > 0).then(|| Time::from_seconds(time)),
        has_key: draw(25) > 0,
    };
    let (s, v, w) = (if draw(40) == 0 { 4 + draw(4) } else { draw(4) }, draw(1000), draw(9));
    let text = match draw(30) {
        0 => return (message, None),
        1 => "no record".to_owned(),
        2 => format!("{{\"s\":\"s{s}\",\"v\":\"text\"}}"),
        3 => format!("{{\"s\":\"s{s}\",\"v\":1e999}}"),
        4 => format!("{{\"w\":{w},\"t\":{}}}", time + 7200),
        5..9 => format!("{{\"w\":{w},\"t\":{time}}}"),
        _ => format!("{{\"s\":\"s{s}\",\"v\":{v}}}"),
    };
    (message, Some(text.into_bytes()))
}

/// What leaves for one record of the log: the record, and the windows that it closed.
fn take(partition: &mut Partition, n: i64, seed: u64) -> (Taken, Vec<Option<Vec<u8>>>) {
    let (message, mut record) = record(n, seed);
    let taken = match &mut record {
        Some(record) => partition.take(message, record),
        None => partition.pass(message),
    };
    let windows = std::iter::from_fn(|| partition.take_window());
    let mut out = vec![record];
    out.extend(windows.map(|window| Some(window.record)));
    (taken, out)
}

fn undisturbed(settings: &Arc<PartitionSettings>, count: i64, seed: u64) -> Vec<Option<Vec<u8>>> {
    let mut partition = Partition::begin(settings, "topic", 3, 24, 0);
    (0..count).flat_map(|n| take(&mut partition, n, seed).1).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Each life of an owner: it makes a checkpoint, works on, commits, works on without committing, and is killed.
    #[test]
    fn any_crash_and_a_replay_give_the_bytes_of_an_undisturbed_run(
        seed in any::<u64>(),
        // with 12 a series makes room for another one all the time
        max_series in proptest::sample::select(vec![12, 33]),
        lives in proptest::collection::vec((0i64..60, 0i64..60, 0i64..30), 1..6),
    ) {
        let settings = settings(&CONFIG.replace("max_series: 33", &format!("max_series: {max_series}")));
        let count: i64 = lives.iter().map(|(to_checkpoint, to_commit, _)| to_checkpoint + to_commit).sum::<i64>() + 1;
        let expected = undisturbed(&settings, count + 30, seed);

        let mut written: Vec<Option<Vec<u8>>> = Vec::new();
        let mut saved: Option<Checkpoint> = None;
        // the log's record that is read next after the checkpoint, and the offset that is committed
        let (mut from, mut committed) = (0, 0);
        for (to_checkpoint, to_commit, lost) in lives {
            let mut partition = match saved.clone() {
                None => Partition::begin(&settings, "topic", 3, 24, 0),
                Some(checkpoint) => {
                    // as it comes from the store
                    let bytes = checkpoint.encode();
                    let checkpoint = Checkpoint::decode(&bytes, "topic", 3).unwrap();
                    Partition::resume(&settings, checkpoint, 24, committed).unwrap()
                }
            };
            if saved.is_none() {
                from = 0;
                partition.committed = committed;
            }
            let mut n = from;
            let mut pending = Vec::new();
            let step = |partition: &mut Partition, n: &mut i64, pending: &mut Vec<_>| {
                let (taken, records) = take(partition, *n, seed);
                *n += 1;
                match taken {
                    Taken::Leaves => pending.extend(records),
                    Taken::Replayed => {}
                    Taken::Rekeyed | Taken::Known => panic!("offset {} was taken twice", *n),
                }
            };
            while partition.is_replaying() {
                step(&mut partition, &mut n, &mut pending);
            }
            prop_assert!(pending.is_empty());
            for _ in 0..to_checkpoint {
                step(&mut partition, &mut n, &mut pending);
            }
            saved = Some(partition.checkpoint().unwrap());
            from = n;
            for _ in 0..to_commit {
                step(&mut partition, &mut n, &mut pending);
            }
            written.append(&mut pending);
            committed = partition.next();
            for _ in 0..lost {
                step(&mut partition, &mut n, &mut pending);
            }
        }
        let text = |record: &Option<Vec<u8>>| record.as_ref().map(|record| String::from_utf8_lossy(record).into_owned());
        for (n, (written, expected)) in written.iter().zip(&expected).enumerate() {
            prop_assert_eq!(text(written), text(expected), "record {}", n);
        }
    }
}

#[test]
fn the_records_of_the_law_are_scored_judged_and_refused() {
    let settings = settings(CONFIG);
    let records = undisturbed(&settings, 600, 1);
    let text: String = records.iter().flatten().map(|record| String::from_utf8_lossy(record)).collect();
    for found in [
        "\"score_outlier\"",
        "\"anomaly_score\"",
        "\"w_score_outlier\"",
        "\"status\":",
        "NO DATA",
        "\"series\":",
        "no key",
        "ahead of this host's clock",
        "not a number",
        "n_anomaly_window",
        "{\"s_anomaly_window\":{\"series\":\"summed\",",
    ] {
        assert!(text.contains(found), "{found}");
    }
}

#[test]
fn a_message_that_comes_twice_changes_nothing() {
    let settings = settings(CONFIG);
    let mut partition = Partition::begin(&settings, "topic", 3, 24, 0);
    (0..5).for_each(|n| drop(take(&mut partition, n, 7)));
    let before = partition.checkpoint().unwrap();
    assert_eq!(take(&mut partition, 4, 7).0, Taken::Known);
    assert_eq!(partition.checkpoint().unwrap(), before);
}

#[test]
fn a_record_without_a_key_is_scored_where_the_topic_has_one_partition() {
    let settings = settings("[series.a]\nmatch: *\nvalue: $v\nk: 2\nwarm_up: off\n[kafka]\n");
    let message = Message { offset: 0, time: Some(Time::from_seconds(START)), has_key: false };
    for (partitions, found) in [(1, "score_outlier"), (2, "the message has no key")] {
        let mut record = b"{\"v\":1}".to_vec();
        Partition::begin(&settings, "topic", 0, partitions, 0).take(message, &mut record);
        let text = String::from_utf8(record).unwrap();
        assert!(text.contains(found), "{text}");
    }
}

#[test]
fn time_and_tag_of_fluent_bit_and_fluentd_are_found_in_the_record() {
    let sections = "[series.a]\nmatch: app.*\nvalue: $v\nk: 2\nwarm_up: off\n[kafka]\n";
    let message = Message { offset: 0, time: Some(Time::from_seconds(START)), has_key: true };
    for (format, text, is_scored) in [
        ("tag: app.x\nformat: fluent-bit", r#"{"@timestamp":1700000000.25,"v":1}"#, true),
        ("format: fluentd", r#"{"v":1,"tag":"app.y","time":1700000000}"#, true),
        ("format: fluentd", r#"{"v":1,"tag":"other","time":1700000000}"#, false),
    ] {
        let settings = settings(&format!("{sections}{format}\n"));
        let mut record = text.as_bytes().to_vec();
        Partition::begin(&settings, "topic", 0, 2, 0).take(message, &mut record);
        let scored = String::from_utf8(record).unwrap();
        assert_eq!(scored.contains("score_outlier"), is_scored, "{scored}");
    }
}

#[test]
fn a_window_that_is_a_record_has_tag_time_and_the_key_of_its_series() {
    let sections = "[series.n]\nmatch: *\nmeasure: count\nevery: 1m\nBY\nwindows: records\nk: 2\nwarm_up: off\nempty: skip\n[kafka]\n";
    for (by, more, key, begin) in [
        ("by: $s, $h", "", "a,b", "{\"anomaly_window\":{\"series\":\"n\",\"by\":{\"s\":\"a\",\"h\":\"b\"}"),
        (
            "",
            "format: fluent-bit\n",
            "anomaly.window.n",
            "{\"anomaly_window\":{\"series\":\"n\",\"measure\":\"count\"",
        ),
        ("", "tag_key: $x['tag']\n", "anomaly.window.n", "{\"anomaly_window\":"),
    ] {
        let settings = settings(&(sections.replace("BY", by) + more));
        let mut partition = Partition::begin(&settings, "topic", 0, 1, 0);
        let mut windows = Vec::new();
        for n in 0..9 {
            let message =
                Message { offset: n, time: Some(Time::from_seconds(START + n * 10)), has_key: true };
            partition.take(message, &mut b"{\"s\":\"a\",\"h\":\"b\"}".to_vec());
            windows.extend(std::iter::from_fn(|| partition.take_window()));
        }
        let [window] = &windows[..] else { panic!("{windows:?}") };
        let text = String::from_utf8_lossy(&window.record);
        assert!(text.starts_with(begin), "{text}");
        let end = START.div_euclid(60) * 60 + 60;
        assert_eq!((&*window.tag, &*window.key), ("anomaly.window.n", key.as_bytes()));
        assert_eq!(window.time, Time::from_seconds(end));
        let stamped = text.ends_with(&format!(",\"@timestamp\":{end}}}"));
        assert_eq!(stamped, more.contains("fluent-bit"), "{text}");
    }
    let settings = settings(&(sections.replace("BY", "") + "format: fluentd\n"));
    let mut partition = Partition::begin(&settings, "topic", 0, 1, 0);
    for n in 0..9 {
        let message = Message { offset: n, time: None, has_key: true };
        let mut record = format!("{{\"tag\":\"app\",\"time\":{}}}", START + n * 10).into_bytes();
        partition.take(message, &mut record);
    }
    let window = partition.take_window().unwrap();
    let text = String::from_utf8_lossy(&window.record);
    assert!(text.contains(",\"tag\":\"anomaly.window.n\",\"time\":"), "{text}");
}
