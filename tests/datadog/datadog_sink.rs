//! The way from chunk bytes to the intake, against a scripted server.

use crate::common::http;
use crate::common::http::{Reply, Server};
use fluent_anomaly::sinks::datadog::{
    ChunkVerdict, Limits, NoteLevel, ShipOutcome, Shipper, ShipperSettings, StreamError, StreamOptions,
    UnsentReason, run_stream,
};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 0x6000_0000;

fn settings(url: &str, options: &[(&str, &str)]) -> ShipperSettings {
    let get = |name: &str| match name {
        "dd_api_key" => Some(KEY.to_owned()),
        "dd_url" => Some(url.to_owned()),
        _ => options.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
    };
    ShipperSettings::read(get, |_| None).unwrap()
}

fn shipper(server: &Server) -> Shipper {
    // no test with it is about time
    Shipper::new(settings(&server.url, &[("dd_timeout", "60")]))
}

/// `{"metric": name, "value": value}` at `NOW`, in the shape of Fluent Bit since 2.1.
fn entry(name: &str, value: f64) -> Vec<u8> {
    let mut out = vec![0x92, 0x92, 0xd7, 0x00, 0x60, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x82];
    text(&mut out, "metric");
    text(&mut out, name);
    text(&mut out, "value");
    out.push(0xcb);
    out.extend(value.to_be_bytes());
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0xd9);
    out.push(u8::try_from(text.len()).unwrap());
    out.extend(text.as_bytes());
}

fn entries(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| entry("m", i as f64)).collect()
}

fn ship(shipper: &Shipper, chunk: &[u8]) -> ShipOutcome {
    shipper.ship_chunk_at(chunk, "tag", NOW)
}

/// Gives the chunk again and again, as a host does, until it is done.
fn ship_until_done(shipper: &Shipper, chunk: &[u8]) -> ShipOutcome {
    let begin = Instant::now();
    loop {
        let outcome = ship(shipper, chunk);
        if outcome.verdict == ChunkVerdict::Done {
            return outcome;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", notes(&outcome));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn notes(outcome: &ShipOutcome) -> String {
    outcome.notes.iter().map(|n| format!("{:?} {}\n", n.level, n.text)).collect()
}

#[test]
fn a_chunk_arrives_as_one_literal_request() {
    let server = Server::start([]);
    let outcome = ship(&shipper(&server), &[entry("a", 0.5), entry("b", 1.0), entry("a", 2.0)].concat());
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 3));
    assert_eq!(outcome.notes, []);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "POST /api/v2/series HTTP/1.1");
    assert_eq!(seen[0].header("dd-api-key"), Some(KEY));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("content-encoding"), Some("deflate"));
    assert_eq!(
        seen[0].text(),
        concat!(
            r#"{"series":[{"metric":"a","type":3,"points":[{"timestamp":1610612736,"value":0.5},"#,
            r#"{"timestamp":1610612736,"value":2.0}]},"#,
            r#"{"metric":"b","type":3,"points":[{"timestamp":1610612736,"value":1.0}]}]}"#
        )
    );
}

#[test]
fn v1_gzip_and_plain_bodies_are_switches() {
    let server = Server::start([]);
    for compress in ["gzip", "off"] {
        let options = [("dd_api", "v1"), ("dd_compress", compress), ("dd_tags", "env:x"), ("dd_host", "h")];
        let outcome = ship(&Shipper::new(settings(&server.url, &options)), &entry("a", 0.5));
        assert_eq!(outcome.verdict, ChunkVerdict::Done);
    }
    let seen = server.seen();
    assert_eq!(seen[0].header("content-encoding"), Some("gzip"));
    assert_eq!(seen[1].header("content-encoding"), None);
    for request in &seen {
        assert_eq!(request.line, "POST /api/v1/series HTTP/1.1");
        assert_eq!(
            request.text(),
            r#"{"series":[{"metric":"a","type":"gauge","points":[[1610612736,0.5]],"host":"h","tags":["env:x"]}]}"#
        );
    }
}

#[test]
fn every_shape_of_entry_is_read_and_group_markers_are_none() {
    let record: &[u8] = b"\x82\xa6metric\xa1a\xa5value\x01";
    let heads: &[(&[u8], &str)] = &[
        (&[0x92, 0xce, 0x60, 0, 0, 0], "legacy, integer"),
        (&[0x92, 0xcb, 0x41, 0xd8, 0, 0, 0, 0, 0, 0], "legacy, float"),
        (&[0x92, 0xd7, 0, 0x60, 0, 0, 0, 0, 0, 0, 0], "legacy, EventTime"),
        (&[0x92, 0xc7, 8, 0, 0x60, 0, 0, 0, 0, 0, 0, 0], "legacy, EventTime as ext8"),
        (&[0x92, 0x92, 0xd7, 0, 0x60, 0, 0, 0, 0, 0, 0, 0, 0x81, 0xa1, b'k', 0x91, 0xc0], "v2 with metadata"),
        (
            &[0xdd, 0, 0, 0, 2, 0xdd, 0, 0, 0, 2, 0xd7, 0, 0x60, 0, 0, 0, 0, 0, 0, 0, 0x80],
            "v2 with array32, as 3.2.10 writes",
        ),
        (&[0xdc, 0, 2, 0xdc, 0, 2, 0xce, 0x60, 0, 0, 0, 0xdf, 0, 0, 0, 0], "v2 with array16 and map32"),
    ];
    let marker = |second: u8| {
        let head = [0x92, 0x92, 0xd7, 0, 0xff, 0xff, 0xff, second, 0, 0, 0, 0, 0x80];
        [&head, record].concat()
    };
    let mut chunk = marker(0xff);
    for (head, _) in heads {
        chunk.extend([head, record].concat());
    }
    chunk.extend(marker(0xfe));
    let server = Server::start([]);
    let outcome = ship(&shipper(&server), &chunk);
    assert_eq!(outcome.sent, heads.len() as u64);
    assert_eq!(outcome.dropped.to_string(), "none");
    let point = r#"{"timestamp":1610612736,"value":1.0}"#;
    let points = vec![point; heads.len()].join(",");
    assert_eq!(server.texts(), [format!(r#"{{"series":[{{"metric":"a","type":3,"points":[{points}]}}]}}"#)]);
}

#[test]
fn broken_entries_are_counted_and_the_ones_before_them_are_shipped() {
    let good = entry("a", 1.0);
    let table: &[(&str, &[u8], u64)] = &[
        ("cut entry", &good[..good.len() - 1], 1),
        ("unused byte", &[0xc1], 1),
        ("bare integer", &[0x05], 1),
        ("array of three", &[0x93, 1, 2, 3], 1),
        ("record that is no map", &[0x92, 0x01, 0xa1, b'x'], 1),
        ("absurd array", &[0x92, 0xdd, 0xff, 0xff, 0xff, 0xff, 1], 1),
        ("time of text without a time of its own", b"\x92\xa1x\x82\xa6metric\xa1a\xa5value\x01", 0),
    ];
    for (name, tail, malformed) in table {
        let server = Server::start([]);
        let outcome = ship(&shipper(&server), &[&good, *tail].concat());
        assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 1), "{name}");
        assert_eq!(outcome.dropped.get(UnsentReason::Malformed), *malformed, "{name}");
        assert_eq!(outcome.dropped.lost(), 1, "{name}");
        assert!(notes(&outcome).starts_with("Warn dropped: 1 "), "{name}: {}", notes(&outcome));
    }
}

#[test]
fn a_chunk_without_a_single_record_fails_for_good() {
    let server = Server::start([]);
    assert_eq!(ship(&shipper(&server), b"no msgpack at all").verdict, ChunkVerdict::Failed);
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn values_that_are_not_finite_and_times_out_of_the_window_stay_here() {
    let server = Server::start([]);
    let shipper = shipper(&server);
    let chunk = [entry("m", f64::NAN), entry("m", f64::INFINITY), entry("m", 1.0)].concat();
    let outcome = ship(&shipper, &chunk);
    assert_eq!((outcome.sent, outcome.dropped.get(UnsentReason::NotFinite)), (1, 2));
    let (late, early) = (NOW + 3601, NOW - 601);
    let outcome = shipper.ship_chunk_at(&chunk, "tag", late);
    assert_eq!((outcome.verdict, outcome.dropped.get(UnsentReason::TooOld)), (ChunkVerdict::Done, 1));
    let outcome = shipper.ship_chunk_at(&chunk, "tag", early);
    assert_eq!((outcome.verdict, outcome.dropped.get(UnsentReason::TooFarAhead)), (ChunkVerdict::Done, 1));
    assert_eq!(server.seen().len(), 1, "nothing is posted when nothing is left");
    assert_eq!(
        shipper.totals().to_string(),
        "1 points accepted in 1 requests, 0 retries, dropped: 6 with a NaN or infinite value, 1 more than 1 h old, 1 more than 10 min ahead"
    );
}

#[test]
fn each_status_leads_to_its_verdict() {
    let table = [
        (200, ChunkVerdict::Done, None),
        (202, ChunkVerdict::Done, None),
        (301, ChunkVerdict::Retry, Some(NoteLevel::Error)),
        (400, ChunkVerdict::Failed, Some(NoteLevel::Error)),
        (401, ChunkVerdict::Retry, Some(NoteLevel::Error)),
        (403, ChunkVerdict::Retry, Some(NoteLevel::Error)),
        (404, ChunkVerdict::Retry, Some(NoteLevel::Error)),
        (408, ChunkVerdict::Retry, Some(NoteLevel::Warn)),
        (413, ChunkVerdict::Failed, Some(NoteLevel::Warn)),
        (429, ChunkVerdict::Retry, Some(NoteLevel::Warn)),
        (500, ChunkVerdict::Retry, Some(NoteLevel::Warn)),
        (502, ChunkVerdict::Retry, Some(NoteLevel::Warn)),
        (503, ChunkVerdict::Retry, Some(NoteLevel::Warn)),
    ];
    for (status, verdict, level) in table {
        let location = "Location: http://127.0.0.1:1/".to_owned();
        let body = format!(r#"{{"errors":["because {KEY}"]}}"#);
        let body = if status < 300 { r#"{"errors":[]}"#.to_owned() } else { body };
        let server = Server::start([Reply::Status(status, vec![location], body)]);
        let outcome = ship(&shipper(&server), &entry("m", 1.0));
        assert_eq!(outcome.verdict, verdict, "{status}");
        assert_eq!(outcome.notes.first().map(|n| n.level), level, "{status}: {}", notes(&outcome));
        assert_eq!(server.seen().len(), 1, "{status}");
        assert!(!notes(&outcome).contains(KEY), "{status}: {}", notes(&outcome));
        if verdict == ChunkVerdict::Retry {
            assert!(
                notes(&outcome).contains(&format!("{status} {{\"errors\":[\"because ***\"]}}")),
                "{status}"
            );
        }
    }
}

#[test]
fn after_a_refusal_to_answer_nothing_is_asked_for_the_time_that_the_intake_names() {
    let server = Server::start([Reply::Status(429, vec!["X-RateLimit-Reset: 600".into()], String::new())]);
    let shipper = shipper(&server);
    assert_eq!(ship(&shipper, &entry("m", 1.0)).verdict, ChunkVerdict::Retry);
    let outcome = ship(&shipper, &entry("m", 2.0));
    assert_eq!(
        (outcome.verdict, outcome.notes.len()),
        (ChunkVerdict::Retry, 0),
        "told once, not for each chunk"
    );
    assert_eq!(server.seen().len(), 1);
    assert_eq!(shipper.totals().retries, 2);
}

#[test]
fn the_intake_is_asked_again_when_the_time_is_over() {
    let server = Server::start([Reply::Status(429, vec!["X-RateLimit-Reset: 1".into()], String::new())]);
    ship_until_done(&shipper(&server), &entry("m", 1.0));
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[test]
fn patience_waits_for_the_intake_within_the_budget() {
    let limited = Reply::Status(429, vec!["X-RateLimit-Reset: 1".into()], String::new());
    let server = Server::start([limited.clone(), Reply::status(503), limited]);
    let patient = settings(&server.url, &[]).with_patience(Duration::from_secs(30), Duration::from_secs(10));
    let outcome = ship(&Shipper::new(patient), &entry("m", 1.0));
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 1));
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[test]
fn stopping_ends_a_wait() {
    let server = Server::start([Reply::Status(429, vec!["X-RateLimit-Reset: 20".into()], String::new())]);
    let patient = settings(&server.url, &[]).with_patience(Duration::from_secs(60), Duration::from_secs(60));
    let shipper = Shipper::new(patient);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ship(&shipper, &entry("m", 1.0)));
        server.wait(Duration::from_secs(5), |seen| seen.len() == 1);
        shipper.stop();
        assert_eq!(waiting.join().unwrap().verdict, ChunkVerdict::Retry);
    });
    assert_eq!(ship(&shipper, &entry("m", 1.0)).verdict, ChunkVerdict::Retry);
}

#[test]
fn a_payload_too_large_is_halved_until_it_fits() {
    let server = Server::start([Reply::status(413), Reply::accept(), Reply::status(413)]);
    let shipper = shipper(&server);
    let outcome = ship(&shipper, &entries(8));
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 8));
    let sizes: Vec<_> = server.texts().iter().map(|t| t.matches("timestamp").count()).collect();
    assert_eq!(sizes, [8, 4, 4, 2, 2]);
    let text = server.texts()[4].clone();
    assert!(text.contains(r#""value":6.0"#) && text.contains(r#""value":7.0"#), "{text}");
}

#[test]
fn a_single_point_too_large_is_dropped_and_the_rest_goes_on() {
    let server = Server::start([Reply::status(413), Reply::status(413)]);
    let outcome = ship(&shipper(&server), &entries(3));
    assert_eq!(
        (outcome.verdict, outcome.sent, outcome.dropped.get(UnsentReason::TooLarge)),
        (ChunkVerdict::Done, 2, 1)
    );
}

#[test]
fn a_refused_payload_does_not_hold_up_the_next() {
    let server = Server::start([Reply::status(400)]);
    let limits = Limits { points: 2, ..Limits::default() };
    let shipper = Shipper::new(settings(&server.url, &[]).with_limits(limits));
    let outcome = ship(&shipper, &entries(5));
    assert_eq!(
        (outcome.verdict, outcome.sent, outcome.dropped.get(UnsentReason::Refused)),
        (ChunkVerdict::Done, 3, 2)
    );
    assert!(notes(&outcome).contains(r#"refused as malformed (400): {"errors":["status 400"]}"#));
}

#[test]
fn a_chunk_given_again_goes_on_where_it_stopped() {
    let server =
        Server::start([Reply::accept(), Reply::Status(503, vec!["Retry-After: 0".into()], "<html>".into())]);
    let limits = Limits { points: 2, ..Limits::default() };
    let shipper = Shipper::new(settings(&server.url, &[]).with_limits(limits));
    let chunk = [entries(4), entry("m", f64::NAN)].concat();
    let outcome = ship(&shipper, &chunk);
    assert_eq!((outcome.verdict, outcome.sent, outcome.dropped.lost()), (ChunkVerdict::Retry, 2, 1));
    let outcome = ship_until_done(&shipper, &chunk);
    assert_eq!((outcome.sent, outcome.dropped.lost()), (2, 0));
    let texts = server.texts();
    assert_eq!(texts[1], texts[2]);
    assert!(texts[0].contains(r#""value":1.0"#) && texts[2].contains(r#""value":3.0"#));
    let outcome = ship(&shipper, &chunk);
    assert_eq!(outcome.sent, 4, "a finished chunk is forgotten");
}

#[test]
fn a_cut_connection_is_tried_once_more_at_once() {
    let server = Server::start([Reply::Cut]);
    assert_eq!(ship(&shipper(&server), &entry("m", 1.0)).verdict, ChunkVerdict::Done);
    let server = Server::start([Reply::Cut, Reply::Cut]);
    let outcome = ship(&shipper(&server), &entry("m", 1.0));
    assert_eq!(outcome.verdict, ChunkVerdict::Retry);
    assert!(notes(&outcome).contains("the intake cannot be reached"), "{}", notes(&outcome));
}

#[test]
fn an_intake_that_hangs_costs_the_time_out_and_a_half_body_nothing_else() {
    let hang = Duration::from_secs(20);
    let server = Server::start([Reply::Hang(hang), Reply::HalfBody(hang)]);
    let shipper = Shipper::new(settings(&server.url, &[("dd_timeout", "0.5")]));
    let started = Instant::now();
    let outcome = ship(&shipper, &entry("m", 1.0));
    assert_eq!(outcome.verdict, ChunkVerdict::Retry);
    assert!(notes(&outcome).contains("does not answer in time"), "{}", notes(&outcome));
    assert!(started.elapsed() < hang, "it does not wait for the intake");
    let started = Instant::now();
    ship_until_done(&shipper, &entry("m", 1.0)); // 202 is 202, whatever its body
    assert!(started.elapsed() < hang, "nor for the body");
}

#[test]
fn nobody_listening_is_a_retry() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = ship(&Shipper::new(settings(&format!("http://127.0.0.1:{port}"), &[])), &entry("m", 1.0));
    assert_eq!(outcome.verdict, ChunkVerdict::Retry);
    assert!(notes(&outcome).contains("cannot be reached"), "{}", notes(&outcome));
}

#[test]
fn many_points_are_split_by_the_default_limits() {
    let server = Server::start([]);
    let outcome = ship(&shipper(&server), &entries(25_000));
    assert_eq!((outcome.verdict, outcome.sent), (ChunkVerdict::Done, 25_000));
    let sizes: Vec<_> = server.texts().iter().map(|t| t.matches("timestamp").count()).collect();
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
    assert!(server.seen().iter().all(|r| r.body.len() <= 400_000));
}

#[test]
fn acceptance_with_errors_is_told() {
    let complaint = Reply::Status(202, Vec::new(), r#"{"errors": ["metric a: odd"]}"#.into());
    let server = Server::start([complaint]);
    let outcome = ship(&shipper(&server), &entry("m", 1.0));
    assert_eq!(outcome.verdict, ChunkVerdict::Done);
    assert_eq!(notes(&outcome), "Error points accepted with errors: {\"errors\": [\"metric a: odd\"]}\n");
}

/// Gives its blocks one by one; the third not before the server has seen a request.
struct Slow(std::vec::IntoIter<&'static [u8]>, Arc<Server>);

impl std::io::Read for Slow {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.0.len() == 2 {
            self.1.wait(Duration::from_secs(60), |seen| !seen.is_empty());
        }
        let Some(block) = self.0.next() else { return Ok(0) };
        out[..block.len()].copy_from_slice(block);
        Ok(block.len())
    }
}

#[test]
fn a_stream_of_lines_is_shipped_whole() {
    let server = Server::start([]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let line = format!("{{\"metric\":\"m\",\"value\":0.1,\"time\":{now}}}\n");
    let input = std::io::Cursor::new(line.repeat(12_345) + "oops\n");
    let mut told = Vec::new();
    let totals = run_stream(input, settings(&server.url, &[]), &StreamOptions::default(), |note| {
        told.push(note.text.clone());
    });
    let totals = totals.unwrap();
    assert_eq!((totals.sent, totals.dropped.to_string()), (12_345, "1 not a record".to_owned()));
    assert_eq!(told, ["dropped: 1 not a record"]);
    let texts = server.texts();
    let point = format!("{{\"timestamp\":{now},\"value\":0.1}}");
    assert_eq!(texts.iter().map(|t| t.matches(&point).count()).sum::<usize>(), 12_345);
}

#[test]
fn a_slow_stream_leaves_without_waiting_for_its_end() {
    let server = Arc::new(Server::start([]));
    let record: &[u8] = b"\x82\xa6metric\xa1m\xa5value\x01";
    let blocks = vec![&record[..5], &record[5..], &record[..9], &record[9..]];
    let slow = Slow(blocks.into_iter(), Arc::clone(&server));
    let options = StreamOptions { tag: "a.b".into(), linger: Duration::from_millis(50) };
    let settings = settings(&server.url, &[("use_fluentd_tag_for_datadog_tag", "on")]);
    assert_eq!(run_stream(slow, settings, &options, |_| {}).unwrap().sent, 2);
    let texts = server.texts();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].ends_with(r#""value":1.0}],"tags":["a.b"]}]}"#), "{}", texts[0]);
}

#[test]
fn a_stream_that_cannot_be_shipped_is_an_error_with_the_sum() {
    let line = "{\"metric\":\"m\",\"value\":1}\n";
    let run = |reply, text: &str| {
        let server = Server::start([reply]);
        let input = std::io::Cursor::new(text.to_owned());
        run_stream(input, settings(&server.url, &[]), &StreamOptions::default(), |_| {}).unwrap_err()
    };
    let error = run(Reply::status(503), line);
    assert!(matches!(error, StreamError::Retry(ref totals) if totals.retries == 1), "{error}");
    let error = run(Reply::status(400), line);
    assert_eq!(
        error.to_string(),
        "nothing of the input could be shipped (0 points accepted in 1 requests, 0 retries, dropped: 1 refused by the intake)"
    );
    let error = run(Reply::accept(), "{no json\n");
    assert!(matches!(error, StreamError::Unusable(_)), "{error}");
}

#[test]
fn a_stream_that_breaks_ships_what_came_before() {
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("gone"));
            }
            let line = b"{\"metric\":\"m\",\"value\":1}\n";
            out[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }
    let server = Server::start([]);
    let error = run_stream(Broken(false), settings(&server.url, &[]), &StreamOptions::default(), |_| {});
    assert_eq!(error.unwrap_err().to_string(), "the input cannot be read: gone");
    assert_eq!(server.seen().len(), 1);
}

proptest! {
    /// No bytes make it panic, whatever they are.
    #[test]
    fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..60, byte: u8) {
        let shipper = Shipper::new(settings("http://127.0.0.1:9", &[]));
        ship(&shipper, &bytes);
        // one byte of good entries changed reaches deeper than noise
        bytes = entries(2);
        bytes[at] = byte;
        ship(&shipper, &bytes);
    }
}

const TRANSITION: &str = r#"{"metric":"system.cpu.idle","raw_value":9,"scope":"host:web1,env:x","host":"web1","time":1610612736,"cpu_anomaly":{"monitor":"cpu","status":"ALERT","transition":"OK->ALERT","message":"Look at web1"},"cpu_anomaly_silent":{"monitor":"cpu","series":"host:web2","status":"NO DATA","transition":"OK->NO DATA"},"other_anomaly":{"monitor":"o","status":"OK"}}"#;

#[test]
fn transitions_become_events_when_asked_for() {
    let server = Server::start([Reply::status(503)]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let record = TRANSITION.replace("1610612736", &now.to_string()) + "\n";
    let old = TRANSITION.replace("1610612736", &(now - 19 * 3600).to_string());
    let settings = settings(&server.url, &[("dd_events", "on"), ("dd_timeout", "2")])
        .with_patience(Duration::from_secs(20), Duration::from_secs(10));
    let input = std::io::Cursor::new((record + &old).into_bytes());
    let totals = run_stream(input, settings, &StreamOptions::default(), |_| ()).unwrap();
    let seen = server.seen();
    let texts: Vec<String> = seen.iter().map(http::Request::text).collect();
    let first = format!(
        r#"{{"aggregation_key":"cpu:host:web1,env:x","alert_type":"error","date_happened":{now},"host":"web1","tags":["env:x","host:web1","monitor:cpu"],"text":"Look at web1","title":"Monitor cpu: OK->ALERT on host:web1,env:x"}}"#
    );
    let second = format!(
        r#"{{"aggregation_key":"cpu:host:web2","alert_type":"warning","date_happened":{now},"host":"web2","tags":["host:web2","monitor:cpu"],"text":"The anomaly monitor cpu is NO DATA (OK->NO DATA) for host:web2.","title":"Monitor cpu: OK->NO DATA on host:web2"}}"#
    );
    // the first is given again after the 503
    assert_eq!(texts, [first.clone(), first, second]);
    assert!(seen.iter().all(|request| request.line == "POST /api/v1/events HTTP/1.1"));
    assert_eq!(seen[0].header("dd-api-key"), Some(KEY));
    assert_eq!(totals.dropped.get(UnsentReason::EventTooOld), 2);
}

#[test]
fn without_the_option_there_are_no_events() {
    let server = Server::start([]);
    let settings = settings(&server.url, &[]);
    let input = std::io::Cursor::new(TRANSITION.as_bytes());
    let totals = run_stream(input, settings, &StreamOptions::default(), |_| ()).unwrap();
    assert_eq!((server.seen().len(), totals.sent), (0, 0));
}

#[test]
fn incidents_and_groups_become_events_too() {
    let server = Server::start([]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let input = format!(
        r#"{{"time":{now},"host":"web1","incident":{{"id":"cpu-17","event":"update","started":17,"series":200,"first":"web1","size":7.25,"members":{{"web1":7.25}}}},"anomaly_group":{{"group":"load:db","is_outlier":true,"status":"ALERT","transition":"OK->ALERT"}}}}
{{"time":{now},"incident":{{"id":"cpu-17"}}}}
"#
    );
    let settings = settings(&server.url, &[("dd_events", "on")]);
    run_stream(std::io::Cursor::new(input.into_bytes()), settings, &StreamOptions::default(), |_| ())
        .unwrap();
    let mut texts: Vec<String> = server.seen().iter().map(http::Request::text).collect();
    texts.sort();
    let incident = format!(
        r#"{{"aggregation_key":"incident:cpu-17","alert_type":"error","date_happened":{now},"tags":["incident:cpu-17"],"text":"The incident cpu-17 grows: 200 series alarmed, first web1; the largest is 7.2 usual deviations away.","title":"Incident cpu-17 grows: 200 series, first web1"}}"#
    );
    let group = format!(
        r#"{{"aggregation_key":"load:db:host:web1","alert_type":"error","date_happened":{now},"host":"web1","tags":["group:load:db"],"text":"The group load:db is ALERT (OK->ALERT) for host:web1.","title":"Group load:db: OK->ALERT on host:web1"}}"#
    );
    assert_eq!(texts, [incident, group]);
}
