//! Eight bytes at a time: the scanner's inner loops run in an interpreter, where each instruction counts alike,
//! so a word of text is classified with a handful of 64-bit operations.
//!
//! The masks mark a byte by its high bit. Borrows and carries run upward only, so the *lowest* mark is exact
//! and those above it may be false: callers use only the lowest one.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks bytes at which a JSON string may not simply go on: `"`, `\` and control characters.
#[inline(always)]
pub(super) const fn string_stops(word: u64) -> u64 {
    // xor 2 maps the quote 0x22 to 0x20, just behind the control characters, which stay among themselves:
    // one comparison (below 0x21) finds both
    let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (quote_or_control | backslash) & !word & HIGH
}

/// Marks bytes that are no ASCII digit. The two lowest marks are exact if the lowest marked byte is ASCII.
#[inline(always)]
pub(super) const fn non_digits(word: u64) -> u64 {
    let value = word ^ (ONES * 0x30); // 0..=9 for digits
    (value.wrapping_add(ONES * 0x76) | value) & HIGH
}

/// Index of the byte of the lowest mark; `marks` is not 0.
#[inline(always)]
pub(super) const fn lowest(marks: u64) -> usize {
    (marks.trailing_zeros() >> 3) as usize
}

/// The bytes of `word` up to its lowest mark, the marked one (which is below 0x80) included, the others zero.
#[inline(always)]
pub(super) const fn up_to(word: u64, marks: u64) -> u64 {
    word & (marks ^ marks.wrapping_sub(1))
}

/// The last eight bytes of a text, filled up with zeros at the front if it is shorter.
pub(super) fn last_word(bytes: &[u8]) -> u64 {
    match bytes.last_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => {
            bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
                << (64 - 8 * bytes.len()).min(63)
        }
    }
}

/// The first eight bytes of `rest`, the missing ones zero. `last` is the [`last_word`] of a text that ends
/// where `rest` ends, so that the end needs no byte-wise loop.
#[inline(always)]
pub(super) fn first_word(rest: &[u8], last: u64) -> u64 {
    match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last >> 8 >> (56 - 8 * (rest.len() & 7)), // two steps: a shift by 64 would be none
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_lowest_mark_is_the_first_stop(bytes: [u8; 8]) {
            let marks = string_stops(u64::from_le_bytes(bytes));
            let expected = bytes.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
            prop_assert_eq!((marks != 0).then(|| lowest(marks)), expected);
        }

        #[test]
        fn the_lowest_mark_is_the_first_non_digit(bytes in prop::array::uniform8(prop_oneof![0x2eu8..0x3c, any::<u8>()])) {
            let marks = non_digits(u64::from_le_bytes(bytes));
            let expected = bytes.iter().position(|b| !b.is_ascii_digit());
            prop_assert_eq!((marks != 0).then(|| lowest(marks)), expected);
            if let Some(at) = expected && bytes[at] < 0x80 {
                let next = bytes[at + 1..].iter().position(|b| !b.is_ascii_digit());
                let rest = marks & (marks - 1);
                prop_assert_eq!((rest != 0).then(|| lowest(rest)), next.map(|n| n + at + 1));
            }
        }

        #[test]
        fn the_words_at_the_end_are_padded_with_zeros(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let last = last_word(&bytes);
            for at in 0..=bytes.len() {
                let mut expected = [0; 8];
                let rest = &bytes[at..];
                let n = rest.len().min(8);
                expected[..n].copy_from_slice(&rest[..n]);
                prop_assert_eq!(first_word(rest, last), u64::from_le_bytes(expected));
            }
        }
    }
}
