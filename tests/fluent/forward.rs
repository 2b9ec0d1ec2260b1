//! The forward client over real sockets: literal bytes, faults, TLS, handshake.

use crate::common::forward_server;
use crate::common::forward_server::{Act, Security, Server};
use crate::common::world::{Notices, World};
use fluent_anomaly::Secret;
use fluent_anomaly::native::Counters;
use fluent_anomaly::sinks::forward::{ForwardServer as Address, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink, SinkError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(400);

fn settings(servers: &[String]) -> ForwardSettings {
    ForwardSettings {
        servers: servers.iter().map(|server| Address::parse(server).unwrap()).collect(),
        connect_timeout: SHORT,
        write_timeout: SHORT,
        ack_timeout: SHORT,
        // an ack is enough here; what comes behind it: settle.rs
        settle: Duration::ZERO,
        patience: Some(Duration::from_secs(3600)),
        ..Default::default()
    }
}

fn record(time: i64) -> MetricRecord<'static> {
    MetricRecord { metric: "cpu", raw_value: 1.5, scope: "host:a", host: Some("a"), time }
}

struct Run {
    world: World,
    notices: Notices,
    counters: Counters,
    acknowledged: Vec<usize>,
}

/// Delivers `times` once for each call of the list and returns what happened.
fn deliver(settings: &ForwardSettings, deliveries: &[&[i64]]) -> (Run, Result<(), SinkError>) {
    let mut run = Run {
        world: World::at(1000),
        notices: Notices::default(),
        counters: Counters::default(),
        acknowledged: vec![],
    };
    let mut result = Ok(());
    {
        let mut sink = ForwardSink::new(settings.clone(), &run.world, &run.notices, &run.counters).unwrap();
        for times in deliveries {
            let mut records = times.iter().map(|&time| record(time));
            result =
                sink.deliver("changefinder.cpu", &mut records, &mut |count| run.acknowledged.push(count));
        }
    }
    (run, result)
}

#[test]
fn a_chunk_is_the_literal_bytes_of_packed_forward_and_is_acknowledged() {
    let server = Server::start(vec![]);
    let (run, result) = deliver(&settings(&[server.url()]), &[&[1_641_344_100]]);
    assert_eq!(result, Ok(()));
    assert_eq!(run.acknowledged, [1]);
    let message = &server.messages()[0];
    let entry = b"\x92\xd7\x00\x61\xd4\xec\x64\x00\x00\x00\x00\x85\xa6metric\xa3cpu\xa9raw_value\
        \xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa5scope\xa6host:a\xa4host\xa1a\xa4time\xce\x61\xd4\xec\x64";
    let mut wanted = b"\x93\xb0changefinder.cpu\xc4".to_vec();
    wanted.push(entry.len() as u8);
    wanted.extend_from_slice(entry);
    wanted.extend_from_slice(b"\x82\xa5chunk\xb8");
    wanted.extend_from_slice(message.chunk.as_bytes());
    wanted.extend_from_slice(b"\xa4size\x01");
    assert_eq!(message.bytes, wanted);
    assert_eq!(message.chunk.len(), 24);
}

#[test]
fn one_connection_is_kept_and_each_chunk_has_its_own_id() {
    let server = Server::start(vec![]);
    let (_, result) = deliver(&settings(&[server.url()]), &[&[1], &[2], &[3]]);
    assert_eq!(result, Ok(()));
    let ids: std::collections::BTreeSet<_> =
        server.messages().into_iter().map(|message| message.chunk).collect();
    assert_eq!((server.connections(), ids.len()), (1, 3));
}

#[test]
fn whatever_goes_wrong_the_same_chunk_is_sent_again_until_it_is_acknowledged() {
    let garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    for (fault, said) in [
        (Act::Silent, "ack took longer"),
        (Act::Close, "connection lost"),
        (Act::CloseAfter(20), "connection lost"),
        (Act::AckOther, "acknowledged another chunk"),
        (Act::Say(garbage), "an ack was due"),
        (Act::Say(vec![0xc1]), "no msgpack"),
        (Act::Say(vec![0x91; 100]), "no msgpack"),
        (Act::Say(b"\x92\xa4HELO\x80".to_vec()), "shared_key"),
        (Act::Flood(10 << 20), "longer than 65536"),
        (Act::AckSlowly(Duration::from_millis(50)), "ack took longer"),
    ] {
        let name = format!("{fault:?}");
        let server = Server::start(vec![fault]);
        let started = Instant::now();
        let (run, result) = deliver(&settings(&[server.url()]), &[&[1, 2, 3], &[4]]);
        assert_eq!(result, Ok(()), "{name}");
        assert!(started.elapsed() < Duration::from_secs(10), "{name}: {:?}", started.elapsed());
        let messages = server.messages();
        let ids: Vec<&str> = messages.iter().map(|message| message.chunk.as_str()).collect();
        // a chunk cut in its middle was never a message
        let seen = if name.starts_with("CloseAfter") { 1 } else { 2 };
        assert_eq!(ids.len(), seen + 1, "{name}");
        assert!(ids[..seen].iter().all(|id| *id == ids[0]) && ids[seen] != ids[0], "{name}: {ids:?}");
        assert_eq!(messages[seen - 1].size, 3, "{name}");
        assert!(run.notices.text().contains(said), "{name}: {}", run.notices.text());
        assert_eq!(run.notices.causes(), ["forward_down", "forward_up"], "{name}");
        assert_eq!(run.counters.chunks_resent.load(Relaxed), 1, "{name}");
        assert_eq!(run.acknowledged, [3, 1], "{name}");
    }
}

#[test]
fn a_server_that_closes_between_chunks_is_no_failure() {
    let server = Server::start(vec![Act::AckAndClose, Act::AckAndClose]);
    let (run, result) = deliver(&settings(&[server.url()]), &[&[1], &[2], &[3]]);
    assert_eq!(result, Ok(()));
    assert_eq!(run.notices.causes(), [""; 0]);
    assert_eq!(server.records().len(), 3);
}

#[test]
fn a_server_that_never_reads_runs_into_the_write_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let keep = std::thread::spawn(move || listener.incoming().take(3).collect::<Vec<_>>());
    let times: Vec<i64> = (1..200_000).collect();
    let mut settings = settings(&[url]);
    settings.patience = Some(Duration::ZERO);
    let started = Instant::now();
    let (run, result) = deliver(&settings, &[&times]);
    assert!(matches!(result, Err(SinkError::Unreachable { .. })));
    assert!(started.elapsed() < Duration::from_secs(5));
    let text = run.notices.text();
    assert!(text.contains("took longer"), "{text}");
    drop(keep);
}

#[test]
fn the_next_server_takes_over_and_none_is_hammered() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let backup = Server::start(vec![]);
    let (run, result) = deliver(&settings(&[format!("tcp://{closed}"), backup.url()]), &[&[1], &[2]]);
    assert_eq!(result, Ok(()));
    assert_eq!(backup.records().len(), 2);
    assert!(run.world.sleeps.lock().unwrap().is_empty(), "the backup is tried at once");

    let mut alone = settings(&[format!("tcp://{closed}")]);
    alone.patience = Some(Duration::from_secs(600));
    let (run, result) = deliver(&alone, &[&[1]]);
    assert!(matches!(result, Err(SinkError::Unreachable { .. })));
    let sleeps: Vec<f64> = run.world.sleeps.lock().unwrap().iter().map(Duration::as_secs_f64).collect();
    assert!(sleeps.len() < 30, "{sleeps:?}");
    for (sleep, full) in sleeps.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]) {
        assert!(*sleep > full * 0.49 && *sleep <= full, "{sleeps:?}");
    }
}

#[test]
fn a_stop_ends_the_wait_for_a_server_that_is_down() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = ForwardSettings { patience: None, ..settings(&[format!("tcp://{closed}")]) };
    let (world, notices, counters) = (World::at(0), Notices::default(), Counters::default());
    world.stop_after(100);
    let mut sink = ForwardSink::new(settings, &world, &notices, &counters).unwrap();
    let mut acknowledged = 0;
    let result = sink.deliver("t", &mut [record(1)].into_iter(), &mut |count| acknowledged = count);
    assert_eq!((result, acknowledged), (Err(SinkError::Stopped), 0));
}

#[test]
fn many_records_travel_in_chunks_of_a_mebibyte_in_order_gzipped_or_not() {
    let times: Vec<i64> = (1..=40_000).collect();
    for gzip in [false, true] {
        let server = Server::start(vec![Act::Ack, Act::Close]);
        let mut settings = ForwardSettings { gzip, ..settings(&[server.url()]) };
        settings.ack_timeout = Duration::from_secs(10);
        let (run, result) = deliver(&settings, &[&times]);
        assert_eq!(result, Ok(()));
        let messages: Vec<_> = server.messages().into_iter().filter(|message| message.acked).collect();
        assert!(messages.len() > 2 && messages.iter().all(|message| message.gzip == gzip));
        let got: Vec<i64> =
            messages.iter().flat_map(|m| &m.entries).map(|((seconds, _), _)| i64::from(*seconds)).collect();
        assert_eq!(got, times);
        assert!(messages.iter().all(|message| message.size == message.entries.len() as u64));
        assert_eq!(run.acknowledged.last(), Some(&40_000));
        assert!(run.acknowledged.is_sorted() && run.acknowledged.len() == messages.len());
        if !gzip {
            assert!(messages.iter().all(|message| message.bytes.len() <= (1 << 20) + 200));
        }
    }
}

#[test]
fn json_records_pass_through_with_their_fields_in_order() {
    let server = Server::start(vec![]);
    let (world, notices, counters) = (World::at(0), Notices::default(), Counters::default());
    let mut sink = ForwardSink::new(settings(&[server.url()]), &world, &notices, &counters).unwrap();
    let mut lines = [r#"{"z":1,"a":{"b":[1.5,null]},"m":"ü"}"#].into_iter();
    sink.deliver_entries(
        "app",
        &mut |entries| {
            if let Some(line) = lines.next() {
                entries.push_json(1_500, line.as_bytes()).unwrap();
            }
        },
        &mut |_| {},
    )
    .unwrap();
    let entry = server.messages()[0].entries[0].clone();
    assert_eq!(entry.0, (1, 500_000_000));
    assert_eq!(entry.1.to_string(), r#"{"z": 1, "a": {"b": [1.5, nil]}, "m": "ü"}"#);
}

#[test]
fn a_record_no_server_takes_is_counted_and_the_others_arrive() {
    let server = Server::start(vec![]);
    let huge = "x".repeat(6 << 20);
    let (world, notices, counters) = (World::at(0), Notices::default(), Counters::default());
    let mut settings = settings(&[server.url()]);
    settings.ack_timeout = Duration::from_secs(10);
    let mut sink = ForwardSink::new(settings, &world, &notices, &counters).unwrap();
    let mut records = [record(1), MetricRecord { scope: &huge, ..record(2) }, record(3)].into_iter();
    let mut acknowledged = vec![];
    sink.deliver("t", &mut records, &mut |count| acknowledged.push(count)).unwrap();
    assert_eq!(acknowledged, [1, 2, 3]);
    assert_eq!(server.records().len(), 2);
    assert!(
        counters
            .snapshot()
            .dropped
            .iter()
            .any(|(reason, count)| reason.label() == "too_large" && *count == 1)
    );
}

fn keyed(server: &Server, key: &str, user: &str, password: &str) -> ForwardSettings {
    ForwardSettings {
        shared_key: Some(Secret::new(key)),
        username: user.into(),
        password: Secret::new(password),
        patience: Some(Duration::ZERO),
        ..settings(&[server.url()])
    }
}

#[test]
fn the_handshake_succeeds_with_the_right_key_and_user_only() {
    for as_bin in [false, true] {
        let security =
            Security { key: "the-key", user: "me", password: "pa55word", hostname: "server", as_bin };
        let start = || Server::with(vec![], Some(security.clone()), Box::new(|socket| Box::new(socket)));
        let server = start();
        let (_, result) = deliver(&keyed(&server, "the-key", "me", "pa55word"), &[&[1], &[2]]);
        assert_eq!((result, server.records().len(), server.connections()), (Ok(()), 2, 1));
        for (key, user, password) in
            [("wrong-key", "me", "pa55word"), ("the-key", "you", "pa55word"), ("the-key", "me", "wrong-word")]
        {
            let server = start();
            let (run, result) = deliver(&keyed(&server, key, user, password), &[&[1]]);
            assert!(matches!(result, Err(SinkError::Unreachable { .. })), "{key} {user} {password}");
            let text = format!("{} {result:?}", run.notices.text());
            assert!(text.contains("handshake: the server refuses: shared_key mismatch"), "{text}");
            assert!(![key, password].iter().any(|secret| text.contains(secret)), "a secret shows: {text}");
            assert!(server.records().is_empty());
        }
    }
}

#[test]
fn a_server_without_the_key_or_with_our_name_is_refused() {
    let security = Security { key: "k", user: "", password: "", hostname: "fluent-anomaly", as_bin: true };
    let server = Server::with(vec![], Some(security), Box::new(|socket| Box::new(socket)));
    let (run, _) = deliver(&keyed(&server, "k", "", ""), &[&[1]]);
    assert!(run.notices.text().contains("calls itself `fluent-anomaly`"), "{}", run.notices.text());

    // greets and accepts, knows no key
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        let (mut socket, _) = listener.accept().unwrap();
        socket.write_all(b"\x92\xa4HELO\x81\xa5nonce\xa1n").unwrap();
        let _ = socket.read(&mut [0; 1000]);
        socket.write_all(b"\x95\xa4PONG\xc3\xa0\xa1h\xa3bad").unwrap();
        let _ = socket.read(&mut [0; 1000]);
    });
    let settings = ForwardSettings {
        shared_key: Some(Secret::new("the-key")),
        patience: Some(Duration::ZERO),
        ..settings(&[format!("tcp://{address}")])
    };
    let (run, _) = deliver(&settings, &[&[1]]);
    assert!(run.notices.text().contains("digest is wrong"), "{}", run.notices.text());
}

#[test]
fn a_keyed_client_does_not_wait_for_ever_for_a_greeting() {
    let server = Server::start(vec![]);
    let (run, result) = deliver(&keyed(&server, "the-key", "", ""), &[&[1]]);
    assert!(matches!(result, Err(SinkError::Unreachable { .. })));
    assert!(run.notices.text().contains("waiting for HELO took longer"), "{}", run.notices.text());
}

/// A TLS server with a certificate for `name` from an own authority, and that authority's PEM file.
fn tls_server(name: &str, expired: bool, self_signed: bool, script: Vec<Act>) -> (Server, tempdir::File) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.distinguished_name.push(rcgen::DnType::CommonName, "the authority of the test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = if self_signed {
        params.self_signed(&key).unwrap()
    } else {
        params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap()
    };
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
    let config = Arc::new(config);
    let wrap = move |socket| -> Box<dyn forward_server::Pipe> {
        let session = rustls::ServerConnection::new(config.clone()).unwrap();
        Box::new(rustls::StreamOwned::new(session, socket))
    };
    let server = Server::with(script, None, Box::new(wrap));
    (server, tempdir::File::new(&authority_certificate.pem()))
}

mod tempdir {
    /// A file that is gone with the value.
    pub(super) struct File(pub(super) std::path::PathBuf);

    impl File {
        pub(super) fn new(text: &str) -> Self {
            use std::sync::atomic::{AtomicU32, Ordering};
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name =
                format!("forward-test-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, text).unwrap();
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

#[test]
fn tls_with_a_trusted_certificate_delivers_and_resends() {
    let (server, authority) = tls_server("localhost", false, false, vec![Act::Ack, Act::Close]);
    let mut settings = settings(&[format!("tls://localhost:{}", server.port)]);
    settings.ca_file = Some(authority.0.clone());
    settings.connect_timeout = Duration::from_secs(10);
    let times: Vec<i64> = (1..=20_000).collect();
    settings.ack_timeout = Duration::from_secs(10);
    let (run, result) = deliver(&settings, &[&[1], &times]);
    assert_eq!(result, Ok(()), "{}", run.notices.text());
    assert_eq!(server.records().len(), 20_001);
}

#[test]
fn a_tls_server_that_dies_behind_an_ack_is_noticed_behind_its_session_tickets() {
    let (server, authority) = tls_server("localhost", false, false, vec![Act::AckAndClose]);
    let mut settings = settings(&[format!("tls://localhost:{}", server.port)]);
    settings.ca_file = Some(authority.0.clone());
    settings.connect_timeout = Duration::from_secs(10);
    settings.settle = Duration::from_millis(200);
    let (world, notices, counters) = (World::at(1000), Notices::default(), Counters::default());
    let mut sink = ForwardSink::new(settings, &world, &notices, &counters).unwrap();
    for time in 1..=2 {
        sink.deliver("t", &mut [record(time)].into_iter(), &mut |_| {}).unwrap();
        while sink.settle(true).unwrap() < sink.delivered() {}
    }
    let times: Vec<u32> = server.messages().iter().map(|message| message.entries[0].0.0).collect();
    assert_eq!(times, [1, 1, 2], "{}", notices.text());
}

#[test]
fn tls_refuses_certificates_that_are_untrusted_self_signed_expired_or_for_another_host() {
    for (case, name, expired, self_signed, trusted, said) in [
        ("unknown authority", "localhost", false, false, false, "UnknownIssuer"),
        ("self-signed", "localhost", false, true, true, "UnknownIssuer"),
        ("expired", "localhost", true, false, true, "expired"),
        ("another host", "other.example", false, false, true, "not valid for name"),
    ] {
        let (server, authority) = tls_server(name, expired, self_signed, vec![]);
        let mut settings = settings(&[format!("tls://localhost:{}", server.port)]);
        settings.ca_file = trusted.then(|| authority.0.clone());
        settings.connect_timeout = Duration::from_secs(10);
        settings.patience = Some(Duration::ZERO);
        let (run, result) = deliver(&settings, &[&[1]]);
        assert!(matches!(result, Err(SinkError::Unreachable { .. })), "{case}");
        assert!(run.notices.text().contains(said), "{case}: {}", run.notices.text());
        assert!(server.messages().is_empty(), "{case}");
    }
}

#[test]
fn tls_to_a_server_that_speaks_plain_text_or_nothing_fails_in_time() {
    let server = Server::start(vec![]);
    let mut settings = settings(&[format!("tls://127.0.0.1:{}", server.port)]);
    settings.patience = Some(Duration::ZERO);
    let started = Instant::now();
    let (_, result) = deliver(&settings, &[&[1]]);
    assert!(matches!(result, Err(SinkError::Unreachable { .. })));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let (world, notices, counters) = (World::at(0), Notices::default(), Counters::default());
    let refused = |settings| ForwardSink::new(settings, &world, &notices, &counters).unwrap_err().to_string();
    assert!(refused(ForwardSettings { servers: vec![], ..Default::default() }).contains("no server"));
    let with_ca =
        |path: &str| ForwardSettings { ca_file: Some(path.into()), ..settings(&["tls://localhost".into()]) };
    assert!(refused(with_ca("/no/such/file")).contains("/no/such/file"));
    let empty = tempdir::File::new("no certificate\n");
    assert!(refused(with_ca(empty.0.to_str().unwrap())).contains("no certificate"));
}
