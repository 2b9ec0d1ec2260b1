//! A shard whose thread has ended.

use std::sync::mpsc::sync_channel;

use super::{ArrivalClock, Shards, Worker};
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
    let parts = shards.score(chunk()).into_parts();
    IncomingChunk::from_entries("tag".into(), parts.into_iter().flat_map(|part| part.bytes).collect())
}

#[test]
fn records_of_a_shard_whose_thread_has_ended_leave_as_they_came_and_in_their_order() {
    let config = Config::parse("f.ini", CONFIG).unwrap();
    let start = || Shards::start(&config, 3, &[], ArrivalClock::default()).unwrap();
    let whole = scored(&mut start());
    let mut shards = start();
    // nobody holds the other ends
    shards.others[0] = Worker { orders: sync_channel(1).0, answers: sync_channel(1).1 };
    let found = scored(&mut shards);
    let came = chunk();
    assert_eq!((whole.len(), found.len()), (160, 160));
    let all = whole.entries().zip(found.entries()).zip(came.entries());
    let mut unscored = 0;
    for ((whole, found), came) in all {
        if found != whole {
            assert_eq!(found, came);
            unscored += 1;
        }
    }
    assert!((1..160).contains(&unscored), "{unscored}");
    let error = shards.save().unwrap_err().to_string();
    assert!(error.contains("a thread has ended"), "{error}");
}
