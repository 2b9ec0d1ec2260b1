//! A write of the state that a kill cuts: a record counts for all its sections or for none.

use crate::bank::MemoryStorage;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::record::Format;
use crate::time::Time;

/// Windows, templates, values, a monitor and a group of one tag.
const INI: &str = "\
[filter]
max_series: 8
[series.errors]
match: *
where: $code >= 500
measure: count
every: 10s
late: 0s
by: $host
warm_up: off
[series.slow]
match: *
measure: max $ms
every: 10s
late: 0s
warm_up: off
[series.lines]
match: *
measure: patterns $log
every: 10s
late: 0s
[series.load]
match: *
value: $ms
by: $host
warm_up: off
k: 2
anomaly_score: on
[series.all]
match: *
value: $ms
prefix: all_
warm_up: off
k: 2
[monitor.load]
on: load
query: avg(last_1h):anomalies(avg:m{*} by {host}, 'basic', 2, alert_window='last_5m', interval=60) >= 0.8
[group.load]
on: load
across: $host
interval: 10
intervals: 2
";

fn open(disk: &MemoryStorage) -> Pipeline {
    Pipeline::new(&Config::parse("f.ini", INI).unwrap(), Format::Json, Some(Box::new(disk.clone())))
}

/// Passes the n-th record; how it leaves.
fn pass(pipeline: &mut Pipeline, n: i64) -> String {
    let (host, code, ms) = (n % 3, 400 + 100 * (n % 2), n * 7 % 31);
    let text =
        format!(r#"{{"host":"h{host}","code":{code},"ms":{ms}.5,"log":"user {n} of h{host} failed"}}"#);
    let mut record = text.into_bytes();
    pipeline.process(b"app", Time::from_seconds(1_800_000_000 + 4 * n), &mut record);
    String::from_utf8(record).unwrap()
}

#[test]
fn a_write_cut_at_any_byte_counts_its_record_once_when_it_comes_again() {
    const RECORDS: i64 = 30;
    let disk = MemoryStorage::new();
    let mut steady = open(&disk);
    // the folder ahead of each record, and how it leaves
    let mut expected = Vec::new();
    let mut folders = Vec::new();
    for n in 0..RECORDS {
        folders.push(disk.crashed());
        expected.push(pass(&mut steady, n));
    }
    folders.push(disk.crashed());
    let journal = |folder: &MemoryStorage| {
        folder.with_files(|files| files.get("journal-01").cloned().unwrap_or_default())
    };
    let mut cuts = 0;
    for n in [0, 1, 2, 9, 10, 17] {
        let (before, after) = (journal(&folders[n]), journal(&folders[n + 1]));
        assert!(after.starts_with(&before));
        for len in before.len()..after.len() {
            let folder = folders[n].crashed();
            folder.with_files(|files| files.insert("journal-01".into(), after[..len].to_vec()));
            let mut resumed = open(&folder);
            for (again, expected) in expected.iter().enumerate().skip(n) {
                let left = pass(&mut resumed, again as i64);
                assert_eq!(&left, expected, "record {again} after record {n} was cut at byte {len}");
            }
            cuts += 1;
        }
    }
    assert!(cuts > 500, "{cuts} cuts");
}
