//! Median absolute deviation over all values of a window.

use super::ROUNDING;
use super::common::{Buffers, PeerVerdict, spread};
use super::sort::{median_of_sorted, sort};
use super::spec::PeerTest;
use crate::detector::Finite;
use crate::detector::min_max::{larger, smaller};

/// A member is an outlier when more than `percent` of its values lie more than `tolerance` deviations from the median of
/// all. Its distance is that of the value which decides: the one that `percent` of its values exceed.
pub(super) fn judge(
    buffers: &mut Buffers,
    test: PeerTest,
    buckets: usize,
    values: &[f64],
    verdicts: &mut [PeerVerdict],
) {
    let Buffers { sorted, middle, .. } = buffers;
    sorted.clear();
    sorted.extend_from_slice(values);
    sort(sorted);
    let median = median_of_sorted(sorted);
    sorted.iter_mut().for_each(|value| *value = (*value - median).abs());
    sort(sorted);
    let deviation = larger(spread(test, sorted, median.abs()), ROUNDING * median.abs());
    // of n values sorted from the largest on, more than p per cent are out if the one at n p / 100 is
    let decisive = (buckets as f64 * test.percent / 100.0) as usize;
    for (verdict, own) in verdicts.iter_mut().zip(values.chunks_exact(buckets)) {
        middle.clear();
        middle.extend(own.iter().map(|value| (value - median).abs()));
        sort(middle);
        let distance = middle.iter().rev().nth(decisive).copied().unwrap_or(0.0);
        if deviation > 0.0 {
            verdict.distance = smaller(distance / deviation, Finite::MAX);
            verdict.is_outlier = distance > test.tolerance * deviation;
        }
    }
}
