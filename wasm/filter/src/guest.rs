//! Finds the configuration, keeps the pipeline, and starts anew when the configuration changes.

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::state::{Storage, StorageError};
use fluent_anomaly::{HostClock, Time};
use fluent_anomaly::{Pipeline, Unconfigured};

use crate::abi::{self, Fd, Open, WasiClock};
use crate::errno::Errno;
use crate::folder::Folder;

/// Looked for in each folder of `accessible_paths`, in this order.
const NAMES: [&str; 2] = ["fluent-anomaly.ini", "datadog.ini"];
/// A larger file is no configuration.
const MAX_CONFIG: u64 = 16 << 20;
/// The configuration file is looked at again after so many records ...
const RECORDS_BETWEEN_LOOKS: u32 = 1024;
/// ... or, while records are fewer, after so much time.
const NANOS_BETWEEN_LOOKS: u64 = 10_000_000_000;
/// The filter's figures, for the textfile collector of node_exporter.
const METRICS: &str = "metrics.prom";
const NANOS_BETWEEN_METRICS: u64 = 60_000_000_000;
/// Earlier forms of the configuration are not told again where the state was written so short a time ago: some hosts
/// make an instance for each chunk.
const NANOS_BETWEEN_NOTICES: u64 = 60_000_000_000;
/// After so many internal errors the filter only passes records on.
const MAX_TRAPS: u32 = 16;

/// The filter behind its border.
#[derive(Debug)]
pub(crate) struct Guest {
    engine: Engine,
    source: Option<Source>,
    records: u32,
    /// When it was looked at last: time of the event, and time of the host.
    looked_at: Time,
    host_looked_at: Option<Time>,
    /// Where the figures go, and when they went there last.
    metrics: Option<Folder>,
    measured_at: Time,
}

#[derive(Debug)]
enum Engine {
    Scoring(Box<Pipeline>),
    Passing(Box<Unconfigured>),
}

/// The configuration file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Source {
    dir: Fd,
    name: &'static str,
    /// Size and time of the last change, or why the file cannot even be looked at.
    stamp: Result<(u64, u64), Errno>,
}

impl Guest {
    /// Reads configuration and state; never fails. `traps`: calls that did not return so far.
    pub(crate) fn start(traps: u32) -> Self {
        if traps > 0 {
            abi::log(&format!(
                "internal error {traps} while a record was scored; models are read again from their state"
            ));
        }
        if traps > MAX_TRAPS {
            return Self::pass(traps);
        }
        let (engine, source, metrics) = load();
        Self { metrics, ..Self::with(engine, source) }
    }

    /// Passes records on, because too much has gone wrong, until the configuration file changes.
    pub(crate) fn pass(traps: u32) -> Self {
        Self::with(pass(&format!("stopped scoring after {traps} internal errors")), find())
    }

    fn with(engine: Engine, source: Option<Source>) -> Self {
        Self {
            engine,
            source,
            records: 0,
            looked_at: Time::default(),
            host_looked_at: WasiClock.now(),
            metrics: None,
            measured_at: Time::MIN,
        }
    }

    /// Scores one record in place.
    pub(crate) fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        self.records = self.records.wrapping_add(1);
        // event time is at hand, the clock of the host has to be asked
        if self.records >= RECORDS_BETWEEN_LOOKS
            || time.nanos().abs_diff(self.looked_at.nanos()) >= NANOS_BETWEEN_LOOKS
        {
            self.look_if_due(time);
        }
        match &mut self.engine {
            Engine::Scoring(pipeline) => {
                pipeline.process(tag, time, record);
                if pipeline.has_log() {
                    for line in pipeline.take_log() {
                        abi::log(&line);
                    }
                }
            }
            Engine::Passing(unconfigured) => unconfigured.process(record),
        }
    }

    /// Looks, but not at each record of a replay.
    #[cold]
    #[inline(never)] // stack
    fn look_if_due(&mut self, time: Time) {
        self.looked_at = time;
        if let Some(now) = WasiClock.now() {
            let is_early = self
                .host_looked_at
                .is_some_and(|then| now.nanos().abs_diff(then.nanos()) < NANOS_BETWEEN_LOOKS);
            if is_early && self.records < RECORDS_BETWEEN_LOOKS {
                return;
            }
            self.host_looked_at = Some(now);
        }
        self.records = 0;
        self.look();
        self.write_metrics(self.host_looked_at.unwrap_or(time));
    }

    /// Writes `metrics.prom` once a minute. What keeps it from being written is told once.
    #[inline(never)] // stack
    fn write_metrics(&mut self, now: Time) {
        let (Engine::Scoring(pipeline), Some(folder)) = (&self.engine, &mut self.metrics) else { return };
        if self.measured_at == Time::MIN {
            // an instance that lives for one chunk has nothing to tell
            self.measured_at = now;
        }
        if now.nanos().abs_diff(self.measured_at.nanos()) < NANOS_BETWEEN_METRICS {
            return;
        }
        self.measured_at = now;
        if let Err(error) = replace(folder, &pipeline.figures().to_text()) {
            abi::log(&format!("{METRICS} is not written any more: {error}"));
            self.metrics = None;
        }
    }

    /// Starts anew when the configuration file is another one now. A wrong file stops nothing that runs.
    fn look(&mut self) {
        let now = find();
        if now == self.source {
            return;
        }
        self.source = now;
        match read_config(now) {
            Ok((config, source)) => {
                if let Engine::Scoring(pipeline) = &mut self.engine {
                    pipeline.flush();
                }
                // the old journal is closed before the new pipeline takes it over
                self.engine = passing("");
                self.engine = Engine::Scoring(Box::new(pipeline(&config, source)));
                self.metrics = metrics_folder(&config, source);
                abi::log("the configuration was read again");
                tell_notices(&config, source);
            }
            Err(message) => match &mut self.engine {
                Engine::Scoring(pipeline) => {
                    let message = format!("the last good configuration goes on: {message}");
                    abi::log(&message);
                    pipeline.set_standing_error(&message);
                }
                Engine::Passing(_) => self.engine = pass(&message),
            },
        }
    }
}

/// The first file that can be looked at; else, so that the reason can be told, the first that is refused.
fn find() -> Option<Source> {
    let mut refused = None;
    for (dir, _) in abi::preopened() {
        for name in NAMES {
            let source = Source { dir, name, stamp: abi::stat(dir, name) };
            match source.stamp {
                Ok(_) => return Some(source),
                Err(Errno::NOENT) => {}
                Err(_) => refused = refused.or(Some(source)),
            }
        }
    }
    refused
}

fn load() -> (Engine, Option<Source>, Option<Folder>) {
    let source = find();
    match read_config(source) {
        Ok((config, found)) => {
            let metrics = metrics_folder(&config, found);
            if !config.notices.is_empty() && !was_just_running(metrics.as_ref()) {
                tell_notices(&config, found);
            }
            (Engine::Scoring(Box::new(pipeline(&config, found))), source, metrics)
        }
        Err(message) => (pass(&message), source, None),
    }
}

/// The state folder once more: the other one writes the journal.
fn metrics_folder(config: &Config, source: Source) -> Option<Folder> {
    config.filter.state.as_deref().map(|path| folder(source.dir, path))
}

/// Tells which earlier forms of sections and keys were read.
#[inline(never)] // stack
fn tell_notices(config: &Config, source: Source) {
    for notice in &config.notices {
        abi::log(&[source.name, ": ", notice].concat());
    }
}

#[inline(never)] // stack
fn was_just_running(state: Option<&Folder>) -> bool {
    let last = state.and_then(Folder::last_write_ns);
    last.zip(WasiClock.now()).is_some_and(|(last, now)| now.nanos().abs_diff(last) < NANOS_BETWEEN_NOTICES)
}

/// Replaces the file of the figures in one step.
fn replace(folder: &mut Folder, text: &str) -> Result<(), StorageError> {
    const NEW: &str = "metrics.new";
    folder.remove(NEW)?;
    folder.create(NEW)?;
    folder.append(text.as_bytes())?;
    folder.rename(NEW, METRICS)
}

/// Reads and checks the configuration; else what is wrong.
fn read_config(source: Option<Source>) -> Result<(Config, Source), String> {
    let Some(source) = source else {
        let folders: Vec<String> = abi::preopened().into_iter().map(|(_, name)| name).collect();
        return Err(format!(
            "no {} in accessible_paths ({}): name the folder that holds it",
            NAMES.join(" or "),
            folders.join(", ")
        ));
    };
    let text =
        read(source).map_err(|errno| format!("{}: cannot be read: {}", source.name, errno.explain()))?;
    let config = Config::parse(source.name, &text).map_err(|error| error.to_string())?;
    Ok((config, source))
}

fn pipeline(config: &Config, source: Source) -> Pipeline {
    let storage = config.filter.state.as_deref().map(|path| state_folder(source.dir, path));
    let mut pipeline = Pipeline::new(config, Format::Json, storage).with_clock(WasiClock);
    pipeline.mend_records();
    pipeline
}

fn pass(message: &str) -> Engine {
    abi::log(message);
    passing(message)
}

fn passing(message: &str) -> Engine {
    let mut unconfigured = Unconfigured::new(message, Format::Json);
    unconfigured.mend_records();
    Engine::Passing(Box::new(unconfigured))
}

fn read(source: Source) -> Result<String, Errno> {
    let fd = abi::open(source.dir, source.name, Open::Read)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let outcome = loop {
        match abi::read_at(fd, bytes.len() as u64, &mut piece) {
            Ok(0) => break Ok(()),
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(errno) => break Err(errno),
        }
        if bytes.len() as u64 > MAX_CONFIG {
            break Ok(());
        }
    };
    abi::close(fd);
    outcome.map(|()| String::from_utf8_lossy(&bytes).into_owned())
}

/// A relative path counts from the folder of the configuration file; an absolute one must lie below one of
/// `accessible_paths`.
fn state_folder(config_dir: Fd, path: &str) -> Box<dyn Storage> {
    Box::new(folder(config_dir, path))
}

fn folder(config_dir: Fd, path: &str) -> Folder {
    if path.starts_with('/') {
        let folders = abi::preopened();
        let inside = folders.iter().filter_map(|(dir, name)| {
            let rest = path.strip_prefix(name.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then_some((*dir, rest, name.len()))
        });
        if let Some((dir, rest, _)) = inside.max_by_key(|(.., len)| *len) {
            return Folder::new(dir, rest.trim_matches('/'));
        }
    }
    // what lies outside of the sandbox is refused by the host, and told as a state that cannot be saved
    Folder::new(config_dir, path.trim_start_matches("./"))
}
