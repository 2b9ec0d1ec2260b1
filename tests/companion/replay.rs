//! `fluent-anomaly replay` as a user runs it: a past range from a fake API, to standard output or a forward server.

use crate::common::api::{folder, points, run, value};
use crate::common::forward_server;
use crate::common::http_server::{Answer, Server};
use fluent_anomaly::{Config, Format, Pipeline, Time};

/// 2026-01-10 12:00 UTC.
const START: i64 = 1_768_046_400;

fn config(general: &str) -> String {
    format!(
        "[general]\n{general}\n[filter]\nstate: state\n[datadog.cpu]\nquery: avg:cpu{{*}} by {{host}}\nk: 3\n\
         [datadog.queue]\nquery: avg:queue{{*}}\nk: 2\n"
    )
}

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_range_longer_than_a_slice_arrives_whole_once_and_in_order_through_errors() {
    let datadog = Server::start(|request, before| match before {
        2 => Answer::status(500, "<html>"),
        4 => Answer::Cut(r#"{"status":"ok","series":[]}"#.into(), 9),
        _ => points(request, 2),
    });
    let place = folder(&config(&format!("api_url: {}", datadog.url)));
    let (status, out, said) = run(
        &place,
        &[
            "replay",
            "cpu",
            "--start",
            "2026-01-10 13:00",
            "--end",
            "2026-01-14 18:00",
            "--timezone",
            "Europe/Vienna",
            "--to",
            "stdout",
        ],
    );
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("12122 records"), "{said}");
    for host in 0..2 {
        let scope = format!("host:h{host}");
        let got: Vec<(i64, f64)> = lines(&out)
            .iter()
            .filter(|record| record["scope"] == scope.as_str())
            .map(|record| (record["time"].as_i64().unwrap(), record["raw_value"].as_f64().unwrap()))
            .collect();
        let wanted: Vec<(i64, f64)> = (START / 60..=START / 60 + 4 * 1440 + 300)
            .map(|minute| (minute * 60, value(host, minute)))
            .collect();
        assert_eq!(got, wanted);
    }
    // the live cursors and models are left alone
    assert!(!place.path().join("state").exists());
}

#[test]
fn forwarded_records_have_the_seeds_tags_and_the_scores_of_the_filter() {
    let datadog = Server::start(|request, _| points(request, 1));
    let fluent = forward_server::Server::start(vec![forward_server::Act::Close]);
    let text = config(&format!("api_url: {}\nforward: {}", datadog.url, fluent.url()));
    let place = folder(&text);
    let end = (START + 7200).to_string();
    let (status, _, said) =
        run(&place, &["replay", "--start", &START.to_string(), "--end", &end, "--detect"]);
    assert_eq!(status, 0, "{said}");
    let records = fluent.records();
    assert_eq!(records.len(), 242, "{said}");
    let mut filter = Pipeline::new(&Config::parse("f.ini", &text).unwrap(), Format::Json, None);
    for (tag, record) in &records {
        let live = tag.strip_prefix("replay.").unwrap().replace("changefinder.replay.", "changefinder.");
        assert!(["changefinder.cpu", "changefinder.queue"].contains(&live.as_str()), "{tag}");
        let got = serde_json::to_value(record).unwrap();
        let time = got["time"].as_i64().unwrap();
        let host = got["host"].as_str().unwrap();
        let raw = serde_json::to_string(&got["raw_value"]).unwrap();
        let mut wanted = format!(
            r#"{{"metric":"cpu","raw_value":{raw},"scope":"host:{host}","host":"{host}","time":{time}}}"#
        )
        .into_bytes();
        filter.process(live.as_bytes(), Time::from_seconds(time), &mut wanted);
        assert_eq!(got, serde_json::from_slice::<serde_json::Value>(&wanted).unwrap());
        assert!(got["score_outlier"].is_f64(), "{got}");
    }
}

#[test]
fn a_query_that_is_refused_fails_the_run_and_the_others_are_complete() {
    let datadog = Server::start(|request, _| match request.parameter("query").contains("queue") {
        true => Answer::status(400, r#"{"errors":["no such metric"]}"#),
        false => points(request, 1),
    });
    let place = folder(&config(&format!("api_url: {}", datadog.url)));
    let end = (START + 7200).to_string();
    let (status, out, said) =
        run(&place, &["replay", "--start", &START.to_string(), "--end", &end, "--to", "stdout"]);
    assert_eq!((status, lines(&out).len()), (1, 121), "{said}");
    assert!(said.contains("1 of 2 sections are not complete") && said.contains("no such metric"), "{said}");
}

#[test]
fn an_empty_stretch_is_asked_for_once() {
    let datadog = Server::start(|_, _| Answer::json(r#"{"status":"ok","series":[]}"#));
    let place = folder(&config(&format!("api_url: {}", datadog.url)));
    let end = (START + 36_000).to_string();
    let (status, out, _) =
        run(&place, &["replay", "cpu", "--start", &START.to_string(), "--end", &end, "--to", "stdout"]);
    assert_eq!((status, out.as_str(), datadog.count()), (0, "", 1));
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let place = folder(&config("api_url: http://127.0.0.1:9"));
    for (args, said) in [
        (&["replay"][..], "--start: the first moment of the range is needed"),
        (&["replay", "--start", "soon"], "--start: \"soon\" is not allowed: \"2026-11-20 12:00\""),
        (&["replay", "--start", "2999-01-01"], "lies in the future"),
        (&["replay", "--start", "2026-01-02", "--end", "2026-01-01"], "is not behind --start"),
        (&["replay", "--start", "1700000000000"], "not milliseconds"),
        (
            &["replay", "--start", "2026-01-01", "--timezone", "Europe/Wien"],
            "is no time zone of the IANA database; similar names: ",
        ),
        (
            &["replay", "--start", "2026-03-29 02:30", "--timezone", "Europe/Vienna"],
            "does not exist in Europe/Vienna",
        ),
        (&["replay", "disk", "--start", "2026-01-01"], "no section [datadog.disk]; there are: cpu, queue"),
        (&["replay", "--start", "2026-01-01", "--to", "file"], "invalid value 'file'"),
        (&["replay", "--start", "2026-01-01", "--config", "none.ini"], "none.ini: cannot be read"),
    ] {
        let (status, _, error) = run(&place, args);
        assert!(status == 2 && error.contains(said), "{args:?}: {status} {error}");
    }
}
