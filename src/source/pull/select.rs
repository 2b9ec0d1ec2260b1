//! Which points of an answer become records, and in what order.

use super::acknowledged::{Acknowledged, Novelty};
use super::settings::Nulls;
use crate::codec::checksum;
use crate::companion::{Counters, DropReason};
use crate::source::datadog::{QuerySeries, QueryWindow};
use std::sync::atomic::Ordering::Relaxed;

/// A point to be sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SelectedPoint {
    pub(super) time: i64,
    /// Index of its series in the answer.
    pub(super) series: u32,
    pub(super) value: f64,
}

/// The points to be sent, by time; those of one moment in the order of the answer's series, as the original
/// detector feeds them.
#[derive(Debug, Default)]
pub(super) struct SelectedPoints {
    pub(super) points: Vec<SelectedPoint>,
    /// Of each series of the answer: its key, and the length of its buckets.
    pub(super) keys: Vec<(u64, u32)>,
    /// The longest bucket among the series that have points.
    pub(super) step: Option<u32>,
}

/// Points of one model that are under way at the same time, at most. The filter recognises the last 64 of a model
/// when they come again; half of them leaves room for buckets that the API fills in between two tries.
const UNDER_WAY: u32 = 32;

impl SelectedPoints {
    /// The points from `from` on that may be under way together, until they are settled. `one_model`: all series of
    /// the section feed one model.
    pub(super) fn batch(&self, from: usize, one_model: bool) -> &[SelectedPoint] {
        let rest = self.points.get(from..).unwrap_or_default();
        let mut counts = vec![0u32; if one_model { 1 } else { self.keys.len() }];
        let full = |point: &SelectedPoint| {
            let count = counts.get_mut(if one_model { 0 } else { point.series as usize });
            count.is_some_and(|count| {
                *count += 1;
                *count > UNDER_WAY
            })
        };
        let end = rest.iter().position(full).unwrap_or(rest.len());
        rest.get(..end).unwrap_or(rest)
    }
}

/// Which points count: those of buckets that begin in `from ..= last` and end by `settled`; seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) from: i64,
    pub(super) last: i64,
    pub(super) settled: i64,
}

impl Bounds {
    /// The buckets that lie in a window as a whole.
    pub(super) fn within(window: QueryWindow) -> Self {
        Self { from: window.from, last: window.to - 1, settled: window.to }
    }
}

/// Takes the complete, new points. `known_step` is the bucket length of former answers, 0 if there were none.
pub(super) fn pick(
    answer: &[QuerySeries],
    bounds: Bounds,
    nulls: Nulls,
    known_step: u32,
    seen: &Acknowledged,
    counters: &Counters,
) -> SelectedPoints {
    let fallback = if known_step > 0 { known_step } else { 60 };
    let (mut pulled, mut duplicates, mut incomplete, mut null, mut outside, mut late) = (0u64, 0, 0, 0, 0, 0);
    let mut selection = SelectedPoints::default();
    for (index, series) in (0u32..).zip(answer) {
        let step = series.interval.unwrap_or(fallback).max(1);
        let key = series_key(series);
        selection.keys.push((key, step));
        if !series.points.is_empty() {
            selection.step = selection.step.max(Some(step));
        }
        for point in &series.points {
            pulled += 1;
            if !(bounds.from..=bounds.last).contains(&point.time) {
                outside += 1;
                continue;
            }
            if point.time.saturating_add(i64::from(step)) > bounds.settled {
                incomplete += 1;
                continue;
            }
            let value = match (point.value, nulls) {
                (Some(value), _) => value,
                (None, Nulls::Zero) => 0.0,
                (None, Nulls::Skip) => {
                    null += 1;
                    continue;
                }
            };
            match seen.check(key, point.time) {
                Novelty::Duplicate => {
                    duplicates += 1;
                    continue;
                }
                Novelty::Late => late += 1,
                Novelty::New => {}
            }
            selection.points.push(SelectedPoint { time: point.time, series: index, value });
        }
    }
    let before = selection.points.len();
    // stable: of two points of one bucket the first stays
    selection.points.sort_by_key(|point| (point.time, point.series));
    selection.points.dedup_by_key(|point| (point.time, point.series));
    duplicates += (before - selection.points.len()) as u64;

    counters.pulled.fetch_add(pulled, Relaxed);
    counters.late.fetch_add(late, Relaxed);
    counters.drop_points(DropReason::OutsideWindow, outside);
    counters.drop_points(DropReason::Incomplete, incomplete);
    counters.drop_points(DropReason::Null, null);
    counters.drop_points(DropReason::Duplicate, duplicates);
    selection
}

fn series_key(series: &QuerySeries) -> u64 {
    checksum(checksum(u64::from(series.query_index), series.metric.as_bytes()), series.scope.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(times: i64, series: u32) -> SelectedPoints {
        let moment = |time| (0..series).map(move |series| SelectedPoint { time, series, value: 0.0 });
        SelectedPoints {
            points: (0..times).flat_map(moment).collect(),
            keys: vec![(0, 60); series as usize],
            step: Some(60),
        }
    }

    #[test]
    fn no_model_has_more_points_under_way_than_the_filter_remembers_half_of() {
        for (times, series, one_model, lengths) in [
            (10, 50, false, vec![500]),
            (32, 3, false, vec![96]),
            (70, 3, false, vec![96, 96, 18]),
            (10, 7, true, vec![32, 32, 6]),
            (0, 0, false, vec![]),
            (0, 0, true, vec![]),
        ] {
            let selection = selection(times, series);
            let mut batches: Vec<&[SelectedPoint]> = Vec::new();
            while let batch @ [_, ..] = selection.batch(batches.concat().len(), one_model) {
                batches.push(batch);
            }
            assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), lengths);
            assert_eq!(batches.concat(), selection.points);
        }
    }
}
