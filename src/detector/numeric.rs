//! Numbers that a model may learn, and functions on them whose bits are the same on every target.

use thiserror::Error;

use crate::codec::FloatText;

/// A number that a model can learn: neither NaN nor infinite, and at most [`Finite::MAX`] in magnitude.
///
/// ```
/// use fluent_anomaly::detectors::Finite;
///
/// assert_eq!(Finite::new(-0.5).map(Finite::get), Some(-0.5));
/// assert_eq!(Finite::new(f64::NAN), None);
/// assert_eq!(
///     Finite::try_from(1e200).unwrap_err().to_string(),
///     "1e200 is too large to learn: the magnitude must be at most 1e100"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Finite(f64); // in [-MAX, MAX]

impl Finite {
    /// The largest magnitude. Its square, and sums of as many squares as a model ever adds, do not overflow.
    pub const MAX: f64 = 1e100;

    /// `value`, if it can be learned.
    #[inline]
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        // false for NaN too
        (value.abs() <= Self::MAX).then_some(Self(value))
    }

    /// The number.
    #[inline]
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotLearnable;

    /// As [`Finite::new`], with the reason of a refusal.
    fn try_from(value: f64) -> Result<Self, NotLearnable> {
        Self::new(value).ok_or(if value.is_finite() {
            NotLearnable::TooLarge { value }
        } else {
            NotLearnable::NotFinite { value }
        })
    }
}

/// Why a model cannot learn a number.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum NotLearnable {
    /// NaN or an infinity: one of them would make every later score NaN.
    #[error("{} is not a finite number", FloatText(*.value))]
    NotFinite {
        /// The number given.
        value: f64,
    },
    /// Beyond [`Finite::MAX`]: its square could overflow and spoil the model for ever.
    #[error("{:e} is too large to learn: the magnitude must be at most {:e}", FloatText(*.value), FloatText(Finite::MAX))]
    TooLarge {
        /// The number given.
        value: f64,
    },
}

/// Exponential function, the same bits on every target.
#[inline]
#[must_use]
pub(super) fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// Arithmetic mean, 0.0 of nothing.
///
/// The order of summation is that of numpy for up to 128 values. Of each eight values in a row the j-th goes to the
/// j-th of eight sums; these are added in pairs; then the remaining values are added one by one.
///
/// ```
/// assert_eq!(fluent_anomaly::internals::mean(&[1.0, 2.0, 6.0]), 3.0);
/// ```
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let total = match eights {
        [] => 0.0,
        [first] => in_pairs(first),
        [first, eights @ ..] => {
            let mut sums = *first;
            for eight in eights {
                for (sum, value) in sums.iter_mut().zip(eight) {
                    *sum += value;
                }
            }
            in_pairs(&sums)
        }
    };
    // seven at most, without a loop: its turns cost an interpreter more than its sums
    let (fours, rest) = rest.as_chunks::<4>();
    let total = fours.iter().fold(total, |total, [a, b, c, d]| total + a + b + c + d);
    let (twos, rest) = rest.as_chunks::<2>();
    let total = twos.iter().fold(total, |total, [a, b]| total + a + b);
    let total = rest.iter().fold(total, |total, value| total + value);
    if values.is_empty() { 0.0 } else { total / values.len() as f64 }
}

fn in_pairs(s: &[f64; 8]) -> f64 {
    ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The documented rule, written without regard to speed.
    fn slow_mean(w: &[f64]) -> f64 {
        let mut total = 0.0;
        let mut done = 0;
        if w.len() >= 8 {
            let mut sums = [0.0; 8];
            while done + 8 <= w.len() {
                for j in 0..8 {
                    sums[j] = if done == 0 { w[j] } else { sums[j] + w[done + j] };
                }
                done += 8;
            }
            total = in_pairs(&sums);
        }
        for value in &w[done..] {
            total += value;
        }
        total / w.len() as f64
    }

    proptest! {
        #[test]
        fn the_mean_sums_in_the_documented_order(w in proptest::collection::vec(-1e6f64..1e6, 1..40)) {
            prop_assert_eq!(mean(&w).to_bits(), slow_mean(&w).to_bits());
        }
    }

    #[test]
    fn numbers_beyond_the_limit_are_refused_and_the_limit_is_not() {
        for (name, value, accepted) in [
            ("limit", 1e100, true),
            ("negative limit", -1e100, true),
            ("next above", 1e100f64.next_up(), false),
            ("largest", f64::MAX, false),
            ("infinity", f64::INFINITY, false),
            ("negative infinity", f64::NEG_INFINITY, false),
            ("nan", f64::NAN, false),
            ("smallest", 5e-324, true),
            ("zero", 0.0, true),
        ] {
            assert_eq!(Finite::new(value).is_some(), accepted, "{name}");
            assert_eq!(Finite::try_from(value).is_ok(), accepted, "{name}");
        }
    }

    #[test]
    fn the_mean_of_nothing_is_zero() {
        assert_eq!(mean(&[]), 0.0);
    }
}
