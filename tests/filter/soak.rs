//! Long runs, started by hand; docs/reliability.md has their figures:
//! `cargo test --release --test filter soak -- --ignored --nocapture`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use fluent_anomaly::state::FolderStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};

use crate::common::wasm_host::Host;

const TAG: &str = "changefinder.cpu";
const START: u64 = 1_700_000_000;

/// A fixed sequence of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn config(max_series: usize, state: &str) -> String {
    format!(
        "[filter]\nmax_series: {max_series}\nstate: {state}\njournal: record\n[datadog.cpu]\nquery: avg:system.cpu.idle{{*}} by {{host}}\nr: 0.02\nk: 4\nT1: 5\nT2: 5\nwarm_up: off\n"
    )
}

fn record(host: &str, value: u64, time: u64) -> Vec<u8> {
    format!(
        r#"{{"metric":"system.cpu.idle","raw_value":{}.{:02},"scope":"host:{host}","host":"{host}","time":{time}}}"#,
        20 + value / 100 % 70,
        value % 100
    )
    .into_bytes()
}

fn native(config: &str, folder: Option<&Path>) -> Pipeline {
    let config = Config::parse("f.ini", config).unwrap();
    let storage = folder.map(|folder| Box::new(FolderStorage::open(folder).unwrap()) as _);
    let mut pipeline = Pipeline::new(&config, Format::Json, storage);
    pipeline.mend_records();
    pipeline
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

/// Resident memory of this process, KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}

/// 10 000 series at a time for 72 hours of event time, a record each half hour. Series come and go, so that old ones are
/// evicted; every nine hours of the first day and a half the filter is stopped without a word and started again, every five
/// hours its configuration is touched and read again. The undisturbed run is a native pipeline that keeps everything in
/// memory. Through the second half one instance lives, whose memory must not grow any more in the last day.
#[test]
#[ignore = "minutes; by hand"]
fn after_72_hours_with_restarts_evictions_and_reloads_scores_are_those_of_an_undisturbed_run() {
    let series = number("SOAK_SERIES", 10_000);
    let step = 60 * number("SOAK_MINUTES", 30);
    let rounds = 72 * 3600 / step;
    let max_series = series as usize;
    let ini = config(max_series, "state");
    let (site, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = site.path().join("fluent-anomaly.ini");
    fs::write(&file, &ini).unwrap();
    let mut undisturbed = native(&config(max_series, "off"), None);
    let mut module = Host::start(site.path());
    let mut native_one = Some(native(&ini, Some(folder.path())));

    let (mut restarts, mut reloads, mut scored) = (0, 0, 0_u64);
    let mut memory = Vec::new();
    for round in 0..rounds {
        let seconds = round * step;
        if round > 0 && seconds <= 36 * 3600 && seconds % (9 * 3600) < step {
            module = Host::start(site.path());
            drop(native_one.take());
            native_one = Some(native(&ini, Some(folder.path())));
            restarts += 1;
        } else if round > 0 && seconds % (5 * 3600) < step {
            fs::write(&file, format!("{ini}; {round}\n")).unwrap();
            reloads += 1;
        }
        if seconds % (6 * 3600) < step {
            memory.push((seconds / 3600, module.memory_bytes() / 1024, resident() / 1024));
        }
        for n in 0..series {
            // each series lives for a day and a half, then another one takes its place
            let generation = (seconds + n * 7919 % 129_600) / 129_600;
            let host = format!("web-{n}-{generation}");
            let value = Random(n << 32 | round).below(7000);
            let original = record(&host, value, START + seconds);
            let time = (START + seconds) as u32;

            let mut expected = original.clone();
            undisturbed.process(TAG.as_bytes(), Time::from_seconds(i64::from(time)), &mut expected);
            scored += u64::from(expected.len() > original.len());
            let ours = module.filter(TAG.as_bytes(), (time, 0), &original).expect("no record is lost");
            assert!(
                ours == expected,
                "{}\n{}",
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&expected)
            );
            let mut ours = original;
            let pipeline = native_one.as_mut().expect("it runs");
            pipeline.process(TAG.as_bytes(), Time::from_seconds(i64::from(time)), &mut ours);
            assert!(
                ours == expected,
                "{}\n{}",
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&expected)
            );
        }
    }
    let (live, evicted) = undisturbed.series();
    println!(
        "{} records of {series} series over 72 h, {scored} scored; {restarts} restarts, {reloads} reloads, {live} series live, {evicted} evicted; all records equal",
        rounds * series
    );
    println!("hour, KiB of the module's memory, MiB of this process (three filters):");
    for (hour, module, process) in &memory {
        println!("{hour:4} {module:8} {process:6}");
    }
    assert!(evicted > 0 && restarts > 0 && reloads > 0 && scored > 0);
    let most = |hours: std::ops::Range<u64>| {
        memory.iter().filter(|(hour, ..)| hours.contains(hour)).map(|(_, module, _)| *module).max()
    };
    assert!(most(54..72) <= most(48..54), "the module's memory does not grow in the last day");
}

/// The command `filter` is killed a thousand times in the middle of records; what was not answered is given again.
#[test]
#[ignore = "minutes; by hand"]
fn after_a_thousand_kills_every_record_has_the_scores_of_an_undisturbed_run() {
    const SERIES: u64 = 60;
    let kills = number("SOAK_KILLS", 1000);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), config(1000, "state")).unwrap();
    let mut undisturbed = native(&config(1000, "off"), None);
    let mut random = Random(7);
    let (mut answered, mut cut) = (0_u64, 0);
    let mut expected: Vec<Vec<u8>> = Vec::new(); // of the records from `answered` on
    let mut originals: Vec<Vec<u8>> = Vec::new();
    for _ in 0..kills {
        while originals.len() < 300 {
            let n = answered + originals.len() as u64;
            let original =
                record(&format!("web-{}", n % SERIES), random.below(7000), START + 60 * (n / SERIES));
            let mut scored = original.clone();
            undisturbed.process(TAG.as_bytes(), Time::from_seconds(START as i64), &mut scored);
            originals.push(original);
            expected.push(scored);
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .args(["filter", "--tag", TAG])
            .arg("-c")
            .arg(folder.path().join("fluent-anomaly.ini"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        // in two pieces, the second of which is under way when the kill comes
        let first = 1 + random.below(250) as usize;
        stdin.write_all(&lines(&originals[..first])).unwrap();
        let awaited = random.below(first as u64) as usize;
        let mut seen = 0;
        while seen < awaited {
            let line = answers.next().expect("an answer").unwrap();
            assert_eq!(line.as_bytes(), expected[seen], "record {}", answered + seen as u64);
            seen += 1;
        }
        stdin.write_all(&lines(&originals[first..])).unwrap();
        for _ in 0..random.below(400_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        drop(stdin);
        // what was written before; a line without its end was not answered
        let mut rest = Vec::new();
        for line in answers.map_while(Result::ok) {
            rest.push(line.into_bytes());
        }
        for line in rest {
            if seen < expected.len() && line == expected[seen] {
                seen += 1;
            } else {
                assert!(expected[seen].starts_with(&line), "{}", String::from_utf8_lossy(&line));
            }
        }
        cut += u64::from(seen < originals.len());
        originals.drain(..seen);
        expected.drain(..seen);
        answered += seen as u64;
    }
    println!(
        "{kills} kills, {cut} of them with records under way, {answered} records, all with the scores of an undisturbed run"
    );
    assert!(cut > kills / 2, "most kills came too late to show anything");
}

fn lines(records: &[Vec<u8>]) -> Vec<u8> {
    records.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect()
}
