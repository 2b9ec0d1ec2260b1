//! The text of a float in messages, and where a saved state names what it depends on: as `core` prints it.
//!
//! `core` has two algorithms for that, each with a slow one behind it: 22 kB of the WASM filter, which has `zmij` for its
//! records.

use std::fmt::{Debug, Display, Formatter, LowerExp, Result, Write};

/// A float that is printed as `core` prints it, but for widths and precisions.
#[derive(Clone, Copy)]
pub(crate) struct FloatText(pub(crate) f64);

/// A number as `0.DIGITS * 10^point`, without zeros at either end of its digits.
struct Decimal {
    bytes: [u8; 24], // no text of zmij is longer
    from: usize,
    end: usize,
    point: i32,
}

impl Decimal {
    /// `size`: finite, not negative.
    fn new(size: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let mut this = Self { bytes: [b'0'; 24], from: 0, end: 0, point: 0 };
        let (mut whole, mut exponent) = (None, 0);
        let mut text = buffer.format(size).bytes();
        while let Some(byte) = text.next() {
            match byte {
                b'.' => whole = Some(this.end),
                b'e' => {
                    exponent = signed(text);
                    break;
                }
                digit => {
                    if let Some(place) = this.bytes.get_mut(this.end) {
                        *place = digit;
                        this.end += 1;
                    }
                }
            }
        }
        this.point = whole.unwrap_or(this.end) as i32 + exponent;
        while this.from < this.end && this.bytes.get(this.from) == Some(&b'0') {
            this.from += 1;
            this.point -= 1;
        }
        while this.from < this.end && this.bytes.get(this.end - 1) == Some(&b'0') {
            this.end -= 1;
        }
        if this.from == this.end {
            this.point = 1; // zero: one digit, which is not kept
        } else if this.is_half_below(size)
            && let Some(last) = this.bytes.get_mut(this.end - 1)
        {
            *last += 1;
        }
        this
    }

    /// Whether these digits are as far below `size` as the next ones above it: `zmij` takes the even ones of the two, `core` the
    /// upper ones. Digits that are odd are the upper ones in both.
    fn is_half_below(&self, size: f64) -> bool {
        let digits = self.bytes.get(self.from..self.end).unwrap_or_default();
        let digits = digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')); // at most 17
        // size = odd * 2^two
        let (stored, fraction) = ((size.to_bits() >> 52) as i32, size.to_bits() & ((1 << 52) - 1));
        let (mantissa, exponent) =
            if stored == 0 { (fraction, -1074) } else { (fraction | 1 << 52, stored - 1075) };
        let (odd, two) = (mantissa >> mantissa.trailing_zeros(), exponent + mantissa.trailing_zeros() as i32);
        // (2 * digits + 1) * 10^unit = odd * 2^(two + 1)
        let unit = self.point - self.len();
        let Some(five) = 5_u64.checked_pow(unit.unsigned_abs()) else { return false };
        let half = 2 * digits + 1;
        let (up, down) = if unit < 0 { (odd, half) } else { (half, odd) };
        two + 1 == unit && up.checked_mul(five) == Some(down)
    }

    /// Writes the digits of these places, counted from the first one that is no zero; there are zeros in all others.
    fn digits(&self, places: std::ops::Range<i32>, f: &mut Formatter<'_>) -> Result {
        for place in places {
            let at = usize::try_from(place).map_or(usize::MAX, |place| self.from + place);
            let digit = if at < self.end { self.bytes.get(at).copied().unwrap_or(b'0') } else { b'0' };
            f.write_char(char::from(digit))?;
        }
        Ok(())
    }

    fn len(&self) -> i32 {
        (self.end - self.from) as i32
    }

    /// Without an exponent; `least`: digits behind the point.
    fn write_plain(&self, least: i32, f: &mut Formatter<'_>) -> Result {
        self.digits(self.point.min(1) - 1..self.point, f)?;
        let end = self.len().max(self.point + least);
        if end > self.point {
            f.write_char('.')?;
            self.digits(self.point..end, f)?;
        }
        Ok(())
    }

    fn write_exponential(&self, f: &mut Formatter<'_>) -> Result {
        self.digits(0..1, f)?;
        if self.len() > 1 {
            f.write_char('.')?;
            self.digits(1..self.len(), f)?;
        }
        f.write_char('e')?;
        Display::fmt(&(self.point - 1), f)
    }
}

/// The number that digits behind an optional sign make.
fn signed(text: impl Iterator<Item = u8>) -> i32 {
    let (mut sign, mut number) = (1, 0_i32);
    for byte in text {
        match byte {
            b'-' => sign = -1,
            b'+' => {}
            digit => number = number * 10 + i32::from(digit.wrapping_sub(b'0')),
        }
    }
    sign * number
}

impl FloatText {
    #[inline(never)] // stack
    fn write(self, f: &mut Formatter<'_>, write: fn(&Decimal, &mut Formatter<'_>) -> Result) -> Result {
        if self.0.is_nan() {
            return f.write_str("NaN");
        }
        if self.0.is_sign_negative() {
            f.write_char('-')?;
        }
        if self.0.is_infinite() {
            return f.write_str("inf");
        }
        write(&Decimal::new(self.0.abs()), f)
    }
}

impl Display for FloatText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.write(f, |decimal, f| decimal.write_plain(0, f))
    }
}

impl LowerExp for FloatText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.write(f, Decimal::write_exponential)
    }
}

impl Debug for FloatText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let size = self.0.abs();
        if size >= 1e16 || (size != 0.0 && size < 1e-4) {
            return LowerExp::fmt(self, f);
        }
        self.write(f, |decimal, f| decimal.write_plain(1, f))
    }
}

/// `Debug` as derived, but for the code that prints floats: these fields stand with `=> FloatText(*field)`. All fields are named,
/// in their order: what is written names saved states.
macro_rules! debug_with_float_text {
    ($name:ident { $($field:ident $(=> $text:expr)?),+ $(,)? }) => {
        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let Self { $($field),+ } = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), debug_with_float_text!(@ $field $(=> $text)?)))+
                    .finish()
            }
        }
    };
    (@ $field:ident) => { $field };
    (@ $field:ident => $text:expr) => { &$text };
}
pub(crate) use debug_with_float_text;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn as_core_prints_it(value: f64) {
        let ours = FloatText(value);
        assert_eq!(format!("{ours} {ours:?} {ours:e}"), format!("{value} {value:?} {value:e}"));
    }

    #[test]
    fn floats_of_messages_are_written_as_core_writes_them() {
        for value in [
            0.0,
            1.0,
            0.1,
            0.02,
            1.5,
            3.0,
            10.0,
            100.0,
            99.9,
            120.0,
            1e-4,
            9.999e-5,
            1e-5,
            1e15,
            1e16,
            1.5e16,
            9.99e15,
            1e22,
            1e23,
            1e100,
            1.0 / 3.0,
            5e-324,
            2.2e-308,
            f64::MAX,
            f64::MIN_POSITIVE,
            2_823_134_368_750_317.0 / 4.0, // halfway between two texts
            f64::NAN,
            f64::INFINITY,
        ] {
            as_core_prints_it(value);
            as_core_prints_it(-value);
        }
    }

    proptest! {
        #[test]
        fn a_float_is_written_as_core_writes_it(
            bits: u64, everyday in -1e6f64..1e6, small in -1.0f64..1.0, short in 0u32..100_000, large in 1u64 << 48..1 << 53, two in -8i32..30,
        ) {
            // of the large ones many are halfway between two texts
            let halfway = large as f64 * f64::from(two).exp2();
            for value in [f64::from_bits(bits), everyday, small, f64::from(short) / 1000.0, halfway] {
                as_core_prints_it(value);
            }
        }
    }
}
