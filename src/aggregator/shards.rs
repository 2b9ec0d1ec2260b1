//! Pipelines side by side: each has the models of its part of the series, and a thread.
//!
//! A chunk is scored visit by visit. In each, every thread walks over all entries in their order and scores those whose
//! series are its own, so that a series sees its points in the order of their arrival, however many threads there are.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::clock::ArrivalClock;
use super::output::ScoredParts;
use crate::bank::StorageError;
use crate::config::Config;
use crate::pipeline::{Counters, Figures, Pipeline, Router, Visit};
use crate::record::Format;
use crate::source::forward::IncomingChunk;

/// A pipeline with what it needs to find its records.
struct Shard {
    number: u8,
    pipeline: Pipeline,
    router: Router,
    record: Vec<u8>,
}

/// Records as a visit left them: those of all entries, or those that one shard scored.
#[derive(Debug, Default)]
struct Visited {
    /// One behind the other.
    records: Vec<u8>,
    ends: Vec<u32>,
    /// What is wrong with them, where something is, by the numbers of their entries.
    told: Vec<(u32, String)>,
}

impl Visited {
    fn push(&mut self, record: &[u8]) {
        self.records.extend_from_slice(record);
        // chunks are bounded far below 4 GiB
        self.ends.push(self.records.len() as u32);
    }

    /// The record `n`; `None` where there are not so many.
    fn record(&self, n: usize) -> Option<&[u8]> {
        let start = n.checked_sub(1).and_then(|n| self.ends.get(n)).copied().unwrap_or(0);
        self.records.get(start as usize..*self.ends.get(n)? as usize)
    }
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
    Scored(Visited),
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

/// All pipelines. The first one works in the caller's thread.
pub(super) struct Shards {
    first: Shard,
    others: Vec<Worker>,
    clock: ArrivalClock,
}

/// The record `n` of a chunk as the visit before left it.
fn record_of<'a>(of_chunk: &'a [u8], before: Option<&'a Visited>, n: usize) -> &'a [u8] {
    before.and_then(|before| before.record(n)).unwrap_or(of_chunk)
}

impl Shard {
    fn route(
        &mut self,
        chunk: &IncomingChunk,
        visit: &Visit,
        before: Option<&Visited>,
        entries: Range<usize>,
    ) -> Vec<u8> {
        let part = chunk.entries().enumerate().skip(entries.start).take(entries.len());
        part.map(|(n, entry)| self.router.shard(visit, record_of(entry.record, before, n)) as u8).collect()
    }

    fn score(&mut self, job: &Job) -> Visited {
        let mut scored = Visited::default();
        let before = job.before.as_deref();
        let mut told = before.map_or(&[][..], |before| &before.told).iter().peekable();
        let mut text = String::new();
        let tag = job.chunk.tag.as_bytes();
        for ((n, entry), place) in job.chunk.entries().enumerate().zip(job.places.iter()) {
            text.clear();
            if let Some((_, before)) = told.next_if(|(at, _)| *at as usize == n) {
                text.push_str(before);
            }
            if *place != self.number {
                continue;
            }
            self.record.clear();
            self.record.extend_from_slice(record_of(entry.record, before, n));
            if let Some(time) = entry.time() {
                self.pipeline.process_visit(tag, time, &job.visit, &mut self.record, &mut text);
            }
            scored.push(&self.record);
            if !text.is_empty() {
                scored.told.push((n as u32, std::mem::take(&mut text)));
            }
        }
        scored
    }

    fn obey(&mut self, order: Order) -> Answer {
        match order {
            Order::Route { chunk, visit, before, entries } => {
                Answer::Places(self.route(&chunk, &visit, before.as_deref(), entries))
            }
            Order::Score(job) => Answer::Scored(self.score(&job)),
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
        let mut shards = pipelines.into_iter().enumerate().map(|(n, pipeline)| Shard {
            number: n as u8,
            pipeline: with_windows(pipeline.with_clock(clock.clone())),
            router: Router::new(config, Format::Msgpack, threads),
            record: Vec::new(),
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
        Ok(Self { first, others, clock })
    }

    /// Gives an order to all and collects the answers by the numbers of the shards; `None` of one whose thread has ended.
    fn all(&mut self, mut order: impl FnMut(usize) -> Order) -> Vec<Option<Answer>> {
        for (n, worker) in self.others.iter().enumerate() {
            // a thread that has ended gives no answer either
            let _ = worker.orders.send(order(n + 1));
        }
        let mut answers = vec![Some(self.first.obey(order(0)))];
        answers.extend(self.others.iter().map(|worker| worker.answers.recv().ok()));
        answers
    }

    /// How many pipelines there are.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Scores a chunk that arrived at the time the clock shows. Windows that it closes and that are to be records stand
    /// behind it.
    pub(super) fn score(&mut self, chunk: IncomingChunk) -> ScoredParts {
        let mut scored = self.score_records(chunk);
        // sections with windows are the first pipeline's
        while let Some(window) = self.first.pipeline.take_window_record() {
            scored.push_other(&window.tag, window.time, &window.record);
        }
        scored
    }

    fn score_records(&mut self, chunk: IncomingChunk) -> ScoredParts {
        if self.others.is_empty() {
            return self.score_alone(&chunk);
        }
        let visits = self.first.router.visits(chunk.tag.as_bytes()).to_vec();
        if visits.is_empty() {
            // the first pipeline counts and tells what no section scores
            return self.score_alone(&chunk);
        }
        let chunk = Arc::new(chunk);
        let mut before: Option<Arc<Visited>> = None;
        for visit in visits {
            let places = self.places(&chunk, &visit, before.as_ref());
            let job = Job { chunk: chunk.clone(), visit, before, places: Arc::new(places) };
            let answers = self.all(|_| Order::Score(job.clone()));
            let mut parts: Vec<Visited> = answers
                .into_iter()
                .map(|answer| if let Some(Answer::Scored(part)) = answer { part } else { Visited::default() })
                .collect();
            if job.visit.is_last {
                return gather(&job, &parts);
            }
            before = Some(Arc::new(merge(&job, &mut parts)));
        }
        // not reached: one visit is the last
        ScoredParts::new(&chunk.tag, 0)
    }

    fn places(
        &mut self,
        chunk: &Arc<IncomingChunk>,
        visit: &Visit,
        before: Option<&Arc<Visited>>,
    ) -> Vec<u8> {
        let share = chunk.len().div_ceil(self.len()).max(1);
        let of_shard = |n: usize| (n * share).min(chunk.len())..((n + 1) * share).min(chunk.len());
        let answers = self.all(|n| Order::Route {
            chunk: chunk.clone(),
            visit: visit.clone(),
            before: before.cloned(),
            entries: of_shard(n),
        });
        let mut places = Vec::with_capacity(chunk.len());
        for (n, answer) in answers.into_iter().enumerate() {
            match answer {
                Some(Answer::Places(some)) => places.extend_from_slice(&some),
                _ => places.extend(self.first.route(chunk, visit, before.map(Arc::as_ref), of_shard(n))),
            }
        }
        places
    }

    /// One pipeline alone needs no places.
    fn score_alone(&mut self, chunk: &IncomingChunk) -> ScoredParts {
        let Shard { pipeline, record, .. } = &mut self.first;
        let mut scored = ScoredParts::new(&chunk.tag, 2 * chunk.bytes());
        for entry in chunk.entries() {
            record.clear();
            record.extend_from_slice(entry.record);
            if let Some(time) = entry.time() {
                pipeline.process(chunk.tag.as_bytes(), time, record);
            }
            scored.push(entry.time_bytes, record);
        }
        scored
    }

    /// The clock that all pipelines see.
    pub(super) fn clock(&self) -> &ArrivalClock {
        &self.clock
    }

    /// The states of all pipelines.
    pub(super) fn save(&mut self) -> Result<Vec<Vec<u8>>, StorageError> {
        let answers = self.all(|_| Order::Save);
        let saved = |answer| match answer {
            Some(Answer::Saved(saved)) => saved,
            _ => Err(StorageError::new("save", "shards", "a thread has ended")),
        };
        answers.into_iter().map(saved).collect()
    }

    /// What the pipelines have to say. `ending`: also what was not scored.
    pub(super) fn look(&mut self, ending: bool) -> Looked {
        let mut all = Looked::default();
        for answer in self.all(|_| if ending { Order::Tell } else { Order::Look }) {
            if let Some(Answer::Looked(looked)) = answer {
                all.log.extend(looked.log);
                all.counters.add(&looked.counters);
                all.series += looked.series;
                all.evicted += looked.evicted;
                all.figures.add(&looked.figures);
            }
        }
        all
    }
}

/// Walks over the records of all parts in the order of the entries.
struct InOrder<'a> {
    parts: &'a [Visited],
    /// For each part, the next record.
    next: Vec<usize>,
}

impl<'a> InOrder<'a> {
    fn new(parts: &'a [Visited]) -> Self {
        Self { parts, next: vec![0; parts.len()] }
    }

    /// The next record of a part; `None` where there is none, since the shard's thread has ended.
    fn take(&mut self, place: u8) -> Option<&'a [u8]> {
        let place = usize::from(place);
        let n = self.next.get_mut(place)?;
        let record = self.parts.get(place)?.record(*n);
        *n += 1;
        record
    }
}

impl Job {
    /// Times and records as the parts have them. A record of a shard whose thread has ended stays as it came.
    fn collect<'a>(&'a self, parts: &'a [Visited]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut records = InOrder::new(parts);
        self.chunk.entries().zip(self.places.iter()).enumerate().map(move |(n, (entry, &place))| {
            let as_it_came = || record_of(entry.record, self.before.as_deref(), n);
            (entry.time_bytes, records.take(place).unwrap_or_else(as_it_came))
        })
    }
}

/// Puts the parts of a visit together for the next one.
fn merge(job: &Job, parts: &mut [Visited]) -> Visited {
    let mut merged = Visited::default();
    merged.records.reserve(parts.iter().map(|part| part.records.len()).sum());
    merged.ends.reserve(job.places.len());
    job.collect(parts).for_each(|(_, record)| merged.push(record));
    for part in parts {
        merged.told.append(&mut part.told);
    }
    merged.told.sort_by_key(|(n, _)| *n);
    merged
}

/// Puts the parts of the last visit together as entries.
fn gather(job: &Job, parts: &[Visited]) -> ScoredParts {
    let bytes: usize = parts.iter().map(|part| part.records.len()).sum();
    let mut scored = ScoredParts::new(&job.chunk.tag, bytes + 16 * job.chunk.len());
    job.collect(parts).for_each(|(time, record)| scored.push(time, record));
    scored
}

#[cfg(test)]
mod tests;
