//! One window of a group: from the members' values to the outliers.

use super::common::{Buffers, PeerVerdict};
use super::spec::{PeerAlgorithm, PeerTest};
use super::{dbscan, mad};

/// Judges windows; keeps its buffers from one to the next.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    /// One verdict a member, in the order of the values.
    verdicts: Vec<PeerVerdict>,
    buffers: Buffers,
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
        let Self { verdicts, buffers } = self;
        match test.algorithm {
            PeerAlgorithm::Dbscan | PeerAlgorithm::ScaledDbscan => {
                dbscan::judge(buffers, test, buckets, values, verdicts);
            }
            PeerAlgorithm::Mad | PeerAlgorithm::ScaledMad => {
                mad::judge(buffers, test, buckets, values, verdicts);
            }
        }
        &self.verdicts
    }
}
