//! Scores on the way to a sink: the filter in this process, in front of the forward client or standard output.

use std::cell::RefCell;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use fluent_anomaly::Config;
use fluent_anomaly::Format;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use fluent_anomaly::sinks::forward::{Entries, ForwardSink};
use fluent_anomaly::sinks::{MetricRecord, RecordSink, SinkError};
use fluent_anomaly::state::{MemoryStorage, Storage};

use crate::failure::Failure;
use crate::files;

/// Records that are scored before they leave together: their models are ahead of what is acknowledged by no more.
const BATCH: usize = 1024;

/// Where scored records go.
pub(crate) enum Outlet<'a> {
    /// Forward servers.
    Forward(Box<ForwardSink<'a>>),
    /// JSON lines.
    Stdout(BufWriter<Stdout>),
}

impl Outlet<'_> {
    pub(crate) fn stdout() -> Self {
        Self::Stdout(BufWriter::new(io::stdout()))
    }

    fn send(
        &mut self,
        tag: &str,
        batch: &[ScoredRecord],
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        match self {
            Self::Forward(sink) => {
                let mut left = batch.iter();
                let append = &mut |entries: &mut Entries| {
                    for record in left.by_ref() {
                        match entries.push_json(record.seconds.saturating_mul(1000), &record.json) {
                            Ok(()) => return,
                            // cannot be: the text was written here
                            Err(error) => eprintln!("fluent-anomaly: a record is left out: {error}"),
                        }
                    }
                };
                sink.deliver_entries(tag, append, acknowledged)?;
            }
            Self::Stdout(out) => {
                let mut write = || {
                    for record in batch {
                        out.write_all(&record.json)?;
                        out.write_all(b"\n")?;
                    }
                    out.flush()
                };
                write().map_err(|error: io::Error| SinkError::Unreachable {
                    reason: format!("writing a record: {error}"),
                })?;
            }
        }
        acknowledged(batch.len());
        Ok(())
    }
}

#[derive(Default)]
struct ScoredRecord {
    seconds: i64,
    json: Vec<u8>,
}

/// Which configuration the models follow, and where they are kept.
struct LiveModels<'a> {
    config_path: PathBuf,
    current: Config,
    latest: &'a RefCell<Option<Config>>,
    /// With `state: off`: the models outlive a change of the configuration, not the process.
    memory: MemoryStorage,
}

/// Writes scores into records, then hands them on.
///
/// Points that come again, because an acknowledgement was lost, leave with the scores that they had: the pipeline
/// remembers them, and its state is written before a batch leaves.
pub(crate) struct ScoringSink<'a> {
    outlet: Outlet<'a>,
    /// `None` while the state folder cannot be had.
    pipeline: Option<Pipeline>,
    live: Option<LiveModels<'a>>,
    /// Taken off a tag before sections are looked up by it.
    strip: &'static str,
    log: &'a dyn Fn(&str),
    batch: Vec<ScoredRecord>,
}

impl<'a> ScoringSink<'a> {
    /// Models that go on from the state folder of a configuration, and follow `latest`.
    pub(crate) fn live(
        outlet: Outlet<'a>,
        config_path: &Path,
        config: &Config,
        latest: &'a RefCell<Option<Config>>,
    ) -> Result<Self, Failure> {
        let live = LiveModels {
            config_path: config_path.to_owned(),
            current: config.clone(),
            latest,
            memory: MemoryStorage::new(),
        };
        let pipeline = live.open()?;
        Ok(Self {
            outlet,
            pipeline: Some(pipeline),
            live: Some(live),
            strip: "",
            log: &|line| eprintln!("fluent-anomaly: {line}"),
            batch: Vec::new(),
        })
    }

    /// Fresh models that end with the process; tags have `strip` before those of the configuration.
    pub(crate) fn fresh(
        outlet: Outlet<'a>,
        config: &Config,
        strip: &'static str,
        log: &'a dyn Fn(&str),
    ) -> Self {
        let pipeline = Some(Pipeline::new(config, Format::Json, None));
        Self { outlet, pipeline, live: None, strip, log, batch: Vec::new() }
    }

    /// The pipeline of the configuration that was read last.
    fn pipeline(&mut self) -> Result<&mut Pipeline, SinkError> {
        if let Some(live) = &mut self.live {
            let new = live.latest.borrow_mut().take().filter(|new| *new != live.current);
            if let Some(new) = new {
                live.current = new;
                // its folder is free only when it is gone
                if let Some(mut old) = self.pipeline.take() {
                    old.flush();
                }
            }
            if self.pipeline.is_none() {
                let opened = live.open().map_err(|failure| SinkError::Unreachable {
                    reason: match failure {
                        Failure::Usage(reason) | Failure::Failed(reason) => reason,
                        Failure::Said | Failure::Silent => String::new(),
                    },
                });
                self.pipeline = Some(opened?);
            }
        }
        self.pipeline.as_mut().ok_or(SinkError::Stopped)
    }

    /// Fills the batch with scored records; how many there are.
    fn score(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
    ) -> Result<usize, SinkError> {
        let mut batch = std::mem::take(&mut self.batch);
        let (strip, log) = (self.strip, self.log);
        let pipeline = self.pipeline()?;
        let tag = tag.strip_prefix(strip).unwrap_or(tag).as_bytes();
        let mut count = 0;
        for record in records.take(BATCH) {
            if count == batch.len() {
                batch.push(ScoredRecord::default());
            }
            let Some(slot) = batch.get_mut(count) else { break };
            slot.seconds = record.time;
            slot.json.clear();
            record.write_json(&mut slot.json);
            pipeline.process(tag, Time::from_seconds(record.time), &mut slot.json);
            count += 1;
        }
        // what may be acknowledged must not be forgotten
        pipeline.flush();
        for line in pipeline.take_log() {
            log(&line);
        }
        self.batch = batch;
        Ok(count)
    }
}

impl LiveModels<'_> {
    fn open(&self) -> Result<Pipeline, Failure> {
        let storage = files::open_state(&self.config_path, &self.current)?;
        let storage: Box<dyn Storage> = storage.unwrap_or_else(|| Box::new(self.memory.clone()));
        Ok(Pipeline::new(&self.current, Format::Json, Some(storage)))
    }
}

impl RecordSink for ScoringSink<'_> {
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let mut done = 0;
        loop {
            let count = self.score(tag, records)?;
            let Some(batch) = self.batch.get(..count).filter(|batch| !batch.is_empty()) else {
                return Ok(());
            };
            self.outlet.send(tag, batch, &mut |sent| acknowledged(done + sent))?;
            done += count;
        }
    }

    fn delivered(&self) -> u64 {
        match &self.outlet {
            Outlet::Forward(sink) => sink.delivered(),
            Outlet::Stdout(_) => 0,
        }
    }

    fn settle(&mut self, wait: bool) -> Result<u64, SinkError> {
        match &mut self.outlet {
            Outlet::Forward(sink) => sink.settle(wait),
            Outlet::Stdout(_) => Ok(u64::MAX),
        }
    }
}
