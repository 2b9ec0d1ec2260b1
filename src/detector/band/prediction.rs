//! What is expected of a bucket before it is seen.

use crate::detector::min_max::{larger, smaller};

/// The range of expected values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The most likely value.
    pub expected: f64,
    /// Least value that is no anomaly.
    pub lower: f64,
    /// Largest value that is no anomaly.
    pub upper: f64,
}

impl Band {
    /// True when `y` lies between the bounds, bounds included.
    #[must_use]
    pub fn contains(&self, y: f64) -> bool {
        self.lower <= y && y <= self.upper
    }
}

/// A forecast for one bucket; [`Prediction::bounds`] makes a band of it.
///
/// Nothing that an engine learns depends on the number of deviations: monitors that differ only there share
/// one engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The most likely value, finite.
    pub expected: f64,
    /// Width of one deviation below, >= 0.
    pub(super) below: f64,
    /// Width of one deviation above, >= 0.
    pub(super) above: f64,
    /// Width of each deviation beyond the second, in deviations, 1..=3: larger for heavy tails.
    pub(super) tail: f64,
    /// Least half-width for each deviation, >= 0: agile's sense of scale.
    pub(super) least_deviation: f64,
    /// Least half-width, > 0.
    pub(super) least: f64,
    /// From where to where a counter may have risen; the band includes it.
    pub(super) reach: Option<(f64, f64)>,
}

impl Prediction {
    /// The band that is `deviations` (positive; usually 2 or 3) wide on each side.
    #[must_use]
    #[inline(always)] // speed
    pub fn bounds(&self, deviations: f64) -> Band {
        let stretched = if deviations <= 2.0 { deviations } else { 2.0 + (deviations - 2.0) * self.tail };
        let least = larger(deviations * self.least_deviation, self.least);
        let lower = self.expected - larger(stretched * self.below, least);
        let upper = self.expected + larger(stretched * self.above, least);
        match self.reach {
            None => Band { expected: self.expected, lower, upper },
            Some(reach) => self.bounds_of_counter(lower, upper, reach),
        }
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn bounds_of_counter(&self, lower: f64, upper: f64, (low, high): (f64, f64)) -> Band {
        Band { expected: self.expected, lower: smaller(lower, low), upper: larger(upper, high) }
    }
}
