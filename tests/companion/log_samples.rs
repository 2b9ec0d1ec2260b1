//! `init` on logs without values: lines are counted, those of errors, too.

use std::fs;

use serde_json::json;

use crate::common::program::run;

const DAY_MINUTES: u32 = 1440;

/// Two days of some lines a minute; for a quarter of an hour most of them tell of errors.
fn log(line: fn(&str, &str, u32) -> String) -> String {
    let minute = |minute: u32| {
        let is_bad = (2000..2015).contains(&minute);
        let clock = format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        (0..3 + minute * minute * 31 % 3).map(move |n| {
            let is_error = (is_bad && n > 0) || (minute * 7 + n * 3).is_multiple_of(20);
            let date = format!("2026-11-{:02} {clock}:{:02}", 20 + minute / DAY_MINUTES, 10 * n);
            line(&date, if is_error { "ERROR" } else { "INFO" }, n)
        })
    };
    (0..2 * DAY_MINUTES).flat_map(minute).map(|line| line + "\n").collect()
}

/// What `init` says of a sample, and its configuration, which `check` takes.
fn init(sample: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    let output = run(&folder, &["init", "sample.log"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let check = run(&folder, &["check"]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    let ini = fs::read_to_string(folder.path().join("fluent-anomaly.ini")).unwrap();
    (String::from_utf8(output.stdout).unwrap(), ini)
}

#[test]
fn lines_without_values_are_counted_and_a_burst_of_errors_would_have_alarmed() {
    type Log = (fn(&str, &str, u32) -> String, &'static str);
    let logs: [Log; 6] = [
        (
            |date, level, n| format!("{date},123 {level} [main-{n}] a.B - done"),
            "where: $level in ('ERROR', 'FATAL', 'CRITICAL')",
        ),
        (
            |date, level, n| {
                format!(
                    r#"{{"time":"{date}","severity":"{}","n":"{n}","message":"done"}}"#,
                    level.to_lowercase()
                )
            },
            "where: $severity in ('error', 'fatal', 'critical')",
        ),
        (
            |date, level, n| {
                format!(
                    r#"{{"time":"{date}","level":{},"msg":"done {n}"}}"#,
                    if level == "INFO" { 30 } else { 50 }
                )
            },
            "where: $level >= 50",
        ),
        (
            |date, level, n| {
                json!({"log": format!("{date} {level} done {n}\n"), "stream": "stdout", "time": date})
                    .to_string()
            },
            "where: $level in ('ERROR', 'FATAL', 'CRITICAL')",
        ),
        (
            // without a year
            |date, level, n| {
                let date = date[5..].replacen('-', "", 1);
                format!("{}{date}.123456       1 a.go:{n}] request, done", &level[..1])
            },
            "where: $level in ('E', 'F')",
        ),
        (
            |date, level, n| {
                format!("{date} web-{n} {}", if level == "INFO" { "done" } else { "it failed: timeout" })
            },
            r"where: $log matches /\b(error|exception|fatal|panic|fail|failed|failure)\b/i",
        ),
    ];
    for (line, condition) in logs {
        let (told, ini) = init(&log(line));
        assert!(ini.contains(&format!("{condition}\nmeasure: count\nevery: 5m\n")), "{ini}");
        assert!(ini.contains("[series.lines]\nmatch: app\nmeasure: count\n"), "{ini}");
        assert!(told.contains("-11-21T09:20:00Z  errors in 5m: "), "{told}");
    }
}

#[test]
fn failures_of_a_server_are_a_share_beside_the_values() {
    let (told, ini) = init(&log(|date, level, n| {
        format!(
            r#"{{"time":"{date}","status":{},"ms":{}}}"#,
            if level == "INFO" { 200 } else { 503 },
            100 + 7 * n
        )
    }));
    assert!(ini.contains("value: $ms\n") && ini.contains("measure: share $status >= 500\n"), "{ini}");
    assert!(told.contains("  failures in 5m: "), "{told}");
}

#[test]
fn a_duration_among_the_words_is_a_value() {
    let (_, ini) = init(&log(|date, level, n| format!("[{date}] app.{level}: done in {}.5 ms", 100 + 7 * n)));
    assert!(ini.contains("[series.ms]\nmatch: app\nvalue: $ms\n"), "{ini}");
}

#[test]
fn lines_of_a_trace_belong_to_the_line_before() {
    let (told, ini) = init(&log(|date, level, _| match level {
        "INFO" => format!("{date},123 INFO done"),
        _ => format!("{date},123 ERROR boom\njava.lang.X: y\n\tat a.B(B.java:1)"),
    }));
    assert!(told.contains("lines have no time at their head: each continues the one before"), "{told}");
    assert!(ini.contains("$level in ('ERROR', 'FATAL', 'CRITICAL')"), "{ini}");
}

#[test]
fn hosts_take_words_apart_that_have_no_time() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample.log"), log(|_, level, n| format!("{level}:root: done {n}")))
        .unwrap();
    assert!(run(&folder, &["init", "sample.log"]).status.success());
    for (file, parser) in
        [("fluent-bit.yaml", "regex: '^(?<log>(?:"), ("fluentd.conf", "expression /^(?<log>(?:")]
    {
        let config = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(config.contains(parser) && config.contains("(?<level>(?i:trace|"), "{config}");
    }
}

#[test]
fn measurements_are_not_counted() {
    let (_, ini) = init(&log(|date, _, n| format!(r#"{{"time":"{date}","host":"a","cpu_p":{n}}}"#)));
    assert!(ini.contains("value: $cpu_p\n") && !ini.contains("measure:"), "{ini}");
}

/// PostgreSQL's CSV log, which does not name its columns.
fn csvlog(minute: u32, n: u32, severity: &str) -> String {
    let date = format!(
        "2026-11-{:02} {:02}:{:02}:{:02}.123 UTC",
        20 + minute / DAY_MINUTES,
        minute / 60 % 24,
        minute % 60,
        10 * n
    );
    let process = 20_412 + 17 * (minute % 4);
    format!(
        "{date},\"app\",\"shop\",{process},\"10.0.0.5:4{n}12\",655f{n},{},\"SELECT\",2026-11-20 00:00:00 UTC,3/12,0,{severity},00000,\"duration: 3 ms  statement: SELECT 1, 2\",,,,,,,,,\"psql\",\"client backend\",,0",
        3 * minute + n
    )
}

#[test]
fn numbers_of_processes_and_lines_are_no_values_of_a_log_that_names_no_columns() {
    let minutes = |severity: fn(u32, u32) -> &'static str| {
        (0..2 * DAY_MINUTES)
            .flat_map(|m| (0..3).map(move |n| csvlog(m, n, severity(m, n)) + "\n"))
            .collect::<String>()
    };
    let log = minutes(|m, n| if (2000..2015).contains(&m) && n > 0 { "ERROR" } else { "LOG" });
    let (told, ini) = init(&log);
    for why in [
        "not     $process_id: its name says that it is a label",
        "not     $session_line_num: its name says that it is a label",
    ] {
        assert!(told.contains(why), "{told}");
    }
    assert!(ini.contains("where: $error_severity in ('ERROR', 'FATAL', 'CRITICAL')"), "{ini}");
    assert!(!ini.contains("value:") && told.contains("  errors in 5m: "), "{ini}\n{told}");

    // another log without names: what its numbers do tells what they are
    let log: String = (0..400)
        .map(|n| {
            format!(
                "2026-11-20 00:{:02}:{:02},{},{},{},ok\n",
                n / 60,
                n % 60,
                31_000 + 7 * (n % 3),
                500 + n,
                40 + n * n * 31 % 17
            )
        })
        .collect();
    let (told, ini) = init(&log);
    for why in [
        "not     $column_2: the same few large whole numbers come again and again, as ids of processes and ports do",
        "not     $column_3: it grows by one from line to line, as numbers of lines do",
    ] {
        assert!(told.contains(why), "{told}");
    }
    assert!(ini.contains("value: $column_4\n") && ini.matches("value:").count() == 1, "{ini}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("h.csv"), log).unwrap();
    let told = String::from_utf8(run(&folder, &["eval", "h.csv"]).stderr).unwrap();
    assert!(
        told.contains("value `column 4`") && told.contains("taken for no value: `column 2`: the same few"),
        "{told}"
    );
}
