//! Wrong settings, wrong credentials, and what else a member may find.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use crate::broker::{Broker, Seen, assert_exactly_once};
use crate::exactly_once::{SECTIONS, config, topics};

fn run(config: &str, args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.ini"), config).unwrap();
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["stream", "-c", "f.ini"])
        .args(args)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn wrong_settings_end_it_at_once_and_are_told_by_key() {
    for (kafka, told) in [
        ("", "f.ini: [kafka] brokers: the key is needed, or the option --brokers"),
        ("brokers: b:1\ngroup: g\nfrom: t\nto: t\n", "[kafka] to: \"t\" is the topic of `from` too"),
        (
            "brokers: b:1\ngroup: g\nfrom: t\nto: u\nrekey: u\n",
            "[kafka] rekey: \"u\" is the topic of `from` or `to`",
        ),
        (
            "brokers: b:1\ngroup: g\nfrom: t\nto: u\nkafka.no.such: 1\n",
            "kafka.no.such: No such configuration property",
        ),
        (
            "brokers: b:1\ngroup: g\nfrom: t\nto: u\nkafka.auto.offset.reset: never\n",
            "kafka.auto.offset.reset: \"never\" is not allowed: earliest or latest",
        ),
    ] {
        let (status, text) = run(&format!("{SECTIONS}[kafka]\n{kafka}"), &[]);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn topics_that_do_not_exist_are_told() {
    let broker = Broker::start();
    let [group, known, _] = topics(&broker, 1);
    let text = format!("{SECTIONS}[kafka]\n");
    for (from, to) in [("no-such-topic", known.as_str()), (known.as_str(), "no-such-topic")] {
        let args = ["--brokers", &broker.address, "--group", &group, "--from", from, "--to", to];
        let (status, text) = run(&text, &args);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("kafka: topic \"no-such-topic\" does not exist at "), "{text}");
    }
}

/// A broker that takes no password: ApiVersions 0 with the three calls of a log-in, then the refusal.
fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    loop {
        let mut size = [0; 4];
        client.read_exact(&mut size)?;
        let mut request = vec![0; u32::from_be_bytes(size) as usize];
        client.read_exact(&mut request)?;
        let (call, version) = ([request[0], request[1]], [request[2], request[3]]);
        let mut answer = request[4..8].to_vec();
        match (u16::from_be_bytes(call), u16::from_be_bytes(version)) {
            (18, 0) => {
                answer.extend([0, 0, 0, 0, 0, 3]);
                for (call, latest) in [(17, 1), (18, 0), (36, 0)] {
                    answer.extend([0, call, 0, 0, 0, latest]);
                }
            }
            (18, _) => answer.extend([0, 35, 0, 0, 0, 0]), // a version that it does not know
            (17, _) => answer.extend(*b"\0\0\0\0\0\x01\0\x05PLAIN"),
            (36, _) => {
                answer.extend(*b"\0\x3a\0\x15Authentication failed");
                answer.extend([0, 0, 0, 0]);
            }
            _ => return Ok(()),
        }
        client.write_all(&(answer.len() as u32).to_be_bytes())?;
        client.write_all(&answer)?;
    }
}

#[test]
fn wrong_credentials_are_told_tried_again_and_stand_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let broker = Broker::at(listener.local_addr().unwrap().to_string());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(|| refuse(client));
        }
    });
    let secure =
        "kafka.security.protocol: sasl_plaintext\nkafka.sasl.mechanism: PLAIN\nkafka.sasl.username: user\n";
    let text = config(&broker, secure);
    let mut member = broker.member_with(&text, "a", &[("KAFKA_SASL_PASSWORD", "hunter2-secret")]);
    let log = broker.folder.path().join("a.stderr");
    let said = |what: &str| std::fs::read_to_string(&log).unwrap().contains(what);
    member.wait_for("refusal", || said("Authentication failed") && said("begins anew in "));
    member.signal("TERM");
    member.wait();
    let text = broker.logs();
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn two_groups_on_one_topic_of_checkpoints_do_not_disturb_each_other() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 2);
    let other = broker.name("other");
    broker.create_topic(&other, 2);
    let shared = broker.name("checkpoints");
    let one = config(&broker, &format!("checkpoint_topic: {shared}\n"));
    let second = format!("second-{group}");
    let two = one.replace(&group, &second).replace(&format!("to: {to}"), &format!("to: {other}"));
    let writer = broker.writer();
    for (round, end) in [(0, 300), (1, 600)] {
        writer.records(&from, 2, end - 300..end);
        let mut members = [(&one, "one"), (&two, "two")]
            .map(|(text, name)| broker.member(text, &format!("{name}.{round}")));
        broker.wait_committed(&group, &from, 2, end);
        broker.wait_committed(&second, &from, 2, end);
        for member in &mut members {
            member.signal("KILL");
            member.wait();
        }
    }
    for to in [&to, &other] {
        assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, to, 2), 600);
    }
}

#[test]
fn records_get_the_key_of_their_series_and_are_scored_in_one_partition() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 3);
    let rekey = broker.name("rekey");
    let text = config(&broker, &format!("rekey: {rekey}\n"));
    let writer = broker.writer();
    // each series is spread over all partitions
    for n in 0..300 {
        let value = format!("{{\"s\":\"s{}\",\"v\":{},\"n\":{n}}}", n % 5, n * n % 100);
        writer.send(&from, (n % 3) as i32, None, Some(value.as_bytes()), 1_710_000_000_000 + n * 1000);
    }
    writer.send(&from, 0, None, Some(b"no record"), 1_710_000_000_000);
    writer.flush();
    let mut member = broker.member(&text, "a.1");
    broker.wait_committed(&group, &from, 3, 301);
    broker.wait_committed(&group, &rekey, 3, 300);
    member.signal("KILL");
    member.wait();
    let mut member = broker.member(&text, "a.2");
    broker.wait_committed(&group, &rekey, 3, 300);
    assert!(member.stop().success());
    let keyed = broker.read(&rekey, 3);
    for series in 0..5 {
        let key = format!("s{series}").into_bytes();
        let holders = keyed.iter().filter(|records| records.iter().any(|one| one.key.as_ref() == Some(&key)));
        assert_eq!(holders.count(), 1, "s{series} lives in one partition");
    }
    let seen: Vec<String> = broker.read(&to, 3).iter().flatten().map(Seen::text).collect();
    assert_eq!(seen.len(), 301);
    assert_eq!(seen.iter().filter(|text| text.contains("\"score_outlier\"")).count(), 300);
}

#[test]
fn a_record_that_its_annotations_make_too_large_for_the_topic_leaves_as_it_came() {
    let broker = Broker::start();
    // the wheel's broker takes records of any size
    if !broker.holds_out() {
        return;
    }
    let [group, from, to] = ["group", "from", "to"].map(|name| broker.name(name));
    broker.create_topic(&from, 1);
    let text = format!("{{\"s\":\"a\",\"v\":5,\"text\":\"{}\"}}", "x".repeat(300_000));
    // room for the head of a batch and of a record, not for scores
    broker.create_topic_that_takes(&to, 1, text.len() + 120);
    let writer = broker.writer();
    for value in ["{\"s\":\"a\",\"v\":1}", &text, "{\"s\":\"a\",\"v\":2}"] {
        writer.send_plain(&from, 0, "a", value.as_bytes(), 1_710_000_000_000);
    }
    writer.flush();
    let mut member = broker.member(&config(&broker, ""), "a");
    broker.wait_committed(&group, &from, 1, 3);
    assert!(member.stop().success(), "{}", member.stderr());
    let texts: Vec<String> = broker.read(&to, 1)[0].iter().map(Seen::text).collect();
    assert_eq!(texts.len(), 3);
    assert_eq!(texts[1], text);
    assert!(texts[0].contains("score_outlier") && texts[2].contains("score_outlier"), "{texts:.300?}");
    assert!(member.stderr().contains("large records leave as they came"), "{}", member.stderr());
}

#[test]
fn partitions_that_a_topic_gets_are_told_and_read() {
    let broker = Broker::own();
    let server = broker.server();
    let [group, from, _] = topics(&broker, 2);
    let text = config(&broker, "");
    let writer = broker.writer();
    writer.records(&from, 2, 0..200);
    let mut member = broker.member(&text, "a.1");
    broker.wait_committed(&group, &from, 2, 200);
    assert!(member.stop().success(), "{}", member.stderr());
    server.extend(&from, 3);
    broker.writer().records(&from, 3, 200..500);
    let mut member = broker.member(&text, "a.2");
    broker.wait_committed(&group, &from, 3, 500);
    assert!(member.stop().success(), "{}", member.stderr());
    let told =
        "the topic has 3 partitions and had 2 at the last checkpoint: series whose keys moved begin anew";
    assert!(member.stderr().contains(told), "{}", member.stderr());
}

#[test]
fn partitions_that_a_topic_gets_under_a_member_are_told_and_scored_into_those_that_the_output_has() {
    let broker = Broker::own();
    let server = broker.server();
    let [group, from, to] = topics(&broker, 2);
    let text = config(&broker, "kafka.topic.metadata.refresh.interval.ms: 300\n");
    broker.writer().records(&from, 2, 0..200);
    let mut member = broker.member(&text, "a.1");
    broker.wait_committed(&group, &from, 2, 200);
    server.extend(&from, 3);
    broker.writer().records(&from, 3, 200..500);
    broker.wait_committed(&group, &from, 3, 500);
    let told = format!("{from}: the topic has 3 partitions and had 2: series whose keys moved begin anew");
    assert_eq!(member.stderr().matches(&told).count(), 1, "{}", member.stderr());
    assert!(!member.stderr().contains("begins anew in"), "{}", member.stderr());
    let mut numbers: Vec<i64> = broker.read(&to, 2).iter().flatten().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..500).collect::<Vec<i64>>());
    // its checkpoints know: the next member has nothing to tell
    assert!(member.stop().success(), "{}", member.stderr());
    let mut member = broker.member(&text, "a.2");
    broker.writer().records(&from, 3, 500..600);
    broker.wait_committed(&group, &from, 3, 600);
    assert!(member.stop().success(), "{}", member.stderr());
    assert!(!member.stderr().contains("keys moved"), "{}", member.stderr());
}

/// The `n` of a record.
fn number(seen: &Seen) -> i64 {
    let text = seen.text();
    let (_, rest) = text.split_once("\"n\":").unwrap();
    rest.split([',', '}']).next().unwrap().parse().unwrap()
}
