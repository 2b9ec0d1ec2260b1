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

/// Values below this have no digits of their own among ordinary ones: they are what sums like `0.1 * 3 - 0.3` leave of
/// zero. A series of nothing else has digits, too.
const TINY: f64 = 1e-9;
/// The same, as n of 10^-n.
const TINY_EXPONENT: u8 = 9;
/// Smallest power of ten that is told apart.
const LAST_EXPONENT: u8 = 30;
/// Values below this are zero.
const ZERO: f64 = 1e-30;
/// Tiny values from which on a series without digits is a tiny one.
const TINY_POINTS: u8 = 15;
/// Share of a tiny value that counts as its last digit.
const TINY_SHARE: f64 = 1e-9;

/// Digits behind the decimal point in the last one to two generations of points.
///
/// Two generations, because a noisy series that becomes constant has to lose its digits again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Resolution {
    before: Digits,
    now: Digits,
    /// 0..generation length.
    points: u32,
    /// Of the finer generation.
    step: f64,
}

/// What one generation of points shows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Digits {
    /// Behind the decimal point, 0..=12.
    decimals: u8,
    /// Tiny values seen, 0..=15; 0 where there are decimals.
    tiny: u8,
    /// Of 15 and more tiny values the largest one, as n of 10^-n, 10..=30; else 0.
    exponent: u8,
}

/// First code of [`Digits`] that stands for an exponent, and the last one.
const FIRST_EXPONENT: u8 = MOST_DIGITS + TINY_POINTS;
const LAST_CODE: u8 = FIRST_EXPONENT + LAST_EXPONENT - TINY_EXPONENT - 1;

impl Digits {
    const NONE: Self = Self { decimals: 0, tiny: 0, exponent: 0 };

    fn step(self) -> f64 {
        if self.exponent == 0 {
            return STEPS[usize::from(self.decimals)];
        }
        let mut largest = TINY;
        for _ in TINY_EXPONENT..self.exponent {
            largest *= 0.1;
        }
        largest * TINY_SHARE
    }

    fn finer(self, other: Self) -> f64 {
        self.step().min(other.step())
    }

    /// A value with digits that were not known.
    fn refine(&mut self, y: f64) {
        let size = y.abs();
        if size >= TINY {
            *self = Self { decimals: self.decimals, ..Self::NONE };
            while self.decimals < MOST_DIGITS && !is_whole(y * POWERS[usize::from(self.decimals)]) {
                self.decimals += 1;
            }
        } else if size >= ZERO && self.decimals == 0 {
            let mut exponent = TINY_EXPONENT;
            let mut bound = TINY;
            while size < bound && exponent < LAST_EXPONENT {
                exponent += 1;
                bound *= 0.1;
            }
            if self.tiny < TINY_POINTS {
                self.tiny += 1;
            }
            if self.tiny == TINY_POINTS {
                self.exponent = if self.exponent == 0 { exponent } else { self.exponent.min(exponent) };
            }
        }
    }

    /// One byte: 0..=12 decimals; 13..=26 one to 14 tiny values; from 27 on the exponent of a tiny series.
    const fn code(self) -> u8 {
        match (self.exponent, self.tiny) {
            (0, 0) => self.decimals,
            (0, tiny) => MOST_DIGITS + tiny,
            (exponent, _) => exponent - TINY_EXPONENT - 1 + FIRST_EXPONENT,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            0..=MOST_DIGITS => Self { decimals: code, ..Self::NONE },
            FIRST_EXPONENT.. => {
                Self { decimals: 0, tiny: TINY_POINTS, exponent: code - FIRST_EXPONENT + TINY_EXPONENT + 1 }
            }
            tiny => Self { decimals: 0, tiny: tiny - MOST_DIGITS, exponent: 0 },
        }
    }
}

impl Resolution {
    pub(super) const fn new() -> Self {
        Self { before: Digits::NONE, now: Digits::NONE, points: 0, step: 1.0 }
    }

    #[inline(always)] // speed
    pub(super) fn observe(&mut self, y: f64, generation: u32) {
        if self.points >= generation {
            self.begin_generation();
        }
        self.points += 1;
        let decimals = self.now.decimals;
        if decimals < MOST_DIGITS && !is_whole(y * POWERS[usize::from(decimals)]) {
            self.refine(y);
        }
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn begin_generation(&mut self) {
        self.before = self.now;
        self.now = Digits::NONE;
        self.points = 0;
        self.step = self.before.step();
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn refine(&mut self, y: f64) {
        self.now.refine(y);
        self.step = self.before.finer(self.now);
    }

    /// The step, 1e-39..=1.
    pub(super) const fn step(&self) -> f64 {
        self.step
    }

    /// The step as far as floats of the size of `level` show it. A band is never narrower on either side.
    pub(super) fn step_at(&self, level: f64) -> f64 {
        larger(self.step, 1e-9 * level.abs())
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(self.before.code());
        w.u8(self.now.code());
        w.varint(u64::from(self.points));
    }

    pub(super) fn restore(r: &mut Reader<'_>, generation: u32) -> Result<Self, CodecError> {
        let before = Digits::from_code(within(r.u8("digits")?, 0..=LAST_CODE, "digits")?);
        let now = Digits::from_code(within(r.u8("digits")?, 0..=LAST_CODE, "digits")?);
        let points = within_u32(r, 0..=generation, "digits generation")?;
        Ok(Self { before, now, points, step: before.finer(now) })
    }
}

/// Whole up to the rounding of decimal text; the tolerance is relative, so that a series of nanoseconds in seconds has
/// digits. What remains of zero is not whole: [`Digits::refine`] looks at it.
#[inline(always)] // speed
fn is_whole(x: f64) -> bool {
    let distance = (x - (x + 0.5).floor()).abs();
    distance <= 1e-9 * x.abs()
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
