//! Warnings to Slack against a local webhook: what is sent, when again, when not, and that nobody waits for it.

use crate::common::http_server::{Answer, Server};
use fluent_anomaly::Secret;
use fluent_anomaly::native::{Native, Notice, Progress};
use fluent_anomaly::sinks::slack::{SlackNotifier, SlackSettings};
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
