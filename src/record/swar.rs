//! Eight bytes of text at a time ("SIMD within a register"). The scan runs in an interpreter, where each instruction
//! costs about the same: a few 64-bit operations classify a whole word.
//!
//! The masks mark a byte by its high bit. Borrows and carries run upward only, so the *lowest* mark is exact
//! and those above it may be false: callers use only the lowest one.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes that end the plain part of a JSON string: `"`, `\` and control characters.
#[inline(always)] // speed
pub(super) const fn string_stops(word: u64) -> u64 {
    // xor 2 maps the quote 0x22 to 0x20, next to the control characters, which map to each other:
    // one comparison (below 0x21) finds both
    let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (quote_or_control | backslash) & !word & HIGH
}

/// Marks bytes that are no ASCII digit. The two lowest marks are exact if the lowest marked byte is ASCII.
#[inline(always)] // speed
pub(super) const fn non_digits(word: u64) -> u64 {
    let value = word ^ (ONES * 0x30); // 0..=9 for digits
    (value.wrapping_add(ONES * 0x76) | value) & HIGH
}

/// Marks the bytes from `first` to `last`, both ASCII. Each mark is exact.
#[inline(always)] // speed
pub(crate) const fn marks_between(word: u64, first: u8, last: u8) -> u64 {
    let high = word | HIGH; // no byte borrows from the next one
    let at_least_first = high - ONES * first as u64;
    let above_last = high - ONES * (last as u64 + 1);
    at_least_first & !above_last & !word & HIGH
}

/// The value of eight ASCII digits, the first one lowest in the word. One multiplication joins all neighbours to pairs,
/// one the pairs to fours, one the fours.
#[inline(always)] // speed
pub(super) const fn eight_digits(word: u64) -> u64 {
    let pairs = (word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul((10 << 8) + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul((100 << 16) + 1) >> 16;
    (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32
}

/// The inverse of [`eight_digits`]: the ASCII digits of a value below 10^8, zeros in front, the first digit lowest.
#[inline(always)] // speed
pub(super) const fn digits_of(value: u32) -> u64 {
    let value = value as u64;
    // halves, then pairs, then digits; a multiplication and a shift divide all parts at once, exactly for their range
    let high = (value * 109_951_163) >> 40; // by 10^4
    let halves = high | ((value - 10_000 * high) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f; // of 0..=9999
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f; // of 0..=99
    tens | ((pairs - 10 * tens) << 8) | (ONES * 0x30)
}

/// Index of the byte of the lowest mark; `marks` is not 0.
#[inline(always)] // speed
pub(crate) const fn lowest(marks: u64) -> usize {
    (marks.trailing_zeros() >> 3) as usize
}

/// The bytes of `word` up to its lowest mark, the marked one (which is below 0x80) included, the others zero.
#[inline(always)] // speed
pub(super) const fn up_to(word: u64, marks: u64) -> u64 {
    word & (marks ^ marks.wrapping_sub(1))
}

/// Marks blanks and control characters.
#[inline(always)] // speed
pub(crate) const fn blanks_and_controls(word: u64) -> u64 {
    word.wrapping_sub(ONES * 0x21) & !word & HIGH
}

/// Whether two texts are equal. On WebAssembly, slices are compared in a loop over bytes.
#[inline(always)] // speed
pub(crate) fn same_text(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(a_end), Some(b_end)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return same_short_text(a, b);
    };
    let same = |a: &[u8; 8], b: &[u8; 8]| u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    if !same(a_end, b_end) {
        return false;
    }
    if a.len() <= 16 {
        return a.first_chunk().zip(b.first_chunk()).is_some_and(|(a, b)| same(a, b));
    }
    a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).all(|(a, b)| same(a, b))
}

/// The same for texts of one length, less than eight bytes.
#[inline(always)] // speed
fn same_short_text(a: &[u8], b: &[u8]) -> bool {
    let (Some(a_end), Some(b_end)) = (a.last_chunk::<4>(), b.last_chunk::<4>()) else {
        return a.iter().zip(b).all(|(a, b)| a == b);
    };
    let same = |a: &[u8; 4], b: &[u8; 4]| u32::from_le_bytes(*a) == u32::from_le_bytes(*b);
    same(a_end, b_end) && a.first_chunk::<4>().zip(b.first_chunk::<4>()).is_some_and(|(a, b)| same(a, b))
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
/// where `rest` ends; it saves a loop over bytes at the end.
#[inline(always)] // speed
pub(super) fn first_word(rest: &[u8], last: u64) -> u64 {
    match rest.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last >> 8 >> (56 - 8 * (rest.len() & 7)), // two steps: a shift by 64 would be none
    }
}

/// Reads a text as if zeros followed it; a zero ends strings and numbers. Pass it to inlined functions only: its
/// fields must stay in locals.
pub(crate) struct WordReader<'a> {
    pub(crate) bytes: &'a [u8],
    last: u64,
}

impl<'a> WordReader<'a> {
    #[inline(always)] // speed
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, last: last_word(bytes) }
    }

    #[inline(always)] // speed
    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    #[inline(always)] // speed
    pub(crate) fn word(&self, at: usize) -> u64 {
        self.bytes.get(at..).map_or(0, |rest| first_word(rest, self.last))
    }

    /// Offset of the first quote, backslash or control character from `at` on; the text's length if there is none.
    #[inline(always)] // speed
    pub(super) fn plain_end(&self, at: usize) -> usize {
        let stops = string_stops(self.word(at));
        if stops != 0 {
            return at + lowest(stops);
        }
        let stops = string_stops(self.word(at + 8));
        if stops != 0 { at + 8 + lowest(stops) } else { long_plain_end(self.bytes, at + 16) }
    }

    /// Offset of the first byte from `at` on that is no digit.
    #[inline(always)] // speed
    pub(super) fn digits_end(&self, at: usize) -> usize {
        let marks = non_digits(self.word(at));
        if marks != 0 { at + lowest(marks) } else { long_digits_end(self.bytes, at + 8) }
    }

    /// Offset of the first byte from `at` on that is no white space.
    #[inline(always)] // speed
    pub(super) fn skip_space(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { skip_more_space(self.bytes, at) }
    }
}

/// [`WordReader::plain_end`] for long strings.
#[inline(never)] // speed: keeps the callers small
pub(super) fn long_plain_end(bytes: &[u8], mut at: usize) -> usize {
    let text = WordReader::new(bytes);
    let rest = bytes.get(at..).unwrap_or_default();
    for pair in rest.as_chunks::<16>().0 {
        let pair = u128::from_le_bytes(*pair);
        if string_stops(pair as u64) | string_stops((pair >> 64) as u64) != 0 {
            break;
        }
        at += 16;
    }
    loop {
        let stops = string_stops(text.word(at));
        if stops != 0 {
            return at + lowest(stops);
        }
        at += 8;
    }
}

#[inline(never)] // speed: keeps the callers small
fn long_digits_end(bytes: &[u8], mut at: usize) -> usize {
    let text = WordReader::new(bytes);
    loop {
        let marks = non_digits(text.word(at));
        if marks != 0 {
            return at + lowest(marks);
        }
        at += 8;
    }
}

#[inline(never)] // speed: keeps the callers small
fn skip_more_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
    at + space.count()
}

/// A copy of a record of at most [`WordBuffer::MAX_LEN`] bytes, zeros behind it. It is read a word at a time at any
/// offset up to the record's length, without a check of the length.
#[derive(Debug, Clone)]
pub(super) struct WordBuffer([u8; WRAP + 16]);

/// Offsets wrap here, behind every record and its zeros, so that no read needs a bounds check.
const WRAP: usize = 4096;

impl WordBuffer {
    pub(super) const MAX_LEN: usize = WRAP - 8;

    pub(super) fn new() -> Self {
        Self([0; WRAP + 16])
    }

    /// Eight bytes; `at` is at most the length of the record.
    #[inline(always)] // speed
    pub(super) fn word(&self, at: usize) -> u64 {
        let at = at % WRAP;
        self.0
            .get(at..at + 8)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |word| u64::from_le_bytes(*word))
    }

    /// Sixteen bytes; `at` as for [`word`](Self::word).
    #[inline(always)] // speed
    pub(super) fn two_words(&self, at: usize) -> (u64, u64) {
        let at = at % WRAP;
        let both = self.0.get(at..at + 16).and_then(|bytes| bytes.as_chunks::<8>().0.first_chunk());
        both.map_or((0, 0), |[first, second]| (u64::from_le_bytes(*first), u64::from_le_bytes(*second)))
    }

    /// `None` if the record is too long.
    #[inline(always)] // speed
    pub(super) fn fill(&mut self, record: &[u8]) -> Option<()> {
        let (head, behind) = self.0.split_at_mut_checked(record.len())?;
        head.copy_from_slice(record);
        behind.first_chunk_mut::<8>()?.fill(0);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_digits_of_a_number_are_those_of_core() {
        // all hundreds and all pairs, in both halves
        for value in (0..10_000).flat_map(|half| [half, half * 10_000, half * 10_000 + (9_999 - half)]) {
            assert_eq!(digits_of(value).to_le_bytes(), *format!("{value:08}").as_bytes());
        }
    }

    proptest! {
        #[test]
        fn eight_digits_are_their_number(value in 0u32..100_000_000) {
            let word = digits_of(value);
            let expected = format!("{value:08}");
            prop_assert_eq!(&word.to_le_bytes()[..], expected.as_bytes());
            prop_assert_eq!(eight_digits(word), u64::from(value));
        }

        #[test]
        fn texts_are_the_same_where_all_bytes_are(
            text in prop::collection::vec(any::<u8>(), 0..40),
            at: prop::sample::Index,
        ) {
            prop_assert!(same_text(&text, &text.clone()));
            if !text.is_empty() {
                let mut other = text.clone();
                other[at.index(text.len())] ^= 1;
                prop_assert!(!same_text(&text, &other) && !same_text(&text, &text[1..]));
            }
        }

        #[test]
        fn each_byte_of_a_range_is_marked_and_no_other(bytes: [u8; 8], first in 0u8..0x7f, len in 0u8..4) {
            let last = (first + len).min(0x7e);
            let marks = marks_between(u64::from_le_bytes(bytes), first, last).to_le_bytes();
            for (byte, mark) in bytes.into_iter().zip(marks) {
                prop_assert_eq!(mark != 0, (first..=last).contains(&byte));
            }
        }

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
