//! Members that are killed, stopped and added at random, for as long as `CHAOS_SECONDS` says.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::{Broker, START_MS, Writer, assert_exactly_once};
use crate::common::program::Running;
use crate::exactly_once::{SECTIONS, config, topics};

const PARTITIONS: i32 = 6;
/// Records at once, and the time between.
const BURST: i64 = 300;
const PAUSE: Duration = Duration::from_millis(400);

/// Windows whose records leave besides.
const WINDOWS: &str = "[series.n]\nmatch: *\nmeasure: count\nevery: 1m\nlate: 2s\ntime: $t\nby: $s\nk: 2\nwarm_up: off\nprefix: n_\nwindows: records\n";

/// Record `n`, a second behind the one before.
fn write(writer: &Writer, topic: &str, n: i64) {
    let (series, time_ms) = (n % i64::from(3 * PARTITIONS), START_MS + n * 1000);
    let value = n.wrapping_mul(n) * 7919 % 1000;
    let record = format!("{{\"s\":\"s{series}\",\"v\":{value},\"n\":{n},\"t\":{}}}", time_ms / 1000);
    let (partition, key) = ((series % i64::from(PARTITIONS)) as i32, format!("s{series}"));
    writer.send(topic, partition, Some(&key), Some(record.as_bytes()), time_ms);
}

/// Ends the writer, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The same disturbances in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn members_killed_stopped_and_added_at_random_lose_and_repeat_nothing() {
    let broker = Broker::start();
    let given = std::env::var("CHAOS_SECONDS").ok().and_then(|text| text.parse().ok());
    if given.is_none() && !broker.holds_out() {
        return;
    }
    let seconds = given.unwrap_or(30);
    let [group, from, to] = topics(&broker, PARTITIONS);
    let sections = format!("{SECTIONS}{WINDOWS}");
    let config = config(&broker, "").replace(SECTIONS, &sections).replace("checkpoint: 1s", "checkpoint: 5s");
    let (count, is_over) = (AtomicI64::new(0), AtomicBool::new(false));
    let (mut killed, mut stopped, mut added) = (0, 0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let writer = broker.writer();
            while !is_over.load(Relaxed) {
                let from_here = count.load(Relaxed);
                (from_here..from_here + BURST).for_each(|n| write(&writer, &from, n));
                writer.flush();
                count.store(from_here + BURST, Relaxed);
                thread::sleep(PAUSE);
            }
        });
        let over = Over(&is_over);
        let mut dice = Dice(7);
        let mut number = 0;
        // a member that was killed comes back under its name, whether others come or not
        let mut names: Vec<&str> = vec!["m1", "m2", "m3", "m4"];
        let mut members: Vec<(&str, Running)> = Vec::new();
        let mut add = |members: &mut Vec<(&'static str, Running)>, names: &mut Vec<&'static str>| {
            number += 1;
            if let Some(name) = names.pop() {
                members.push((name, broker.member(&config, &format!("{name}.{number}"))));
            }
        };
        add(&mut members, &mut names);
        add(&mut members, &mut names);
        let mut is_killed = false;
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(2000 + dice.below(16_000)));
            let action = dice.below(3);
            if is_killed || members.len() < 2 || (action == 2 && members.len() < 4) {
                add(&mut members, &mut names);
                is_killed = false;
                added += 1;
                continue;
            }
            let (name, mut member) = members.swap_remove(dice.below(members.len() as u64) as usize);
            if action == 1 {
                assert!(member.stop().success(), "{}", member.stderr());
                stopped += 1;
            } else {
                member.signal("KILL");
                member.wait();
                killed += 1;
                is_killed = true;
            }
            names.push(name);
        }
        if is_killed {
            add(&mut members, &mut names);
        }
        drop(over);
        // what the writer had begun
        thread::sleep(2 * PAUSE);
        broker.wait_committed(&group, &from, PARTITIONS, count.load(Relaxed));
        for (_, member) in &mut members {
            assert!(member.stop().success(), "{}", member.stderr());
        }
    });
    let records = assert_exactly_once(&broker, &sections, &from, &to, PARTITIONS);
    assert_eq!(records as i64, count.load(Relaxed));
    let left = broker.read(&to, PARTITIONS).iter().map(Vec::len).sum::<usize>();
    let windows = left - records;
    assert!(windows * 20 > records, "{windows} windows of {records} records");
    println!(
        "{seconds} s: {killed} killed, {stopped} stopped, {added} added; {records} records and {windows} windows, none missing, none twice, \
         all with the bytes of an undisturbed run"
    );
}
