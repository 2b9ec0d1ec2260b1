//! A fake query API with a point a minute, and a folder to run the binary in.

use super::http_server::{Answer, Request};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A wave with noise that depends on host and minute only.
pub fn value(host: i64, minute: i64) -> f64 {
    let mut z = (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ host as u64;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (minute as f64 / 5.0).sin() * 10.0 + host as f64 + (z >> 40) as f64 / f64::from(1 << 24)
}

/// Answers with the points of `hosts` hosts in the window that is asked for.
pub fn points(request: &Request, hosts: i64) -> Answer {
    let (from, to) = (request.number("from"), request.number("to"));
    let series: Vec<String> = (0..hosts)
        .map(|host| {
            let points: Vec<String> = ((from + 59).div_euclid(60)..=to / 60)
                .map(|minute| format!("[{}.0,{}]", minute * 60_000, value(host, minute)))
                .collect();
            format!(
                r#"{{"metric":"cpu","scope":"host:h{host}","tag_set":["host:h{host}"],"interval":60,"pointlist":[{}]}}"#,
                points.join(",")
            )
        })
        .collect();
    Answer::json(format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(",")))
}

/// A folder with a configuration.
pub fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fluent-anomaly.ini"), text).unwrap();
    folder
}

/// The binary in that folder, with keys.
pub fn command(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    command
        .args(args)
        .current_dir(folder.path())
        .env("DD_API_KEY", "0123456789abcdef0123456789abcdef")
        .env("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98")
        .env_remove("DD_SITE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Exit status, standard output, standard error.
pub fn run(folder: &TempDir, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(folder, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("no signal ended it"), text(stdout), text(stderr))
}
