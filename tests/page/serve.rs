//! `report --serve`: who gets the page, and how it follows its files.

#![cfg(feature = "report")]
use std::fs;
use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::report::{folder, minutes, report};
use crate::serving::Serving;

/// A file of a hundred minutes.
fn of_hundred(folder: &Path) -> Serving {
    fs::write(folder.join("in.csv"), minutes(100)).unwrap();
    Serving::start(folder, &["--input", "in.csv"])
}

#[test]
fn the_served_page_is_for_this_machine_alone() {
    let serving = of_hundred(&folder("served"));
    let get = |path: &str, host: &str| serving.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for host in [serving.address.as_str(), "localhost"] {
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
    let serving = of_hundred(&folder);
    let told = serving.connect("GET /changes?1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    fs::write(folder.join("in.csv"), minutes(101)).unwrap();
    assert!(told.lines().any(|line| line.unwrap() == "data: 2"));
    let page = serving.page();
    assert!(page.contains("\"points\":101"), "{page:.300}");
}

#[test]
fn a_port_that_is_taken_is_told_and_a_name_of_another_kind_is_refused() {
    let folder = folder("port");
    let serving = of_hundred(&folder);
    let (_, port) = serving.address.split_once(':').unwrap();
    let taken = report(&folder, &minutes(100), &["--serve", "--port", port]);
    let said = String::from_utf8_lossy(&taken.stderr);
    assert_eq!(taken.status.code(), Some(1), "{said}");
    assert!(said.contains(&serving.address) && said.contains("in use"), "{said}");
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
    let serving = of_hundred(&folder);
    let path = folder.join("in.csv");
    const BEFORE: &str = "The page shows what was before the last change";
    let whole = minutes(120);
    let cut = whole.len() - 2;
    let half = whole[..cut].rfind(',').unwrap();
    fs::write(&path, &whole[..half]).unwrap();
    // the rest of the line comes while it is waited for
    std::thread::sleep(Duration::from_millis(700));
    assert!(!serving.page().contains(BEFORE));
    fs::write(&path, &whole).unwrap();
    let shown = serving.until("the whole line", |page| page.contains("\"points\":120"));
    assert!(!shown.contains(BEFORE));
    fs::write(&path, "").unwrap();
    let shown = serving.until("the file is cut", |page| page.contains(BEFORE));
    assert!(
        shown.contains("the file is empty") && shown.contains("\"points\":120"),
        "the last good page stays"
    );
    fs::rename(&path, folder.join("in.csv.1")).unwrap();
    serving.until("the file is gone", |page| page.contains("No such file"));
    fs::write(&path, minutes(50)).unwrap();
    let shown = serving.until("another file", |page| page.contains("\"points\":50"));
    assert!(!shown.contains(BEFORE));
}

#[test]
fn a_page_of_another_origin_gets_nothing_but_a_link_to_the_page() {
    let serving = of_hundred(&folder("origins"));
    let own = format!("http://{}", serving.address);
    let ask = |path: &str, headers: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", serving.address);
        let mut answer = String::new();
        serving.connect(&request).read_line(&mut answer).unwrap();
        answer
    };
    for (headers, status) in [
        (String::new(), "200 OK"),
        (format!("Origin: {own}\r\nSec-Fetch-Site: same-origin\r\n"), "200 OK"),
        ("Sec-Fetch-Site: none\r\nSec-Fetch-Dest: document\r\n".to_owned(), "200 OK"),
        // a link in a chat
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: document\r\n".to_owned(), "200 OK"),
        ("Origin: https://example.com\r\n".to_owned(), "403 Forbidden"),
        ("Origin: null\r\n".to_owned(), "403 Forbidden"),
        ("Origin: http://localhost:1\r\n".to_owned(), "403 Forbidden"),
        (format!("Origin: {}\r\n", own.replace("http", "https")), "403 Forbidden"),
        (format!("Origin: {own}.example.com\r\n"), "403 Forbidden"),
        ("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: iframe\r\n".to_owned(), "403 Forbidden"),
        ("Sec-Fetch-Site: same-site\r\nSec-Fetch-Dest: script\r\n".to_owned(), "403 Forbidden"),
    ] {
        for path in ["/", "/changes?1"] {
            assert_eq!(ask(path, &headers), format!("HTTP/1.1 {status}\r\n"), "{path} {headers}");
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Records of these minutes, one a line.
fn lines(minutes: std::ops::Range<i64>) -> String {
    minutes
        .map(|n| format!("{{\"time\":{},\"value\":{}.5}}\n", 1_735_689_600 + 60 * n, n * 7919 % 97))
        .collect()
}

#[test]
fn follow_waits_for_its_file_and_goes_on_when_that_grows_is_renamed_and_is_cut() {
    let folder = folder("followed");
    let path = folder.join("scored.jsonl");
    let serving = Serving::start(&folder, &["--follow", "scored.jsonl"]);
    let page = serving.page();
    assert!(page.contains("<code>scored.jsonl</code> has no records yet."), "{page:.300}");
    let told = serving.connect("GET /changes?1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    append(&path, &lines(0..100));
    assert!(told.lines().any(|line| line.unwrap() == "data: 2"), "who waits is told");
    assert!(serving.page().contains("\"points\":100,"));
    // half a line is no record yet
    let more = lines(100..120);
    append(&path, &more[..more.len() - 9]);
    serving.until("119 records", |page| page.contains("\"points\":119,"));
    append(&path, &more[more.len() - 9..]);
    serving.until("120 records", |page| page.contains("\"points\":120,"));
    // rotated by a new name, while the old file is still written
    fs::rename(&path, folder.join("scored.jsonl.1")).unwrap();
    append(&folder.join("scored.jsonl.1"), &lines(120..130));
    serving.until("those of the old file", |page| page.contains("\"points\":130,"));
    append(&path, &lines(130..140));
    serving.until("those of the new one", |page| page.contains("\"points\":140,"));
    // rotated by a copy and a cut
    fs::copy(&path, folder.join("scored.jsonl.2")).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    append(&path, &lines(140..145));
    serving.until("those behind the cut", |page| page.contains("\"points\":145,"));
    fs::remove_file(&path).unwrap();
    append(&path, &lines(145..150));
    let page = serving.until("those of a third file", |page| page.contains("\"points\":150,"));
    assert!(page.contains("\"notes\":[]") && page.contains("\"step\":60"), "none missing, none twice");
}

#[test]
fn follow_shows_what_a_running_filter_writes_over_a_kill_and_a_restart() {
    let folder = folder("pipeline");
    fs::write(
        folder.join("f.ini"),
        "[filter]\nstate: state\n[series.s]\nmatch: *\nvalue: $value\ntime: $time\nk: 2\n",
    )
    .unwrap();
    let serving = Serving::start(&folder, &["-c", "f.ini", "--follow", "scored.jsonl"]);
    let filter = || {
        let out = fs::File::options().create(true).append(true).open(folder.join("scored.jsonl")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .current_dir(&folder)
            .args(["filter", "-c", "f.ini", "--tag", "app.web"])
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut points = 0;
    for _ in 0..2 {
        let mut running = filter();
        let mut input = running.stdin.take().unwrap();
        for _ in 0..3 {
            input.write_all(lines(points..points + 50).as_bytes()).unwrap();
            points += 50;
            let shown = format!("\"points\":{points},");
            serving.until("what the filter has let pass", |page| page.contains(&shown));
        }
        running.kill().unwrap(); // it owns the state folder
        running.wait().unwrap();
    }
    let written = fs::read_to_string(folder.join("scored.jsonl")).unwrap();
    assert_eq!(
        written.lines().filter(|line| line.contains("\"score_change\"")).count(),
        300 - warm_up(&written)
    );
}

/// Records before the first score.
fn warm_up(written: &str) -> usize {
    written.lines().position(|line| line.contains("\"score_change\"")).unwrap()
}

#[test]
fn what_cannot_be_followed_is_told_on_the_page_and_what_cannot_be_read_at_once() {
    let folder = folder("unfollowed");
    let path = folder.join("scored.jsonl");
    append(&path, &lines(0..50));
    let serving = Serving::start(&folder, &["--follow", "scored.jsonl", "--value", "value"]);
    append(&path, "no record, and no more\n".repeat(60).as_str());
    let page =
        serving.until("the reason", |page| page.contains("The page shows what was before the last change"));
    assert!(page.contains("\"points\":50,"), "the last good page stays");
    for (arguments, said) in [
        (vec!["--follow", "scored.jsonl"], "--serve"),
        (vec!["--serve", "--follow", "scored.jsonl", "--input", "in.csv"], "cannot be used with"),
        (vec!["--serve", "--follow", ".", "--port", "0"], ".: "),
        (vec!["--serve", "--follow", "none", "-c", "missing.ini"], "missing.ini: cannot be read"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
        let output = command.current_dir(&folder).arg("report").args(&arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(said), "{arguments:?}: {told}");
    }
}
