//! The larger and the smaller of two numbers, neither of which is NaN.
//!
//! Where one is NaN, or both are zeros, the result is the second. `f64::max` and `f64::min` promise more for NaN and
//! become a call of a dozen operations on WebAssembly; a comparison and a choice are two.

/// The larger of `a` and `b`; `b` where one is NaN or both are zeros.
pub(super) fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// The smaller of `a` and `b`; `b` where one is NaN or both are zeros.
pub(super) fn smaller<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

/// `x` within `-limit..=limit`; `limit` is positive. NaN becomes `-limit`.
pub(super) fn within(x: f64, limit: f64) -> f64 {
    smaller(larger(x, -limit), limit)
}

#[cfg(test)]
mod tests {
    use super::{larger, smaller, within};

    #[test]
    fn the_second_number_comes_back_where_one_is_nan_or_both_are_zeros() {
        assert_eq!(larger(f64::NAN, 1.0), 1.0);
        assert!(larger(1.0, f64::NAN).is_nan());
        assert_eq!(smaller(f64::NAN, 1.0), 1.0);
        assert!(smaller(1.0, f64::NAN).is_nan());
        assert!(larger(0.0, -0.0_f64).is_sign_negative() && smaller(-0.0, 0.0_f64).is_sign_positive());
    }

    #[test]
    fn a_number_outside_the_limit_becomes_the_limit() {
        for (x, expected) in [(0.5, 0.5), (-7.0, -2.0), (7.0, 2.0), (f64::INFINITY, 2.0), (f64::NAN, -2.0)] {
            assert_eq!(within(x, 2.0), expected, "{x}");
        }
    }
}
