//! DBSCAN with one point as the least neighbourhood: clusters are what is linked by steps of at most the threshold.
//!
//! In one dimension a cluster ends where sorted values leave a gap: n log n. In several, two facts save nearly all
//! comparisons. By the triangle inequality two members whose distances to the median series add up to no more than the
//! threshold are linked. And once a cluster holds half of the members, no other is larger. So what is compared pair by
//! pair is what lies far out; a group that falls into two halves costs n² distances.

use super::ROUNDING;
use super::common::{Buffers, PeerVerdict, spread};
use super::sort::{median_of_sorted, sort, sort_indices};
use super::spec::PeerTest;
use crate::detector::Finite;
use crate::detector::min_max::{larger, smaller};

/// Members outside of the largest cluster are outliers. The distance is that to the median series.
pub(super) fn judge(
    buffers: &mut Buffers,
    test: PeerTest,
    buckets: usize,
    values: &[f64],
    verdicts: &mut [PeerVerdict],
) {
    let magnitude = measure(buffers, buckets, values);
    buffers.sorted.clear();
    buffers.sorted.extend_from_slice(&buffers.distances);
    sort(&mut buffers.sorted);
    let deviation = larger(spread(test, &buffers.sorted, magnitude), ROUNDING * magnitude);
    if deviation <= 0.0 {
        return; // nothing differs
    }
    let threshold = test.tolerance * deviation;
    for (verdict, distance) in verdicts.iter_mut().zip(&buffers.distances) {
        *verdict = PeerVerdict { is_outlier: true, distance: smaller(distance / deviation, Finite::MAX) };
    }
    buffers.order.clear();
    buffers.order.extend(0..verdicts.len() as u32);
    if buckets == 1 {
        link_sorted(buffers, threshold, values);
    } else {
        link_vectors(buffers, threshold, buckets, values);
    }
    for &member in &buffers.largest {
        if let Some(verdict) = verdicts.get_mut(member as usize) {
            verdict.is_outlier = false;
        }
    }
}

/// Fills `middle` with the median of each coordinate and `distances` with the distance of each member to it; returns the
/// length of the median series.
fn measure(buffers: &mut Buffers, buckets: usize, values: &[f64]) -> f64 {
    let Buffers { sorted, middle, distances, .. } = buffers;
    middle.clear();
    for coordinate in 0..buckets {
        sorted.clear();
        sorted.extend(values.iter().skip(coordinate).step_by(buckets));
        sort(sorted);
        middle.push(median_of_sorted(sorted));
    }
    distances.clear();
    distances.extend(values.chunks_exact(buckets).map(|member| distance(member, middle)));
    libm::sqrt(middle.iter().map(|value| value * value).sum())
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    if let ([a], [b]) = (a, b) {
        return (a - b).abs();
    }
    libm::sqrt(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum())
}

/// Whether a cluster is to be preferred: it is larger, or as large and nearer to the median series.
fn is_better(cluster: (usize, f64), best: (usize, f64)) -> bool {
    cluster.0 > best.0 || cluster.0 == best.0 && cluster.1 < best.1
}

/// One dimension: sorted values, cut where they leave a gap.
fn link_sorted(buffers: &mut Buffers, threshold: f64, values: &[f64]) {
    let Buffers { order, distances, largest, .. } = buffers;
    sort_indices(order, values);
    let value = |member: u32| values.get(member as usize).copied().unwrap_or(0.0);
    let nearness = |member: u32| distances.get(member as usize).copied().unwrap_or(f64::INFINITY);
    let (mut best, mut best_start) = ((0, f64::INFINITY), 0);
    let mut start = 0;
    let mut nearest = f64::INFINITY;
    for (at, &member) in order.iter().enumerate() {
        nearest = smaller(nearest, nearness(member));
        let next = order.get(at + 1);
        if next.is_none_or(|&next| value(next) - value(member) > threshold) {
            let cluster = (at + 1 - start, nearest);
            if is_better(cluster, best) {
                (best, best_start) = (cluster, start);
            }
            start = at + 1;
            nearest = f64::INFINITY;
        }
    }
    largest.clear();
    largest.extend(order.iter().skip(best_start).take(best.0));
}

/// Several dimensions: clusters grow from the member nearest to the median series outwards.
fn link_vectors(buffers: &mut Buffers, threshold: f64, buckets: usize, values: &[f64]) {
    let Buffers { order, distances, cluster, largest, rest, .. } = buffers;
    sort_indices(order, distances);
    let own = |member: u32| {
        let start = member as usize * buckets;
        values.get(start..start + buckets).unwrap_or_default()
    };
    let nearness = |member: u32| distances.get(member as usize).copied().unwrap_or(f64::INFINITY);
    rest.clear();
    rest.extend_from_slice(order);
    largest.clear();
    let mut best = (0, f64::INFINITY);
    while let Some(&seed) = rest.first() {
        if rest.len() < best.0 {
            return;
        }
        cluster.clear();
        let near = nearness(seed);
        // linked to the seed by the way through the median series, without a look at their values
        rest.retain(|&member| {
            let is_linked = member == seed || near + nearness(member) <= threshold;
            if is_linked {
                cluster.push(member);
            }
            !is_linked
        });
        let mut at = 0;
        while let Some(&linked) = cluster.get(at) {
            at += 1;
            if rest.is_empty() {
                break;
            }
            let reach = nearness(linked);
            rest.retain(|&member| {
                let is_linked = (nearness(member) - reach).abs() <= threshold
                    && distance(own(member), own(linked)) <= threshold;
                if is_linked {
                    cluster.push(member);
                }
                !is_linked
            });
        }
        if is_better((cluster.len(), near), best) {
            best = (cluster.len(), near);
            std::mem::swap(cluster, largest);
        }
    }
}
