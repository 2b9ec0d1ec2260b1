//! What leaves, and that it leaves once.

use std::fs;

use crate::broker::{Broker, START_MS, Seen, assert_exactly_once};
use crate::common::program::Running;

pub(crate) const SECTIONS: &str = "[series.a]\nmatch: *\nvalue: $v\nby: $s\nk: 3\nwarm_up: off\n";

/// The shortest session that brokers take by default.
pub(crate) fn config(broker: &Broker, more: &str) -> String {
    let [group, from, to] = ["group", "from", "to"].map(|name| broker.name(name));
    format!(
        "{SECTIONS}[kafka]\ngroup: {group}\nfrom: {from}\nto: {to}\ncheckpoint: 1s\nkafka.session.timeout.ms: 6000\n{more}"
    )
}

/// Input, output and the group of [`config`].
pub(crate) fn topics(broker: &Broker, partitions: i32) -> [String; 3] {
    let [group, from, to] = ["group", "from", "to"].map(|name| broker.name(name));
    broker.create_topic(&from, partitions);
    broker.create_topic(&to, partitions);
    [group, from, to]
}

#[test]
fn key_headers_time_and_order_are_kept_and_what_is_no_record_passes() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 2);
    let writer = broker.writer();
    let large = format!("{{\"s\":\"a\",\"v\":5,\"text\":\"{}\"}}", "x".repeat(10 << 20));
    let sent: [(Option<&str>, Option<&[u8]>); 7] = [
        (Some("a"), Some(b"{\"s\":\"a\",\"v\":1}")),
        (Some("a"), None),
        (Some("b"), Some(b"no record")),
        (Some("b"), Some(b"")),
        (Some("b"), Some(&[0xff, 0, 1])),
        (None, Some(b"{\"s\":\"a\",\"v\":2}")),
        (Some("a"), Some(large.as_bytes())),
    ];
    for (n, (key, value)) in sent.into_iter().enumerate() {
        writer.send(&from, 1, key, value, START_MS + n as i64);
    }
    writer.flush();
    let mut member = broker.member(&config(&broker, ""), "a");
    broker.wait_committed(&group, &from, 2, sent.len() as i64);
    assert!(member.stop().success(), "{}", member.stderr());
    let [empty, seen] = &broker.read(&to, 2)[..] else { panic!("two partitions") };
    assert!(empty.is_empty());
    for (n, (seen, (key, _))) in seen.iter().zip(sent).enumerate() {
        assert_eq!(seen.key.as_deref(), key.map(str::as_bytes), "message {n}");
        assert_eq!(seen.headers, [("trace".to_owned(), Some(b"a1".to_vec()))], "message {n}");
        assert_eq!(seen.time_ms, Some(START_MS + n as i64));
    }
    let values: Vec<Option<&[u8]>> = seen.iter().map(|seen| seen.value.as_deref()).collect();
    assert_eq!(values[1..5], [None, Some(&b"no record"[..]), Some(b""), Some(&[0xff, 0, 1])]);
    let texts: Vec<String> = seen.iter().map(Seen::text).collect();
    assert!(texts[0].contains("\"score_outlier\":"), "{}", texts[0]);
    assert!(texts[5].contains("\"anomaly_error\":\"the message has no key"), "{}", texts[5]);
    assert!(texts[6].contains("\"score_outlier\":") && texts[6].len() > 10 << 20, "{:.200}", texts[6]);
}

fn kill_and_go_on(more: &str) {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 4);
    let writer = broker.writer();
    let config = config(&broker, more);
    let mut count = 0;
    for life in 0..3 {
        let name = format!("a.{life}");
        let mut member = broker.member(&config, &name);
        for _ in 0..4 {
            writer.records(&from, 4, count..count + 300);
            count += 300;
            broker.wait_committed(&group, &from, 4, count - 150);
        }
        // in the middle of whatever it is doing
        writer.records(&from, 4, count..count + 300);
        count += 300;
        member.signal("KILL");
        member.wait();
    }
    let mut last = broker.member(&config, "a.last");
    let log = broker.folder.path().join("a.last.stderr");
    last.wait_for("partitions", || fs::read_to_string(&log).unwrap().contains(" series, "));
    broker.wait_committed(&group, &from, 4, count);
    assert!(last.stop().success());
    assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, &to, 4) as i64, count);
}

#[test]
fn a_member_that_is_killed_loses_and_repeats_nothing_with_checkpoints_in_a_topic() {
    kill_and_go_on("");
}

#[test]
fn a_member_that_is_killed_loses_and_repeats_nothing_with_checkpoints_in_a_folder() {
    kill_and_go_on("checkpoint_folder: shared\n");
}

#[test]
fn a_crash_before_the_second_checkpoint_replays_the_input_from_its_beginning() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 2);
    let config = config(&broker, "").replace("checkpoint: 1s", "checkpoint: 1h");
    broker.writer().records(&from, 2, 0..400);
    let mut member = broker.member(&config, "a.1");
    broker.wait_committed(&group, &from, 2, 400);
    member.signal("KILL");
    member.wait();
    broker.writer().records(&from, 2, 400..500);
    let mut member = broker.member(&config, "a.2");
    broker.wait_committed(&group, &from, 2, 500);
    assert!(member.stderr().contains(" 400 records to replay"), "{}", member.stderr());
    member.stop();
    assert_exactly_once(&broker, SECTIONS, &from, &to, 2);
}

#[test]
fn partitions_move_to_a_member_that_comes_and_back_from_one_that_goes() {
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 4);
    let config = config(&broker, "");
    let writer = broker.writer();
    writer.records(&from, 4, 0..400);
    let mut first = broker.member(&config, "first");
    broker.wait_committed(&group, &from, 4, 400);
    let mut second = broker.member(&config, "second");
    let path = broker.folder.path().join("second.stderr");
    second.wait_for("partitions", || fs::read_to_string(&path).unwrap().contains("2 partitions more"));
    writer.records(&from, 4, 400..800);
    broker.wait_committed(&group, &from, 4, 800);
    let told = |running: &Running| running.stderr();
    assert!(told(&second).contains("0 records to replay"), "a checkpoint was handed over: {}", told(&second));
    assert!(first.stop().success());
    writer.records(&from, 4, 800..1200);
    broker.wait_committed(&group, &from, 4, 1200);
    assert!(second.stop().success());
    assert_eq!(assert_exactly_once(&broker, SECTIONS, &from, &to, 4), 1200);
}

#[test]
fn windows_leave_once_each_as_a_record_of_its_own_over_kills() {
    let sections = "[series.n]\nmatch: *\nmeasure: count\nevery: 10s\nlate: 2s\ntime: $t\nby: $s\nk: 2\nwarm_up: off\nwindows: records\n";
    let broker = Broker::start();
    let [group, from, to] = topics(&broker, 2);
    let writer = broker.writer();
    let config = config(&broker, "").replace(SECTIONS, sections);
    let mut count = 0_i64;
    let mut write = |more: i64| {
        for n in count..count + more {
            let (series, time_ms) = (n * n % 6, START_MS + n * 1000);
            let value = format!("{{\"s\":\"s{series}\",\"t\":{}}}", time_ms / 1000);
            let (partition, key) = ((series % 2) as i32, format!("s{series}"));
            writer.send(&from, partition, Some(&key), Some(value.as_bytes()), time_ms);
        }
        writer.flush();
        count += more;
        count
    };
    for life in 0..3 {
        let mut member = broker.member(&config, &format!("a.{life}"));
        for _ in 0..3 {
            let written = write(200);
            broker.wait_committed(&group, &from, 2, written - 100);
        }
        write(200);
        member.signal("KILL");
        member.wait();
    }
    let mut last = broker.member(&config, "a.last");
    broker.wait_committed(&group, &from, 2, write(50));
    assert!(last.stop().success());
    assert_exactly_once(&broker, sections, &from, &to, 2);
    let windows: Vec<Seen> = broker
        .read(&to, 2)
        .into_iter()
        .flatten()
        .filter(|seen| seen.text().starts_with("{\"anomaly_window\""))
        .collect();
    assert!(windows.len() > 500, "{}", windows.len());
    for window in &windows {
        assert_eq!(window.headers, [("tag".to_owned(), Some(b"anomaly.window.n".to_vec()))]);
        let text = window.text();
        let key = String::from_utf8_lossy(window.key.as_deref().unwrap());
        assert!(text.contains(&format!("\"by\":{{\"s\":\"{key}\"}}")), "{text}");
        assert!(text.contains(&format!("\"to\":{},", window.time_ms.unwrap() / 1000)), "{text}");
    }
}
