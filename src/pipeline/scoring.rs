//! ChangeFinder for one series: the detector, or the points from which its order will be chosen.

use super::rating::Anomaly;
use super::repeats::{RecentPoints, Repeat};
use crate::bank::Observation;
use crate::codec::{CodecError, Reader, Writer};
use crate::config::ChangeFinderSettings;
use crate::detector::calibrated::{Calibrated, CalibratedSpec};
use crate::detector::{
    ChangeFinder, Finite, MAX_ORDER, NotLearnable, Params, ParamsError, Scores, select_order,
};
use crate::time::Time;

/// The seed chooses the order from the last day ...
const WARM_UP_NANOS: u64 = 24 * 3600 * 1_000_000_000;
/// ... which is 1440 points at one minute; no series is made to wait for more.
const WARM_UP_POINTS: usize = 1500;
/// The seed's range of orders.
const MAX_CHOSEN_ORDER: usize = 50;

/// The page and its package show no calibrated score; without its code they are 8 kB smaller.
const HAS_CALIBRATED: bool = !crate::IS_COMPACT;

const WARM_UP: u8 = 0;
const READY: u8 = 1;

/// What all series of a section share.
#[derive(Debug, Clone)]
pub struct ScoreSpec {
    /// For each order that may occur; a single one when the order is given.
    params: Vec<Params>,
    fixed: bool,
    /// Points of a series whose scores are remembered, for sources that send a point again after a failure.
    remembered: usize,
    /// The calibrated score beside it, where it is wanted.
    calibrated: Option<CalibratedSpec>,
}

impl ScoreSpec {
    /// From a section's settings; `remembered` points are recognised when they come again.
    ///
    /// # Errors
    /// When the settings were not checked.
    pub fn new(
        settings: &ChangeFinderSettings,
        remembered: usize,
        calibrated: Option<CalibratedSpec>,
    ) -> Result<Self, ParamsError> {
        let orders = match settings.order {
            Some(order) => order..=order,
            None => 1..=MAX_CHOSEN_ORDER.min(MAX_ORDER),
        };
        let params = orders.map(|order| settings.params(order)).collect::<Result<_, _>>()?;
        Ok(Self { params, fixed: settings.order.is_some(), remembered, calibrated })
    }

    fn params(&self, index: u16) -> Result<&Params, CodecError> {
        self.params.get(usize::from(index)).ok_or(CodecError::Invalid { what: "AR order" })
    }
}

/// What one observation yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoreOutcome {
    /// Scored and learned.
    Scored(Scores),
    /// Learned; the order is not yet chosen.
    WarmingUp,
    /// Seen before: the scores it had then, if it had any. Not learned again.
    Repeated(Option<Scores>),
    /// Older than all that is remembered: it may have been seen before. Not learned.
    TooLate,
    /// Neither scored nor learned.
    Refused(ScoreRefusal),
}

/// Why a number was not learned.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ScoreRefusal {
    /// The number itself.
    #[error(transparent)]
    NotLearnable(#[from] NotLearnable),
    /// The number in this series.
    #[error(transparent)]
    Overflow(#[from] crate::detector::Overflow),
}

/// One series.
#[derive(Debug, Clone)]
pub struct ScoredSeries {
    stage: Stage,
    recent: Option<Box<RecentPoints>>,
    /// Present where the spec asks for it.
    calibrated: Option<Box<Calibrated>>,
}

#[derive(Debug, Clone)]
enum Stage {
    /// Points are collected until the order can be chosen.
    WarmUp {
        /// Event time of the first one.
        since: Time,
        /// In order of arrival, fewer than [`WARM_UP_POINTS`].
        values: Vec<f64>,
    },
    /// The order is known.
    Ready {
        /// Index into the parameters of the section.
        params: u16,
        detector: ChangeFinder,
    },
}

impl Stage {
    #[inline(always)] // speed
    fn score(&mut self, spec: &ScoreSpec, time: Time, value: f64) -> Result<ScoreOutcome, ScoreRefusal> {
        let x = Finite::try_from(value)?;
        match self {
            Stage::Ready { params, detector } => match spec.params.get(usize::from(*params)) {
                Some(params) => Ok(ScoreOutcome::Scored(detector.update(params, x)?)),
                None => Ok(ScoreOutcome::WarmingUp), // `new` and `restore` keep the index in range
            },
            Stage::WarmUp { .. } => Ok(self.collect(spec, time, x)),
        }
    }

    /// One more point from which the order will be chosen.
    #[inline(never)] // stack
    fn collect(&mut self, spec: &ScoreSpec, time: Time, x: Finite) -> ScoreOutcome {
        let Stage::WarmUp { since, values } = self else { return ScoreOutcome::WarmingUp };
        if values.is_empty() {
            *since = time;
        }
        values.push(x.get());
        let waited = time.nanos().abs_diff(since.nanos());
        if waited < WARM_UP_NANOS && values.len() < WARM_UP_POINTS {
            return ScoreOutcome::WarmingUp;
        }
        let values = std::mem::take(values);
        self.choose(spec, &values)
    }

    /// Chooses the order, then learns the warm-up as if the order had been known; the scores are the last point's.
    fn choose(&mut self, spec: &ScoreSpec, values: &[f64]) -> ScoreOutcome {
        let index = select_order(values, spec.params.len()).order.saturating_sub(1);
        let Some(params) = spec.params.get(index) else { return ScoreOutcome::WarmingUp };
        let mut detector = ChangeFinder::new(params);
        let mut outcome = ScoreOutcome::WarmingUp;
        for x in values.iter().filter_map(|&value| Finite::new(value)) {
            if let Ok(scores) = detector.update(params, x) {
                outcome = ScoreOutcome::Scored(scores);
            }
        }
        *self = Stage::Ready { params: index as u16, detector };
        outcome
    }
}

impl ScoredSeries {
    /// A series that has not been seen.
    #[must_use]
    pub fn new(spec: &ScoreSpec) -> Self {
        let stage = match spec.params.first() {
            Some(params) if spec.fixed => Stage::Ready { params: 0, detector: ChangeFinder::new(params) },
            _ => Stage::WarmUp { since: Time::default(), values: Vec::new() },
        };
        let wanted = spec.calibrated.as_ref().filter(|_| HAS_CALIBRATED);
        let calibrated = wanted.map(|spec| Box::new(Calibrated::new(spec)));
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
            *anomaly = calibrated.update(spec, time_s, value).map(Anomaly::from);
        }
        if let Some(recent) = &mut self.recent {
            let scores = if let ScoreOutcome::Scored(scores) = outcome { Some(scores) } else { None };
            let rating = anomaly.map(|anomaly| anomaly.rating);
            recent.remember(observation, scores, rating, spec.remembered);
        }
        outcome
    }

    /// Appends the exact state.
    pub fn save(&self, w: &mut Writer<'_>) {
        match &self.stage {
            Stage::WarmUp { since, values } => {
                w.u8(WARM_UP);
                w.i64(since.nanos());
                w.varint(values.len() as u64);
                w.f64s(values);
            }
            Stage::Ready { params, detector } => {
                w.u8(READY);
                w.varint(u64::from(*params));
                detector.save(w);
            }
        }
        if let Some(recent) = &self.recent {
            recent.save(w);
        }
        // last, so that a state without it is one that has yet to learn it
        if let Some(calibrated) = &self.calibrated {
            calibrated.save(w);
        }
    }

    /// The inverse of [`ScoredSeries::save`].
    ///
    /// # Errors
    /// When the bytes were not written under this spec.
    pub fn restore(spec: &ScoreSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let stage = match r.u8("track kind")? {
            WARM_UP => {
                let since = Time::from_nanos(r.i64("start of the warm-up")?);
                let count = r.varint("warm-up points")?;
                if count >= WARM_UP_POINTS as u64 {
                    return Err(CodecError::Invalid { what: "number of warm-up points" });
                }
                let mut values = vec![0.0; count as usize];
                r.f64s(&mut values, "warm-up points")?;
                if values.iter().any(|&value| Finite::new(value).is_none()) {
                    return Err(CodecError::Invalid { what: "warm-up point" });
                }
                Stage::WarmUp { since, values }
            }
            READY => {
                let index = u16::try_from(r.varint("AR order")?)
                    .map_err(|_| CodecError::Invalid { what: "AR order" })?;
                let detector = ChangeFinder::restore(spec.params(index)?, r)?;
                Stage::Ready { params: index, detector }
            }
            _ => return Err(CodecError::Invalid { what: "track kind" }),
        };
        let recent = match spec.remembered {
            0 => None,
            most => Some(Box::new(RecentPoints::restore(most, r)?)),
        };
        let saved =
            if r.is_empty() { None } else { Some(Calibrated::restore(&CalibratedSpec::default(), r)?) };
        let calibrated =
            spec.calibrated.as_ref().map(|spec| Box::new(saved.unwrap_or_else(|| Calibrated::new(spec))));
        Ok(Self { stage, recent, calibrated })
    }

    /// The most bytes of a series: while warming up the points, afterwards the detector.
    #[must_use]
    pub fn memory_bytes(spec: &ScoreSpec) -> usize {
        let detector = |params: &Params| ChangeFinder::memory_bytes(params) - size_of::<ChangeFinder>();
        let ready = spec.params.last().map_or(0, detector);
        let heap = if spec.fixed { ready } else { ready.max(2 * WARM_UP_POINTS * size_of::<f64>()) };
        let calibrated = if spec.calibrated.is_some() { Calibrated::most_bytes() } else { 0 };
        size_of::<Self>() + heap + RecentPoints::memory_bytes(spec.remembered) + calibrated
    }
}
