//! Warnings to Slack against a local webhook: what is sent, when again, when not, and that nobody waits for it.

use crate::common::http_server::{Answer, Request, Server};
use crate::common::series::noise_of;
use crate::common::world::{Notices, World};
use fluent_anomaly::Secret;
use fluent_anomaly::native::{Counters, IncidentNotice, Native, Notice, Progress};
use fluent_anomaly::sinks::StdoutSink;
use fluent_anomaly::sinks::slack::{SlackNotifier, SlackSettings};
use fluent_anomaly::sources::datadog::{QueryApi, QueryOutcome, QueryPoint, QuerySeries, QueryWindow, Reply};
use fluent_anomaly::sources::pull::{self, FixedSections, Nulls, PullSection, PullSettings};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "T012345/B067890/aVerySecretPart";

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn notice(&self, notice: &Notice) {
        self.0.lock().unwrap().push(notice.to_string());
    }
}

fn start(server: &Server) -> (SlackNotifier, Arc<Told>) {
    let told = Arc::new(Told::default());
    let settings = SlackSettings {
        url: Secret::new(&format!("{}/services/{SECRET}", server.url)),
        channel: Some("#ops".into()),
        username: Some("fluent-anomaly".into()),
        icon_emoji: Some(":warning:".into()),
        from: "web1".into(),
    };
    (SlackNotifier::start(settings, Arc::new(Native::default()), told.clone()).unwrap(), told)
}

fn limit() -> Notice {
    Notice::LimitTooLow { needed: 720, limit: 500 }
}

fn refused(reason: &str) -> Notice {
    Notice::Refused { section: "cpu".into(), reason: reason.into() }
}

#[test]
fn each_event_of_an_incident_is_posted_however_many_there_are_in_an_hour() {
    let server = Server::start(|_, _| Answer::status(200, "ok"));
    let (slack, _) = start(&server);
    for id in ["cpu-17", "cpu-1800"] {
        for event in
            [IncidentNotice::Begins, IncidentNotice::Grows, IncidentNotice::Grows, IncidentNotice::IsOver]
        {
            let first = "host:a".to_owned();
            slack.notice(&Notice::Incident { id: id.to_owned(), event, series: 4, first, size: 7.25 });
        }
    }
    assert!(slack.finish(enough()));
    assert_eq!(server.count(), 8);
}

fn enough() -> Duration {
    Duration::from_secs(60)
}

#[test]
fn a_warning_is_posted_once_per_cause_with_its_marks_escaped() {
    let server = Server::start(|_, _| Answer::status(200, "ok"));
    let (slack, told) = start(&server);
    slack.notice(&refused("a < b & c > \"d\""));
    slack.notice(&refused("again"));
    slack.notice(&limit());
    slack.notice(&limit());
    slack.notice(&Notice::RoundDone { records: 1, complete: 1, behind: 0 });
    slack.notice(&Notice::SlackFailed { reason: "not to itself".into() });
    assert!(slack.finish(enough()));
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(
        (requests[0].method.as_str(), requests[0].target.as_str()),
        ("POST", &*format!("/services/{SECRET}"))
    );
    assert!(requests[0].header("content-type").unwrap().starts_with("application/json"));
    let body: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
    let expected = serde_json::json!({
        "text": "web1: [datadog.cpu] the API refuses the query: a &lt; b &amp; c &gt; \"d\"",
        "channel": "#ops", "username": "fluent-anomaly", "icon_emoji": ":warning:",
    });
    assert_eq!(body, expected);
    assert!(requests[1].body.contains("720 API calls"), "{}", requests[1].body);
    assert!(told.0.lock().unwrap().is_empty());
}

#[test]
fn later_means_the_same_message_again() {
    for (name, first) in [("429", 429), ("500", 500), ("408", 408)] {
        let server = Server::start(move |_, before| match before {
            0 => Answer::Full(first, vec![("Retry-After", "1".into())], "later".into()),
            _ => Answer::status(200, "ok"),
        });
        let (slack, told) = start(&server);
        slack.notice(&limit());
        assert!(slack.finish(enough()));
        let requests = server.requests.lock().unwrap();
        assert_eq!(requests.len(), 2, "{name}");
        assert_eq!(requests[0].body, requests[1].body, "{name}");
        assert!(told.0.lock().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn no_is_final_and_the_log_is_told_without_the_url() {
    for (status, said) in [(400, "invalid_payload"), (403, "invalid_token"), (404, "no_service"), (302, "")] {
        let server = Server::start(move |request, before| match before {
            0 => Answer::status(status, &format!("{said} {} aVerySecretPart", request.target)),
            _ => Answer::status(200, "ok"),
        });
        let (slack, told) = start(&server);
        slack.notice(&limit());
        slack.notice(&refused("the next one is sent"));
        assert!(slack.finish(enough()));
        assert_eq!(server.count(), 2, "{status}");
        let told = told.0.lock().unwrap().join("\n");
        assert!(told.contains(&format!("status {status} {said}")), "{told}");
        assert!(!told.contains("T012345") && !told.contains("aVerySecret"), "{told}");
    }
}

#[test]
fn a_webhook_that_hangs_holds_nobody_up() {
    let server = Server::start(|_, _| Answer::Hang(Duration::from_secs(30)));
    let (slack, _) = start(&server);
    slack.notice(&limit());
    slack.notice(&refused("waits in the queue"));
    slack.notice(&Notice::Ended { reason: "waits too".into() });
    assert!(!slack.finish(Duration::from_millis(200)), "it cannot have finished");
    assert!(server.count() <= 1);
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_showing_it() {
    for url in [
        "",
        "hooks.slack.com/services/aVerySecretPart",
        "http://hooks.slack.com/aVerySecretPart",
        "ftp://aVerySecretPart",
    ] {
        let settings = SlackSettings { url: Secret::new(url), ..Default::default() };
        let error = SlackNotifier::start(settings, Arc::new(Native::default()), Arc::new(Told::default()))
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("[slack] url") && !text.contains("aVerySecret"), "{text}");
    }
}

const HOSTS: i64 = 8;
const STEP_S: i64 = 300;

/// Points of hosts in five-minute buckets; from `deploy_s` on half of them are far off. The noise before is the same
/// whenever the test runs: with that of the clock an incident by chance could be going on at the deploy.
fn value(host: i64, time_s: i64, deploy_s: i64) -> f64 {
    noise_of(host as u64 + 1, 1_000_000 + (time_s - deploy_s) / STEP_S)
        + if time_s >= deploy_s && host % 2 == 0 { 40.0 } else { 0.0 }
}

/// The companion catches up with three days in which half of the hosts shift an hour ago; what Slack gets is read from
/// the wire, and compared with what a pipeline says of the same points.
#[test]
fn an_incident_in_pulled_points_is_posted_to_slack() {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let deploy_s = (now_s - 3600) / STEP_S * STEP_S;
    let server = Server::start(move |request, _| {
        if request.method == "POST" {
            return Answer::status(200, "ok");
        }
        let (from, to) = (request.number("from"), request.number("to"));
        let series = |host: i64| {
            let times = ((from + STEP_S - 1) / STEP_S..=to / STEP_S).map(|bucket| bucket * STEP_S);
            let points: Vec<String> =
                times.map(|time| format!("[{}.0,{:?}]", time * 1000, value(host, time, deploy_s))).collect();
            format!(
                r#"{{"metric":"cpu","scope":"host:h{host}","tag_set":["host:h{host}"],"interval":{STEP_S},"pointlist":[{}]}}"#,
                points.join(",")
            )
        };
        let series: Vec<String> = (0..HOSTS).map(series).collect();
        Answer::json(format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(",")))
    });
    let folder = tempfile::tempdir().unwrap();
    let query = "avg:cpu{*} by {host}.rollup(avg, 300)";
    let ini = format!(
        "[general]\napi_url: {0}\nlimit: 100000\n[filter]\nstate: state\n[slack]\nurl: {0}/services/{SECRET}\nchannel: #ops\n\
         [datadog.cpu]\nquery: {query}\nk: 2\nalarms: 1/day for all\n",
        server.url
    );
    std::fs::write(folder.path().join("fa.ini"), &ini).unwrap();
    begin_three_days_ago(&folder.path().join("state/pull"), query, now_s);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"))
        .args(["pull", "--detect", "--to", "stdout", "-c", "fa.ini"])
        .current_dir(folder.path())
        .env("DD_API_KEY", "0123456789abcdef0123456789abcdef")
        .env("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // what is scored comes out here, and is what the messages are made of
    let (records, scored) = std::sync::mpsc::channel();
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
        lines.all(|line| records.send(line).is_ok())
    });
    let mut begun = None;
    while let Ok(line) = scored.recv_timeout(enough()) {
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        if record["incident"]["event"] == "start" && record["time"].as_i64() >= Some(deploy_s) {
            begun = Some(record["incident"].clone());
            break;
        }
    }
    let begun = begun.expect("half of the hosts are an incident");
    let posted = || -> Vec<Request> {
        server.requests.lock().unwrap().iter().filter(|request| request.method == "POST").cloned().collect()
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let expected = format!(
        r##"{{"channel":"#ops","text":"fluent-anomaly on {}: incident {} begins: 1 series alarmed, first {}; the largest is {:.1} usual deviations away"}}"##,
        host.trim(),
        begun["id"].as_str().unwrap(),
        begun["first"].as_str().unwrap(),
        begun["size"].as_f64().unwrap()
    );
    let sorted = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap().to_string();
    let ended = std::time::Instant::now() + enough();
    while !posted().iter().any(|request| sorted(&request.body) == expected) {
        assert!(std::time::Instant::now() < ended, "{expected}: {:?}", posted());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(posted().iter().all(|request| request.target == format!("/services/{SECRET}")));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Leaves the cursor that a companion would have left that was stopped then.
fn begin_three_days_ago(state: &std::path::Path, query: &str, now_s: i64) {
    struct Nothing;
    impl QueryApi for Nothing {
        fn query(&self, _: &str, window: QueryWindow) -> Reply {
            let point = QueryPoint { time: window.from / STEP_S * STEP_S, value: Some(1.0) };
            let series = QuerySeries {
                metric: "cpu".into(),
                scope: "host:gone".into(),
                host: Some("gone".into()),
                interval: Some(STEP_S as u32),
                points: vec![point],
                ..QuerySeries::default()
            };
            Reply { outcome: QueryOutcome::Series(vec![series]), rate: Default::default() }
        }
    }
    let world = World::at(now_s - 3 * 86_400);
    let section = PullSection {
        name: "cpu".into(),
        query: query.into(),
        nulls: Nulls::Skip,
        evaluation_delay: None,
        one_model: false,
        look_back: None,
    };
    let settings = PullSettings { state: Some(state.to_owned()), once: true, ..Default::default() };
    let mut sink = StdoutSink::new(std::io::sink());
    let (notices, counters) = (Notices::default(), Counters::default());
    pull::run(&settings, &mut FixedSections(vec![section]), &Nothing, &mut sink, &world, &notices, &counters)
        .unwrap();
}
