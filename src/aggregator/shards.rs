//! Pipelines side by side: each has the models of its part of the series, and a thread.
//!
//! A chunk is scored visit by visit. In each, every thread walks over all entries in their order and scores those whose
//! series are its own, so that a series sees its points in the order of their arrival, however many threads there are.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use thiserror::Error;

use super::clock::ArrivalClock;
use super::lanes::{Lane, LanePlace, Lanes, SpareLanes};
use super::output::ScoredParts;
use crate::bank::StorageError;
use crate::config::Config;
use crate::pipeline::{Counters, Figures, Pipeline, Router, Visit};
use crate::record::Format;
use crate::source::forward::{IncomingChunk, IncomingEntry};

/// Places of fewer entries are found by one thread.
const FEW: usize = 64;

/// A pipeline with what it needs to find its records.
struct Shard {
    number: u8,
    pipeline: Pipeline,
    router: Router,
    record: Vec<u8>,
    spare: Arc<SpareLanes>,
}

/// The records of a chunk as a visit left them.
#[derive(Debug)]
struct Visited {
    lanes: Lanes,
    /// What is wrong with them, where something is, by the numbers of their entries.
    told: Vec<(u32, String)>,
}

/// A chunk at one visit.
#[derive(Debug, Clone)]
struct Job {
    chunk: Arc<IncomingChunk>,
    visit: Visit,
    before: Option<Arc<Visited>>,
    /// For each entry the shard that scores it.
    places: Arc<Vec<u8>>,
}

enum Order {
    /// Find the places of some entries.
    Route {
        chunk: Arc<IncomingChunk>,
        visit: Visit,
        before: Option<Arc<Visited>>,
        entries: Range<usize>,
    },
    Score(Job),
    Save,
    /// Tell what is not scored.
    Tell,
    Look,
}

enum Answer {
    Places(Vec<u8>),
    Scored(Lane, Vec<(u32, String)>),
    Saved(Result<Vec<u8>, StorageError>),
    Looked(Looked),
}

/// What a pipeline has to say.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) log: Vec<String>,
    pub(super) counters: Counters,
    pub(super) series: u64,
    pub(super) evicted: u64,
    pub(super) figures: Figures,
}

struct Worker {
    orders: SyncSender<Order>,
    answers: Receiver<Answer>,
}

/// The thread of a shard has ended: what its series had learned since the last snapshot stands in the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the thread of shard {0} has failed")]
pub(super) struct ShardFailed(usize);

/// All pipelines. The first one works in the caller's thread.
pub(super) struct Shards {
    first: Shard,
    others: Vec<Worker>,
    clock: ArrivalClock,
    spare: Arc<SpareLanes>,
}

/// Records of a chunk as the visit before left them.
struct Records<'a> {
    chunk: &'a IncomingChunk,
    before: Option<(&'a Lanes, LanePlace)>,
}

impl<'a> Records<'a> {
    fn new(chunk: &'a IncomingChunk, before: Option<&'a Visited>) -> Self {
        Self { chunk, before: before.map(|before| (&before.lanes, LanePlace::first(&before.lanes))) }
    }

    /// The entry `n`, and its record as it is now. Behind it only later ones are asked for.
    fn get(&mut self, n: usize) -> Option<(IncomingEntry<'a>, &'a [u8])> {
        let entry = self.chunk.entry(n)?;
        let record = match &mut self.before {
            None => entry.record,
            Some((lanes, place)) => {
                place.go_to(lanes, n);
                place.pass(lanes)?.get(1 + entry.time_bytes.len()..)?
            }
        };
        Some((entry, record))
    }
}

impl Shard {
    fn route(
        &mut self,
        chunk: &IncomingChunk,
        visit: &Visit,
        before: Option<&Visited>,
        entries: Range<usize>,
    ) -> Vec<u8> {
        let mut records = Records::new(chunk, before);
        let place = |n| records.get(n).map_or(0, |(_, record)| self.router.shard(visit, record) as u8);
        entries.map(place).collect()
    }

    fn score(&mut self, job: &Job) -> (Lane, Vec<(u32, String)>) {
        let mut lane = self.spare.take();
        let mut told = Vec::new();
        let before = job.before.as_deref();
        let mut told_before = before.map_or(&[][..], |before| &before.told).iter().peekable();
        let mut records = Records::new(&job.chunk, before);
        let mut text = String::new();
        let tag = job.chunk.tag.as_bytes();
        for (n, _) in job.places.iter().enumerate().filter(|(_, place)| **place == self.number) {
            let Some((entry, record)) = records.get(n) else { break };
            text.clear();
            while let Some((at, before)) = told_before.next_if(|(at, _)| *at as usize <= n) {
                if *at as usize == n {
                    text.clone_from(before);
                }
            }
            self.record.clear();
            self.record.extend_from_slice(record);
            if let Some(time) = entry.time() {
                self.pipeline.process_visit(tag, time, &job.visit, &mut self.record, &mut text);
            }
            lane.push(entry.time_bytes, &self.record);
            if !text.is_empty() {
                told.push((n as u32, std::mem::take(&mut text)));
            }
        }
        (lane, told)
    }

    fn obey(&mut self, order: Order) -> Answer {
        match order {
            Order::Route { chunk, visit, before, entries } => {
                Answer::Places(self.route(&chunk, &visit, before.as_deref(), entries))
            }
            Order::Score(job) => {
                let (lane, told) = self.score(&job);
                Answer::Scored(lane, told)
            }
            Order::Save => Answer::Saved(self.pipeline.save()),
            Order::Tell => {
                self.pipeline.tell_unscored();
                self.obey(Order::Look)
            }
            Order::Look => {
                let (series, evicted) = self.pipeline.series();
                Answer::Looked(Looked {
                    log: self.pipeline.take_log(),
                    counters: self.pipeline.counters(),
                    series: series as u64,
                    evicted,
                    figures: self.pipeline.figures(),
                })
            }
        }
    }
}

/// A host of its own can make records of windows.
fn with_windows(mut pipeline: Pipeline) -> Pipeline {
    pipeline.make_window_records();
    pipeline
}

impl Shards {
    /// Begins with `saved` states of such pipelines, as many as there were; none: with nothing. They end when dropped.
    ///
    /// # Errors
    /// When a state cannot be read, or no thread started.
    pub(super) fn start(
        config: &Config,
        threads: usize,
        saved: &[Vec<u8>],
        clock: ArrivalClock,
    ) -> Result<Self, StorageError> {
        let threads = threads.clamp(1, usize::from(u8::MAX));
        let pipelines = Pipeline::resume_shards(config, Format::Msgpack, saved, threads)?;
        let spare = Arc::new(SpareLanes::default());
        let mut shards = pipelines.into_iter().enumerate().map(|(n, pipeline)| Shard {
            number: n as u8,
            pipeline: with_windows(pipeline.with_clock(clock.clone())),
            router: Router::new(config, Format::Msgpack, threads),
            record: Vec::new(),
            spare: spare.clone(),
        });
        let Some(first) = shards.next() else {
            return Err(StorageError::new("start", "shards", "no thread"));
        };
        let mut others = Vec::new();
        for mut shard in shards {
            let (orders, wanted) = sync_channel(1);
            let (answer, answers) = sync_channel(1);
            let work = move || {
                while let Ok(order) = wanted.recv() {
                    if answer.send(shard.obey(order)).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new()
                .name(format!("shard-{}", others.len() + 1))
                .spawn(work)
                .map_err(|error| StorageError::new("start", "shards", error.to_string()))?;
            others.push(Worker { orders, answers });
        }
        Ok(Self { first, others, clock, spare })
    }

    /// Gives an order to all and collects the answers by the numbers of the shards.
    fn all(&mut self, mut order: impl FnMut(usize) -> Order) -> Result<Vec<Answer>, ShardFailed> {
        for (n, worker) in self.others.iter().enumerate() {
            // a thread that has ended gives no answer either
            let _ = worker.orders.send(order(n + 1));
        }
        let mut answers = vec![self.first.obey(order(0))];
        for (n, worker) in self.others.iter().enumerate() {
            answers.push(worker.answers.recv().map_err(|_| ShardFailed(n + 1))?);
        }
        Ok(answers)
    }

    /// How many pipelines there are.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Scores a chunk that arrived at the time the clock shows. Windows that it closes and that are to be records stand
    /// behind it.
    ///
    /// # Errors
    /// [`ShardFailed`]: no more can be scored.
    pub(super) fn score(&mut self, chunk: IncomingChunk) -> Result<ScoredParts, ShardFailed> {
        let mut scored = self.score_records(chunk)?;
        // sections with windows are the first pipeline's
        while let Some(window) = self.first.pipeline.take_window_record() {
            scored.push_other(&window.tag, window.time, &window.record);
        }
        Ok(scored)
    }

    fn score_records(&mut self, chunk: IncomingChunk) -> Result<ScoredParts, ShardFailed> {
        if self.others.is_empty() {
            return Ok(self.score_alone(&chunk));
        }
        let visits = self.first.router.visits(chunk.tag.as_bytes()).to_vec();
        if visits.is_empty() {
            // the first pipeline counts and tells what no section scores
            return Ok(self.score_alone(&chunk));
        }
        let chunk = Arc::new(chunk);
        let mut visited: Option<Visited> = None;
        for visit in visits {
            let before = visited.take().map(Arc::new);
            let places = Arc::new(self.places(&chunk, &visit, before.as_ref())?);
            let job = Job { chunk: chunk.clone(), visit, before, places: places.clone() };
            let mut lanes = Vec::with_capacity(self.len());
            let mut told = Vec::new();
            for answer in self.all(|_| Order::Score(job.clone()))? {
                if let Answer::Scored(lane, some) = answer {
                    lanes.push(lane);
                    told.extend(some);
                }
            }
            told.sort_by_key(|(n, _)| *n);
            visited = Some(Visited { lanes: Lanes::several(lanes, places, &self.spare), told });
        }
        // not reached: there is a visit
        let lanes = visited.map_or_else(|| Lanes::one(Lane::default(), &self.spare), |visited| visited.lanes);
        Ok(ScoredParts::new(&chunk.tag, lanes, &self.spare))
    }

    fn places(
        &mut self,
        chunk: &Arc<IncomingChunk>,
        visit: &Visit,
        before: Option<&Arc<Visited>>,
    ) -> Result<Vec<u8>, ShardFailed> {
        // to wake others takes longer than few records
        if chunk.len() < FEW {
            return Ok(self.first.route(chunk, visit, before.map(Arc::as_ref), 0..chunk.len()));
        }
        let share = chunk.len().div_ceil(self.len()).max(1);
        let of_shard = |n: usize| (n * share).min(chunk.len())..((n + 1) * share).min(chunk.len());
        let answers = self.all(|n| Order::Route {
            chunk: chunk.clone(),
            visit: visit.clone(),
            before: before.cloned(),
            entries: of_shard(n),
        })?;
        let mut places = Vec::with_capacity(chunk.len());
        for answer in answers {
            if let Answer::Places(some) = answer {
                places.extend_from_slice(&some);
            }
        }
        Ok(places)
    }

    /// One pipeline alone needs no places.
    fn score_alone(&mut self, chunk: &IncomingChunk) -> ScoredParts {
        let Shard { pipeline, record, .. } = &mut self.first;
        let mut lane = self.spare.take();
        for entry in chunk.entries() {
            record.clear();
            record.extend_from_slice(entry.record);
            if let Some(time) = entry.time() {
                pipeline.process(chunk.tag.as_bytes(), time, record);
            }
            lane.push(entry.time_bytes, record);
        }
        ScoredParts::new(&chunk.tag, Lanes::one(lane, &self.spare), &self.spare)
    }

    /// The clock that all pipelines see.
    pub(super) fn clock(&self) -> &ArrivalClock {
        &self.clock
    }

    /// The states of all pipelines.
    pub(super) fn save(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        let answers = self.all(|_| Order::Save);
        let answers = answers.map_err(|error| StorageError::new("save", "shards", error.to_string()))?;
        let saved = |answer| if let Answer::Saved(saved) = answer { Some(saved) } else { None };
        answers.into_iter().filter_map(saved).collect()
    }

    /// What the pipelines have to say. `ending`: also what was not scored.
    ///
    /// # Errors
    /// [`ShardFailed`].
    pub(super) fn look(&mut self, ending: bool) -> Result<Looked, ShardFailed> {
        let mut all = Looked::default();
        for answer in self.all(|_| if ending { Order::Tell } else { Order::Look })? {
            if let Answer::Looked(looked) = answer {
                all.log.extend(looked.log);
                all.counters.add(&looked.counters);
                all.series += looked.series;
                all.evicted += looked.evicted;
                all.figures.add(&looked.figures);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
