//! The last test program of `cargo test --workspace` (cargo goes by the names of packages): lists the tests that were
//! skipped, as a program was not there or another broker cannot play them. They are notes of `tests/common/hosts.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn main() {
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    let mut skipped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in fs::read_dir(&notes).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((_, test)) = name.split_once(' ') else { continue };
        let why = fs::read_to_string(entry.path()).unwrap_or_default();
        skipped.entry(why).or_default().push(test.replace(' ', ": "));
    }
    // the next run begins anew
    let _ = fs::remove_dir_all(&notes);
    for (why, mut tests) in skipped {
        tests.sort();
        println!("\nSKIPPED {} tests: {why}", tests.len());
        for test in tests {
            println!("    {test}");
        }
    }
    println!(
        "\nNot part of `cargo test`: the page in Chromium, see `.ci/run`; tests that are ignored, see above"
    );
}
