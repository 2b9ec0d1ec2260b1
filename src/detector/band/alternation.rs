//! Outliers to and fro: the scale is too small.

use super::checked_reads::{finite, within};
use super::noise_scale::NoiseScale;
use crate::codec::{CodecError, Reader, Writer};

/// Points after which an outlier has nothing to do with the next one.
const LONG_AGO: u8 = 9;

/// Outliers on alternating sides: the scale is too small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alternation {
    /// Side of the last outlier, -1, 0 or 1.
    side: i8,
    /// Points since then, 0..=9; 9 is long ago.
    age: u8,
    /// Changes of side in close succession, 0..=100.
    count: u8,
    /// |error| of the last outlier, >= 0.
    size: f64,
}

impl Alternation {
    pub(super) const NONE: Self = Self { side: 0, age: LONG_AGO, count: 0, size: 0.0 };

    /// Raises sigma to what the outliers ask for, after `enough` close changes of side, or at a later one.
    ///
    /// Pairs of spikes raise it a little. Four outliers to and fro are no spikes but noise that has set in; where
    /// the noise is not `known`, two will do. The smaller one of a pair is at least one and a half deviations.
    #[inline(always)] // speed
    pub(super) fn step(&mut self, error: f64, out: bool, shifting: bool, enough: u8, scale: &mut NoiseScale) {
        if self.age < LONG_AGO {
            self.age += 1;
        }
        if out {
            self.outlier(error, shifting, enough, scale);
        }
    }

    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn outlier(&mut self, error: f64, shifting: bool, enough: u8, scale: &mut NoiseScale) {
        let side = if error > 0.0 { 1 } else { -1 };
        let close = self.age < LONG_AGO;
        let changed = close && self.side == -side && !shifting;
        if !close {
            self.count = 0;
        }
        if changed {
            self.count = (self.count + 1).min(100);
        }
        let pair = self.size.min(error.abs());
        self.side = side;
        self.age = 0;
        self.size = error.abs();
        let little = 1.15 * scale.sigma;
        if changed && (self.count >= 3 || !scale.is_known()) {
            scale.sigma = little.max(pair / 1.5);
        } else if changed && self.count >= enough {
            scale.sigma = little;
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8((self.side + 1) as u8);
        w.u8(self.age);
        w.u8(self.count);
        w.f64(self.size);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            side: within(r.u8("side of an outlier")?, 0..=2, "side of an outlier")? as i8 - 1,
            age: within(r.u8("age of an outlier")?, 0..=LONG_AGO, "age of an outlier")?,
            count: within(r.u8("changes of side")?, 0..=100, "changes of side")?,
            size: finite(r, "last outlier")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scale of 1 that is a guess, or known.
    fn scale(known: bool) -> NoiseScale {
        let mut scale = NoiseScale::new(1);
        scale.sigma = 1.0;
        if known {
            scale.assume_known();
        }
        scale
    }

    fn asked(errors: &[f64], enough: u8, known: bool) -> Vec<Option<f64>> {
        let mut alternation = Alternation::NONE;
        let step = |&e: &f64| {
            let mut scale = scale(known);
            alternation.step(e, e.abs() > 3.0, false, enough, &mut scale);
            (scale.sigma != 1.0).then_some(scale.sigma)
        };
        errors.iter().map(step).collect()
    }

    #[test]
    fn a_pair_of_spikes_asks_for_little_and_four_outliers_for_their_size() {
        assert_eq!(asked(&[9.0, -9.0], 1, true), [None, Some(1.15)]);
        assert_eq!(asked(&[9.0, -9.0, 9.0], 2, true), [None, None, Some(1.15)]);
        assert_eq!(asked(&[9.0, -8.0, 7.5, -9.0], 2, true), [None, None, Some(1.15), Some(5.0)]);
    }

    #[test]
    fn where_the_noise_is_a_guess_one_pair_will_do() {
        assert_eq!(asked(&[9.0, 0.0, 0.0, -6.0], 2, false), [None, None, None, Some(4.0)]);
    }

    #[test]
    fn one_side_and_outliers_far_apart_ask_for_nothing() {
        assert_eq!(asked(&[9.0; 5], 1, false), [None; 5]);
        let apart = [9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -9.0];
        assert_eq!(asked(&apart, 1, false), [None; 10]);
    }
}
