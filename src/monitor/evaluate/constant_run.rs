//! A series that has been constant and leaves its value for good: a run rule beside the band.
//!
//! A band cannot be narrower than the last digit of its series, or the first wiggle of that digit would alert. So a
//! step of one digit lies inside however long it lasts: replicas 3 -> 2, `up` 1 -> 0. Such a step is told by a run
//! rule, as in quality control (Western Electric 1956: points running on one side of the centre line): after
//! [`RUN`] points on one side of a constant, the band of the next ones is the constant.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::band::{Band, BandSpec};

/// Points on one side that are no wiggle any more.
const RUN: u32 = 5;
/// Points of one value that a constant has at least.
const POINTS: u32 = 20;
/// Buckets for which a value lasts at least to be a constant; a season, where that is longer.
const LASTING: u32 = 60;

/// The value that a series keeps, and the run of points that have left it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ConstantRun {
    /// Bucket since which it is kept.
    since: i64,
    /// Finite.
    value: f64,
    /// Points that have had it, 0..=20; short excursions start over.
    held: u32,
    /// Points running on one side of it, 0 where the last one had it.
    left: u32,
    /// Of these, the value nearest to it; on its side.
    nearest: f64,
    /// Bucket of the first of them.
    left_at: i64,
}

impl ConstantRun {
    pub(super) const fn new() -> Self {
        Self { since: 0, value: 0.0, held: 0, left: 0, nearest: 0.0, left_at: 0 }
    }

    /// Takes the value of a closed bucket. True where the band of the next one stands as it is, as nearly always.
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, spec: &BandSpec, bucket: i64, y: f64) -> bool {
        if self.left == 0 && y == self.value {
            if self.held < POINTS {
                self.held += 1;
            }
            return true;
        }
        if self.held < POINTS {
            *self = Self { since: bucket, value: y, held: 1, left: 0, ..*self };
            return true;
        }
        self.depart(spec, bucket, y);
        self.left < RUN
    }

    /// A value that was held is left, has been left, or has come back.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn depart(&mut self, spec: &BandSpec, bucket: i64, y: f64) {
        let lasted = bucket.saturating_sub(self.since) >= i64::from(spec.buckets().max(LASTING));
        let same_side = (y - self.value) * (self.nearest - self.value) > 0.0;
        if self.left == 0 && lasted {
            self.left = 1;
            self.nearest = y;
            self.left_at = bucket;
        } else if self.left > 0 && y == self.value {
            // back: a wiggle shows that the value is no constant, an incident does not
            *self = if self.left >= RUN { Self { left: 0, ..*self } } else { Self::starting(bucket, y) };
        } else if self.left > 0 && same_side && self.left < RUN + spec.longest_shift() {
            self.left += 1;
            if (y - self.value).abs() < (self.nearest - self.value).abs() {
                self.nearest = y;
            }
        } else if self.left > 0 && same_side {
            // the new normal
            *self = Self { since: self.left_at, held: POINTS, ..Self::starting(bucket, y) };
        } else {
            *self = Self::starting(bucket, y);
        }
    }

    const fn starting(bucket: i64, y: f64) -> Self {
        Self { since: bucket, value: y, held: 1, left: 0, nearest: y, left_at: bucket }
    }

    /// The band of the next bucket: around the constant, where a run has left it without leaving the band.
    pub(super) fn narrowed(&self, band: Band) -> Band {
        if self.left < RUN || !band.contains(self.nearest) {
            return band;
        }
        let half = 0.5 * (self.nearest - self.value).abs();
        Band { expected: self.value, lower: self.value - half, upper: self.value + half }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.since);
        w.f64(self.value);
        w.varint(self.held.into());
        w.varint(self.left.into());
        w.f64(self.nearest);
        w.i64(self.left_at);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "run beside a constant";
        let (since, value) = (r.i64(what)?, r.f64(what)?);
        let (held, left) = (r.varint(what)?, r.varint(what)?);
        let (nearest, left_at) = (r.f64(what)?, r.i64(what)?);
        let invalid = CodecError::Invalid { what };
        let (Ok(held), Ok(left)) = (u32::try_from(held), u32::try_from(left)) else { return Err(invalid) };
        if held > POINTS || (left > 0 && held < POINTS) || !value.is_finite() || !nearest.is_finite() {
            return Err(CodecError::Invalid { what });
        }
        Ok(Self { since, value, held, left, nearest, left_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::band::{Algorithm, Seasonality};

    /// Points from the 301st on whose band is the constant alone.
    fn narrowed(before: f64, after: impl Fn(i64) -> f64) -> Vec<i64> {
        let spec = BandSpec::new(Algorithm::Agile, Some(Seasonality::Hourly), 60, 15).unwrap();
        let mut run = ConstantRun::new();
        let wide = Band { expected: before, lower: f64::MIN, upper: f64::MAX };
        (0..400)
            .filter(|&t| {
                let narrow = run.narrowed(wide) != wide;
                run.observe(&spec, t, if t < 300 { before } else { after(t - 300) });
                narrow
            })
            .map(|t| t - 300)
            .collect()
    }

    #[test]
    fn a_step_that_lasts_is_outside_from_the_sixth_point_until_it_is_the_new_normal() {
        assert_eq!(narrowed(3.0, |_| 2.0), (5..26).collect::<Vec<_>>());
        assert_eq!(narrowed(0.5, |t| [0.6, 0.7][t as usize % 2]), (5..26).collect::<Vec<_>>());
    }

    #[test]
    fn wiggles_and_toggling_are_no_step() {
        assert!(narrowed(3.0, |t| if t == 0 { 2.0 } else { 3.0 }).is_empty());
        assert!(narrowed(3.0, |t| [2.0, 3.0][t as usize % 2]).is_empty());
        assert!(narrowed(3.0, |t| [2.0, 4.0][t as usize % 2]).is_empty());
        assert!(narrowed(3.0, |t| if t % 10 < 4 { 2.0 } else { 3.0 }).is_empty());
    }

    #[test]
    fn an_incident_that_ends_leaves_the_constant_as_it_was() {
        let twice = |t: i64| if t < 10 || (40..50).contains(&t) { 2.0 } else { 3.0 };
        assert_eq!(narrowed(3.0, twice), [5, 6, 7, 8, 9, 10, 45, 46, 47, 48, 49, 50]);
    }
}
