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
#[cfg(feature = "companion")]
mod checkpoint;
mod codes;
mod counted_records;
mod errors;
mod fleet;
mod grouped;
mod memory;
mod mending;
mod metrics;
mod monitored;
#[cfg(test)]
mod odd_record_tests;
#[cfg(feature = "companion")]
mod part;
#[cfg(test)]
mod path_laws;
mod rating;
mod record_access;
mod reminder;
mod repeats;
#[cfg(feature = "companion")]
mod router;
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
mod unscored;
#[cfg(test)]
mod where_tests;
mod windows;

pub use errors::Unconfigured;
pub use memory::{calibrated_bytes, group_member_bytes, monitor_bytes, series_bytes};
use rating::AlarmEdge;
pub(crate) use rating::Anomaly;
#[cfg(feature = "companion")]
pub(crate) use router::{Router, Visit};
pub use scoring::{ScoreOutcome, ScoreRefusal, ScoreSpec, ScoredSeries};
pub use windows::WindowRecord;

use crate::bank::{Bank, BankSection, Flush, Observation, SeriesKey, Storage};
use crate::config::{Config, Journal, Section, WindowSettings};
use crate::detector::fleet::IncidentReport;
use crate::monitor::{MonitorVerdict, SharedBand};
use crate::record::Format;
use crate::time::{HostClock, Time};
use errors::ErrorField;
use fleet::SectionFleet;
use grouped::{BankSections, GroupVerdict};
use mending::Mending;
use monitored::{MonitoredSpec, RenderedVerdict, SectionMonitors};
use section::{OddValue, PreparedSection};
use series_model::{Scoring, SeriesModel, SeriesModelSpec};
use time_bound::TimeBound;
use unscored::Unscored;
use windows::{WindowedSections, WindowedSpec};

/// What a pipeline has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Records that came in; as many went out.
    pub records: u64,
    /// Scores that were written, one a section and record.
    pub scored: u64,
    /// Alarms that began.
    pub alarms: u64,
    /// Points learned while the order of their series is not yet chosen, or its model warms up.
    pub warming_up: u64,
    /// Points that had been learned before, or may have been: not learned again.
    pub repeated: u64,
    /// Values that are there but are no finite numbers.
    pub refused: u64,
    /// Values that are not scored because the time of their record cannot be read.
    pub unreadable_times: u64,
    /// Records of a watched tag that are no records at all.
    pub malformed: u64,
    /// Points whose time lies ahead of the host's clock: not scored.
    pub ahead: u64,
    /// Points since saving failed: their models are in memory only.
    pub unsaved: u64,
    /// Points that came too late for the monitors of their section: scored, not judged. Records whose window was closed:
    /// not counted.
    pub late: u64,
    /// Records that were changed because the host could not have read them back, see [`Pipeline::mend_records`].
    pub mended: u64,
    /// Records that were counted in windows, once for each section.
    pub counted: u64,
    /// Windows that were closed and are to be told.
    pub windows: u64,
    /// Windows that were not told because too many waited.
    pub lost_windows: u64,
}

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
        Self::with_bank(config, format, |models| match storage {
            Some(storage) => Bank::open(models, max_series, storage, flush),
            None => Bank::in_memory(models, max_series),
        })
    }

    /// `open` makes the bank from the sections of the models.
    fn with_bank(
        config: &Config,
        format: Format,
        open: impl FnOnce(Vec<BankSection<SeriesModel>>) -> Bank<SeriesModel>,
    ) -> Self {
        let (prepared, models) = prepare(config, format);
        let bank = open(models);
        let unscored = Unscored::new(prepared.len(), format);
        Self {
            sections: prepared,
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
        if self.counters.records == 1 || self.routed_tag != tag {
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

    /// Mends JSON records that Fluent Bit would print and then refuse to read back, see docs/reliability.md:
    /// all records, of any tag. Not for hosts that keep the bytes.
    pub fn mend_records(&mut self) {
        self.mending = Some(Box::new(Mending::new()));
    }

    /// A record that no section scores.
    #[inline(never)] // stack
    fn pass(&mut self, record: &mut Vec<u8>) {
        self.unscored.unmatched();
        self.mend_unscored(record);
    }

    /// Mends a record that no section scores.
    #[inline(always)] // speed
    fn mend_unscored(&mut self, record: &mut Vec<u8>) {
        if let Some(mending) = &mut self.mending
            && mending.is_needed(record)
            && mending.mend(record, self.counters.records)
        {
            self.counters.mended += 1;
            self.log.extend(mending.log_line());
        }
    }

    /// Mends a record that a section is to score; false if it is no record.
    #[cold]
    #[inline(never)] // stack
    fn mend_scored(&mut self, at: u16, record: &mut Vec<u8>) -> bool {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return false };
        if let Some(mending) = &mut self.mending
            && mending.mend(record, self.counters.records)
        {
            self.counters.mended += 1;
            self.log.extend(mending.log_line());
            if !section.has_told_mending {
                section.has_told_mending = true;
                self.errors.add(&section.explain_mending(&mending.last));
            }
        }
        let is_record = section.access.scan(record);
        if !is_record {
            self.counters.malformed += 1;
            self.unscored.malformed(at, record);
        }
        is_record
    }

    /// Several sections that score one tag.
    #[inline(never)] // stack
    fn score_all(&mut self, time: Time, record: &mut Vec<u8>) {
        let mut n = 0;
        let before = self.counters.scored;
        while let Some(&section) = self.route.get(n) {
            self.score(section, time, record);
            n += 1;
        }
        self.unscored.further_scores += (self.counters.scored - before).saturating_sub(1);
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
        let matches = |section: &PreparedSection| !section.has_windows && section.tags.matches(tag);
        let matching = self.sections.iter().enumerate().filter(|(_, section)| matches(section));
        self.route.extend(matching.map(|(n, _)| n as u16));
        let has_windows = self.windows.as_mut().is_some_and(|windows| windows.find_route(tag));
        if self.route.is_empty() && !has_windows {
            self.unscored.tag(tag);
        }
    }

    #[inline(always)] // speed
    fn score(&mut self, at: u16, time: Time, record: &mut Vec<u8>) {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        if !section.access.scan_sound(record) && !self.mend_scored(at, record) {
            return;
        }
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return };
        if !section.includes(record) {
            return;
        }
        let observation = match section.read(record, time, &mut self.key) {
            Some(observation) => observation,
            None => match self.read_odd(at, time, record) {
                Some(observation) => observation,
                None => return,
            },
        };
        self.learn(at, observation, record);
    }

    /// A record whose value is no number, or whose time is no number of seconds.
    #[cold]
    #[inline(never)] // stack
    fn read_odd(&mut self, at: u16, time: Time, record: &[u8]) -> Option<Observation> {
        let section = self.sections.get_mut(usize::from(at))?;
        if let Some(mending) = &self.mending
            && mending.record == self.counters.records
            && section.access.found.is_mended_null(0, &mending.last)
        {
            self.counters.refused += 1;
            self.errors.not_a_number(section, "NaN or infinite");
            return None;
        }
        match section.read_odd(record, time, &mut self.key) {
            OddValue::Point(observation) => return Some(observation),
            OddValue::NoKey => {}
            OddValue::Missing => self.unscored.missing(at, record, section.is_null(record)),
            OddValue::NotANumber(what) => {
                self.counters.refused += 1;
                self.unscored.not_a_number(at, what);
                self.errors.not_a_number(section, what);
            }
            OddValue::UnreadableTime(error) => {
                self.counters.unreadable_times += 1;
                self.errors.add(&error);
            }
        }
        None
    }

    /// A time ahead of the host's clock.
    #[cold]
    #[inline(never)] // stack
    fn refuse_time(&mut self, at: u16, time: Time, ahead_s: i64) {
        self.counters.ahead += 1;
        if let Some(section) = self.sections.get(usize::from(at)) {
            self.errors.add(&section.explain_ahead(time, ahead_s));
        }
    }

    /// Scores and learns one observation of the series `self.key`.
    #[inline(always)] // speed
    fn learn(&mut self, at: u16, observation: Observation, record: &mut Vec<u8>) {
        if let Some(ahead_s) = self.time_bound.seconds_ahead(observation.time) {
            return self.refuse_time(at, observation.time, ahead_s);
        }
        self.time = observation.time;
        let outcome = self.bank.observe(at, &self.key, observation, Scoring(&mut self.anomaly));
        if self.has_groups(at)
            && matches!(outcome, Some(Some(ScoreOutcome::Scored(_) | ScoreOutcome::WarmingUp)))
        {
            self.ask_groups(at, observation, record);
        }
        if self.has_fleet(at) {
            let is_new = matches!(outcome, Some(Some(ScoreOutcome::Scored(_) | ScoreOutcome::WarmingUp)));
            self.ask_fleet(at, observation, is_new);
        }
        match outcome.flatten() {
            Some(ScoreOutcome::Scored(scores)) => {
                self.counters.scored += 1;
                if let Some(anomaly) = &self.anomaly
                    && anomaly.rating.edge == Some(AlarmEdge::Start)
                {
                    self.counters.alarms += 1;
                }
                self.annotate_scored(at, observation, scores, record);
            }
            Some(ScoreOutcome::Repeated(scores)) => {
                self.counters.repeated += 1;
                self.annotate(at, scores, record);
            }
            Some(ScoreOutcome::TooLate) => self.counters.repeated += 1,
            Some(ScoreOutcome::WarmingUp) => {
                self.counters.warming_up += 1;
                self.annotate_with_bands(at, observation, None, record);
            }
            Some(ScoreOutcome::Refused(refusal)) => {
                self.counters.refused += 1;
                self.unscored.not_a_number(at, "a number that cannot be learned");
                if let Some(section) = self.sections.get(usize::from(at)) {
                    self.errors.refusal(section, refusal);
                }
            }
            None => {}
        }
        if !self.group_verdicts.is_empty() {
            self.annotate_groups(at, record);
        }
        if let Some(report) = self.incident.take() {
            self.annotate_incident(at, &report, record);
        }
    }
}

/// The sections, ready for records, and the models that the bank keeps for them. A call of its own: what it needs would
/// add up on the interpreter's stack with what the bank needs to read its state.
#[inline(never)] // stack
fn prepare(config: &Config, format: Format) -> (Vec<PreparedSection>, Vec<BankSection<SeriesModel>>) {
    let mut prepared = Vec::new();
    let mut models = Vec::new();
    for (n, section) in config.sections.iter().enumerate() {
        let monitors = config.monitors.iter().filter(|monitor| monitor.on == n);
        let monitors = SectionMonitors::new(monitors, annotate::outputs(section).len(), format);
        // a checked configuration has no other
        if let Ok(spec) = section_id::score_spec(section) {
            let groups = config.groups.iter().filter(|group| group.on == n);
            let mut ready = PreparedSection::new(section, monitors, groups, format);
            models.push(match &section.windows {
                Some(windows) => windowed(section, windows, spec, &mut ready.monitors),
                None => {
                    BankSection { id: section_id::score_id(section), spec: SeriesModelSpec::Scored(spec) }
                }
            });
            prepared.push(ready);
        }
    }
    let of_records = |(_, section): &(&mut PreparedSection, &Section)| section.windows.is_none();
    for (prepared, section) in prepared.iter_mut().zip(&config.sections).filter(of_records) {
        for (band, monitors) in SharedBand::group(prepared.monitors.specs()) {
            prepared.monitors.bands.push((models.len() as u16, monitors));
            let id = section_id::band_id(section, band.signature());
            let spec = SeriesModelSpec::Monitored(Box::new(MonitoredSpec::new(band)));
            models.push(BankSection { id, spec });
        }
    }
    for (n, (prepared, section)) in prepared.iter_mut().zip(&config.sections).enumerate() {
        let groups = config.groups.iter().filter(|group| group.on == n);
        for (at, group) in groups.enumerate() {
            let first = models.len() as u16;
            prepared.groups.set_bank_sections(at, BankSections { groups: first, members: first + 1 });
            let specs = [SeriesModelSpec::Grouped(group.spec), SeriesModelSpec::Named];
            let ids = section_id::group_ids(group, section).into_iter();
            models.extend(ids.zip(specs).map(|(id, spec)| BankSection { id, spec }));
        }
    }
    for (prepared, section) in prepared.iter_mut().zip(&config.sections) {
        if let Some(budget) = section.alarms.filter(|_| section.alarms_for_all) {
            prepared.fleet = Some(SectionFleet::new(models.len() as u16));
            let id = section_id::fleet_id(section);
            models.push(BankSection { id, spec: SeriesModelSpec::Fleet(budget) });
        }
    }
    (prepared, models)
}

/// The models of a section with windows: those of its monitors go along with each series.
fn windowed(
    section: &Section,
    windows: &WindowSettings,
    score: ScoreSpec,
    monitors: &mut SectionMonitors,
) -> BankSection<SeriesModel> {
    let mut bands = Vec::new();
    for (band, places) in SharedBand::group(monitors.specs()) {
        monitors.bands.push((0, places)); // no section of the bank: they are found by their place
        bands.push((band.signature(), MonitoredSpec::new(band)));
    }
    let id = section_id::windows_id(section, windows);
    let spec = WindowedSpec::new(windows, score, bands);
    BankSection { id, spec: SeriesModelSpec::Windowed(Box::new(spec)) }
}
