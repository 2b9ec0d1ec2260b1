//! Larger and smaller of two numbers, neither of which is NaN and not both of which are zero.
//!
//! `f64::max` and `f64::min` are calls on WebAssembly, of ten interpreted operations instead of three.

#[inline(always)] // speed
pub(super) const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline(always)] // speed
pub(super) const fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `x` within `-limit..=limit`; `limit` is positive.
#[inline(always)] // speed
pub(super) const fn within(x: f64, limit: f64) -> f64 {
    smaller(larger(x, -limit), limit)
}
