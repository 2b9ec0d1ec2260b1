//! One window of a group: from the members' values to the outliers.

use super::spec::{PeerAlgorithm, PeerTest};
use super::{MEAN_TO_DEVIATION, SCALED_SHARE, TO_DEVIATION, dbscan, mad, sort};
use crate::detector::min_max::larger;

/// What a window says of one member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerVerdict {
    /// It does not behave as its group does.
    pub is_outlier: bool,
    /// How far it is from the middle of its group, in usual deviations of the group, 0..
    pub distance: f64,
}

/// Judges windows; keeps its buffers from one to the next.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    /// One verdict a member, in the order of the values.
    verdicts: Vec<PeerVerdict>,
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

impl Judge {
    /// Judges a window: `values` holds `buckets` finite values of each member, one member behind the other.
    ///
    /// ```
    /// use fluent_anomaly::detectors::{Judge, PeerAlgorithm, PeerTest};
    /// let test = PeerTest { algorithm: PeerAlgorithm::Dbscan, tolerance: 3.0, percent: 0.0 };
    /// let mut judge = Judge::default();
    /// let verdicts = judge.judge(test, 1, &[1.0, 1.1, 0.9, 1.05, 4.0]);
    /// assert_eq!(verdicts.iter().map(|verdict| verdict.is_outlier).collect::<Vec<_>>(), [false, false, false, false, true]);
    /// ```
    pub fn judge(&mut self, test: PeerTest, buckets: usize, values: &[f64]) -> &[PeerVerdict] {
        let buckets = buckets.max(1);
        self.verdicts.clear();
        self.verdicts.resize(values.len() / buckets, PeerVerdict { is_outlier: false, distance: 0.0 });
        let values = values.get(..self.verdicts.len() * buckets).unwrap_or_default();
        let mut verdicts = std::mem::take(&mut self.verdicts);
        match test.algorithm {
            PeerAlgorithm::Dbscan | PeerAlgorithm::ScaledDbscan => {
                dbscan::judge(self, test, buckets, values, &mut verdicts);
            }
            PeerAlgorithm::Mad | PeerAlgorithm::ScaledMad => {
                mad::judge(self, test, buckets, values, &mut verdicts);
            }
        }
        self.verdicts = verdicts;
        &self.verdicts
    }
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
