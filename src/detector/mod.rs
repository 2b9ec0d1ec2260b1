//! Numbers and time, nothing else: no I/O, no clock, no allocation per point.
//!
//! [`ChangeFinder`] scores a series point by point: how unexpected is this point (outlier), and has the series
//! as a whole changed (change point). It is the two-stage learning of
//!
//! > J. Takeuchi, K. Yamanishi: *A Unifying Framework for Detecting Outliers and Change Points from Time
//! > Series*, IEEE Transactions on Knowledge and Data Engineering 18(4), 2006.
//!
//! | file | what it holds |
//! |---|---|
//! | `numeric`, `logarithm` | [`Finite`], a mean with a fixed order of summation, `exp`; `ln` |
//! | `levinson`, `burg` | AR coefficients from autocovariances, or from the points themselves |
//! | `sdar` | one step of sequentially discounting AR learning |
//! | `score` | what a step says of the point: logarithmic loss or Hellinger distance |
//! | `params` | the checked parameters |
//! | `change_finder` | the two stages put together; save and restore |
//! | `order` | choice of the AR order by AIC |
//!
//! All results are the same bits on every target: nothing here depends on the platform's mathematics library,
//! and the order of each sum is fixed.

pub mod band;
pub mod calibrated;
mod change_finder;
mod logarithm;
mod numeric;

pub use change_finder::{
    ArEstimator, ChangeFinder, Internals, MAX_ORDER, MAX_WINDOW, OrderFit, Overflow, Params, ParamsError,
    Scores, Selection, StageInternals, Surprise, burg, levinson, order_fits, select_order,
};
pub use logarithm::ln;
pub use numeric::{Finite, NotLearnable, exp, mean};
