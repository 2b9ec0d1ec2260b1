//! Writing: the shortest text that reads back as the same float, and integers. Floats from 2^-6 to 2^46 have a fast
//! path without a product of more than 64 bits; `zmij` prints the others.
//!
//! A float `m * 2^e` is wanted as `digits / 10^k`, where k is the one with `1 <= 2^e * 10^k < 10`: neighbouring
//! floats are then 1 to 10 units apart, so that their middle always lies next to a whole number, and at most
//! one multiple of ten is nearer to this float than to its neighbours (R. Giulietti, "The Schubfach way to render
//! doubles", 2021, section 8).
//!
//! The float in units, `m * spacing / 2^53` with the whole number `spacing = 2^(e+53) * 10^k`, has up to 110 bits.
//! One rounded multiplication gives its tens, and how far it is beyond them is less than 2^11 units: for that the
//! lowest 64 bits of the products are enough. It needs no table of rounded powers and no error bound.

use crate::record::swar::digits_of;

/// e of the smallest floats taken, 2^-6 and up.
const FIRST: i32 = -58;
/// e of the largest ones, below 2^46.
const LAST: i32 = -7;
const SCALES: [ExponentScale; (LAST - FIRST + 1) as usize] = scales();

/// Ten units, in units of 2^-53 of one.
const TEN: u64 = 10 << 53;

/// Where the text has the sixteen digits of the tens. The digits ahead of the point stand one byte further up.
const DIGITS: usize = 8;
/// Where it has the last digit, that of the units.
const LAST_DIGIT: usize = 24;
/// What is ahead of the digits: room for a sign, and two zeros; the last one stays where nothing moves over it.
const AHEAD: u64 = u64::from_le_bytes(*b"\0\0\0\0\x0000\0");
const LAST_ZERO: u64 = u64::from_le_bytes(*b"\0\0\0\0\0\0\x000");

/// What all floats with one exponent e have in common.
#[derive(Clone, Copy)]
struct ExponentScale {
    /// Between neighbours, in units of 2^-53 of a unit: `2^(e+53) * 10^k`, at least 2^53 and below [`TEN`].
    spacing: u64,
    /// `10^(k-1)`, at most 10^17 and thus exact: the tens of 1.0.
    tens: f64,
    /// With fewer tens the text starts one digit later.
    full: u64,
    /// The bytes ahead of the point, in the two words of digits.
    ahead: [u64; 2],
    /// Digits ahead of the point, with one of the two zeros, 0..=15.
    whole: u8,
    /// Where the text starts, after the move: 5 to 7.
    start: u8,
}

const fn scales() -> [ExponentScale; (LAST - FIRST + 1) as usize] {
    let mut scales = [ExponentScale { spacing: 0, tens: 1.0, full: 0, ahead: [0; 2], whole: 0, start: 0 };
        (LAST - FIRST + 1) as usize];
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
        scales[at] = ExponentScale {
            spacing: 5u64.pow(k) << (53 + e + k as i32),
            tens: 10u64.pow(k - 1) as f64,
            full: if whole > 2 { 1_000_000_000_000_000 } else { 0 },
            ahead: [lowest_bytes(whole as i32 - 2), lowest_bytes(whole as i32 - 10)],
            whole,
            start: 5 + if whole > 2 { 2 } else { whole },
        };
        at += 1;
    }
    scales
}

/// All bits of the lowest `count` bytes; any count below 0 is none, above 8 all.
const fn lowest_bytes(count: i32) -> u64 {
    match count {
        ..1 => 0,
        1..8 => (1 << (8 * count)) - 1,
        8.. => u64::MAX,
    }
}

/// Appends the shortest text that reads back as the same bits, always with a fraction or an exponent, so that it
/// stays a float for every reader: `12.0`, `0.1`, `1e300`. The value must be finite; text that is no JSON comes
/// out otherwise.
pub fn format_f64(value: f64, out: &mut Vec<u8>) {
    append_f64(value, out);
}

#[inline]
pub(in crate::record) fn append_f64(value: f64, out: &mut Vec<u8>) {
    with_text(value, |text| out.extend_from_slice(text));
}

pub(in crate::record) fn append_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    append_u64(value.unsigned_abs(), out);
}

pub(in crate::record) fn append_u64(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20]; // u64::MAX has 20
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.last_chunk::<20>().and_then(|d| d.get(20 - used..)).unwrap_or_default());
}

/// Passes the shortest text on.
#[inline(always)] // speed
pub(in crate::record) fn with_text<R>(value: f64, use_text: impl FnOnce(&[u8]) -> R) -> R {
    match decimal(value) {
        Some(decimal) => {
            let mut text = [0; MAX_LEN];
            let start = decimal.write(&mut text);
            text[LAST_DIGIT] = b'0' + decimal.last;
            let end = decimal.end().unwrap_or_else(|| without_zeros(&text).max(decimal.point() + 2));
            use_text(text.get(start..end).unwrap_or_default())
        }
        None => use_text(zmij::Buffer::new().format(value).as_bytes()),
    }
}

/// The most bytes that [`write_before`] changes.
pub(in crate::record) const MAX_LEN: usize = LAST_DIGIT + 1;

/// Writes the shortest text so that it ends at `end`; the [`MAX_LEN`] bytes in front of `end` hold garbage otherwise.
/// Returns where the text starts; `None`, and nothing written, for a float that has few digits or an unusual size.
/// `end`: from [`MAX_LEN`] to the largest power of two in `N - MAX_LEN`.
#[inline(always)] // speed
pub(in crate::record) fn write_before<const N: usize>(
    value: f64,
    bytes: &mut [u8; N],
    end: usize,
) -> Option<usize> {
    let decimal = decimal(value)?;
    // the mask changes nothing: it proves to the compiler that the window lies inside
    let from = end.wrapping_sub(decimal.end()?) & const { (1 << (N - MAX_LEN).ilog2()) - 1 };
    let window = bytes.get_mut(from..)?.first_chunk_mut::<MAX_LEN>()?;
    if decimal.last != 0 {
        window[LAST_DIGIT] = b'0' + decimal.last;
    }
    Some(from + decimal.write(window))
}

/// The 16 or 17 digits of a float.
#[derive(Clone, Copy)]
struct ShortestDecimal {
    scale: &'static ExponentScale,
    is_negative: bool,
    /// All digits but the last, below 10^16.
    tens: u64,
    /// The last digit, 0..=9.
    last: u8,
}

/// `None` for a float that `zmij` must print.
#[inline(always)] // speed
fn decimal(value: f64) -> Option<ShortestDecimal> {
    const LEAST: usize = (1075 + FIRST) as usize; // as the exponent is stored
    let size = value.abs();
    let bits = size.to_bits();
    let scale = SCALES.get(((bits >> 52) as usize).wrapping_sub(LEAST))?;

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
            return None; // halfway between two digits
        } else {
            let lent = ((beyond as i64) >> 63) as u64; // from the tens: all ones or nothing
            tens = tens.wrapping_add(lent);
            last = (beyond.wrapping_add(1 << 52) >> 53).wrapping_add(lent & 10) as u8 & 15;
        }
    }

    (tens < 10_000_000_000_000_000).then_some(ShortestDecimal {
        scale,
        is_negative: value != size,
        tens,
        last,
    })
}

impl ShortestDecimal {
    /// Where the point stands in the text.
    #[inline(always)] // speed
    fn point(&self) -> usize {
        6 + usize::from(self.scale.whole & 15)
    }

    /// Where the text ends; `None` where zeros at its end are to be left out.
    #[inline(always)] // speed
    fn end(&self) -> Option<usize> {
        match self.last {
            0 if self.tens.is_multiple_of(10) => None,
            0 => Some(LAST_DIGIT),
            _ => Some(LAST_DIGIT + 1),
        }
    }

    /// Writes the text without its last digit; returns where it starts.
    #[inline(always)] // speed
    fn write(&self, text: &mut [u8; MAX_LEN]) -> usize {
        let (high, low) =
            (digits_of((self.tens / 100_000_000) as u32), digits_of((self.tens % 100_000_000) as u32));
        // what is ahead of the point moves up by a byte, over one of the zeros
        let first = if self.scale.whole > 1 { high << 56 } else { LAST_ZERO };
        let moved = [high >> 8 | low << 56, low >> 8];
        let [high_ahead, low_ahead] = self.scale.ahead;
        text[..DIGITS].copy_from_slice(&(AHEAD | first).to_le_bytes());
        let high = high ^ (high ^ moved[0]) & high_ahead;
        text[DIGITS..DIGITS + 8].copy_from_slice(&high.to_le_bytes());
        let low = low ^ (low ^ moved[1]) & low_ahead;
        text[DIGITS + 8..DIGITS + 16].copy_from_slice(&low.to_le_bytes());
        text[self.point()] = b'.';
        let start = usize::from(self.scale.start) + usize::from(self.tens < self.scale.full);
        if !self.is_negative {
            return start;
        }
        let sign = start.wrapping_sub(1) & 7;
        text[sign] = b'-';
        sign
    }
}

/// Where the digits of the tens end, zeros at their end left out.
#[cold]
#[inline(never)] // speed: rare
fn without_zeros(text: &[u8; MAX_LEN]) -> usize {
    text[..LAST_DIGIT].iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Both ways of writing.
    fn written(value: f64) -> Option<String> {
        decimal(value)?;
        let mut out = Vec::new();
        append_f64(value, &mut out);
        for end in [MAX_LEN, 50, 64] {
            let mut bytes = [b'x'; 64 + MAX_LEN];
            if let Some(start) = write_before(value, &mut bytes, end) {
                assert_eq!(&bytes[start..end], &out[..]);
                assert!(bytes[end..].iter().all(|&byte| byte == b'x'));
            } else {
                let digits =
                    out.iter().filter(|byte| byte.is_ascii_digit()).skip_while(|&&byte| byte == b'0');
                assert!(digits.count() < 17, "{value}");
            }
        }
        Some(String::from_utf8(out).unwrap())
    }

    /// Against `zmij`, and read back by `core`.
    fn agrees(value: f64) -> bool {
        let Some(text) = written(value) else { return false };
        assert_eq!(text, zmij::Buffer::new().format(value), "{:x}", value.to_bits());
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        true
    }

    #[test]
    fn a_written_float_stays_a_float() {
        for (value, text) in [
            (12.0, "12.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e300, "1e+300"),
            (1e16, "1e+16"),
            (5e-324, "5e-324"),
            (1e15, "1000000000000000.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-1.5, "-1.5"),
        ] {
            let mut out = Vec::new();
            format_f64(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn millions_of_floats_of_each_exponent_are_written_as_by_zmij() {
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
    fn short_decimals_and_their_neighbours_are_written_as_by_zmij() {
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
    fn the_first_and_last_mantissas_of_each_exponent_are_written_as_by_zmij() {
        for exponent in (1075 + FIRST) as u64..=(1075 + LAST) as u64 {
            assert!(agrees(f64::from_bits(exponent << 52)), "a power of two");
            for mantissa in (1..2000).chain((1 << 52) - 2000..1 << 52) {
                agrees(f64::from_bits(exponent << 52 | mantissa));
            }
        }
    }

    #[test]
    fn what_is_out_of_range_is_left_to_zmij() {
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
        append_f64(value, &mut out);
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
        fn a_written_float_is_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            format_f64(value, &mut out);
            prop_assert!(out.iter().any(|b| matches!(b, b'.' | b'e')));
            prop_assert_eq!(super::super::parse_f64(&out).to_bits(), bits);
        }

        #[test]
        fn integers_are_written_in_full(signed: i64, unsigned: u64) {
            let mut out = Vec::new();
            append_i64(signed, &mut out);
            prop_assert_eq!(out, signed.to_string().into_bytes());
            let mut out = Vec::new();
            append_u64(unsigned, &mut out);
            prop_assert_eq!(out, unsigned.to_string().into_bytes());
        }
    }
}
