//! `fluent-anomaly report` through the command line: what the file holds, and what is said of bad input. What the page
//! does in a browser is tested in `tests/browser`.

#![cfg(feature = "report")]
use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn report(folder: &Path, input: &str, more: &[&str]) -> Output {
    fs::write(folder.join("in.csv"), input).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    let output =
        command.current_dir(folder).args(["report", "--input", "in.csv"]).args(more).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("built without the page"), "{said}");
    output
}

fn minutes(points: u32) -> String {
    let mut text = "time,value\n".to_owned();
    for n in 0..points {
        writeln!(text, "{},{}.{:02}", 1_735_689_600 + 60 * n, n * 7919 % 97, n % 89).unwrap();
    }
    text
}

#[test]
fn thirty_days_of_minutes_are_one_file_below_two_megabytes() {
    let folder = folder("month");
    let output = report(&folder, &minutes(43_200), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("report.html: 1 series, 43200 points, "), "{said}");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    assert!(html.contains("\"points\":43200") && html.contains("\"step\":60"));
}

#[test]
fn bad_input_is_told_with_its_line_and_leaves_no_page() {
    let folder = folder("bad");
    for (input, expected) in [
        ("", "the file is empty"),
        ("time,value\n60,1\n", "line 2: there is only one point"),
        ("when,howmuch\n60,1\n120,2\n", "line 1: no time among \"when\", \"howmuch\""),
        ("time,value\n60,1\n120,fast\n", "line 3, column 2 (value): \"fast\" is not allowed"),
        (
            "time,value\n120,1\n60,2\n120,3\n",
            "line 4: the series has a value at this time already, in line 2",
        ),
        ("time,value\n60,1\n120\n", "line 3: 1 columns, but the first line has 2"),
    ] {
        let output = report(&folder, input, &[]);
        assert_eq!(output.status.code(), Some(2), "{input:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("in.csv: ") && said.contains(expected), "{input:?}: {said}");
        assert!(!folder.join("report.html").exists());
    }
    let missing = report(&folder, "time,value\n60,1\n120,2\n", &["--config", "no.ini"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn more_series_than_anyone_searches_are_left_out_and_that_is_told() {
    let folder = folder("many");
    let mut input = "time,value,host\n".to_owned();
    for n in 0..6000 {
        writeln!(input, "{},1,h{n}\n{},1,h{n}", 60 * n, 60 * n + 30).unwrap();
    }
    let output = report(&folder, &input, &["-o", "many.html"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\n6000 series: the page shows the first 5000"), "{said}");
    let html = fs::read_to_string(folder.join("many.html")).unwrap();
    assert!(html.contains("\"name\":\"h4999\"") && !html.contains("\"name\":\"h5000\""));
    assert!(html.contains("6000 series: the page shows the first 5000"));
}

#[test]
fn the_monitor_of_a_configuration_comes_along_by_name() {
    let folder = folder("monitor");
    let config = "[series.s]\nmatch: *\nvalue: $value\nk: 3\n\
        [monitor.a]\non: s\nquery: avg(last_1h):anomalies(avg:x{*}, 'basic', 2, alert_window='last_5m', interval=60) >= 1\n\
        [monitor.b]\non: s\nprefix: b_\nquery: avg(last_1h):anomalies(avg:x{*}, 'basic', 4, alert_window='last_5m', interval=60) >= 1\n";
    fs::write(folder.join("f.ini"), config).unwrap();
    for (name, deviations) in [(&[][..], "2"), (&["--monitor", "b"], "4")] {
        let output = report(&folder, &minutes(100), &[&["--config", "f.ini"], name].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let html = fs::read_to_string(folder.join("report.html")).unwrap();
        assert!(html.contains(&format!("\"deviations\":\"{deviations}\"")) && html.contains("\"k\":\"3\""));
    }
    let wrong = report(&folder, &minutes(100), &["--config", "f.ini", "--monitor", "c"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no [monitor.c]; it has a, b"));
}

#[test]
fn demo_writes_a_page_and_says_where() {
    let folder = folder("demo");
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(&folder)
        .args(["demo", "--hosts", "2", "--days", "4", "-o", "out"])
        .output()
        .unwrap();
    let (said, complaints) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("out/report.html (open it in a browser"), "{complaints}");
    let html = fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(html.contains("\"name\":\"web-2\"") && html.contains("\"incidents\":[{"));
}

/// `report --serve`; killed when dropped.
struct Serving(std::process::Child, String);

impl Serving {
    fn start(folder: &Path) -> Self {
        fs::write(folder.join("in.csv"), minutes(100)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .current_dir(folder)
            .args(["report", "--input", "in.csv", "--serve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let address = address.to_owned();
        Self(child, address)
    }

    fn connect(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    fn ask(&self, request: &str) -> String {
        let mut answer = String::new();
        self.connect(request).read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_served_page_is_for_this_machine_alone() {
    let serving = Serving::start(&folder("served"));
    let get = |path: &str, host: &str| serving.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for host in [serving.1.as_str(), "localhost"] {
        let page = get("/", host);
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("\"points\":100"), "{page:.300}");
    }
    for host in ["example.com", "127.0.0.1.example.com:80", ""] {
        assert!(get("/", host).starts_with("HTTP/1.1 403 "), "{host}");
    }
    assert!(get("/other", "localhost").starts_with("HTTP/1.1 404 "));
    assert!(serving.ask("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

#[test]
fn an_open_page_is_told_of_a_changed_file() {
    let folder = folder("follow");
    let serving = Serving::start(&folder);
    let told = serving.connect("GET /changes?1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    fs::write(folder.join("in.csv"), minutes(101)).unwrap();
    assert!(told.lines().any(|line| line.unwrap() == "data: 2"));
    let page = serving.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(page.contains("\"points\":101"), "{page:.300}");
}

#[test]
fn a_port_that_is_taken_is_told_and_a_name_of_another_kind_is_refused() {
    let folder = folder("port");
    let serving = Serving::start(&folder);
    let (_, port) = serving.1.split_once(':').unwrap();
    let taken = report(&folder, &minutes(100), &["--serve", "--port", port]);
    let said = String::from_utf8_lossy(&taken.stderr);
    assert_eq!(taken.status.code(), Some(1), "{said}");
    assert!(said.contains(&serving.1) && said.contains("in use"), "{said}");
    for host in ["[::1]", "[::1]:80", "127.0.0.1@example.com", "0.0.0.0", "localhost.example.com"] {
        let answer = serving.ask(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer:.100}");
    }
    // bound to 127.0.0.1 alone
    assert!(TcpStream::connect(format!("[::1]:{port}")).is_err());
}

/// A file that others write: half a line waits for its rest, a file that is cut, gone and back is told and followed.
#[test]
fn a_file_that_grows_is_cut_or_rotated_is_followed() {
    let folder = folder("rotated");
    let serving = Serving::start(&folder);
    let path = folder.join("in.csv");
    let page = || serving.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let until = |what: &str, is_so: &dyn Fn(&str) -> bool| {
        let end = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let page = page();
            if is_so(&page) {
                return page;
            }
            assert!(std::time::Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    const BEFORE: &str = "The page shows what was before the last change";
    let whole = minutes(120);
    let cut = whole.len() - 2;
    let half = whole[..cut].rfind(',').unwrap();
    fs::write(&path, &whole[..half]).unwrap();
    // the rest of the line comes while it is waited for
    std::thread::sleep(Duration::from_millis(700));
    assert!(!page().contains(BEFORE));
    fs::write(&path, &whole).unwrap();
    let shown = until("the whole line", &|page| page.contains("\"points\":120"));
    assert!(!shown.contains(BEFORE));
    fs::write(&path, "").unwrap();
    let shown = until("the file is cut", &|page| page.contains(BEFORE));
    assert!(
        shown.contains("the file is empty") && shown.contains("\"points\":120"),
        "the last good page stays"
    );
    fs::rename(&path, folder.join("in.csv.1")).unwrap();
    until("the file is gone", &|page| page.contains("No such file"));
    fs::write(&path, minutes(50)).unwrap();
    let shown = until("another file", &|page| page.contains("\"points\":50"));
    assert!(!shown.contains(BEFORE));
}

#[test]
fn the_windows_of_a_section_that_measures_log_records_are_the_series() {
    let folder = folder("windows");
    let mut lines = String::new();
    for second in 0..1800 {
        let status = if second % 10 == 0 { 500 } else { 200 };
        let host = if second % 3 == 0 { "a" } else { "b" };
        writeln!(lines, r#"{{"ts":{},"status":{status},"host":"{host}"}}"#, 1_735_689_600 + second).unwrap();
    }
    fs::write(folder.join("logs.jsonl"), lines).unwrap();
    fs::write(
        folder.join("logs.ini"),
        "[series.requests]\nmatch: web.*\nmeasure: count\nevery: 1m\nby: $host\ntime: $ts\n",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .current_dir(&folder)
        .args(["report", "--input", "logs.jsonl", "--config", "logs.ini"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // the last windows are still open
    assert!(said.starts_with("report.html: 2 series, 5"), "{said}");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    for part in ["\"name\":\"a\"", "\"name\":\"b\"", "\"step\":60", "\"start\":1735689600"] {
        assert!(html.contains(part), "{part}");
    }
}
