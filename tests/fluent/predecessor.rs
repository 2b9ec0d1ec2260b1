//! The predecessor's whole set-up: its ini and its td-agent.conf to the letter, its commands, in the real Fluentd; every
//! point that reaches the intake compared with the original's.
//!
//! `FLUENTD=/path/of/fluentd[:/another] FLUENTD_PLUGINS=/folder cargo test --test fluent predecessor`
//!
//! The folder holds the `lib` folders of fluent-plugin-record-reformer, fluent-plugin-dd, dogapi and multi_json, or what
//! is in them, at any depth. Without it Fluentd's own record_transformer and `fluent-anomaly dd` stand in for the two plugins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use crate::common::http::{Reply, Server as Intake};
use crate::common::http_server::Server;
use crate::common::predecessor::{CPU, QUEUE, Source, assert_close, ini, scores, serve, source_of, td_agent};
use crate::common::program::{self, Running};
use crate::common::{hosts, http_server};
use serde_json::Value;
use tempfile::TempDir;

const KEYS: [(&str, &str); 2] = [
    ("DD_API_KEY", "0123456789abcdef0123456789abcdef"),
    ("DD_APP_KEY", "fedcba9876543210fedcba9876543210fedcba98"),
];

/// Length of a bucket, seconds.
const STEP: i64 = 20;
/// Of web1 one bucket of the first answer comes late: it is there only once `restart` has been asked for.
const LATE_SERIES: usize = 0;

/// A point at the intake: metric, host, time; value and tags beside it.
type Points = BTreeMap<(String, Option<String>, i64), (f64, Vec<String>)>;

struct Place {
    site: TempDir,
    api: Server,
    intake: Intake,
    port: String,
    settled: Arc<AtomicBool>,
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

fn late(time: i64, from: i64) -> bool {
    time == from + 420
}

impl Place {
    fn new() -> Self {
        let site = program::site();
        fs::create_dir(site.path().join("config")).unwrap();
        fs::write(site.path().join("config/datadog.ini"), ini()).unwrap();
        program::install(
            &site,
            Path::new(env!("CARGO_BIN_EXE_fluent-anomaly")),
            "target/release/fluent-anomaly",
        );
        let settled = Arc::new(AtomicBool::new(false));
        let (open, begin) = (settled.clone(), Arc::new(std::sync::OnceLock::new()));
        let api = Server::start(move |request, _| {
            let from = *begin.get_or_init(|| request.number("from"));
            let is_late = source_of(request) == CPU;
            serve(request, |series, time| {
                is_late && series == LATE_SERIES && late(time, from) && !open.load(SeqCst)
            })
        });
        let port = program::free_port().to_string();
        // dogapi wants JSON
        let accept =
            Reply::Status(202, vec!["Content-Type: application/json".into()], r#"{"status":"ok"}"#.into());
        Self { site, api, intake: Intake::start(vec![accept; 10_000]), port, settled }
    }

    fn fluentd(&self, program: &Path, plugins: &[PathBuf]) -> Running {
        // one worker needs no shared socket, which the serverengine of some distributions does not offer
        let source = format!(
            "<system>\n  disable_shared_socket true\n</system>\n<source>\n  @type forward\n  bind 127.0.0.1\n  port {}\n</source>\n",
            self.port
        );
        let conf = if plugins.is_empty() { stand_in(&td_agent(), &self.intake.url) } else { td_agent() };
        fs::write(self.site.path().join("td-agent.conf"), format!("{source}{conf}")).unwrap();
        let mut args = vec!["-c".to_owned(), "td-agent.conf".to_owned()];
        for lib in plugins {
            args.extend(["-I".to_owned(), lib.display().to_string()]);
            let folder = lib.join("fluent/plugin");
            if folder.is_dir() {
                args.extend(["-p".to_owned(), folder.display().to_string()]);
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let variables = [&KEYS[..], &[("DATADOG_HOST", &self.intake.url)]].concat();
        let mut running = Running::start_with(program, &args, &variables, self.site.path(), "fluentd");
        let log = self.site.path().join("fluentd.stdout");
        running.wait_for("worker", || {
            fs::read_to_string(&log).unwrap().contains("fluentd worker is now running")
        });
        running
    }

    fn companion(&self, action: &str, more: &[&str]) -> String {
        let output = Command::new(self.site.path().join("target/release/fluent-anomaly"))
            .args([
                action,
                "--inifile_path=config/datadog.ini",
                "--pidfile_path=run.pid",
                "--logfile_path=run.log",
            ])
            .args(more)
            .envs(KEYS)
            .env("DATADOG_HOST", &self.api.url)
            .current_dir(self.site.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(output.status.success(), "{action}: {text}\n{}", self.logs());
        text
    }

    fn logs(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.site.path().join(name)).unwrap_or_default();
        format!("--- Fluentd\n{}\n--- companion\n{}", read("fluentd.stdout"), read("run.log"))
    }

    /// What the intake has; each point once, or twice with the same value.
    fn arrived(&self) -> Points {
        let mut points = Points::new();
        for request in self.intake.seen() {
            let body: Value = serde_json::from_str(&request.text()).unwrap();
            for series in body["series"].as_array().unwrap() {
                let tags = series["tags"].as_array().into_iter().flatten();
                let tags: Vec<String> = tags.map(|tag| tag.as_str().unwrap().to_owned()).collect();
                assert_eq!(series["type"], "gauge", "{series}");
                for point in series["points"].as_array().unwrap() {
                    let name = series["metric"].as_str().unwrap().to_owned();
                    let host = series["host"].as_str().map(str::to_owned);
                    let value = (point[1].as_f64().unwrap(), tags.clone());
                    let before = points.insert((name, host, point[0].as_i64().unwrap()), value.clone());
                    assert!(before.is_none_or(|before| before == value), "{point}");
                }
            }
        }
        points
    }

    /// What the original's arithmetic makes of all that was served: first everything of the first answer but the late
    /// bucket, then what later answers added.
    fn wanted(&self, host_star: bool) -> Points {
        let mut wanted = Points::new();
        for source in [CPU, QUEUE] {
            let requests = self.api.requests.lock().unwrap();
            let asked = requests.iter().filter(|request| source_of(request) == source);
            let windows: Vec<_> =
                asked.map(|request| (request.number("from"), request.number("to"))).collect();
            let Some(&(first, _)) = windows.first() else { continue };
            let mut fed: Vec<(i64, usize)> = Vec::new();
            for (number, &(from, to)) in windows.iter().enumerate() {
                let is_hidden = |&(time, series): &(i64, usize)| {
                    number == 0 && source == CPU && series == LATE_SERIES && late(time, first)
                };
                let new = source
                    .points(from, to, STEP)
                    .into_iter()
                    .filter(|point| point.0 + STEP <= to && !is_hidden(point) && !fed.contains(point));
                let new: Vec<_> = new.collect();
                fed.extend(new);
            }
            for ((series, time), scores) in scores(&source, &fed, 7) {
                let host = source.series[series].1;
                let host = (host_star || host != "*").then(|| host.to_owned());
                for (stage, score) in ["outlier", "change"].into_iter().zip(scores) {
                    let name = format!("changefinder.{stage}.{}", source.section);
                    wanted.insert((name, host.clone(), time), (score, Vec::new()));
                }
            }
        }
        wanted
    }

    #[track_caller]
    fn await_all(&self, host_star: bool) -> usize {
        // fluent-plugin-dd flushes once a minute
        let until = Instant::now() + Duration::from_secs(180);
        loop {
            let (arrived, wanted) = (self.arrived(), self.wanted(host_star));
            let asked = |source: &Source| {
                self.api.requests.lock().unwrap().iter().any(|request| source_of(request) == *source)
            };
            let is_whole = asked(&CPU) && asked(&QUEUE) && arrived.len() >= wanted.len();
            if is_whole || Instant::now() > until {
                assert_eq!(
                    arrived.keys().collect::<Vec<_>>(),
                    wanted.keys().collect::<Vec<_>>(),
                    "{}",
                    self.logs()
                );
                for (point, (value, tags)) in &arrived {
                    assert_close(*value, wanted[point].0, &format!("{point:?}"));
                    assert!(tags.is_empty(), "{point:?} {tags:?}");
                }
                return arrived.len();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The document's configuration with Fluentd's own means: a label with record_transformer for each record_reformer, and
/// `fluent-anomaly dd` for fluent-plugin-dd. The fields are those of the document.
fn stand_in(conf: &str, intake: &str) -> String {
    let fields = |block: &str| {
        let (_, record) = block.split_once("<record>").unwrap();
        let lines =
            record.split_once("</record>").unwrap().0.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (name, value) = line.split_once(' ').unwrap();
                let field = value.trim_start_matches("${").trim_end_matches('}');
                let field = field
                    .strip_prefix("record[\"")
                    .and_then(|rest| rest.strip_suffix("\"]"))
                    .unwrap_or(field);
                format!("      {name} ${{record[\"{field}\"]}}\n")
            })
            .collect::<String>()
    };
    let stores: Vec<&str> = conf.split("<store>").skip(1).collect();
    assert_eq!(stores.len(), 2, "{conf}");
    let mut text = "<match changefinder.**>\n  @type copy\n".to_owned();
    for number in 0..stores.len() {
        text += &format!("  <store>\n    @type relabel\n    @label @SCORE{number}\n  </store>\n");
    }
    text += "</match>\n";
    for (number, store) in stores.iter().enumerate() {
        text += &format!(
            "<label @SCORE{number}>\n  <filter **>\n    @type record_transformer\n    enable_ruby true\n    \
             renew_record true\n    renew_time_key time\n    <record>\n{}    </record>\n  </filter>\n  <match **>\n    \
             @type exec\n    command target/release/fluent-anomaly dd --url {intake} --api v1\n    <format>\n      @type \
             json\n    </format>\n    <buffer>\n      flush_interval 1s\n    </buffer>\n  </match>\n</label>\n",
            fields(store)
        );
    }
    text
}

/// The load paths below the folder that `FLUENTD_PLUGINS` names: those that hold one of the libraries.
fn plugins() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("FLUENTD_PLUGINS").filter(|folder| !folder.is_empty()) else {
        return Vec::new();
    };
    let mut folders = vec![PathBuf::from(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let marks =
            ["fluent/plugin/out_dd.rb", "fluent/plugin/out_record_reformer.rb", "dogapi.rb", "multi_json.rb"];
        if marks.iter().any(|mark| folder.join(mark).is_file()) {
            found.push(folder);
            continue;
        }
        let inside = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        folders.extend(inside.filter(|path| path.is_dir()));
    }
    assert!(!found.is_empty(), "FLUENTD_PLUGINS names a folder without the plugins");
    found
}

#[test]
fn the_documents_files_start_restart_and_stop_bring_the_originals_points_to_the_intake() {
    for program in hosts::executables("FLUENTD") {
        let plugins = plugins();
        let place = Place::new();
        let mut fluentd = place.fluentd(&program, &plugins);
        // with the plugins to the letter a series without a host keeps `*`, as it did
        let host_star = !plugins.is_empty();
        let forward = format!("tcp://127.0.0.1:{}", place.port);

        let text = place.companion("start", &["--forward", &forward]);
        assert!(text.contains("; records leave scored"), "{text}");
        let first = fs::read_to_string(place.site.path().join("run.pid")).unwrap();
        let points = place.await_all(host_star);
        assert!(points >= 2 * (3 * 29 - 1), "{points}");
        let text = place.companion("status", &[]);
        assert!(text.contains("records leave scored, as the Datadog Anomaly Detector sends them"), "{text}");

        place.settled.store(true, SeqCst);
        // the next bucket has to be complete, or there is nothing to ask for
        let latest =
            place.api.requests.lock().unwrap().iter().map(|request| request.number("to")).max().unwrap();
        while now() - 60 < latest + STEP {
            std::thread::sleep(Duration::from_millis(500));
        }
        place.companion("restart", &["--forward", &forward]);
        assert_ne!(fs::read_to_string(place.site.path().join("run.pid")).unwrap(), first);
        let asked = |requests: &[http_server::Request]| {
            [CPU, QUEUE].iter().all(|source: &Source| {
                requests.iter().filter(|request| source_of(request) == *source).count() >= 2
            })
        };
        let until = Instant::now() + crate::common::program::HANG;
        while !asked(&place.api.requests.lock().unwrap()) {
            assert!(Instant::now() < until, "{}", place.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(place.await_all(host_star) > points, "the late bucket");

        assert!(place.companion("stop", &[]).contains("stopped after"));
        fluentd.stop();
        let log = place.logs();
        assert!(!log.contains("failed to expand") && !log.contains("[error]"), "{log}");
        let means = if plugins.is_empty() { "stand-ins" } else { "its own plugins" };
        println!("{} with {means}: {} points", program.display(), place.arrived().len());
    }
}
