//! `serve`: threads, kills, and configurations that change.
//!
//! A quarter of an hour of kills: `SERVE_SECONDS=900 cargo test --test fluent -- --ignored kills_for_long --nocapture`

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rmpv::Value;

use super::serve::{Client, INI, Serve, wait_until};
use crate::common::forward_server::{Act, Server};
use crate::common::records::Random;

/// Two sections with keys of different fields, a third one with those of the first, and a monitor.
const SEVERAL: &str = "[filter]\nstate: state\n\
    [series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 2\nwarm_up: off\n\
    [series.size]\nmatch: app.*\nvalue: $bytes\nby: $service\nprefix: size_\nk: 3\nwarm_up: off\n\
    [series.load]\nmatch: app.*\nvalue: $load\nby: $host\nprefix: load_\nk: 1\nwarm_up: off\n\
    [series.other]\nmatch: db.*\nvalue: $ms\nby: $service\nk: 2\nwarm_up: off\n\
    [monitor.latency]\non: latency\n\
    query: avg(last_5m):anomalies(avg:latency{*} by {host}, 'basic', 2, alert_window='last_1m', interval=10) >= 0.5\n";

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0xa0 | text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// A chunk of some entries of the series of one client, and its id. Some values are no numbers, so that there is something
/// wrong to be told.
fn chunk_of(client: &str, random: &mut Random, number: u32) -> (Vec<u8>, String) {
    let mut body = Vec::new();
    for n in 0..40 {
        body.extend_from_slice(b"\x92\xd7\x00");
        body.extend_from_slice(&(1_700_000_000 + number).to_be_bytes());
        body.extend_from_slice(&(n * 1_000_000u32).to_be_bytes());
        body.push(0x85);
        text(&mut body, "host");
        text(&mut body, &format!("{client}host-{}", random.below(7)));
        text(&mut body, "service");
        text(&mut body, &format!("{client}service-{}", random.below(5)));
        for field in ["ms", "bytes", "load"] {
            text(&mut body, field);
            if random.below(50) == 0 {
                text(&mut body, "none");
            } else {
                body.push(0xcb);
                body.extend_from_slice(&(random.below(1000) as f64 / 8.0).to_be_bytes());
            }
        }
    }
    let tag = if number.is_multiple_of(5) { "db.main" } else { "app.web" };
    let id = format!("{client}chunk-{number:06}");
    let mut message = vec![0x93];
    text(&mut message, tag);
    message.push(0xc5);
    message.extend_from_slice(&(body.len() as u16).to_be_bytes());
    message.extend_from_slice(&body);
    message.push(0x81);
    text(&mut message, "chunk");
    text(&mut message, &id);
    (message, id)
}

fn ack(id: &str) -> Vec<u8> {
    let mut ack = b"\x81\xa3ack".to_vec();
    text(&mut ack, id);
    ack
}

fn send(client: &mut Client, chunks: &[(Vec<u8>, String)]) {
    for (message, id) in chunks {
        client.send(message);
        client.expect(&ack(id));
    }
}

fn chunks(count: u32) -> Vec<(Vec<u8>, String)> {
    let mut random = Random(17);
    (0..count).map(|number| chunk_of("", &mut random, number)).collect()
}

/// What leaves when nothing happens.
fn undisturbed(ini: &str, all: &[(Vec<u8>, String)]) -> Vec<(String, Value)> {
    let next = Server::start(vec![]);
    let serve = Serve::start(ini, &next.url());
    send(&mut serve.client(), all);
    next.records()
}

#[test]
fn scores_do_not_depend_on_the_number_of_threads() {
    let all = chunks(30);
    let wanted = undisturbed(SEVERAL, &all);
    assert_eq!(wanted.len(), 30 * 40);
    let told = wanted.iter().filter(|(_, record)| record.to_string().contains("anomaly_error")).count();
    assert!(told > 10, "{told}");
    for threads in [2, 3, 8] {
        let found = undisturbed(&format!("{SEVERAL}[serve]\nthreads: {threads}\n"), &all);
        for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            assert_eq!(found, wanted, "record {n}, {threads} threads");
        }
        assert_eq!(found.len(), wanted.len());
    }
}

#[test]
fn models_go_on_when_the_number_of_threads_changes_between_two_starts() {
    let all = chunks(24);
    let wanted = undisturbed(SEVERAL, &all);
    let next = Server::start(vec![]);
    let mut serve = Serve::start(SEVERAL, &next.url());
    send(&mut serve.client(), &all[..6]);
    let folder = serve.folder.path().to_owned();
    for (n, threads) in [3, 2, 1].into_iter().enumerate() {
        // once by a stop, once by a kill
        if n == 1 {
            serve.program.kill_with_workers();
        } else {
            serve.program.stop();
        }
        fs::write(folder.join("fluent-anomaly.ini"), format!("{SEVERAL}[serve]\nthreads: {threads}\n"))
            .unwrap();
        (serve.program, serve.port) = Serve::program(&folder, &next.url(), "tcp");
        send(&mut serve.client(), &all[6 * (n + 1)..6 * (n + 2)]);
    }
    // what was killed may have sent its last chunk twice
    let found = without_repeats(next.records());
    for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(found, wanted, "record {n}");
    }
    assert_eq!(found.len(), wanted.len());
}

/// Records by their places; those that came twice are the same.
fn without_repeats(records: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let mut seen = BTreeMap::new();
    let mut kept = Vec::new();
    for (tag, record) in records {
        let text = format!("{tag} {record}");
        if seen.insert(text, ()).is_none() {
            kept.push((tag, record));
        }
    }
    kept
}

#[test]
fn nothing_is_missing_and_scores_are_the_same_when_it_is_killed_again_and_again() {
    let all = chunks(120);
    let wanted = undisturbed(SEVERAL, &all);
    // the next hop acknowledges some chunks, loses its connection over others
    let script = (0..400).map(|n| if n % 7 == 3 { Act::Close } else { Act::Ack }).collect();
    let next = Server::start(script);
    let ini = format!("{SEVERAL}[serve]\nthreads: 2\n");
    let mut serve = Serve::start(&ini, &next.url());
    let folder = serve.folder.path().to_owned();
    let mut random = Random(3);
    let mut kills = 0;
    let mut at = 0;
    while at < all.len() {
        let mut client = serve.client();
        let until = (at + 1 + random.below(12) as usize).min(all.len());
        send(&mut client, &all[at..until]);
        at = until;
        if at < all.len() {
            // in the middle of a chunk: sent, and not yet acknowledged
            client.send(&all[at].0);
            std::thread::sleep(std::time::Duration::from_millis(random.below(12)));
            serve.program.kill_with_workers();
            kills += 1;
            (serve.program, serve.port) = Serve::program(&folder, &next.url(), "tcp");
        }
    }
    assert!(kills > 8, "{kills}");
    let found = without_repeats(next.records());
    for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
        assert_eq!(found, wanted, "record {n} after {kills} kills");
    }
    assert_eq!(found.len(), wanted.len());
}

/// Sends a chunk until it is acknowledged, over as many connections as that takes.
fn send_until_acknowledged(port: u16, kept: &mut Option<Client>, chunk: &(Vec<u8>, String)) {
    loop {
        if kept.is_none() {
            *kept = TcpStream::connect(("127.0.0.1", port)).ok().map(|socket| {
                socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                Client(socket)
            });
        }
        if let Some(client) = kept {
            let wanted = ack(&chunk.1);
            let mut got = vec![0; wanted.len()];
            let sent = client.0.write_all(&chunk.0).and_then(|()| client.0.read_exact(&mut got));
            if sent.is_ok() {
                assert_eq!(got, wanted);
                return;
            }
            *kept = None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Hashes of different texts, in the order in which they came first.
#[derive(Default)]
struct Texts {
    order: Vec<u64>,
    seen: BTreeSet<u64>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.seen.insert(hash) {
            self.order.push(hash);
        }
    }
}

#[test]
#[ignore = "takes as long as SERVE_SECONDS says"]
fn kills_for_long() {
    let seconds = std::env::var("SERVE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let script = (0..1_000_000).map(|n| if n % 23 == 11 { Act::Close } else { Act::Ack }).collect();
    let next = Server::start(script);
    let with = |threads: u64| format!("{SEVERAL}[serve]\nthreads: {threads}\n");
    let mut serve = Serve::start(&with(2), &next.url());
    let (folder, port) = (serve.folder.path().to_owned(), serve.port);
    let over = AtomicBool::new(false);
    let mut random = Random(99);
    let (mut kills, mut stops, mut reloads) = (0, 0, 0);
    let names = ["a-", "b-", "c-"];
    let sent: Vec<Vec<(Vec<u8>, String)>> = std::thread::scope(|scope| {
        let clients: Vec<_> = names
            .iter()
            .map(|name| {
                let over = &over;
                scope.spawn(move || {
                    let (mut random, mut kept, mut sent) = (Random(7), None, Vec::new());
                    while !over.load(Relaxed) {
                        let chunk = chunk_of(name, &mut random, sent.len() as u32);
                        send_until_acknowledged(port, &mut kept, &chunk);
                        sent.push(chunk);
                        std::thread::sleep(Duration::from_millis(40));
                    }
                    sent
                })
            })
            .collect();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(seconds) {
            std::thread::sleep(Duration::from_millis(500 + random.below(12_000)));
            fs::write(folder.join("fluent-anomaly.ini"), with(1 + random.below(4))).unwrap();
            match random.below(4) {
                0 => {
                    serve.program.signal("HUP");
                    reloads += 1;
                    continue;
                }
                1 => {
                    serve.program.stop();
                    stops += 1;
                }
                _ => {
                    serve.program.kill_with_workers();
                    kills += 1;
                }
            }
            (serve.program, _) = Serve::program_at(&folder, &next.url(), "tcp", port);
        }
        over.store(true, Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    // by the hashes of their texts: there are many
    let mut of_each: Vec<Texts> = names.iter().map(|_| Texts::default()).collect();
    let mut arrived = 0;
    for (tag, record) in next.records() {
        let text = format!("{tag} {record}");
        let its = names.iter().position(|name| text.contains(&format!("\"{name}host"))).unwrap();
        of_each[its].push(&text);
        arrived += 1;
    }
    let mut total = 0;
    for ((name, sent), found) in names.iter().zip(&sent).zip(&of_each) {
        let mut wanted = Texts::default();
        undisturbed(SEVERAL, sent)
            .into_iter()
            .for_each(|(tag, record)| wanted.push(&format!("{tag} {record}")));
        for (n, (found, wanted)) in found.order.iter().zip(&wanted.order).enumerate() {
            assert_eq!(found, wanted, "record {n} of {name}");
        }
        assert_eq!(found.order.len(), wanted.order.len(), "{name}");
        total += wanted.order.len();
    }
    eprintln!(
        "{seconds} s: {kills} kills, {stops} stops, {reloads} reloads; {total} records of {} chunks, {} at the next hop: \
         none is missing, all scores are the same",
        sent.iter().map(Vec::len).sum::<usize>(),
        arrived
    );
}

#[test]
fn a_hangup_reads_the_configuration_again_and_a_wrong_one_is_told() {
    let next = Server::start(vec![]);
    let serve = Serve::start(INI, &next.url());
    let ini = serve.folder.path().join("fluent-anomaly.ini");
    let record = b"\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x82\xa4host\xa1a\xa2ms\x07";
    let mut client = serve.client();
    let mut sent = 0u8;
    let mut send = || {
        let id = [b'a' + sent];
        client.send(&[b"\x94\xa7app.web", &record[..], b"\x81\xa5chunk\xa1", &id].concat());
        client.expect(&[b"\x81\xa3ack\xa1", &id[..]].concat());
        sent += 1;
    };
    send();
    fs::write(&ini, "[series.latency]\nmatch: app.*\n").unwrap();
    serve.program.signal("HUP");
    wait_until("the problem", || serve.program.stderr().contains("value: the key is needed"));
    send();
    fs::write(
        &ini,
        format!("{INI}[series.twice]\nmatch: app.*\nvalue: $ms\nk: 1\nprefix: twice_\nwarm_up: off\n"),
    )
    .unwrap();
    serve.program.signal("HUP");
    wait_until("the reload", || serve.program.stderr().contains("was read again"));
    send();
    let records = next.records();
    let has = |n: usize, name: &str| records[n].1.to_string().contains(&format!("\"{name}\""));
    assert!(has(1, "score_outlier") && !has(1, "twice_score_outlier"));
    assert!(has(2, "score_outlier") && has(2, "twice_score_outlier"));
}

#[test]
fn what_cannot_be_read_is_set_aside_and_told() {
    let next = Server::start(vec![]);
    let mut serve = Serve::start(INI, &next.url());
    let record = b"\xd7\x00\x65\x53\xf1\x00\0\0\0\0\x82\xa4host\xa1a\xa2ms\x07";
    let message = [b"\x94\xa7app.web", &record[..], b"\x81\xa5chunk\xa1x"].concat();
    let mut client = serve.client();
    client.send(&message);
    client.expect(b"\x81\xa3ack\xa1x");
    serve.program.stop();
    let folder = serve.folder.path().to_owned();
    let models = folder.join("state/serve/models");
    let mut bytes = fs::read(&models).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&models, bytes).unwrap();
    (serve.program, serve.port) = Serve::program(&folder, &next.url(), "tcp");
    wait_until("a word", || serve.program.stderr().contains("set aside as models.bad"));
    assert!(Path::new(&folder.join("state/serve/models.bad")).exists());
    let mut client = serve.client();
    client.send(&message);
    client.expect(b"\x81\xa3ack\xa1x");
}
