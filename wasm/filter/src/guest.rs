//! Finds the configuration, keeps the pipeline, and starts anew when the configuration changes.

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Time;
use fluent_anomaly::state::Storage;
use fluent_anomaly::{Pipeline, Unconfigured};

use crate::abi::{self, Fd, Open};
use crate::errno::Errno;
use crate::folder::Folder;

/// Looked for in each folder of `accessible_paths`, in this order.
const NAMES: [&str; 2] = ["fluent-anomaly.ini", "datadog.ini"];
/// A larger file is no configuration.
const MAX_CONFIG: u64 = 16 << 20;
/// The configuration file is looked at again after so many records ...
const RECORDS_BETWEEN_LOOKS: u32 = 1024;
/// ... or, while records are fewer, after so many seconds of event time, but not at each record of a replay.
const SECONDS_BETWEEN_LOOKS: u64 = 10;
const LEAST_RECORDS: u32 = 16;
/// After so many internal errors the filter only passes records on.
const MAX_TRAPS: u32 = 16;

/// The filter behind its border.
#[derive(Debug)]
pub(crate) struct Guest {
    engine: Engine,
    source: Option<Source>,
    records: u32,
    looked_at: i64,
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
        let (engine, source) = load();
        Self { engine, source, records: 0, looked_at: 0 }
    }

    /// Passes records on, because too much has gone wrong, until the configuration file changes.
    pub(crate) fn pass(traps: u32) -> Self {
        let (engine, source) = pass(format!("stopped scoring after {traps} internal errors"), find());
        Self { engine, source, records: 0, looked_at: 0 }
    }

    /// Scores one record in place.
    pub(crate) fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        self.records = self.records.wrapping_add(1);
        // the clock is read for every 16th record only: the division costs as much as the rest of this function
        if self.records.is_multiple_of(LEAST_RECORDS)
            && (self.records >= RECORDS_BETWEEN_LOOKS
                || time.seconds().abs_diff(self.looked_at) >= SECONDS_BETWEEN_LOOKS)
        {
            self.look(time);
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

    /// Starts anew when the configuration file is another one now.
    #[cold]
    #[inline(never)] // speed
    fn look(&mut self, time: Time) {
        self.records = 0;
        self.looked_at = time.seconds();
        let now = find();
        if now != self.source {
            if let Engine::Scoring(pipeline) = &mut self.engine {
                pipeline.flush();
            }
            // the old journal is closed before the new pipeline takes it over
            self.engine = Engine::Passing(Box::new(Unconfigured::new("", Format::Json)));
            (self.engine, self.source) = load();
            abi::log("the configuration was read again");
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

fn load() -> (Engine, Option<Source>) {
    let Some(source) = find() else {
        let folders: Vec<String> = abi::preopened().into_iter().map(|(_, name)| name).collect();
        return pass(
            format!(
                "no {} in accessible_paths ({}): name the folder that holds it",
                NAMES.join(" or "),
                folders.join(", ")
            ),
            None,
        );
    };
    let text = match read(source) {
        Ok(text) => text,
        Err(errno) => {
            return pass(format!("{}: cannot be read: {}", source.name, errno.explain()), Some(source));
        }
    };
    match Config::parse(source.name, &text) {
        Ok(config) => {
            let storage = config.filter.state.as_deref().map(|path| state_folder(source.dir, path));
            (Engine::Scoring(Box::new(Pipeline::new(&config, Format::Json, storage))), Some(source))
        }
        Err(error) => pass(error.to_string(), Some(source)),
    }
}

fn pass(message: String, source: Option<Source>) -> (Engine, Option<Source>) {
    abi::log(&message);
    (Engine::Passing(Box::new(Unconfigured::new(&message, Format::Json))), source)
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
    if path.starts_with('/') {
        let folders = abi::preopened();
        let inside = folders.iter().filter_map(|(dir, name)| {
            let rest = path.strip_prefix(name.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with('/')).then_some((*dir, rest, name.len()))
        });
        if let Some((dir, rest, _)) = inside.max_by_key(|(.., len)| *len) {
            return Box::new(Folder::new(dir, rest.trim_matches('/')));
        }
    }
    // what lies outside of the sandbox is refused by the host, and told as a state that cannot be saved
    Box::new(Folder::new(config_dir, path.trim_start_matches("./")))
}
