//! Numbers and time, nothing else: no I/O, no clock, no allocation per point.
//!
//! | here | what it holds |
//! |---|---|
//! | `numeric`, `logarithm`, `min_max`, `insertion`, `heap_sort` | [`Finite`], a mean with a fixed order of summation, `exp`; `ln`; the larger of two; a sort of few, a sort of many |
//! | `change_finder` | the outlier score and the change score; the choice of the AR order |
//! | [`calibrated`] | one score between 0 and 1 a point, and alarms whose number is known in advance |
//! | `quantile_sketch`, `distinct` | percentiles and different values of a window, in bounded memory |
//! | `measure` | what the records of a window amount to |
//! | `log_patterns` | the templates that log lines follow |
//! | [`band`] | the range in which the next point is expected, for monitors |
//! | [`fleet`] | one budget of alarms for all series, one incident for alarms that begin together |
//! | [`peers`] | members of a group that do not behave as the others |
//!
//! All results are the same bits on every target: nothing here depends on the mathematics library of the platform,
//! and the order of each sum is fixed.

pub(crate) mod band;
pub(crate) mod calibrated;
mod change_finder;
mod distinct;
pub(crate) mod fleet;
mod heap_sort;
mod insertion;
pub(crate) mod log_patterns;
mod logarithm;
pub(crate) mod measure;
mod min_max;
mod numeric;
pub(crate) mod peers;
mod quantile_sketch;

pub use change_finder::{
    ArEstimator, ChangeFinder, Internals, MAX_ORDER, MAX_WINDOW, OrderFit, Overflow, Params, ParamsError,
    ScoreFunction, Scores, SelectedOrder, StageInternals, WarmingUp, burg, levinson, order_fits,
    select_order,
};
pub(crate) use change_finder::{MAX_SUMMED_ORDER, OrderSums};
pub use distinct::DistinctCounter;
pub(crate) use heap_sort::{heap_sort, sort_numbers, sort_points};
pub(crate) use insertion::sort_few;
pub use log_patterns::{LinePattern, LogPatterns};
pub use numeric::{Finite, NotLearnable, mean};
pub use quantile_sketch::QuantileSketch;
