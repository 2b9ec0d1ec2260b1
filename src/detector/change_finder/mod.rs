//! ChangeFinder scores a series point by point. The outlier score says how unexpected the point is, the change score
//! says how much the series as a whole has changed. It learns in two stages, as described in
//!
//! > J. Takeuchi, K. Yamanishi: *A Unifying Framework for Detecting Outliers and Change Points from Time
//! > Series*, IEEE Transactions on Knowledge and Data Engineering 18(4), 2006, section 5.
//!
//! | symbol | here |
//! |---|---|
//! | r, k | [`Params::discounting_rate`], [`Params::order`]; the second stage learns at r/2 |
//! | T, T' | [`Params::outlier_window`] T1, [`Params::change_window`] T2 |
//! | Score(x_t) | [`Scores::outlier`], the score of the first stage, not smoothed |
//! | y_t | mean of the last T1 outlier scores; the second stage learns it |
//! | Score(t) | [`Scores::change`], mean of the last T2 scores of the second stage |
//!
//! All windows start as zeros and the means divide by the full length from the first point on, as in the seed.
//! So a series far from 0 starts with a transient of about (1-r)^t of its level.
//!
//! | file | what it holds |
//! |---|---|
//! | `levinson`, `burg` | AR coefficients from autocovariances, or from the points themselves |
//! | `sdar` | one step of sequentially discounting AR learning |
//! | `score` | the score of a step: logarithmic loss or Hellinger distance |
//! | `unrolled` | levinson, burg and sdar without loops for the usual orders: the same bits in less time |
//! | `order_selection` | choice of the AR order by AIC |
//! | `params` | the checked parameters |

#[macro_use]
mod unrolled;

mod burg;
mod levinson;
mod order_selection;
mod params;
mod score;
mod sdar;

pub use burg::burg;
pub use levinson::levinson;
pub use order_selection::{OrderFit, Selection, order_fits, select_order};
pub use params::{ArEstimator, MAX_ORDER, MAX_WINDOW, Params, ParamsError, Surprise};

use thiserror::Error;

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::numeric::{Finite, mean};
use score::{hellinger, log_loss, log_loss_by_density};
use sdar::{AnyOrder, Learn, Unrolled, WINDOW, push, words};

/// What a point scored. Both numbers are finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// How unexpected the point is: natural units (nats) with log-loss, where it can be negative; 0 to 100 with
    /// Hellinger.
    pub outlier: f64,
    /// How much the series has changed: the same units, smoothed twice.
    pub change: f64,
}

/// A point that the model cannot take: its arithmetic would overflow. The model stays as it was.
///
/// The seed learns such a point and every later score is NaN. Ordinary data never comes here: it takes
/// autocovariances that are singular to the last bit together with jumps of many orders of magnitude, or a
/// discounting rate below 1e-99 (log-loss reaches 0.5/r, and no score above [`Finite::MAX`] is kept). Where only
/// the second stage would overflow, it alone leaves the point out: the outlier score is given, the change score
/// keeps its last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the model overflows on this point and has left it out")]
pub struct Overflow;

/// The model of a series: scores each point, then learns it.
///
/// ```
/// use fluent_anomaly::detector::{ArEstimator, ChangeFinder, Finite, Params, Surprise};
///
/// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, Surprise::LogLoss)?;
/// let mut model = ChangeFinder::new(&params);
/// let mut scores = Vec::new();
/// for t in 0..200 {
///     let x = if t == 150 { 30.0 } else { f64::from(t % 5) };
///     scores.push(model.update(&params, Finite::try_from(x)?)?.outlier);
/// }
/// assert!(scores[149] < 1.0 && scores[150] > 20.0 && scores[151] < 5.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The parameters are shared by many series and are not kept here: every call takes them, and they have to be
/// the ones the model was made with. With others the scores mean nothing, or every point is refused; nothing
/// panics.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFinder {
    /// Stage 1 (see `sdar`), the last T1 outlier scores, stage 2, its last T2 scores, the oldest first; all finite.
    state: Box<[f64]>,
}

/// Words of state.
fn len(params: &Params) -> usize {
    2 * words(params.order(), params.estimator()) + params.outlier_window() + params.change_window()
}

impl ChangeFinder {
    /// A model that has seen nothing.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        Self { state: vec![0.0; len(params)].into() }
    }

    /// Scores `x` and learns it.
    ///
    /// # Errors
    /// [`Overflow`] when the outlier score, and with it the state, would not be finite any more; nothing is
    /// learned then.
    #[inline]
    pub fn update(&mut self, params: &Params, x: Finite) -> Result<Scores, Overflow> {
        let x = x.get();
        let state = &mut self.state;
        if crate::IS_COMPACT {
            return any_order(state, params, x);
        }
        match params.estimator() {
            ArEstimator::Yule => match params.order() {
                1 => unrolled::<1, false>(state, params, x),
                2 => unrolled::<2, false>(state, params, x),
                3 => unrolled::<3, false>(state, params, x),
                4 => unrolled::<4, false>(state, params, x),
                5 => unrolled::<5, false>(state, params, x),
                6 => unrolled::<6, false>(state, params, x),
                7 => unrolled::<7, false>(state, params, x),
                8 => unrolled::<8, false>(state, params, x),
                9 => unrolled::<9, false>(state, params, x),
                unrolled::UNROLLED => unrolled::<10, false>(state, params, x),
                _ => any_order(state, params, x),
            },
            ArEstimator::Burg => match params.order() {
                1 => unrolled::<1, true>(state, params, x),
                2 => unrolled::<2, true>(state, params, x),
                3 => unrolled::<3, true>(state, params, x),
                4 => unrolled::<4, true>(state, params, x),
                5 => unrolled::<5, true>(state, params, x),
                6 => unrolled::<6, true>(state, params, x),
                7 => unrolled::<7, true>(state, params, x),
                8 => unrolled::<8, true>(state, params, x),
                9 => unrolled::<9, true>(state, params, x),
                unrolled::UNROLLED => unrolled::<10, true>(state, params, x),
                _ => any_order(state, params, x),
            },
        }
    }

    /// Appends the state, every bit of it; its length follows from the parameters.
    pub fn save(&self, out: &mut Writer<'_>) {
        out.f64s(&self.state);
    }

    /// A model that goes on exactly where the saved one was.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when bytes are missing, [`CodecError::Invalid`] when a number is none that a
    /// model with these parameters can hold.
    pub fn restore(params: &Params, from: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "change finder state";
        let bytes = from.take(len(params) * size_of::<f64>(), WHAT)?;
        let mut model = Self::new(params);
        Reader::new(bytes).f64s(&mut model.state, WHAT)?;
        if model.is_sound(params) { Ok(model) } else { Err(CodecError::Invalid { what: WHAT }) }
    }

    /// Bytes a model takes, heap and inline, whatever it has seen.
    ///
    /// ```
    /// use fluent_anomaly::detector::{ArEstimator, ChangeFinder, Params, Surprise};
    ///
    /// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, Surprise::LogLoss)?;
    /// assert!(ChangeFinder::memory_bytes(&params) <= 450);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_bytes(params: &Params) -> usize {
        size_of::<Self>() + len(params) * size_of::<f64>()
    }

    /// Diagnostic: what the model has learned so far, or `None` with parameters of another size of state.
    #[must_use]
    pub fn internals(&self, params: &Params) -> Option<Internals<'_>> {
        let k = params.order();
        let size = words(k, params.estimator());
        let (stage1, rest) = self.state.split_at_checked(size)?;
        let (outliers, rest) = rest.split_at_checked(params.outlier_window())?;
        let (stage2, changes) = rest.split_at_checked(size)?;
        (changes.len() == params.change_window()).then_some(())?;
        Some(Internals {
            stage1: StageInternals::new(stage1, k)?,
            stage2: StageInternals::new(stage2, k)?,
            outliers,
            changes,
        })
    }

    /// What every state that `update` can reach has in common, and what `update` relies on.
    fn is_sound(&self, params: &Params) -> bool {
        // means may exceed what they are made of: by rounding, and with a rate below 1e-16, which adds up
        const MEAN_MAX: f64 = 1e120;
        let mean_like = |values: &[f64]| values.iter().all(|value| value.abs() <= MEAN_MAX);
        let learnable = |values: &[f64]| values.iter().all(|&value| Finite::new(value).is_some());
        self.state.iter().all(|value| value.is_finite())
            && self.internals(params).is_some_and(|all| {
                learnable(all.outliers)
                    && learnable(all.changes)
                    && [all.stage1, all.stage2]
                        .iter()
                        .all(|stage| stage.sigma >= 0.0 && mean_like(&[stage.mu]) && mean_like(stage.window))
            })
    }
}

/// What a [`ChangeFinder`] has learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Internals<'a> {
    /// Learns the series.
    pub stage1: StageInternals<'a>,
    /// Learns the smoothed outlier scores.
    pub stage2: StageInternals<'a>,
    /// The last T1 outlier scores, the oldest first.
    pub outliers: &'a [f64],
    /// The last T2 scores of the second stage, the oldest first.
    pub changes: &'a [f64],
}

/// What a stage has learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageInternals<'a> {
    /// Discounted mean.
    pub mu: f64,
    /// Discounted variance of the prediction error, 0 or more.
    pub sigma: f64,
    /// The last k points, the oldest first.
    pub window: &'a [f64],
    /// Discounted autocovariances at the lags 0 to k; empty with Burg's method, which has none.
    pub c: &'a [f64],
}

impl<'a> StageInternals<'a> {
    fn new(stage: &'a [f64], k: usize) -> Option<Self> {
        let (&[mu, sigma], rest) = stage.split_first_chunk::<WINDOW>()?;
        let (window, c) = rest.split_at_checked(k)?;
        Some(Self { mu, sigma, window, c })
    }
}

#[inline(never)]
fn unrolled<const K: usize, const BURG: bool>(
    state: &mut [f64],
    params: &Params,
    x: f64,
) -> Result<Scores, Overflow> {
    score_and_learn(&Unrolled::<K, BURG>, state, params, x, log_loss)
}

#[inline(never)]
fn any_order(state: &mut [f64], params: &Params, x: f64) -> Result<Scores, Overflow> {
    let model = AnyOrder::<{ MAX_ORDER + 1 }> { k: params.order(), estimator: params.estimator() };
    if params.order() as f64 * params.discounting_rate() >= 1.0 {
        // the first recursions may be exactly singular (golden: r = 0.1, k = 20), and the last bit of a score
        // decides what follows: round as the seed does
        return score_and_learn(&model, state, params, x, log_loss_by_density);
    }
    score_and_learn(&model, state, params, x, log_loss)
}

/// Both stages, one after the other: score, check, learn; the mean of the scores is what the next stage sees.
///
/// The check is all it takes to keep the state finite. Points and scores, hence their means, mu and c, are
/// bounded by [`Finite::MAX`]. An infinite prediction or sigma shows in the score made from it: log-loss holds
/// ln(sigma), Hellinger divides something infinite by something infinite.
///
/// `log_loss` is one of the two in `score`: they differ in their last bits only.
#[inline(always)]
fn score_and_learn<const N: usize>(
    model: &impl Learn<N>,
    state: &mut [f64],
    params: &Params,
    x: f64,
    log_loss: impl Fn(f64, f64) -> f64,
) -> Result<Scores, Overflow> {
    let mut rest = state;
    let mut input = x;
    let mut rate = params.discounting_rate();
    let mut window = params.outlier_window();
    let (mut outlier, mut newest) = (0.0, 0.0);
    while let Some((stage, behind)) = rest.split_at_mut_checked(model.words()) {
        let Some((scores, next)) = behind.split_at_mut_checked(window) else { return Err(Overflow) };
        let step = model.step(stage, rate, input);
        let score = match params.surprise() {
            Surprise::LogLoss => log_loss(input - step.x_hat, step.sigma),
            Surprise::Hellinger => hellinger(stage[0], stage[1], step.mu, step.sigma),
        };
        if Finite::new(score).is_some() {
            model.store(stage, &step, input);
            push(scores, score);
        } else if next.is_empty() {
            return Ok(Scores { outlier: newest, change: mean_as_it_was(scores) });
        } else {
            return Err(Overflow); // of the first stage
        }
        (outlier, newest) = (newest, score);
        rest = next;
        input = mean(scores);
        rate /= 2.0;
        window = params.change_window();
    }
    Ok(Scores { outlier, change: input })
}

/// Where the second stage has left its point out.
#[cold]
#[inline(never)]
fn mean_as_it_was(scores: &[f64]) -> f64 {
    mean(scores)
}

#[cfg(test)]
mod tests;
