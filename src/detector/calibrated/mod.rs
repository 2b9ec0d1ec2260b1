//! One number that means the same on every series: how rare a point is in its series' own past.
//!
//! [`Calibrated`] looks at each point through a few channels (value, moving mean, activity, one-step error,
//! standing still, and its place in the season where one is known), asks of each how long ago it was last that
//! extreme, corrects the answer by how often such incidents really happen in this series, and holds it against
//! an alarm [`Budget`] per unit of time. `docs/calibrated-score.md` derives and measures it.
//!
//! | file | idea |
//! |---|---|
//! | `spec` | the budget and the constants |
//! | `clock` | the series' own point spacing |
//! | `channels` | what is looked at |
//! | `age` | age of the extreme: block maxima on a ladder |
//! | `sides` | the extremes of all channels: which may be rare |
//! | `finder`, `season` | is there a season; what leaves its profile |
//! | `order` | larger and smaller, cheaply |
//! | `ladder` | calibration by the incidents counted |
//! | `incident` | alarms, their starts and ends |
//! | `reason` | why, in a word |
//! | `rarity` | the verdict on a point, and its score |
//! | `engine` | one series, from point to verdict |

mod age;
mod calibration;
mod channels;
mod extremes;
mod incident;
mod order;
mod reason;
mod season;
mod season_detector;
mod series;
mod spacing;
mod spec;
mod verdict;

#[cfg(test)]
mod tests;

pub use incident::AlarmEvent;
pub use reason::{Kind, Reason};
pub use season_detector::Period;
pub use series::Calibrated;
pub use spec::{Budget, CalibratedSpec, SpecError, Tuning};
pub use verdict::Rarity;
