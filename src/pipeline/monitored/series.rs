//! Band and alert states of one series under the monitors that share them.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::monitor::{AlertEvaluation, MonitorSpec, MonitorVerdict, SeriesEvaluator, SharedBand, Unchanged};
use crate::time::{ClockDoubt, Time};

/// What all series under these monitors share.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MonitoredSpec {
    shared: SharedBand,
    /// Seconds of silence after which some monitor wants to be asked.
    silent_after_s: Option<u32>,
    clock_s: u32,
}

impl MonitoredSpec {
    /// For monitors that share a band.
    #[must_use]
    pub(in crate::pipeline) fn new(shared: SharedBand) -> Self {
        let wait = |monitor: &MonitorSpec| {
            let no_data = monitor.notify_no_data.then(|| monitor.no_data_timeframe_min.saturating_mul(60));
            let timeout = monitor.timeout_h.map(|hours| hours.saturating_mul(3600));
            no_data.into_iter().chain(timeout).min()
        };
        let silent_after_s = shared.monitors().iter().filter_map(wait).min();
        let clock_s = shared.monitors().first().map_or(60, MonitorSpec::bucket_s).max(10);
        Self { shared, silent_after_s, clock_s }
    }

    /// How often silent series are looked after, if any monitor asks for it.
    pub(in crate::pipeline) fn clock_seconds(&self) -> Option<u32> {
        self.silent_after_s.map(|_| self.clock_s)
    }
}

/// Records in a row that set the clock of a series back.
const ENOUGH: u8 = 5;

/// One series.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MonitoredSeries {
    evaluator: SeriesEvaluator,
    /// Whether records that come too late show that an earlier one had a wrong time.
    doubt: ClockDoubt,
}

impl MonitoredSeries {
    pub(in crate::pipeline) fn new(spec: &MonitoredSpec) -> Self {
        Self { evaluator: SeriesEvaluator::new(&spec.shared), doubt: ClockDoubt::NONE }
    }

    /// Nothing is reported of a record that comes too late to count.
    pub(in crate::pipeline) fn update(
        &mut self,
        spec: &MonitoredSpec,
        time: Time,
        value: f64,
        report: &mut dyn FnMut(usize, MonitorVerdict),
    ) {
        let Some(x) = Finite::new(value) else { return };
        if self.evaluator.observe(&spec.shared, time.seconds(), x, &mut *report) {
            self.doubt.clear();
        } else {
            self.come_late(spec, time.seconds(), x, report);
        }
    }

    /// As [`update`](MonitoredSeries::update) where one monitor has nothing to tell; adds all else to `rest`.
    #[inline(always)] // speed
    pub(in crate::pipeline) fn update_one(
        &mut self,
        spec: &MonitoredSpec,
        time: Time,
        value: f64,
        rest: &mut Vec<(usize, MonitorVerdict)>,
    ) -> Option<Unchanged> {
        let x = Finite::new(value)?;
        let unchanged = self.evaluator.observe_one(&spec.shared, time.seconds(), x, rest);
        if unchanged.is_none() && rest.is_empty() {
            self.come_late(spec, time.seconds(), x, &mut |place, verdict| rest.push((place, verdict)));
        } else if !self.doubt.is_none() {
            self.doubt.clear();
        }
        unchanged
    }

    /// A record whose bucket is closed. It counts after all where several show that the clock of the series was wrong.
    #[cold]
    #[inline(never)] // stack
    fn come_late(
        &mut self,
        spec: &MonitoredSpec,
        time_s: i64,
        x: Finite,
        report: &mut dyn FnMut(usize, MonitorVerdict),
    ) {
        let latest_s = self.evaluator.watermark_s().unwrap_or(time_s);
        if self.doubt.add(time_s, latest_s, ENOUGH) {
            self.evaluator.rewind(&spec.shared, time_s);
            // nothing is forecast behind a rewind, so the quick ways of `observe` would only cost stack
            self.evaluator.observe_apart(&spec.shared, time_s, x, report);
        }
    }

    pub(in crate::pipeline) fn pass(
        &mut self,
        spec: &MonitoredSpec,
        seen: Time,
        now: Time,
        report: &mut dyn FnMut((usize, AlertEvaluation)),
    ) {
        let silent_s = now.seconds().saturating_sub(seen.seconds());
        if spec.silent_after_s.is_some_and(|after| silent_s > i64::from(after)) {
            self.evaluator.tick(&spec.shared, now.seconds(), |place, evaluation| report((place, evaluation)));
        }
    }

    pub(in crate::pipeline) fn save(&self, spec: &MonitoredSpec, w: &mut Writer<'_>) {
        self.evaluator.save(&spec.shared, w);
        // last, so that a state without it is one without a doubt
        if !self.doubt.is_none() {
            self.doubt.save(w);
        }
    }

    pub(in crate::pipeline) fn restore(spec: &MonitoredSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let evaluator = SeriesEvaluator::restore(&spec.shared, r)?;
        let doubt = if r.is_empty() { ClockDoubt::NONE } else { ClockDoubt::restore(r)? };
        Ok(Self { evaluator, doubt })
    }

    pub(in crate::pipeline) fn memory_bytes(spec: &MonitoredSpec) -> usize {
        size_of::<ClockDoubt>() + SeriesEvaluator::memory_bytes(&spec.shared)
    }
}
