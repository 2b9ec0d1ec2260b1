//! Which bucket the band is asked about.

use super::constant_run::ConstantRun;
use super::shared_band::SharedBand;
use crate::detector::band::{BandEngine, Prediction};
use crate::monitor::zone::OffsetSpan;

/// Of which bucket the band is asked.
#[derive(Debug, Clone)]
pub(super) struct BandCursor {
    pub(super) engine: BandEngine,
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
        self.newest = ForecastBucket { bucket: next, place: next_place, banded: true };
        if self.constant.observe(&shared.band, bucket, closed) { forecast } else { None }
    }
}

/// Holds at no instant.
const NO_SPAN: OffsetSpan = OffsetSpan { offset_s: 0, from_s: 0, until_s: 0 };
