//! `serve` and its clients: who may send, TLS, and clients that are slow or mean no good.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::serve::{Client, INI, Serve, wait_until};
use crate::common::forward_server::{Server, sha512_hex};

/// A record with an ack, 21 bytes of it.
fn message(id: u8) -> Vec<u8> {
    let record = b"\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x82\xa4host\xa1a\xa2ms\x07\x81\xa5chunk\xa1";
    [b"\x94\xa7app.web", &record[..], &[id]].concat()
}

fn ack(id: u8) -> Vec<u8> {
    [b"\x81\xa3ack\xa1", &[id][..]].concat()
}

#[track_caller]
fn is_served(client: &mut Client, id: u8) {
    client.send(&message(id));
    client.expect(&ack(id));
}

fn is_closed(socket: &mut TcpStream) -> bool {
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    match socket.read(&mut [0; 4096]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Reads HELO and sends PING; gives PONG's bytes.
fn shake_hands(client: &mut Client, key: &str, user: &str, password: &str) -> String {
    let mut helo = vec![0; 97];
    client.0.read_exact(&mut helo).unwrap();
    let (nonce, auth) = (helo[15..47].to_vec(), helo[54..86].to_vec());
    let wanted =
        [b"\x92\xa4HELO\x83\xa5nonce\xd9\x20", &nonce[..], b"\xa4auth\xd9\x20", &auth, b"\xa9keepalive\xc3"];
    assert_eq!(helo.escape_ascii().to_string(), wanted.concat().escape_ascii().to_string());
    let (nonce, auth) = (&nonce[..], &auth[..]);
    let digest = sha512_hex(&[b"salt", b"agent-1", nonce, key.as_bytes()]);
    let secret = sha512_hex(&[auth, user.as_bytes(), password.as_bytes()]);
    let mut ping = b"\x96\xa4PING\xa7agent-1\xa4salt\xd9\x80".to_vec();
    ping.extend_from_slice(digest.as_bytes());
    ping.push(0xa0 | user.len() as u8);
    ping.extend_from_slice(user.as_bytes());
    ping.extend_from_slice(b"\xd9\x80");
    ping.extend_from_slice(secret.as_bytes());
    client.send(&ping);
    let pong = rmpv::decode::read_value(&mut client.0).unwrap();
    let parts = pong.as_array().unwrap();
    assert_eq!(parts[0].as_str(), Some("PONG"));
    if parts[1].as_bool() == Some(true) {
        let own = parts[3].as_str().unwrap();
        assert_eq!(parts[4].as_str().unwrap(), sha512_hex(&[b"salt", own.as_bytes(), nonce, key.as_bytes()]));
        return "ok".to_owned();
    }
    parts[2].as_str().unwrap().to_owned()
}

#[test]
fn only_who_knows_the_shared_key_and_a_password_may_send() {
    let next = Server::start(vec![]);
    let ini = format!("{INI}[serve]\nshared_key: the-shared-key\nusers: alice:the-password bob:another\n");
    let serve = Serve::start(&ini, &next.url());
    for (key, user, password, answer) in [
        ("the-shared-key", "alice", "the-password", "ok"),
        ("the-shared-key", "bob", "another", "ok"),
        ("another-key", "alice", "the-password", "shared_key mismatch"),
        ("the-shared-key", "alice", "another", "username/password mismatch"),
        ("the-shared-key", "carol", "", "username/password mismatch"),
    ] {
        let mut client = serve.client();
        assert_eq!(shake_hands(&mut client, key, user, password), answer, "{key} {user} {password}");
        if answer == "ok" {
            is_served(&mut client, user.as_bytes()[0]);
        } else {
            assert!(is_closed(&mut client.0));
        }
    }
    // who says something else is turned away
    let mut client = serve.client();
    client.send(&message(b'x'));
    let mut said = Vec::new();
    // whatever was on its way may be lost to a reset
    let _ = client.0.read_to_end(&mut said);
    wait_until("a word about it", || serve.program.stderr().contains("PING was due"));
    assert_eq!(next.records().len(), 2);
    for secret in ["the-shared-key", "the-password", "another-key"] {
        assert!(!serve.program.stderr().contains(secret), "{}", serve.program.stderr());
    }
}

/// Certificates of an authority, a server and a client, as files and for a client.
struct Certificates {
    roots: RootCertStore,
    client: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

fn certificates(folder: &Path) -> Certificates {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.distinguished_name.push(rcgen::DnType::CommonName, "the authority of the test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        (certificate, key)
    };
    let (server, server_key) = signed("localhost");
    let (client, client_key) = signed("agent-1");
    fs::write(folder.join("server.pem"), server.pem()).unwrap();
    fs::write(folder.join("server.key"), server_key.serialize_pem()).unwrap();
    fs::write(folder.join("ca.pem"), own.pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.der().clone()).unwrap();
    let key = PrivateKeyDer::try_from(client_key.serialize_der()).unwrap();
    Certificates { roots, client: (client.der().clone(), key) }
}

impl Certificates {
    fn connect(&self, port: u16, shows_its_own: bool) -> StreamOwned<ClientConnection, TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let config = if shows_its_own {
            let (certificate, key) = &self.client;
            builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        StreamOwned::new(session, socket)
    }
}

fn answer(stream: &mut StreamOwned<ClientConnection, TcpStream>, id: u8) -> std::io::Result<Vec<u8>> {
    stream.write_all(&message(id))?;
    let mut answer = vec![0; ack(id).len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[test]
fn clients_come_over_tls_and_with_their_own_certificate_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let known = certificates(folder.path());
    let next = Server::start(vec![]);
    let tls = "[serve]\ntls_cert_file: server.pem\ntls_key_file: server.key\n";
    for (more, without_its_own) in [("", true), ("tls_client_ca_file: ca.pem\n", false)] {
        fs::write(folder.path().join("fluent-anomaly.ini"), format!("{INI}{tls}{more}")).unwrap();
        let (program, port) = Serve::program(folder.path(), &next.url(), "tls");
        let served = answer(&mut known.connect(port, false), b'a');
        assert_eq!(served.is_ok(), without_its_own, "{served:?} {}", program.stderr());
        let served = answer(&mut known.connect(port, true), b'b');
        assert_eq!(served.unwrap(), ack(b'b'), "{}", program.stderr());
    }
}

/// A line of `/proc/<process>/status`, in MiB.
fn memory_mb(serve: &Serve, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", serve.program.id())).unwrap();
    let line = status.lines().find(|text| text.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_message_that_is_none_ends_its_connection_and_no_other() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let mut good = serve.client();
    is_served(&mut good, b'a');
    for (bytes, why) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "an array [tag, ...] is wanted"),
        (b"\x93\xa3tag\xc6\x06\x40\x00\x00".to_vec(), "a message of 104857610 bytes or more is not allowed"),
        (vec![0x91; 100_000], "nested deeper"),
        (vec![0xc1], "0xc1"),
        (b"\x93\x01\xc4\x00\x80".to_vec(), "the tag, a str, stands first"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xaacompressed\xa4gzip".to_vec(), "gzip"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xaacompressed\xa3lz4".to_vec(), "compressed: \"lz4\" is not allowed"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xadfluent_signal\x01".to_vec(), "no metrics (1)"),
        (b"\x93\xa1t\xc4\x01\x07\x81\xa5chunk\x07".to_vec(), "are texts"),
    ] {
        let mut client = serve.client();
        // it may be closed before all is written
        let _ = client.0.write_all(&bytes);
        assert!(is_closed(&mut client.0), "{why}");
        wait_until(why, || serve.program.stderr().contains(why));
        is_served(&mut good, b'b');
    }
    assert!(memory_mb(&serve, "VmHWM") < 100, "{}", memory_mb(&serve, "VmHWM"));
}

#[test]
fn a_body_that_unpacks_without_end_is_refused_at_the_bound() {
    let next = Server::start(vec![]);
    let ini = format!("{INI}[serve]\nmax_frame_mb: 4\nmemory_mb: 16\n");
    let serve = Serve::start(&ini, &next.url());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let mut client = serve.client();
    let head = [b"\x93\xa1t\xc6", &(packed.len() as u32).to_be_bytes()[..]].concat();
    client.send(&[&head[..], &packed, b"\x81\xaacompressed\xa4gzip"].concat());
    assert!(is_closed(&mut client.0));
    wait_until("the reason", || serve.program.stderr().contains("the body has more than 4194304 bytes"));
    is_served(&mut serve.client(), b'a');
    assert!(memory_mb(&serve, "VmHWM") < 60, "{}", memory_mb(&serve, "VmHWM"));
}

#[test]
fn slow_clients_make_room_for_others_when_memory_is_short() {
    let next = Server::start(vec![]);
    let ini = format!("{INI}[serve]\nmax_frame_mb: 8\nmemory_mb: 32\n");
    let serve = Serve::start(&ini, &next.url());
    // each announces 7 MB, sends 3 and waits: together more than there is
    let part = [b"\x93\xa1t\xc6\x00\x70\x00\x00", &vec![b'x'; 3 << 20][..]].concat();
    let mut slow: Vec<Client> = (0..12).map(|_| serve.client()).collect();
    let writers: Vec<_> = slow
        .iter_mut()
        .map(|client| {
            let (mut socket, part) = (client.0.try_clone().unwrap(), part.clone());
            // one that has to make room is reset
            std::thread::spawn(move || drop(socket.write_all(&part)))
        })
        .collect();
    // half a handshake's worth of silence, and clients that only connect
    let _silent: Vec<Client> = (0..50).map(|_| serve.client()).collect();
    // a chunk of 4 MB from somebody who is quick
    let record = b"\x92\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x83\xa4host\xa1a\xa2ms\x07\xa3log\xda\x10\x00";
    let entry = [&record[..], &[b'x'; 0x1000]].concat();
    let body = entry.repeat((4 << 20) / entry.len());
    let head = [b"\x93\xa7app.web\xc6", &(body.len() as u32).to_be_bytes()[..]].concat();
    let mut quick = serve.client();
    quick.send(&[&head[..], &body, b"\x81\xa5chunk\xa2id"].concat());
    let mut got = [0; 8];
    let answered = quick.0.read_exact(&mut got);
    assert!(answered.is_ok() && got == *b"\x81\xa3ack\xa2id", "{answered:?} {}", serve.program.stderr());
    wait_until("somebody made room", || serve.program.stderr().contains("takes longest over its message"));
    // models, scored chunks and the next hop's chunk stand beside the 32 MB
    assert!(memory_mb(&serve, "VmHWM") < 120, "{}", memory_mb(&serve, "VmHWM"));
    drop(slow);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_thousand_idle_clients_cost_little_and_one_more_takes_the_place_of_the_oldest() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    is_served(&mut serve.client(), b'a');
    let before = memory_mb(&serve, "VmRSS");
    let mut idle: Vec<Client> = (0..1000).map(|_| serve.client()).collect();
    is_served(idle.last_mut().unwrap(), b'b');
    let after = memory_mb(&serve, "VmRSS");
    assert!(after < before + 40, "{before} MB, {after} MB with 1000 clients");
    eprintln!("1000 idle clients: {before} MB before, {after} MB after");
    is_served(&mut serve.client(), b'c');
    assert!(is_closed(&mut idle[0].0));
}

#[test]
fn half_a_handshake_keeps_nobody_waiting_and_is_ended() {
    let next = Server::start(vec![]);
    let serve = Serve::start(&format!("{INI}[serve]\nshared_key: key\n"), &next.url());
    // HELO is read, and the answer to it stops in its middle
    let mut halves: Vec<Client> = (0..20).map(|_| serve.client()).collect();
    for half in &mut halves {
        half.0.read_exact(&mut [0; 97]).unwrap();
        half.send(b"\x96\xa4PING\xa7agent-1\xa4sa");
    }
    // others only connect
    let mut silent: Vec<Client> = (0..20).map(|_| serve.client()).collect();
    let began = Instant::now();
    let mut good = serve.client();
    assert_eq!(shake_hands(&mut good, "key", "", ""), "ok");
    is_served(&mut good, b'a');
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(is_closed(&mut halves[0].0));
    silent[0].0.read_exact(&mut [0; 97]).unwrap();
    assert!(is_closed(&mut silent[0].0));
    is_served(&mut good, b'b');
}

#[test]
fn half_a_tls_handshake_keeps_nobody_waiting_and_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let known = certificates(folder.path());
    let next = Server::start(vec![]);
    let tls = "[serve]\ntls_cert_file: server.pem\ntls_key_file: server.key\n";
    fs::write(folder.path().join("fluent-anomaly.ini"), format!("{INI}{tls}")).unwrap();
    let (program, port) = Serve::program(folder.path(), &next.url(), "tls");
    // the head of a ClientHello of 512 bytes, and nothing of it
    let mut halves: Vec<Client> = (0..20).map(|_| Client::connect(port)).collect();
    halves.iter_mut().for_each(|half| half.send(b"\x16\x03\x01\x02\x00\x01"));
    let began = Instant::now();
    let mut good = known.connect(port, false);
    assert_eq!(answer(&mut good, b'a').unwrap(), ack(b'a'), "{}", program.stderr());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(is_closed(&mut halves[0].0));
    assert_eq!(answer(&mut good, b'b').unwrap(), ack(b'b'), "{}", program.stderr());
}

#[test]
fn a_client_that_reads_no_acks_keeps_nobody_waiting() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let mut deaf = serve.client();
    // chunks whose acks nobody reads, until the socket takes no more, or there were enough of them
    deaf.0.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let many = message(b'x').repeat(4000);
    for _ in 0..50 {
        if deaf.0.write_all(&many).is_err() {
            break;
        }
    }
    let mut quick = serve.client();
    for id in b"abcdef" {
        is_served(&mut quick, *id);
    }
    assert!(memory_mb(&serve, "VmHWM") < 120, "{}", memory_mb(&serve, "VmHWM"));
}
