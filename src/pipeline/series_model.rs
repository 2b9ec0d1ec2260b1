//! The bank's models: the scores of each series, and each band that monitors need of it.

use super::monitored::{MonitoredSeries, MonitoredSpec, SilenceReport};
#[cfg(feature = "companion")]
use super::monitored::{restore_report, save_report};
use super::rating::Anomaly;
use super::scoring::{ScoreOutcome, ScoreSpec, ScoredSeries};
use super::windows::{Counted, PatternSpec, SectionPatterns, SeenLine, WindowedSeries, WindowedSpec};
use crate::bank::{Model, Observation, Observe, ReadLine};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::detector::calibrated::AlarmBudget;
use crate::detector::fleet::{Fleet, FleetAnswer};
use crate::detector::peers::{GroupSpec, MemberVerdict, PeerGroup};
use crate::monitor::{MonitorVerdict, Unchanged};
use crate::time::Time;

/// What all models of a kind share.
#[derive(Debug, Clone)]
pub(super) enum SeriesModelSpec {
    /// ChangeFinder of a section.
    Scored(ScoreSpec),
    /// Monitors of a section that share a band.
    Monitored(Box<MonitoredSpec>),
    /// The groups of a `[group.*]` section.
    Grouped(GroupSpec),
    /// Series that are there for their names: the members of groups.
    Named,
    /// Windows of a section, with the scores and bands of what they amount to.
    Windowed(Box<WindowedSpec>),
    /// The fleet of a section whose series share a budget.
    Fleet(AlarmBudget),
    /// The templates of a section's lines.
    Patterns(PatternSpec),
}

/// One series: its scores, or its band with the alert states.
#[derive(Debug, Clone)]
pub(super) enum SeriesModel {
    /// ChangeFinder and the calibrated score.
    Scored(ScoredSeries),
    /// Band and alert states.
    Monitored(Box<MonitoredSeries>),
    /// A group and what is known of its members.
    Grouped(Box<PeerGroup>),
    /// A name.
    Named,
    /// What all series of a section are to each other.
    Fleet(Box<Fleet>),
    /// Open windows, scores, bands.
    Windowed(Box<WindowedSeries>),
    /// Templates of lines.
    Patterns(Box<SectionPatterns>),
}

/// The source of an observation that says how many series a fleet has.
pub(super) const COUNT: u32 = u32::MAX;

/// Observes a fleet: a rare point whose source is its series, or with [`COUNT`] the number of its series. Answers with when
/// the fleet wants that number next, s.
pub(super) struct AskFleet;

impl Observe<SeriesModel> for AskFleet {
    type Answer = Option<(FleetAnswer, i64)>;

    #[inline(never)] // stack
    fn observe(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        observation: Observation,
    ) -> Option<(FleetAnswer, i64)> {
        let (SeriesModel::Fleet(fleet), SeriesModelSpec::Fleet(budget)) = (model, spec) else { return None };
        let Observation { time, value, source } = observation;
        let answer = match source {
            COUNT => fleet.tick(*budget, time.seconds(), value),
            _ => {
                let (log10_s, size) = unpack(value);
                fleet.observe(*budget, time.seconds(), source, log10_s, size)
            }
        };
        Some((answer, fleet.next_tick_s()))
    }
}

/// Rarity and size of a point in one number, as an observation has room for one. It is finite: both are, and 0..1e38.
pub(super) fn pack(log10_s: f64, size: f64) -> f64 {
    let bits = |value: f64| u64::from((value.clamp(0.0, 1e38) as f32).to_bits());
    f64::from_bits(bits(log10_s) << 32 | bits(size))
}

fn unpack(value: f64) -> (f64, f32) {
    let bits = value.to_bits();
    (f64::from(f32::from_bits((bits >> 32) as u32)), f32::from_bits(bits as u32))
}

/// Observes scores; the calibrated score goes where this points to.
pub(super) struct Scoring<'a>(pub(super) &'a mut Option<Anomaly>);

impl Observe<SeriesModel> for Scoring<'_> {
    type Answer = Option<ScoreOutcome>;

    #[inline(always)] // speed
    fn observe(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        observation: Observation,
    ) -> Option<ScoreOutcome> {
        let (SeriesModel::Scored(series), SeriesModelSpec::Scored(spec)) = (model, spec) else { return None };
        Some(series.update(spec, observation, self.0))
    }
}

/// Observes a band and adds the verdict of each of its monitors, by its place in the spec; none where the record comes
/// too late to count.
pub(super) struct AllMonitors<'a>(pub(super) &'a mut Vec<(usize, MonitorVerdict)>);

impl Observe<SeriesModel> for AllMonitors<'_> {
    type Answer = ();

    #[inline(never)] // stack
    fn observe(self, model: &mut SeriesModel, spec: &SeriesModelSpec, observation: Observation) {
        model.monitor(spec, observation, &mut |place, verdict| self.0.push((place, verdict)));
    }
}

/// Observes a band of one monitor. Returns its verdict where nothing changes; adds every other one as [`AllMonitors`]
/// does.
pub(super) struct OnlyMonitor<'a>(pub(super) &'a mut Vec<(usize, MonitorVerdict)>);

impl Observe<SeriesModel> for OnlyMonitor<'_> {
    type Answer = Option<Unchanged>;

    #[inline(always)] // speed
    fn observe(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        observation: Observation,
    ) -> Option<Unchanged> {
        let (series, spec) = model.monitored(spec)?;
        series.update_one(spec, observation.time, observation.value, self.0)
    }
}

/// Observes a group; the source of the observation is the member.
pub(super) struct AskGroup;

impl Observe<SeriesModel> for AskGroup {
    type Answer = Option<MemberVerdict>;

    #[inline(never)] // stack
    fn observe(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        observation: Observation,
    ) -> Option<MemberVerdict> {
        let (SeriesModel::Grouped(group), SeriesModelSpec::Grouped(spec)) = (model, spec) else {
            return None;
        };
        let value = Finite::new(observation.value)?;
        group.update(spec, observation.source, observation.time.seconds(), value)
    }
}

/// Observes a record of a window.
pub(super) struct Counting;

impl Observe<SeriesModel> for Counting {
    type Answer = Option<Counted>;

    #[inline(always)] // speed
    fn observe(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        observation: Observation,
    ) -> Option<Counted> {
        let (series, spec) = model.windowed(spec)?;
        Some(series.count(spec, observation))
    }
}

/// Lets the templates of a section learn a line.
pub(super) struct ReadTemplate;

impl ReadLine<SeriesModel> for ReadTemplate {
    type Answer = Option<SeenLine>;

    #[inline(never)] // stack
    fn read_line(
        self,
        model: &mut SeriesModel,
        spec: &SeriesModelSpec,
        _: Time,
        line: &[u8],
    ) -> (Option<SeenLine>, Option<f64>) {
        match (model, spec) {
            (SeriesModel::Patterns(patterns), SeriesModelSpec::Patterns(spec)) => {
                let (seen, value) = patterns.read_line(spec, line);
                (Some(seen), value)
            }
            _ => (None, Some(0.0)),
        }
    }
}

impl SeriesModel {
    /// Band and alert states, with what they share.
    #[inline(always)] // speed
    fn monitored<'a>(
        &mut self,
        spec: &'a SeriesModelSpec,
    ) -> Option<(&mut MonitoredSeries, &'a MonitoredSpec)> {
        match (self, spec) {
            (SeriesModel::Monitored(series), SeriesModelSpec::Monitored(spec)) => Some((series, spec)),
            _ => None,
        }
    }

    /// Open windows, with what they share.
    #[inline(always)] // speed
    fn windowed<'a>(&mut self, spec: &'a SeriesModelSpec) -> Option<(&mut WindowedSeries, &'a WindowedSpec)> {
        match (self, spec) {
            (SeriesModel::Windowed(series), SeriesModelSpec::Windowed(spec)) => Some((series, spec)),
            _ => None,
        }
    }

    fn monitor(
        &mut self,
        spec: &SeriesModelSpec,
        observation: Observation,
        report: &mut dyn FnMut(usize, MonitorVerdict),
    ) {
        if let Some((series, spec)) = self.monitored(spec) {
            series.update(spec, observation.time, observation.value, report);
        }
    }
}

impl Model for SeriesModel {
    type Spec = SeriesModelSpec;
    type Silence = SilenceReport;

    fn new(spec: &SeriesModelSpec) -> Self {
        match spec {
            SeriesModelSpec::Scored(spec) => SeriesModel::Scored(ScoredSeries::new(spec)),
            SeriesModelSpec::Monitored(spec) => SeriesModel::Monitored(Box::new(MonitoredSeries::new(spec))),
            SeriesModelSpec::Grouped(spec) => SeriesModel::Grouped(Box::new(PeerGroup::new(spec))),
            SeriesModelSpec::Named => SeriesModel::Named,
            SeriesModelSpec::Windowed(spec) => SeriesModel::Windowed(Box::new(WindowedSeries::new(spec))),
            SeriesModelSpec::Fleet(_) => SeriesModel::Fleet(Box::default()),
            SeriesModelSpec::Patterns(_) => SeriesModel::Patterns(Box::new(SectionPatterns::new())),
        }
    }

    #[inline(never)] // stack
    fn update(&mut self, spec: &SeriesModelSpec, observation: Observation) {
        Scoring(&mut None).observe(self, spec, observation);
        self.monitor(spec, observation, &mut |_, _| {});
        AskGroup.observe(self, spec, observation);
        Counting.observe(self, spec, observation);
        AskFleet.observe(self, spec, observation);
        if let SeriesModel::Patterns(patterns) = self {
            patterns.follow(observation.value);
        }
    }

    fn read_line(&mut self, spec: &SeriesModelSpec, time: Time, line: &[u8]) -> Option<f64> {
        ReadTemplate.read_line(self, spec, time, line).1
    }

    fn has_named_sources(spec: &SeriesModelSpec) -> bool {
        matches!(spec, SeriesModelSpec::Grouped(_) | SeriesModelSpec::Fleet(_))
    }

    fn clock_seconds(spec: &SeriesModelSpec) -> Option<u32> {
        match spec {
            SeriesModelSpec::Monitored(spec) => spec.clock_seconds(),
            _ => None,
        }
    }

    fn has_windows(spec: &SeriesModelSpec) -> bool {
        // templates go by the section's clock, as windows do
        matches!(spec, SeriesModelSpec::Windowed(_) | SeriesModelSpec::Patterns(_))
    }

    fn closes_windows(spec: &SeriesModelSpec, before_s: i64, now_s: i64) -> bool {
        matches!(spec, SeriesModelSpec::Windowed(spec) if spec.closes(before_s, now_s))
    }

    #[inline(always)] // speed
    fn set_clock(&mut self, clock_s: i64) {
        match self {
            SeriesModel::Windowed(series) => series.set_clock(clock_s),
            SeriesModel::Patterns(patterns) => patterns.set_clock(clock_s),
            _ => {}
        }
    }

    #[inline(never)] // stack
    fn close_windows(
        &mut self,
        spec: &SeriesModelSpec,
        seen: Time,
        now_s: i64,
        report: &mut dyn FnMut(i64, bool, Box<[u8]>),
    ) {
        if let Some((series, spec)) = self.windowed(spec) {
            series.close(spec, seen, now_s, report);
        }
    }

    fn rewind(&mut self, spec: &SeriesModelSpec, now_s: i64) {
        if let Some((series, spec)) = self.windowed(spec) {
            series.rewind(spec, now_s);
        }
    }

    fn pass(&mut self, spec: &SeriesModelSpec, seen: Time, now: Time, report: &mut dyn FnMut(SilenceReport)) {
        if let Some((series, spec)) = self.monitored(spec) {
            series.pass(spec, seen, now, report);
        }
    }

    fn save(&self, spec: &SeriesModelSpec, w: &mut Writer<'_>) {
        match (self, spec) {
            (SeriesModel::Scored(series), _) => series.save(w),
            (SeriesModel::Monitored(series), SeriesModelSpec::Monitored(spec)) => series.save(spec, w),
            (SeriesModel::Grouped(group), _) => group.save(w),
            (SeriesModel::Windowed(series), SeriesModelSpec::Windowed(spec)) => series.save(spec, w),
            (SeriesModel::Fleet(fleet), _) => fleet.save(w),
            (SeriesModel::Patterns(patterns), _) => patterns.save(w),
            _ => {}
        }
    }

    fn restore(spec: &SeriesModelSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        match spec {
            SeriesModelSpec::Scored(spec) => Ok(SeriesModel::Scored(ScoredSeries::restore(spec, r)?)),
            SeriesModelSpec::Monitored(spec) => {
                Ok(SeriesModel::Monitored(Box::new(MonitoredSeries::restore(spec, r)?)))
            }
            SeriesModelSpec::Grouped(spec) => {
                Ok(SeriesModel::Grouped(Box::new(PeerGroup::restore(spec, r)?)))
            }
            SeriesModelSpec::Named => Ok(SeriesModel::Named),
            SeriesModelSpec::Windowed(spec) => {
                Ok(SeriesModel::Windowed(Box::new(WindowedSeries::restore(spec, r)?)))
            }
            SeriesModelSpec::Fleet(_) => Ok(SeriesModel::Fleet(Box::new(Fleet::restore(r)?))),
            SeriesModelSpec::Patterns(_) => Ok(SeriesModel::Patterns(Box::new(SectionPatterns::restore(r)?))),
        }
    }

    #[cfg(feature = "companion")]
    fn save_silence(silence: &SilenceReport, w: &mut Writer<'_>) {
        save_report(silence, w);
    }

    #[cfg(feature = "companion")]
    fn restore_silence(r: &mut Reader<'_>) -> Result<SilenceReport, CodecError> {
        restore_report(r)
    }

    fn memory_bytes(spec: &SeriesModelSpec) -> usize {
        let heap = match spec {
            SeriesModelSpec::Scored(spec) => ScoredSeries::memory_bytes(spec) - size_of::<ScoredSeries>(),
            SeriesModelSpec::Monitored(spec) => MonitoredSeries::memory_bytes(spec),
            SeriesModelSpec::Grouped(_) => size_of::<PeerGroup>(),
            SeriesModelSpec::Named => 0,
            SeriesModelSpec::Windowed(spec) => WindowedSeries::memory_bytes(spec),
            SeriesModelSpec::Fleet(_) => size_of::<Fleet>(),
            SeriesModelSpec::Patterns(_) => SectionPatterns::MAX_BYTES,
        };
        size_of::<Self>() + heap
    }
}
