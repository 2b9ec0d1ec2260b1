//! The two stages of ChangeFinder put together: one point through both.

use thiserror::Error;

use super::params::{MAX_ORDER, Params, ScoreFunction};
use super::score::{hellinger, log_loss, log_loss_by_density};
use super::sdar::{AnyOrder, ArModel, push};
use crate::detector::numeric::{Finite, mean};

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

/// Scores `x` and learns it, in loops.
///
/// # Errors
/// [`Overflow`], see [`score_and_learn`].
#[inline(never)] // stack: the arrays for the highest order take 4 kB
pub(super) fn update_any_order(state: &mut [f64], params: &Params, x: f64) -> Result<Scores, Overflow> {
    let model = AnyOrder::<{ MAX_ORDER + 1 }> { k: params.order(), estimator: params.estimator() };
    if params.order() as f64 * params.discounting_rate() >= 1.0 {
        // the first recursions may be exactly singular (golden: r = 0.1, k = 20), and the last bit of a score
        // decides what follows: round as the seed does
        return score_and_learn::<true, _>(&model, state, params, x);
    }
    score_and_learn::<false, _>(&model, state, params, x)
}

/// Both stages, one after the other: each scores, checks and learns; the next stage sees the mean of the scores.
///
/// The check alone keeps the state finite. Points and scores, hence their means, mu and c, are bounded by
/// [`Finite::MAX`]. An infinite prediction or sigma shows in the score made from it: log-loss holds ln(sigma),
/// Hellinger divides infinity by infinity.
///
/// The two logarithmic losses differ in their last bits only.
///
/// # Errors
/// [`Overflow`] when the outlier score, and with it the state, would not be finite any more; nothing is learned
/// then.
#[inline(always)] // speed
pub(super) fn score_and_learn<const BY_DENSITY: bool, const N: usize>(
    model: &impl ArModel<N>,
    state: &mut [f64],
    params: &Params,
    x: f64,
) -> Result<Scores, Overflow> {
    let mut rest = state;
    let mut input = x;
    let mut rate = params.discounting_rate();
    let mut window = params.outlier_window();
    let (mut outlier, mut newest) = (0.0, 0.0);
    while let Some((stage, behind)) = rest.split_at_mut_checked(model.words()) {
        let Some((scores, next)) = behind.split_at_mut_checked(window) else { return Err(Overflow) };
        let step = model.step(stage, rate, input);
        let score = match params.score_function() {
            ScoreFunction::LogLoss if BY_DENSITY => log_loss_by_density(input - step.x_hat, step.sigma),
            ScoreFunction::LogLoss => log_loss(input - step.x_hat, step.sigma),
            ScoreFunction::Hellinger => hellinger(stage[0], stage[1], step.mu, step.sigma),
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
#[inline(never)] // speed
fn mean_as_it_was(scores: &[f64]) -> f64 {
    mean(scores)
}
