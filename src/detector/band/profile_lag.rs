//! Whether the profile lags behind the series: its errors then repeat from season to season.

use super::checked_reads::within;
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, within as clipped};

/// Share of the errors that have to be repeated before the profile lags. Of noise that is independent from season to season
/// there is none.
const REPEATED: f32 = 0.5;
/// Mean error that is looked at as if it were this large at least, deviations; a scale that is far too large hides noise, not
/// a shape.
const LEAST_SIZE: f32 = 0.25;

/// How much of the errors of this season has the side that the errors in the same buckets of the season before had: their
/// covariance with these sides over their mean absolute value, over the last quarter of a season or so. An error counts
/// one deviation at most.
///
/// A profile is a mean of six seasons. Where the shape of a series changes, its errors are large, so the scale grows until
/// they are no longer gross, and the profile would forget the old shape by a sixth a season. Errors of one side only are a
/// shift of the level: they have no covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProfileLag {
    /// Discounted mean of the sides before, -1..=1.
    side: f32,
    /// The same of the errors now, -1..=1.
    error: f32,
    /// The same of their products, -1..=1.
    product: f32,
    /// The same of the absolute errors, 0..=1.
    size: f32,
}

impl ProfileLag {
    pub(super) const fn new() -> Self {
        Self { side: 0.0, error: 0.0, product: 0.0, size: 0.0 }
    }

    /// Takes an error in deviations and the side, -1 or 1, of the one a season before it. True where the errors repeat.
    #[inline(always)] // speed
    pub(super) fn repeats(&mut self, spec: &BandSpec, side: f32, error: f64) -> bool {
        let error = clipped(error, 1.0) as f32;
        let gain = spec.lag_gain as f32;
        self.side += gain * (side - self.side);
        self.error += gain * (error - self.error);
        self.product += gain * (side * error - self.product);
        self.size += gain * (error.abs() - self.size);
        self.product - self.side * self.error > REPEATED * larger(self.size, LEAST_SIZE)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        [self.side, self.error, self.product, self.size].into_iter().for_each(|mean| w.f32(mean));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "lag of the profile";
        let mut one = || within(r.f32(WHAT)?, -1.0..=1.0, WHAT);
        Ok(Self { side: one()?, error: one()?, product: one()?, size: one()? })
    }
}
