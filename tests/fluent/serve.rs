//! `serve` over real sockets: literal bytes in, records at a scripted next hop, acks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use rmpv::Value;
use tempfile::TempDir;

use crate::common::forward_server::{Act, Server};
use crate::common::http;
use crate::common::program::Running;

pub(crate) const INI: &str =
    "[filter]\nstate: state\n[series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 2\nwarm_up: off\n";

/// `serve` with a next hop.
pub(crate) struct Serve {
    pub(crate) program: Running,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
}

impl Serve {
    pub(crate) fn start(ini: &str, to: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
        let (program, port) = Self::program(folder.path(), to, "tcp");
        Self { program, port, folder }
    }

    pub(crate) fn program(folder: &Path, to: &str, scheme: &str) -> (Running, u16) {
        Self::program_at(folder, to, scheme, 0)
    }

    /// On this port; 0: on one that is free.
    pub(crate) fn program_at(folder: &Path, to: &str, scheme: &str, port: u16) -> (Running, u16) {
        let listen = format!("{scheme}://127.0.0.1:{port}");
        let mut args = vec!["serve", "--listen", &listen];
        if !to.is_empty() {
            args.extend(["--to", to]);
        }
        let name = format!("serve-{}", fs::read_dir(folder).unwrap().count());
        let exe = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
        let mut program = Running::start(exe, &args, folder, &name);
        let errors = folder.join(format!("{name}.stderr"));
        let port = || {
            let text = fs::read_to_string(&errors).unwrap_or_default();
            let (_, rest) = text.split_once(&format!("listening on {scheme}://127.0.0.1:"))?;
            rest.lines().next().filter(|_| rest.contains('\n'))?.parse::<u16>().ok()
        };
        program.wait_for("port", || port().is_some());
        let found = port().unwrap();
        (program, found)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port)
    }
}

/// A client that writes bytes and reads acks.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(crate::common::program::HANG)).unwrap();
        Self(socket)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, wanted: &[u8]) {
        let mut got = vec![0; wanted.len()];
        if let Err(error) = self.0.read_exact(&mut got) {
            panic!("{error} instead of {}", wanted.escape_ascii());
        }
        assert_eq!(got.escape_ascii().to_string(), wanted.escape_ascii().to_string());
    }
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + crate::common::program::HANG;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `{"host": "a", "ms": 12.5}`
const RECORD: &[u8] = b"\x82\xa4host\xa1a\xa2ms\xcb\x40\x29\0\0\0\0\0\0";
/// An EventTime, 1 700 000 000.5.
const TIME: &[u8] = b"\xd7\x00\x65\x53\xf1\x00\x1d\xcd\x65\x00";

fn entry() -> Vec<u8> {
    [b"\x92", TIME, RECORD].concat()
}

fn field(record: &Value, name: &str) -> Option<Value> {
    record.as_map()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
}

fn is_scored(record: &Value) -> bool {
    field(record, "score_outlier").is_some_and(|score| score.is_f64())
}

#[test]
fn every_mode_is_scored_forwarded_and_acknowledged() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&entry()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd =
        ruzstd::encoding::compress_to_vec(&entry()[..], ruzstd::encoding::CompressionLevel::Uncompressed);
    let option = |id: u8| [b"\x81\xa5chunk\xa1", &[id][..]].concat();
    let packed = |option: &[u8], marker: &[u8], body: &[u8]| {
        [b"\x93\xa7app.web", marker, &[body.len() as u8][..], body, option].concat()
    };
    let compressed =
        |id: u8, how: &[u8]| [b"\x82\xa5chunk\xa1", &[id][..], b"\xaacompressed\xa4", how].concat();
    let messages: [(u8, Vec<u8>); 6] = [
        (b'a', [b"\x94\xa7app.web", TIME, RECORD, &option(b'a')].concat()),
        (b'b', [b"\x93\xa7app.web\x92", &entry()[..], &entry(), &option(b'b')].concat()),
        (b'c', packed(&option(b'c'), b"\xc4", &entry())),
        (b'd', packed(&option(b'd'), b"\xd9", &entry())),
        (b'e', packed(&compressed(b'e', b"gzip"), b"\xc4", &gzip)),
        (b'f', packed(&compressed(b'f', b"zstd"), b"\xc4", &zstd)),
    ];
    for (id, message) in messages {
        client.send(&message);
        client.expect(&[b"\x81\xa3ack\xa1", &[id][..]].concat());
    }
    // without an id there is no ack, and nil keeps a connection open
    client.send(&[b"\xc0\x93\xa7app.web", TIME, RECORD].concat());
    wait_until("eight records", || next.records().len() == 8);
    for (tag, record) in next.records() {
        assert_eq!(tag, "app.web");
        assert_eq!(field(&record, "ms"), Some(Value::F64(12.5)));
        assert!(is_scored(&record), "{record}");
    }
    for message in next.messages() {
        assert!(message.entries.iter().all(|(time, _)| *time == (1_700_000_000, 500_000_000)));
    }
}

#[test]
fn a_chunk_is_acknowledged_when_the_next_hop_has_acknowledged_it() {
    // the next hop takes the chunk and closes; the same chunk is sent again
    let next = Server::start(vec![Act::Close, Act::Ack]);
    let serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    client.send(&[b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2id"].concat());
    client.expect(b"\x81\xa3ack\xa2id");
    let messages = next.messages();
    assert_eq!(messages.iter().map(|message| message.acked).collect::<Vec<_>>(), [false, true]);
    assert_eq!(messages[0].bytes, messages[1].bytes);
}

#[test]
fn a_chunk_that_comes_again_over_another_connection_is_acknowledged_and_not_scored_again() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let message = [b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2id"].concat();
    for _ in 0..3 {
        let mut client = serve.client();
        client.send(&message);
        client.expect(b"\x81\xa3ack\xa2id");
    }
    assert_eq!(next.records().len(), 1);
    // over one connection, a client that knows of the ack says the same thing once more
    let mut client = serve.client();
    for _ in 0..2 {
        client.send(&[b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2xy"].concat());
        client.expect(b"\x81\xa3ack\xa2xy");
    }
    assert_eq!(next.records().len(), 3);
}

#[test]
fn a_client_that_connects_again_before_its_ack_gets_it_over_the_new_connection() {
    let next = Server::start(vec![Act::AckSlowly(Duration::from_millis(60))]);
    let serve = Serve::start(INI, &next.url());
    let message = [b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2id"].concat();
    let (mut first, mut second) = (serve.client(), serve.client());
    first.send(&message);
    wait_until("the chunk is under way", || next.messages().len() == 1);
    second.send(&message);
    assert!(matches!(first.0.read(&mut [0; 8]), Ok(0)));
    second.expect(b"\x81\xa3ack\xa2id");
    assert_eq!(next.records().len(), 1);
}

#[test]
fn parts_that_are_no_events_are_left_out_and_told() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    // a number, an entry, and a byte that msgpack never uses
    let body = [b"\x07", &entry()[..], b"\xc1\xff"].concat();
    client.send(&[b"\x93\xa7app.web\xc4", &[body.len() as u8][..], &body, b"\x81\xa5chunk\xa2id"].concat());
    client.expect(b"\x81\xa3ack\xa2id");
    assert_eq!(next.records().len(), 1);
    let said = "holds 1 values that are no event, and 2 bytes behind them that are no msgpack";
    assert!(serve.program.stderr().contains(said), "{}", serve.program.stderr());
}

#[test]
fn records_go_to_standard_output_as_lines_of_json() {
    let serve = Serve::start(INI, "stdout");
    let mut client = serve.client();
    client.send(&[b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2id"].concat());
    client.expect(b"\x81\xa3ack\xa2id");
    let text = String::from_utf8(serve.program.stdout()).unwrap();
    let start = r#"{"date":1700000000.500000000,"tag":"app.web","host":"a","ms":12.5,"metric_outlier":"changefinder.outlier.latency","score_outlier":"#;
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("}\n"), "{text}");
}

#[test]
fn scores_go_to_datadog_and_an_intake_that_fails_gets_them_again() {
    let intake = http::Server::start([http::Reply::status(503), http::Reply::accept()]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), INI).unwrap();
    let exe = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let args = ["serve", "--listen", "tcp://127.0.0.1:0", "--to", "dd", "--dd-url", &intake.url];
    let key = [("DD_API_KEY", "0123456789abcdef0123456789abcdef")];
    let mut program = Running::start_with(exe, &args, &key, folder.path(), "serve");
    let errors = folder.path().join("serve.stderr");
    let port = || {
        let text = fs::read_to_string(&errors).unwrap();
        let rest = text.split_once("tcp://127.0.0.1:")?.1.to_owned();
        rest.lines().next()?.parse::<u16>().ok()
    };
    program.wait_for("port", || port().is_some());
    let mut client = Client::connect(port().unwrap());
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as u32;
    let time = [b"\xd7\x00", &seconds.to_be_bytes()[..], b"\0\0\0\0"].concat();
    client.send(&[b"\x94\xa7app.web", &time[..], RECORD, b"\x81\xa5chunk\xa2id"].concat());
    client.expect(b"\x81\xa3ack\xa2id");
    let last = intake.texts().pop().unwrap();
    assert!(last.contains("changefinder.outlier.latency"), "{last}");
    assert!(!program.stderr().contains("0123456789abcdef"), "{}", program.stderr());
}

#[test]
fn metrics_tell_what_came_and_what_left() {
    let next = Server::start(vec![]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), INI).unwrap();
    let exe = Path::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let args = ["serve", "--listen", "tcp://127.0.0.1:0", "--to", &next.url(), "--metrics", "127.0.0.1:0"];
    let mut program = Running::start(exe, &args, folder.path(), "serve");
    let errors = folder.path().join("serve.stderr");
    let port = |before: &str| {
        let text = fs::read_to_string(&errors).unwrap();
        let digits = text.split_once(before)?.1.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u16>().ok()
    };
    program.wait_for("port", || port("on tcp://127.0.0.1:").is_some());
    let mut client = Client::connect(port("on tcp://127.0.0.1:").unwrap());
    client.send(&[b"\x94\xa7app.web", TIME, RECORD, b"\x81\xa5chunk\xa2id"].concat());
    client.expect(b"\x81\xa3ack\xa2id");
    let get = || {
        let mut socket = TcpStream::connect(("127.0.0.1", port("http://127.0.0.1:").unwrap())).unwrap();
        socket.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        text
    };
    for line in ["records_in_total 1", "records_out_total 1", "clients 1", "chunks_repeated_total 0"] {
        let line = format!("\nfluent_anomaly_serve_{line}\n");
        assert!(get().contains(&line), "{line} {}", get());
    }
    // asked for each second
    wait_until("one score", || get().contains("\nfluent_anomaly_serve_scores_total 1\n"));
    assert!(get().ends_with("# EOF\n"));
}

#[test]
fn sigterm_answers_what_was_taken_and_the_models_go_on_after_the_next_start() {
    let next = Server::start(vec![]);
    let mut serve = Serve::start(INI, &next.url());
    let message = |id: u8, seconds: u8, ms: u8| {
        let time = [b"\xd7\x00\x65\x53\xf1", &[seconds][..], b"\0\0\0\0"].concat();
        [b"\x94\xa7app.web", &time[..], b"\x82\xa4host\xa1a\xa2ms", &[ms], b"\x81\xa5chunk\xa1", &[id]]
            .concat()
    };
    let values: [u8; 6] = [10, 12, 11, 90, 10, 12];
    let send = |port: u16, at: std::ops::Range<usize>| {
        let mut client = Client::connect(port);
        for n in at {
            client.send(&message(b'a' + n as u8, n as u8, values[n]));
            client.expect(&[b"\x81\xa3ack\xa1", &[b'a' + n as u8][..]].concat());
        }
    };
    send(serve.port, 0..3);
    assert!(serve.program.stop().success(), "{}", serve.program.stderr());
    let (second, port) = Serve::program(serve.folder.path(), &next.url(), "tcp");
    send(port, 3..6);
    drop(second);
    let one = Server::start(vec![]);
    let alone = Serve::start(INI, &one.url());
    send(alone.port, 0..6);
    assert_eq!(next.records(), one.records());
}

#[test]
fn closed_windows_arrive_as_records_of_a_tag_of_their_own_before_the_ack_of_their_chunk() {
    let next = Server::start(vec![]);
    let ini = "[filter]\nstate: state\n[series.n]\nmatch: app.*\nmeasure: count\nevery: 10s\nlate: 0s\nby: $host\nk: 2\nwindows: records\n";
    let serve = Serve::start(ini, &next.url());
    let mut client = serve.client();
    let message = |seconds: u32, id: u8| {
        let time = [b"\xd7\0", &u32::to_be_bytes(1_700_000_000 + seconds)[..], &[0; 4]].concat();
        [b"\x94\xa7app.web", &time[..], RECORD, b"\x81\xa5chunk\xa1", &[id][..]].concat()
    };
    for (n, seconds) in [0, 1, 2, 12].into_iter().enumerate() {
        let id = b'a' + n as u8;
        client.send(&message(seconds, id));
        client.expect(&[b"\x81\xa3ack\xa1", &[id][..]].concat());
    }
    let records = next.records();
    let tags: Vec<&str> = records.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(tags, ["app.web", "app.web", "app.web", "app.web", "anomaly.window.n"]);
    let window = field(&records[4].1, "anomaly_window").unwrap();
    assert_eq!(
        (field(&window, "value"), field(&window, "to")),
        (Some(Value::F64(3.0)), Some(1_700_000_010.into()))
    );
    assert!(records[..4].iter().all(|(_, record)| field(record, "anomaly_window").is_none()));
}
