//! Whatever the state folder holds: the bank opens, scores, and leaves a folder that opens without a complaint.
#![no_main]

use fluent_anomaly::state::MemoryStorage;
use fluent_anomaly::Config;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Format;
use fluent_anomaly::Time;
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = "[series.a]\nmatch: *\nvalue: $x\nby: $h\nk: 2\nT1: 2\nT2: 2\n[series.b]\nmatch: *\nvalue: $x\nprefix: b_\n";

/// The first byte says how the rest is cut into a snapshot and two journals; an odd one begins from sound files
/// whose bytes are changed.
fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let config = Config::parse("f.ini", CONFIG).expect("a fixed text");
    let disk = MemoryStorage::new();
    if how & 1 == 1 {
        let mut pipeline = Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
        for n in 0..20 + usize::from(how) {
            score(&mut pipeline, n as i64);
        }
        drop(pipeline);
        disk.with_files(|files| {
            for (n, patch) in rest.chunks_exact(3).enumerate() {
                let Some(file) = files.values_mut().nth(n % 3) else { continue };
                let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % file.len().max(1);
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= patch[2];
                }
            }
        });
    } else {
        let third = rest.len() / 3;
        disk.with_files(|files| {
            for (name, bytes) in ["snapshot", "journal-01", "journal-02"].into_iter().zip(rest.chunks(third.max(1))) {
                files.insert(name.to_owned(), [&b"FLUANOM\x01"[..], bytes].concat());
            }
        });
    }
    let mut pipeline = Pipeline::new(&config, Format::Json, Some(Box::new(disk.clone())));
    let first = score(&mut pipeline, 1);
    assert!(first.starts_with(br#"{"x":1.5,"h":"1"#));
    drop(pipeline);
    let mut again = Pipeline::new(&config, Format::Json, Some(Box::new(disk)));
    score(&mut again, 2);
    assert_eq!(again.take_log(), [""; 0], "told once, then sound");
});

fn score(pipeline: &mut Pipeline, n: i64) -> Vec<u8> {
    let mut record = format!(r#"{{"x":{}.5,"h":"{}"}}"#, n % 7, n % 3).into_bytes();
    pipeline.process(b"t", Time::from_seconds(60 * n), &mut record);
    record
}
