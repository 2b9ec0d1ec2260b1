//! One series of windows: those that are open, and the models that learn each one when it closes.

use super::grid::Grid;
use super::report::{BandVerdict, WindowReport};
use crate::bank::Observation;
use crate::codec::{CodecError, Reader, Writer};
use crate::config::{WindowSettings, WindowsTold};
use crate::detector::measure::{Accumulator, MeasureKind};
use crate::pipeline::monitored::{MonitoredSeries, MonitoredSpec};
use crate::pipeline::scoring::{ScoreSpec, ScoredSeries};
use crate::time::Time;

/// Windows without records that are made up for after a pause, at most.
const MOST_MADE_UP: i64 = 1440;
/// Windows ahead of the clock that may be open besides those that `late` keeps open.
const MOST_AHEAD: usize = 4;
/// Before every time.
const NEVER: i64 = i64::MIN;

/// What all series of a section share.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct WindowedSpec {
    kind: MeasureKind,
    grid: Grid,
    every_s: i64,
    late_s: i64,
    empty_is_zero: bool,
    forget_s: i64,
    tells_alarms_only: bool,
    score: ScoreSpec,
    /// Each with a checksum over all that its saved state depends on.
    bands: Vec<(u64, MonitoredSpec)>,
}

impl WindowedSpec {
    pub(in crate::pipeline) fn new(
        settings: &WindowSettings,
        score: ScoreSpec,
        bands: Vec<(u64, MonitoredSpec)>,
    ) -> Self {
        Self {
            kind: settings.measure.kind,
            grid: Grid::new(settings.every_s, settings.zone.clone()),
            every_s: i64::from(settings.every_s),
            late_s: i64::from(settings.late_s),
            empty_is_zero: settings.empty_is_zero,
            forget_s: i64::from(settings.forget_s),
            tells_alarms_only: settings.told == WindowsTold::Alarms,
            score,
            bands,
        }
    }

    /// The end of the window that is open at this time of the section's clock, and `late` has not passed.
    fn first_open_s(&self, clock_s: i64) -> i64 {
        self.grid.bounds(clock_s.saturating_sub(self.late_s)).0
    }

    /// Whether a window closes between two times of the clock.
    pub(in crate::pipeline) fn closes(&self, before_s: i64, now_s: i64) -> bool {
        self.first_open_s(before_s) != self.first_open_s(now_s)
    }

    fn most_open(&self) -> usize {
        (self.late_s / self.every_s) as usize + 2 + MOST_AHEAD
    }
}

/// What became of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Counted {
    Yes,
    /// Its window is closed.
    Late,
    /// Too many windows are open that lie ahead of the clock.
    Ahead,
}

/// A window that is open. `from_s < to_s`.
#[derive(Debug, Clone)]
struct OpenWindow {
    from_s: i64,
    to_s: i64,
    records: Accumulator,
}

/// One series.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct WindowedSeries {
    /// In the order of time.
    open: Vec<OpenWindow>,
    /// Where the window begins that closes next; [`NEVER`] before the first record, and for a series that is gone.
    next_s: i64,
    /// The section's clock.
    clock_s: i64,
    score: ScoredSeries,
    bands: Box<[MonitoredSeries]>,
}

impl WindowedSeries {
    pub(in crate::pipeline) fn new(spec: &WindowedSpec) -> Self {
        Self {
            open: Vec::new(),
            next_s: NEVER,
            clock_s: NEVER,
            score: ScoredSeries::new(&spec.score),
            bands: spec.bands.iter().map(|(_, spec)| MonitoredSeries::new(spec)).collect(),
        }
    }

    #[inline(always)] // speed
    pub(in crate::pipeline) fn set_clock(&mut self, clock_s: i64) {
        self.clock_s = clock_s;
    }

    /// Adds one observation to its window.
    #[inline(always)] // speed
    pub(in crate::pipeline) fn count(&mut self, spec: &WindowedSpec, observation: Observation) -> Counted {
        let time_s = observation.time.seconds();
        if let Some(window) = self.open.last_mut()
            && window.from_s <= time_s
            && time_s < window.to_s
        {
            window.records.add(spec.kind, observation.value, observation.source);
            return Counted::Yes;
        }
        self.count_elsewhere(spec, time_s, observation)
    }

    /// Adds an observation to another window than the last one.
    #[inline(never)] // speed: rare
    fn count_elsewhere(&mut self, spec: &WindowedSpec, time_s: i64, observation: Observation) -> Counted {
        let (from_s, to_s) = spec.grid.bounds(time_s);
        if self.clock_s != NEVER && to_s.saturating_add(spec.late_s) <= self.clock_s {
            return Counted::Late;
        }
        let at = match self.open.binary_search_by_key(&from_s, |window| window.from_s) {
            Ok(at) => at,
            Err(at) => {
                if self.open.len() >= spec.most_open() {
                    if at == self.open.len() {
                        return Counted::Ahead;
                    }
                    self.open.pop(); // the one that lies farthest ahead
                }
                // as many as are open, for there are many series
                self.open.reserve_exact(1);
                self.open.insert(at, OpenWindow { from_s, to_s, records: Accumulator::new(spec.kind) });
                at
            }
        };
        if let Some(window) = self.open.get_mut(at) {
            window.records.add(spec.kind, observation.value, observation.source);
        }
        if self.next_s == NEVER || from_s < self.next_s {
            self.next_s = from_s;
        }
        Counted::Yes
    }

    /// Closes what is over at `now_s`; `report` gets where a window begins, whether it alarms, and its report.
    pub(in crate::pipeline) fn close(
        &mut self,
        spec: &WindowedSpec,
        seen: Time,
        now_s: i64,
        report: &mut dyn FnMut(i64, bool, Box<[u8]>),
    ) {
        if self.next_s == NEVER {
            return;
        }
        let end_s = spec.first_open_s(now_s);
        let gone_s = seen.seconds().saturating_add(spec.forget_s);
        while self.next_s < end_s {
            let is_open = self.open.first().is_some_and(|window| window.from_s <= self.next_s);
            if is_open {
                let window = self.open.remove(0);
                self.next_s = window.to_s;
                self.learn(spec, window.from_s, window.to_s, &window.records, report);
                continue;
            }
            let (from_s, to_s) = spec.grid.bounds(self.next_s);
            let is_made_up = end_s.saturating_sub(to_s) / spec.every_s < MOST_MADE_UP;
            if spec.empty_is_zero && is_made_up && from_s < gone_s {
                self.next_s = to_s;
                self.learn(spec, from_s, to_s, &Accumulator::new(spec.kind), report);
                continue;
            }
            // nothing comes of the windows up to the next one with records
            let next_open_s = self.open.first().map(|window| window.from_s);
            if next_open_s.is_none() && from_s >= gone_s {
                self.next_s = NEVER;
                return;
            }
            let mut skipped_to_s = end_s;
            if spec.empty_is_zero && from_s < gone_s {
                let first_made_up_s = end_s.saturating_sub(MOST_MADE_UP * spec.every_s);
                skipped_to_s = spec.grid.bounds(first_made_up_s).0.clamp(to_s, end_s);
            }
            self.next_s = skipped_to_s.min(next_open_s.unwrap_or(end_s));
        }
    }

    /// The clock was wrong, and is set back.
    pub(in crate::pipeline) fn rewind(&mut self, spec: &WindowedSpec, now_s: i64) {
        self.next_s = self.next_s.min(spec.first_open_s(now_s));
    }

    /// Teaches the models a closed window.
    #[inline(never)] // stack
    fn learn(
        &mut self,
        spec: &WindowedSpec,
        from_s: i64,
        to_s: i64,
        records: &Accumulator,
        report: &mut dyn FnMut(i64, bool, Box<[u8]>),
    ) {
        let seconds = to_s.saturating_sub(from_s) as f64;
        let of_none = spec.empty_is_zero.then_some(0.0);
        let Some(value) = records.value(spec.kind, seconds).or(of_none) else { return };
        let observation = Observation { time: Time::from_seconds(from_s), value, source: 0 };
        let verdicts = self.judge(spec, observation);
        let mut window = WindowReport::new(from_s, to_s, value, records.count(), verdicts);
        self.rate(spec, observation, &mut window);
        let is_urgent = window.is_urgent();
        if is_urgent || !spec.tells_alarms_only {
            report(from_s, is_urgent, window.to_bytes());
        }
    }

    /// The scores.
    #[inline(never)] // stack
    fn rate(&mut self, spec: &WindowedSpec, observation: Observation, window: &mut WindowReport) {
        window.outcome = self.score.update(&spec.score, observation, &mut window.anomaly);
    }

    /// What the monitors say.
    #[inline(never)] // stack
    fn judge(&mut self, spec: &WindowedSpec, observation: Observation) -> Vec<BandVerdict> {
        let mut verdicts = Vec::new();
        for (n, (band, (_, band_spec))) in self.bands.iter_mut().zip(&spec.bands).enumerate() {
            band.update(band_spec, observation.time, observation.value, &mut |place, verdict| {
                verdicts.push((n, place, verdict));
            });
        }
        verdicts
    }

    pub(in crate::pipeline) fn save(&self, spec: &WindowedSpec, w: &mut Writer<'_>) {
        w.i64(self.next_s);
        w.i64(self.clock_s);
        w.varint(self.open.len() as u64);
        for window in &self.open {
            w.i64(window.from_s);
            w.i64(window.to_s);
            window.records.save(w);
        }
        // each part may read on to the end of its bytes
        let mut part = Vec::new();
        self.score.save(&mut Writer::new(&mut part));
        w.bytes(&part);
        for (band, (signature, spec)) in self.bands.iter().zip(&spec.bands) {
            part.clear();
            band.save(spec, &mut Writer::new(&mut part));
            w.u64(*signature);
            w.bytes(&part);
        }
    }

    pub(in crate::pipeline) fn restore(spec: &WindowedSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "open window";
        let (next_s, clock_s) = (r.i64(WHAT)?, r.i64(WHAT)?);
        let count = r.varint("number of open windows")?;
        if count > spec.most_open() as u64 {
            return Err(CodecError::Invalid { what: "number of open windows" });
        }
        let mut open = Vec::new();
        for _ in 0..count {
            let (from_s, to_s) = (r.i64(WHAT)?, r.i64(WHAT)?);
            open.push(OpenWindow { from_s, to_s, records: Accumulator::restore(spec.kind, r)? });
        }
        let mut of_score = Reader::new(r.bytes("scores of a series with windows")?);
        let score = ScoredSeries::restore(&spec.score, &mut of_score)?;
        let mut bands: Box<[_]> = spec.bands.iter().map(|(_, spec)| MonitoredSeries::new(spec)).collect();
        while !r.is_empty() {
            let signature = r.u64("band of a series with windows")?;
            let mut of_band = Reader::new(r.bytes("band of a series with windows")?);
            // a monitor that is no longer there took its band along
            let same = spec.bands.iter().position(|(ours, _)| *ours == signature);
            if let Some(at) = same
                && let (Some(band), Some((_, spec))) = (bands.get_mut(at), spec.bands.get(at))
            {
                *band = MonitoredSeries::restore(spec, &mut of_band)?;
            }
        }
        Ok(Self { open, next_s, clock_s, score, bands })
    }

    /// The most bytes of a series.
    pub(in crate::pipeline) fn memory_bytes(spec: &WindowedSpec) -> usize {
        let window = size_of::<OpenWindow>() + Accumulator::heap_bytes(spec.kind);
        // those ahead of the clock are a fault of the records, and few
        let windows = window * (spec.most_open() - MOST_AHEAD).next_power_of_two();
        let scores = ScoredSeries::memory_bytes(&spec.score) - size_of::<ScoredSeries>();
        let bands = spec.bands.iter().map(|(_, spec)| MonitoredSeries::memory_bytes(spec)).sum::<usize>();
        size_of::<Self>() + windows + scores + bands
    }
}
