//! Members that are written from the last to the first, in a buffer of their own.
//!
//! Whatever a step leaves ahead of its text is written over by the next one, so each step is a few stores and one copy
//! of a fixed length, without a look at what is left of the room: to an interpreter a third of what appending costs.

use crate::record::shortest;

/// Bytes that one copy moves.
const COPIED: usize = 256;
/// At most so many texts and so many numbers stand in a tail.
const STEPS: usize = 7;
/// A power of two, for masks that stand in for checks.
const SIZE: usize = 2048;
/// Where the closing brace stands.
const END: usize = SIZE - 1;
const _: () = assert!(STEPS * (COPIED + shortest::ROOM) <= END);

/// Text between numbers, at most 256 bytes of it, ready to be copied.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The text stands at the end.
    bytes: [u8; COPIED],
    len: usize,
}

impl Piece {
    /// `None` for a longer text.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; COPIED];
        let from = COPIED.checked_sub(text.len())?;
        bytes.get_mut(from..)?.copy_from_slice(text);
        Some(Self { bytes, len: text.len() })
    }
}

/// The end of a JSON record: members, each with its comma ahead, and the closing brace. At most seven texts and seven
/// numbers; with more, what it holds is wrong.
#[derive(Debug, Clone)]
pub struct Tail {
    // in place: a pointer would be read at each step
    bytes: [u8; SIZE + COPIED],
    /// The text stands from here up to [`END`].
    start: usize,
}

impl Default for Tail {
    fn default() -> Self {
        let mut bytes = [0; SIZE + COPIED];
        bytes[END] = b'}';
        Self { bytes, start: END }
    }
}

impl Tail {
    /// Begins with the brace alone.
    #[inline(always)]
    pub fn begin(&mut self) {
        self.start = END;
    }

    /// Puts a text ahead of all there is.
    #[inline(always)]
    pub fn put(&mut self, piece: &Piece) {
        debug_assert!(self.start >= COPIED);
        let from = self.start.wrapping_sub(COPIED) & (SIZE - 1); // see `STEPS`: never beyond
        if let Some(place) = self.bytes.get_mut(from..).and_then(|rest| rest.first_chunk_mut::<COPIED>()) {
            *place = piece.bytes;
        }
        self.start = self.start.wrapping_sub(piece.len);
    }

    /// Puts a finite number ahead of all there is.
    #[inline(never)]
    pub fn put_number(&mut self, number: f64) {
        match shortest::write_before(number, &mut self.bytes, self.start) {
            Some(start) => self.start = start,
            None => self.put_any(number),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_any(&mut self, number: f64) {
        shortest::with_text(number, |text| {
            let from = self.start.wrapping_sub(text.len());
            if let Some(place) = self.bytes.get_mut(from..self.start) {
                place.copy_from_slice(text);
                self.start = from;
            }
        });
    }

    /// What was put there, and the brace.
    #[inline(always)]
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.bytes.get(self.start..=END).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(text: &str) -> Piece {
        Piece::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_text_of_more_than_256_bytes_is_no_piece() {
        assert!(Piece::new(&[b'x'; 256]).is_some() && Piece::new(&[b'x'; 257]).is_none());
    }

    #[test]
    fn as_many_long_texts_and_numbers_as_promised_have_room() {
        let (text, number) = ("x".repeat(256), -12_345_678_901_234.567);
        let mut tail = Tail::default();
        for _ in 0..STEPS {
            tail.put_number(number);
            tail.put(&piece(&text));
        }
        let expected = [text, "-12345678901234.566".to_owned()].concat().repeat(STEPS) + "}";
        assert_eq!(String::from_utf8_lossy(tail.text()), expected);
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
            let mut tail = Tail::default();
            for parts in records {
                let mut expected = "}".to_owned();
                tail.begin();
                for (text, any, everyday) in parts {
                    for number in [any, everyday].into_iter().filter(|number| number.is_finite()) {
                        let mut digits = Vec::new();
                        crate::record::format_f64(number, &mut digits);
                        tail.put_number(number);
                        expected.insert_str(0, &String::from_utf8(digits).unwrap());
                    }
                    tail.put(&piece(&text));
                    expected.insert_str(0, &text);
                }
                prop_assert_eq!(String::from_utf8_lossy(tail.text()), expected);
            }
        }
    }
}
