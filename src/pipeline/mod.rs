//! The one call that every host makes: a record in, the same record with its scores out.
//!
//! ```
//! use fluent_anomaly::{Config, Format, Pipeline, Time};
//!
//! let config = Config::parse("f.ini", "[series.latency]\nmatch: app.*\nvalue: $ms\nby: $host\nk: 2\nwarm_up: off\n")?;
//! let mut pipeline = Pipeline::new(&config, Format::Json, None);
//! let mut record = br#"{"host":"a","ms":12.5}"#.to_vec();
//! pipeline.process(b"app.web", Time::from_seconds(1_700_000_000), &mut record);
//! assert!(record.starts_with(br#"{"host":"a","ms":12.5,"metric_outlier":"changefinder.outlier.latency","score_outlier":"#));
//! # Ok::<(), fluent_anomaly::ConfigError>(())
//! ```

mod annotate;
mod annotate_fast;
mod annotate_record;
#[cfg(test)]
mod calibrated_tests;
#[cfg(feature = "companion")]
mod checkpoint;
mod codes;
mod counted_records;
mod counters;
mod errors;
mod fleet;
mod grouped;
mod memory;
mod mending;
mod metrics;
#[cfg(test)]
mod monitor_tests;
mod monitored;
#[cfg(test)]
mod odd_record_tests;
#[cfg(feature = "companion")]
mod part;
#[cfg(test)]
mod path_laws;
mod prepare;
mod rating;
mod record_access;
mod reminder;
mod repeats;
#[cfg(feature = "companion")]
mod router;
mod score_record;
mod scoring;
mod section;
mod section_id;
mod series_key;
mod series_model;
#[cfg(feature = "companion")]
mod shards;
#[cfg(test)]
mod tests;
mod time_bound;
#[cfg(test)]
mod time_tests;
#[cfg(test)]
mod torn_write_tests;
mod unscored;
#[cfg(test)]
mod where_tests;
mod windows;

pub use counters::Counters;
pub use errors::Unconfigured;
pub use memory::{calibrated_bytes, group_member_bytes, monitor_bytes, patterns_bytes, series_bytes};
pub use metrics::Figures;
pub(crate) use rating::Anomaly;
#[cfg(feature = "companion")]
pub(crate) use router::{Router, Visit};
pub use scoring::{ScoreOutcome, ScoreRefusal, ScoreSpec, ScoredSeries};
pub use windows::WindowRecord;

use crate::bank::{Bank, BankSection, Flush, SeriesKey, Storage};
use crate::config::{Config, Journal};
use crate::detector::fleet::IncidentReport;
use crate::monitor::MonitorVerdict;
use crate::record::{Format, same_text};
use crate::time::{HostClock, Time};
use errors::ErrorField;
use grouped::GroupVerdict;
use mending::Mending;
use metrics::MetricsRecords;
use monitored::RenderedVerdict;
use prepare::prepare;
use section::PreparedSection;
use series_model::SeriesModel;
use time_bound::TimeBound;
use unscored::Unscored;
use windows::{SeenLine, WindowedSections};

/// A configuration at work on records of one format.
///
/// No call fails and none loses a record: what cannot be scored leaves as it came, and a field `anomaly_error`
/// tells why if there is something to mend. A steady stream allocates nothing per record.
#[derive(Debug)]
pub struct Pipeline {
    sections: Vec<PreparedSection>,
    bank: Bank<SeriesModel>,
    /// Sections of the tag seen last: a chunk has one tag.
    routed_tag: Vec<u8>,
    route: Vec<u16>,
    key: SeriesKey,
    errors: ErrorField,
    /// Where the host needs it.
    mending: Option<Box<Mending>>,
    log: Vec<String>,
    counters: Counters,
    time_bound: TimeBound,
    unscored: Unscored,
    /// Series that were evicted when it was told last.
    told_evicted: u64,
    /// Where the configuration has windows.
    windows: Option<Box<WindowedSections>>,
    /// Event time of the record at hand.
    time: Time,
    /// The calibrated score of the record at hand.
    anomaly: Option<Anomaly>,
    /// Verdicts on it by one band's monitors: a monitor's place in the band's spec, its verdict.
    verdicts: Vec<(usize, MonitorVerdict)>,
    /// Verdicts of all monitors with their messages.
    rendered: Vec<RenderedVerdict>,
    /// Verdicts as they stand in the record.
    encoded: Vec<u8>,
    /// The group and the member that the record at hand belongs to.
    group_key: SeriesKey,
    member_key: SeriesKey,
    group_verdicts: Vec<GroupVerdict>,
    /// What the record at hand tells of an incident.
    incident: Option<IncidentReport>,
    /// Where the configuration names their tag.
    metrics_records: Option<Box<MetricsRecords>>,
    /// Lines of the record at hand that are to be marked, with their sections.
    seen_lines: Vec<(u16, SeenLine)>,
}

impl Pipeline {
    /// A pipeline for a checked configuration; models are saved in `storage`, if there is one.
    #[must_use]
    pub fn new(config: &Config, format: Format, storage: Option<Box<dyn Storage>>) -> Self {
        let max_series = config.filter.max_series;
        let flush = match config.filter.journal {
            Journal::Record => Flush::EachRecord,
            Journal::Interval { seconds } => Flush::Interval { seconds },
        };
        let pipeline = Self::with_bank(config, format, |models| match storage {
            Some(storage) => Bank::open(models, max_series, storage, flush),
            None => Bank::in_memory(models, max_series),
        });
        // not for pipelines that resume: what they write has to be the same when they write it again
        Self { metrics_records: MetricsRecords::new(config.filter.metrics.as_ref(), format), ..pipeline }
    }

    /// `open` makes the bank from the sections of the models.
    fn with_bank(
        config: &Config,
        format: Format,
        open: impl FnOnce(Vec<BankSection<SeriesModel>>) -> Bank<SeriesModel>,
    ) -> Self {
        let (sections, models) = prepare(config, format);
        let bank = open(models);
        Self::put_together(config, format, sections, bank)
    }

    /// A call of its own: what it needs would add up with what the bank needs to read its state.
    #[inline(never)] // stack
    fn put_together(
        config: &Config,
        format: Format,
        sections: Vec<PreparedSection>,
        bank: Bank<SeriesModel>,
    ) -> Self {
        let (unscored, told_evicted) = (Unscored::new(sections.len(), format), bank.evicted());
        Self {
            sections,
            bank,
            routed_tag: Vec::new(),
            route: Vec::new(),
            key: SeriesKey::default(),
            errors: ErrorField::new(format),
            mending: None,
            log: Vec::new(),
            counters: Counters::default(),
            time_bound: TimeBound::none(),
            unscored,
            told_evicted,
            windows: WindowedSections::new(config, format),
            time: Time::default(),
            anomaly: None,
            verdicts: Vec::new(),
            rendered: Vec::new(),
            encoded: Vec::new(),
            group_key: SeriesKey::default(),
            member_key: SeriesKey::default(),
            group_verdicts: Vec::new(),
            incident: None,
            metrics_records: None,
            seen_lines: Vec::new(),
        }
    }

    /// Bounds the times of records by the clock of the host: a time that lies more than ten minutes ahead of it is an
    /// error, so that no series and no monitor waits for it to come.
    #[must_use]
    pub fn with_clock(mut self, clock: impl HostClock + Clone + 'static) -> Self {
        self.bank.set_clock(Box::new(clock.clone()));
        self.time_bound = TimeBound::by(Box::new(clock));
        self
    }

    /// Tells each record that is scored from now on: the first one all of `message`, the others a short form.
    pub fn set_standing_error(&mut self, message: &str) {
        self.errors.set_standing(message);
    }

    /// Scores one record in place. `time` is the event's own, used where a section names no time field.
    pub fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        if self.counters.records >= self.unscored.next_look
            && self.unscored.is_due(self.counters.records, time)
        {
            self.tell_unscored();
        }
        self.counters.records += 1;
        if self.counters.records == 1 || !same_text(&self.routed_tag, tag) {
            self.find_route(tag);
        }
        if self.windows.is_some() {
            return self.process_with_windows(time, record);
        }
        match self.route[..] {
            [section] => self.score(section, time, record),
            [] => return self.pass(record),
            _ => self.score_all(time, record),
        }
        self.end_record(record);
    }

    /// What was learned is saved, and what is wrong is told.
    #[inline(always)] // speed
    fn end_record(&mut self, record: &mut Vec<u8>) {
        self.bank.commit();
        if self.bank.has_notices() {
            self.pass_notices_on();
        }
        if !self.errors.is_empty() {
            self.errors.write(record);
        }
    }

    /// A record that no section scores.
    #[inline(never)] // stack
    fn pass(&mut self, record: &mut Vec<u8>) {
        if self.is_metrics_record() {
            self.mend_unscored(record);
            return self.tell_metrics(record);
        }
        self.unscored.unmatched();
        self.mend_unscored(record);
    }

    #[cold]
    #[inline(never)] // stack
    fn pass_notices_on(&mut self) {
        for notice in self.bank.take_notices() {
            if notice.is_error() {
                self.errors.add(&notice.to_string());
            }
            self.log.push(notice.to_string());
        }
    }

    /// Adds to the log what was not scored, and why, if that is more than at the last time. The pipeline does so by
    /// itself after the first thousand records and then each hour of event time; a host does at the end.
    #[cold]
    #[inline(never)] // stack
    pub fn tell_unscored(&mut self) {
        self.log.extend(self.unscored.tell(&self.counters, &self.sections));
        let evicted = self.bank.evicted();
        if evicted != self.told_evicted {
            self.told_evicted = evicted;
            self.log.push(format!(
                "{evicted} series were forgotten so far, those seen least recently, as max_series allows {}: what has so many \
                 values is no good `by`, or max_series is too low",
                self.bank.len()
            ));
        }
    }

    /// From now on only [`tell_unscored`](Pipeline::tell_unscored) tells: hours pass fast in a file that is replayed.
    pub fn tell_unscored_at_end(&mut self) {
        self.unscored.next_look = u64::MAX;
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
        let (windows, lost_windows) = self.bank.window_counts();
        Counters { unsaved: self.bank.unsaved(), windows, lost_windows, ..self.counters }
    }

    /// Series in memory, and how many were evicted since the state was begun.
    #[must_use]
    pub fn series(&self) -> (usize, u64) {
        (self.bank.len(), self.bank.evicted())
    }

    #[cold]
    #[inline(never)] // stack
    fn find_route(&mut self, tag: &[u8]) {
        self.routed_tag.clear();
        self.routed_tag.extend_from_slice(tag);
        self.route.clear();
        let has_metrics = self.metrics_records.as_mut().is_some_and(|records| records.find_route(tag));
        let matches = |section: &PreparedSection| !section.has_windows && section.tags.matches(tag);
        let matching = self.sections.iter().enumerate().filter(|(_, section)| matches(section));
        if !has_metrics {
            self.route.extend(matching.map(|(n, _)| n as u16));
        }
        let has_windows = self.windows.as_mut().is_some_and(|windows| windows.find_route(tag));
        if self.route.is_empty() && !has_windows && !has_metrics {
            self.unscored.tag(tag);
        }
    }
}
