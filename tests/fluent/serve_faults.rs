//! `serve` and what may go wrong around it: next hops, addresses, its folder, its output, times that are none.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::serve::{Client, INI, Serve, wait_until};
use crate::common::forward_server::{Act, Security, Server};
use crate::common::program::{Running, free_port};

/// A next hop that passes all records on.
const PASSES: &str = "[filter]\nstate: off\n[series.none]\nmatch: none\nvalue: $none\n";
const EXE: &str = env!("CARGO_BIN_EXE_fluent-anomaly");

/// A record with an ack.
fn message(id: u8) -> Vec<u8> {
    let record = b"\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x82\xa4host\xa1a\xa2ms\x07\x81\xa5chunk\xa1";
    [b"\x94\xa7app.web", &record[..], &[id]].concat()
}

fn ack(id: u8) -> Vec<u8> {
    [b"\x81\xa3ack\xa1", &[id][..]].concat()
}

/// Runs `serve` to its end: status and what it said.
fn run(ini: &str, args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), ini).unwrap();
    let output = Command::new(EXE).arg("serve").args(args).current_dir(folder.path()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_chunk_whose_ack_names_another_one_is_sent_again() {
    let next = Server::start(vec![Act::AckOther, Act::Say(b"\x81\xa3ack\x07".to_vec()), Act::Ack]);
    let serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    client.send(&message(b'a'));
    client.expect(&ack(b'a'));
    let messages = next.messages();
    assert_eq!(messages.iter().map(|message| message.acked).collect::<Vec<_>>(), [false, false, true]);
    assert!(messages.iter().all(|message| message.bytes == messages[0].bytes));
    let said = serve.program.stderr();
    assert!(said.contains("the server acknowledged another chunk"), "{said}");
}

#[test]
fn a_next_hop_that_never_answers_does_not_keep_a_stop_and_gets_the_chunk_first_after_the_next_start() {
    let next = Server::start(vec![Act::Silent]);
    let mut serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    client.send(&message(b'a'));
    wait_until("the chunk is under way", || next.messages().len() == 1);
    let begun = Instant::now();
    assert!(serve.program.stop().success(), "{}", serve.program.stderr());
    assert!(begun.elapsed() < Duration::from_secs(20));
    // no ack: the client keeps it as well
    let mut got = Vec::new();
    let _ = client.0.read_to_end(&mut got);
    assert_eq!(got, b"");
    let (again, port) = Serve::program(serve.folder.path(), &next.url(), "tcp");
    wait_until("it goes first", || next.records().len() == 1);
    assert!(again.stderr().contains("1 chunks had not arrived"), "{}", again.stderr());
    // the client sends it again, and it is known
    let mut client = Client::connect(port);
    client.send(&message(b'a'));
    client.expect(&ack(b'a'));
    assert_eq!(next.records().len(), 1);
}

#[test]
fn a_next_hop_with_another_shared_key_is_told_and_tried_less_and_less_often() {
    let security = Security {
        key: "the-key-of-the-next-hop",
        user: "",
        password: "",
        hostname: "next-hop",
        as_bin: true,
    };
    let next = Server::with(vec![], Some(security), Box::new(|socket| Box::new(socket)));
    let ini = format!("{INI}[general]\nforward_shared_key: another-key-of-ours\n");
    let serve = Serve::start(&ini, &next.url());
    serve.client().send(&message(b'a'));
    wait_until("the reason", || serve.program.stderr().contains("shared_key mismatch"));
    // waits double from half a second on: a third attempt is not made within the first second
    std::thread::sleep(Duration::from_secs(1));
    assert!((1..=4).contains(&next.connections()), "{}", next.connections());
    for secret in ["the-key-of-the-next-hop", "another-key-of-ours"] {
        assert!(!serve.program.stderr().contains(secret), "{}", serve.program.stderr());
    }
}

#[test]
fn a_next_hop_that_is_not_there_yet_gets_everything_once_it_comes() {
    let port = free_port();
    let serve = Serve::start(INI, &format!("tcp://127.0.0.1:{port}"));
    let mut clients: Vec<Client> = (0..3).map(|_| serve.client()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(&message(b'a' + n as u8));
    }
    wait_until("the reason", || serve.program.stderr().contains("cannot connect"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), PASSES).unwrap();
    let (next, _) = Serve::program_at(folder.path(), "stdout", "tcp", port);
    for (n, client) in clients.iter_mut().enumerate() {
        client.expect(&ack(b'a' + n as u8));
    }
    let lines = String::from_utf8(next.stdout()).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("\"score_outlier\":")).count(), 3, "{lines}");
}

#[test]
fn a_next_hop_whose_name_has_no_address_is_told_and_nothing_is_acknowledged() {
    let serve = Serve::start(INI, "tcp://no-such-host.invalid:24224");
    let mut client = serve.client();
    client.send(&message(b'a'));
    wait_until("the reason", || {
        serve.program.stderr().contains("no-such-host.invalid:24224")
            && serve.program.stderr().contains("cannot connect")
    });
    client.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(client.0.read(&mut [0]).is_err(), "no ack, and the connection stands");
}

#[test]
fn addresses_that_cannot_be_used_end_it_with_a_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("tcp://{}", taken.local_addr().unwrap());
    for (args, status, told) in [
        (["--listen", &taken, "--to", "stdout"], 1, "cannot listen on"),
        (["--listen", "tcp://203.0.113.7:24225", "--to", "stdout"], 1, "cannot listen on"),
        (["--listen", "tls://127.0.0.1:0", "--to", "stdout"], 1, "tls_cert_file and tls_key_file"),
        (["--listen", "127.0.0.1:24225", "--to", "stdout"], 2, "is no address to listen on"),
        (["--listen", "tcp://no-such-host.invalid:1", "--to", "stdout"], 2, "is no address to listen on"),
        (["--listen", "tcp://127.0.0.1:0", "--to", "udp://127.0.0.1:1"], 2, "is no server address"),
        (["--listen", "tcp://127.0.0.1:0", "--to", ""], 2, "is no server address"),
    ] {
        let (found, said) = run(INI, &args);
        assert_eq!(found, Some(status), "{args:?}: {said}");
        assert!(said.contains(told), "{args:?}: {said}");
    }
}

#[test]
fn numbers_of_the_section_that_are_not_allowed_are_told_with_what_is() {
    for (key, value) in [
        ("threads", "0"),
        ("threads", "1000"),
        ("threads", "-1"),
        ("threads", "2.5"),
        ("max_connections", "0"),
        ("max_frame_mb", "0"),
        ("memory_mb", "1"),
    ] {
        let (status, said) = run(&format!("{INI}[serve]\n{key}: {value}\n"), &["--to", "stdout"]);
        assert_eq!(status, Some(2), "{key}: {value}: {said}");
        assert!(said.contains(&format!("[serve] {key}:")) && said.contains("allowed"), "{said}");
    }
}

#[test]
fn clients_come_over_ipv6_and_go_to_a_next_hop_there() {
    let Ok(there) = TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let next = there.local_addr().unwrap();
    drop(there);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), PASSES).unwrap();
    let start = |folder: &Path, listen: &str, to: &str| {
        let args = ["serve", "--listen", listen, "--to", to];
        let mut program = Running::start(Path::new(EXE), &args, folder, "run");
        let errors = folder.join("run.stderr");
        program
            .wait_for("port", || fs::read_to_string(&errors).unwrap().contains("listening on tcp://[::1]:"));
        program
    };
    let hop = start(folder.path(), &format!("tcp://{next}"), "stdout");
    let first = tempfile::tempdir().unwrap();
    fs::write(first.path().join("fluent-anomaly.ini"), INI).unwrap();
    let serve = start(first.path(), "tcp://[::1]:0", &format!("tcp://{next}"));
    let said = serve.stderr();
    let port = said.split_once("tcp://[::1]:").unwrap().1.lines().next().unwrap().parse::<u16>().unwrap();
    let socket = TcpStream::connect(("::1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut client = Client(socket);
    client.send(&message(b'6'));
    client.expect(&ack(b'6'));
    assert!(String::from_utf8(hop.stdout()).unwrap().contains("score_outlier"));
}

#[test]
fn a_reader_of_standard_output_that_goes_away_ends_it_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), INI).unwrap();
    let port = free_port();
    let mut child = Command::new(EXE)
        .args(["serve", "--listen", &format!("tcp://127.0.0.1:{port}"), "--to", "stdout"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let connect = || TcpStream::connect(("127.0.0.1", port));
    wait_until("it listens", || connect().is_ok());
    let mut client = connect().unwrap();
    client.write_all(&message(b'a')).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut got = Vec::new();
    // closed without an ack, by an end or a reset
    let _ = client.read_to_end(&mut got);
    assert_eq!(got, b"");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the output has ended: records not taken: standard output:"), "{said}");
}

#[test]
fn a_state_folder_that_is_removed_is_made_anew_with_all_models_and_that_is_told() {
    let next = Server::start(vec![]);
    let mut serve = Serve::start(INI, &next.url());
    let mut client = serve.client();
    // a second later each time
    let send = |client: &mut Client, id: u8| {
        let mut message = message(id);
        message[14] = id - b'a';
        client.send(&message);
        client.expect(&ack(id));
    };
    (b'a'..b'e').for_each(|id| send(&mut client, id));
    let state = serve.folder.path().join("state");
    fs::remove_dir_all(&state).unwrap();
    wait_until("a word", || serve.program.stderr().contains("somebody has removed the log"));
    wait_until("models", || state.join("serve/models").exists());
    send(&mut client, b'e');
    serve.program.kill_with_workers();
    let (_program, port) = Serve::program(serve.folder.path(), &next.url(), "tcp");
    send(&mut Client::connect(port), b'f');
    // six points of one series, undisturbed
    let one = Server::start(vec![]);
    let alone = Serve::start(INI, &one.url());
    let mut client = alone.client();
    (b'a'..=b'f').for_each(|id| send(&mut client, id));
    // what was killed may have sent its last chunk twice
    let mut records = next.records();
    records.dedup();
    assert_eq!(records, one.records());
}

#[test]
fn times_beyond_every_range_harm_no_other_event() {
    // a next hop that prints: that of the other tests takes EventTimes only
    let serve = Serve::start(INI, "stdout");
    let record = b"\x82\xa4host\xa1a\xa2ms\x07";
    let times: [(&[u8], bool); 12] = [
        (b"\xd7\x00\x65\x53\xf1\x00\xff\xff\xff\xff", true), // nanoseconds beyond a second
        (b"\xd7\x00\0\0\0\0\0\0\0\0", true),
        (b"\xc7\x08\x00\x65\x53\xf1\x01\0\0\0\0", true),
        (b"\xce\xff\xff\xff\xff", true),
        (b"\xd3\x80\0\0\0\0\0\0\0", true),
        (b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", true),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", false),
        (b"\xcb\x7f\xf0\0\0\0\0\0\0", false), // infinite
        (b"\xcb\x7f\xf8\0\0\0\0\0\0", false), // no number
        (b"\xc0", false),
        (b"\xd7\x01\x65\x53\xf1\x00\0\0\0\0", false), // another kind of extension
        (b"\x91\x91\x01", false),
    ];
    let last = b"\xd7\x00\x65\x53\xf1\x02\0\0\0\0";
    let all = times.iter().map(|(time, _)| *time).chain([&last[..]]);
    let entries: Vec<u8> = all.flat_map(|time| [b"\x92", time, record].concat()).collect();
    let head = [b"\x93\xa7app.web\xc5", &(entries.len() as u16).to_be_bytes()[..]].concat();
    let mut client = serve.client();
    client.send(&[&head[..], &entries, b"\x81\xa5chunk\xa1t"].concat());
    client.expect(&ack(b't'));
    let lines = String::from_utf8(serve.program.stdout()).unwrap();
    let taken = times.iter().filter(|(_, is_event)| *is_event).count();
    assert_eq!(lines.lines().count(), taken + 1, "{lines}");
    let last = lines.lines().last().unwrap();
    assert!(
        last.starts_with("{\"date\":1700000002.000000000,") && last.contains("\"score_outlier\":"),
        "{lines}"
    );
    let said = serve.program.stderr();
    assert!(said.contains(&format!("holds {} values that are no event", times.len() - taken)), "{said}");
}
