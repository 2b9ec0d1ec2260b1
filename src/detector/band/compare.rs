//! Larger and smaller of two numbers, neither of which is NaN and not both of which are zero.
//!
//! `f64::max` and `f64::min` are calls on WebAssembly, ten interpreted operations instead of three. WebAssembly has an
//! operation for each, which differs for NaN and in the sign of a zero only, but no Rust expression becomes one. For the
//! filter these functions stay calls, and `cargo wasm` writes the operation in their place.

#[cfg_attr(feature = "rewritten", inline(never))]
#[cfg_attr(not(feature = "rewritten"), inline(always))]
pub(super) const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[cfg_attr(feature = "rewritten", inline(never))]
#[cfg_attr(not(feature = "rewritten"), inline(always))]
pub(super) const fn smaller(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// `x` within `-limit..=limit`; `limit` is positive.
#[inline(always)]
pub(super) const fn within(x: f64, limit: f64) -> f64 {
    smaller(larger(x, -limit), limit)
}
