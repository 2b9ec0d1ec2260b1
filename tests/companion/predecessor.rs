//! The predecessor's users: their ini to the letter, their commands and flags, their results.

use crate::common::http_server::{Request, Server};
use crate::common::predecessor::{CPU, QUEUE, Source, assert_close, ini, scores, select, serve};
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// 2026-01-10 12:00 UTC.
const START: i64 = 1_768_046_400;
const DAY: i64 = 86_400;

/// A folder with the document's `config/datadog.ini`.
fn folder(ini: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/datadog.ini"), ini).unwrap();
    folder
}

fn command(folder: &Path, api: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    command
        .args(args)
        .current_dir(folder)
        .env("DD_API_KEY", "0123456789abcdef0123456789abcdef")
        .env("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98")
        // where the predecessor's library looks for the API's address
        .env("DATADOG_HOST", api)
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, api: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(folder, api, args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn records(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every record as the original would have written it.
#[track_caller]
fn assert_records(source: &Source, got: &[&Value], points: &[(i64, usize)], k: usize, metric: &str) {
    assert_eq!(got.len(), points.len(), "{}", source.section);
    let wanted = scores(source, points, k);
    for (record, &(time, series)) in got.iter().zip(points) {
        let (scope, host) = source.series[series];
        assert_eq!(record["time"], time, "{record}");
        assert_eq!((&record["scope"], &record["host"]), (&scope.into(), &host.into()), "{record}");
        assert_eq!(record["metric"], source.metric);
        assert_eq!(record["raw_value"].as_f64(), source.value(series, time).or(Some(0.0)), "{record}");
        let scores = wanted[&(series, time)];
        for (stage, score) in ["outlier", "change"].into_iter().zip(scores) {
            assert_eq!(record[format!("metric_{stage}")], format!("changefinder.{stage}.{metric}"));
            assert_close(record[format!("score_{stage}")].as_f64().unwrap(), score, &record.to_string());
        }
        assert_eq!(record.as_object().unwrap().len(), 9, "{record}");
    }
}

fn of<'a>(records: &'a [Value], source: &Source) -> Vec<&'a Value> {
    records.iter().filter(|record| record["metric"] == source.metric).collect()
}

#[test]
fn forty_eight_hours_leave_with_the_scores_of_the_original_by_host_and_without() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    let place = folder(&ini());
    let (start, end) = (START.to_string(), (START + 2 * DAY).to_string());
    let args = ["replay", "-f", "config/datadog.ini", "--start", &start, "--end", &end, "--to", "stdout"];
    let (status, out, said) = run(place.path(), &api.url, &args);
    assert_eq!(status, Some(0), "{said}");
    let records = records(&out);
    for source in [CPU, QUEUE] {
        let points = source.points(START, START + 2 * DAY, 300);
        assert_records(&source, &of(&records, &source), &points, 7, source.section);
        assert!(points.iter().any(|&(time, series)| source.value(series, time).is_none()), "a null");
    }
    // one call for each section and day
    let mut windows: Vec<_> = api.requests.lock().unwrap().iter().map(window).collect();
    windows.sort_unstable();
    let (first, second) = ((START, START + DAY), (START + DAY, START + 2 * DAY));
    assert_eq!(windows, [first, first, second, second]);
}

fn window(request: &Request) -> (i64, i64) {
    (request.number("from"), request.number("to"))
}

#[test]
fn the_metric_names_of_the_documents_commit_are_a_key_away() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    let place = folder(&ini().replace("[general]\n", "[general]\nmetric_names: metric\n"));
    let (start, end) = (START.to_string(), (START + 900).to_string());
    let args = ["replay", "--start", &start, "--end", &end, "--to", "stdout"];
    let (status, out, said) = run(place.path(), &api.url, &args);
    assert_eq!(status, Some(0), "{said}");
    for source in [CPU, QUEUE] {
        let records = records(&out);
        assert_records(
            &source,
            &of(&records, &source),
            &source.points(START, START + 900, 20),
            7,
            source.metric,
        );
    }
}

#[test]
fn without_k_the_last_day_chooses_it_at_once_it_is_told_and_kept() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    let place = folder(&ini().replace("k: 7\n", ""));
    let args = ["pull", "--once", "--to", "stdout"];
    let (status, out, said) = run(place.path(), &api.url, &args);
    assert_eq!(status, Some(0), "{said}");
    let requests = std::mem::take(&mut *api.requests.lock().unwrap());
    let records = records(&out);
    for source in [CPU, QUEUE] {
        let asked: Vec<_> = requests
            .iter()
            .filter(|request| request.parameter("query").contains(source.metric))
            .map(window)
            .collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        let (from, to) = asked[0];
        assert_eq!(to - from, DAY);
        let whole = |&(time, _): &(i64, usize)| time + 300 <= to;
        let past: Vec<f64> = source
            .points(from, to, 300)
            .iter()
            .filter(|point| whole(point))
            .map(|&(time, series)| source.value(series, time).unwrap_or(0.0))
            .collect();
        let (k, _) = select(&past, 50);
        let told = format!("[datadog.{}] k = {k}, chosen by AIC from {} points", source.section, past.len());
        assert!(said.contains(&told), "{told}: {said}");
        let (from, to) = asked[1];
        let points: Vec<_> =
            source.points(from, to, 20).into_iter().filter(|(time, _)| time + 20 <= to).collect();
        assert!(points.len() >= 29 * source.series.len(), "{points:?}");
        assert_records(&source, &of(&records, &source), &points, k, source.section);
    }
    let (status, _, said) = run(place.path(), &api.url, &args);
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains("chosen"), "{said}");
    assert!(api.requests.lock().unwrap().iter().all(|request| window(request).1 - window(request).0 < DAY));
}

#[test]
fn select_k_takes_its_flags_ends_at_the_same_point_and_prints_the_one_number() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    let place = folder(&ini());
    let args = ["--max_k", "20", "--start", "2026-01-10 12:00", "--end", "2026-01-11 12:00"];
    for source in [CPU, QUEUE] {
        let x: Vec<f64> = source
            .points(START, START + DAY, 300)
            .iter()
            .map(|&(time, series)| source.value(series, time).unwrap_or(0.0))
            .collect();
        assert_eq!(x.len(), 289 * source.series.len());
        let (k, aic) = select(&x, 20);
        let (status, out, said) =
            run(place.path(), &api.url, &[&["select-k", source.section][..], &args].concat());
        assert_eq!(status, Some(0), "{said}");
        let (order, rest) = out.trim_end().split_once(" (AIC = ").unwrap();
        assert_eq!(order, format!("k = {k}"));
        assert_close(rest.trim_end_matches(')').parse().unwrap(), aic, &out);
        let number = [&["select-k", source.section, "--format", "number"][..], &args].concat();
        assert_eq!(run(place.path(), &api.url, &number).1, format!("{k}\n"));
    }
    let both = [&["select-k", "--format", "number"][..], &args].concat();
    let (status, _, said) = run(place.path(), &api.url, &both);
    assert!(status == Some(2) && said.contains("one section is needed"), "{said}");
}

/// A daemon that is stopped at the end.
struct Daemon<'a> {
    place: &'a Path,
    api: &'a str,
    flags: Vec<&'a str>,
}

impl Daemon<'_> {
    fn run(&self, action: &str, more: &[&str]) -> (Option<i32>, String, String) {
        run(self.place, self.api, &[&[action], &self.flags[..], more].concat())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}

#[test]
fn the_log_behind_a_redirected_start_holds_the_daemons_lines_whole_and_once() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    for (appends, limit) in [(false, ""), (true, ""), (false, "limit: 1\n"), (true, "limit: 1\n")] {
        // 12 calls an hour are needed: with the limit a warning comes before the daemon is ready
        let place = folder(&ini().replace("[general]\n", &format!("[general]\n{limit}")));
        let path = place.path();
        let daemon = Daemon { place: path, api: &api.url, flags: vec!["--pidfile_path", "run.pid"] };
        let open = |name: &str| {
            if appends {
                fs::write(path.join(name), "before\n").unwrap();
            }
            File::options()
                .create(true)
                .write(true)
                .append(appends)
                .truncate(!appends)
                .open(path.join(name))
                .unwrap()
        };
        let status = command(
            path,
            &api.url,
            &["start", "--pidfile_path", "run.pid", "--forward", "tcp://127.0.0.1:9"],
        )
        .stdout(open("out.log"))
        .stderr(open("error.log"))
        .status()
        .unwrap();
        assert!(status.success());
        let (_, text, _) = daemon.run("status", &[]);
        assert!(text.contains("records leave scored, as the Datadog Anomaly Detector sends them"), "{text}");
        daemon.run("stop", &[]);
        let out = fs::read_to_string(path.join("out.log")).unwrap();
        assert!(out.contains("started: pid ") && out.contains("; records leave scored"), "{out}");
        let log = fs::read_to_string(path.join("error.log")).unwrap();
        let log = if appends { log.strip_prefix("before\n").expect(&log) } else { &log };
        for (line, times) in [
            ("records leave scored, as", 1),
            ("pulling 2 sections every 600 s", 1),
            ("need 12 API calls an hour", usize::from(!limit.is_empty())),
        ] {
            assert_eq!(log.matches(line).count(), times, "{line}: {log}");
        }
        let stamped = |line: &str| line.starts_with("20") && line.contains("Z fluent-anomaly: ");
        assert!(log.lines().all(stamped), "{log}");
    }
}

#[test]
fn a_file_with_keys_of_ours_leaves_records_raw_and_says_so() {
    let api = Server::start(|request, _| serve(request, |_, _| false));
    let place = folder(&ini().replace("[general]\n", "[general]\nlog_file: fa.log\n"));
    let daemon = Daemon { place: place.path(), api: &api.url, flags: vec!["--pidfile_path", "run.pid"] };
    let (status, out, said) = daemon.run("start", &["--forward", "tcp://127.0.0.1:9"]);
    assert_eq!(status, Some(0), "{said}");
    let raw = "records leave raw: they need a fluent-anomaly filter behind, or `detect: on` in [general]";
    assert!(out.contains("; records leave raw") && said.contains(raw), "{out}{said}");
    assert!(daemon.run("status", &[]).1.contains(raw));
    let (_, json, _) = daemon.run("status", &["--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["records"], "raw");
}
