//! The one call that every host makes: a record in, the same record with its scores out.
//!
//! ```
//! use fluent_anomaly::{config::Config, pipeline::Pipeline, record::Format, time::Time};
//!
//! let config = Config::parse("f.ini", "[series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 2\n")?;
//! let mut pipeline = Pipeline::new(&config, Format::Json, None);
//! let mut record = br#"{"host":"a","ms":12.5}"#.to_vec();
//! pipeline.process(b"app.web", Time::from_seconds(1_700_000_000), &mut record);
//! assert!(record.starts_with(br#"{"host":"a","ms":12.5,"metric_outlier":"changefinder.outlier.latency","score_outlier":"#));
//! # Ok::<(), fluent_anomaly::config::ConfigError>(())
//! ```

mod errors;
mod monitoring;
mod quick;
mod repeats;
mod scoring;
mod telling;
#[cfg(test)]
mod tests;
mod track;
mod verdict;
mod watcher;
mod watching;

pub use errors::Unconfigured;
pub use scoring::{Refusal, ScoreSpec, ScoreTrack, Verdict};
pub use track::{Silence, Track, TrackSpec};
pub use watching::{WatchSpec, WatchTrack};

use crate::annotation::{self, Anomaly};
use crate::bank::{Bank, Flush, Observation, Section as BankSection, SeriesKey, Storage};
use crate::config::{Config, Journal, Monitor, Section};
use crate::detector::calibrated::Calibrated;
use crate::monitor::{self, SharedBand};
use crate::record::{Format, Found};
use crate::time::Time;
use errors::ErrorField;
use monitoring::{Monitored, Said};
use track::Score;
use watcher::{Reading, Watcher};

/// What a pipeline has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Records that came in; as many went out.
    pub records: u64,
    /// Scores that were written, one a section and record.
    pub scored: u64,
    /// Points learned while the order of their series is not yet chosen.
    pub warming_up: u64,
    /// Points that had been learned before, or may have been: not learned again.
    pub repeated: u64,
    /// Values that are there but are no finite numbers.
    pub refused: u64,
    /// Records of a watched tag that are no records at all.
    pub malformed: u64,
}

/// A configuration at work on records of one format.
///
/// No call fails and none loses a record: what cannot be scored leaves as it came, and a field `anomaly_error`
/// tells why if there is something to mend. A steady stream allocates nothing per record.
#[derive(Debug)]
pub struct Pipeline {
    watchers: Vec<Watcher>,
    bank: Bank<Track>,
    /// Sections of the tag seen last: a chunk has one tag.
    routed_tag: Vec<u8>,
    route: Vec<u16>,
    found: Found,
    key: SeriesKey,
    errors: ErrorField,
    log: Vec<String>,
    counters: Counters,
    /// What the calibrated score says of the record at hand.
    anomaly: Option<Anomaly>,
    /// What monitors say of it: by their places in a plan, then with the texts that belong to it.
    heard: Vec<(usize, monitor::MonitorVerdict)>,
    said: Vec<Said>,
    /// Verdicts as they stand in the record.
    encoded: Vec<u8>,
}

impl Pipeline {
    /// A pipeline for a checked configuration; models are saved in `storage`, if there is one.
    #[must_use]
    pub fn new(config: &Config, format: Format, storage: Option<Box<dyn Storage>>) -> Self {
        let mut watchers = Vec::new();
        let mut sections = Vec::new();
        for (n, section) in config.sections.iter().enumerate() {
            let monitors = config.monitors.iter().filter(|monitor| monitor.on == n);
            let monitored = Monitored::new(monitors, annotation::outputs(section).len(), format);
            // a checked configuration has no other
            if let Ok(spec) = watcher::score_spec(section) {
                watchers.push(Watcher::new(section, monitored, format));
                sections.push(BankSection { id: watcher::score_id(section), spec: TrackSpec::Score(spec) });
            }
        }
        for (watcher, section) in watchers.iter_mut().zip(&config.sections) {
            for (plan, monitors) in SharedBand::group(watcher.monitored.specs()) {
                watcher.monitored.plans.push((sections.len() as u16, monitors));
                let id = watcher::band_id(section, plan.signature());
                sections.push(BankSection { id, spec: TrackSpec::Watch(Box::new(WatchSpec::new(plan))) });
            }
        }
        let max_series = config.filter.max_series;
        let flush = match config.filter.journal {
            Journal::Record => Flush::EachRecord,
            Journal::Interval { seconds } => Flush::Interval { seconds },
        };
        let bank = match storage {
            Some(storage) => Bank::open(sections, max_series, storage, flush),
            None => Bank::in_memory(sections, max_series),
        };
        Self {
            watchers,
            bank,
            routed_tag: Vec::new(),
            route: Vec::new(),
            found: Found::default(),
            key: SeriesKey::default(),
            errors: ErrorField::new(format),
            log: Vec::new(),
            counters: Counters::default(),
            anomaly: None,
            heard: Vec::new(),
            said: Vec::new(),
            encoded: Vec::new(),
        }
    }

    /// Scores one record in place. `time` is the event's own, used where a section names no time field.
    pub fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        self.counters.records += 1;
        if self.counters.records == 1 || !is_same(&self.routed_tag, tag) {
            self.find_route(tag);
        }
        match self.route[..] {
            [section] => self.score(section, time, record),
            [] => return,
            _ => self.score_all(time, record),
        }
        self.bank.commit();
        if self.bank.has_notices() {
            self.pass_notices_on();
        }
        if !self.errors.is_empty() {
            self.errors.write(record, &mut self.found);
        }
    }

    /// Several sections that watch one tag.
    #[inline(never)]
    fn score_all(&mut self, time: Time, record: &mut Vec<u8>) {
        let mut n = 0;
        while let Some(&section) = self.route.get(n) {
            self.score(section, time, record);
            n += 1;
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_notices_on(&mut self) {
        for notice in self.bank.take_notices() {
            if notice.is_error() {
                self.errors.add(&notice.to_string());
            }
            self.log.push(notice.to_string());
        }
    }

    /// What should go to the host's log since the last call.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Whether [`take_log`](Pipeline::take_log) has something to give.
    #[must_use]
    pub fn has_log(&self) -> bool {
        !self.log.is_empty()
    }

    /// Puts on disk what waits in memory; before a stop, and when input pauses.
    pub fn flush(&mut self) {
        self.bank.flush();
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Series in memory, and how many were evicted since the state was begun.
    #[must_use]
    pub fn series(&self) -> (usize, u64) {
        (self.bank.len(), self.bank.evicted())
    }

    #[cold]
    #[inline(never)]
    fn find_route(&mut self, tag: &[u8]) {
        self.routed_tag.clear();
        self.routed_tag.extend_from_slice(tag);
        self.route.clear();
        let matching = self.watchers.iter().enumerate().filter(|(_, watcher)| watcher.tags.matches(tag));
        self.route.extend(matching.map(|(n, _)| n as u16));
    }

    #[inline(always)]
    fn score(&mut self, section: u16, time: Time, record: &mut Vec<u8>) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        if !watcher.scan(record) {
            self.counters.malformed += 1;
            return;
        }
        match watcher.read(record, time, &mut self.key) {
            Some(observation) => self.learn(section, observation, record),
            None => self.score_odd(section, time, record),
        }
    }

    /// A record whose value is no number.
    #[cold]
    #[inline(never)]
    fn score_odd(&mut self, section: u16, time: Time, record: &mut Vec<u8>) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        match watcher.read_odd(record, time, &mut self.key) {
            Reading::Point(observation) => self.learn(section, observation, record),
            Reading::Nothing => {}
            Reading::NotANumber(what) => {
                self.counters.refused += 1;
                self.errors.not_a_number(watcher, what);
            }
        }
    }

    /// Scores and learns one observation of the series `self.key`.
    #[inline(always)]
    fn learn(&mut self, section: u16, observation: Observation, record: &mut Vec<u8>) {
        let verdict = self.bank.observe(section, &self.key, observation, Score(&mut self.anomaly));
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        match verdict.flatten() {
            Some(Verdict::Scored(scores)) => {
                self.counters.scored += 1;
                match watcher.monitored.plans[..] {
                    [] => {}
                    [(track, _)] if self.anomaly.is_none() => {
                        return self.watch_one(section, track, observation, scores, record);
                    }
                    _ => return self.watch(section, observation, Some(scores), record),
                }
                if !watcher.append_quiet(record, scores, &self.anomaly) {
                    watcher.annotate_scores(record, Some(scores), self.anomaly);
                }
            }
            Some(Verdict::Repeated(scores)) => {
                self.counters.repeated += 1;
                watcher.annotate_scores(record, scores, self.anomaly);
            }
            Some(Verdict::TooLate) => self.counters.repeated += 1,
            Some(Verdict::WarmingUp) => {
                self.counters.warming_up += 1;
                if watcher.monitored.is_empty() {
                    watcher.annotate_scores(record, None, self.anomaly);
                } else {
                    self.watch(section, observation, None, record);
                }
            }
            Some(Verdict::Refused(refusal)) => {
                self.counters.refused += 1;
                self.errors.refusal(watcher, refusal);
            }
            None => {}
        }
    }
}

/// `==` by words, the last one overlapping: on wasm it is a loop over bytes, 13 instructions each.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else { return a == b };
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let mut words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let is_first_same = words.next().is_none_or(|(a, b)| word(a) == word(b));
    is_first_same && word(a_last) == word(b_last) && (a.len() <= 16 || words.all(|(a, b)| word(a) == word(b)))
}

/// Bytes that one series of a section takes at most, besides its key.
#[must_use]
pub fn series_bytes(section: &Section) -> usize {
    watcher::score_spec(section).map_or(0, |spec| Bank::<Track>::series_bytes(&TrackSpec::Score(spec)))
}

/// Of [`series_bytes`], those of the calibrated score: at most, with a season of a week.
#[must_use]
pub fn calibrated_bytes(section: &Section) -> usize {
    if section.anomaly_score { Calibrated::most_bytes() } else { 0 }
}

/// Bytes that monitors of one section add to each of its series, besides its key.
#[must_use]
pub fn monitor_bytes<'a>(monitors: impl IntoIterator<Item = &'a Monitor>) -> usize {
    let plans = SharedBand::group(monitors.into_iter().map(|monitor| monitor.spec.clone()));
    let bytes = |plan| Bank::<Track>::series_bytes(&TrackSpec::Watch(Box::new(WatchSpec::new(plan))));
    plans.into_iter().map(|(plan, _)| bytes(plan)).sum()
}
