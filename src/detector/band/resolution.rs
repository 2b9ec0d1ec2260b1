//! The finest decimal step of a series: a band narrower than its last digit would flag every change.

use super::checked_reads::{within, within_u32};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::larger;

/// 10^-12: finer steps are float noise for any metric.
const MOST_DIGITS: u8 = 12;

const POWERS: [f64; MOST_DIGITS as usize + 1] =
    [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
const STEPS: [f64; MOST_DIGITS as usize + 1] =
    [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12];

/// Digits behind the decimal point in the last one to two generations of points.
///
/// Two generations, because a noisy series that becomes constant has to lose its digits again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resolution {
    /// 0..=12, generation before this one.
    before: u8,
    /// 0..=12, this generation so far.
    now: u8,
    /// 0..generation length.
    points: u32,
    /// Of the finer generation.
    step: f64,
}

impl Resolution {
    pub(super) const fn new() -> Self {
        Self { before: 0, now: 0, points: 0, step: 1.0 }
    }

    #[inline(always)] // speed
    pub(super) fn observe(&mut self, y: f64, generation: u32) {
        if self.points >= generation {
            self.turn();
        }
        self.points += 1;
        if self.now < MOST_DIGITS && !is_whole(y * POWERS[usize::from(self.now)]) {
            self.refine(y);
        }
    }

    /// A generation begins.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn turn(&mut self) {
        self.before = self.now;
        self.now = 0;
        self.points = 0;
        self.step = STEPS[usize::from(self.before)];
    }

    /// `y` has more digits than were known.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn refine(&mut self, y: f64) {
        while self.now < MOST_DIGITS && !is_whole(y * POWERS[usize::from(self.now)]) {
            self.now += 1;
        }
        self.step = STEPS[usize::from(self.before.max(self.now))];
    }

    /// The step, 1e-12..=1.
    pub(super) const fn step(&self) -> f64 {
        self.step
    }

    /// The step as far as floats of the size of `level` show it. A band is never narrower on either side.
    pub(super) fn step_at(&self, level: f64) -> f64 {
        larger(self.step, 1e-9 * level.abs())
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(self.before);
        w.u8(self.now);
        w.varint(u64::from(self.points));
    }

    pub(super) fn restore(r: &mut Reader<'_>, generation: u32) -> Result<Self, CodecError> {
        let before = within(r.u8("digits")?, 0..=MOST_DIGITS, "digits")?;
        let now = within(r.u8("digits")?, 0..=MOST_DIGITS, "digits")?;
        let points = within_u32(r, 0..=generation, "digits generation")?;
        Ok(Self { before, now, points, step: STEPS[usize::from(before.max(now))] })
    }
}

/// Whole up to the rounding of decimal text; the tolerance is relative so that a series of nanoseconds in
/// seconds has digits, and its bottom swallows the dust of sums like `0.1 * 3 - 0.3`.
fn is_whole(x: f64) -> bool {
    let distance = (x - (x + 0.5).floor()).abs();
    distance <= 1e-9 * larger(x.abs(), 1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step_of(values: &[f64]) -> f64 {
        let mut resolution = Resolution::new();
        for &y in values {
            resolution.observe(y, 1_000);
        }
        resolution.step()
    }

    #[test]
    fn the_finest_digit_seen_is_the_step() {
        let rows: [(&str, &[f64], f64); 9] = [
            ("whole numbers", &[3.0, 250.0, 5e9], 1.0),
            ("one digit", &[42.0, 42.1], 0.1),
            ("two digits", &[0.37, 0.38], 0.01),
            ("negative", &[-0.5, -7.25], 0.01),
            ("sum of tenths", &[0.1 + 0.2], 0.1),
            ("dust is zero", &[0.1 * 3.0 - 0.3, 0.0], 1.0),
            ("no decimal step: nine digits", &[1.0 / 3.0], 1e-9),
            ("tiny values have digits", &[3.2e-9], 1e-10),
            ("no points", &[], 1.0),
        ];
        for (name, values, step) in rows {
            assert_eq!(step_of(values), step, "{name}");
        }
    }

    #[test]
    fn digits_are_forgotten_after_two_generations() {
        let mut resolution = Resolution::new();
        resolution.observe(1.0 / 3.0, 10);
        for _ in 0..19 {
            resolution.observe(5.0, 10);
            assert_eq!(resolution.step(), 1e-9);
        }
        resolution.observe(5.0, 10);
        assert_eq!(resolution.step(), 1.0);
    }

    #[test]
    fn one_last_digit_is_inside_whatever_the_rounding() {
        for (a, b) in [(42.0, 42.1), (0.37, 0.38), (5.0, 6.0), (5e9, 5e9 + 1.0)] {
            let mut resolution = Resolution::new();
            resolution.observe(a, 100);
            resolution.observe(b, 100);
            assert!((b - a).abs() <= 1.1 * resolution.step_at(a), "{a} -> {b}");
        }
    }
}
