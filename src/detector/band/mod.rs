//! Anomaly bands as of Datadog's anomaly monitors: what value is expected of a bucket, and how far it may stray.
//!
//! | algorithm | what it is | first band |
//! |---|---|---|
//! | basic | rolling quantiles of the last hour or so | 15 points |
//! | agile | seasonal profile, level that follows shifts within the alert window | three seasons |
//! | robust | seasonal profile, level that holds on | three seasons |
//!
//! Time is the number of the bucket, `floor(time / interval)` in UTC. For daily and weekly seasons in local time
//! the caller gives the zone's UTC offset at that instant; there is no time-zone data in here. Arithmetic is
//! `+ - * /` and `sqrt`, so native and WebAssembly give the same bits.
//!
//! ```
//! use fluent_anomaly::detectors::{Algorithm, BandEngine, BandSpec};
//! let spec = BandSpec::new(Algorithm::Basic, None, 60, 15)?;
//! let mut engine = BandEngine::new(&spec);
//! for bucket in 0..30 {
//!     engine.update(&spec, bucket, 0, 20.0 + (bucket % 3) as f64);
//! }
//! let band = engine.predict(&spec, 30, 0).expect("a band after 15 points").bounds(2.0);
//! assert!(band.contains(21.0) && !band.contains(40.0));
//! # Ok::<(), fluent_anomaly::detectors::BandSpecError>(())
//! ```

mod after_warmup;
mod agile;
mod alternation;
mod basic;
mod checked_reads;
mod counter;
mod course;
mod level_model;
mod noise_scale;
mod outlier_run;
mod prediction;
mod profile;
mod profile_lag;
mod resolution;
mod robust;
mod rollup;
mod season;
mod season_model;
mod seasonal;
mod seasonality;
mod spec;
mod suggest;
mod warmup;

pub use prediction::{Band, Prediction};
pub use season::Seasonality;
pub use spec::{Algorithm, BandSpec, BandSpecError, longest_fillable_window};
pub use suggest::{Parameter, SuggestError, Suggestion, SuggestionReason, suggest};

use basic::Basic;
use seasonal::Seasonal;

use crate::codec::{CodecError, Reader, Writer};

/// Larger values are taken as this large: squares and differences of them stay finite.
const LARGEST: f64 = 1e30;

/// What a value counts as; nothing for one that is not finite.
fn taken_as(y: f64) -> Option<f64> {
    // + 0.0 makes one zero of two
    if y.abs() <= LARGEST { Some(y + 0.0) } else { y.is_finite().then_some(LARGEST.copysign(y)) }
}

/// The band of one series. Memory is claimed once, by [`BandEngine::new`]; see [`BandEngine::memory_bytes`].
///
/// All calls take the [`BandSpec`] the engine was made with: it is shared by the series of a monitor and not kept
/// in each of them. Bands for another spec mean nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct BandEngine(BandState);

#[derive(Debug, Clone, PartialEq)]
enum BandState {
    Basic(Basic),
    Seasonal(Seasonal),
}

impl BandEngine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(spec: &BandSpec) -> Self {
        Self(match spec.algorithm() {
            Algorithm::Basic => BandState::Basic(Basic::new(spec)),
            Algorithm::Agile | Algorithm::Robust => BandState::Seasonal(Seasonal::new(spec)),
        })
    }

    /// What is expected of `bucket` (number of the bucket in UTC), whose start lies `utc_offset` seconds ahead
    /// of UTC in the zone of the season (0 for UTC).
    ///
    /// Nothing during warm-up, for a bucket that is not later than the last one learned, and after a gap so
    /// long that the history says nothing (six seasons, a day with an hourly one; basic: 24 windows). The first question about a bucket
    /// behind warm-up ends it, hence `&mut`; apart from that asking changes nothing.
    #[must_use]
    pub fn predict(&mut self, spec: &BandSpec, bucket: i64, utc_offset: i32) -> Option<Prediction> {
        match &mut self.0 {
            BandState::Basic(basic) => basic.predict(bucket),
            BandState::Seasonal(seasonal) => {
                let place = seasonal.place(spec, bucket, utc_offset);
                seasonal.predict(spec, bucket, place)
            }
        }
    }

    /// Learns the value of a closed bucket.
    ///
    /// Buckets come in ascending order; one that is not later than the last is ignored, as is a value that is
    /// not finite. Values beyond +-1e30 count as that.
    pub fn update(&mut self, spec: &BandSpec, bucket: i64, utc_offset: i32, y: f64) {
        let Some(y) = taken_as(y) else { return };
        match &mut self.0 {
            BandState::Basic(basic) => basic.update(spec, bucket, y),
            BandState::Seasonal(seasonal) => {
                let place = seasonal.place(spec, bucket, utc_offset);
                seasonal.update(spec, bucket, place, y);
            }
        }
    }

    /// Makes `bucket` the next one although later ones were learned: the clock of the series was wrong. What was learned
    /// stays; a warm-up begins anew.
    pub fn rewind(&mut self, bucket: i64) {
        match &mut self.0 {
            BandState::Basic(basic) => basic.rewind(bucket),
            BandState::Seasonal(seasonal) => seasonal.rewind(bucket),
        }
    }

    /// [`BandEngine::update`] of `bucket` and [`BandEngine::predict`] of the one behind it, for a caller that knows their places
    /// in the season ([`BandSpec::place`]), and in place for the way that nearly every point takes. Where it is another
    /// one there is no forecast, and only `predict` can tell.
    #[inline(always)] // speed
    pub(crate) fn advance(
        &mut self,
        spec: &BandSpec,
        bucket: i64,
        place: usize,
        y: f64,
        next_place: usize,
    ) -> Option<Prediction> {
        let y = taken_as(y)?;
        match &mut self.0 {
            BandState::Basic(basic) => {
                basic.update(spec, bucket, y);
                None
            }
            BandState::Seasonal(seasonal) => seasonal.advance(spec, bucket, place, y, next_place),
        }
    }

    /// Writes the exact state: what [`BandEngine::restore`] makes of it predicts bit for bit the same.
    pub fn save(&self, w: &mut Writer<'_>) {
        match &self.0 {
            BandState::Basic(basic) => basic.save(w),
            BandState::Seasonal(seasonal) => seasonal.save(w),
        }
    }

    /// Reads what [`BandEngine::save`] wrote for the same `spec`.
    ///
    /// # Errors
    /// Bytes that end early, or that no engine of this `spec` can have written.
    pub fn restore(spec: &BandSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(match spec.algorithm() {
            Algorithm::Basic => BandState::Basic(Basic::restore(spec, r)?),
            Algorithm::Agile | Algorithm::Robust => BandState::Seasonal(Seasonal::restore(spec, r)?),
        }))
    }

    /// Bytes that an engine takes, on the heap and inline, without the allocator's own.
    #[must_use]
    pub fn memory_bytes(spec: &BandSpec) -> usize {
        size_of::<Self>()
            + match spec.algorithm() {
                Algorithm::Basic => Basic::heap_bytes(spec),
                Algorithm::Agile | Algorithm::Robust => Seasonal::heap_bytes(spec),
            }
    }
}
