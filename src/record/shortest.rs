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

/// The page and its package print too little to pay for a table of 40 kB.
const HAS_TABLE: bool = !crate::IS_COMPACT;

/// Appends the shortest text.
pub(super) fn append(value: f64, out: &mut Vec<u8>) {
    with_text(value, |text| out.extend_from_slice(text));
}

/// Hands over the shortest text.
#[inline(always)]
pub(super) fn with_text<R>(value: f64, use_text: impl FnOnce(&[u8]) -> R) -> R {
    match decimal(value) {
        Some(decimal) if HAS_TABLE => {
            let mut text = [0; ROOM];
            let start = decimal.write(&mut text);
            text[LAST_DIGIT] = b'0' + decimal.last;
            let end = decimal.end().unwrap_or_else(|| without_zeros(&text).max(decimal.point() + 2));
            use_text(text.get(start..end).unwrap_or_default())
        }
        // the printer for all
        _ => use_text(zmij::Buffer::new().format(value).as_bytes()),
    }
}

/// Bytes that [`write_before`] changes ahead of its place at most.
pub(super) const ROOM: usize = LAST_DIGIT + 1;

/// Writes the shortest text so that it ends at `end`; what stands in the [`ROOM`] bytes ahead of that is of no use
/// afterwards. Returns where the text starts; `None`, and nothing written, for a float that has few digits or an unusual
/// size. `end`: from [`ROOM`] to the largest power of two in `N - ROOM`.
#[inline(always)]
pub(super) fn write_before<const N: usize>(value: f64, bytes: &mut [u8; N], end: usize) -> Option<usize> {
    if !HAS_TABLE {
        return None;
    }
    let decimal = decimal(value)?;
    // the mask changes nothing: it tells the compiler that the window is inside
    let from = end.wrapping_sub(decimal.end()?) & const { (1 << (N - ROOM).ilog2()) - 1 };
    let window = bytes.get_mut(from..)?.first_chunk_mut::<ROOM>()?;
    if decimal.last != 0 {
        window[LAST_DIGIT] = b'0' + decimal.last;
    }
    Some(from + decimal.write(window))
}

/// A float in digits: 16 or 17 of them.
#[derive(Clone, Copy)]
struct Decimal {
    scale: &'static Scale,
    is_negative: bool,
    /// All digits but the last, below 10^16.
    tens: u64,
    /// The last digit, 0..=9.
    last: u8,
}

/// `None` for a float that is left to the printer for all.
#[inline(always)]
fn decimal(value: f64) -> Option<Decimal> {
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

    (tens < 10_000_000_000_000_000).then_some(Decimal { scale, is_negative: value != size, tens, last })
}

impl Decimal {
    /// Where the point stands in the text.
    #[inline(always)]
    fn point(&self) -> usize {
        6 + usize::from(self.scale.whole & 15)
    }

    /// Where the text ends; `None` where zeros at its end are to be left out.
    #[inline(always)]
    fn end(&self) -> Option<usize> {
        match self.last {
            0 if self.tens.is_multiple_of(10) => None,
            0 => Some(LAST_DIGIT),
            _ => Some(LAST_DIGIT + 1),
        }
    }

    /// Writes the text without its last digit; returns where it starts.
    #[inline(always)]
    fn write(&self, text: &mut [u8; ROOM]) -> usize {
        let (high, low) = ((self.tens / 100_000_000) as u32, (self.tens % 100_000_000) as u32);
        text[..DIGITS].copy_from_slice(&AHEAD.to_le_bytes());
        for (place, four) in
            [high / 10_000, high % 10_000, low / 10_000, low % 10_000].into_iter().enumerate()
        {
            let digits = FOURS.get(four as usize).unwrap_or(b"0000"); // there is no other
            text[DIGITS + 4 * place..DIGITS + 4 * place + 4].copy_from_slice(digits);
        }
        let point = self.point();
        text.copy_within(6..=point, 5);
        text[point] = b'.';
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
#[inline(never)]
fn without_zeros(text: &[u8; ROOM]) -> usize {
    text[..LAST_DIGIT].iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1)
}

/// `0000` to `9999`. In an interpreter one look-up costs a sixth of the arithmetic for four digits.
static FOURS: [[u8; 4]; 10_000] = fours();

const fn fours() -> [[u8; 4]; 10_000] {
    let mut fours = [*b"0000"; 10_000];
    let mut at = 0;
    while at < fours.len() {
        let (mut rest, mut place) = (at, 4);
        while place > 0 {
            place -= 1;
            fours[at][place] += (rest % 10) as u8;
            rest /= 10;
        }
        at += 1;
    }
    fours
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Both ways of writing.
    fn written(value: f64) -> Option<String> {
        decimal(value)?;
        let mut out = Vec::new();
        append(value, &mut out);
        for end in [ROOM, 50, 64] {
            let mut bytes = [b'x'; 64 + ROOM];
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

    /// Against the printer for all floats, and read back by `core`.
    fn agrees(value: f64) -> bool {
        let Some(text) = written(value) else { return false };
        assert_eq!(text, zmij::Buffer::new().format(value), "{:x}", value.to_bits());
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        true
    }

    #[test]
    fn four_digits_are_those_of_core() {
        for (value, digits) in FOURS.iter().enumerate() {
            assert_eq!(digits[..], *format!("{value:04}").as_bytes());
        }
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

    }
}
