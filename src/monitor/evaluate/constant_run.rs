//! A series that is constant, but for wiggles, and leaves its value for good: a run rule beside the band.
//!
//! A band cannot be narrower than the last digit of its series, or the first wiggle of that digit would alert. So a
//! step of one digit lies inside however long it lasts: replicas 3 -> 2, `up` 1 -> 0. Such a step is told by a run
//! rule, as in quality control (Western Electric 1956: points running on one side of the centre line): after
//! [`RUN`] points on one side of a constant, or twice as many as its longest wiggle had, the band of the next ones is the
//! constant. The constant is the value of the majority (Boyer and Moore 1981).

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::band::{Band, BandSpec};

/// Points on one side that are no wiggle any more.
const RUN: u32 = 5;
/// By how many the points of a value must outnumber those between them for it to be a constant, and by how many they are
/// counted to do so.
const POINTS: u32 = 20;
const MOST: u32 = 40;
/// What a change of side costs a constant, points.
const CROSSING: u32 = 2;
/// Buckets for which a value lasts at least to be a constant; a season, where that is longer.
const LASTING: u32 = 60;
/// Points of the constant that end a run.
const BACK: u32 = 6;
/// Longest wiggle that is told apart, points.
const LONGEST: u32 = 1 << 20;
/// Bits of a saved count of points.
const HELD_BITS: u32 = 6;

/// The value that a series keeps, and the run of points that have left it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ConstantRun {
    /// Bucket since which it is kept.
    since: i64,
    /// Finite.
    value: f64,
    /// Points that have had it, less those that have not, 0..=20; of a constant less the times that it was left, 20..=40.
    held: u32,
    /// Longest run that was a wiggle.
    longest: u32,
    /// Points running on one side of it, 0 where the last one had it.
    left: u32,
    /// Of these, the value nearest to it; on its side.
    nearest: f64,
    /// Bucket of the first of them.
    left_at: i64,
}

impl ConstantRun {
    pub(super) const fn new() -> Self {
        Self { since: 0, value: 0.0, held: 0, longest: 0, left: 0, nearest: 0.0, left_at: 0 }
    }

    /// Takes the value of a closed bucket. True where the band of the next one stands as it is, as nearly always.
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, spec: &BandSpec, bucket: i64, y: f64) -> bool {
        if self.left == 0 && y == self.value {
            if self.held < MOST {
                self.held += 1;
            }
            return true;
        }
        if self.held < POINTS {
            if self.held > 1 {
                self.held -= 1;
            } else {
                *self = Self { since: bucket, value: y, held: 1, longest: 0, left: 0, ..*self };
            }
            return true;
        }
        self.depart(spec, bucket, y);
        !self.is_step()
    }

    /// Points of a run that is no wiggle.
    fn enough(&self) -> u32 {
        RUN.max(2 * self.longest)
    }

    fn is_step(&self) -> bool {
        self.left > 0 && self.left >= self.enough()
    }

    /// A value that was held is left, has been left, or has come back.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn depart(&mut self, spec: &BandSpec, bucket: i64, y: f64) {
        let same_side = (y - self.value) * (self.nearest - self.value) > 0.0;
        if self.left == 0 {
            self.leave(bucket, y, 1);
        } else if y == self.value && self.is_told(spec) {
            // an incident leaves the constant as it was, and is not over with one point
            let enough = self.enough();
            self.left = self.left.min(enough + BACK) - 1;
            if self.left < enough {
                self.left = 0;
            }
        } else if y == self.value {
            self.end_wiggle();
        } else if !same_side {
            self.end_wiggle();
            self.leave(bucket, y, CROSSING);
        } else if self.left < self.enough() + spec.longest_shift() {
            self.left += 1;
            if (y - self.value).abs() < (self.nearest - self.value).abs() {
                self.nearest = y;
            }
        } else {
            // the new normal
            *self = Self { since: self.left_at, held: MOST, ..Self::starting(bucket, y) };
        }
    }

    /// Whether the value had been kept for long enough, when it was left, for the run to be told.
    fn is_told(&self, spec: &BandSpec) -> bool {
        self.is_step() && self.left_at.saturating_sub(self.since) >= i64::from(spec.buckets().max(LASTING))
    }

    fn leave(&mut self, bucket: i64, y: f64, cost: u32) {
        self.held -= cost.min(self.held - 1);
        *self = if self.held < POINTS {
            Self::starting(bucket, y)
        } else {
            Self { left: 1, nearest: y, left_at: bucket, ..*self }
        };
    }

    fn end_wiggle(&mut self) {
        self.longest = self.longest.max(self.left).min(LONGEST);
        self.left = 0;
    }

    const fn starting(bucket: i64, y: f64) -> Self {
        Self { since: bucket, value: y, held: 1, longest: 0, left: 0, nearest: y, left_at: bucket }
    }

    /// The band of the next bucket: around the constant, where a run has left it without leaving the band.
    pub(super) fn narrowed(&self, spec: &BandSpec, band: Band) -> Band {
        if !self.is_told(spec) || !band.contains(self.nearest) {
            return band;
        }
        let half = 0.5 * (self.nearest - self.value).abs();
        Band { expected: self.value, lower: self.value - half, upper: self.value + half }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.since);
        w.f64(self.value);
        w.varint(u64::from(self.longest) << HELD_BITS | u64::from(self.held));
        w.varint(self.left.into());
        w.f64(self.nearest);
        w.i64(self.left_at);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "run beside a constant";
        let (since, value) = (r.i64(what)?, r.f64(what)?);
        let (both, left) = (r.varint(what)?, r.varint(what)?);
        let (nearest, left_at) = (r.f64(what)?, r.i64(what)?);
        let invalid = CodecError::Invalid { what };
        let (Ok(longest), Ok(left)) = (u32::try_from(both >> HELD_BITS), u32::try_from(left)) else {
            return Err(invalid);
        };
        let held = both as u32 & ((1 << HELD_BITS) - 1);
        let is_sound = held <= MOST
            && longest <= LONGEST
            && left <= 4 * LONGEST
            && (left == 0 || held >= POINTS)
            && value.is_finite()
            && nearest.is_finite();
        if is_sound { Ok(Self { since, value, held, longest, left, nearest, left_at }) } else { Err(invalid) }
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
                let narrow = run.narrowed(&spec, wide) != wide;
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
        let told: Vec<i64> = (5..16).chain(45..56).collect();
        assert_eq!(narrowed(3.0, twice), told);
    }

    #[test]
    fn a_step_whose_points_come_back_now_and_then_is_one_step() {
        let mostly = |t: i64| if t % 7 == 6 { 3.0 } else { 2.0 };
        assert_eq!(narrowed(3.0, mostly)[..20], (5..25).collect::<Vec<_>>());
    }

    #[test]
    fn what_wiggles_for_longer_is_a_step_after_twice_as_many_points() {
        // three points of seven, from the beginning on and on either side
        let wiggling = |t: i64| if t % 60 < 3 { [2.0, 4.0][t as usize / 60 % 2] } else { 3.0 };
        let spec = BandSpec::new(Algorithm::Agile, Some(Seasonality::Hourly), 60, 15).unwrap();
        let mut run = ConstantRun::new();
        let wide = Band { expected: 3.0, lower: f64::MIN, upper: f64::MAX };
        let told: Vec<i64> = (0..700)
            .filter(|&t| {
                let narrow = run.narrowed(&spec, wide) != wide;
                run.observe(&spec, t, if t < 630 { wiggling(t) } else { 2.0 });
                narrow
            })
            .collect();
        assert_eq!(told[..], (636..657).collect::<Vec<_>>());
    }
}
