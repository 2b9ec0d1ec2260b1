//! An answer of the API whose points have not all left, and its points as records.

use super::super::select::{SelectedPoint, SelectedPoints};
use super::super::window::Reach;
use crate::sink::MetricRecord;
use crate::source::datadog::{QuerySeries, QueryWindow};

/// An answer whose points have not all left.
#[derive(Debug)]
pub(super) struct PendingAnswer {
    /// Names; their points are in `picked`.
    pub(super) series: Vec<QuerySeries>,
    pub(super) picked: SelectedPoints,
    /// Points that have left, from the first one on.
    pub(super) done: usize,
    pub(super) window: QueryWindow,
    pub(super) target: i64,
    pub(super) reach: Reach,
}

impl PendingAnswer {
    pub(super) fn left(&self) -> usize {
        self.picked.points.len() - self.done
    }
}

/// Points as records of their series.
pub(super) fn records<'a>(
    series: &'a [QuerySeries],
    points: &'a [SelectedPoint],
) -> impl Iterator<Item = MetricRecord<'a>> {
    points.iter().filter_map(|point| {
        let series = series.get(point.series as usize)?;
        Some(MetricRecord {
            metric: &series.metric,
            raw_value: point.value,
            scope: &series.scope,
            host: series.host.as_deref(),
            time: point.time,
        })
    })
}
