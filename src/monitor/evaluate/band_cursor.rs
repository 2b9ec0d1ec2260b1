//! Which bucket the band is asked about.

use super::constant_run::ConstantRun;
use super::shared_band::SharedBand;
use crate::detector::band::{BandEngine, Prediction};
use crate::monitor::zone::OffsetSpan;

/// Of which bucket the band is asked.
#[derive(Debug, Clone)]
pub(super) struct BandCursor {
    pub(super) engine: BandEngine,
    /// What is asked for as long as the engine has no band; gone from then on.
    pub(super) fallback: Option<Box<BandEngine>>,
    pub(super) constant: ConstantRun,
    // both follow from the rest and are not saved
    pub(super) zone: OffsetSpan,
    pub(super) newest: ForecastBucket,
}

/// The newest bucket asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForecastBucket {
    pub(super) bucket: i64, // `NONE` before the first and after a bucket was learned
    pub(super) place: usize,
    pub(super) banded: bool, // whether there is a band, in each monitor's `MonitorState`
}

impl ForecastBucket {
    pub(super) const NONE: ForecastBucket = ForecastBucket { bucket: i64::MIN, place: 0, banded: false };
}

impl BandCursor {
    pub(super) fn new(shared: &SharedBand) -> Self {
        Self {
            engine: BandEngine::new(&shared.band),
            fallback: shared.fallback.as_ref().map(|spec| Box::new(BandEngine::new(spec))),
            constant: ConstantRun::new(),
            zone: NO_SPAN,
            newest: ForecastBucket::NONE,
        }
    }

    /// The bucket asked about is closed with its value, and the one behind it is asked about: the forecast, where it
    /// is a usual one.
    #[inline(always)] // speed
    pub(super) fn close_bucket(&mut self, shared: &SharedBand, closed: f64) -> Option<Prediction> {
        let ForecastBucket { bucket, place, .. } = self.newest;
        let next = bucket + 1;
        let next_place =
            if place + 1 < shared.countable { place + 1 } else { shared.look_up_place(&mut self.zone, next) };
        let forecast = self.engine.advance(&shared.band, bucket, place, closed, next_place);
        if self.fallback.is_some() {
            self.learn_apart(shared, bucket, closed);
        }
        self.newest = ForecastBucket { bucket: next, place: next_place, banded: true };
        if self.constant.observe(&shared.band, bucket, closed) { forecast } else { None }
    }

    /// What is expected of a bucket, by the band or by what judges while there is none.
    pub(super) fn predict(&mut self, shared: &SharedBand, bucket: i64) -> Option<Prediction> {
        let offset = shared.offset(&mut self.zone, bucket);
        let forecast = self.engine.predict(&shared.band, bucket, offset);
        if forecast.is_some() {
            self.fallback = None;
            return forecast;
        }
        self.fallback.as_mut()?.predict(shared.fallback.as_ref()?, bucket, offset)
    }

    /// Learns a bucket in what judges while there is no band.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn learn_apart(&mut self, shared: &SharedBand, bucket: i64, value: f64) {
        let offset = shared.offset(&mut self.zone, bucket);
        if let (Some(engine), Some(spec)) = (&mut self.fallback, &shared.fallback) {
            engine.update(spec, bucket, offset, value);
        }
    }
}

/// Holds at no instant.
const NO_SPAN: OffsetSpan = OffsetSpan { offset_s: 0, from_s: 0, until_s: 0 };
