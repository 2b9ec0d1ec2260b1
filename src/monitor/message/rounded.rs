//! Numbers of messages, rounded as people do.

use crate::codec::FloatText;

const MOST_DECIMALS: usize = 12;

/// Four digits that count, and all before the point: `1.432`, `97.25`, `12346`, `0.00001234`.
#[inline(never)] // stack
pub(super) fn rounded(value: f64) -> String {
    const DIGITS: usize = 4;
    let (mut size, mut decimals) = (value.abs(), DIGITS - 1);
    while size >= 10.0 && decimals > 0 {
        size /= 10.0;
        decimals -= 1;
    }
    while size > 0.0 && size < 1.0 && decimals < MOST_DECIMALS {
        size *= 10.0;
        decimals += 1;
    }
    let text = fixed(value, decimals);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The text of `format!("{value:.decimals$}")`, of at most [`MOST_DECIMALS`] decimals, none from 2^53 on. What `core` has for
/// it is left out of the WASM filter, see [`FloatText`].
fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return FloatText(value).to_string();
    }
    // |value| = mantissa * 2^exponent
    let (stored, fraction) = ((value.to_bits() >> 52 & 0x7ff) as i32, value.to_bits() & ((1 << 52) - 1));
    let (mantissa, exponent) =
        if stored == 0 { (fraction, -1074) } else { (fraction | 1 << 52, stored - 1075) };
    let mut text = if exponent < 0 {
        let scaled = u128::from(mantissa) * u128::from(10_u64.pow(decimals as u32)); // below 2^93
        divided(scaled, exponent.unsigned_abs()).to_string()
    } else {
        doubled(mantissa, exponent)
    };
    if decimals > 0 {
        while text.len() <= decimals {
            text.insert(0, '0');
        }
        text.insert(text.len() - decimals, '.');
    }
    if value.is_sign_negative() {
        text.insert(0, '-');
    }
    text
}

/// `scaled / 2^exponent`, rounded to the nearest, ties to even; `scaled` is below 2^93, the quotient below 2^64.
fn divided(scaled: u128, exponent: u32) -> u64 {
    let Some(half) = 1_u128.checked_shl(exponent - 1).filter(|_| exponent < 128) else { return 0 };
    let (whole, rest) = ((scaled >> exponent) as u64, scaled & (2 * half - 1));
    let is_up = rest > half || (rest == half && whole % 2 == 1);
    whole + u64::from(is_up)
}

/// `mantissa * 2^exponent`, digit by digit.
fn doubled(mantissa: u64, exponent: i32) -> String {
    let mut digits = mantissa.to_string().into_bytes();
    for _ in 0..exponent {
        let mut carry = 0;
        for digit in digits.iter_mut().rev() {
            let twice = 2 * (*digit - b'0') + carry;
            (*digit, carry) = (b'0' + twice % 10, twice / 10);
        }
        if carry > 0 {
            digits.insert(0, b'1');
        }
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn as_core_rounds(value: f64, decimals: usize) {
        assert_eq!(fixed(value, decimals), format!("{value:.decimals$}"), "{value:e} {decimals}");
    }

    #[test]
    fn halves_extremes_and_what_is_not_finite_are_rounded_as_core_rounds_them() {
        for value in [
            0.0,
            0.5,
            1.5,
            2.5,
            0.125,
            0.375,
            9.9995,
            99.995,
            0.145,
            5e-324,
            1e-13,
            5e-13,
            f64::NAN,
            f64::INFINITY,
        ] {
            for decimals in 0..=MOST_DECIMALS {
                as_core_rounds(value, decimals);
                as_core_rounds(-value, decimals);
            }
        }
        for value in [9_007_199_254_740_992.0, 1e16, 1e22, 1e23, 1e100, f64::MAX] {
            as_core_rounds(value, 0);
            as_core_rounds(-value, 0);
        }
    }

    proptest! {
        #[test]
        fn a_number_is_rounded_as_core_rounds_it(bits: u64, everyday in -1e4f64..1e4, small in -1.0f64..1.0, decimals in 0..=MOST_DECIMALS) {
            as_core_rounds(everyday, decimals);
            as_core_rounds(small, decimals);
            as_core_rounds(f64::from_bits(bits), 0);
        }
    }
}
