//! Whether a series still has the shape of its profile: the course of a season.

use super::checked_reads::{finite, within_f64, within_u32};
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};

/// Values and profile at some sixty points of a season: whether the values still have the shape of the profile.
///
/// The level follows so fast that it can undo a shape that is gone, and the profile learns only from what the level
/// leaves: it would keep the old shape for ever. So the values themselves are compared with the profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Course {
    /// Points, 0..=MOST.
    points: u32,
    /// Sums of the values, of the profile, of their squares and of their product, relative to the anchor.
    value: f64,
    base: f64,
    values: f64,
    bases: f64,
    product: f64,
}

/// Share of the shape that the values lack where it is gone, at least.
const LACKING: f64 = 0.5;
/// Correlation, negative, of the profile and of what the values differ from it, where a shape is gone.
const AGAINST: f64 = 0.8;
/// Most points of a course, and the fewest that tell.
const MOST: u32 = 128;
const LEAST: u32 = 12;

impl Course {
    pub(super) const NONE: Self =
        Self { points: 0, value: 0.0, base: 0.0, values: 0.0, bases: 0.0, product: 0.0 };

    /// Takes in the point in bucket `k` of a season, if it is one to look at.
    #[inline(always)] // speed
    pub(super) fn look(&mut self, spec: &BandSpec, k: usize, value: f64, base: f64) {
        if k as u32 & spec.course == 0 && self.points < MOST {
            self.add(value, base);
        }
    }

    #[inline(never)] // speed: rarely needed
    fn add(&mut self, value: f64, base: f64) {
        self.points += 1;
        self.value += value;
        self.base += base;
        self.values += value * value;
        self.bases += base * base;
        self.product += value * base;
    }

    /// The share of the shape to keep, 0..=0.5, at the end of a season; nothing where all of it is to be kept.
    pub(super) fn share_to_keep(&self) -> Option<f64> {
        if self.points < LEAST {
            return None;
        }
        let n = f64::from(self.points);
        let values = self.values - self.value * self.value / n;
        let bases = self.bases - self.base * self.base / n;
        let both = self.product - self.value * self.base / n;
        // of the differences, value - base: their covariance with the profile and their own variance
        let (against, differences) = (bases - both, values + bases - 2.0 * both);
        let certain = against * against > AGAINST * AGAINST * differences * bases;
        (bases > 0.0 && against > LACKING * bases && certain)
            .then(|| (1.0 - against / bases).clamp(0.0, 1.0 - LACKING))
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.varint(u64::from(self.points));
        w.f64s(&[self.value, self.base, self.values, self.bases, self.product]);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "course of values and profile";
        Ok(Self {
            points: within_u32(r, 0..=MOST, WHAT)?,
            value: finite(r, WHAT)?,
            base: finite(r, WHAT)?,
            values: within_f64(r, 0.0..=f64::MAX, WHAT)?,
            bases: within_f64(r, 0.0..=f64::MAX, WHAT)?,
            product: finite(r, WHAT)?,
        })
    }
}
