//! Whatever the state folder holds: the bank opens, scores, and leaves a folder that opens without a complaint.

use std::collections::BTreeMap;

use fluent_anomaly::internals::{Reader, checksum};
use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::{Config, Format, Pipeline, Time};

#[path = "../../../src/bank/tests/seal.rs"]
mod seal;
use seal::seal;

const CONFIG: &str = "[series.a]\nmatch: *\nvalue: $x\nby: $h\nk: 2\nT1: 2\nT2: 2\nwarm_up: off\n[monitor.m]\non: a\nquery: avg(last_4h):anomalies(avg:m{*} by {h}, 'agile', 2, alert_window='last_5m', interval=60, seasonality='hourly') >= 0.8\n[series.b]\nmatch: *\nvalue: $x\nprefix: b_\nanomaly_score: on\n";

/// Starts of a filter, so many that the journals become a snapshot.
const STARTS: i64 = 70;

type Files = BTreeMap<String, Vec<u8>>;

thread_local! {
    static CONFIG_OF_ALL: Config = Config::parse("f.ini", CONFIG).expect("a fixed text");
    /// Sound folders: one journal, several journals, a snapshot and journals, a snapshot and one journal.
    static SOUND: [Files; 4] = [sound(1), sound(3), sound(STARTS), sound(STARTS + 3)];
}

/// What is in the folder after so many starts, with a few records each.
fn sound(starts: i64) -> Files {
    let disk = MemoryStorage::new();
    for start in 0..starts {
        let mut pipeline = open(&disk);
        for n in 0..12 {
            score(&mut pipeline, 12 * start + n);
        }
    }
    disk.with_files(|files| files.clone())
}

fn open(disk: &MemoryStorage) -> Pipeline {
    CONFIG_OF_ALL.with(|config| Pipeline::new(config, Format::Json, Some(Box::new(disk.clone()))))
}

/// The first byte says what the rest is: with its first bit set, changes of a sound folder, of the kind of bits 2 and 3,
/// behind their checksums where the second bit is set; else a snapshot and two journals, likewise.
pub fn run(data: &[u8]) {
    let Some((&how, rest)) = data.split_first() else { return };
    let disk = MemoryStorage::new();
    if how & 1 == 1 {
        let mut sound = SOUND.with(|sound| sound[usize::from(how >> 2 & 3)].clone());
        let count = sound.len();
        for patch in rest.chunks_exact(4) {
            let Some(file) = sound.values_mut().nth(usize::from(patch[0]) % count) else { continue };
            let at = usize::from(u16::from_le_bytes([patch[1], patch[2]])) % file.len().max(1);
            if let Some(byte) = file.get_mut(at) {
                *byte ^= patch[3];
            }
        }
        disk.with_files(|files| *files = sound);
    } else {
        let third = rest.len() / 3;
        disk.with_files(|files| {
            for (name, bytes) in
                ["snapshot", "journal-01", "journal-02"].into_iter().zip(rest.chunks(third.max(1)))
            {
                files.insert(name.to_owned(), [&b"FLUANOM\x01"[..], bytes].concat());
            }
        });
    }
    if how & 2 == 2 {
        disk.with_files(|files| files.values_mut().for_each(|file| seal(file)));
    }
    let mut pipeline = open(&disk);
    let first = score(&mut pipeline, 1);
    assert!(first.starts_with(br#"{"x":1.5,"h":"1"#));
    drop(pipeline);
    let mut again = open(&disk);
    score(&mut again, 2);
    // what is told of a section is about its records: a broken state may hold any time
    let told = again.take_log().into_iter().filter(|line| !line.starts_with('['));
    assert_eq!(told.collect::<Vec<_>>(), [""; 0], "told once, then sound");
}

fn score(pipeline: &mut Pipeline, n: i64) -> Vec<u8> {
    let mut record = format!(r#"{{"x":{}.5,"h":"{}"}}"#, n % 7, n % 3).into_bytes();
    pipeline.process(b"t", Time::from_seconds(60 * n), &mut record);
    record
}
