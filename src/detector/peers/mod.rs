//! Outliers among peers: series that should behave alike, compared with each other window by window.
//!
//! | file | what it holds |
//! |---|---|
//! | `spec` | algorithm, tolerance, percent, windows, and their ranges |
//! | `sort` | sorting by value, the median |
//! | `common` | verdicts, buffers, the usual deviation |
//! | `dbscan` | members apart from the largest cluster |
//! | `mad` | members whose values lie far from the median of all |
//! | `judge` | one window of a group, from values to outliers |
//! | `budget`, `usual`, `shift`, `ladder` | a group with a budget of alarms: its threshold, what is usual of a member, whether its latest deviations are a shift, how often levels are crossed |
//! | `window_clock` | which window is open, by the times of the records |
//! | `member` | one member: its open windows, its last values, its verdict |
//! | `group` | a group: members that come and go, windows that close |
//!
//! The algorithms are those that Datadog describes for its outlier monitors (H. Lee, "Outlier detection in Datadog: a
//! look at the algorithms", 2015, and the page of the outlier monitor):
//!
//! - DBSCAN (Ester, Kriegel, Sander, Xu 1996) with one point as the least neighbourhood: each member is a point with one
//!   coordinate a window; the threshold is `tolerance` times the median of the distances to the median series, times
//!   [`TO_DEVIATION`]; members that do not belong to the largest cluster are outliers.
//! - MAD: a value is out when it lies more than `tolerance` · [`TO_DEVIATION`] · MAD from the median of all values; a
//!   member is an outlier when more than `percent` of its values are out.
//!
//! Datadog does not publish its normalizing constant for DBSCAN, nor what the scaled variants do beyond "scale with the
//! overall magnitude". Here both take [`TO_DEVIATION`], and the scaled variants take at least [`SCALED_SHARE`] of the
//! magnitude for the spread.

mod budget;
mod common;
mod dbscan;
mod group;
mod judge;
mod ladder;
mod mad;
mod member;
mod shift;
mod sort;
mod spec;
mod usual;
mod window_clock;

pub use common::PeerVerdict;
pub use group::PeerGroup;
pub use judge::Judge;
pub use member::MemberVerdict;
pub use spec::{GroupSpec, GroupTest, PeerAlgorithm, PeerSpecError, PeerTest};

/// Median absolute deviation -> standard deviation of normal values: 1 / 0.6745.
const TO_DEVIATION: f64 = 1.4826;
/// Mean absolute deviation -> standard deviation of normal values: sqrt(pi / 2). It stands in for the median where more
/// than half of the values are equal.
const MEAN_TO_DEVIATION: f64 = 1.2533;
/// Scaled variants: the spread is at least this share of the magnitude.
const SCALED_SHARE: f64 = 0.03;
/// Differences below this share of the magnitude are rounding.
const ROUNDING: f64 = 1e-9;
