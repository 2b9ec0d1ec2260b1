//! The whole chain as it is shipped: a fake Datadog API -> `pull` -> the real Fluent Bit or Fluentd with the anomaly
//! filter -> `dd` -> a fake intake.
//!
//! `FLUENT_BIT=/path/of/fluent-bit[:/another] FLUENTD=/path/of/fluentd cargo test --test fluent chain::`
//!
//! The ten minutes of kills and faults: the same with `-- --ignored ten_minutes --nocapture`; so many seconds each with
//! `CHAIN_SECONDS`.

use crate::common::hosts;
use crate::common::http;
use crate::common::http_server;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use crate::common::http::Reply;
use crate::common::http_server::{Answer, Request};
use crate::common::program::{self, Running};
use crate::common::records::Random;
use crate::common::{build, program::kill};
use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use fluent_anomaly::native::{Counters, Native, Quiet};
use fluent_anomaly::sinks::forward::{ForwardServer, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink};
use serde_json::Value;
use tempfile::TempDir;

const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const APP_KEY: &str = "fedcba9876543210fedcba9876543210fedcba98";
const METRICS: [(&str, &str); 2] = [("cpu", "system.cpu.idle"), ("load", "system.load.1")];
const HOSTS: i64 = 3;
/// Buckets become visible up to so many seconds after their end, not in the order of their times.
const SETTLES_WITHIN: i64 = 3;
const INI: &str = "fluent-config/datadog/fluent-anomaly.ini";

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn mix(metric: usize, host: i64, time: i64) -> u64 {
    let mut z = (time as u64) ^ (host as u64) << 40 ^ (metric as u64) << 50;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Short decimals with a spike now and then: the host prints a float with 16 digits before the filter sees it.
fn value(metric: usize, host: i64, time: i64) -> f64 {
    let random = mix(metric, host, time);
    let spike = if random.is_multiple_of(97) { 90_000 } else { 0 };
    (10_000 + random / 97 % 9000 + spike) as f64 / 1000.0
}

/// The API: buckets of one second, up to `end`.
fn api(request: &Request, end: i64) -> String {
    let (from, to) = (request.number("from"), request.number("to"));
    let query = request.parameter("query");
    let metric = METRICS.iter().position(|(_, metric)| query.contains(metric)).unwrap();
    let now = now();
    let series: Vec<String> = (0..HOSTS)
        .map(|host| {
            let visible =
                |time: &i64| time + 1 + (mix(9, host, *time) % SETTLES_WITHIN as u64) as i64 <= now;
            let points: Vec<String> = (from..to.min(end + 1))
                .filter(visible)
                .map(|time| format!("[{}.0,{}]", time * 1000, value(metric, host, time)))
                .collect();
            format!(
                r#"{{"metric":"{}","scope":"host:h{host}","tag_set":["host:h{host}"],"interval":1,"pointlist":[{}]}}"#,
                METRICS[metric].1,
                points.join(",")
            )
        })
        .collect();
    format!(r#"{{"status":"ok","series":[{}]}}"#, series.join(","))
}

/// What goes wrong with the request of this number.
fn api_fault(number: usize, body: String) -> Answer {
    match number % 19 {
        3 => Answer::Full(
            429,
            vec![("X-RateLimit-Reset", "1".into())],
            format!("{{\"errors\":[\"{APP_KEY}\"]}}"),
        ),
        5 => Answer::status(500, &format!("<html>{API_KEY}</html>")),
        7 => Answer::Hang(Duration::from_secs(2)),
        9 => {
            let part = body.len() / 2;
            Answer::Cut(body, part)
        }
        11 => Answer::Slow(body, 4096, Duration::from_millis(50)),
        13 => Answer::json(r#"{"status":"ok","series":[{"metric":7,"pointlist":"none"}]}"#),
        15 => Answer::json(body[..body.len() / 3].to_owned()),
        _ => Answer::json(body),
    }
}

fn intake_faults() -> impl Iterator<Item = Reply> {
    (0..3000).map(|number| match number % 11 {
        4 => Reply::Status(503, vec![], format!("trouble with {API_KEY}")),
        6 => Reply::Status(429, vec!["X-RateLimit-Reset: 1".into()], String::new()),
        8 => Reply::Cut,
        _ => Reply::accept(),
    })
}

/// One series at the intake, and a second.
type Point = (String, String, i64);

struct Chain {
    site: TempDir,
    api: http_server::Server,
    intake: http::Server,
    faulty: bool,
    /// Nothing later exists.
    end: Arc<AtomicI64>,
    ini: String,
    started: usize,
}

impl Chain {
    fn new(faulty: bool) -> Self {
        let site = program::site();
        program::install(&site, &build::root().join(INI), INI);
        program::install(
            &site,
            build::wasm_module(),
            "target/wasm32-unknown-unknown/release/anomaly_filter.wasm",
        );
        program::install(&site, build::dd_output(), "target/release/libout_dd.so");
        program::install(
            &site,
            Path::new(env!("CARGO_BIN_EXE_fluent-anomaly")),
            "target/release/fluent-anomaly",
        );
        let end = Arc::new(AtomicI64::new(i64::MAX / 2));
        let last = end.clone();
        let api = http_server::Server::start(move |request, number| {
            if request.header("dd-api-key") != Some(API_KEY) {
                return Answer::status(403, r#"{"errors":["Forbidden"]}"#);
            }
            let body = api(request, last.load(SeqCst));
            if faulty { api_fault(number, body) } else { Answer::json(body) }
        });
        let intake = http::Server::start(intake_faults().filter(|_| faulty));
        let port = program::free_port().to_string();
        let shipped = fs::read_to_string(site.path().join(INI)).unwrap();
        let ini = replaced(
            shipped,
            &[
                ("interval: 60 ", "interval: 1 "),
                ("limit: 200 ", "limit: 1000000 "),
                ("evaluation_delay: 60 ", &format!("evaluation_delay: {SETTLES_WITHIN} ")),
                ("site: datadoghq.com", &format!("api_url: {}", api.url)),
                ("24224", &port),
                ("rollup(avg, 60)", "rollup(avg, 1)"),
            ],
        );
        fs::write(site.path().join(INI), &ini).unwrap();
        for (file, from, to) in [
            ("datadog-chain.yaml", "dd_site: datadoghq.com", format!("dd_url: {}", intake.url)),
            ("datadog-chain.conf", "dd_site            datadoghq.com", format!("dd_url {}", intake.url)),
            ("datadog-fluentd.conf", "--site datadoghq.com", format!("--url {}", intake.url)),
        ] {
            let path = site.path().join("fluent-config").join(file);
            let shipped = fs::read_to_string(&path).unwrap();
            fs::write(path, replaced(shipped, &[(from, &to), ("24224", &port)])).unwrap();
        }
        let alerts = site.path().join("fluent-config/alerts.lua");
        let shipped = fs::read_to_string(&alerts).unwrap();
        fs::write(alerts, replaced(shipped, &[("local WINDOW = 60 ", "local WINDOW = 1 ")])).unwrap();
        Self { site, api, intake, faulty, end, ini, started: 0 }
    }

    fn run(&mut self, program: &Path, args: &[&str]) -> Running {
        self.started += 1;
        if is_old(program) {
            let path = self.site.path().join("fluent-config/datadog-chain.conf");
            let shipped = fs::read_to_string(&path).unwrap();
            let unknown =
                |line: &&str| ["Event_Format", "Wasm_Stack_Size"].iter().any(|key| line.contains(key));
            let known: Vec<&str> = shipped.lines().filter(|line| !unknown(line)).collect();
            fs::write(path, known.join("\n") + "\n").unwrap();
        }
        let keys = [("DD_API_KEY", API_KEY), ("DD_APP_KEY", APP_KEY)];
        Running::start_with(program, args, &keys, self.site.path(), &format!("run{}", self.started))
    }

    fn companion(&mut self) -> Running {
        let binary = self.site.path().join("target/release/fluent-anomaly");
        self.run(&binary, &["pull", "-c", INI])
    }

    /// Everything that the intake has accepted, in the order in which it came.
    fn accepted(&self) -> Vec<(Point, u64)> {
        let mut script = intake_faults().filter(|_| self.faulty);
        let mut points = Vec::new();
        for request in self.intake.seen() {
            let reply = script.next().unwrap_or_else(Reply::accept);
            if !matches!(reply, Reply::Status(202, ..)) {
                continue;
            }
            let body: Value = serde_json::from_str(&request.text()).unwrap();
            for series in body["series"].as_array().unwrap() {
                assert_eq!(series["tags"], serde_json::json!(["source:fluent-anomaly"]), "{series}");
                let metric = series["metric"].as_str().unwrap();
                let host = series["resources"][0]["name"].as_str().unwrap();
                for point in series["points"].as_array().unwrap() {
                    let time = point["timestamp"].as_i64().unwrap();
                    let score = point["value"].as_f64().unwrap().to_bits();
                    points.push(((metric.to_owned(), host.to_owned(), time), score));
                }
            }
        }
        points
    }

    /// The scores of an undisturbed run: all points that were ever asked for, each once, in order, natively.
    fn expected(&self) -> BTreeMap<Point, u64> {
        let starts = METRICS.iter().map(|(_, metric)| {
            let requests = self.api.requests.lock().unwrap();
            let asked = requests.iter().filter(|request| request.parameter("query").contains(metric));
            asked.map(|request| request.number("from")).min().unwrap()
        });
        starts
            .enumerate()
            .flat_map(|(place, start)| self.scores(place, start..self.end.load(SeqCst) + 1))
            .collect()
    }

    /// What the library makes of one metric's points.
    fn scores(&self, place: usize, times: Range<i64>) -> BTreeMap<Point, u64> {
        let config = Config::parse("f.ini", &self.ini).unwrap();
        let mut pipeline = Pipeline::new(&config, Format::Json, None);
        let mut scores = BTreeMap::new();
        let (section, metric) = METRICS[place];
        for (time, host) in times.flat_map(|t| (0..HOSTS).map(move |h| (t, h))) {
            let (scope, name) = (format!("host:h{host}"), format!("h{host}"));
            let raw_value = value(place, host, time);
            let mut text = Vec::new();
            MetricRecord { metric, raw_value, scope: &scope, host: Some(&name), time }.write_json(&mut text);
            pipeline.process(
                format!("changefinder.{section}").as_bytes(),
                Time::from_seconds(time),
                &mut text,
            );
            let record: Value = serde_json::from_slice(&text).unwrap();
            for kind in ["outlier", "change"] {
                let metric = record[format!("metric_{kind}")].as_str().unwrap().to_owned();
                let score = record[format!("score_{kind}")].as_f64().unwrap().to_bits();
                scores.insert((metric, name.clone(), time), score);
            }
        }
        scores
    }

    /// Lets the API fall silent, waits until everything has come, and compares.
    #[track_caller]
    fn check(&self, name: &str) -> Summary {
        self.end.store(now(), SeqCst);
        let until = Instant::now() + Duration::from_secs(150);
        let expected = self.expected();
        loop {
            let arrived: BTreeSet<Point> = self.accepted().into_iter().map(|(point, _)| point).collect();
            let missing: Vec<_> = expected.keys().filter(|point| !arrived.contains(point)).collect();
            if missing.is_empty() {
                break;
            }
            if Instant::now() > until {
                panic!(
                    "{name}: {} of {} missing, {missing:.5?}\n{}",
                    missing.len(),
                    expected.len(),
                    self.logs()
                );
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        assert_eq!(expected, self.expected(), "the beginning was moved");
        let accepted = self.accepted();
        let mut summary = Summary { points: expected.len(), ..Summary::default() };
        let mut latest: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (point, score) in &accepted {
            assert_eq!(
                expected.get(point).map(|s| f64::from_bits(*s)),
                Some(f64::from_bits(*score)),
                "{name}: {point:?}"
            );
            if !seen.insert(point) {
                summary.repeated += 1;
                continue;
            }
            let latest = latest.entry((&point.0, &point.1)).or_insert(i64::MIN);
            if point.2 < *latest {
                println!("{name}: {point:?} behind {latest}");
                summary.out_of_order += 1;
            }
            *latest = point.2.max(*latest);
        }
        summary
    }

    /// All that was printed, shortened.
    fn logs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.site.path()).unwrap().flatten() {
            if entry.path().extension().is_some_and(|kind| kind == "stderr" || kind == "stdout") {
                let log = fs::read(entry.path()).unwrap();
                let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(1500)..]).into_owned();
                text += &format!("--- {}\n{tail}\n", entry.path().display());
            }
        }
        text
    }

    /// Files of the site that hold a key.
    fn leaks(&self) -> Vec<PathBuf> {
        let mut leaks = Vec::new();
        let mut folders = vec![self.site.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if holds_a_key(&fs::read(&path).unwrap_or_default()) {
                    leaks.push(path);
                }
            }
        }
        leaks
    }
}

#[derive(Debug, Default)]
struct Summary {
    points: usize,
    repeated: usize,
    /// First arrivals behind a later point of their series.
    out_of_order: usize,
}

fn holds_a_key(bytes: &[u8]) -> bool {
    [API_KEY, APP_KEY].iter().any(|key| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
}

fn replaced(mut text: String, pairs: &[(&str, &str)]) -> String {
    for (from, to) in pairs {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text = text.replace(from, to);
    }
    text
}

const YAML: &[&str] = &["-c", "fluent-config/datadog-chain.yaml"];
const FLUENTD: &[&str] = &["-c", "fluent-config/datadog-fluentd.conf"];
const CONF: &[&str] = &["-e", "target/release/libout_dd.so", "-c", "fluent-config/datadog-chain.conf"];

#[test]
fn through_fluent_bit_every_point_arrives_in_order_with_the_scores_of_the_library() {
    for program in hosts::executables("FLUENT_BIT") {
        for args in if is_old(&program) { &[CONF][..] } else { &[YAML, CONF][..] } {
            let mut chain = Chain::new(false);
            let mut bit = chain.run(&program, args);
            let mut companion = chain.companion();
            std::thread::sleep(Duration::from_secs(8));
            let summary = chain.check(args[args.len() - 1]);
            assert_eq!((summary.repeated, summary.out_of_order), (0, 0));
            assert!(summary.points >= 12 * 60, "{summary:?}");
            // what alerts.lua finds: the spikes
            let until = Instant::now() + Duration::from_secs(120);
            let found: Value = loop {
                let text = String::from_utf8(bit.stdout()).unwrap();
                match text.lines().find(|line| line.contains("min_time")) {
                    Some(line) => break serde_json::from_str(line).unwrap(),
                    // its window and the flush behind it take a moment
                    None => assert!(Instant::now() < until, "no spike\n{}", chain.logs()),
                }
                std::thread::sleep(Duration::from_millis(200));
            };
            let margins = found["end_ts"].as_i64().unwrap() - found["start_ts"].as_i64().unwrap();
            assert!(found["change"].as_f64().unwrap() > 15.0, "{found}");
            assert!((3600..3601).contains(&margins), "{found}");
            assert!(companion.stop().success() && bit.stop().success(), "{}", chain.logs());
            println!("{} {}: {summary:?}", program.display(), args[args.len() - 1]);
        }
    }
}

#[test]
fn through_fluentd_every_point_arrives_in_order_with_the_scores_of_the_library() {
    for program in hosts::executables("FLUENTD") {
        let mut chain = Chain::new(false);
        let mut fluentd = chain.run(&program, FLUENTD);
        let mut companion = chain.companion();
        std::thread::sleep(Duration::from_secs(15));
        let summary = chain.check("Fluentd");
        assert_eq!((summary.repeated, summary.out_of_order), (0, 0));
        assert!(companion.stop().success(), "{}", chain.logs());
        fluentd.stop();
        println!("{}: {summary:?}", program.display());
    }
}

/// Faulty servers echo the keys, and nothing of that may be kept anywhere: printed, logged, in the buffers, in
/// models and cursors, in the list of processes, in what the host tells about itself.
#[test]
fn no_key_appears_anywhere() {
    for (program, args) in hosts() {
        let mut chain = Chain::new(true);
        let verbose = [&["-v"], args].concat();
        let mut host = chain.run(&program, if args == FLUENTD { &verbose } else { args });
        let mut companion = chain.companion();
        let mut processes = Vec::new();
        let begun = Instant::now();
        let enough = || chain.api.count() > 10 && chain.intake.seen().len() > 5;
        // a busy machine takes its time to start Ruby
        while begun.elapsed() < Duration::from_secs(15)
            || (!enough() && begun.elapsed() < Duration::from_secs(120))
        {
            std::thread::sleep(Duration::from_millis(150));
            // every process of the chain, the short-lived `dd` of Fluentd too
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if holds_a_key(&line) {
                    processes.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
        if args != FLUENTD {
            // it dumps its state
            kill(host.id(), "CONT");
            std::thread::sleep(Duration::from_secs(2));
        }
        assert!(enough(), "{}", chain.logs());
        assert_eq!(processes, Vec::<String>::new());
        assert_eq!(chain.leaks(), Vec::<PathBuf>::new(), "while running");
        companion.stop();
        host.stop();
        assert_eq!(chain.leaks(), Vec::<PathBuf>::new(), "after the end");
        // the search finds what is there
        fs::write(chain.site.path().join("leak"), format!("x{APP_KEY}")).unwrap();
        assert_eq!(chain.leaks(), [chain.site.path().join("leak")]);
    }
}

/// Faults of API and intake, and `kill -9` of companion and host at random moments.
fn disturbed(program: &Path, args: &[&str], time: Duration, kills: u32, long_stop: Duration) {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    println!("{}: seed {seed}", program.display());
    let mut random = Random(seed.into());
    let mut chain = Chain::new(true);
    let mut host = chain.run(program, args);
    let mut companion = chain.companion();
    let begun = Instant::now();
    let pause = time.as_millis() as u64 / u64::from(kills + 1);
    let mut killed = [0; 2];
    for number in 0..kills {
        std::thread::sleep(Duration::from_millis(pause / 2 + random.below(pause)));
        let down = Duration::from_millis(random.below(2000));
        // by turns one, the other, both
        if number % 3 != 1 {
            host.kill_with_workers();
            killed[0] += 1;
        }
        if number % 3 != 0 {
            companion.signal("KILL");
            companion.wait();
            killed[1] += 1;
        }
        // a gap that holds more points than the filter remembers
        std::thread::sleep(if number == 1 { long_stop } else { down });
        if number % 3 != 1 {
            host = chain.run(program, args);
        }
        if number % 3 != 0 {
            companion = chain.companion();
        }
    }
    std::thread::sleep(time.saturating_sub(begun.elapsed()));
    let summary = chain.check("disturbed");
    println!(
        "{}: {:.0} s, host killed {} times, companion {} times, {} requests to the API, {} to the intake: {summary:?}",
        program.display(),
        begun.elapsed().as_secs_f64(),
        killed[0],
        killed[1],
        chain.api.count(),
        chain.intake.seen().len(),
    );
    assert_eq!(summary.out_of_order, 0, "{}", chain.logs());
    assert!(companion.stop().success(), "{}", chain.logs());
    host.stop();
    assert_eq!(chain.leaks(), Vec::<PathBuf>::new());
}

/// Fluent Bit 2 finds no plugins by a YAML file, and its WASM filter lacks two keys whose defaults do.
fn is_old(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output().unwrap().stdout;
    String::from_utf8_lossy(&version).contains("Fluent Bit v2")
}

/// Every program with its shipped configuration.
fn hosts() -> impl Iterator<Item = (PathBuf, &'static [&'static str])> {
    let fitting = |bit: &Path| if is_old(bit) { CONF } else { YAML };
    let bits = hosts::executables("FLUENT_BIT").into_iter().map(move |bit| (bit.clone(), fitting(&bit)));
    bits.chain(hosts::executables("FLUENTD").into_iter().map(|fluentd| (fluentd, FLUENTD)))
}

#[test]
fn killed_again_and_again_under_faults_the_scores_are_those_of_an_undisturbed_run() {
    for (program, args) in hosts() {
        disturbed(&program, args, Duration::from_secs(60), 6, Duration::from_secs(1));
    }
}

/// The worst moment: the chunk is acknowledged, and nothing more is known. `CHAIN_SETTLE=0` shows what is lost then.
#[test]
fn killed_right_behind_an_acknowledgement_no_point_is_lost() {
    for (program, args) in hosts() {
        let mut chain = Chain::new(false);
        let mut host = chain.run(&program, args);
        let config = Config::parse("f.ini", &chain.ini).unwrap().general;
        let settle = std::env::var("CHAIN_SETTLE").map(|seconds| seconds.parse().unwrap());
        let settings = ForwardSettings {
            servers: vec![ForwardServer::parse(&config.forward[0]).unwrap()],
            settle: Duration::from_secs(settle.unwrap_or(config.forward_settle_seconds).into()),
            ..Default::default()
        };
        let (env, counters) = (Native::default(), Counters::default());
        let mut sink = ForwardSink::new(settings, &env, &Quiet, &counters).unwrap();
        let start = now() - 1000;
        let times = |round: i64| start + round * 20..start + round * 20 + 20;
        for round in 0..5 {
            // what lives on settles; then a batch whose server dies
            for batch in [times(2 * round), times(2 * round + 1)] {
                let points: Vec<(i64, String)> =
                    batch.flat_map(|t| (0..HOSTS).map(move |host| (t, format!("h{host}")))).collect();
                let scopes: Vec<String> = points.iter().map(|(_, name)| format!("host:{name}")).collect();
                let mut records = points.iter().zip(&scopes).map(|((time, name), scope)| MetricRecord {
                    metric: METRICS[0].1,
                    raw_value: value(0, name[1..].parse().unwrap(), *time),
                    scope,
                    host: Some(name),
                    time: *time,
                });
                while sink.settle(true).unwrap() < sink.delivered() {}
                sink.deliver("changefinder.cpu", &mut records, &mut |_| {}).unwrap();
            }
            host.kill_with_workers();
            host = chain.run(&program, args);
        }
        while sink.settle(true).unwrap() < sink.delivered() {}
        let wanted = chain.scores(0, start..start + 200);
        let until = Instant::now() + crate::common::program::HANG;
        let mut arrived: BTreeMap<Point, u64> = BTreeMap::new();
        while arrived.len() < wanted.len() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(500));
            arrived = chain.accepted().into_iter().collect();
        }
        println!("{}: {} of {} arrived", program.display(), arrived.len(), wanted.len());
        assert!(arrived == wanted, "{}", chain.logs());
        host.stop();
    }
}

#[test]
#[ignore = "takes ten minutes for each program"]
fn ten_minutes_of_faults_and_kills() {
    let seconds = std::env::var("CHAIN_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    for (program, args) in hosts() {
        disturbed(&program, args, Duration::from_secs(seconds), 30, Duration::from_secs(80));
    }
}
