//! The parts put together for one series: roll-up -> band -> verdict -> alert states.
//!
//! Monitors that watch the same series through the same points and the same band differ only in what is cheap:
//! deviations, direction, thresholds, windows of recovery. They share one roll-up and one engine, as what an
//! engine learns does not depend on the deviations: a second monitor costs its alert state (about 130 bytes)
//! instead of another 1 to 12 kB and another update of the band. [`SharedBand::group`] finds them.

mod band_cursor;
mod constant_run;
mod monitor_state;
mod saved;
mod shared_band;
#[cfg(test)]
mod tests;
mod verdict;

pub use shared_band::SharedBand;
pub use verdict::MonitorVerdict;
pub(crate) use verdict::Unchanged;

use band_cursor::{BandCursor, ForecastBucket};
use monitor_state::{BucketChange, Changes, MonitorState, position};

use super::alert::{AlertEvaluation, AlertState};
use super::rollup::{Acceptance, ClosedBucket, Rollup};
use crate::detector::Finite;
use crate::detector::band::{Band, BandEngine, Prediction};

/// State of one series under the monitors of a [`SharedBand`].
#[derive(Debug, Clone)]
pub struct SeriesEvaluator {
    rollup: Rollup,
    cursor: BandCursor,
    monitors: Box<[MonitorState]>,
}

impl SeriesEvaluator {
    /// A series that has not been seen.
    #[must_use]
    pub fn new(shared: &SharedBand) -> Self {
        let band = Band { expected: 0.0, lower: 0.0, upper: 0.0 };
        let state =
            |monitor| MonitorState { alert: AlertState::new(monitor), changes: Changes::default(), band };
        Self {
            rollup: Rollup::new(&shared.rollup),
            cursor: BandCursor::new(shared),
            monitors: shared.monitors.iter().map(state).collect(),
        }
    }

    /// Takes a record and reports what each monitor says, by its place in [`SharedBand::monitors`].
    ///
    /// `time_s`: event time, whole seconds of UTC. False when the record came too late to count; then nothing is
    /// reported.
    pub fn observe(
        &mut self,
        shared: &SharedBand,
        time_s: i64,
        x: Finite,
        mut report: impl FnMut(usize, MonitorVerdict),
    ) -> bool {
        if self.cursor.newest.bucket == self.rollup.open() {
            if let Some((closed, value)) = self.rollup.close_bucket(&shared.rollup, time_s, x.get()) {
                let ForecastBucket { bucket, banded, .. } = self.cursor.newest;
                self.learn(shared, closed);
                self.report_next_bucket(shared, bucket, banded, closed, value, &mut report);
                return true;
            }
            if let Some(value) = self.rollup.add_to_open(&shared.rollup, time_s, x.get()) {
                self.say(shared, value, |_| Changes::default(), report);
                return true;
            }
        }
        self.observe_apart(shared, time_s, x, report)
    }

    /// Closes the newest bucket, without its frame below what is reported of it.
    #[inline(never)] // stack
    fn learn(&mut self, shared: &SharedBand, closed: f64) {
        self.cursor.close_bucket(shared, closed);
    }

    /// [`observe`](SeriesEvaluator::observe) where there is one monitor, the usual number, and it has nothing to tell, as usual.
    /// Whatever is said otherwise is added to `rest`.
    #[inline(always)] // speed
    pub fn observe_one(
        &mut self,
        shared: &SharedBand,
        time_s: i64,
        x: Finite,
        rest: &mut Vec<(usize, MonitorVerdict)>,
    ) -> Option<Unchanged> {
        let Self { rollup, cursor, monitors } = self;
        if let ([monitor], [state]) = (&shared.monitors[..], &mut monitors[..])
            && cursor.newest.bucket == rollup.open()
        {
            if let Some((closed, value)) = rollup.close_bucket(&shared.rollup, time_s, x.get()) {
                let ForecastBucket { bucket, banded, .. } = cursor.newest;
                if let Some(forecast) = cursor.close_bucket(shared, closed)
                    && state.skip_if_unchanged(bucket, banded, closed)
                {
                    state.band = forecast.bounds(monitor.query.deviations);
                    let below = !shared.rollup.adds_up() && value < state.band.lower;
                    let is_anomaly = monitor.query.side().covers(value > state.band.upper, below);
                    return Some(Unchanged { value, band: Some(state.band), is_anomaly });
                }
                self.report_next_bucket(shared, bucket, banded, closed, value, &mut |place, said| {
                    rest.push((place, said))
                });
                return None;
            }
            if state.alert.stays_ok()
                && let Some(value) = rollup.add_to_open(&shared.rollup, time_s, x.get())
            {
                let band = cursor.newest.banded.then_some(state.band);
                let said = state.report(shared, monitor, band, value, Changes::default());
                return Some(Unchanged { value, band, is_anomaly: said.is_anomaly });
            }
        }
        self.observe(shared, time_s, x, |place, said| rest.push((place, said)));
        None
    }

    /// What any number of monitors say behind a [`close_bucket`](SeriesEvaluator::close_bucket), whatever the forecast. Numbers one by one: what is
    /// handed over whole stands in memory from the beginning.
    #[inline(never)] // speed: keeps the usual way small
    fn report_next_bucket(
        &mut self,
        shared: &SharedBand,
        bucket: i64,
        banded: bool,
        closed: f64,
        value: f64,
        report: &mut dyn FnMut(usize, MonitorVerdict),
    ) {
        let change = BucketChange { bucket, banded, closed, value };
        let forecast = self.cursor.predict(shared, self.cursor.newest.bucket);
        self.cursor.newest.banded = forecast.is_some();
        for (at, (monitor, state)) in shared.monitors.iter().zip(&mut self.monitors).enumerate() {
            let bounds = |forecast: Prediction| forecast.bounds(monitor.query.deviations);
            let band = forecast.map(|forecast| self.cursor.constant.narrowed(&shared.band, bounds(forecast)));
            report(at, state.close_bucket(shared, monitor, change, band));
        }
    }

    /// [`observe`](SeriesEvaluator::observe) by the general way, which serves any record.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub fn observe_apart(
        &mut self,
        shared: &SharedBand,
        time_s: i64,
        x: Finite,
        report: impl FnMut(usize, MonitorVerdict),
    ) -> bool {
        for state in &mut self.monitors {
            state.changes = Changes::default();
        }
        while let Some(closed) = self.rollup.close_until(&shared.rollup, time_s).next() {
            // a series that has just come back is not told that it was silent: its next closed bucket knows
            if closed.value.is_some() {
                self.judge(shared, closed, &mut |_, _| {});
            }
        }
        if self.rollup.add(&shared.rollup, time_s, x.get()) == Acceptance::Late {
            return false;
        }
        self.ask(shared, shared.rollup.bucket(time_s));
        let value = self.rollup.so_far(&shared.rollup, time_s).unwrap_or(x.get());
        self.say(shared, value, |state| state.changes.in_sum(), report);
        true
    }

    /// Reports on the bucket asked about.
    fn say(
        &self,
        shared: &SharedBand,
        value: f64,
        changes: impl Fn(&MonitorState) -> Changes,
        mut report: impl FnMut(usize, MonitorVerdict),
    ) {
        if let ([monitor], [state]) = (&shared.monitors[..], &self.monitors[..]) {
            let band = self.cursor.newest.banded.then_some(state.band);
            report(0, state.report(shared, monitor, band, value, changes(state)));
            return;
        }
        for (at, (monitor, state)) in shared.monitors.iter().zip(&self.monitors).enumerate() {
            let band = self.cursor.newest.banded.then_some(state.band);
            report(at, state.report(shared, monitor, band, value, changes(state)));
        }
    }

    /// Closes the buckets of a series that may have fallen silent; reports changes and reminders only.
    pub fn tick(
        &mut self,
        shared: &SharedBand,
        watermark_s: i64,
        mut report: impl FnMut(usize, AlertEvaluation),
    ) {
        while let Some(closed) = self.rollup.close_until(&shared.rollup, watermark_s).next() {
            self.judge(shared, closed, &mut |at, evaluation| {
                if evaluation.transition.is_some() || evaluation.renotify {
                    report(at, evaluation);
                }
            });
        }
    }

    #[inline(never)] // speed: keeps the usual way small
    fn judge(
        &mut self,
        shared: &SharedBand,
        closed: ClosedBucket,
        each: &mut dyn FnMut(usize, AlertEvaluation),
    ) {
        if closed.value.is_some() {
            self.ask(shared, closed.bucket);
        }
        for (at, (monitor, state)) in shared.monitors.iter().zip(&mut self.monitors).enumerate() {
            let band = self.cursor.newest.banded.then_some(state.band);
            let position = closed.value.map(|value| position(band, value));
            let mut evaluation = state.alert.feed(monitor, closed.bucket, position);
            state.changes.add(position, evaluation);
            if evaluation.transition.is_some() || evaluation.renotify {
                evaluation.triggered = state.triggered(shared);
            }
            each(at, evaluation);
        }
        if let Some(value) = closed.value {
            let offset = shared.offset(&mut self.cursor.zone, closed.bucket);
            self.cursor.engine.update(&shared.band, closed.bucket, offset, value);
            if self.cursor.fallback.is_some() {
                self.cursor.learn_apart(shared, closed.bucket, value);
            }
            self.cursor.constant.observe(&shared.band, closed.bucket, value);
            self.cursor.newest = ForecastBucket::NONE;
        }
    }

    /// Makes `bucket` the one asked about: its band for each monitor, if there is one.
    fn ask(&mut self, shared: &SharedBand, bucket: i64) {
        if self.cursor.newest.bucket == bucket {
            return;
        }
        let offset = shared.offset(&mut self.cursor.zone, bucket);
        let forecast = self.cursor.predict(shared, bucket);
        self.cursor.newest =
            ForecastBucket { bucket, place: shared.band.place(bucket, offset), banded: forecast.is_some() };
        if let Some(forecast) = forecast {
            for (monitor, state) in shared.monitors.iter().zip(&mut self.monitors) {
                state.band =
                    self.cursor.constant.narrowed(&shared.band, forecast.bounds(monitor.query.deviations));
            }
        }
    }

    /// Latest time of its records, s; `None` before the first.
    #[must_use]
    pub fn watermark_s(&self) -> Option<i64> {
        self.rollup.watermark_s()
    }

    /// Goes on from `time_s` although later records came: the clock of the series was wrong. The band and the states
    /// stay; what the open buckets hold and the windows of the monitors begin anew.
    #[cold]
    pub fn rewind(&mut self, shared: &SharedBand, time_s: i64) {
        let bucket = shared.rollup.bucket(time_s);
        self.rollup.rewind(&shared.rollup);
        self.cursor.engine.rewind(bucket);
        if let Some(fallback) = &mut self.cursor.fallback {
            fallback.rewind(bucket);
        }
        self.cursor.newest = ForecastBucket::NONE;
        for (monitor, state) in shared.monitors.iter().zip(&mut self.monitors) {
            state.alert.rewind(monitor, bucket);
            state.changes = Changes::default();
        }
    }

    /// Records that came too late to count.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.rollup.late()
    }

    /// Bytes of one series, on the heap and off it.
    #[must_use]
    pub fn memory_bytes(shared: &SharedBand) -> usize {
        let alerts = shared.monitors.iter().map(|monitor| {
            AlertState::memory_bytes(monitor) + size_of::<MonitorState>() - size_of::<AlertState>()
        });
        size_of::<Self>() - size_of::<Rollup>() - size_of::<BandEngine>()
            + Rollup::memory_bytes(&shared.rollup)
            + BandEngine::memory_bytes(&shared.band)
            + shared.fallback.as_ref().map_or(0, BandEngine::memory_bytes)
            + alerts.sum::<usize>()
    }
}
