//! What `init` writes, run by the real hosts: the records of the sample leave with their annotations.
//!
//! `FLUENT_BIT=... FLUENTD=... cargo test --test fluent init::`

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::program::Running;
use crate::common::{build, hosts};

/// Name, line `n` of the sample, the line before it if there is one.
type Sample = (&'static str, fn(u32) -> String, &'static str);

const RECORDS: u32 = 60;

fn value(n: u32) -> u32 {
    100 + n * n * 31 % 17
}

fn time(n: u32) -> u32 {
    1_700_000_000 + 10 * n
}

const SAMPLES: [Sample; 17] = [
    (
        "json",
        |n| {
            format!(
                r#"{{"time":"2023-11-14T22:{:02}:{:02}Z","service":"{}","ms":{}}}"#,
                n / 6,
                n % 6 * 10,
                ["a", "b"][n as usize % 2],
                value(n)
            )
        },
        "",
    ),
    (
        "nested",
        |n| {
            format!(
                r#"{{"ts":{}000,"http":{{"ms":"{}"}},"key with blank":{}}}"#,
                time(n),
                value(n),
                value(n + 1)
            )
        },
        "",
    ),
    ("inner", |n| format!(r#"{{"time":{},"stream":"stdout","log":"{{\"ms\":{}}}"}}"#, time(n), value(n)), ""),
    ("logfmt", |n| format!("time={} level=info took={}.5", time(n), value(n)), ""),
    ("csv", |n| format!("{},web,{}.25", time(n), value(n)), "Time,host,web load\n"),
    ("semicolons", |n| format!("{};\"web\";{}.25", time(n), value(n)), "Time;host;load\n"),
    (
        "access",
        |n| {
            format!(
                "10.0.0.1 - - [14/Nov/2023:22:{:02}:{:02} +0000] \"GET /a?b=/c HTTP/1.1\" 200 {} \"-\" \"curl/8 (x)\" 0.{}",
                n / 6,
                n % 6 * 10,
                value(n),
                value(n)
            )
        },
        "",
    ),
    (
        "containerd",
        |n| format!(r#"{}.123456789Z stdout F {{"level":"info","ms":{}}}"#, clock(n), value(n)),
        "",
    ),
    (
        "containerd's access log",
        |n| {
            format!(
                "{}.1Z stdout F 10.0.0.1 - - [14/Nov/2023:22:{:02}:{:02} +0000] \"GET /a HTTP/1.1\" 200 {} \"-\" \"curl\"",
                clock(n),
                n / 6,
                n % 6 * 10,
                value(n)
            )
        },
        "",
    ),
    (
        "heroku",
        |n| {
            format!(
                "{}.5+00:00 heroku[router]: at=info path=\"/a?b=c\" dyno=web.1 connect=0ms service={}ms status=200",
                clock(n),
                value(n)
            )
        },
        "",
    ),
    ("text before JSON", |n| format!("{} INFO app {{\"ms\":{}}}", clock(n).replace('T', " "), value(n)), ""),
    ("syslog", |n| format!("<13>Nov 14 {} web-1 app[17]: took={} rows=3", &clock(n)[11..], value(n)), ""),
    ("syslog of 2009", |n| format!("<165>1 {}Z web-1 app 17 ID47 - took={} rows=3", clock(n), value(n)), ""),
    ("compose", |n| format!("web-1  | {{\"time\":{},\"ms\":{}}}", time(n), value(n)), ""),
    (
        "logfmt in JSON",
        |n| {
            format!(
                r#"{{"log":"level=info ms={} ok=true\n","stream":"stdout","time":"{}.1Z"}}"#,
                value(n),
                clock(n)
            )
        },
        "",
    ),
    (
        "journal",
        |n| {
            format!(
                r#"{{"__REALTIME_TIMESTAMP":"{}000001","_PID":"812","MESSAGE":"took={} rows={}"}}"#,
                time(n),
                value(n),
                n % 3
            )
        },
        "",
    ),
    ("bars", |n| format!("{}|web|{}.25", time(n), value(n)), "time|host|load\n"),
];

/// Lines of words; each sixth tells of an error.
const WORDS: [Sample; 8] = [
    (
        "log4j with traces",
        |n| {
            let (level, trace) =
                if is_error(n) { ("ERROR", "\njava.lang.X: y\n\tat a.B(B.java:1)") } else { ("INFO ", "") };
            format!("{},{} {level} [main] a.B - done in {}.5 ms{trace}", blank_clock(n), 100 + n, value(n))
        },
        "",
    ),
    (
        "Apache's error log",
        |n| {
            let level = if is_error(n) { "core:error" } else { "mpm:notice" };
            format!(
                "[Tue Nov 14 {}.{} 2023] [{level}] [pid 1:tid 2] AH0{n}: done",
                &clock(n)[11..],
                100_000 + n
            )
        },
        "",
    ),
    (
        "nginx's error log",
        |n| {
            format!(
                "{} [{}] 7#7: *{n} done",
                blank_clock(n).replace('-', "/"),
                if is_error(n) { "error" } else { "info" }
            )
        },
        "",
    ),
    (
        "syslog",
        |n| {
            format!(
                "Nov 14 {} web-1 sshd[{n}]: {} key",
                &clock(n)[11..],
                if is_error(n) { "Failed" } else { "Accepted" }
            )
        },
        "",
    ),
    (
        "containerd",
        |n| {
            format!("{}.{}Z stdout F {}: done", clock(n), 100 + n, if is_error(n) { "error" } else { "info" })
        },
        "",
    ),
    (
        "JSON without numbers",
        |n| {
            format!(
                r#"{{"time":"{}Z","level":"{}","msg":"done {n}"}}"#,
                clock(n),
                if is_error(n) { "error" } else { "info" }
            )
        },
        "",
    ),
    (
        "words in Docker's file",
        |n| {
            let level = if is_error(n) { "ERROR" } else { "INFO" };
            let log = format!("{},123 {level} done in {}.5 ms\\n", blank_clock(n), value(n));
            format!(r#"{{"log":"{log}","stream":"stdout","time":"{}.1Z"}}"#, clock(n))
        },
        "",
    ),
    (
        "Monolog",
        |n| {
            format!(
                "[{}] app.{}: done {{\"user\":1}}",
                blank_clock(n),
                if is_error(n) { "ERROR" } else { "INFO" }
            )
        },
        "",
    ),
];

fn is_error(n: u32) -> bool {
    n % 6 == 2
}

fn blank_clock(n: u32) -> String {
    clock(n).replace('T', " ")
}

/// `2023-11-14T22:13:20` and on.
fn clock(n: u32) -> String {
    format!("2023-11-14T22:{:02}:{:02}", n / 6, n % 6 * 10)
}

/// A folder with a sample and what `init` makes of it.
fn site((name, line, head): Sample) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sample: String = (0..RECORDS).map(|n| line(n) + "\n").collect();
    fs::write(folder.path().join("sample.log"), format!("{head}{sample}")).unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(folder.path())
        .args(["init", "sample.log"])
        .output()
        .unwrap();
    assert!(init.status.success(), "{name}: {}", String::from_utf8_lossy(&init.stderr));
    folder
}

/// Records that a host printed with annotations of a model: it warms up, or scores.
fn annotated(output: &Path) -> usize {
    let text = fs::read_to_string(output).unwrap_or_default();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_annotated = |record: &Value| {
        let fields = record.as_object();
        fields.is_some_and(|fields| {
            fields.keys().any(|key| key.ends_with("warming_up") || key.ends_with("score_change"))
        })
    };
    records.filter(is_annotated).count()
}

/// Values of the closed windows that a host printed, by the name of their section.
fn windows(output: &Path, section: &str) -> Vec<f64> {
    let text = fs::read_to_string(output).unwrap_or_default();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let windows = records.map(|record| record["anomaly_window"].clone());
    windows
        .filter(|window| window["series"] == section)
        .filter_map(|window| window["value"].as_f64())
        .collect()
}

/// Ten minutes of a line each ten seconds: nine windows close with them.
fn wait_for_windows(running: &mut Running, site: &TempDir, name: &str) {
    let output = site.path().join("run.stdout");
    let counted = || (windows(&output, "lines"), windows(&output, "errors"));
    running.wait_for(&format!("windows of {name}"), || {
        let (lines, errors) = counted();
        lines.len() >= 9 && errors.len() >= 9
    });
    let (lines, errors) = counted();
    assert_eq!((&lines[..9], &errors[..9]), (&[6.0; 9][..], &[1.0; 9][..]), "{name}");
    let text = fs::read_to_string(&output).unwrap();
    assert!(!text.contains("anomaly_error"), "{name}: {text}");
}

fn wait_for_all(running: &mut Running, site: &TempDir, name: &str) {
    let output = site.path().join("run.stdout");
    running.wait_for(&format!("annotated records of {name}"), || annotated(&output) >= RECORDS as usize);
    assert_eq!(annotated(&output), RECORDS as usize, "{name}");
    let text = fs::read_to_string(&output).unwrap();
    assert!(!text.contains("anomaly_error"), "{name}: {text}");
}

#[test]
fn fluent_bit_runs_what_init_writes() {
    for program in hosts::executables("FLUENT_BIT") {
        for sample in SAMPLES {
            let site = site(sample);
            fs::copy(build::wasm_module(), site.path().join("anomaly_filter.wasm")).unwrap();
            let mut running = Running::start(&program, &["-c", "fluent-bit.yaml"], site.path(), "run");
            wait_for_all(&mut running, &site, sample.0);
        }
        for sample in WORDS {
            let site = site(sample);
            fs::copy(build::wasm_module(), site.path().join("anomaly_filter.wasm")).unwrap();
            let mut running = Running::start(&program, &["-c", "fluent-bit.yaml"], site.path(), "run");
            wait_for_windows(&mut running, &site, sample.0);
        }
    }
}

#[test]
fn fluentd_runs_what_init_writes() {
    for program in hosts::executables("FLUENTD") {
        for sample in SAMPLES {
            let site = site(sample);
            let mut running = start_fluentd(&program, &site);
            wait_for_all(&mut running, &site, sample.0);
        }
        for sample in WORDS {
            let site = site(sample);
            let mut running = start_fluentd(&program, &site);
            wait_for_windows(&mut running, &site, sample.0);
        }
    }
}

fn start_fluentd(program: &Path, site: &TempDir) -> Running {
    // the command of the configuration is looked for in the path; here it is this build's
    let config = fs::read_to_string(site.path().join("fluentd.conf")).unwrap();
    let config = config
        .replace("command fluent-anomaly ", &format!("command {} ", env!("CARGO_BIN_EXE_fluent-anomaly")))
        .replace("@type stdout", "@type stdout\n  <format>\n    @type json\n  </format>");
    fs::write(site.path().join("fluentd.conf"), config).unwrap();
    Running::start(program, &["-c", "fluentd.conf", "--no-supervisor"], site.path(), "run")
}
