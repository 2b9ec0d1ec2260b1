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
