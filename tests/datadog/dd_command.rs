//! The `dd` command, run as Fluentd and people run it.

use crate::common::http::{Reply, Server};
use crate::common::program;
use std::process::{Command, Output};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn dd(arguments: &[&str], key: Option<&str>, input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluent-anomaly"));
    command.arg("dd").args(arguments).env_remove("DD_API_KEY").env_remove("DD_SITE");
    if let Some(key) = key {
        command.env("DD_API_KEY", key);
    }
    let output = program::run_with_input(&mut command, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(KEY), "{said}");
    output
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const LINES: &[u8] =
    b"{\"metric\":\"m\",\"value\":1}\n{\"metric_outlier\":\"o\",\"score_outlier\":\"2.5\"}\n";

#[test]
fn standard_input_is_shipped() {
    let server = Server::start([]);
    let arguments = ["--url", &server.url, "--tags", "env:x", "--host", "h", "--api", "v1", "--tag", "a.b"];
    let output = dd(&arguments, Some(KEY), LINES);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(said(&output), "fluent-anomaly: 2 points accepted in 1 requests, 0 retries, dropped: none\n");
    let text = server.texts().concat();
    assert_eq!(text.matches(r#""host":"h","tags":["a.b","env:x"]}"#).count(), 2, "{text}");
    assert_eq!(server.seen()[0].header("dd-api-key"), Some(KEY));
}

#[test]
fn a_file_is_the_last_argument_as_fluentd_gives_it() {
    let server = Server::start([]);
    let folder = std::env::temp_dir().join(format!("dd-command-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chunk, key) = (folder.join("chunk"), folder.join("key"));
    std::fs::write(&chunk, b"\x82\xa6metric\xa1m\xa5value\x01").unwrap();
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    let arguments = ["--url", &server.url, "--api-key-file", key.to_str().unwrap(), chunk.to_str().unwrap()];
    assert_eq!(dd(&arguments, None, b"").status.code(), Some(0));
    assert!(server.texts()[0].contains(r#""metric":"m""#));
    let missing = folder.join("missing");
    assert_eq!(dd(&[missing.to_str().unwrap()], Some(KEY), b"").status.code(), Some(1));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_has_to_be_given_again_ends_with_a_status_that_says_so() {
    let server = Server::start([Reply::status(403)]);
    let output = dd(&["--url", &server.url], Some(KEY), LINES);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the intake refuses the API key"), "{}", said(&output));
    assert!(said(&output).contains("give the input again"), "{}", said(&output));
    let server = Server::start([Reply::status(503)]);
    let output = dd(&["--url", &server.url], Some(KEY), LINES);
    assert_eq!(output.status.code(), Some(0), "patience outlasts a second of trouble: {}", said(&output));
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn useless_input_is_a_failure_unless_told_otherwise() {
    let server = Server::start([]);
    assert_eq!(dd(&["--url", &server.url], Some(KEY), b"{no json\n").status.code(), Some(1));
    let output = dd(&["--url", &server.url, "--drop-unusable"], Some(KEY), b"{no json\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("1 not a record"), "{}", said(&output));
    assert_eq!(dd(&["--url", &server.url], Some(KEY), b"").status.code(), Some(0));
    let old = b"{\"metric\":\"m\",\"value\":1,\"time\":1000}\n";
    let output = dd(&["--url", &server.url], Some(KEY), old);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("1 more than 1 h old"), "{}", said(&output));
    assert_eq!(dd(&["--url", &server.url, "--drop-unusable"], Some(KEY), old).status.code(), Some(0));
    let warming_up = b"{\"metric\":\"m\",\"raw_value\":1,\"metric_outlier\":\"o\"}\n";
    assert_eq!(dd(&["--url", &server.url], Some(KEY), warming_up).status.code(), Some(0));
}

#[test]
fn a_page_is_no_answer_of_an_intake_whatever_its_status_says() {
    let page = "<html>log in</html>";
    for (status, body) in [(200, page), (200, ""), (202, page), (302, page), (400, page), (413, page)] {
        let server = Server::start(vec![Reply::Status(status, vec![], body.into()); 9]);
        let output = dd(&["--url", &server.url, "--patience", "1"], Some(KEY), LINES);
        assert_eq!(output.status.code(), Some(1), "{status} {body}: {}", said(&output));
        assert!(said(&output).contains("the answer is not an intake's"), "{}", said(&output));
    }
    let server = Server::start([Reply::Status(200, vec![], r#"{"status":"ok"}"#.into())]);
    assert_eq!(dd(&["--url", &server.url], Some(KEY), LINES).status.code(), Some(0));
}

#[test]
fn wrong_usage_is_told_in_full_with_status_2() {
    let output = dd(&["--api", "v9", "--timeout", "x", "--site", "?"], None, b"");
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    for line in [
        "the API key is missing: set DD_API_KEY or give --api-key-file",
        "--api: \"v9\" given; allowed are v2, v1",
        "--timeout: \"x\" given; allowed are 0.1 to 60 seconds",
        "--site: \"?\" given",
    ] {
        assert!(said.contains(line), "{line} is missing in {said}");
    }
}
