//! The words of a row: what stands between blanks, without the units of numbers.

use super::MAX_WORDS;
use super::units::{is_number, is_unit};
use crate::record::{WordReader, blanks_and_controls, lowest, marks_between};

/// What stands between blanks.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) has_digit: bool,
}

/// The words of a row that count, without the units of numbers.
pub(super) struct RowWords<'a> {
    row: WordReader<'a>,
    at: usize,
    /// So many more count.
    left: usize,
    is_behind_number: bool,
}

impl<'a> RowWords<'a> {
    #[inline(always)] // speed
    pub(super) fn new(row: &'a [u8]) -> Self {
        Self { row: WordReader::new(row), at: 0, left: MAX_WORDS, is_behind_number: false }
    }

    #[inline(always)] // speed
    pub(super) fn next(&mut self) -> Option<Word<'a>> {
        if self.left == 0 {
            return None;
        }
        loop {
            let word = self.piece()?;
            if std::mem::take(&mut self.is_behind_number) && is_unit(word.text) {
                continue;
            }
            if word.has_digit {
                if let [b'(', number @ ..] = word.text
                    && is_number(number)
                    && self.skip_unit_in_brackets()
                {
                    continue;
                }
                self.is_behind_number = is_number(word.text);
            }
            self.left -= 1;
            return Some(word);
        }
    }

    /// Whether a unit and a closing bracket come next, which are then left out.
    #[inline(never)] // speed: rare
    fn skip_unit_in_brackets(&mut self) -> bool {
        let at = self.at;
        let next = self.piece();
        let is_unit = next.and_then(|word| word.text.strip_suffix(b")")).is_some_and(is_unit);
        if !is_unit {
            self.at = at;
        }
        is_unit
    }

    /// What comes up to the next blank.
    #[inline(always)] // speed
    fn piece(&mut self) -> Option<Word<'a>> {
        let row = &self.row;
        let mut start = self.at;
        while is_blank(row.byte(start)) {
            start += 1;
        }
        if start >= row.bytes.len() {
            return None;
        }
        let (mut end, mut has_digit) = (start, false);
        loop {
            let word = row.word(end);
            let stops = blanks_and_controls(word); // behind the row stand zeros
            let digits = marks_between(word, b'0', b'9');
            if stops == 0 {
                has_digit |= digits != 0;
                end += 8;
                continue;
            }
            let first = stops & stops.wrapping_neg();
            has_digit |= digits & (first - 1) != 0;
            end += lowest(stops);
            if end >= row.bytes.len() || is_blank(row.byte(end)) {
                break;
            }
            end += 1; // a control character is a part of its word
        }
        self.at = end;
        Some(Word { text: row.bytes.get(start..end)?, has_digit })
    }
}

#[inline(always)] // speed
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r')
}

/// The first row of a line.
pub(super) fn first_row(line: &[u8]) -> &[u8] {
    let text = WordReader::new(line);
    let mut at = 0;
    while at < line.len() {
        let ends = marks_between(text.word(at), b'\n', b'\n');
        if ends != 0 {
            return line.get(..at + lowest(ends)).unwrap_or(line);
        }
        at += 8;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words as they are found a byte at a time.
    fn plain_words(row: &[u8]) -> Vec<(&[u8], bool)> {
        let pieces = row.split(|&b| is_blank(b)).filter(|piece| !piece.is_empty());
        pieces.map(|piece| (piece, piece.iter().any(u8::is_ascii_digit))).collect()
    }

    proptest::proptest! {
        #[test]
        fn pieces_and_rows_are_those_that_bytes_one_by_one_give(
            line in proptest::collection::vec(proptest::prop_oneof![
                proptest::strategy::Just(b' '), proptest::strategy::Just(b'\n'), proptest::strategy::Just(b'7'), proptest::strategy::Just(0),
                proptest::prelude::any::<u8>(),
            ], 0..80),
        ) {
            let row = line.split(|&b| b == b'\n').next().unwrap();
            proptest::prop_assert_eq!(first_row(&line), row);
            let mut words = RowWords::new(row);
            let pieces: Vec<_> = std::iter::from_fn(|| words.piece()).map(|word| (word.text, word.has_digit)).collect();
            proptest::prop_assert_eq!(pieces, plain_words(row));
        }
    }
}
