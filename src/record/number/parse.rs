//! Reading: the float nearest to a text.

use std::str;

use crate::record::swar::{WordBuffer, eight_digits, lowest, non_digits};

/// 10^0 to 10^22: the powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The float nearest to a JSON number, ties to even; infinite beyond the range of floats.
///
/// Numbers of few digits have a fast path: a mantissa below 2^53 and a power of ten up to 10^22 are exact as floats, so
/// one multiplication or division rounds correctly (W. D. Clinger, "How to Read Floating Point Numbers
/// Accurately", PLDI 1990, section 2). `core` reads the rest, and rounds correctly as well. A text that is
/// no JSON number gives NaN or the value that `core` reads.
///
/// ```
/// use fluent_anomaly::internals::parse_f64;
/// assert_eq!(parse_f64(b"-12.5e1"), -125.0);
/// assert_eq!(parse_f64(b"1e999"), f64::INFINITY);
/// ```
#[must_use]
pub fn parse_f64(text: &[u8]) -> f64 {
    exact_in_one_step(text).unwrap_or_else(|| by_core(text))
}

/// The value of a number of at most 19 digits that needs no more than one rounding.
#[inline]
fn exact_in_one_step(text: &[u8]) -> Option<f64> {
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

/// A number without exponent, checked and read in one pass.
#[derive(Debug, Clone, Copy)]
pub(in crate::record) struct ParsedDecimal {
    /// Offset behind the number; any byte may stand there.
    pub(in crate::record) end: usize,
    negative: bool,
    /// Wrapped if there are more than 19 digits.
    mantissa: u64,
    /// Digits in all, without the point.
    digits: usize,
    /// Digits behind the point.
    places: usize,
}

impl ParsedDecimal {
    /// `None` where no JSON number begins.
    #[inline(always)] // speed
    pub(in crate::record) fn read(text: &WordBuffer, start: usize) -> Option<Self> {
        let first = text.word(start) as u8;
        let negative = first == b'-';
        let start = start + usize::from(negative);
        // a point and all digits within one word: cut the point out and read the digits at once
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
        // the digits in front of the point, then those behind it: one loop is less code to the interpreter
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

    /// The value, if one rounding gives it.
    #[inline(always)] // speed
    pub(in crate::record) fn value(&self) -> Option<f64> {
        if self.digits > 19 || self.mantissa > 1 << 53 {
            return None;
        }
        let magnitude = self.mantissa as f64 / POWERS.get(self.places)?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// Offset behind the number without exponent that begins at `start`, which is checked and not read; any byte may stand
/// there. `None` where no JSON number begins.
#[inline(always)] // speed
pub(in crate::record) fn decimal_end(text: &WordBuffer, start: usize) -> Option<usize> {
    let start = start + usize::from(text.word(start) as u8 == b'-');
    let word = text.word(start);
    let marks = non_digits(word);
    let more = marks & marks.wrapping_sub(1);
    // two marks within one word are exact, as the first one is ASCII or ends the number
    let (point, mut end) = if more != 0 {
        let point = start + lowest(marks);
        (point, start + lowest(more))
    } else {
        let point = digits_end(text, start);
        (point, point)
    };
    if point == start || (word as u8 == b'0' && point != start + 1) {
        return None;
    }
    if text.word(point) as u8 != b'.' {
        return Some(point);
    }
    if end == point {
        end = digits_end(text, point + 1);
    }
    (end > point + 1).then_some(end)
}

/// Offset of the first byte from `at` on that is no digit.
#[inline(always)] // speed
fn digits_end(text: &WordBuffer, mut at: usize) -> usize {
    loop {
        let marks = non_digits(text.word(at));
        if marks != 0 {
            return at + lowest(marks);
        }
        at += 8;
    }
}

/// Appends the digits from `at` on to a mantissa; also returns the offset behind them.
#[inline(always)] // speed
fn digits_of_words(mut mantissa: u64, text: &WordBuffer, mut at: usize) -> (u64, usize) {
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
            // move the digits to the end of the word, zeros in front of them
            let digits = word << (64 - 8 * count);
            mantissa = mantissa.wrapping_mul(*power).wrapping_add(eight_digits(digits));
        }
        return (mantissa, at + count);
    }
}

/// Appends the digits that `text` begins with to a mantissa; also returns the rest of the text.
#[inline(always)] // speed
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
#[inline(never)] // speed: rare
fn by_core(text: &[u8]) -> f64 {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
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
    }
}
