//! The stages of one series: the order is chosen, the model warms up, the model scores.

use super::outcome::{ScoreOutcome, ScoreRefusal};
use super::spec::ScoreSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::{ChangeFinder, Finite, OrderSums, Params, WarmingUp};
use crate::time::Time;

/// The seed chooses the order from the last day ...
const CHOICE_NANOS: i64 = 24 * 3600 * 1_000_000_000;
/// ... which is 1440 points at one minute; no series is made to wait for more.
const CHOICE_POINTS: u64 = 1500;
/// Marks of the stage in a saved state. The first was written by versions that kept the points; it is read only.
pub(super) const CHOOSING_FROM_POINTS: u8 = 0;
const SCORING: u8 = 1;
const CHOOSING: u8 = 2;
const WARMING_UP: u8 = 3;

/// From the choice of the order to the scores.
#[derive(Debug, Clone)]
pub(super) enum Stage {
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
    pub(super) fn first(spec: &ScoreSpec) -> Self {
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
    pub(super) fn score(
        &mut self,
        spec: &ScoreSpec,
        time: Time,
        value: f64,
    ) -> Result<ScoreOutcome, ScoreRefusal> {
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

    pub(super) fn save(&self, w: &mut Writer<'_>) {
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

    pub(super) fn restore(spec: &ScoreSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
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
