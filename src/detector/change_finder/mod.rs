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
//! So a series far from 0 starts with a transient of about (1-r)^t of its level. [`WarmingUp`] keeps these scores back.
//!
//! | file | what it holds |
//! |---|---|
//! | `levinson`, `burg` | AR coefficients from autocovariances, or from the points themselves |
//! | `sdar` | one step of sequentially discounting AR learning |
//! | `score` | the score of a step: logarithmic loss or Hellinger distance |
//! | `stages` | both stages put together |
//! | `unrolled` | levinson, burg and sdar without loops for the usual orders: the same bits in less time |
//! | `warm_up` | a model whose scores mean nothing yet |
//! | `order_selection`, `order_sums` | choice of the AR order by AIC, from points or from running sums |
//! | `params`, `internals` | the checked parameters; a view of what a model has learned |

mod burg;
mod internals;
mod levinson;
mod order_selection;
mod order_sums;
mod params;
mod score;
mod sdar;
mod stages;
mod unrolled;
mod warm_up;

pub use burg::burg;
pub use internals::{Internals, StageInternals};
pub use levinson::levinson;
pub use order_selection::{OrderFit, SelectedOrder, order_fits, select_order};
pub(crate) use order_sums::{MAX_SUMMED_ORDER, OrderSums};
pub use params::{ArEstimator, MAX_ORDER, MAX_WINDOW, Params, ParamsError, ScoreFunction};
pub use stages::{Overflow, Scores};
pub use warm_up::WarmingUp;

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::numeric::Finite;
use sdar::words;

/// The model of a series: scores each point, then learns it.
///
/// ```
/// use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Finite, Params, ScoreFunction};
///
/// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
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
/// Many series share the parameters, so the model does not keep them: every call takes those the model was made with.
/// With others the scores mean nothing, or every point is refused; nothing panics.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeFinder {
    /// Stage 1 (see `sdar`), the last T1 outlier scores, stage 2, its last T2 scores, the oldest first; all finite.
    state: Box<[f64]>,
}

/// How many words the state takes.
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
    #[inline(always)] // speed
    pub fn update(&mut self, params: &Params, x: Finite) -> Result<Scores, Overflow> {
        let x = x.get();
        let state = &mut self.state;
        if crate::IS_COMPACT {
            return stages::update_any_order(state, params, x);
        }
        unrolled::update(state, params, x)
    }

    /// Appends the state, every bit of it; its length follows from the parameters.
    pub fn save(&self, out: &mut Writer<'_>) {
        out.f64s(&self.state);
    }

    /// A model that goes on exactly where the saved one stopped.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when bytes are missing, [`CodecError::Invalid`] when no model with these parameters can
    /// hold one of the numbers.
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
    /// use fluent_anomaly::detectors::{ArEstimator, ChangeFinder, Params, ScoreFunction};
    ///
    /// let params = Params::new(0.02, 7, 10, 5, ArEstimator::Yule, ScoreFunction::LogLoss)?;
    /// assert!(ChangeFinder::memory_bytes(&params) <= 450);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_bytes(params: &Params) -> usize {
        size_of::<Self>() + len(params) * size_of::<f64>()
    }

    /// Diagnosis: what the model has learned so far, or `None` with parameters of another size of state.
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

    /// Whether the state is one that `update` can reach; `update` relies on that.
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

#[cfg(test)]
mod tests;
