//! The members that are added to a JSON record, written from the last to the first into a buffer of their own.
//!
//! Each step is a few stores and one copy of a fixed length. It may leave garbage in front of its text; the next step
//! overwrites that. No step checks the room left, so the interpreter pays a third of what appending costs.

use crate::record::number;

/// Bytes that one copy moves.
const COPIED: usize = 256;
/// The most texts, and the most numbers, of a suffix.
const STEPS: usize = 8;
/// A power of two, so that a mask replaces a bounds check.
const SIZE: usize = 4096;
/// Where the closing brace stands.
const END: usize = SIZE - 1;
const _: () = assert!(STEPS * (COPIED + number::MAX_LEN) <= END);

/// Text between numbers, at most 256 bytes, laid out for a copy of fixed length.
#[derive(Debug, Clone)]
pub struct SuffixText {
    /// The text stands at the end.
    bytes: [u8; COPIED],
    len: usize,
}

impl SuffixText {
    /// `None` for a longer text.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; COPIED];
        let from = COPIED.checked_sub(text.len())?;
        bytes.get_mut(from..)?.copy_from_slice(text);
        Some(Self { bytes, len: text.len() })
    }

    /// This text and another one behind it; `None` where both are too long together.
    #[must_use]
    pub fn followed_by(&self, text: &[u8]) -> Option<Self> {
        Self::new(&[self.bytes.get(COPIED - self.len..)?, text].concat())
    }
}

/// The end of a JSON record: members, each with a comma in front, and the closing brace. It has room for eight texts
/// and eight numbers; its text is wrong after more.
#[derive(Debug, Clone)]
pub struct Suffix {
    // no `Vec`: each step would read its pointer
    bytes: [u8; SIZE + COPIED],
    /// The text stands from here up to [`END`].
    start: usize,
}

impl Default for Suffix {
    fn default() -> Self {
        let mut bytes = [0; SIZE + COPIED];
        bytes[END] = b'}';
        Self { bytes, start: END }
    }
}

impl Suffix {
    /// Keeps the brace alone.
    #[inline(always)] // speed
    pub fn clear(&mut self) {
        self.start = END;
    }

    /// Puts a text in front of all that was put there.
    #[inline(always)] // speed
    pub fn prepend(&mut self, text: &SuffixText) {
        debug_assert!(self.start >= COPIED);
        let from = self.start.wrapping_sub(COPIED) & (SIZE - 1); // changes nothing, see `STEPS`
        if let Some(place) = self.bytes.get_mut(from..).and_then(|rest| rest.first_chunk_mut::<COPIED>()) {
            *place = text.bytes;
        }
        self.start = self.start.wrapping_sub(text.len);
    }

    /// Puts a finite number in front of all that was put there.
    #[inline(never)] // stack
    pub fn prepend_number(&mut self, number: f64) {
        match number::write_before(number, &mut self.bytes, self.start) {
            Some(start) => self.start = start,
            None => self.prepend_any(number),
        }
    }

    #[cold]
    #[inline(never)] // stack
    fn prepend_any(&mut self, number: f64) {
        number::with_text(number, |text| {
            let from = self.start.wrapping_sub(text.len());
            if let Some(place) = self.bytes.get_mut(from..self.start) {
                place.copy_from_slice(text);
                self.start = from;
            }
        });
    }

    /// What was put there, and the brace.
    #[inline(always)] // speed
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.bytes.get(self.start..=END).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> SuffixText {
        SuffixText::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_text_of_more_than_256_bytes_is_refused() {
        assert!(SuffixText::new(&[b'x'; 256]).is_some() && SuffixText::new(&[b'x'; 257]).is_none());
    }

    #[test]
    fn as_many_long_texts_and_numbers_as_promised_have_room() {
        let (text, number) = ("x".repeat(256), -12_345_678_901_234.567);
        let mut suffix = Suffix::default();
        for _ in 0..STEPS {
            suffix.prepend_number(number);
            suffix.prepend(&encoded(&text));
        }
        let expected = [text, "-12345678901234.566".to_owned()].concat().repeat(STEPS) + "}";
        assert_eq!(String::from_utf8_lossy(suffix.text()), expected);
    }

    proptest! {
        /// Used again and again, it holds what was put there since it began, the last first.
        #[test]
        fn it_reads_as_its_parts_put_together(
            records in proptest::collection::vec(
                proptest::collection::vec(("[ -~]{0,40}", any::<f64>(), -1e4f64..1e4), 0..4),
                1..4,
            ),
        ) {
            let mut suffix = Suffix::default();
            for parts in records {
                let mut expected = "}".to_owned();
                suffix.clear();
                for (text, any, everyday) in parts {
                    for number in [any, everyday].into_iter().filter(|number| number.is_finite()) {
                        let mut digits = Vec::new();
                        crate::record::format_f64(number, &mut digits);
                        suffix.prepend_number(number);
                        expected.insert_str(0, &String::from_utf8(digits).unwrap());
                    }
                    suffix.prepend(&encoded(&text));
                    expected.insert_str(0, &text);
                }
                prop_assert_eq!(String::from_utf8_lossy(suffix.text()), expected);
            }
        }
    }
}
