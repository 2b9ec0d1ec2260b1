//! ChangeFinder for one series, from the choice of its order to its scores.
//!
//! | stage | ends |
//! |---|---|
//! | the order is being chosen; not with `k` given | after a day or 1500 points |
//! | the model warms up; not with `warm_up: off` | after [`Params::warm_up_points`] |
//! | the model scores | |

//!
//! | file | what it holds |
//! |---|---|
//! | `spec` | what all series of a section share |
//! | `outcome` | what one observation yields |
//! | `stage` | the choice of the order, the warm-up, the model |
//! | `series` | one series: the stage, the points seen last, the calibrated score |

mod outcome;
mod series;
mod spec;
mod stage;

#[cfg(test)]
mod tests;

pub use outcome::{ScoreOutcome, ScoreRefusal};
pub use series::ScoredSeries;
pub(super) use series::most_calibrated_bytes;
pub use spec::ScoreSpec;
