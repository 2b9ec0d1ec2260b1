//! A text that may be read behind its end, eight bytes at a time.

use crate::record::words::{first_word, last_word, lowest, non_digits, string_stops};

/// A text that reads as zeros behind its end; a zero stops strings and numbers. It is never handed to a function
/// that is not inlined: its fields must stay in locals.
pub(super) struct Padded<'a> {
    pub(super) bytes: &'a [u8],
    last: u64,
}

impl<'a> Padded<'a> {
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, last: last_word(bytes) }
    }

    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub(super) fn word(&self, at: usize) -> u64 {
        self.bytes.get(at..).map_or(0, |rest| first_word(rest, self.last))
    }

    /// Place of the first quote, backslash or control character from `at` on; the end if none comes.
    #[inline(always)]
    pub(super) fn plain_end(&self, at: usize) -> usize {
        let stops = string_stops(self.word(at));
        if stops != 0 {
            return at + lowest(stops);
        }
        let stops = string_stops(self.word(at + 8));
        if stops != 0 { at + 8 + lowest(stops) } else { long_plain_end(self.bytes, at + 16) }
    }

    /// Place of the first byte from `at` on that is no digit.
    #[inline(always)]
    pub(super) fn digits_end(&self, at: usize) -> usize {
        let marks = non_digits(self.word(at));
        if marks != 0 { at + lowest(marks) } else { long_digits_end(self.bytes, at + 8) }
    }

    /// Place of the first byte from `at` on that is no white space.
    #[inline(always)]
    pub(super) fn skip_space(&self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { skip_more_space(self.bytes, at) }
    }
}

/// The same, for what is expected to be long.
#[inline(never)]
pub(super) fn long_plain_end(bytes: &[u8], mut at: usize) -> usize {
    let text = Padded::new(bytes);
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

#[inline(never)]
fn long_digits_end(bytes: &[u8], mut at: usize) -> usize {
    let text = Padded::new(bytes);
    loop {
        let marks = non_digits(text.word(at));
        if marks != 0 {
            return at + lowest(marks);
        }
        at += 8;
    }
}

#[inline(never)]
fn skip_more_space(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
    at + space.count()
}
