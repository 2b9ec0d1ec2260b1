//! One series: the stage of its model, the points seen last, the calibrated score.

use super::outcome::ScoreOutcome;
use super::spec::ScoreSpec;
use super::stage::Stage;
use crate::bank::Observation;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::{Calibrated, CalibratedSpec};
use crate::detector::{ChangeFinder, Finite, OrderSums, Params};
use crate::pipeline::rating::Anomaly;
use crate::pipeline::repeats::{RecentPoints, Repeat};
use crate::time::ClockDoubt;

/// The page and its package show no calibrated score; without its code they are 8 kB smaller.
const HAS_CALIBRATED: bool = !crate::IS_COMPACT;

/// One series.
#[derive(Debug, Clone)]
pub struct ScoredSeries {
    pub(super) stage: Stage,
    recent: Option<Box<RecentPoints>>,
    /// Present where the spec asks for it.
    calibrated: Option<Box<CalibratedSeries>>,
}

/// The calibrated score, and whether its clock was set by a record with a wrong time.
#[derive(Debug, Clone)]
struct CalibratedSeries {
    score: Calibrated,
    doubt: ClockDoubt,
}

/// The most bytes of a calibrated score.
pub(in crate::pipeline) const fn most_calibrated_bytes() -> usize {
    Calibrated::most_bytes() + size_of::<ClockDoubt>()
}

/// Records in a row that set the clock of a series back.
const ENOUGH: u8 = 5;

impl CalibratedSeries {
    fn new(score: Calibrated) -> Self {
        Self { score, doubt: ClockDoubt::NONE }
    }

    fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let score = Calibrated::restore(&CalibratedSpec::default(), r)?;
        let doubt = if r.is_empty() { ClockDoubt::NONE } else { ClockDoubt::restore(r)? };
        Ok(Self { score, doubt })
    }

    /// A point far behind the clock of its series. Several in a row show that the clock was wrong.
    #[cold]
    #[inline(never)] // stack
    fn come_late(&mut self, time_s: Finite) {
        if self.doubt.add(time_s.get() as i64, self.score.latest_s() as i64, ENOUGH) {
            self.score.rewind(time_s);
        }
    }
}

impl ScoredSeries {
    /// A series that has not been seen.
    #[must_use]
    pub fn new(spec: &ScoreSpec) -> Self {
        let stage = Stage::first(spec);
        let wanted = spec.calibrated.as_ref().filter(|_| HAS_CALIBRATED);
        let calibrated = wanted.map(|spec| Box::new(CalibratedSeries::new(Calibrated::new(spec))));
        Self { stage, recent: (spec.remembered > 0).then(Box::default), calibrated }
    }

    /// Scores and learns one observation; `anomaly` is what the calibrated score says of it, once it is warm.
    #[inline(always)] // speed
    pub fn update(
        &mut self,
        spec: &ScoreSpec,
        observation: Observation,
        anomaly: &mut Option<Anomaly>,
    ) -> ScoreOutcome {
        *anomaly = None;
        if let Some(recent) = &self.recent {
            match recent.find(observation.time, observation.source, spec.remembered) {
                Repeat::Known(scores, rating) => {
                    *anomaly = rating.map(|rating| Anomaly { rating, values: None });
                    return ScoreOutcome::Repeated(scores);
                }
                Repeat::TooOld => return ScoreOutcome::TooLate,
                Repeat::New => {}
            }
        }
        let outcome =
            self.stage.score(spec, observation.time, observation.value).unwrap_or_else(ScoreOutcome::Refused);
        if HAS_CALIBRATED
            && let (Some(calibrated), Some(spec)) = (&mut self.calibrated, &spec.calibrated)
            && !matches!(outcome, ScoreOutcome::Refused(_))
            && let Some(value) = Finite::new(observation.value)
            && let Some(time_s) = Finite::new(observation.time.nanos() as f64 / 1e9)
        {
            if calibrated.score.latest_s() - time_s.get() > ClockDoubt::FAR_S as f64 {
                calibrated.come_late(time_s);
            } else if !calibrated.doubt.is_none() {
                calibrated.doubt.clear();
            }
            Anomaly::take(anomaly, &calibrated.score.observe(spec, time_s, value));
        }
        if let Some(recent) = &mut self.recent
            && !matches!(outcome, ScoreOutcome::Refused(_))
        {
            let scores = if let ScoreOutcome::Scored(scores) = outcome { Some(scores) } else { None };
            let rating = anomaly.map(|anomaly| anomaly.rating);
            recent.remember(observation, scores, rating, spec.remembered);
        }
        outcome
    }

    /// Appends the exact state.
    pub fn save(&self, w: &mut Writer<'_>) {
        self.stage.save(w);
        if let Some(recent) = &self.recent {
            recent.save(w);
        }
        // last, so that a state without it is one that has yet to learn it
        if let Some(calibrated) = &self.calibrated {
            calibrated.score.save(w);
            // after it, so that a state without it is one without a doubt
            if !calibrated.doubt.is_none() {
                calibrated.doubt.save(w);
            }
        }
    }

    /// The inverse of [`ScoredSeries::save`].
    ///
    /// # Errors
    /// When the bytes were not written under this spec.
    pub fn restore(spec: &ScoreSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let stage = Stage::restore(spec, r)?;
        let recent = match spec.remembered {
            0 => None,
            most => Some(Box::new(RecentPoints::restore(most, r)?)),
        };
        if r.rest().first().is_some_and(|version| Calibrated::is_outdated(*version)) {
            r.leave_outdated();
        }
        let saved = if r.is_empty() { None } else { Some(CalibratedSeries::restore(r)?) };
        let calibrated = spec
            .calibrated
            .as_ref()
            .map(|spec| Box::new(saved.unwrap_or_else(|| CalibratedSeries::new(Calibrated::new(spec)))));
        Ok(Self { stage, recent, calibrated })
    }

    /// The most bytes of a series: the sums from which the order is chosen, or the model of the highest order.
    #[must_use]
    pub fn memory_bytes(spec: &ScoreSpec) -> usize {
        let detector = |params: &Params| ChangeFinder::memory_bytes(params) - size_of::<ChangeFinder>();
        let ready = spec.params.last().map_or(0, detector);
        let heap = if spec.fixed { ready } else { ready.max(size_of::<OrderSums>()) };
        let calibrated = if spec.calibrated.is_some() { most_calibrated_bytes() } else { 0 };
        size_of::<Self>() + heap + RecentPoints::memory_bytes(spec.remembered) + calibrated
    }
}
