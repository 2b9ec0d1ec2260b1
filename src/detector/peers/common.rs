//! What both algorithms share: verdicts, buffers, the usual deviation.

use super::sort;
use super::spec::PeerTest;
use super::{MEAN_TO_DEVIATION, SCALED_SHARE, TO_DEVIATION};
use crate::detector::min_max::larger;

/// What a window says of one member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerVerdict {
    /// It does not behave as its group does.
    pub is_outlier: bool,
    /// How far it is from the middle of its group, in usual deviations of the group, 0..
    pub distance: f64,
}

/// Buffers that are used from one window to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffers {
    pub(super) sorted: Vec<f64>,
    /// MAD: all values; DBSCAN: the median series.
    pub(super) middle: Vec<f64>,
    /// DBSCAN: distance of each member to the median series.
    pub(super) distances: Vec<f64>,
    /// DBSCAN: members by distance, or by value where a window has one.
    pub(super) order: Vec<u32>,
    /// DBSCAN: members of the cluster at hand, then of the largest one.
    pub(super) cluster: Vec<u32>,
    pub(super) largest: Vec<u32>,
    pub(super) rest: Vec<u32>,
}

/// The usual deviation of distances 0..: from their median, or from their mean where more than half of them are 0. With a
/// scaled test it is at least a share of `magnitude`. 0 only where nothing differs. `distances` are sorted.
pub(super) fn spread(test: PeerTest, distances: &[f64], magnitude: f64) -> f64 {
    let median = sort::median_of_sorted(distances);
    let deviation = if median > 0.0 {
        TO_DEVIATION * median
    } else {
        MEAN_TO_DEVIATION * distances.iter().sum::<f64>() / larger(distances.len() as f64, 1.0)
    };
    let least = if test.algorithm.is_scaled() { TO_DEVIATION * SCALED_SHARE * magnitude } else { 0.0 };
    larger(deviation, least)
}
