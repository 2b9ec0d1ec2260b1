//! A shard whose thread has ended, and numbers that do not depend on how many there are.

use std::sync::mpsc::sync_channel;

use super::{ArrivalClock, ShardFailed, Shards, Worker};
use crate::aggregator::output::ScoredEntries;
use crate::config::Config;
use crate::source::forward::IncomingChunk;

const CONFIG: &str = "[filter]\nstate: off\n[series.a]\nmatch: *\nvalue: $v\nby: $s\nk: 2\nwarm_up: off\n";

/// 20 points, `[second, {"s": series, "v": value}]`, of each of 8 series.
fn chunk() -> IncomingChunk {
    let points = (0..20u8).flat_map(|second| (0..8u8).map(move |series| (second, series)));
    let bytes = points.flat_map(|(t, s)| [0x92, t, 0x82, 0xa1, b's', s, 0xa1, b'v', t % 7 * 3]).collect();
    IncomingChunk::from_entries("tag".into(), bytes)
}

fn scored(shards: &mut Shards) -> IncomingChunk {
    let parts = shards.score(chunk()).unwrap().into_parts();
    IncomingChunk::from_entries("tag".into(), parts.iter().flat_map(ScoredEntries::to_bytes).collect())
}

#[test]
fn a_shard_whose_thread_has_ended_is_told_by_whatever_is_asked_of_it() {
    let config = Config::parse("f.ini", CONFIG).unwrap();
    let mut shards = Shards::start(&config, 3, &[], ArrivalClock::default()).unwrap();
    assert_eq!(scored(&mut shards).len(), 160);
    // nobody holds the other ends
    shards.others[1] = Worker { orders: sync_channel(1).0, answers: sync_channel(1).1 };
    let failed = ShardFailed(2);
    assert_eq!(shards.score(chunk()).unwrap_err(), failed);
    assert_eq!(shards.look(false).unwrap_err(), failed);
    let error = shards.save().unwrap_err().to_string();
    assert!(error.contains("the thread of shard 2 has failed"), "{error}");
}

/// Series of every kind that a record can be scored into: alone, by other fields, judged together, in windows, in a group.
const EVERY_KIND: &str = "[filter]
state: off
anomaly_score: on
[series.a]
match: *
value: $v
by: $s
k: 2
warm_up: off
alarms: 1/hour
[series.by_host]
match: *
value: $v
by: $h
prefix: h_
k: 2
warm_up: off
[series.together]
match: *
value: $v
by: $s
prefix: t_
alarms: 1/hour for all
k: 2
warm_up: off
[series.counted]
match: *
measure: count
every: 1m
by: $s
prefix: n_
k: 2
warm_up: off
[series.typical]
match: *
measure: p90 $v
every: 1m
by: $h
prefix: p_
k: 2
warm_up: off
[group.g]
on: a
across: $s
[group.hosts]
on: by_host
across: $h
";

/// 40 points, 7 s apart, of 9 series on 4 hosts: `{"s": series, "h": host, "v": value}`.
fn chunk_of_all(number: u32) -> IncomingChunk {
    let mut bytes = Vec::new();
    for n in number * 40..(number + 1) * 40 {
        let time = 1_700_000_000 + n * 7;
        let (s, h) = ((n * 7 % 9) as u8, (n * 5 % 4) as u8);
        // one series leaves the others now and then
        let value = if s == 3 && n % 200 > 150 { 120 } else { (n * n % 17) as u8 };
        bytes.extend([0x92, 0xce]);
        bytes.extend(time.to_be_bytes());
        bytes.extend([0x83, 0xa1, b's', s, 0xa1, b'h', h, 0xa1, b'v', value]);
    }
    IncomingChunk::from_entries("tag".into(), bytes)
}

fn bytes_of(shards: &mut Shards, number: u32) -> Vec<u8> {
    shards
        .score(chunk_of_all(number))
        .unwrap()
        .into_parts()
        .iter()
        .flat_map(ScoredEntries::to_bytes)
        .collect()
}

#[test]
fn groups_windows_and_series_judged_together_do_not_depend_on_the_number_of_threads() {
    let config = Config::parse("f.ini", EVERY_KIND).unwrap();
    let start = |threads| Shards::start(&config, threads, &[], ArrivalClock::default()).unwrap();
    let mut alone = start(1);
    let wanted: Vec<Vec<u8>> = (0..30).map(|number| bytes_of(&mut alone, number)).collect();
    let text = String::from_utf8_lossy(&wanted.concat()).into_owned();
    for field in [
        "anomaly_score",
        "h_anomaly_score",
        "t_anomaly_score",
        "n_anomaly_window",
        "p_anomaly_window",
        "anomaly_group",
    ] {
        assert!(text.contains(field), "{field}");
    }
    for threads in [2, 3, 8] {
        let mut shards = start(threads);
        for (number, wanted) in (0..).zip(&wanted) {
            assert!(bytes_of(&mut shards, number) == *wanted, "chunk {number}, {threads} threads");
        }
    }
}

#[test]
fn groups_and_windows_go_on_when_the_number_of_threads_changes_between_two_starts() {
    let config = Config::parse("f.ini", EVERY_KIND).unwrap();
    let start =
        |threads, saved: &[Vec<u8>]| Shards::start(&config, threads, saved, ArrivalClock::default()).unwrap();
    let mut alone = start(1, &[]);
    let wanted: Vec<Vec<u8>> = (0..30).map(|number| bytes_of(&mut alone, number)).collect();
    let mut saved: Vec<Vec<u8>> = Vec::new();
    let mut wanted = (0..).zip(&wanted);
    for threads in [2, 1, 5, 3, 1, 4] {
        let mut shards = start(threads, &saved);
        for (number, wanted) in wanted.by_ref().take(5) {
            assert!(bytes_of(&mut shards, number) == *wanted, "chunk {number}, {threads} threads");
        }
        saved = shards.save().unwrap();
    }
    assert_eq!(wanted.next(), None);
}

#[test]
fn windows_that_a_chunk_closes_are_records_behind_it_with_one_thread_or_several() {
    let config = Config::parse(
        "f.ini",
        "[filter]\nstate: off\n[series.n]\nmatch: *\nmeasure: count\nevery: 10s\nlate: 0s\nby: $s\nk: 2\nwindows: records\n\
         [series.kinds]\nmatch: *\nmeasure: patterns $s\nevery: 10s\nlate: 0s\nk: 2\nprefix: kinds_\n\
         [series.a]\nmatch: *\nvalue: $v\nby: $s\nk: 2\nwarm_up: off\n",
    )
    .unwrap();
    let mut outcomes = Vec::new();
    for threads in [1, 3] {
        let mut shards = Shards::start(&config, threads, &[], ArrivalClock::default()).unwrap();
        let parts = shards.score(chunk()).unwrap().into_parts();
        let tags: Vec<&str> = parts.iter().map(|part| part.tag.as_str()).collect();
        assert_eq!(tags, ["tag", "anomaly.window.n"]);
        let windows = IncomingChunk::from_entries(tags[1].into(), parts[1].to_bytes());
        // those of seconds 0 to 9, of each series
        assert_eq!(windows.len(), 8);
        for entry in windows.entries() {
            assert_eq!(entry.time_bytes, [0xd7, 0, 0, 0, 0, 10, 0, 0, 0, 0]);
            let record = String::from_utf8_lossy(entry.record);
            assert!(record.contains("anomaly_window") && record.contains("records"), "{record}");
        }
        let all: Vec<Vec<u8>> = parts.iter().map(ScoredEntries::to_bytes).collect();
        // sections of windows carry theirs in records of the chunk, unless they are to be records
        assert!(String::from_utf8_lossy(&all[0]).contains("kinds_anomaly_window"));
        outcomes.push(all);
    }
    assert!(outcomes[0] == outcomes[1]);
}

#[test]
fn what_is_wrong_with_a_record_is_told_by_the_last_of_its_visits_whichever_threads_it_visits() {
    let config = Config::parse(
        "f.ini",
        "[filter]\nstate: off\n[series.a]\nmatch: *\nvalue: $v\nby: $s\nk: 2\nwarm_up: off\n\
         [series.b]\nmatch: *\nvalue: $w\nby: $h\nprefix: b_\nk: 2\nwarm_up: off\n",
    )
    .unwrap();
    // two series, hosts that change, and a value that is no number in each seventh record
    let entries = (0..200u8).flat_map(|n| {
        let value = if n % 7 == 0 { vec![0xa1, b'x'] } else { vec![n % 5] };
        let head = [0x92, n % 100, 0x84, 0xa1, b's', n % 2, 0xa1, b'h', n % 3, 0xa1, b'w', n % 4, 0xa1, b'v'];
        head.into_iter().chain(value)
    });
    let chunk = IncomingChunk::from_entries("tag".into(), entries.collect());
    let scored = |threads| {
        let mut shards = Shards::start(&config, threads, &[], ArrivalClock::default()).unwrap();
        shards
            .score(chunk.clone())
            .unwrap()
            .into_parts()
            .iter()
            .flat_map(ScoredEntries::to_bytes)
            .collect::<Vec<u8>>()
    };
    let alone = scored(1);
    let told = IncomingChunk::from_entries("tag".into(), alone.clone());
    for (n, entry) in told.entries().enumerate() {
        let text = String::from_utf8_lossy(entry.record).into_owned();
        assert_eq!(text.contains("anomaly_error"), n % 7 == 0, "{n}: {text}");
    }
    for threads in [2, 3, 5] {
        assert!(scored(threads) == alone, "{threads} threads");
    }
}
