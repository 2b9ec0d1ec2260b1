//! Numbers as JSON text: exact both ways, on every target.

use std::str;

use super::json::template::Text as Words;
use super::shortest;
use super::words::{lowest, non_digits};

/// 10^0 to 10^22: the powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The float nearest to a JSON number, ties to even; infinite beyond the range of floats.
///
/// Few digits take a short way: a mantissa below 2^53 and a power of ten up to 10^22 are both exact as floats, so
/// one multiplication or division rounds correctly (W. D. Clinger, "How to Read Floating Point Numbers
/// Accurately", PLDI 1990, section 2). The rest is left to `core`, which rounds correctly as well. A text that is
/// no JSON number gives NaN or the value that `core` reads.
///
/// ```
/// use fluent_anomaly::record::parse_f64;
/// assert_eq!(parse_f64(b"-12.5e1"), -125.0);
/// assert_eq!(parse_f64(b"1e999"), f64::INFINITY);
/// ```
#[must_use]
pub fn parse_f64(text: &[u8]) -> f64 {
    short(text).unwrap_or_else(|| long(text))
}

/// The value of a number of at most 19 digits that needs no more than one rounding.
#[inline]
fn short(text: &[u8]) -> Option<f64> {
    let (negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        unsigned => (false, unsigned),
    };
    if unsigned.len() > 20 {
        return None; // 19 digits and a point: the mantissa cannot overflow
    }
    let (mut mantissa, mut rest) = digits(0, unsigned);
    let mut fraction = 0; // digits behind the point
    if let [b'.', behind @ ..] = rest {
        (mantissa, rest) = digits(mantissa, behind);
        fraction = behind.len() - rest.len();
    } else if unsigned.len() - rest.len() > 19 {
        return None;
    }
    if mantissa > 1 << 53 {
        return None;
    }
    let magnitude = if rest.is_empty() {
        mantissa as f64 / POWERS.get(fraction)?
    } else {
        let power = exponent(rest)? - fraction as i32;
        let factor = POWERS.get(power.unsigned_abs() as usize)?;
        if power < 0 { mantissa as f64 / factor } else { mantissa as f64 * factor }
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// A number without exponent, read in one go with the check that it is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    /// Place behind the number; whatever stands there.
    pub(super) end: usize,
    negative: bool,
    /// Wrapped if there are more than 19 digits.
    mantissa: u64,
    /// Digits, the point not counted, and those behind the point.
    digits: usize,
    places: usize,
}

impl Decimal {
    /// `None` where no JSON number begins, and for some that are left to others.
    #[inline(always)]
    pub(super) fn read(text: &Words, start: usize) -> Option<Self> {
        let first = text.word(start) as u8;
        let negative = first == b'-';
        let start = start + usize::from(negative);
        // a point and all digits within one word: the point is cut out, and the digits are read at once
        let word = text.word(start);
        let marks = non_digits(word);
        let more = marks & marks.wrapping_sub(1);
        if more != 0 {
            let whole = lowest(marks);
            let end = lowest(more);
            let low = (1 << (8 * whole)) - 1;
            if (word >> (8 * whole)) as u8 == b'.' && whole != 0 && end > whole + 1 {
                if word as u8 == b'0' && whole != 1 {
                    return None;
                }
                let digits = (word & low | (word >> 8) & !low) << (72 - 8 * end);
                return Some(Self {
                    end: start + end,
                    negative,
                    mantissa: eight_digits(digits),
                    digits: end - 1,
                    places: end - whole - 1,
                });
            }
        }
        let (mut mantissa, mut end) = (0, start);
        let mut places = 0;
        let mut point = 0;
        // ahead of the point, then behind it: one code, so that the interpreter's jumps are learned once
        loop {
            let from = end;
            (mantissa, end) = digits_of_words(mantissa, text, from);
            let count = end - from;
            if count == 0 {
                return None;
            }
            if point != 0 {
                places = count;
                break;
            }
            let behind = text.word(end) as u8;
            if count > 1 && text.word(from) as u8 == b'0' {
                return None;
            }
            if behind != b'.' {
                break;
            }
            point = 1;
            end += 1;
        }
        Some(Self { end, negative, mantissa, digits: end - start - point, places })
    }

    /// The number, where one rounding gives it.
    #[inline(always)]
    pub(super) fn value(&self) -> Option<f64> {
        if self.digits > 19 || self.mantissa > 1 << 53 {
            return None;
        }
        let magnitude = self.mantissa as f64 / POWERS.get(self.places)?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// Appends the digits from `at` on to a mantissa; the place behind them.
#[inline(always)]
fn digits_of_words(mut mantissa: u64, text: &Words, mut at: usize) -> (u64, usize) {
    const POWERS: [u64; 8] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];
    loop {
        let word = text.word(at);
        let marks = non_digits(word);
        if marks == 0 {
            mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
            at += 8;
            continue;
        }
        let count = lowest(marks);
        if let Some(power) = POWERS.get(count)
            && count != 0
        {
            // zeros ahead of the digits, which are moved to the end of the word
            let digits = word << (64 - 8 * count);
            mantissa = mantissa.wrapping_mul(*power).wrapping_add(eight_digits(digits));
        }
        return (mantissa, at + count);
    }
}

/// Appends the digits that `text` begins with to a mantissa; the rest of the text.
#[inline(always)]
fn digits(mut mantissa: u64, text: &[u8]) -> (u64, &[u8]) {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        if non_digits(word) != 0 {
            break;
        }
        mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
        rest = behind;
    }
    while let Some((&byte, behind)) = rest.split_first() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        rest = behind;
    }
    (mantissa, rest)
}

/// The value of eight ASCII digits, the first one lowest in the word: neighbours are joined to pairs, pairs to
/// fours, fours to eight, each time with one multiplication for all of them.
#[inline(always)]
const fn eight_digits(word: u64) -> u64 {
    let pairs = (word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32
}

/// The exponent, from its `e` on, if it has one or two digits.
fn exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'e' | b'E', b'-', digits @ ..] => (true, digits),
        [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => (false, digits),
        _ => return None,
    };
    let value = match digits {
        [a @ b'0'..=b'9'] => i32::from(a - b'0'),
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => i32::from(a - b'0') * 10 + i32::from(b - b'0'),
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

#[cold]
#[inline(never)]
fn long(text: &[u8]) -> f64 {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// Appends the shortest text that reads back as the same bits, always with a fraction or an exponent, so that it
/// stays a float for every reader: `12.0`, `0.1`, `1e300`. The value must be finite; text that is no JSON comes
/// out otherwise.
pub fn format_f64(value: f64, out: &mut Vec<u8>) {
    append_f64(value, out);
}

#[inline]
pub(super) fn append_f64(value: f64, out: &mut Vec<u8>) {
    shortest::append(value, out);
}

pub(super) fn append_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    append_u64(value.unsigned_abs(), out);
}

pub(super) fn append_u64(mut value: u64, out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same_bits(text: &str) {
        let expected: f64 = text.parse().unwrap();
        assert_eq!(parse_f64(text.as_bytes()).to_bits(), expected.to_bits(), "{text}");
    }

    #[test]
    fn awkward_numbers_are_rounded_correctly() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "0e5",
            "1",
            "-1",
            "1.0",
            "12.50",
            "9007199254740992",
            "9007199254740993",
            "9007199254740991",
            "18446744073709551615",
            "18446744073709551616",
            "99999999999999999999",
            "00000000000000000001",
            "1e22",
            "1e23",
            "1e-22",
            "1e-23",
            "123456789e22",
            "1e400",
            "-1e999",
            "1e-400",
            "4.9e-324",
            "2.2250738585072011e-308",
            "1.7976931348623157e308",
            "1.7976931348623159e308",
            "0.1",
            "0.30000000000000004",
            "0.000000000000000000001",
            "100000000000000000000",
            "1E5",
            "1E+5",
            "1e05",
            "1e005",
            "0.00000000000000000",
            "9223372036854775807.5",
            "1.00000000000000011102230246251565404236316680908203125",
        ] {
            same_bits(text);
        }
    }

    #[test]
    fn what_is_no_number_is_nan() {
        for text in ["", "-", "x", "1x", "e5", ".", "1e", "1e+", "\u{e9}"] {
            let value = parse_f64(text.as_bytes());
            let core = text.parse::<f64>();
            assert!(
                value.is_nan() || core == Ok(value) || matches!(text, "." | "e5" | "-" | ""),
                "{text}: {value}"
            );
        }
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

    proptest! {
        #[test]
        fn short_numbers_are_read_as_core_reads_them(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            same_bits(&text);
        }

        #[test]
        fn eight_digits_are_their_number(value in 0u64..100_000_000) {
            let text = format!("{value:08}");
            prop_assert_eq!(digits(0, text.as_bytes()), (value, &b""[..]));
            let longer = format!("{text}9x");
            prop_assert_eq!(digits(7, longer.as_bytes()), (7_000_000_000 + value * 10 + 9, &b"x"[..]));
        }

        #[test]
        fn a_written_float_is_read_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            format_f64(value, &mut out);
            prop_assert!(out.iter().any(|b| matches!(b, b'.' | b'e')));
            prop_assert_eq!(parse_f64(&out).to_bits(), bits);
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
