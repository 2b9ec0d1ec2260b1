//! Band and alert states of one series under the monitors that share them.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::monitor::{AlertEvaluation, MonitorSpec, MonitorVerdict, SeriesEvaluator, SharedBand, Unchanged};
use crate::time::Time;

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

/// One series.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct MonitoredSeries(SeriesEvaluator);

impl MonitoredSeries {
    pub(in crate::pipeline) fn new(spec: &MonitoredSpec) -> Self {
        Self(SeriesEvaluator::new(&spec.shared))
    }

    pub(in crate::pipeline) fn update(
        &mut self,
        spec: &MonitoredSpec,
        time: Time,
        value: f64,
        report: &mut dyn FnMut(usize, MonitorVerdict),
    ) {
        if let Some(x) = Finite::new(value) {
            self.0.observe(&spec.shared, time.seconds(), x, report);
        }
    }

    #[inline(always)] // speed
    pub(in crate::pipeline) fn update_one(
        &mut self,
        spec: &MonitoredSpec,
        time: Time,
        value: f64,
        rest: &mut Vec<(usize, MonitorVerdict)>,
    ) -> Option<Unchanged> {
        self.0.observe_one(&spec.shared, time.seconds(), Finite::new(value)?, rest)
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
            self.0.tick(&spec.shared, now.seconds(), |place, evaluation| report((place, evaluation)));
        }
    }

    pub(in crate::pipeline) fn save(&self, spec: &MonitoredSpec, w: &mut Writer<'_>) {
        self.0.save(&spec.shared, w);
    }

    pub(in crate::pipeline) fn restore(spec: &MonitoredSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(SeriesEvaluator::restore(&spec.shared, r)?))
    }

    pub(in crate::pipeline) fn memory_bytes(spec: &MonitoredSpec) -> usize {
        SeriesEvaluator::memory_bytes(&spec.shared)
    }
}
