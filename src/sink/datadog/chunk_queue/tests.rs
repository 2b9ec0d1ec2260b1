use super::{ChunkQueue, Entered, FORGOTTEN, LIMIT, OfferedChunk, Tried};
use crate::sink::datadog::ChunkVerdict;
use proptest::prelude::*;
use std::time::{Duration, Instant};

const START: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(300);
const DONE: Tried = Tried { verdict: ChunkVerdict::Done, reached: 1, accepted: true, suspect: false };
const FAILED: Tried = Tried { verdict: ChunkVerdict::Retry, reached: 0, accepted: false, suspect: true };

fn chunk(fingerprint: u64, first: i64, last: i64) -> OfferedChunk<'static> {
    OfferedChunk { fingerprint, span: (first, last), bytes: b"ten bytes!" }
}

/// Nobody's.
const NONE: u64 = u64::MAX;

/// Ships everything; the order in which it went.
fn drain(order: &mut ChunkQueue, now: Instant) -> Vec<u64> {
    let mut gone = Vec::new();
    while let Some(job) = order.first("t", NONE, now).filter(|job| job.bytes.is_some()) {
        gone.push(job.fingerprint);
        order.settle("t", job.fingerprint, DONE, now);
    }
    gone
}

fn session(room: usize) -> (ChunkQueue, Instant) {
    (ChunkQueue::new(Duration::ZERO, PATIENCE, room), Instant::now())
}

#[test]
fn while_offers_are_collected_those_that_begin_earlier_go_first() {
    let (mut order, now) = (ChunkQueue::new(START, PATIENCE, 1000), Instant::now());
    assert!(order.collecting(now).is_some());
    for (fingerprint, first) in [(1, 50), (2, 10), (3, 30), (4, 10)] {
        assert_eq!(order.enter("t", chunk(fingerprint, first, 99), now), Entered::Waiting);
    }
    assert!(order.collecting(now + START / 2).is_some() && order.collecting(now + START).is_none());
    assert_eq!(drain(&mut order, now), [2, 4, 3, 1]);
}

#[test]
fn collecting_goes_on_while_older_chunks_come_but_not_for_ever() {
    let (mut order, begun) = (ChunkQueue::new(START, PATIENCE, 1000), Instant::now());
    let mut end = START;
    order.enter("t", chunk(1000, 1000, 1000), begun);
    for number in 0..100 {
        let now = begun + Duration::from_secs(number);
        if order.collecting(now).is_none() {
            break;
        }
        // new data prolongs nothing, nor does what was offered before
        order.enter("t", chunk(1001 + number, 1001 + number as i64, 2000), now);
        order.enter("t", chunk(1000, 1000, 1000), now);
        if !(5..=7).contains(&number) {
            order.enter("t", chunk(number, number as i64, 999), now);
            end = START + Duration::from_secs(number);
        }
    }
    assert_eq!(end, START + Duration::from_secs(4));
    assert!(order.collecting(begun + end / 2).is_some() && order.collecting(begun + end).is_none());
    let (mut order, begun) = (ChunkQueue::new(START, PATIENCE, 1000), Instant::now());
    for number in 0..100 {
        order.enter("t", chunk(100 - number, 100 - number as i64, 100), begun + Duration::from_secs(number));
    }
    assert!(order.collecting(begun + START * 9).is_some() && order.collecting(begun + START * 10).is_none());
}

#[test]
fn later_on_arrival_counts_and_one_late_point_moves_no_chunk() {
    let (mut order, now) = session(1000);
    for (fingerprint, first, last) in [(1, 10, 12), (2, 3, 13), (3, 14, 15), (1, 10, 12)] {
        order.enter("t", chunk(fingerprint, first, last), now);
    }
    assert_eq!(drain(&mut order, now), [1, 2, 3]);
}

#[test]
fn a_chunk_that_is_older_throughout_goes_first_whenever_it_comes() {
    let (mut order, now) = session(1000);
    for (fingerprint, first, last) in [(1, 20, 22), (2, 23, 25), (3, 10, 19), (4, 5, 9), (5, 19, 22)] {
        order.enter("t", chunk(fingerprint, first, last), now);
    }
    assert_eq!(drain(&mut order, now), [4, 3, 1, 5, 2]);
}

#[test]
fn tags_have_lines_of_their_own() {
    let (mut order, now) = session(1000);
    order.enter("u", chunk(1, 1, 1), now);
    order.enter("t", chunk(2, 2, 2), now);
    assert_eq!(drain(&mut order, now), [2]);
    assert_eq!(order.first("u", NONE, now).unwrap().fingerprint, 1);
}

#[test]
fn a_verdict_is_told_once() {
    let (mut order, now) = session(1000);
    order.enter("t", chunk(1, 1, 1), now);
    drain(&mut order, now);
    assert_eq!(order.enter("t", chunk(1, 1, 1), now), Entered::Finished(ChunkVerdict::Done));
    assert_eq!(order.enter("t", chunk(1, 1, 1), now), Entered::Waiting);
    order.settle("t", 1, Tried { verdict: ChunkVerdict::Failed, ..DONE }, now);
    assert_eq!(order.take_verdict(1), Some(ChunkVerdict::Failed));
    assert_eq!(order.take_verdict(1), None);
}

#[test]
fn the_earliest_chunks_have_the_room_and_the_others_keep_their_place() {
    let (mut order, now) = session(25);
    for (fingerprint, time) in [(3, 30), (4, 40), (5, 50), (2, 20), (1, 10)] {
        order.enter("t", chunk(fingerprint, time, time), now);
    }
    assert_eq!(order.room, 5);
    assert_eq!(drain(&mut order, now), [1, 2], "3 was pushed out");
    assert_eq!(order.room, 25);
    let job = order.first("t", 5, now).unwrap();
    assert_eq!((job.fingerprint, job.bytes), (3, None), "5 does not go before it");
    order.enter("t", chunk(3, 30, 30), now);
    assert_eq!(drain(&mut order, now), [3]);
    // a chunk larger than all the room pushes nothing out in vain
    order.enter("t", chunk(4, 40, 40), now);
    order.enter("t", OfferedChunk { bytes: &[0; 26], ..chunk(6, 1, 1) }, now);
    assert_eq!((order.first("t", 6, now).unwrap().fingerprint, order.room), (6, 15));
}

#[test]
fn a_head_that_does_not_get_on_is_overdue_after_the_patience() {
    let (mut order, now) = session(1000);
    order.enter("t", chunk(1, 1, 1), now);
    let overdue = |order: &mut ChunkQueue, now| order.first("t", NONE, now).unwrap().overdue;
    order.settle("t", 1, Tried { suspect: false, ..FAILED }, now);
    assert!(!overdue(&mut order, now + PATIENCE), "it was not even tried");
    order.settle("t", 1, FAILED, now);
    assert!(!overdue(&mut order, now + PATIENCE - START) && overdue(&mut order, now + PATIENCE));
    order.settle("t", 1, Tried { reached: 1, ..FAILED }, now + PATIENCE);
    assert!(!overdue(&mut order, now + PATIENCE), "it got on");
    assert!(overdue(&mut order, now + PATIENCE + PATIENCE));
}

#[test]
fn what_lost_its_place_goes_when_it_is_offered_and_holds_up_nobody() {
    let (mut order, now) = session(25);
    order.enter("t", chunk(1, 1, 1), now);
    order.enter("t", chunk(2, 2, 2), now);
    assert_eq!(order.behind("t", 1, NONE, now).unwrap().fingerprint, 2);
    order.pass("t", 1);
    assert_eq!(order.first("t", 1, now).unwrap().fingerprint, 2);
    order.enter("t", chunk(1, 1, 1), now);
    assert_eq!((drain(&mut order, now), order.room), (vec![2], 25));
    assert_eq!(order.first("t", 1, now).unwrap().fingerprint, 1);
    assert!(order.behind("t", 1, 1, now).is_none());
}

#[test]
fn a_head_without_bytes_is_waited_for_and_then_forgotten() {
    let (mut order, now) = session(0);
    order.enter("t", chunk(1, 1, 1), now);
    assert!(!order.first("t", 1, now).unwrap().overdue, "who offers it can ship it");
    assert!(!order.first("t", 2, now + START).unwrap().overdue);
    assert!(order.first("t", 2, now + START + PATIENCE).unwrap().overdue);
    order.enter("t", chunk(2, 2, 2), now + FORGOTTEN);
    assert_eq!(order.first("t", 2, now).unwrap().fingerprint, 2);
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut order, now) = session(100);
    for number in 0..LIMIT as u64 {
        assert_eq!(order.enter("t", chunk(number, 1, 1), now), Entered::Waiting);
    }
    assert_eq!(order.enter("other", chunk(NONE - 1, 1, 1), now), Entered::Full);
    for number in 0..LIMIT as u64 {
        order.settle("t", number, DONE, now);
    }
    order.enter("t", chunk(NONE - 1, 1, 1), now);
    order.settle("t", NONE - 1, DONE, now);
    assert_eq!((order.take_verdict(0), order.take_verdict(1)), (None, Some(ChunkVerdict::Done)));
    assert_eq!((order.room, order.verdicts.len()), (100, LIMIT - 1));
    assert!(order.lines.is_empty());
}

proptest! {
    /// However chunks of consecutive times are mixed, offered again and failing: they go in the order of their
    /// times as far as they are known, and the room comes back.
    #[test]
    fn chunks_of_consecutive_times_go_in_the_order_of_their_times(
        calls in proptest::collection::vec((0_u64..20, any::<bool>()), 1..80),
        room in 0_usize..300,
        start in prop_oneof![Just(Duration::ZERO), Just(START)],
    ) {
        let (mut order, now) = (ChunkQueue::new(start, PATIENCE, room), Instant::now());
        let (mut waiting, mut gone) = (std::collections::BTreeSet::new(), Vec::new());
        for (number, works) in calls {
            let time = number as i64 * 10;
            match order.enter("t", chunk(number, time, time + 9), now) {
                Entered::Waiting => waiting.insert(number),
                _ => continue,
            };
            while let Some(job) = order.first("t", number, now) {
                prop_assert_eq!(Some(&job.fingerprint), waiting.first());
                if job.bytes.is_none() && job.fingerprint != number {
                    break;
                }
                order.settle("t", job.fingerprint, if works { DONE } else { FAILED }, now);
                if !works {
                    break;
                }
                waiting.remove(&job.fingerprint);
                gone.push(job.fingerprint);
            }
            let held: usize = order.lines.values().flatten().filter_map(|h| h.bytes.as_ref()).map(|b| b.len()).sum();
            prop_assert_eq!(order.room + held, room);
        }
    }
}
