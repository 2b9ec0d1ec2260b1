//! The natural logarithm, with the bits of `libm::log`: for ordinary numbers in fewer steps than there.
//!
//! It follows FreeBSD's `e_log.c`, which carries this notice:
//!
//! > Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunSoft, a Sun Microsystems,
//! > Inc. business. Permission to use, copy, modify, and distribute this software is freely granted, provided that
//! > this notice is preserved.

// ln 2 in two parts, so that the product of the first and an exponent is exact
const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// ln(1 + f) is about `2s + s * (C[0] s^2 + C[1] s^4 + ..)` with `s = f / (2 + f)`.
const C: [f64; 7] = [
    f64::from_bits(0x3fe5_5555_5555_5593),
    f64::from_bits(0x3fd9_9999_9997_fa04),
    f64::from_bits(0x3fd2_4924_9422_9359),
    f64::from_bits(0x3fcc_71c5_1d8e_78af),
    f64::from_bits(0x3fc7_4664_96cb_03de),
    f64::from_bits(0x3fc3_9a09_d078_c69f),
    f64::from_bits(0x3fc2_f112_df3e_5244),
];

/// Natural logarithm, the same bits on every target.
#[inline]
#[must_use]
pub(super) fn ln(x: f64) -> f64 {
    ordinary(x).unwrap_or_else(|| special(x))
}

/// The logarithm of a positive number that is neither subnormal nor infinite.
#[inline(always)] // speed
pub(super) fn ordinary(x: f64) -> Option<f64> {
    const LEAST: u64 = f64::MIN_POSITIVE.to_bits();
    const ROOT: u64 = 0x3fe6_a09e << 32; // about sqrt(1/2)
    let bits = x.to_bits();
    // a negative number has the sign bit, which makes it too large here
    if bits.wrapping_sub(LEAST) >= f64::INFINITY.to_bits() - LEAST {
        return None;
    }
    // x = 2^k * (1 + f), with 1 + f between the roots of 1/2 and 2
    let k = (bits.wrapping_sub(ROOT) as i64) >> 52;
    let f = f64::from_bits(bits.wrapping_sub((k as u64) << 52)) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (C[1] + w * (C[3] + w * C[5]));
    let odd = z * (C[0] + w * (C[2] + w * (C[4] + w * C[6])));
    let k = k as f64;
    Some(s * (half_square + (odd + even)) + k * LN2_LOW - half_square + f + k * LN2_HIGH)
}

#[cold]
#[inline(never)] // speed
fn special(x: f64) -> f64 {
    libm::log(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agrees(x: f64) -> bool {
        let (ours, theirs) = (ln(x), libm::log(x));
        ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan())
    }

    #[test]
    fn numbers_on_an_edge_have_the_logarithm_of_libm() {
        for x in [0.0, 1.0, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN, 0.5, 2.0, 10.0] {
            for x in [x, -x, x.next_up(), x.next_down()] {
                assert!(agrees(x), "{x:e}");
            }
        }
        // around the roots of 1/2 and 2, where the exponent changes, in every binade
        for exponent in 0..2047u64 {
            for mantissa in [0, 1, (1 << 52) - 1, 0x6_a09e_0000_0000, 0x6_a09e_667f_3bcc, 0x6_a09d_ffff_ffff]
            {
                let x = f64::from_bits(exponent << 52 | mantissa);
                assert!(agrees(x), "{x:e}");
            }
        }
    }

    #[test]
    fn four_million_numbers_have_the_logarithm_of_libm() {
        let mut state = 1u64;
        for _ in 0..4_000_000 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let positive = f64::from_bits(state >> 1);
            let near_one = f64::from_bits(0x3fe << 52 | state >> 11);
            assert!(agrees(positive) && agrees(near_one), "{positive:e} {near_one:e}");
        }
    }

    proptest! {
        #[test]
        fn every_number_has_the_logarithm_of_libm(x: f64) {
            prop_assert!(agrees(x), "{x:e}");
        }
    }
}
