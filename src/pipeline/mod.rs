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

#[cfg(test)]
mod tests;
mod track;
mod watcher;

pub use track::{Refusal, Track, TrackSpec, Verdict};

use crate::annotation;
use crate::bank::{Bank, Flush, Section as BankSection, SeriesKey, Storage};
use crate::config::{Config, Journal, Section};
use crate::record::{Extractor, Field, Format, Found, Output};
use crate::time::Time;
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
}

impl Pipeline {
    /// A pipeline for a checked configuration; models are saved in `storage`, if there is one.
    #[must_use]
    pub fn new(config: &Config, format: Format, storage: Option<Box<dyn Storage>>) -> Self {
        let mut watchers = Vec::new();
        let mut sections = Vec::new();
        for section in &config.sections {
            // a checked configuration has no other
            if let Ok(spec) = watcher::section_spec(section) {
                watchers.push(Watcher::new(section, format));
                sections.push(BankSection { id: watcher::section_id(section), spec });
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
        }
    }

    /// Scores one record in place. `time` is the event's own, used where a section names no time field.
    pub fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        self.counters.records += 1;
        self.route(tag);
        let mut n = 0;
        while let Some(&section) = self.route.get(n) {
            self.score(section, time, record);
            n += 1;
        }
        self.bank.commit();
        if self.bank.has_notices() {
            self.pass_notices_on();
        }
        if !self.errors.is_empty() {
            self.errors.write(record, &mut self.found);
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

    fn route(&mut self, tag: &[u8]) {
        if self.counters.records > 1 && is_same(&self.routed_tag, tag) {
            return;
        }
        self.find_route(tag);
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

    fn score(&mut self, section: u16, time: Time, record: &mut Vec<u8>) {
        let Some(watcher) = self.watchers.get_mut(usize::from(section)) else { return };
        if watcher.extractor.scan(record, &mut watcher.found).is_err() {
            self.counters.malformed += 1;
            return;
        }
        let observation = match watcher.read(record, time, &mut self.key) {
            Reading::Point(observation) => observation,
            Reading::Nothing => return,
            Reading::NotANumber(what) => {
                self.counters.refused += 1;
                self.errors.not_a_number(watcher, what);
                return;
            }
        };
        match self.bank.observe(section, &self.key, observation) {
            Some(Verdict::Scored(scores)) => {
                self.counters.scored += 1;
                let (extractor, found) = (&watcher.extractor, &watcher.found);
                if !extractor.append_numbers(record, found, &[scores.outlier, scores.change]) {
                    extractor.annotate(record, found, &annotation::score_fields(scores));
                }
            }
            Some(Verdict::WarmingUp) => self.counters.warming_up += 1,
            Some(Verdict::Refused(refusal)) => {
                self.counters.refused += 1;
                self.errors.refusal(watcher, refusal);
            }
            None => {}
        }
    }
}

/// `==` by words: on wasm it is a byte-wise loop, 13 instructions a byte.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    a.len() == b.len()
        && a_words.iter().zip(b_words).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}

/// Bytes that one series of a section takes at most, besides its key.
#[must_use]
pub fn series_bytes(section: &Section) -> usize {
    watcher::section_spec(section).map_or(0, |spec| Bank::<Track>::series_bytes(&spec))
}

/// Stands in for a pipeline while the configuration is wrong: records pass, and each says why it is not scored.
#[derive(Debug)]
pub struct Unconfigured {
    errors: ErrorField,
    message: String,
    found: Found,
}

impl Unconfigured {
    /// `message` goes into `anomaly_error` of every record.
    #[must_use]
    pub fn new(message: &str, format: Format) -> Self {
        Self { errors: ErrorField::new(format), message: message.to_owned(), found: Found::default() }
    }

    /// Adds the message to one record, in place; what is no record stays as it is.
    pub fn process(&mut self, record: &mut Vec<u8>) {
        self.errors.add(&self.message);
        self.errors.write(record, &mut self.found);
    }
}

/// Collects what is wrong with one record, and writes it.
#[derive(Debug)]
struct ErrorField {
    extractor: Extractor,
    text: String,
}

impl ErrorField {
    fn new(format: Format) -> Self {
        let output = Output { name: annotation::ERROR_FIELD.to_owned(), constant: None };
        Self { extractor: Extractor::new(format, &[], &[output]), text: String::new() }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn add(&mut self, message: &str) {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(message);
    }

    // cold and on their own: what they prepare is not to burden records that are scored
    #[cold]
    #[inline(never)]
    fn not_a_number(&mut self, watcher: &Watcher, what: &str) {
        self.add(&watcher.explain_not_a_number(what));
    }

    #[cold]
    #[inline(never)]
    fn refusal(&mut self, watcher: &Watcher, refusal: Refusal) {
        self.add(&watcher.explain_refusal(refusal));
    }

    #[cold]
    #[inline(never)]
    fn write(&mut self, record: &mut Vec<u8>, found: &mut Found) {
        if self.extractor.scan(record, found).is_ok() {
            self.extractor.annotate(record, found, &[(0, Field::Text(&self.text))]);
        }
        self.text.clear();
    }
}
