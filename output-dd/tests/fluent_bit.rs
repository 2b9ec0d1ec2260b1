//! The built library in a real Fluent Bit: runs where `FLUENT_BIT` names executables, separated by colons.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

#[path = "../../tests/common/hosts.rs"]
mod hosts;
#[path = "../../tests/common/http.rs"]
mod http;

use http::{Reply, Request, Server};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KEY: &str = "fedcba9876543210fedcba9876543210";
const SOON: Duration = Duration::from_secs(20);

/// A run of Fluent Bit in a folder of its own.
struct Run {
    child: Child,
    folder: PathBuf,
}

impl Run {
    fn start(bit: &Path, test: &str, config: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("output-dd-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let library = std::env::current_exe().unwrap().with_file_name("libout_dd.so");
        let service = format!(
            "[SERVICE]\n    Flush 0.3\n    Grace 5\n    Hot_Reload on\n    scheduler.base 1\n    scheduler.cap 2\n    Log_File {}\n",
            folder.join("log").display()
        );
        std::fs::write(folder.join("parsers.conf"), "[PARSER]\n    Name json\n    Format json\n").unwrap();
        let service = format!("{service}    Parsers_File {}\n", folder.join("parsers.conf").display());
        std::fs::write(folder.join("fluent-bit.conf"), service + config).unwrap();
        let console = std::fs::File::create(folder.join("console")).unwrap();
        let child = Command::new(bit)
            .arg("-e")
            .arg(library)
            .arg("-c")
            .arg(folder.join("fluent-bit.conf"))
            // 2.2.3 writes its last lines into a file with the name of freed memory
            .current_dir(&folder)
            .env("DD_API_KEY", KEY)
            .env_remove("DD_SITE")
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Everything the program wrote.
    fn output(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("console") + &read("log")
    }

    /// Waits for the end; the time it took and all output.
    fn ended(&mut self, limit: Duration) -> (Duration, String) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let output = self.output();
                assert!(!output.contains(KEY), "the key is in the output:\n{output}");
                assert!(status.code().is_some(), "{status}:\n{output}");
                return (started.elapsed(), output);
            }
            assert!(started.elapsed() < limit, "still running after {limit:?}:\n{}", self.output());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) -> (Duration, String) {
        self.signal("TERM");
        let ended = self.ended(Duration::from_secs(12));
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}:\n{}", ended.1);
        ended
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn dummy(record: &str) -> String {
    format!("[INPUT]\n    Name dummy\n    Tag changefinder.cpu\n    Rate 5\n    Dummy {record}\n")
}

fn output(server: &Server, options: &str) -> String {
    let lines: String = options.split(';').map(|line| format!("    {}\n", line.trim())).collect();
    format!("[OUTPUT]\n    Name dd\n    Match *\n    dd_url {}\n{lines}", server.url)
}

const SCORED: &str = r#"{"metric":"system.cpu.idle","raw_value":9,"scope":"host:web1,env:x","metric_outlier":"changefinder.outlier.cpu","score_outlier":3.5,"metric_change":"changefinder.change.cpu","score_change":0.25}"#;

fn points(requests: &[Request]) -> usize {
    requests.iter().map(|r| r.text().matches("timestamp").count()).sum()
}

/// The body with every timestamp written as T.
fn timeless(text: &str) -> String {
    let mut parts = text.split("\"timestamp\":");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out += "\"timestamp\":T";
        out += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out
}

#[test]
fn scores_arrive_and_the_log_file_tells_where() {
    for bit in hosts::executables("FLUENT_BIT") {
        let server = Server::start([]);
        let config =
            dummy(&SCORED.replace("\"raw_value\"", "\"日本\":{\"a\":[1]},\"raw_value\"")) + "    Samples 1\n";
        let mut run = Run::start(&bit, "scores", &(config + &output(&server, "workers 1")));
        let seen = server.wait(SOON, |seen| !seen.is_empty());
        assert_eq!(
            timeless(&seen[0].text()),
            concat!(
                r#"{"series":[{"metric":"changefinder.outlier.cpu","type":3,"points":[{"timestamp":T,"value":3.5}],"#,
                r#""resources":[{"name":"web1","type":"host"}],"tags":["env:x"]},"#,
                r#"{"metric":"changefinder.change.cpu","type":3,"points":[{"timestamp":T,"value":0.25}],"#,
                r#""resources":[{"name":"web1","type":"host"}],"tags":["env:x"]}]}"#
            )
        );
        assert_eq!(seen[0].header("dd-api-key"), Some(KEY));
        let (_, output) = run.stop();
        // the sum at the end stands in `abi.rs`: 3.2.10 loses some of its last lines
        let hello = format!("[ info] [output:dd] points go to {}/api/v2/series", server.url);
        assert!(output.contains(&hello), "{output}");
    }
}

#[test]
fn every_option_can_be_read() {
    for bit in hosts::executables("FLUENT_BIT") {
        let server = Server::start([]);
        let key = std::env::temp_dir().join(format!("output-dd-key-{}", std::process::id()));
        std::fs::write(&key, "0123\n").unwrap();
        let options = format!(
            "dd_api_key_file {}; dd_site datadoghq.eu; dd_host h1; dd_device sda; dd_tags Env:X,team:y; use_fluentd_tag_for_datadog_tag on; dd_api v1; dd_compress gzip; dd_timeout 2; dd_order on; dd_order_start 0",
            key.display()
        );
        let config = dummy(r#"{"metric":"m","value":1.5,"time":"${NOW}"}"#)
            + "    Samples 1\n"
            + &output(&server, &options);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut run = Run::start(&bit, "options", &config.replace("${NOW}", &now.to_string()));
        let seen = server.wait(SOON, |seen| !seen.is_empty());
        assert_eq!(seen[0].line, "POST /api/v1/series HTTP/1.1");
        assert_eq!(
            (seen[0].header("dd-api-key"), seen[0].header("content-encoding")),
            (Some("0123"), Some("gzip"))
        );
        assert_eq!(
            seen[0].text(),
            format!(
                r#"{{"series":[{{"metric":"m","type":"gauge","points":[[{now},1.5]],"host":"h1","device":"sda","tags":["changefinder.cpu","env:x","team:y"]}}]}}"#
            )
        );
        run.stop();
        std::fs::remove_file(key).unwrap();
    }
}

#[test]
fn a_transition_of_a_monitor_is_posted_as_an_event_when_asked_for() {
    for bit in hosts::executables("FLUENT_BIT") {
        let said = r#""anomaly":{"monitor":"cpu","is_anomaly":true,"status":"ALERT","transition":"OK->ALERT","message":"look at web1"},"metric_outlier""#;
        let config = dummy(&SCORED.replace("\"metric_outlier\"", said)) + "    Samples 1\n";
        for (events, wanted) in [("on", 2), ("off", 1)] {
            let server = Server::start([]);
            let mut run = Run::start(
                &bit,
                "events",
                &(config.clone() + &output(&server, &format!("dd_events {events}"))),
            );
            server.wait(SOON, |seen| seen.len() == wanted);
            run.stop();
            let (posted, points): (Vec<Request>, Vec<Request>) =
                server.seen().into_iter().partition(|request| request.line.contains("/api/v1/events"));
            assert_eq!((posted.len() + 1, points.len()), (wanted, 1));
            for event in posted {
                assert_eq!(event.header("dd-api-key"), Some(KEY));
                for part in [
                    r#""title":"Monitor cpu: OK->ALERT on host:web1,env:x""#,
                    r#""text":"look at web1""#,
                    r#""alert_type":"error""#,
                    r#""host":"web1""#,
                    r#""monitor:cpu""#,
                ] {
                    assert!(event.text().contains(part), "{part} is missing in {}", event.text());
                }
            }
        }
    }
}

#[test]
fn wrong_options_keep_it_from_starting() {
    for bit in hosts::executables("FLUENT_BIT") {
        let server = Server::start([]);
        let options = format!("dd_api v7; dd_compress zstd; api_key {KEY}");
        let mut run = Run::start(&bit, "wrong", &(dummy(SCORED) + &output(&server, &options)));
        let (_, output) = run.ended(SOON);
        for line in [
            "[output:dd] dd_api: \"v7\" given; allowed are v2, v1",
            "[output:dd] dd_compress: \"zstd\" given; allowed are deflate, gzip, off",
            "[output:dd] api_key: there is no such option; dd_api_key is meant",
        ] {
            assert!(output.contains(line), "{line} is missing in:\n{output}");
        }
        assert_eq!(server.seen().len(), 0);
    }
}

#[test]
fn a_chunk_that_failed_is_given_again() {
    for bit in hosts::executables("FLUENT_BIT") {
        for workers in ["workers 1", "retry_limit no_limits"] {
            let limited = Reply::Status(429, vec!["X-RateLimit-Reset: 1".into()], String::new());
            let server = Server::start([Reply::status(503), limited, Reply::Cut]);
            let config = dummy(SCORED)
                + "    Samples 1\n"
                + &output(&server, &format!("{workers}; Retry_Limit no_limits"));
            let mut run = Run::start(&bit, "again", &config);
            let seen = server.wait(SOON, |seen| seen.len() == 4);
            assert!(seen.windows(2).all(|pair| pair[0].text() == pair[1].text()));
            let (_, output) = run.stop();
            assert!(output.contains("[output:dd] the intake is in trouble: 503"), "{output}");
        }
    }
}

/// Times of all points, in the order in which they came.
fn times(requests: &[Request]) -> Vec<u64> {
    let texts: String = requests.iter().map(Request::text).collect();
    let digits = texts.split("\"timestamp\":").skip(1);
    digits.map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect()
}

/// An outage, `kill -9`, and a start at which the host gives its backlog four chunks at a time, behind new ones.
#[test]
fn a_backlog_given_in_portions_arrives_in_order() {
    for bit in hosts::executables("FLUENT_BIT") {
        let buffer = std::env::temp_dir().join(format!("output-dd-buffer-{}", std::process::id()));
        let config = |server: &Server| {
            format!(
                "    storage.max_chunks_up 4\n    storage.path {}\n{}    storage.type filesystem\n{}",
                buffer.display(),
                dummy(r#"{"metric":"m","value":1.5}"#),
                output(server, "Retry_Limit no_limits; dd_order on; dd_order_start 1")
            )
        };
        let down = Server::start(vec![Reply::status(503); 1000]);
        let run = Run::start(&bit, "outage", &config(&down));
        let started = Instant::now();
        let chunks = || std::fs::read_dir(buffer.join("dummy.0")).map_or(0, Iterator::count);
        while chunks() < 40 {
            assert!(started.elapsed() < Duration::from_secs(90), "{} chunks\n{}", chunks(), run.output());
            std::thread::sleep(Duration::from_millis(100));
        }
        drop(run);
        let killed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let up = Server::start([]);
        let mut run = Run::start(&bit, "portions", &config(&up));
        let seen =
            up.wait(Duration::from_secs(40), |seen| times(seen).last().is_some_and(|t| *t > killed + 10));
        run.stop();
        let times = times(&seen);
        assert!(times[0] + 5 < killed && times.is_sorted(), "{killed}: {times:?}");
        std::fs::remove_dir_all(&buffer).unwrap();
    }
}

#[test]
fn it_stops_within_grace_while_the_intake_hangs() {
    for bit in hosts::executables("FLUENT_BIT") {
        for workers in ["workers 1", "workers 3", "retry_limit 1"] {
            let server = Server::start(vec![Reply::Hang(Duration::from_secs(60)); 100]);
            let mut run = Run::start(&bit, "hang", &(dummy(SCORED) + &output(&server, workers)));
            server.wait(SOON, |seen| !seen.is_empty());
            let (took, output) = run.stop();
            // the host itself waits out its Grace of 5 s for the chunks it could not deliver
            assert!(took < Duration::from_secs(9), "{workers}: {took:?}\n{output}");
        }
    }
}

#[test]
fn several_sections_with_several_workers_each_get_everything() {
    for bit in hosts::executables("FLUENT_BIT") {
        let (one, two) = (Server::start([]), Server::start([]));
        let outputs = output(&one, "workers 3; dd_host one") + &output(&two, "workers 2; dd_host two");
        let mut run = Run::start(&bit, "several", &(dummy(SCORED) + "    Samples 10\n" + &outputs));
        let first = one.wait(SOON, |seen| points(seen) == 20);
        let second = two.wait(SOON, |seen| points(seen) == 20);
        run.stop();
        assert!(first.iter().chain(&second).all(|r| r.text().contains(r#""name":"web1""#)));
    }
}

#[test]
fn a_hot_reload_loses_nothing_and_leaves_it_running() {
    for bit in hosts::executables("FLUENT_BIT") {
        let server = Server::start([]);
        // without `workers`: the host makes two thread pools for an output of this kind, stops one of them, and the
        // other runs on into freed memory after a reload (seen with an empty C plugin on 3.2.10 and 5.1.1 too)
        let config =
            dummy(SCORED) + &output(&server, "dd_tags first:yes") + &output(&server, "dd_tags second:yes");
        let mut run = Run::start(&bit, "reload", &config);
        server.wait(SOON, |seen| points(seen) >= 8);
        for round in 1..=2 {
            let before = points(&server.seen());
            run.signal("HUP");
            let started = Instant::now();
            while run.output().matches("stream processor started").count() < 1 + round {
                assert!(started.elapsed() < SOON, "{}", run.output());
                std::thread::sleep(Duration::from_millis(50));
            }
            server.wait(SOON, |seen| points(seen) >= before + 20);
        }
        let (_, output) = run.stop();
        // every pipeline that ends says so for each of its sections, but 3.2.10 loses some of its last lines
        assert!(output.matches("points accepted in").count() >= 2, "{output}");
    }
}

#[test]
fn a_backlog_of_many_records_arrives_whole() {
    for bit in hosts::executables("FLUENT_BIT") {
        let server = Server::start([Reply::status(413), Reply::accept(), Reply::status(500)]);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let file = std::env::temp_dir().join(format!("output-dd-records-{}", std::process::id()));
        let record =
            |i: u64| format!("{},\"time\":{},\"n\":{i}}}\n", SCORED.trim_end_matches('}'), now - i % 1000);
        std::fs::write(&file, (0..30_000).map(record).collect::<String>()).unwrap();
        let input = format!(
            "[INPUT]\n    Name tail\n    Path {}\n    Read_from_Head on\n    Parser json\n    Tag changefinder.cpu\n",
            file.display()
        );
        let mut run =
            Run::start(&bit, "backlog", &(input + &output(&server, "workers 1; Retry_Limit no_limits")));
        let started = Instant::now();
        let accepted = || {
            let seen = server.seen();
            // the first and the third request were not accepted
            let refused = [0, 2].iter().filter_map(|&i| seen.get(i)).cloned().collect::<Vec<_>>();
            points(&seen) - points(&refused)
        };
        while accepted() < 60_000 {
            assert!(started.elapsed() < Duration::from_secs(60), "{} points\n{}", accepted(), run.output());
            std::thread::sleep(Duration::from_millis(100));
        }
        run.stop();
        std::fs::remove_file(file).unwrap();
    }
}
