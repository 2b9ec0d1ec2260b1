//! ChangeFinder for one series, from the choice of its order to its scores.
//!
//! | stage | ends |
//! |---|---|
//! | the order is being chosen; not with `k` given | after a day or 1500 points |
//! | the model warms up; not with `warm_up: off` | after [`Params::warm_up_points`] |
//! | the model scores | |

use super::rating::Anomaly;
use super::repeats::{RecentPoints, Repeat};
use crate::bank::Observation;
use crate::codec::{CodecError, Reader, Writer};
use crate::config::ChangeFinderSettings;
use crate::detector::calibrated::{Calibrated, CalibratedSpec};
use crate::detector::{
    ChangeFinder, Finite, MAX_SUMMED_ORDER, NotLearnable, OrderSums, Params, ParamsError, Scores, WarmingUp,
};
use crate::time::{ClockDoubt, Time};

/// The seed chooses the order from the last day ...
const CHOICE_NANOS: i64 = 24 * 3600 * 1_000_000_000;
/// ... which is 1440 points at one minute; no series is made to wait for more.
const CHOICE_POINTS: u64 = 1500;
/// The seed's range of orders.
const MAX_CHOSEN_ORDER: usize = MAX_SUMMED_ORDER;

/// The page and its package show no calibrated score; without its code they are 8 kB smaller.
const HAS_CALIBRATED: bool = !crate::IS_COMPACT;

/// Marks of the stage in a saved state. The first was written by versions that kept the points; it is read only.
const CHOOSING_FROM_POINTS: u8 = 0;
const SCORING: u8 = 1;
const CHOOSING: u8 = 2;
const WARMING_UP: u8 = 3;

/// What all series of a section share.
#[derive(Debug, Clone)]
pub struct ScoreSpec {
    /// For each order that may occur; a single one when the order is given.
    params: Vec<Params>,
    fixed: bool,
    /// The scores of a model that warms up are kept back.
    warm_up: bool,
    /// Points of a series whose scores are remembered, for sources that send a point again after a failure.
    remembered: usize,
    /// The calibrated score beside it, where it is wanted.
    calibrated: Option<CalibratedSpec>,
}

impl ScoreSpec {
    /// From a section's settings; `warm_up` keeps back the scores of a model that warms up; `remembered` points are
    /// recognised when they come again.
    ///
    /// # Errors
    /// When the settings were not checked.
    pub fn new(
        settings: &ChangeFinderSettings,
        warm_up: bool,
        remembered: usize,
        calibrated: Option<CalibratedSpec>,
    ) -> Result<Self, ParamsError> {
        let orders = match settings.order {
            Some(order) => order..=order,
            None => 1..=MAX_CHOSEN_ORDER,
        };
        let params = orders.map(|order| settings.params(order)).collect::<Result<_, _>>()?;
        Ok(Self { params, fixed: settings.order.is_some(), warm_up, remembered, calibrated })
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
    /// Learned; the order is not yet chosen, or the model warms up.
    WarmingUp,
    /// Seen before: the scores it had then; none if it was part of the warm-up. Not learned again.
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
    calibrated: Option<Box<CalibratedSeries>>,
}

/// The calibrated score, and whether its clock was set by a record with a wrong time.
#[derive(Debug, Clone)]
struct CalibratedSeries {
    score: Calibrated,
    doubt: ClockDoubt,
}

#[derive(Debug, Clone)]
enum Stage {
    /// The order is being chosen.
    Choosing {
        /// Event time of the first point.
        since: Time,
        sums: Box<OrderSums>,
    },
    /// The model has the order, and gives no scores yet.
    WarmingUp {
        /// Index into the parameters of the section.
        params: u16,
        model: WarmingUp,
    },
    Scoring {
        /// Index into the parameters of the section.
        params: u16,
        model: ChangeFinder,
    },
}

impl Stage {
    /// The first stage of a series.
    fn first(spec: &ScoreSpec) -> Self {
        match spec.params.first() {
            Some(params) if spec.fixed => Self::with_order(spec, 0, params),
            _ => Stage::Choosing { since: Time::default(), sums: Box::default() },
        }
    }

    /// The stage behind the choice of the order.
    fn with_order(spec: &ScoreSpec, index: u16, params: &Params) -> Self {
        if spec.warm_up {
            Stage::WarmingUp { params: index, model: WarmingUp::new(params) }
        } else {
            Stage::Scoring { params: index, model: ChangeFinder::new(params) }
        }
    }

    #[inline(always)] // speed
    fn score(&mut self, spec: &ScoreSpec, time: Time, value: f64) -> Result<ScoreOutcome, ScoreRefusal> {
        let x = Finite::try_from(value)?;
        match self {
            Stage::Scoring { params, model } => match spec.params.get(usize::from(*params)) {
                Some(params) => Ok(ScoreOutcome::Scored(model.update(params, x)?)),
                None => Ok(ScoreOutcome::WarmingUp), // `new` and `restore` keep the index in range
            },
            _ => self.prepare(spec, time, x),
        }
    }

    /// A point before the first score.
    #[inline(never)] // stack
    fn prepare(&mut self, spec: &ScoreSpec, time: Time, x: Finite) -> Result<ScoreOutcome, ScoreRefusal> {
        match self {
            Stage::Choosing { since, sums } => {
                if sums.count() == 0 {
                    *since = time;
                }
                sums.push(x);
                let waited = time.nanos().saturating_sub(since.nanos());
                if !(-CHOICE_NANOS..2 * CHOICE_NANOS).contains(&waited) {
                    // a wrong clock, or a long gap: no day of points has passed
                    *since = time;
                }
                let is_over = (CHOICE_NANOS..2 * CHOICE_NANOS).contains(&waited);
                if is_over || sums.count() >= CHOICE_POINTS {
                    self.choose(spec);
                }
            }
            Stage::WarmingUp { params, model } => {
                if let Some(section_params) = spec.params.get(usize::from(*params))
                    && let Some(model) = model.learn(section_params, x)?
                {
                    *self = Stage::Scoring { params: *params, model };
                }
            }
            Stage::Scoring { .. } => {}
        }
        Ok(ScoreOutcome::WarmingUp)
    }

    /// Chooses the order. The new model learns the last points, which the sums hold.
    fn choose(&mut self, spec: &ScoreSpec) {
        let Stage::Choosing { sums, .. } = self else { return };
        let index = sums.select(spec.params.len()).order.saturating_sub(1);
        let Some(params) = spec.params.get(index) else { return };
        let mut stage = Self::with_order(spec, index as u16, params);
        for x in sums.last_points().iter().filter_map(|&x| Finite::new(x)) {
            // a point that overflows the model is left out
            let _ = stage.score(spec, Time::default(), x.get());
        }
        *self = stage;
    }

    fn save(&self, w: &mut Writer<'_>) {
        match self {
            Stage::Choosing { since, sums } => {
                w.u8(CHOOSING);
                w.i64(since.nanos());
                sums.save(w);
            }
            Stage::WarmingUp { params, model } => {
                w.u8(WARMING_UP);
                w.varint(u64::from(*params));
                model.save(w);
            }
            Stage::Scoring { params, model } => {
                w.u8(SCORING);
                w.varint(u64::from(*params));
                model.save(w);
            }
        }
    }

    fn restore(spec: &ScoreSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let stage = match r.u8("track kind")? {
            CHOOSING_FROM_POINTS => {
                let since = Time::from_nanos(r.i64("start of the warm-up")?);
                Stage::Choosing { since, sums: Box::new(restore_points(r)?) }
            }
            CHOOSING => {
                let since = Time::from_nanos(r.i64("start of the choice of the order")?);
                Stage::Choosing { since, sums: Box::new(OrderSums::restore(r)?) }
            }
            WARMING_UP => {
                let (index, params) = restore_params(spec, r)?;
                let model = WarmingUp::restore(params, r)?;
                if spec.warm_up {
                    Stage::WarmingUp { params: index, model }
                } else {
                    Stage::Scoring { params: index, model: model.into_model() }
                }
            }
            SCORING => {
                let (params, of_order) = restore_params(spec, r)?;
                Stage::Scoring { params, model: ChangeFinder::restore(of_order, r)? }
            }
            _ => return Err(CodecError::Invalid { what: "track kind" }),
        };
        match stage {
            // under this spec the order is given: nothing is left to choose
            Stage::Choosing { .. } if spec.fixed => Err(CodecError::Invalid { what: "track kind" }),
            stage => Ok(stage),
        }
    }
}

fn restore_params<'a>(spec: &'a ScoreSpec, r: &mut Reader<'_>) -> Result<(u16, &'a Params), CodecError> {
    let index = u16::try_from(r.varint("AR order")?).map_err(|_| CodecError::Invalid { what: "AR order" })?;
    Ok((index, spec.params(index)?))
}

/// The points of a series as older versions saved them, added up.
fn restore_points(r: &mut Reader<'_>) -> Result<OrderSums, CodecError> {
    let count = r.varint("warm-up points")?;
    if count >= CHOICE_POINTS {
        return Err(CodecError::Invalid { what: "number of warm-up points" });
    }
    let mut sums = OrderSums::new();
    for _ in 0..count {
        let x = Finite::new(r.f64("warm-up points")?);
        sums.push(x.ok_or(CodecError::Invalid { what: "warm-up point" })?);
    }
    Ok(sums)
}

/// The most bytes of a calibrated score.
pub(super) const fn most_calibrated_bytes() -> usize {
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
            *anomaly = calibrated.score.update(spec, time_s, value).map(Anomaly::from);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::select_order;

    fn spec(keys: &[(&str, &str)], warm_up: bool) -> ScoreSpec {
        let settings = ChangeFinderSettings::from_texts(keys.iter().copied()).unwrap();
        ScoreSpec::new(&settings, warm_up, 0, None).unwrap()
    }

    fn points(n: usize) -> Vec<f64> {
        (0..n).map(|n| (n * 7919 % 101) as f64 / 7.0).collect()
    }

    #[test]
    fn points_that_an_older_version_saved_for_the_choice_are_added_up() {
        let spec = spec(&[], false);
        let points = points(1499);
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        w.u8(CHOOSING_FROM_POINTS);
        w.i64(0);
        w.varint(1499);
        w.f64s(&points);
        let mut restored = ScoredSeries::restore(&spec, &mut Reader::new(&bytes)).unwrap();
        let last = Observation { time: Time::from_seconds(60), value: 3.0, source: 0 };
        assert_eq!(restored.update(&spec, last, &mut None), ScoreOutcome::WarmingUp);
        let Stage::Scoring { params, .. } = restored.stage else { panic!("{restored:?}") };
        let all = [&points[..], &[3.0]].concat();
        assert_eq!(usize::from(params) + 1, select_order(&all, 50).order);
    }

    #[test]
    fn an_anomaly_score_of_an_older_version_begins_anew_beside_a_model_that_goes_on() {
        let settings = ChangeFinderSettings::from_texts([("k", "2")]).unwrap();
        let plain = ScoreSpec::new(&settings, false, 0, None).unwrap();
        let both = ScoreSpec::new(&settings, false, 0, Some(CalibratedSpec::default())).unwrap();
        let (mut model, mut calibrated) = (ScoredSeries::new(&plain), ScoredSeries::new(&both));
        let point = |n: usize| Observation {
            time: Time::from_seconds(60 * n as i64),
            value: (n * 7919 % 101) as f64,
            source: 0,
        };
        for n in 0..500 {
            model.update(&plain, point(n), &mut None);
            calibrated.update(&both, point(n), &mut None);
        }
        let saved = |series: &ScoredSeries| {
            let mut bytes = Vec::new();
            series.save(&mut Writer::new(&mut bytes));
            bytes
        };
        let (without, whole) = (saved(&model), saved(&calibrated));
        assert!(whole.starts_with(&without), "the anomaly score stands last");
        let current = whole[without.len()];
        for version in 0..=current + 1 {
            let mut bytes = whole.clone();
            bytes[without.len()] = version;
            let mut r = Reader::new(&bytes);
            match ScoredSeries::restore(&both, &mut r) {
                Ok(mut back) if version != current => {
                    assert!((1..current).contains(&version) && r.is_empty() && r.is_outdated());
                    let mut anomaly = None;
                    let scores = model.clone().update(&plain, point(500), &mut None);
                    assert_eq!(back.update(&both, point(500), &mut anomaly), scores, "version {version}");
                    assert!(anomaly.is_none(), "the anomaly score begins anew");
                }
                Ok(_) => assert!(!r.is_outdated()),
                // neither is one that this program has ever written
                Err(_) => assert!(version == 0 || version > current, "version {version}"),
            }
        }
    }

    #[test]
    fn a_model_that_an_older_version_saved_scores_on() {
        let spec = spec(&[("k", "7")], true);
        let params = &spec.params[0];
        let mut model = ChangeFinder::new(params);
        let x = Finite::new(2.0).unwrap();
        let _ = model.update(params, x);
        let mut bytes = Vec::new();
        let mut w = Writer::new(&mut bytes);
        w.u8(1);
        w.varint(0);
        model.save(&mut w);
        let mut restored = ScoredSeries::restore(&spec, &mut Reader::new(&bytes)).unwrap();
        let next = Observation { time: Time::from_seconds(60), value: 2.0, source: 0 };
        let expected = ScoreOutcome::Scored(model.update(params, x).unwrap());
        assert_eq!(restored.update(&spec, next, &mut None), expected);
    }

    #[test]
    fn a_series_that_chooses_its_order_costs_no_more_than_a_model_of_the_highest_order() {
        let chosen = ScoredSeries::memory_bytes(&spec(&[], true));
        assert_eq!(chosen, ScoredSeries::memory_bytes(&spec(&[("k", "50")], true)));
        assert!(chosen < 2000, "{chosen}");
    }
}
