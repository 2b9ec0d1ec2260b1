//! Shortest text of floats of everyday size, in integers that hold every product exactly.
//!
//! A float `m * 2^e` is wanted as `digits / 10^k`, where k is the one with `1 <= 2^e * 10^k < 10`: neighbouring
//! floats are then 1 to 10 units apart, so that their middle always lies next to a whole number, and at most
//! one multiple of ten is nearer to this float than to its neighbours (R. Giulietti, "The Schubfach way to render
//! doubles", 2021, section 8). For e from -58 to -4 the product `m * 5^k` fits into two words: no table of rounded
//! powers, no error to bound, and a third of the instructions that a printer for all floats takes.

/// e of the smallest floats taken, 2^-6 and up.
const FIRST: i32 = -58;
/// e of the largest ones, below 2^49.
const LAST: i32 = -4;
const SCALES: [Scale; (LAST - FIRST + 1) as usize] = scales();

/// What all floats with one exponent e have in common.
#[derive(Clone, Copy)]
struct Scale {
    /// k, 2..=18: digits behind the point.
    places: u32,
    /// -(e + k), 2..=40: `m * 5^k / 2^shift` is the float in units of 10^-k.
    shift: u32,
    /// 5^k, below 2^42.
    five: u64,
    /// 10^k.
    ten: u64,
    /// 10^(16-k), or 1: fills a fraction up to sixteen digits.
    fill: u64,
}

const fn scales() -> [Scale; (LAST - FIRST + 1) as usize] {
    let mut scales = [Scale { places: 0, shift: 0, five: 1, ten: 1, fill: 1 }; (LAST - FIRST + 1) as usize];
    let mut at = 0;
    while at < scales.len() {
        let e = FIRST + at as i32;
        // 2^e * 10^k >= 1 as 10^k >= 2^-e
        let mut k = 0;
        while 10u64.pow(k) < 1 << -e {
            k += 1;
        }
        scales[at] = Scale {
            places: k,
            shift: (-e) as u32 - k,
            five: 5u64.pow(k),
            ten: 10u64.pow(k),
            fill: if k < 16 { 10u64.pow(16 - k) } else { 1 },
        };
        at += 1;
    }
    scales
}

/// Appends the shortest text; false, and nothing appended, for a float that is left to the printer for all.
#[inline]
pub(super) fn append(value: f64, out: &mut Vec<u8>) -> bool {
    const LEAST: usize = (1075 + FIRST) as usize; // as the exponent is stored
    const POINT: usize = 24; // first digit behind the point, or the 16 last of them
    const E16: u64 = 10_000_000_000_000_000;
    let bits = value.to_bits();
    let stored = bits & ((1 << 52) - 1);
    let Some(scale) = SCALES.get(((bits >> 52) as usize & 0x7ff).wrapping_sub(LEAST)) else { return false };
    if stored == 0 {
        return false; // a power of two: its lower neighbour is nearer than the upper one
    }
    let Some(digits) = shortest(stored | 1 << 52, scale) else { return false };

    let mut whole = digits / scale.ten;
    let mut fraction = digits.wrapping_sub(whole.wrapping_mul(scale.ten)).wrapping_mul(scale.fill);
    let mut text = [0; POINT + 16];
    let mut at = POINT;
    if scale.places > 16 {
        let first = fraction / E16; // one or two digits
        fraction = fraction.wrapping_sub(first.wrapping_mul(E16));
        if fraction == 0 {
            return false; // its zeros at the end reach into these digits
        }
        text[POINT - 1] = b'0' + (first % 10) as u8;
        text[POINT - 2] = b'0' + (first / 10) as u8;
        at -= scale.places as usize - 16;
    }
    let high = fraction / 100_000_000;
    let low = eight(fraction.wrapping_sub(high.wrapping_mul(100_000_000)));
    let high = eight(high);
    // digits at the end that are left out; one stays
    let zeros = if low != 0 { low.leading_zeros() >> 3 } else { (8 + (high.leading_zeros() >> 3)).min(15) };
    text[POINT..POINT + 8].copy_from_slice(&(high | ZEROS).to_le_bytes());
    text[POINT + 8..].copy_from_slice(&(low | ZEROS).to_le_bytes());
    at -= 1;
    if let Some(slot) = text.get_mut(at) {
        *slot = b'.';
    }
    // at most 15 digits
    while whole > 9 {
        at -= 1;
        let rest = whole / 10;
        if let Some(slot) = text.get_mut(at) {
            *slot = b'0' + (whole - rest * 10) as u8;
        }
        whole = rest;
    }
    at -= 1;
    if let Some(slot) = text.get_mut(at) {
        *slot = b'0' + whole as u8;
    }
    if value < 0.0 {
        at -= 1;
        if let Some(slot) = text.get_mut(at) {
            *slot = b'-';
        }
    }
    out.extend_from_slice(text.get(at..POINT + 16 - zeros as usize).unwrap_or_default());
    true
}

/// `m * 5^k / 2^shift`, rounded to the multiple of ten that reads back as the same float, else to the nearest
/// whole number; `None` halfway between two of those.
#[inline(always)]
fn shortest(m: u64, scale: &Scale) -> Option<u64> {
    let (five, shift) = (scale.five, scale.shift);
    // m * five by halves of words: u128 would call a function that returns through memory. m has 53 bits and
    // five 42, so the middle sum stays below 2^64
    let (m_low, m_high) = (m & 0xffff_ffff, m >> 32);
    let (five_low, five_high) = (five & 0xffff_ffff, five >> 32);
    let lowest = m_low * five_low;
    let middle = m_low * five_high + m_high * five_low + (lowest >> 32);
    let high = m_high * five_high + (middle >> 32);
    let low = middle << 32 | lowest & 0xffff_ffff;

    let whole = high << (64 - shift) | low >> shift; // below 2^57
    let part = low & ((1 << shift) - 1);
    let down = whole / 10 * 10;
    // distances from the multiples of ten, doubled, in units of 2^-shift; half the distance of the neighbours
    // is 5^k / 2 of them. Even numbers against an odd one: never equal
    let from_down = ((whole - down) << shift | part) << 1;
    let from_up = (20 << shift) - from_down;
    if from_down < five {
        return Some(down);
    }
    if from_up < five {
        return Some(down + 10);
    }
    let half = 1 << (shift - 1);
    if part == half { None } else { Some(whole + u64::from(part > half)) }
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
        append(value, &mut out).then(|| String::from_utf8(out).unwrap())
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
            for mantissa in (0..2000).chain((1 << 52) - 2000..1 << 52) {
                assert_eq!(
                    agrees(f64::from_bits(exponent << 52 | mantissa)),
                    mantissa != 0 && written(f64::from_bits(exponent << 52 | mantissa)).is_some()
                );
            }
        }
    }

    #[test]
    fn what_is_out_of_range_is_left_to_the_printer_for_all() {
        for value in [0.0, -0.0, 1.0, 0.0078125, 1e-3, 6e14, 1e300, 5e-324, f64::NAN, f64::INFINITY] {
            assert_eq!(written(value), None, "{value}");
        }
        for (value, text) in
            [(1.5, "1.5"), (-12.0, "-12.0"), (0.3, "0.3"), (0.02, "0.02"), (0.1 + 0.2, "0.30000000000000004")]
        {
            assert!(written(value).is_none_or(|written| written == text), "{value}");
        }
        assert_eq!(written(-12.0).as_deref(), Some("-12.0"));
        assert_eq!(written(4.0e14 + 0.25).as_deref(), Some("400000000000000.25"));
    }

    proptest! {
        #[test]
        fn eight_digits_are_those_of_core(value in 0u64..100_000_000) {
            prop_assert_eq!((eight(value) | ZEROS).to_le_bytes().to_vec(), format!("{value:08}").into_bytes());
        }
    }
}
