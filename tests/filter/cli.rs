//! The binary through its command line: what it reads, answers, and how it ends.

use crate::common;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::common::records::{ALL_MODES, fleet, native};
use crate::common::{msgpack, program};
use serde_json::{Value, json};
use tempfile::TempDir;

const PLAIN: &str = "[filter]\nmax_series: 1000\nstate: state\n[series.s]\nmatch: app.*\nvalue: $ms\nby: $host\nwithout_by: share\nk: 7\nwarm_up: off\n";

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fluent-anomaly.ini"), config).unwrap();
    folder
}

fn command(folder: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    command.args(args).current_dir(folder.path()).stdin(Stdio::null());
    command
}

fn output(folder: &TempDir, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(folder, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().expect("no signal ended it"), text(stdout), text(stderr))
}

/// A `filter` behind pipes.
fn piped(folder: &TempDir, args: &[&str]) -> Child {
    let mut command = command(folder, &[&["filter"], args].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A running `filter`, its answers read by a thread.
struct Filter {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<Vec<u8>>,
}

impl Filter {
    fn start(folder: &TempDir, args: &[&str]) -> Self {
        let mut child = piped(folder, args);
        let mut stdout: ChildStdout = child.stdout.take().unwrap();
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = vec![0; 1 << 16];
            while let Ok(count @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, answers }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// What comes until `count` lines are there, while the input stays open.
    fn lines(&mut self, count: usize) -> String {
        let mut text = Vec::new();
        while text.iter().filter(|&&byte| byte == b'\n').count() < count {
            let piece = self.answers.recv_timeout(program::HANG);
            text.extend(piece.expect("answers come while the input is open"));
        }
        String::from_utf8(text).unwrap()
    }

    /// What still comes until the output ends.
    fn rest(&self) -> String {
        String::from_utf8(self.answers.iter().flatten().collect()).unwrap()
    }

    /// Closes the input; the rest of the answers, the exit status, the log.
    fn finish(mut self) -> (Vec<u8>, Option<i32>, String) {
        drop(self.stdin.take());
        let rest: Vec<u8> = self.answers.iter().flatten().collect();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (rest, self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of `input` through one `filter`.
fn filter(folder: &TempDir, args: &[&str], input: &[u8]) -> (Vec<u8>, Option<i32>, String) {
    let mut filter = Filter::start(folder, args);
    let mut stdin = filter.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let result = filter.finish();
    writer.join().unwrap().expect("all of it is read");
    result
}

// ---- filter

#[test]
fn json_lines_are_scored_as_the_library_scores_them() {
    let folder = folder(ALL_MODES);
    let events = fleet(4000);
    let expected = native(ALL_MODES, &events);
    let mut input = String::new();
    let mut answers = String::new();
    for (event, expected) in events.iter().zip(&expected) {
        let envelope = format!(
            "{{\"fluent_tag\":\"{}\",\"fluent_time\":{}.{:09},",
            event.tag, event.time.0, event.time.1
        );
        input += &(event.record.replacen('{', &envelope, 1) + "\n");
        answers += &(expected.replacen('{', &envelope, 1) + "\n");
    }
    let args = ["--tag-key", "fluent_tag", "--time-key", "fluent_time"];
    let (out, status, log) = filter(&folder, &args, input.as_bytes());
    assert!(status == Some(0) && log.contains("records have null as $ms"), "{log}");
    for (n, (got, expected)) in String::from_utf8(out).unwrap().lines().zip(answers.lines()).enumerate() {
        assert_eq!(got, expected, "line {n}");
    }
}

#[test]
fn msgpack_is_scored_as_json_is() {
    let records: Vec<Value> =
        (0..500).map(|n| json!({"tag": "app.web", "host": format!("h{}", n % 3), "ms": f64::from(n * 7919 % 101) + 0.5})).collect();
    let mut packed = Vec::new();
    records.iter().for_each(|record| msgpack::encode(record, &mut packed));
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    let args = ["--tag-key", "tag", "--add-tag-prefix", "scored."];
    let (json, status, _) = filter(&folder(PLAIN), &args, lines.as_bytes());
    assert_eq!(status, Some(0));
    let (packed, status, _) =
        filter(&folder(PLAIN), &[&args[..], &["--format", "msgpack"]].concat(), &packed);
    assert_eq!(status, Some(0));
    let json: Vec<Value> =
        String::from_utf8(json).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json.len(), 500);
    assert!(json.iter().all(|record| record["tag"] == "scored.app.web" && record["score_change"].is_f64()));
    assert_eq!(msgpack::decode_all(&packed), json);
}

#[test]
fn the_tag_comes_from_the_record_or_the_command_line() {
    let folder = folder(&PLAIN.replace("state: state", "state: off"));
    let line = b"{\"ms\":1,\"t\":\"app.x\"}\n";
    let scored = |args: &[&str]| {
        let (out, status, _) = filter(&folder, args, line);
        assert_eq!(status, Some(0));
        String::from_utf8(out).unwrap()
    };
    assert!(scored(&[]).contains("score_outlier"), "a tag that the section matches");
    assert_eq!(scored(&["--tag", "stdin"]), "{\"ms\":1,\"t\":\"app.x\"}\n", "a tag that no section matches");
    assert!(scored(&["--tag", "app.y"]).contains("score_outlier"));
    assert!(scored(&["--tag-key", "t"]).contains("score_outlier"));
    assert!(scored(&["--tag-key", "missing", "--tag", "app.y"]).contains("score_outlier"));
    let prefixed = scored(&["--tag-key", "t", "--add-tag-prefix", "scored."]);
    assert!(prefixed.starts_with("{\"ms\":1,\"t\":\"scored.app.x\",") && prefixed.contains("score_outlier"));
    // a record without a tag gets none
    let untagged = scored(&["--tag-key", "missing", "--add-tag-prefix", "scored.", "--tag", "app.y"]);
    assert!(!untagged.contains("scored."), "{untagged}");
}

#[test]
fn answers_come_whenever_the_input_pauses() {
    let folder = folder(PLAIN);
    let mut filter = Filter::start(&folder, &["--tag", "app.web"]);
    for count in [1, 1, 3, 500, 1] {
        filter.send("{\"ms\":1}\n".repeat(count).as_bytes());
        assert_eq!(filter.lines(count).matches("score_outlier").count(), count);
    }
    // a line in two pieces is answered once it is whole
    filter.send(b"{\"ms\"");
    filter.send(b":1}\n{\"ms\":2}");
    assert!(filter.lines(1).contains("score_outlier"));
    let (rest, status, log) = filter.finish();
    assert!(String::from_utf8(rest).unwrap().starts_with("{\"ms\":2,"), "the last line needs no line end");
    assert!(status == Some(0) && log.contains("508 records lack one of host"), "{log}");
}

#[test]
fn lines_that_are_no_records_come_back_unchanged() {
    let folder = folder(PLAIN);
    let lines: [&[u8]; 9] =
        [b"", b"x", b"{", b"[1]", b"\"a\"", b"{\"ms\":1", b"\xff\xfe", b"{\"ms\":1}\r", b"{\"host\":\"a\"}"];
    let input = [lines.join(&b'\n'), b"\n".to_vec()].concat();
    let (out, status, log) = filter(&folder, &["--tag", "other"], &input);
    assert_eq!((out, status), (input.clone(), Some(0)));
    assert!(log.contains("9 records have a tag that no section matches: `other`"), "{log}");
    let (out, status, _) = filter(&folder, &["--tag", "app.web"], &input);
    let out: Vec<&[u8]> = out.strip_suffix(b"\n").unwrap().split(|&byte| byte == b'\n').collect();
    assert_eq!((out.len(), status), (9, Some(0)));
    for (got, sent) in out.iter().zip(&lines).filter(|(_, sent)| !sent.ends_with(b"\r")) {
        assert_eq!(got, sent);
    }
}

#[test]
fn sigterm_with_data_in_the_pipe_is_still_answered() {
    let folder = folder(PLAIN);
    for round in 0..3 {
        let mut filter = Filter::start(&folder, &["--tag", "app.web"]);
        filter.send(b"{\"ms\":1}\n");
        filter.lines(1);
        filter.send("{\"ms\":1}\n".repeat(5000).as_bytes());
        program::kill(filter.child.id(), "TERM");
        // the pipe stays open: the signal alone ends it
        let stdin = filter.stdin.take();
        assert_eq!(filter.rest().matches("score_outlier").count(), 5000, "round {round}");
        assert_eq!(filter.child.wait().unwrap().code(), Some(0));
        drop(stdin);
    }
}

#[test]
fn a_killed_filter_goes_on_from_its_last_answer() {
    let folder = folder(PLAIN);
    let events = fleet(3000);
    let expected = native(PLAIN, &events);
    let mut at = 0;
    for count in [1000, 1, 700, 1299] {
        let mut filter = Filter::start(&folder, &["--tag", "app.web"]);
        let part = &events[at..at + count];
        filter.send(part.iter().map(|event| event.record.clone() + "\n").collect::<String>().as_bytes());
        for (got, expected) in filter.lines(count).lines().zip(&expected[at..]) {
            assert_eq!(got, expected);
        }
        filter.child.kill().unwrap();
        filter.child.wait().unwrap();
        at += count;
    }
}

#[test]
fn a_closed_output_ends_it_quietly() {
    let folder = folder(PLAIN);
    let mut child = piped(&folder, &["--tag", "app.web"]);
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all("{\"ms\":1}\n".repeat(10_000).as_bytes());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    // records are lost
    assert_eq!(output.status.code(), Some(1));
    assert!(
        log.lines().all(|line| line.contains("records were scored") || line.contains("lack one of host")),
        "{log}"
    );
}

#[test]
fn an_output_that_was_closed_before_the_start_is_a_failure() {
    let folder = folder(PLAIN);
    let script = format!("{} filter --tag app.web >&-", env!("CARGO_BIN_EXE_fluent-anomaly"));
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("standard output is closed"), "{log}");
}

#[test]
fn a_stop_has_an_end_while_records_keep_coming() {
    let folder = folder(PLAIN);
    let mut filter = Filter::start(&folder, &["--tag", "app.web"]);
    filter.send(b"{\"ms\":1}\n");
    filter.lines(1);
    let mut stdin = filter.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        let mut sent = 0;
        while stdin.write_all(b"{\"ms\":1}\n").is_ok() {
            sent += 1;
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        sent
    });
    let asked = std::time::Instant::now();
    program::kill(filter.child.id(), "TERM");
    assert_eq!(filter.child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < std::time::Duration::from_secs(30));
    let answered = filter.rest().matches("score_outlier").count();
    // what lay in the pipe behind the last piece is not read
    let sent = feeder.join().unwrap();
    assert!(answered >= 5 && answered <= sent, "{answered} of {sent}");
}

/// Whether SIGHUP is ignored here, and so by what is started from here.
fn is_under_nohup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 == 1)
}

#[test]
fn a_terminal_that_is_closed_ends_the_filter_in_order() {
    let folder = folder(PLAIN);
    let mut filter = Filter::start(&folder, &["--tag", "app.web"]);
    filter.send(b"{\"ms\":1}\n");
    filter.lines(1);
    filter.send(b"{\"ms\":2}\n");
    program::kill(filter.child.id(), "HUP");
    if is_under_nohup() {
        // which the filter keeps to: it goes on
        program::kill(filter.child.id(), "TERM");
    }
    assert_eq!(filter.child.wait().unwrap().code(), Some(0));
    assert!(filter.rest().starts_with("{\"ms\":2,"));
}

#[test]
fn a_stop_has_an_end_while_the_output_is_not_read() {
    let folder = folder(PLAIN);
    let mut child = piped(&folder, &["--tag", "app.web"]);
    let mut stdin = child.stdin.take().unwrap();
    // far more than a pipe and the pieces in between hold
    let feeder = std::thread::spawn(move || stdin.write_all("{\"ms\":1}\n".repeat(1_000_000).as_bytes()));
    std::thread::sleep(std::time::Duration::from_millis(500));
    program::kill(child.id(), "TERM");
    let status = child.wait().unwrap();
    let log = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("the output was not read within 5 s"), "{log}");
    assert!(feeder.join().unwrap().is_err());
}

#[test]
fn a_child_of_fluentd_says_what_is_wrong_in_the_records_until_the_file_is_mended() {
    let folder = folder("[series.s]\nmatch: app.*\nvalue: $ms\nk: many\n");
    let args = ["--tag-key", "fluent_tag", "--log", "filter.log"];
    let mut filter = Filter::start(&folder, &args);
    let record = b"{\"fluent_tag\":\"app.web\",\"ms\":1}\n";
    filter.send(record);
    let answer = filter.lines(1);
    assert!(answer.contains("anomaly_error") && answer.contains("\\\"many\\\" is not allowed"), "{answer}");
    fs::write(folder.path().join("fluent-anomaly.ini"), PLAIN).unwrap();
    let begun = std::time::Instant::now();
    loop {
        filter.send(record);
        if filter.lines(1).contains("score_outlier") {
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(60));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // a second child finds the state taken
    let mut second = Filter::start(&folder, &args);
    second.send(record);
    let answer = second.lines(1);
    assert!(answer.contains("anomaly_error") && answer.contains("num_children 1"), "{answer}");
    drop((filter.stdin.take(), second.stdin.take()));
    assert_eq!(
        (filter.child.wait().unwrap().code(), second.child.wait().unwrap().code()),
        (Some(0), Some(0))
    );
    let log = fs::read_to_string(folder.path().join("filter.log")).unwrap();
    for line in
        ["records pass unscored: ", "the configuration can be used: records are scored", "num_children 1"]
    {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn a_missing_or_wrong_configuration_ends_with_2() {
    let empty = tempfile::tempdir().unwrap();
    for command in ["filter", "check"] {
        let (status, out, log) = output(&empty, &[command]);
        assert_eq!((status, &*out), (2, ""));
        assert!(log.contains("fluent-anomaly.ini") && log.contains("--config"), "{log}");
        let wrong = folder("[series.s]\nmatch: app.*\nvalue: $ms\nk: many\n");
        let (status, out, log) = output(&wrong, &[command]);
        assert_eq!((status, &*out), (2, ""));
        assert!(log.contains("fluent-anomaly.ini:4") && log.contains("many"), "{log}");
    }
}

#[test]
fn a_state_folder_in_use_ends_with_1() {
    let folder = folder(PLAIN);
    let mut first = Filter::start(&folder, &["--tag", "app.web"]);
    first.send(b"{\"ms\":1}\n");
    first.lines(1);
    let (out, status, log) = Filter::start(&folder, &[]).finish();
    assert_eq!((out.len(), status), (0, Some(1)));
    assert!(log.contains("in use by another process"), "{log}");
    first.send(b"{\"ms\":1}\n");
    assert!(first.lines(1).contains("score_outlier"), "the first is not disturbed");
}

#[test]
fn a_state_folder_that_cannot_be_made_is_told_and_scores_go_on() {
    let folder = folder(PLAIN);
    fs::write(folder.path().join("state"), "a file stands in the way").unwrap();
    let (out, status, log) = filter(&folder, &["--tag", "app.web"], b"{\"ms\":1}\n{\"ms\":2}\n");
    let out = String::from_utf8(out).unwrap();
    assert_eq!((out.matches("score_outlier").count(), status), (2, Some(0)), "{out}");
    assert!(out.contains("\"anomaly_error\":\"state ") && log.contains("state "), "{out}{log}");
}

#[test]
fn usage_errors_end_with_2_and_say_what_is_allowed() {
    let folder = folder(PLAIN);
    for (args, told) in [
        (&["filter", "--format", "xml"][..], "json"),
        (&["filter", "--add-tag-prefix", "x."], "--tag-key"),
        (&["filter", "--tag-key", "$a["], "--tag-key"),
        (&["filtre"], "filter"),
        (&[], "Usage"),
    ] {
        let (status, _, log) = output(&folder, args);
        assert_eq!(status, 2, "{args:?}");
        assert!(log.contains(told), "{args:?}: {log}");
    }
}

// ---- check

#[test]
fn check_tells_all_problems_at_once() {
    let folder = folder(
        "[general]\ninterval: soon\n[filter]\nmax_series: 0\nnonsense: 1\n\
         [series.a]\nvalue: $x\nr: 1.5\nk: -1\n[what]\n",
    );
    let (status, out, log) = output(&folder, &["check"]);
    assert_eq!((status, &*out), (2, ""));
    for told in ["ini:2", "ini:4", "ini:5", "match", "ini:8", "ini:9", "ini:10"] {
        assert!(log.contains(told), "{told} is missing:\n{log}");
    }
}

#[test]
fn check_describes_what_is_watched_and_its_cost() {
    let folder = folder(ALL_MODES);
    let (status, out, log) = output(&folder, &["check"]);
    assert_eq!((status, &*log), (0, ""));
    for told in [
        "[series.yule]",
        "app.w*",
        "bytes a series",
        "at most 1000 series",
        "state in",
        "by AIC",
        "warm-up none: scores from the first point on",
        "warm-up a day or 1500 points to choose k, then k + 1/r + T1 + T2 - 50 points",
    ] {
        assert!(out.contains(told), "{told} is missing:\n{out}");
    }
    let (status, out, log) = output(&folder, &["check", "--format", "json"]);
    assert_eq!((status, &*log), (0, ""));
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&out["max_series"], out["sections"].as_array().unwrap().len()), (&json!(1000), 6));
    assert!(out["sections"][0]["bytes_per_series"].as_u64().unwrap() > 0);
}

#[test]
fn check_tells_a_condition_once() {
    let folder = folder("[series.a]\nmatch: a\nvalue: $x\nwhere: $level == \"error\"\nk: 7\n");
    let (status, out, _) = output(&folder, &["check"]);
    assert_eq!((status, out.matches("  where   $level == \"error\"\n").count()), (0, 1), "{out}");
}

#[test]
fn check_shows_what_a_series_costs_that_chooses_its_order_and_how_long_a_model_warms_up() {
    let folder = folder("[series.a]\nmatch: a\nvalue: $x\n[series.b]\nmatch: b\nvalue: $x\nk: 7\n");
    let (status, out, log) = output(&folder, &["check"]);
    assert_eq!((status, &*log), (0, ""));
    assert!(out.contains("warm-up 72 points without scores: k + 1/r + T1 + T2"), "{out}");
    let (_, out, _) = output(&folder, &["check", "--format", "json"]);
    let out: Value = serde_json::from_str(&out).unwrap();
    let [a, b] = [&out["sections"][0], &out["sections"][1]];
    assert_eq!((&a["warm_up_points"], &b["warm_up_points"]), (&Value::Null, &json!(72)));
    assert!(a["bytes_per_series"].as_u64().unwrap() < 2000, "{a}");
}

#[test]
fn check_with_a_closed_output_is_quiet() {
    let folder = folder(ALL_MODES);
    let mut child =
        command(&folder, &["check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn the_shipped_configuration_is_right() {
    let config: PathBuf = common::build::root().join("fluent-config/fluent-anomaly.ini");
    let (status, out, log) =
        output(&tempfile::tempdir().unwrap(), &["check", "-c", config.to_str().unwrap()]);
    assert_eq!((status, &*log), (0, ""), "{out}");
}

#[test]
fn every_command_explains_itself() {
    let folder = folder(PLAIN);
    let (status, out, _) = output(&folder, &["--help"]);
    assert_eq!(status, 0);
    let commands: Vec<&str> = out
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   ")) // the rest of a description
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"filter") && commands.contains(&"check"), "{out}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let (status, out, log) = output(&folder, &[command, "--help"]);
        assert_eq!((status, &*log), (0, ""), "{command}");
        assert!(out.contains("Usage: fluent-anomaly"), "{command}: {out}");
        assert!(out.lines().next().is_some_and(|line| line.len() > 20), "{command} says what it does: {out}");
    }
    assert_eq!(output(&folder, &["-V"]).1, format!("fluent-anomaly {}\n", env!("CARGO_PKG_VERSION")));
    let long = output(&folder, &["--version"]).1;
    assert!(long.contains("\ncommit: ") && long.contains("\nfeatures: companion"), "{long}");
}
