use super::{Attempt, Convoy, Driven};
use crate::sink::datadog::Verdict;
use crate::sink::datadog::chunk_queue::{Chunk, Job, Order, Tried};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const DONE: Tried = Tried { verdict: Verdict::Done, reached: 1, accepted: true, suspect: false };
const FAILED: Tried = Tried { verdict: Verdict::Retry, reached: 0, accepted: false, suspect: true };

fn convoy(patience: Duration) -> Convoy {
    Convoy::new(Order::new(Duration::ZERO, patience, 1000))
}

fn offer(convoy: &Convoy, number: u64, ship: impl FnMut(&Job, Attempt) -> Tried) -> Driven {
    let time = number as i64;
    let chunk = Chunk { fingerprint: number, span: (time, time), bytes: b"chunk" };
    convoy.offer("t", chunk, LONG, ship)
}

fn answer(verdict: Verdict) -> Driven {
    Driven { verdict, passed: 0 }
}

#[test]
fn whoever_comes_drives_the_whole_line_and_the_others_are_answered_at_once() {
    let convoy = convoy(LONG);
    let tried = RefCell::new(Vec::new());
    let ship = |works: bool| {
        let tried = &tried;
        move |job: &Job, _: Attempt| {
            tried.borrow_mut().push(job.fingerprint);
            if works { DONE } else { FAILED }
        }
    };
    for number in 1..=3 {
        assert_eq!(offer(&convoy, number, ship(false)), answer(Verdict::Retry));
    }
    assert_eq!(tried.take(), [1, 1, 1], "the head holds the others up");
    assert_eq!(offer(&convoy, 4, ship(true)), answer(Verdict::Done));
    assert_eq!(tried.take(), [1, 2, 3, 4]);
    for number in [3, 1, 2] {
        assert_eq!(offer(&convoy, number, ship(false)), answer(Verdict::Done));
    }
    assert!(tried.take().is_empty());
}

#[test]
fn two_calls_of_a_tag_take_turns_and_the_second_gets_what_the_first_did() {
    let convoy = convoy(LONG);
    let tried = Mutex::new(Vec::new());
    let (begun, wait) = channel();
    let (go, release) = channel::<()>();
    std::thread::scope(|scope| {
        let (convoy, tried) = (&convoy, &tried);
        let first = scope.spawn(move || {
            offer(convoy, 1, |job, _| {
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
        let chunk = |number| Chunk { fingerprint: number, span: (5, 5), bytes: b"" };
        let short = convoy.offer("t", chunk(5), Duration::from_millis(20), |_, _| unreachable!());
        assert_eq!(short, answer(Verdict::Retry));
        assert_eq!(convoy.offer("u", chunk(6), LONG, |_, _| DONE), answer(Verdict::Done));
        let second = scope.spawn(|| offer(convoy, 9, |_, _| unreachable!("the first call ships it")));
        while convoy.lock().order.behind("t", 5, 9, Instant::now()).is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        go.send(()).unwrap();
        assert_eq!(first.join().unwrap(), answer(Verdict::Done));
        assert_eq!(second.join().unwrap(), answer(Verdict::Done));
    });
    assert_eq!(tried.into_inner().unwrap(), [1, 5, 9]);
}

#[test]
fn nothing_goes_while_offers_are_collected() {
    let convoy = Convoy::new(Order::new(Duration::from_millis(50), LONG, 1000));
    let begun = Instant::now();
    assert_eq!(offer(&convoy, 2, |_, _| unreachable!()), answer(Verdict::Retry));
    assert_eq!(offer(&convoy, 1, |_, _| unreachable!()), answer(Verdict::Retry));
    std::thread::sleep(Duration::from_millis(60).saturating_sub(begun.elapsed()));
    let mut tried = Vec::new();
    offer(&convoy, 3, |job, _| {
        tried.push(job.fingerprint);
        DONE
    });
    assert_eq!(tried, [1, 2, 3]);
}

#[test]
fn a_head_that_fails_where_the_next_gets_through_loses_its_place_after_the_patience() {
    let convoy = convoy(Duration::ZERO);
    let poison = |job: &Job, _: Attempt| if job.fingerprint == 1 { FAILED } else { DONE };
    assert_eq!(offer(&convoy, 1, poison), answer(Verdict::Retry), "nobody stands behind it");
    assert_eq!(offer(&convoy, 2, poison), Driven { verdict: Verdict::Done, passed: 1 });
    assert_eq!(offer(&convoy, 3, poison), answer(Verdict::Done));
    // offered again it is tried, and holds nobody up
    assert_eq!(offer(&convoy, 1, poison), answer(Verdict::Retry));
    assert_eq!(offer(&convoy, 4, poison), answer(Verdict::Done));
    assert_eq!(offer(&convoy, 1, |_, _| DONE), answer(Verdict::Done));
}

#[test]
fn in_an_outage_no_head_loses_its_place() {
    let convoy = convoy(Duration::ZERO);
    let probes = RefCell::new(Vec::new());
    for number in 1..=3 {
        let outage = |job: &Job, attempt: Attempt| {
            assert!(attempt.budget <= LONG);
            probes.borrow_mut().push((job.fingerprint, attempt.probe));
            FAILED
        };
        assert_eq!(offer(&convoy, number, outage), answer(Verdict::Retry));
    }
    let seen = [(1, false), (1, false), (2, true), (1, false), (2, true)];
    assert_eq!(probes.take(), seen, "one more than the head is asked");
    let mut tried = Vec::new();
    offer(&convoy, 4, |job, _| {
        tried.push(job.fingerprint);
        DONE
    });
    assert_eq!(tried, [1, 2, 3, 4]);
}

#[test]
fn a_wait_that_is_nobodys_fault_counts_for_no_patience() {
    let convoy = convoy(Duration::ZERO);
    for number in 1..=3 {
        let limited = |job: &Job, _: Attempt| {
            assert_eq!(job.fingerprint, 1);
            Tried { suspect: false, ..FAILED }
        };
        assert_eq!(offer(&convoy, number, limited), answer(Verdict::Retry));
    }
}

#[test]
fn a_chunk_that_panics_is_out_of_the_way() {
    let convoy = convoy(LONG);
    offer(&convoy, 1, |_, _| FAILED);
    let panicked = catch_unwind(AssertUnwindSafe(|| offer(&convoy, 2, |_, _| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(offer(&convoy, 1, |_, _| unreachable!()), answer(Verdict::Failed));
    assert_eq!(offer(&convoy, 2, |_, _| DONE), answer(Verdict::Done));
}
