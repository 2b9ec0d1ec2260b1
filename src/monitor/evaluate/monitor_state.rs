//! What one monitor makes of the buckets of its series.

use super::super::alert::{AlertEvaluation, AlertState, BandPosition, Transition, Triggered};
use super::super::spec::MonitorSpec;
use super::shared_band::SharedBand;
use super::verdict::MonitorVerdict;
use crate::detector::band::Band;

/// One monitor of one series.
#[derive(Debug, Clone)]
pub(super) struct MonitorState {
    pub(super) alert: AlertState,
    pub(super) changes: Changes,
    pub(super) band: Band, // of the bucket asked about, if it has one
}

/// What the buckets that one record closed have brought; not part of the state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changes {
    transition: Option<Transition>, // over all of them
    renotify: bool,
    below: bool, // the last of them lay below the band
}

impl Changes {
    pub(super) fn add(&mut self, position: Option<BandPosition>, evaluation: AlertEvaluation) {
        self.below = position == Some(BandPosition::Below);
        self.renotify |= evaluation.renotify;
        if let Some(Transition { from, to }) = evaluation.transition {
            let from = self.transition.map_or(from, |change| change.from);
            self.transition = Some(Transition { from, to });
        }
    }

    /// Whether there is a transition or a reminder.
    fn are_told(self) -> bool {
        self.transition.is_some() || self.renotify
    }

    /// Without a change to and fro.
    pub(super) fn in_sum(self) -> Changes {
        let transition = self.transition.filter(|change| change.from != change.to);
        Changes { transition, renotify: self.renotify && transition.is_none(), below: self.below }
    }
}

impl MonitorState {
    /// Takes a closed bucket where that changes nothing; false, and nothing is done, where it might.
    #[inline(always)] // speed
    pub(super) fn skip_if_unchanged(&mut self, bucket: i64, banded: bool, closed: f64) -> bool {
        let inside = !banded || (closed <= self.band.upper && closed >= self.band.lower);
        inside && self.alert.skip_if_unchanged(bucket)
    }

    /// A bucket is closed, and the one behind it has begun.
    pub(super) fn close_bucket(
        &mut self,
        shared: &SharedBand,
        monitor: &MonitorSpec,
        change: BucketChange,
        band: Option<Band>,
    ) -> MonitorVerdict {
        let changes = if self.skip_if_unchanged(change.bucket, change.banded, change.closed) {
            Changes::default()
        } else {
            self.feed(monitor, change.bucket, position(change.banded.then_some(self.band), change.closed))
        };
        if let Some(band) = band {
            self.band = band;
        }
        self.report(shared, monitor, band, change.value, changes)
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn feed(&mut self, monitor: &MonitorSpec, bucket: i64, position: BandPosition) -> Changes {
        let mut changes = Changes::default();
        changes.add(Some(position), self.alert.feed(monitor, bucket, Some(position)));
        changes
    }

    /// What is said of a bucket that has `value` so far, after the `changes` that the record brought.
    #[inline(always)] // speed
    pub(super) fn report(
        &self,
        shared: &SharedBand,
        monitor: &MonitorSpec,
        band: Option<Band>,
        value: f64,
        changes: Changes,
    ) -> MonitorVerdict {
        let (mut above, mut below) = (false, false);
        if let Some(band) = band {
            above = value > band.upper;
            below = value < band.lower;
        }
        // what grows while its bucket is open is below only once that is closed
        if shared.rollup.adds_up() {
            below = changes.below;
        }
        let is_anomaly = monitor.query.side().covers(above, below);
        let triggered = if changes.are_told() { self.triggered(shared) } else { None };
        MonitorVerdict {
            value,
            band,
            is_anomaly,
            status: self.alert.status(),
            transition: changes.transition,
            renotify: changes.renotify,
            share: self.alert.share(),
            triggered,
        }
    }

    /// When the state left OK, at the end of the latest closed bucket.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn triggered(&self, shared: &SharedBand) -> Option<Triggered> {
        let end_s = |bucket: i64| shared.rollup.start_s(bucket.saturating_add(1));
        let left = self.alert.left_ok()?;
        Some(Triggered::new(end_s(left.first), end_s(left.last), end_s(self.alert.latest())))
    }
}

/// What happens when a bucket is closed by a record of the next one.
#[derive(Clone, Copy)]
pub(super) struct BucketChange {
    pub(super) bucket: i64,
    pub(super) banded: bool, // whether there was a band for it
    pub(super) closed: f64,
    pub(super) value: f64, // of the next one, so far
}

pub(super) fn position(band: Option<Band>, value: f64) -> BandPosition {
    match band {
        None => BandPosition::NoBand,
        Some(band) if value > band.upper => BandPosition::Above,
        Some(band) if value < band.lower => BandPosition::Below,
        Some(_) => BandPosition::Inside,
    }
}
