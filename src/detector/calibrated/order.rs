//! The larger and the smaller of two numbers that are not NaN.
//!
//! `f64::max` must think of NaN: to an interpreter of WASM it is a call of a dozen operations. These are two.

#[inline(always)]
pub(super) fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

#[inline(always)]
pub(super) fn smaller<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}
