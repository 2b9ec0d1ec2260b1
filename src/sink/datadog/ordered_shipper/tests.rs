use super::{Attempt, Driven, OrderedShipper};
use crate::sink::datadog::ChunkVerdict;
use crate::sink::datadog::chunk_queue::{ChunkQueue, DueChunk, OfferedChunk, Tried};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const DONE: Tried = Tried { verdict: ChunkVerdict::Done, reached: 1, accepted: true, suspect: false };
const FAILED: Tried = Tried { verdict: ChunkVerdict::Retry, reached: 0, accepted: false, suspect: true };

fn ordered(patience: Duration) -> OrderedShipper {
    OrderedShipper::new(ChunkQueue::new(Duration::ZERO, patience, 1000))
}

fn offer(ordered: &OrderedShipper, number: u64, ship: impl FnMut(&DueChunk, Attempt) -> Tried) -> Driven {
    let time = number as i64;
    let chunk = OfferedChunk { fingerprint: number, span: (time, time), bytes: b"chunk" };
    ordered.offer("t", chunk, LONG, ship)
}

fn answer(verdict: ChunkVerdict) -> Driven {
    Driven { verdict, passed: 0, collecting: None }
}

#[test]
fn whoever_comes_drives_the_whole_line_and_the_others_are_answered_at_once() {
    let ordered = ordered(LONG);
    let tried = RefCell::new(Vec::new());
    let ship = |works: bool| {
        let tried = &tried;
        move |job: &DueChunk, _: Attempt| {
            tried.borrow_mut().push(job.fingerprint);
            if works { DONE } else { FAILED }
        }
    };
    for number in 1..=3 {
        assert_eq!(offer(&ordered, number, ship(false)), answer(ChunkVerdict::Retry));
    }
    assert_eq!(tried.take(), [1, 1, 1], "the head holds the others up");
    assert_eq!(offer(&ordered, 4, ship(true)), answer(ChunkVerdict::Done));
    assert_eq!(tried.take(), [1, 2, 3, 4]);
    for number in [3, 1, 2] {
        assert_eq!(offer(&ordered, number, ship(false)), answer(ChunkVerdict::Done));
    }
    assert!(tried.take().is_empty());
}

#[test]
fn two_calls_of_a_tag_take_turns_and_the_second_gets_what_the_first_did() {
    let ordered = ordered(LONG);
    let tried = Mutex::new(Vec::new());
    let (begun, wait) = channel();
    let (go, release) = channel::<()>();
    std::thread::scope(|scope| {
        let (ordered, tried) = (&ordered, &tried);
        let first = scope.spawn(move || {
            offer(ordered, 1, |job, _| {
                tried.lock().unwrap().push(job.fingerprint);
                if job.fingerprint == 1 {
                    begun.send(()).unwrap();
                    release.recv().unwrap();
                }
                DONE
            })
        });
        wait.recv_timeout(LONG).unwrap();
        // while the first one ships, a short call gives up, and another tag is free
        let chunk = |number| OfferedChunk { fingerprint: number, span: (5, 5), bytes: b"" };
        let short = ordered.offer("t", chunk(5), Duration::from_millis(20), |_, _| unreachable!());
        assert_eq!(short, answer(ChunkVerdict::Retry));
        assert_eq!(ordered.offer("u", chunk(6), LONG, |_, _| DONE), answer(ChunkVerdict::Done));
        let second = scope.spawn(|| offer(ordered, 9, |_, _| unreachable!("the first call ships it")));
        while ordered.lock().order.behind("t", 5, 9, Instant::now()).is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        go.send(()).unwrap();
        assert_eq!(first.join().unwrap(), answer(ChunkVerdict::Done));
        assert_eq!(second.join().unwrap(), answer(ChunkVerdict::Done));
    });
    assert_eq!(tried.into_inner().unwrap(), [1, 5, 9]);
}

#[test]
fn nothing_goes_while_offers_are_collected() {
    const COLLECTION: Duration = Duration::from_secs(1);
    let ordered = OrderedShipper::new(ChunkQueue::new(COLLECTION, LONG, 1000));
    for number in [2, 1] {
        let driven = offer(&ordered, number, |_, _| unreachable!());
        assert_eq!(driven.verdict, ChunkVerdict::Retry);
        assert!(driven.collecting.is_some_and(|left| left <= COLLECTION), "{driven:?}");
    }
    while ordered.lock().order.collecting(Instant::now()).is_some() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut tried = Vec::new();
    offer(&ordered, 3, |job, _| {
        tried.push(job.fingerprint);
        DONE
    });
    assert_eq!(tried, [1, 2, 3]);
}

#[test]
fn a_head_that_fails_where_the_next_gets_through_loses_its_place_after_the_patience() {
    let ordered = ordered(Duration::ZERO);
    let poison = |job: &DueChunk, _: Attempt| if job.fingerprint == 1 { FAILED } else { DONE };
    assert_eq!(offer(&ordered, 1, poison), answer(ChunkVerdict::Retry), "nobody stands behind it");
    assert_eq!(
        offer(&ordered, 2, poison),
        Driven { verdict: ChunkVerdict::Done, passed: 1, collecting: None }
    );
    assert_eq!(offer(&ordered, 3, poison), answer(ChunkVerdict::Done));
    // offered again it is tried, and holds nobody up
    assert_eq!(offer(&ordered, 1, poison), answer(ChunkVerdict::Retry));
    assert_eq!(offer(&ordered, 4, poison), answer(ChunkVerdict::Done));
    assert_eq!(offer(&ordered, 1, |_, _| DONE), answer(ChunkVerdict::Done));
}

#[test]
fn in_an_outage_no_head_loses_its_place() {
    let ordered = ordered(Duration::ZERO);
    let probes = RefCell::new(Vec::new());
    for number in 1..=3 {
        let outage = |job: &DueChunk, attempt: Attempt| {
            assert!(attempt.budget <= LONG);
            probes.borrow_mut().push((job.fingerprint, attempt.probe));
            FAILED
        };
        assert_eq!(offer(&ordered, number, outage), answer(ChunkVerdict::Retry));
    }
    let seen = [(1, false), (1, false), (2, true), (1, false), (2, true)];
    assert_eq!(probes.take(), seen, "one more than the head is asked");
    let mut tried = Vec::new();
    offer(&ordered, 4, |job, _| {
        tried.push(job.fingerprint);
        DONE
    });
    assert_eq!(tried, [1, 2, 3, 4]);
}

#[test]
fn a_wait_that_is_nobodys_fault_counts_for_no_patience() {
    let ordered = ordered(Duration::ZERO);
    for number in 1..=3 {
        let limited = |job: &DueChunk, _: Attempt| {
            assert_eq!(job.fingerprint, 1);
            Tried { suspect: false, ..FAILED }
        };
        assert_eq!(offer(&ordered, number, limited), answer(ChunkVerdict::Retry));
    }
}

#[test]
fn a_chunk_that_panics_is_out_of_the_way() {
    let ordered = ordered(LONG);
    offer(&ordered, 1, |_, _| FAILED);
    let panicked = catch_unwind(AssertUnwindSafe(|| offer(&ordered, 2, |_, _| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(offer(&ordered, 1, |_, _| unreachable!()), answer(ChunkVerdict::Failed));
    assert_eq!(offer(&ordered, 2, |_, _| DONE), answer(ChunkVerdict::Done));
}
