//! Band and alert states of one series under the monitors that share them.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Finite;
use crate::monitor::{self, AlertEvaluation, MonitorSpec, SeriesEvaluator, SharedBand, Unchanged};
use crate::time::Time;

/// What all series under these monitors share.
#[derive(Debug, Clone)]
pub struct WatchSpec {
    plan: SharedBand,
    /// Seconds of silence after which some monitor wants to be asked.
    silent_after_s: Option<u32>,
    clock_s: u32,
}

impl WatchSpec {
    /// For the monitors of a plan.
    #[must_use]
    pub fn new(plan: SharedBand) -> Self {
        let wait = |monitor: &MonitorSpec| {
            let no_data = monitor.notify_no_data.then(|| monitor.no_data_timeframe_min.saturating_mul(60));
            let timeout = monitor.timeout_h.map(|hours| hours.saturating_mul(3600));
            no_data.into_iter().chain(timeout).min()
        };
        let silent_after_s = plan.monitors().iter().filter_map(wait).min();
        let clock_s = plan.monitors().first().map_or(60, MonitorSpec::bucket_s).max(10);
        Self { plan, silent_after_s, clock_s }
    }

    /// The monitors, by the places that verdicts name.
    #[must_use]
    pub fn monitors(&self) -> &[MonitorSpec] {
        self.plan.monitors()
    }

    /// How often silent series are looked after, if any monitor asks for it.
    pub(super) fn clock_seconds(&self) -> Option<u32> {
        self.silent_after_s.map(|_| self.clock_s)
    }
}

/// One series.
#[derive(Debug, Clone)]
pub struct WatchTrack(SeriesEvaluator);

impl WatchTrack {
    pub(super) fn new(spec: &WatchSpec) -> Self {
        Self(SeriesEvaluator::new(&spec.plan))
    }

    pub(super) fn update(
        &mut self,
        spec: &WatchSpec,
        time: Time,
        value: f64,
        report: &mut dyn FnMut(usize, monitor::MonitorVerdict),
    ) {
        if let Some(x) = Finite::new(value) {
            self.0.observe(&spec.plan, time.seconds(), x, report);
        }
    }

    #[inline(always)]
    pub(super) fn update_one(
        &mut self,
        spec: &WatchSpec,
        time: Time,
        value: f64,
        rest: &mut Vec<(usize, monitor::MonitorVerdict)>,
    ) -> Option<Unchanged> {
        self.0.observe_one(&spec.plan, time.seconds(), Finite::new(value)?, rest)
    }

    pub(super) fn pass(
        &mut self,
        spec: &WatchSpec,
        seen: Time,
        now: Time,
        report: &mut dyn FnMut((usize, AlertEvaluation)),
    ) {
        let silent_s = now.seconds().saturating_sub(seen.seconds());
        if spec.silent_after_s.is_some_and(|after| silent_s > i64::from(after)) {
            self.0.tick(&spec.plan, now.seconds(), |place, evaluation| report((place, evaluation)));
        }
    }

    pub(super) fn save(&self, spec: &WatchSpec, w: &mut Writer<'_>) {
        self.0.save(&spec.plan, w);
    }

    pub(super) fn restore(spec: &WatchSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(SeriesEvaluator::restore(&spec.plan, r)?))
    }

    pub(super) fn memory_bytes(spec: &WatchSpec) -> usize {
        SeriesEvaluator::memory_bytes(&spec.plan)
    }
}
