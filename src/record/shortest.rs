//! Shortest text of floats of everyday size, without a product of more than 64 bits.
//!
//! A float `m * 2^e` is wanted as `digits / 10^k`, where k is the one with `1 <= 2^e * 10^k < 10`: neighbouring
//! floats are then 1 to 10 units apart, so that their middle always lies next to a whole number, and at most
//! one multiple of ten is nearer to this float than to its neighbours (R. Giulietti, "The Schubfach way to render
//! doubles", 2021, section 8).
//!
//! The float in units, `m * spacing / 2^53` with the whole number `spacing = 2^(e+53) * 10^k`, has up to 110 bits.
//! One rounded multiplication gives its tens, and how far it is beyond them is less than 2^11 units: for that the
//! lowest 64 bits of the products are enough. No table of rounded powers, no error to bound.

/// e of the smallest floats taken, 2^-6 and up.
const FIRST: i32 = -58;
/// e of the largest ones, below 2^46.
const LAST: i32 = -7;
const SCALES: [Scale; (LAST - FIRST + 1) as usize] = scales();

/// Ten units, in units of 2^-53 of one.
const TEN: u64 = 10 << 53;

/// Where the text has the sixteen digits of the tens. The digits ahead of the point move up by one later.
const DIGITS: usize = 8;
/// Where it has the last digit, that of the units.
const LAST_DIGIT: usize = 24;
/// What is ahead of the digits: two zeros, and room for a sign and for the move.
const AHEAD: u64 = u64::from_le_bytes(*b"\0\0\0\0\0\x0000");

/// What all floats with one exponent e have in common.
#[derive(Clone, Copy)]
struct Scale {
    /// Between neighbours, in units of 2^-53 of a unit: `2^(e+53) * 10^k`, at least 2^53 and below [`TEN`].
    spacing: u64,
    /// `10^(k-1)`, at most 10^17 and thus exact: the tens of 1.0.
    tens: f64,
    /// With fewer tens the text starts one digit later.
    full: u64,
    /// Digits ahead of the point, with one of the two zeros, 0..=15.
    whole: u8,
    /// Where the text starts, after the move: 5 to 7.
    start: u8,
}

const fn scales() -> [Scale; (LAST - FIRST + 1) as usize] {
    let mut scales =
        [Scale { spacing: 0, tens: 1.0, full: 0, whole: 0, start: 0 }; (LAST - FIRST + 1) as usize];
    let mut at = 0;
    while at < scales.len() {
        let e = FIRST + at as i32;
        // 2^e * 10^k >= 1 as 10^k >= 2^-e
        let mut k = 0;
        while 10u64.pow(k) < 1 << -e {
            k += 1;
        }
        // of two zeros and sixteen digits, k - 1 are behind the point and one is not counted
        let whole = 18 - k as u8;
        scales[at] = Scale {
            spacing: 5u64.pow(k) << (53 + e + k as i32),
            tens: 10u64.pow(k - 1) as f64,
            full: if whole > 2 { 1_000_000_000_000_000 } else { 0 },
            whole,
            start: 5 + if whole > 2 { 2 } else { whole },
        };
        at += 1;
    }
    scales
}

/// Appends the shortest text.
#[inline]
pub(super) fn append(value: f64, out: &mut Vec<u8>) {
    if !everyday(value, out) {
        append_any(value, out);
    }
}

/// False, and nothing appended, for a float that is left to the printer for all.
#[inline(always)]
fn everyday(value: f64, out: &mut Vec<u8>) -> bool {
    const LEAST: usize = (1075 + FIRST) as usize; // as the exponent is stored
    let size = value.abs();
    let bits = size.to_bits();
    let Some(scale) = SCALES.get(((bits >> 52) as usize).wrapping_sub(LEAST)) else { return false };

    // Rounding passes no whole number: this is the floor of the exact product, or one more where the rounded one
    // is whole, half a ten away at most.
    let mut tens = (size * scale.tens) as i64 as u64;
    // The bits stand for m: `spacing` has at least 13 zeros at the end, which push the exponent out.
    let beyond = bits.wrapping_mul(scale.spacing).wrapping_sub(tens.wrapping_mul(TEN));
    // Half of `spacing` to either side all numbers read back as this float. Those ends are no multiples of ten:
    // 2 is a factor of them less often. A power of two, whose lower neighbour is nearer, is a multiple itself.
    let reached = beyond.wrapping_add(scale.spacing / 2);
    let mut last = 0;
    if reached >= scale.spacing {
        if reached.wrapping_sub(TEN) < scale.spacing {
            tens = tens.wrapping_add(1);
        } else if beyond << 11 == 1 << 63 {
            return false; // halfway between two digits
        } else {
            let lent = ((beyond as i64) >> 63) as u64; // from the tens: all ones or nothing
            tens = tens.wrapping_add(lent);
            last =
                (beyond.wrapping_add((1 << 52) + ((b'0' as u64) << 53)) >> 53).wrapping_add(lent & 10) as u32;
        }
    }

    let high = tens / 100_000_000;
    let low = eight(tens.wrapping_sub(high.wrapping_mul(100_000_000)));
    let high = eight(high);
    let mut text = [0; LAST_DIGIT + 4];
    text[..DIGITS].copy_from_slice(&AHEAD.to_le_bytes());
    text[DIGITS..DIGITS + 8].copy_from_slice(&(high | ZEROS).to_le_bytes());
    text[DIGITS + 8..LAST_DIGIT].copy_from_slice(&(low | ZEROS).to_le_bytes());
    text[LAST_DIGIT..].copy_from_slice(&last.to_le_bytes());
    let whole = usize::from(scale.whole & 15);
    text.copy_within(6..7 + whole, 5);
    let point = 6 + whole;
    text[point] = b'.';
    let end = if last != 0 {
        LAST_DIGIT + 1
    } else {
        let zeros = if low != 0 { low.leading_zeros() } else { 64 + high.leading_zeros() } >> 3;
        (LAST_DIGIT - zeros as usize).max(point + 2)
    };
    let mut start = usize::from(scale.start & 7) + usize::from(tens < scale.full);
    if value != size {
        start = start.wrapping_sub(1) & 7;
        text[start] = b'-';
    }
    out.extend_from_slice(text.get(start..end).unwrap_or_default());
    true
}

#[cold]
#[inline(never)]
fn append_any(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(zmij::Buffer::new().format(value).as_bytes());
}

/// `00000000` as a word.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight digits of a number below 10^8, a byte each, the first lowest: quotients and remainders of all pairs,
/// then of all digits, at once.
#[inline(always)]
const fn eight(value: u64) -> u64 {
    // `(v << width) - quotient * ((base << width) - 1)` is `quotient | remainder << width` in each lane
    let fours = (value << 32).wrapping_sub((value / 10_000).wrapping_mul((10_000 << 32) - 1));
    let quotients = (fours.wrapping_mul(5243) >> 19) & 0x0000_007f_0000_007f; // by 100, exact below 43 698
    let pairs = (fours << 16).wrapping_sub(quotients.wrapping_mul((100 << 16) - 1));
    let quotients = (pairs.wrapping_mul(103) >> 10) & 0x000f_000f_000f_000f; // by 10, exact below 179
    (pairs << 8).wrapping_sub(quotients.wrapping_mul((10 << 8) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> Option<String> {
        let mut out = Vec::new();
        everyday(value, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    /// Against the printer for all floats, and read back by `core`.
    fn agrees(value: f64) -> bool {
        let Some(text) = written(value) else { return false };
        assert_eq!(text, zmij::Buffer::new().format(value), "{:x}", value.to_bits());
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        true
    }

    #[test]
    fn millions_of_floats_of_each_exponent_are_written_as_by_the_printer_for_all() {
        let mut state = 1u64;
        let mut taken = 0;
        for exponent in (1075 + FIRST - 1) as u64..=(1075 + LAST + 1) as u64 {
            for _ in 0..40_000 {
                state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                taken += u32::from(agrees(f64::from_bits(exponent << 52 | state >> 12 | (state << 63))));
            }
        }
        assert!(taken > 2_000_000, "{taken}");
    }

    #[test]
    fn short_decimals_and_their_neighbours_are_written_as_by_the_printer_for_all() {
        let mut taken = 0;
        for digits in 1..20_000u32 {
            for scale in [0.1, 1.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6] {
                let value = f64::from(digits) / scale;
                for value in [value, -value, value.next_up(), value.next_down(), value * 65_536.0 + 0.125] {
                    taken += u32::from(agrees(value));
                }
            }
        }
        assert!(taken > 600_000, "{taken}");
    }

    #[test]
    fn the_first_and_last_mantissas_of_each_exponent_are_written_as_by_the_printer_for_all() {
        for exponent in (1075 + FIRST) as u64..=(1075 + LAST) as u64 {
            assert!(agrees(f64::from_bits(exponent << 52)), "a power of two");
            for mantissa in (1..2000).chain((1 << 52) - 2000..1 << 52) {
                agrees(f64::from_bits(exponent << 52 | mantissa));
            }
        }
    }

    #[test]
    fn what_is_out_of_range_is_left_to_the_printer_for_all() {
        for value in [0.0, -0.0, 0.0078125, 1e-3, 8e13, 1e300, 5e-324, f64::NAN, f64::INFINITY] {
            assert_eq!(written(value), None, "{value}");
        }
    }

    #[test]
    fn floats_in_range_are_written_in_full() {
        for (value, text) in [
            (1.0, "1.0"),
            (1.5, "1.5"),
            (-12.0, "-12.0"),
            (0.3, "0.3"),
            (0.02, "0.02"),
            (-0.015625, "-0.015625"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9.999_999_999_999_998, "9.999999999999998"),
            (40_000_000_000_000.25, "40000000000000.25"),
        ] {
            assert_eq!(written(value).as_deref(), Some(text));
        }
    }

    /// Reads back as the value, with the digits of `core`: the fewest, and the nearest of those.
    fn is_shortest(value: f64) -> bool {
        let digits = |text: &str| {
            let mantissa = text.split('e').next().unwrap_or_default();
            mantissa.replace(['-', '.'], "").trim_matches('0').to_owned()
        };
        let mut out = Vec::new();
        append(value, &mut out);
        let text = String::from_utf8(out).unwrap();
        let (ours, theirs, exact) =
            (digits(&text), digits(&format!("{value:e}")), digits(&format!("{value:.1074}")));
        // halfway between two texts of the same length, `core` may take the other one
        let halfway = ours.len() == theirs.len() && exact.len() == ours.len() + 1 && exact.ends_with('5');
        text.parse::<f64>().unwrap().to_bits() == value.to_bits() && (ours == theirs || halfway)
    }

    proptest! {
        #[test]
        fn every_float_is_read_back_and_has_the_digits_that_core_gives_it(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert!(is_shortest(value), "{value:e}");
        }

        #[test]
        fn everyday_floats_have_the_digits_that_core_gives_them(value in -1e6f64..1e6, small in -1.0f64..1.0) {
            prop_assert!(is_shortest(value) && is_shortest(small), "{value:e} {small:e}");
        }

        #[test]
        fn eight_digits_are_those_of_core(value in 0u64..100_000_000) {
            prop_assert_eq!((eight(value) | ZEROS).to_le_bytes().to_vec(), format!("{value:08}").into_bytes());
        }
    }
}
