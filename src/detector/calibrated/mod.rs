//! One number that means the same on every series: how rare a point is in its series' own past.
//!
//! [`Calibrated`] looks at each point through a few channels (value, moving mean, activity, one-step error,
//! standing still, and its place in the season where one is known), asks of each how long ago it was last that
//! extreme, corrects the answer by how often such incidents really happen in this series, and holds it against
//! an alarm [`AlarmBudget`] per unit of time. `docs/calibrated-score.md` derives and measures it.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec` | the alarm budget and the constants of the method |
//! | `spacing` | the series' own point spacing |
//! | `channels` | what is looked at |
//! | `age` | one side of one channel: block maxima and the age of the extreme |
//! | `extremes` | all sides of all channels: which may be rare, and how rare |
//! | `period`, `season_detector`, `season` | the periods; whether there is one; what leaves its profile |
//! | `stay` | how long the series has stayed on one side of its centre |
//! | `calibration` | raw rarity -> rate, by the incidents counted |
//! | `incident` | alarms, their starts and ends |
//! | `reason` | why, in a word and two numbers |
//! | `verdict` | the verdict on one point, and its score |
//! | `series` | one series: what it learns of each point, its saved state |
//! | `judge` | the verdict on a point that may be rare |

mod age;
mod calibration;
mod channels;
mod extremes;
mod incident;
mod judge;
mod period;
mod reason;
mod season;
mod season_detector;
mod series;
mod spacing;
mod spec;
mod stay;
mod verdict;

#[cfg(test)]
mod tests;

pub use incident::AlarmEvent;
pub use period::Period;
pub use reason::{AlarmReason, ReasonKind};
pub use series::Calibrated;
pub use spec::{AlarmBudget, CalibratedSpec, CalibratedSpecError, Tuning};
pub(crate) use verdict::Judged;
pub use verdict::Rarity;
