//! What `stream` costs. In release, alone on the machine:
//! `cargo test --release --features kafka --test stream figures -- --ignored --nocapture --test-threads 1`.
//!
//! The broker is the one of the tests: it answers from memory within microseconds, so what is measured is the member.
//! `RECORDS`, `SERIES` and `MEMBERS` choose other sizes.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::{Broker, START_MS};
use crate::common::program::Running;
use crate::exactly_once::topics;

const PARTITIONS: i32 = 24;
const SECTIONS: &str = "[filter]\nstate: off\nmax_series: 10000000\n[series.a]\nmatch: *\nvalue: $latency_ms\nby: $service\nk: 7\nwarm_up: off\n";

/// Each series is watched besides.
const MONITOR: &str = "[monitor.a]\non: a\nquery: avg(last_1h):anomalies(avg:a{*} by {service}, 'robust', 2, direction='both', alert_window='last_5m', interval=60, count_default_zero='true', seasonality='daily') >= 0.5\n";

fn sizes(name: &str, default: &[i64]) -> Vec<i64> {
    let given = std::env::var(name).ok();
    let given = given.map(|text| text.split(',').map(|one| one.parse().unwrap()).collect());
    given.unwrap_or_else(|| default.to_vec())
}

/// CPU of a process, user and system, seconds.
fn cpu_s(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

fn record(n: i64, series: i64) -> (i64, String) {
    let one = (n * 7919) % series;
    let value = format!(
        "{{\"service\":\"checkout-{one:07}\",\"latency_ms\":{}.{},\"status\":200,\"path\":\"/api/v1/orders\",\"zone\":\"eu-{}\"}}",
        n.wrapping_mul(n).rem_euclid(997),
        n % 10,
        one % 3
    );
    (one, value)
}

fn config(broker: &Broker, [group, from, to]: &[String; 3], sections: &str, more: &str) -> String {
    format!(
        "{SECTIONS}{sections}[kafka]\nbrokers: {}\ngroup: {group}\nfrom: {from}\nto: {to}\ncheckpoint: 1h\nkafka.session.timeout.ms: 6000\n{more}",
        broker.address
    )
}

fn fill(broker: &Broker, from: &str, records: i64, series: i64) {
    let writer = broker.writer();
    for n in 0..records {
        let (one, value) = record(n, series);
        let key = format!("checkout-{one:07}");
        let partition = (one % i64::from(PARTITIONS)) as i32;
        writer.send_plain(from, partition, &key, value.as_bytes(), START_MS + n);
    }
    writer.flush();
}

/// CPU of `filter` on the same records, seconds.
fn filter_s(broker: &Broker, records: i64, series: i64) -> f64 {
    let folder = broker.folder.path();
    let lines: String = (0..records).map(|n| record(n, series).1 + "\n").collect();
    fs::write(folder.join("lines"), lines).unwrap();
    fs::write(folder.join("filter.ini"), SECTIONS).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["filter", "-c", "filter.ini", "--tag", "x"])
        .current_dir(folder)
        .stdin(fs::File::open(folder.join("lines")).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // what it has used is known until it is waited for
    let stat = format!("/proc/{}/stat", child.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        thread::sleep(Duration::from_millis(20));
    }
    let used = cpu_s(child.id());
    child.wait().unwrap();
    used
}

#[test]
#[ignore = "a measurement: it takes minutes, and a quiet machine"]
fn figures_of_cpu_a_record_with_members_and_series() {
    let records = sizes("RECORDS", &[1_000_000])[0];
    for series in sizes("SERIES", &[1000, 100_000, 1_000_000]) {
        for members in sizes("MEMBERS", &[1, 2, 4]) {
            let broker = Broker::own();
            let names = topics(&broker, PARTITIONS);
            let [group, from, _] = &names;
            let server = broker.server();
            server.hold(Some(from));
            fill(&broker, from, records, series);
            let text = config(&broker, &names, "", "");
            let mut running: Vec<Running> =
                (0..members).map(|n| broker.member(&text, &format!("m{n}"))).collect();
            server.wait_for_members(group, members as usize);
            thread::sleep(Duration::from_secs(2));
            let used = || running.iter().map(|member| cpu_s(member.id())).collect::<Vec<f64>>();
            let to_begin = used();
            let (began, counts_before) = (Instant::now(), server.counts());
            server.hold(None);
            broker.wait_committed(group, from, PARTITIONS, records);
            let elapsed = began.elapsed().as_secs_f64();
            let used: Vec<f64> = used().iter().zip(&to_begin).map(|(all, before)| all - before).collect();
            let sum: f64 = used.iter().sum();
            let transactions = server.counts().committed - counts_before.committed;
            for member in &mut running {
                member.signal("KILL");
                member.wait();
            }
            let filter = filter_s(&broker, records, series);
            let per = |seconds: f64| seconds / records as f64 * 1e6;
            println!(
                "{records} records, {series} series, {members} members: {:.2} us a record (each {used:.2?} s), filter {:.2}, on top {:.2}; {elapsed:.1} s, {transactions} transactions; each to begin {to_begin:.2?} s",
                per(sum),
                per(filter),
                per(sum - filter),
            );
        }
    }
}

#[test]
#[ignore = "a measurement: it takes minutes, and a quiet machine"]
fn figures_of_a_take_over_of_all_partitions() {
    for series in sizes("SERIES", &[100_000, 1_000_000]) {
        for (monitor, more) in [("", ""), ("", "checkpoint_folder: shared\n"), (MONITOR, "")] {
            if !monitor.is_empty() && series > 100_000 {
                continue;
            }
            let broker = Broker::start();
            let names = topics(&broker, PARTITIONS);
            let [group, from, _] = &names;
            fill(&broker, from, 2 * series, series);
            let text = config(&broker, &names, monitor, more);
            let mut first = broker.member(&text, "m.1");
            broker.wait_committed(group, from, PARTITIONS, 2 * series);
            let began = Instant::now();
            assert!(first.stop().success(), "{}", first.stderr());
            println!("{series} series: all checkpoints written in {:.1} s", began.elapsed().as_secs_f64());
            let began = Instant::now();
            let mut second = broker.member(&text, "m.2");
            let path = broker.folder.path().join("m.2.stderr");
            let said = || fs::read_to_string(&path).unwrap().contains("partitions more");
            second.wait_for("partitions", said);
            println!(
                "{series} series, {monitor:.9} {more:?}: {:.1} s, {:.2} s of CPU\n{}",
                began.elapsed().as_secs_f64(),
                cpu_s(second.id()),
                second.stderr()
            );
            second.signal("KILL");
            second.wait();
        }
    }
}
