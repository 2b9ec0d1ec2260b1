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
//! use fluent_anomaly::detector::band::{Algorithm, Engine, Spec};
//! let spec = Spec::new(Algorithm::Basic, None, 60, 15)?;
//! let mut engine = Engine::new(&spec);
//! for bucket in 0..30 {
//!     engine.update(&spec, bucket, 0, 20.0 + (bucket % 3) as f64);
//! }
//! let band = engine.predict(&spec, 30, 0).expect("a band after 15 points").bounds(2.0);
//! assert!(band.contains(21.0) && !band.contains(40.0));
//! # Ok::<(), fluent_anomaly::detector::band::SpecError>(())
//! ```

mod after_warmup;
mod agile;
mod alternation;
mod basic;
mod checked_reads;
mod compare;
mod counter;
mod level_model;
mod prediction;
mod profile;
mod resolution;
mod robust;
mod rollup;
mod run;
mod scale;
mod season;
mod seasonal;
mod seasonality;
mod spec;
mod suggest;
mod warmup;

pub use prediction::{Band, Prediction};
pub use season::Seasonality;
pub use spec::{Algorithm, Spec, SpecError, longest_fillable_window};
pub use suggest::{Parameter, Reason, SuggestError, Suggestion, suggest};

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

/// The band of one series. Memory is claimed once, by [`Engine::new`]; see [`Engine::memory_bytes`].
///
/// All calls take the [`Spec`] the engine was made with: it is shared by the series of a monitor and not kept
/// in each of them. Bands for another spec mean nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine(State);

#[derive(Debug, Clone, PartialEq)]
enum State {
    Basic(Basic),
    Seasonal(Seasonal),
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self(match spec.algorithm() {
            Algorithm::Basic => State::Basic(Basic::new(spec)),
            Algorithm::Agile | Algorithm::Robust => State::Seasonal(Seasonal::new(spec)),
        })
    }

    /// What is expected of `bucket` (number of the bucket in UTC), whose start lies `utc_offset` seconds ahead
    /// of UTC in the zone of the season (0 for UTC).
    ///
    /// Nothing during warm-up, for a bucket that is not later than the last one learned, and after a gap so
    /// long that the history says nothing (six seasons, a day with an hourly one; basic: 24 windows). The first question about a bucket
    /// behind warm-up ends it, hence `&mut`; apart from that asking changes nothing.
    #[must_use]
    pub fn predict(&mut self, spec: &Spec, bucket: i64, utc_offset: i32) -> Option<Prediction> {
        match &mut self.0 {
            State::Basic(basic) => basic.predict(bucket),
            State::Seasonal(seasonal) => {
                let place = seasonal.place(spec, bucket, utc_offset);
                seasonal.predict(spec, bucket, place)
            }
        }
    }

    /// Learns the value of a closed bucket.
    ///
    /// Buckets come in ascending order; one that is not later than the last is ignored, as is a value that is
    /// not finite. Values beyond +-1e30 count as that.
    pub fn update(&mut self, spec: &Spec, bucket: i64, utc_offset: i32, y: f64) {
        let Some(y) = taken_as(y) else { return };
        match &mut self.0 {
            State::Basic(basic) => basic.update(spec, bucket, y),
            State::Seasonal(seasonal) => {
                let place = seasonal.place(spec, bucket, utc_offset);
                seasonal.update(spec, bucket, place, y);
            }
        }
    }

    /// [`Engine::update`] of `bucket` and [`Engine::predict`] of the one behind it, for a caller that knows their places
    /// in the season ([`Spec::place`]), and in place for the way that nearly every point takes. Where it is another
    /// one there is no forecast, and only `predict` can tell.
    #[inline(always)]
    pub(crate) fn advance(
        &mut self,
        spec: &Spec,
        bucket: i64,
        place: usize,
        y: f64,
        next_place: usize,
    ) -> Option<Prediction> {
        let y = taken_as(y)?;
        match &mut self.0 {
            State::Basic(basic) => {
                basic.update(spec, bucket, y);
                None
            }
            State::Seasonal(seasonal) => seasonal.advance(spec, bucket, place, y, next_place),
        }
    }

    /// Writes the exact state: what [`Engine::restore`] makes of it predicts bit for bit the same.
    pub fn save(&self, w: &mut Writer<'_>) {
        match &self.0 {
            State::Basic(basic) => basic.save(w),
            State::Seasonal(seasonal) => seasonal.save(w),
        }
    }

    /// Reads what [`Engine::save`] wrote for the same `spec`.
    ///
    /// # Errors
    /// Bytes that end early, or that no engine of this `spec` can have written.
    pub fn restore(spec: &Spec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(match spec.algorithm() {
            Algorithm::Basic => State::Basic(Basic::restore(spec, r)?),
            Algorithm::Agile | Algorithm::Robust => State::Seasonal(Seasonal::restore(spec, r)?),
        }))
    }

    /// Bytes that an engine takes, on the heap and inline, without the allocator's own.
    #[must_use]
    pub fn memory_bytes(spec: &Spec) -> usize {
        size_of::<Self>()
            + match spec.algorithm() {
                Algorithm::Basic => Basic::heap_bytes(spec),
                Algorithm::Agile | Algorithm::Robust => Seasonal::heap_bytes(spec),
            }
    }
}
