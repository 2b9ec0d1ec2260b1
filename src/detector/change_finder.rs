//! ChangeFinder: two stages of learning, smoothed (Takeuchi & Yamanishi 2006, section 5).
//!
//! | symbol | here |
//! |---|---|
//! | r, k | [`Params::discounting_rate`], [`Params::order`]; the second stage learns at r/2 |
//! | T, T' | [`Params::outlier_window`] T1, [`Params::change_window`] T2 |
//! | Score(x_t) | [`Scores::outlier`], as the first stage gives it, not smoothed |
//! | y_t | mean of the last T1 outlier scores, what the second stage learns |
//! | Score(t) | [`Scores::change`], mean of the last T2 scores of the second stage |
//!
//! All windows start as zeros and the means divide by the full length from the first point on, as in the seed:
//! a series far from 0 starts with a transient of about (1-r)^t of its level.

use thiserror::Error;

use super::numeric::{Finite, mean_with};
use super::params::{ArEstimator, MAX_ORDER, Params, Surprise};
use super::sdar::{Step, WINDOW, push, step_any, step_unrolled, words};
use super::{score, unroll};
use crate::codec::{CodecError, Reader, Writer};

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
/// autocovariances that are singular to the last bit together with jumps of many orders of magnitude.
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
///     let x = if t == 150 { 9.0 } else { f64::from(t % 5) };
///     scores.extend(Finite::new(x).map(|x| model.update(&params, x).map(|s| s.outlier)));
/// }
/// assert!(scores[150] > scores[149] && scores[150] > scores[151]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The parameters are shared by many series and are not kept here: every call takes them, and they have to be
/// the ones the model was made with. With others the scores mean nothing, or every point is refused; nothing
/// panics.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFinder {
    /// Stage 1, stage 2 (see `sdar`), last T1 outlier scores, last T2 change scores, the oldest first; all finite.
    state: Box<[f64]>,
}

/// How the words of `state` are divided.
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
    /// [`Overflow`] when the state or the scores would not be finite any more; nothing is learned then.
    pub fn update(&mut self, params: &Params, x: Finite) -> Result<Scores, Overflow> {
        let x = x.get();
        let state = &mut self.state;
        match params.estimator() {
            ArEstimator::Yule => match params.order() {
                1 => update_unrolled::<1, false>(state, params, x),
                2 => update_unrolled::<2, false>(state, params, x),
                3 => update_unrolled::<3, false>(state, params, x),
                4 => update_unrolled::<4, false>(state, params, x),
                5 => update_unrolled::<5, false>(state, params, x),
                6 => update_unrolled::<6, false>(state, params, x),
                7 => update_unrolled::<7, false>(state, params, x),
                8 => update_unrolled::<8, false>(state, params, x),
                9 => update_unrolled::<9, false>(state, params, x),
                unroll::UNROLLED => update_unrolled::<10, false>(state, params, x),
                _ => update_any(state, params, x),
            },
            ArEstimator::Burg => match params.order() {
                1 => update_unrolled::<1, true>(state, params, x),
                2 => update_unrolled::<2, true>(state, params, x),
                3 => update_unrolled::<3, true>(state, params, x),
                4 => update_unrolled::<4, true>(state, params, x),
                5 => update_unrolled::<5, true>(state, params, x),
                6 => update_unrolled::<6, true>(state, params, x),
                7 => update_unrolled::<7, true>(state, params, x),
                8 => update_unrolled::<8, true>(state, params, x),
                9 => update_unrolled::<9, true>(state, params, x),
                unroll::UNROLLED => update_unrolled::<10, true>(state, params, x),
                _ => update_any(state, params, x),
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
        if self.state.len() != len(params) {
            return None;
        }
        let k = params.order();
        let size = words(k, params.estimator());
        let stage = |from: usize| {
            let (window, c) = self.state[from + WINDOW..from + size].split_at(k);
            StageInternals { mu: self.state[from], sigma: self.state[from + 1], window, c }
        };
        let (outliers, changes) = self.state[2 * size..].split_at(params.outlier_window());
        Some(Internals { stage1: stage(0), stage2: stage(size), outliers, changes })
    }

    /// What every state that `update` can reach has in common, and what `update` relies on.
    fn is_sound(&self, params: &Params) -> bool {
        // running means may exceed the data by rounding; a rate below 1e-16 adds up
        const MEAN_MAX: f64 = 1e120;
        let learnable = |values: &[f64]| values.iter().all(|&value| Finite::new(value).is_some());
        self.state.iter().all(|value| value.is_finite())
            && self.internals(params).is_some_and(|all| {
                [all.stage1, all.stage2]
                    .iter()
                    .all(|stage| stage.sigma >= 0.0 && stage.mu.abs() <= MEAN_MAX && learnable(stage.window))
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

#[inline(never)]
fn update_unrolled<const K: usize, const BURG: bool>(
    state: &mut [f64],
    params: &Params,
    x: f64,
) -> Result<Scores, Overflow> {
    let estimator = if BURG { ArEstimator::Burg } else { ArEstimator::Yule };
    update_with(state, params, x, K, words(K, estimator), step_unrolled::<K, BURG>)
}

#[inline(never)]
fn update_any(state: &mut [f64], params: &Params, x: f64) -> Result<Scores, Overflow> {
    let (k, estimator) = (params.order(), params.estimator());
    update_with(state, params, x, k, words(k, estimator), |stage, rate, x| {
        step_any::<{ MAX_ORDER + 1 }>(stage, k, estimator, rate, x)
    })
}

/// Both stages, then one check, then all writes.
///
/// The check covers everything that is written. x, the windows and hence mu and c are bounded by
/// [`Finite::MAX`], and so is y here. An infinite prediction or sigma shows in the score made from it: log-loss
/// holds ln(sigma), Hellinger divides something infinite by something infinite. The outlier score goes into y.
#[inline(always)]
fn update_with<const N: usize>(
    state: &mut [f64],
    params: &Params,
    x: f64,
    k: usize,
    stage_words: usize,
    step: impl Fn(&[f64], f64, f64) -> Step<N>,
) -> Result<Scores, Overflow> {
    let Some((stage1, rest)) = state.split_at_mut_checked(stage_words) else { return Err(Overflow) };
    let Some((stage2, rest)) = rest.split_at_mut_checked(stage_words) else { return Err(Overflow) };
    let Some((outliers, changes)) = rest.split_at_mut_checked(params.outlier_window()) else {
        return Err(Overflow);
    };
    let (Some((_, last_outliers)), Some((_, last_changes))) = (outliers.split_first(), changes.split_first())
    else {
        return Err(Overflow);
    };

    let rate = params.discounting_rate();
    let step1 = step(stage1, rate, x);
    let outlier = surprise(params.surprise(), stage1, &step1, x);
    let y = mean_with(last_outliers, outlier);

    let step2 = step(stage2, rate / 2.0, y);
    let surprise2 = surprise(params.surprise(), stage2, &step2, y);
    let change = mean_with(last_changes, surprise2);

    if Finite::new(y).is_none() || !change.is_finite() {
        return Err(Overflow);
    }
    step1.store(stage1, k, x);
    step2.store(stage2, k, y);
    push(outliers, outlier);
    push(changes, surprise2);
    Ok(Scores { outlier, change })
}

#[inline(always)]
fn surprise<const N: usize>(kind: Surprise, before: &[f64], step: &Step<N>, x: f64) -> f64 {
    match kind {
        Surprise::LogLoss => score::log_loss(x - step.x_hat, step.sigma),
        Surprise::Hellinger => score::hellinger(before[0], before[1], step.mu, step.sigma),
    }
}
