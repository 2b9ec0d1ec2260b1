//! A history in even buckets.

use crate::detector::heap_sort;

/// Intervals that people use, in seconds.
const LADDER: [u32; 11] = [20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400];
/// Share of buckets that hold a point.
const FILLED: f64 = 0.9;
/// A hole longer than this many buckets is an outage and says nothing about the spacing.
const OUTAGE: i64 = 20;

/// The finest usual interval whose buckets are nearly all filled, and the median spacing of the points, in
/// seconds. `points` in ascending order of time, at least two times among them.
pub(super) fn interval_that_fills(points: &[(i64, f64)]) -> (u32, i64) {
    let mut steps: Vec<i64> =
        points.windows(2).map(|w| w[1].0.saturating_sub(w[0].0)).filter(|&step| step > 0).collect();
    heap_sort(&mut steps, |a, b| a < b);
    let spacing = steps.get(steps.len() / 2).copied().unwrap_or(60);
    let filled = |interval: u32| {
        let (mut held, mut all) = (1.0, 1.0);
        for w in points.windows(2) {
            let step = bucket(w[1].0, interval) - bucket(w[0].0, interval);
            if (1..=OUTAGE).contains(&step) {
                held += 1.0;
                all += step as f64;
            }
        }
        held / all
    };
    let interval = LADDER
        .into_iter()
        .find(|&interval| i64::from(interval) >= spacing && filled(interval) >= FILLED)
        .unwrap_or(14_400);
    (interval, spacing)
}

fn bucket(time: i64, interval: u32) -> i64 {
    time.div_euclid(i64::from(interval))
}

/// Means of the points of each bucket that has any, in ascending order.
pub(super) fn buckets(points: &[(i64, f64)], interval: u32) -> Vec<(i64, f64)> {
    points
        .chunk_by(|a, b| bucket(a.0, interval) == bucket(b.0, interval))
        .map(|same| {
            let sum: f64 = same.iter().map(|&(_, y)| y).sum();
            (bucket(same[0].0, interval), sum / same.len() as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_finest_that_is_filled() {
        let every = |step: i64| (0..500).map(|i| (i * step, 0.0)).collect::<Vec<_>>();
        for (step, wanted) in
            [(1, 20), (20, 20), (45, 60), (60, 60), (61, 60), (290, 300), (3_600, 3_600), (100_000, 14_400)]
        {
            let (interval, spacing) = interval_that_fills(&every(step));
            assert_eq!(spacing, step);
            // 61 s drifts through the minutes and leaves one of sixty empty
            let wanted = if step == 61 { 120 } else { wanted };
            assert_eq!(interval, wanted, "points every {step} s");
        }
    }

    #[test]
    fn an_outage_does_not_coarsen_the_interval() {
        let points: Vec<(i64, f64)> = (0..200).chain(5_000..5_200).map(|i| (i * 60, 0.0)).collect();
        assert_eq!(interval_that_fills(&points), (60, 60));
    }

    #[test]
    fn buckets_are_means_and_empty_ones_are_left_out() {
        let points = [(-1, 4.0), (0, 1.0), (59, 3.0), (180, 7.0)];
        assert_eq!(buckets(&points, 60), [(-1, 4.0), (0, 2.0), (3, 7.0)]);
    }
}
