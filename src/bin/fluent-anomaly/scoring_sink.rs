//! Scores on the way to a sink: the filter in this process, in front of the forward client or standard output.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use fluent_anomaly::configuration::SectionKind;
use fluent_anomaly::detectors::order_fits;
use fluent_anomaly::native::{Progress, Quiet};
use fluent_anomaly::sinks::forward::{Entries, ForwardSink};
use fluent_anomaly::sinks::{ChosenOrder, MetricRecord, RecordSink, SinkError};
use fluent_anomaly::state::{MemoryStorage, Storage};
use fluent_anomaly::{Config, Format, Pipeline, Time};

use crate::failure::Failure;
use crate::orders::Orders;
use crate::system_clock::SystemClock;
use crate::{files, incidents, select_k};

/// Records that are scored before they leave together: their models are ahead of what is acknowledged by no more.
const BATCH: usize = 1024;
/// The highest order that is tried where a section names none: that of the original detector.
const LOOK_BACK_ORDERS: usize = 50;

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
                            Err(error) => tell!("fluent-anomaly: a record is left out: {error}"),
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
    /// `None` while the state folder cannot be had, and after a change of the configuration.
    pipeline: Option<Pipeline>,
    current: Config,
    live: Option<LiveModels<'a>>,
    orders: &'a RefCell<Orders>,
    /// What stands before a section's name in the tags of records, and in those of the configuration.
    prefixes: [String; 2],
    log: &'a dyn Fn(&str),
    /// Is told of incidents.
    progress: &'a dyn Progress,
    batch: Vec<ScoredRecord>,
}

impl<'a> ScoringSink<'a> {
    /// Models that go on from the state folder of a configuration, and follow `latest`.
    pub(crate) fn live(
        outlet: Outlet<'a>,
        config_path: &Path,
        config: &Config,
        latest: &'a RefCell<Option<Config>>,
        orders: &'a RefCell<Orders>,
        progress: &'a dyn Progress,
    ) -> Result<Self, Failure> {
        let live = LiveModels { config_path: config_path.to_owned(), latest, memory: MemoryStorage::new() };
        let mut current = config.clone();
        orders.borrow().apply(&mut current);
        let pipeline = live.open(&current)?;
        let prefix = format!("{}.", config.general.tag_prefix);
        Ok(Self {
            outlet,
            pipeline: Some(pipeline),
            current,
            live: Some(live),
            orders,
            prefixes: [prefix.clone(), prefix],
            log: &|line| tell!("fluent-anomaly: {line}"),
            progress,
            batch: Vec::new(),
        })
    }

    /// Fresh models that end with the process; tags begin with `tag_prefix` instead of the configuration's.
    pub(crate) fn fresh(
        outlet: Outlet<'a>,
        config: &Config,
        tag_prefix: &str,
        orders: &'a RefCell<Orders>,
        log: &'a dyn Fn(&str),
    ) -> Self {
        let mut current = config.clone();
        orders.borrow().apply(&mut current);
        let pipeline = Some(Pipeline::new(&current, Format::Json, None));
        let prefixes = [format!("{tag_prefix}."), format!("{}.", config.general.tag_prefix)];
        Self {
            outlet,
            pipeline,
            current,
            live: None,
            orders,
            prefixes,
            log,
            progress: &Quiet,
            batch: Vec::new(),
        }
    }

    /// The tag by which the configuration knows a record.
    fn own_tag(&self, tag: &str) -> String {
        let [from, to] = &self.prefixes;
        tag.strip_prefix(from.as_str()).map_or_else(|| tag.to_owned(), |name| format!("{to}{name}"))
    }

    /// The pipeline of the configuration that was read last.
    fn pipeline(&mut self) -> Result<&mut Pipeline, SinkError> {
        if let Some(live) = &self.live
            && let Some(mut new) = live.latest.borrow_mut().take()
        {
            self.orders.borrow().apply(&mut new);
            if new != self.current {
                self.current = new;
                // its folder is free only when it is gone
                if let Some(mut old) = self.pipeline.take() {
                    old.flush();
                }
            }
        }
        if self.pipeline.is_none() {
            if let Some(live) = &self.live {
                let opened = live.open(&self.current).map_err(|failure| SinkError::Unreachable {
                    reason: match failure {
                        Failure::Usage(reason) | Failure::Failed(reason) => reason,
                        Failure::Said | Failure::Silent => String::new(),
                    },
                });
                self.pipeline = Some(opened?);
            } else {
                self.pipeline = Some(Pipeline::new(&self.current, Format::Json, None));
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
        let (tag, log, progress) = (self.own_tag(tag), self.log, self.progress);
        let pipeline = self.pipeline()?;
        let mut count = 0;
        for record in records.take(BATCH) {
            if count == batch.len() {
                batch.push(ScoredRecord::default());
            }
            let Some(slot) = batch.get_mut(count) else { break };
            slot.seconds = record.time;
            slot.json.clear();
            record.write_json(&mut slot.json);
            pipeline.process(tag.as_bytes(), Time::from_seconds(record.time), &mut slot.json);
            if let Some(notice) = incidents::notice(&slot.json) {
                progress.notice(&notice);
            }
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
    fn open(&self, config: &Config) -> Result<Pipeline, Failure> {
        let storage = files::open_state(&self.config_path, config)?;
        let storage: Box<dyn Storage> = storage.unwrap_or_else(|| Box::new(self.memory.clone()));
        Ok(Pipeline::new(config, Format::Json, Some(storage)).with_clock(SystemClock))
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

    /// Chooses the order of the section's models by AIC, as the original detector does at its start.
    fn look_back(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
    ) -> Result<Option<ChosenOrder>, SinkError> {
        let tag = self.own_tag(tag);
        self.pipeline()?;
        let Some(section) =
            self.current.sections.iter_mut().find(|section| section.tags.matches(tag.as_bytes()))
        else {
            return Ok(None);
        };
        let SectionKind::Datadog { query } = &section.kind else { return Ok(None) };
        let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let one_model = section.source.is_some();
        for record in records {
            let name = if one_model { "" } else { record.scope };
            match series.get_mut(name) {
                Some(values) => values.push(record.raw_value),
                None => drop(series.insert(name.to_owned(), vec![record.raw_value])),
            }
        }
        let points = series.values().map(Vec::len).sum();
        let fits: Vec<_> = series.values().map(|values| order_fits(values, LOOK_BACK_ORDERS)).collect();
        let Some(order) = select_k::best(&select_k::together(&fits)).map(|fit| fit.order) else {
            return Ok(None);
        };
        if let Err(error) = self.orders.borrow_mut().keep(&section.name, query, order) {
            (self.log)(&format!("[{}] k = {order} is not kept beyond this run: {error}", section.title()));
        }
        section.change_finder.order = Some(order);
        if let Some(mut old) = self.pipeline.take() {
            old.flush();
        }
        Ok(Some(ChosenOrder { order, points }))
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
