//! Programs that tests need and that this repository cannot build: found by environment variables. A test that does
//! without says so at once, and once more at the end of the run (`xtask/tests/skipped.rs`).

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, reason = "what is missing fails the test")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Notes that the running test is skipped, and why: at once, and once more at the end of the run. `kind` tells notes of one
/// test apart.
pub(crate) fn skip(kind: &str, why: &str) {
    let (test, note) = note(kind);
    fs::create_dir_all(note.parent().expect("a folder")).expect("the target folder can be written");
    fs::write(&note, why).expect("the target folder can be written");
    // past the test harness, which would swallow it
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {test} ({}): {why}", env!("CARGO_CRATE_NAME"));
}

/// The running test, and the file that notes that it is skipped.
fn note(kind: &str) -> (String, PathBuf) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    let file = notes.join(format!("{kind} {} {}", env!("CARGO_CRATE_NAME"), test.replace("::", ".")));
    (test, file)
}

/// The executables that a variable names, separated by `:`; none, and the test is noted as skipped, where it is not
/// set.
pub(crate) fn executables(variable: &str) -> Vec<PathBuf> {
    let (_, note) = note(variable);
    let Some(named) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
        skip(variable, &format!("{variable} names no program. Set {variable}=<path>[:<another>]"));
        return Vec::new();
    };
    let _ = fs::remove_file(&note);
    let paths: Vec<PathBuf> = std::env::split_paths(&named).collect();
    for path in &paths {
        assert!(path.is_file(), "{variable} names {}, which is no file", path.display());
    }
    paths
}

/// A program that a machine may have installed: the one that the variable names, or the one in `PATH`; `None`, and the
/// test is noted as skipped, where there is neither.
pub(crate) fn installed(program: &str, variable: &str) -> Option<PathBuf> {
    if std::env::var_os(variable).is_none_or(|named| named.is_empty())
        && let Some(paths) = std::env::var_os("PATH")
        && let Some(found) =
            std::env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file())
    {
        return Some(found);
    }
    executables(variable).into_iter().next()
}
