//! `dd_order`: chunks through the shipper to a scripted intake, given as hosts give them.

use crate::common::http::{Reply, Server};
use fluent_anomaly::sinks::datadog::{ChunkVerdict, ShipOutcome, Shipper, ShipperSettings, UnsentReason};
use std::time::{Duration, Instant};

const NOW: i64 = 0x6000_0000;
/// Longer than the intake of these tests asks for.
const WAIT: Duration = Duration::from_millis(1150);

fn settings(server: &Server, options: &[(&str, &str)]) -> ShipperSettings {
    let get = |name: &str| match name {
        "dd_api_key" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        "dd_url" => Some(server.url.clone()),
        "dd_order" => Some("on".to_owned()),
        _ => options.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
    };
    ShipperSettings::read(get, |_| None).unwrap()
}

fn shipper(server: &Server) -> Shipper {
    Shipper::new(settings(server, &[("dd_order_start", "0"), ("dd_timeout", "2")]))
}

/// One point of the series `m`, so many seconds before or after [`NOW`], and a record without a metric.
fn chunk(second: i32) -> Vec<u8> {
    let mut out = b"\x92\x00\x80\x92\xce".to_vec();
    out.extend(u32::try_from(NOW + i64::from(second)).unwrap().to_be_bytes());
    out.extend(b"\x82\xa6metric\xa1m\xa5value\x01");
    out
}

fn ship(shipper: &Shipper, second: i32) -> ShipOutcome {
    shipper.ship_chunk_at(&chunk(second), "tag", NOW)
}

fn verdict(shipper: &Shipper, second: i32) -> ChunkVerdict {
    ship(shipper, second).verdict
}

/// Seconds of the points, request by request.
fn seconds(server: &Server) -> Vec<i64> {
    let second = |text: String| {
        let digits = text.split_once("\"timestamp\":").unwrap().1;
        digits.split(',').next().unwrap().parse::<i64>().unwrap() - NOW
    };
    server.texts().into_iter().map(second).collect()
}

fn busy() -> Reply {
    Reply::Status(503, vec!["Retry-After: 0".into()], String::new())
}

#[test]
fn after_a_failure_everything_arrives_in_order_on_the_next_call() {
    let server = Server::start([busy()]);
    let shipper = shipper(&server);
    for second in 1..=3 {
        assert_eq!(verdict(&shipper, second), ChunkVerdict::Retry);
    }
    std::thread::sleep(WAIT);
    let outcome = ship(&shipper, 4);
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 4));
    assert_eq!(seconds(&server), [1, 1, 2, 3, 4]);
    // the host's own timers, in any order: answered without asking anybody
    for second in [3, 1, 2] {
        let outcome = ship(&shipper, second);
        assert_eq!((outcome.verdict, outcome.sent, outcome.dropped.lost()), (ChunkVerdict::Done, 0, 0));
    }
    assert_eq!(server.seen().len(), 5);
    assert_eq!(
        shipper.totals().to_string(),
        "4 points accepted in 5 requests, 3 retries, dropped: 4 without a metric",
        "each chunk is counted once"
    );
}

#[test]
fn chunks_that_the_host_gave_up_are_shipped_all_the_same() {
    let server = Server::start([busy()]);
    let shipper = shipper(&server);
    assert_eq!(verdict(&shipper, 1), ChunkVerdict::Retry);
    std::thread::sleep(WAIT);
    assert_eq!(verdict(&shipper, 2), ChunkVerdict::Done);
    assert_eq!(seconds(&server), [1, 1, 2]);
}

#[test]
fn what_comes_in_the_first_seconds_is_sorted_by_its_time() {
    let server = Server::start([]);
    let shipper = Shipper::new(settings(&server, &[("dd_order_start", "0.5")]));
    let started = Instant::now();
    for second in [5, -7, 3, -9] {
        assert_eq!(verdict(&shipper, second), ChunkVerdict::Retry);
    }
    std::thread::sleep(Duration::from_millis(550).saturating_sub(started.elapsed()));
    assert_eq!(verdict(&shipper, 5), ChunkVerdict::Done);
    assert_eq!(seconds(&server), [-9, -7, 3, 5]);
}

#[test]
fn a_chunk_that_alone_fails_loses_its_place_after_the_patience() {
    let server = Server::start([busy(), busy(), Reply::accept(), Reply::accept(), busy()]);
    let settings = settings(&server, &[("dd_order_start", "0")]).with_order_patience(Duration::from_secs(1));
    let shipper = Shipper::new(settings);
    for second in 1..=3 {
        assert_eq!(verdict(&shipper, second), ChunkVerdict::Retry);
    }
    std::thread::sleep(WAIT);
    let outcome = ship(&shipper, 3);
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 2));
    assert!(outcome.notes.iter().any(|note| note.text.contains("lost their place: 1")), "{outcome:?}");
    assert_eq!(seconds(&server), [1, 1, 2, 3]);
    // it is still tried when the host gives it, and holds up nobody
    assert_eq!(verdict(&shipper, 1), ChunkVerdict::Retry);
    std::thread::sleep(WAIT);
    assert_eq!(verdict(&shipper, 4), ChunkVerdict::Done);
    assert_eq!(verdict(&shipper, 1), ChunkVerdict::Done);
    assert_eq!(seconds(&server), [1, 1, 2, 3, 1, 4, 1]);
    assert_eq!(shipper.totals().sent, 4);
}

#[test]
fn an_outage_longer_than_the_patience_changes_no_order() {
    let server = Server::start([busy(), busy(), busy()]);
    let settings = settings(&server, &[("dd_order_start", "0")]).with_order_patience(Duration::from_secs(1));
    let shipper = Shipper::new(settings);
    assert_eq!(verdict(&shipper, 1), ChunkVerdict::Retry);
    assert_eq!(verdict(&shipper, 2), ChunkVerdict::Retry);
    std::thread::sleep(WAIT);
    assert_eq!(verdict(&shipper, 3), ChunkVerdict::Retry);
    std::thread::sleep(WAIT);
    assert_eq!(verdict(&shipper, 4), ChunkVerdict::Done);
    assert_eq!(seconds(&server), [1, 1, 2, 1, 2, 3, 4]);
}

#[test]
fn nothing_overtakes_a_chunk_that_was_too_much_to_be_held() {
    let server = Server::start([busy()]);
    let shipper = shipper(&server);
    // more than all the room, in a record that is no point
    let filler = [&b"\xc6\x01\x10\x00\x00"[..], &vec![0; 0x0110_0000], &chunk(1)].concat();
    let outcome = shipper.ship_chunk_at(&filler, "tag", NOW);
    assert_eq!((outcome.verdict, outcome.dropped.get(UnsentReason::Malformed)), (ChunkVerdict::Retry, 1));
    std::thread::sleep(WAIT);
    assert_eq!(verdict(&shipper, 2), ChunkVerdict::Retry);
    assert_eq!(
        shipper.ship_chunk_at(b"", "tag", NOW).verdict,
        ChunkVerdict::Done,
        "nothing to be sent waits for nobody"
    );
    let outcome = shipper.ship_chunk_at(&filler, "tag", NOW);
    assert_eq!(
        (outcome.verdict, outcome.sent, outcome.dropped.get(UnsentReason::Malformed)),
        (ChunkVerdict::Done, 2, 0)
    );
    assert_eq!(verdict(&shipper, 2), ChunkVerdict::Done);
    assert_eq!(seconds(&server), [1, 1, 2]);
}

#[test]
fn calls_side_by_side_keep_the_order() {
    let server = Server::start([busy()]);
    let shipper = shipper(&server);
    assert_eq!(verdict(&shipper, 1), ChunkVerdict::Retry);
    std::thread::sleep(WAIT);
    std::thread::scope(|scope| {
        for second in 2..=9 {
            let shipper = &shipper;
            scope.spawn(move || assert_eq!(verdict(shipper, second), ChunkVerdict::Done));
        }
    });
    let arrived = seconds(&server);
    assert_eq!((arrived.len(), &arrived[..2]), (10, &[1, 1][..]), "{arrived:?}");
}

#[test]
fn stopping_ends_those_that_wait_for_their_turn() {
    let server = Server::start([Reply::Hang(Duration::from_secs(1))]);
    let shipper = Shipper::new(settings(&server, &[("dd_order_start", "0"), ("dd_timeout", "20")]));
    std::thread::scope(|scope| {
        for second in 1..=4 {
            let shipper = &shipper;
            scope.spawn(move || assert_eq!(verdict(shipper, second), ChunkVerdict::Retry));
        }
        server.wait(Duration::from_secs(5), |seen| !seen.is_empty());
        shipper.stop();
    });
    assert_eq!(server.seen().len(), 1);
}
