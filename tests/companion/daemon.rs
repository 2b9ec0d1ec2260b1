//! `start`, `stop`, `restart` and `status` as a user runs them.

use crate::common::forward_server;
use crate::common::http_server::{Answer, Request, Server};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const APP_KEY: &str = "fedcba9876543210fedcba9876543210fedcba98";
const HOOK: &str = "services/T012345/B067890/aVerySecretPart";

fn points(request: &Request) -> Answer {
    if request.method == "POST" {
        return Answer::status(200, "ok");
    }
    let (from, to) = (request.number("from"), request.number("to"));
    let points: Vec<String> =
        ((from + 59) / 60..=to / 60).map(|bucket| format!("[{}.0,1.5]", bucket * 60_000)).collect();
    Answer::json(format!(
        r#"{{"status":"ok","series":[{{"metric":"cpu","scope":"host:a","tag_set":["host:a"],"interval":60,"pointlist":[{}]}}]}}"#,
        points.join(",")
    ))
}

/// A folder with a configuration; what runs in it is stopped at the end.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // only what was started here
            if String::from_utf8_lossy(&command).contains(&*self.0.to_string_lossy()) {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Place {
    fn new(name: &str, general: &str) -> Self {
        let path = std::env::temp_dir().join(format!("daemon-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("run")).unwrap();
        let place = Self(path);
        place.configure(general);
        place
    }

    fn configure(&self, general: &str) {
        let text = format!(
            "[general]\npidfile_path: run/changefinder.pid\nlog_file: fa.log\n{general}\n[datadog.cpu]\nquery: avg:cpu{{*}} by {{host}}\nk: 3\n"
        );
        fs::write(self.0.join("fa.ini"), text).unwrap();
    }

    fn spawn(&self, command: &str, more: &[&str], api_key: &str) -> std::process::Child {
        Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .args([command, "--config", "fa.ini"])
            .args(more)
            .current_dir(&self.0)
            .env("DD_API_KEY", api_key)
            .env("DD_APP_KEY", APP_KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Status and everything that was said.
    fn run(&self, command: &str, more: &[&str]) -> (Option<i32>, String) {
        said(&self.spawn(command, more, API_KEY).wait_with_output().unwrap())
    }

    fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.0.join("run/changefinder.pid")).ok()?.trim().parse().ok()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.0.join("fa.log")).unwrap_or_default()
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that lies in the folder, the configuration aside.
    fn files(&self) -> String {
        let mut folders = vec![self.0.clone()];
        let mut all = String::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.ends_with("fa.ini") => {}
                    path => all += &String::from_utf8_lossy(&fs::read(path).unwrap_or_default()),
                }
            }
        }
        all
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn it_starts_tells_how_far_it_is_and_stops_and_shows_no_secret() {
    let api = Server::start(|request, _| points(request));
    let fluent = forward_server::Server::start(vec![]);
    let place = Place::new(
        "life",
        &format!(
            "api_url: {0}\nforward: {1}\ninterval: 10\nlimit: 300\n[slack]\nurl: {0}/{HOOK}",
            api.url,
            fluent.url()
        ),
    );
    let mut all = String::new();
    let (code, text) = place.run("status", &[]);
    assert_eq!((code, text.as_str()), (Some(1), "fluent-anomaly: not running\n"));
    let (code, text) = place.run("start", &["--metrics", "127.0.0.1:0"]);
    let pid = place.pid().expect("a number in the pid file");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("started: pid {pid}, log ")), "{text}");
    assert!(text.contains("need 360 API calls an hour, `limit` allows 300"), "{text}");
    all += &text;
    place.until("a round", || place.run("status", &["--format", "json"]).1.contains(r#""series":1"#));

    let (code, text) = place.run("start", &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("already running: pid {pid}")), "{text}");
    all += &text;

    let (code, text) = place.run("status", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with(&format!("running: pid {pid}, since 20")), "{text}");
    assert!(text.contains("\n  cpu  ") && text.contains("API calls left in this hour"), "{text}");
    all += &text;
    let (code, text) = place.run("status", &["--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &status["running"], &status["pid"]), (Some(0), &true.into(), &pid.into()));
    let query = &status["queries"][0];
    assert_eq!((&query["section"], &query["series"]), (&"cpu".into(), &1.into()), "{text}");
    assert!(query["last_pull"].as_i64().unwrap() >= status["since"].as_i64().unwrap(), "{text}");
    assert!((60..200).contains(&query["lag"].as_i64().unwrap()), "{text}");
    assert!((290..300).contains(&status["budget_left"].as_i64().unwrap()), "{text}");
    assert_eq!(status["last_warning"]["cause"], "limit_too_low");
    all += &text;
    let address = status["metrics"].as_str().unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut socket, b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let metrics = std::io::read_to_string(socket).unwrap();
    assert!(metrics.contains("\nfluent_anomaly_query_lag_seconds{section=\"cpu\"} "), "{metrics}");
    all += &metrics;
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    all += &String::from_utf8_lossy(&command_line);

    place.until("a message", || api.requests.lock().unwrap().iter().any(|request| request.method == "POST"));
    let hooks: Vec<Request> =
        api.requests.lock().unwrap().iter().filter(|request| request.method == "POST").cloned().collect();
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    assert!(hooks[0].body.contains("need 360 API calls an hour"), "{}", hooks[0].body);

    let (code, text) = place.run("stop", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with(&format!("stopping pid {pid} ")) && text.contains("stopped after"), "{text}");
    assert!(place.pid().is_none() && !place.0.join("run/changefinder.status").exists());
    assert_eq!(place.run("stop", &[]), (Some(0), "not running\n".into()));
    let (code, text) = place.run("status", &["--format", "json"]);
    assert_eq!((code, text.trim()), (Some(1), r#"{"running":false,"stale_pidfile":false}"#));
    assert!(!fluent.records().is_empty());
    all += &place.files();
    for secret in [&API_KEY[..8], &APP_KEY[..8], "T012345", "aVerySecret"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn restart_makes_a_new_process_and_a_wrong_configuration_leaves_the_old_one() {
    let api = Server::start(|request, _| points(request));
    let fluent = forward_server::Server::start(vec![]);
    let general = format!("api_url: {}\nforward: {}", api.url, fluent.url());
    let place = Place::new("restart", &general);
    assert_eq!(place.run("restart", &[]).0, Some(0));
    let first = place.pid().unwrap();
    let (code, text) = place.run("restart", &[]);
    assert_eq!(code, Some(0), "{text}");
    let second = place.pid().unwrap();
    assert!(
        text.contains(&format!("stopping pid {first} ")) && text.contains(&format!("pid {second}")),
        "{text}"
    );
    assert_ne!(first, second);
    place.configure(&format!("{general}\nintervall: 5"));
    let (code, text) = place.run("restart", &[]);
    assert_eq!(code, Some(2), "{text}");
    place.configure(&general);
    assert_eq!((place.run("status", &[]).0, place.pid()), (Some(0), Some(second)));
}

#[test]
fn what_is_wrong_with_configuration_or_keys_is_said_in_the_terminal() {
    let place = Place::new("wrong", "api_url: http://127.0.0.1:1\nintervall: 5");
    let (code, text) = place.run("start", &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("fa.ini:") && text.contains("intervall"), "{text}");
    place.configure("api_url: http://127.0.0.1:1");
    let (code, text) = said(&place.spawn("start", &[], "").wait_with_output().unwrap());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("DD_API_KEY is missing"), "{text}");
    place.configure(&format!("api_url: http://127.0.0.1:1\n[slack]\nurl: http://hooks.slack.com/{HOOK}"));
    let (code, text) = place.run("start", &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("[slack] url") && !text.contains("aVerySecret"), "{text}");
    assert!(place.pid().is_none(), "a pid file is left");
    assert_eq!(place.run("status", &[]).0, Some(1));
}

#[test]
fn a_stale_pid_file_is_recognised_whoever_has_its_number_now() {
    let api = Server::start(|request, _| points(request));
    let place = Place::new("stale", &format!("api_url: {}\nforward: tcp://127.0.0.1:1", api.url));
    let file = place.0.join("run/changefinder.pid");
    // this test itself: alive, and no daemon
    fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    let (code, text) = place.run("status", &[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("stale"), "{text}");
    let (code, text) = place.run("stop", &[]);
    assert!(code == Some(0) && text.contains("stale pid file") && !file.exists(), "{text}");
    fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    assert_eq!(place.run("start", &[]).0, Some(0));
    let killed = place.pid().unwrap();
    assert_ne!(killed, std::process::id());
    Command::new("kill").args(["-KILL", &killed.to_string()]).status().unwrap();
    place.until("its end", || place.run("status", &[]).0 == Some(1));
    assert_eq!(place.pid(), Some(killed));
    assert_eq!(place.run("start", &[]).0, Some(0));
    assert_ne!(place.pid(), Some(killed));
    assert_eq!(place.run("stop", &[]).0, Some(0));
}

#[test]
fn a_file_that_is_no_pid_file_and_a_lock_of_somebody_else_are_left_alone() {
    let place = Place::new("foreign", "api_url: http://127.0.0.1:1");
    let path = place.0.join("run/changefinder.pid");
    fs::write(&path, "my notes").unwrap();
    let (code, text) = place.run("start", &[]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("it holds something else"), "{text}");
    place.run("stop", &[]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "my notes");
    fs::write(&path, format!("{}\n", std::process::id())).unwrap();
    let held = fs::File::open(&path).unwrap();
    held.try_lock().unwrap();
    // were it to trust the number, it would end this test
    let (code, text) = place.run("stop", &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("held by another program"), "{text}");
    drop(held);
}

#[test]
fn of_starts_at_the_same_time_one_wins() {
    let api = Server::start(|request, _| points(request));
    let place = Place::new("two", &format!("api_url: {}\nforward: tcp://127.0.0.1:1", api.url));
    let starts: Vec<_> = (0..4).map(|_| place.spawn("start", &[], API_KEY)).collect();
    let codes: Vec<(Option<i32>, String)> =
        starts.into_iter().map(|start| said(&start.wait_with_output().unwrap())).collect();
    let won = codes.iter().filter(|(code, _)| *code == Some(0)).count();
    assert_eq!(won, 1, "{codes:?}");
    assert!(
        codes.iter().all(|(code, text)| *code == Some(0) || text.contains("already running")),
        "{codes:?}"
    );
    assert_eq!(place.run("status", &[]).0, Some(0));
    assert_eq!(place.run("stop", &[]).0, Some(0));
}

#[test]
fn stop_ends_it_although_nobody_answers() {
    let api = Server::start(|_, _| Answer::Hang(Duration::from_secs(40)));
    let place = Place::new("hang", &format!("api_url: {}", api.url));
    assert_eq!(place.run("start", &[]).0, Some(0));
    place.until("a request", || api.count() > 0);
    let (code, text) = place.run("stop", &[]);
    assert_eq!(code, Some(0), "{text}");
    let seconds: f64 = text.rsplit_once("after ").unwrap().1.trim().trim_end_matches(" s").parse().unwrap();
    assert!(seconds < 5.5, "{text}");
    assert!(place.pid().is_none(), "a pid file is left");
}

#[test]
fn keys_come_from_a_named_file_and_from_the_credentials_of_systemd() {
    let api = Server::start(|request, _| {
        let keys = (request.header("dd-api-key"), request.header("dd-application-key"));
        if keys == (Some(API_KEY), Some(APP_KEY)) { points(request) } else { Answer::status(403, "{}") }
    });
    let place = Place::new("keys", &format!("api_url: {}", api.url));
    fs::write(place.0.join("api"), format!("{API_KEY}\n")).unwrap();
    fs::write(place.0.join("dd-app-key"), format!("{APP_KEY}\n")).unwrap();
    let pull = |file: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
            .args(["pull", "--once", "--to", "stdout", "--config", "fa.ini"])
            .current_dir(&place.0)
            .env_remove("DD_API_KEY")
            .env_remove("DD_APP_KEY")
            .env("DD_API_KEY_FILE", file)
            .env("CREDENTIALS_DIRECTORY", &place.0)
            .output();
        said(&output.unwrap())
    };
    let (code, text) = pull("api");
    assert!(code == Some(0) && text.contains("\"raw_value\":1.5"), "{text}");
    let (code, text) = pull("nowhere");
    assert!(code == Some(2) && text.contains("DD_API_KEY_FILE: nowhere: "), "{text}");
}

#[test]
fn a_stop_waits_for_the_answer_that_is_on_its_way() {
    let api = Server::start(|request, _| points(request));
    // about 40 bytes: the acknowledgement takes about 2 s
    let slow = forward_server::Act::AckSlowly(Duration::from_millis(50));
    let fluent = forward_server::Server::start(vec![slow]);
    // what a stop has no time to settle comes again
    let general = format!("api_url: {}\nforward: {}\nforward_settle: 1", api.url, fluent.url());
    let place = Place::new("drain", &general);
    assert_eq!(place.run("start", &[]).0, Some(0));
    place.until("the records", || !fluent.records().is_empty());
    let (code, text) = place.run("stop", &[]);
    assert_eq!(code, Some(0), "{text}");
    let first = fluent.records();
    fs::write(place.0.join("fa.log"), "").unwrap();
    assert_eq!(place.run("start", &[]).0, Some(0));
    place.until("a round of the second", || place.log().contains("round done"));
    let second = fluent.records().split_off(first.len());
    assert!(second.iter().all(|record| !first.contains(record)), "{first:?} came again: {second:?}");
    assert_eq!(place.run("stop", &[]).0, Some(0));
}

#[test]
fn a_rotated_log_goes_on_in_a_new_file() {
    let api = Server::start(|request, _| points(request));
    let fluent = forward_server::Server::start(vec![]);
    let general = format!("api_url: {}\nforward: {}\ninterval: 600", api.url, fluent.url());
    let place = Place::new("rotate", &general);
    assert_eq!(place.run("start", &[]).0, Some(0));
    place.until("a round", || place.log().contains("round done"));
    fs::rename(place.0.join("fa.log"), place.0.join("fa.log.1")).unwrap();
    place.configure(&format!("{general}\n[datadog.more]\nquery: avg:more{{*}}\nk: 2"));
    Command::new("kill").args(["-HUP", &place.pid().unwrap().to_string()]).status().unwrap();
    place.until("the new file", || place.log().contains("1 sections new, 0 gone"));
    assert!(!fs::read_to_string(place.0.join("fa.log.1")).unwrap().contains("1 sections new"));
    let line = place.log().lines().next().unwrap().to_owned();
    assert!(line.starts_with("20") && line.contains("Z fluent-anomaly: "), "{line}");
    assert_eq!(place.run("stop", &[]).0, Some(0));
}
