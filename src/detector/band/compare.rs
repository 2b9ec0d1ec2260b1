//! Larger and smaller of two numbers neither of which is NaN.
//!
//! `f64::max` and `f64::min` are calls on WebAssembly, ten interpreted operations instead of two.

pub(super) const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

pub(super) const fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `x` within `-limit..=limit`.
pub(super) const fn within(x: f64, limit: f64) -> f64 {
    smaller(larger(x, -limit), limit)
}
