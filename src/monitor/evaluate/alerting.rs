//! What one monitor makes of the buckets of its series.

use super::super::alert::{AlertState, Evaluation, Transition, Verdict};
use super::super::spec::MonitorSpec;
use super::{Observation, Plan};
use crate::detector::band::{Band, Prediction};

/// One monitor of one series.
#[derive(Debug, Clone)]
pub(super) struct Alerting {
    pub(super) state: AlertState,
    pub(super) news: News,
    pub(super) band: Band, // of the bucket asked about, if it has one
}

/// What the buckets that one record closed have brought; not part of the state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    change: Option<Transition>, // over all of them
    renotify: bool,
    below: bool, // the last of them lay below the band
}

impl News {
    pub(super) fn add(&mut self, verdict: Option<Verdict>, evaluation: Evaluation) {
        self.below = verdict == Some(Verdict::Below);
        self.renotify |= evaluation.renotify;
        if let Some(Transition { from, to }) = evaluation.transition {
            let from = self.change.map_or(from, |change| change.from);
            self.change = Some(Transition { from, to });
        }
    }

    /// Without a change to and fro.
    pub(super) fn in_sum(self) -> News {
        let change = self.change.filter(|change| change.from != change.to);
        News { change, renotify: self.renotify && change.is_none(), below: self.below }
    }
}

impl Alerting {
    /// Takes a closed bucket where that changes nothing; false, and nothing is done, where it might.
    #[inline(always)]
    pub(super) fn stay(&mut self, bucket: i64, banded: bool, closed: f64) -> bool {
        let inside = !banded || (closed <= self.band.upper && closed >= self.band.lower);
        inside && self.state.stay(bucket)
    }

    /// A bucket is closed, and the one behind it has begun.
    pub(super) fn turn(
        &mut self,
        plan: &Plan,
        monitor: &MonitorSpec,
        turn: Turn,
        forecast: Option<Prediction>,
    ) -> Observation {
        let news = if self.stay(turn.bucket, turn.banded, turn.closed) {
            News::default()
        } else {
            self.feed(monitor, turn.bucket, verdict(turn.banded.then_some(self.band), turn.closed))
        };
        let band = forecast.map(|forecast| forecast.bounds(monitor.query.deviations));
        if let Some(band) = band {
            self.band = band;
        }
        self.observation(plan, monitor, band, turn.value, news)
    }

    #[cold]
    #[inline(never)]
    fn feed(&mut self, monitor: &MonitorSpec, bucket: i64, verdict: Verdict) -> News {
        let mut news = News::default();
        news.add(Some(verdict), self.state.feed(monitor, bucket, Some(verdict)));
        news
    }

    /// What is said of a bucket that has `value` so far, after the `news` that the record brought.
    #[inline(always)]
    pub(super) fn observation(
        &self,
        plan: &Plan,
        monitor: &MonitorSpec,
        band: Option<Band>,
        value: f64,
        news: News,
    ) -> Observation {
        let (mut above, mut below) = (false, false);
        if let Some(band) = band {
            above = value > band.upper;
            below = value < band.lower;
        }
        // what grows while its bucket is open is below only once that is closed
        if plan.rollup.adds_up() {
            below = news.below;
        }
        let is_anomaly = monitor.query.side().covers(above, below);
        Observation {
            value,
            band,
            is_anomaly,
            status: self.state.status(),
            transition: news.change,
            renotify: news.renotify,
            share: self.state.share(),
        }
    }
}

/// What happens when a bucket is closed by a record of the next one.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) bucket: i64,
    pub(super) banded: bool, // whether there was a band for it
    pub(super) closed: f64,
    pub(super) value: f64, // of the next one, so far
}

pub(super) fn verdict(band: Option<Band>, value: f64) -> Verdict {
    match band {
        None => Verdict::NoBand,
        Some(band) if value > band.upper => Verdict::Above,
        Some(band) if value < band.lower => Verdict::Below,
        Some(_) => Verdict::Inside,
    }
}
