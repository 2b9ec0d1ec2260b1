//! Memory of how the records before looked: the next one mostly differs from them in a few values only.
//!
//! A shape is a record with holes: text that every record has, and between its pieces the values that differ. A
//! record fits if each piece stands in it, word for word, and each hole holds a value of the kind that was there:
//! a string without escapes, or a number. Whatever fits is well-formed, because the record the shape was taken
//! from is, and its wanted values stand in the same holes. Whatever does not fit goes to the scan, which decides;
//! then the shape is taken anew, with a further hole for each value that turned out to differ.
//!
//! In the interpreter a record that fits costs a third of a scan with the reading of its numbers.

use std::sync::Arc;

use super::padded::long_plain_end;
use crate::record::found::{Kind, Place};
use crate::record::number::Decimal;
use crate::record::tree::{NONE, Tree};
use crate::record::words::{lowest, string_stops};

/// Longer records are scanned.
const MAX_LEN: usize = 4088;
/// Reads of a word wrap here, behind every record and the zeros that follow it.
const WRAP: usize = 4096;
/// The longest pause: so many records are scanned before a shape is tried again where none ever fits.
const MAX_PAUSE: u32 = 255;

/// What the records seen last have in common.
#[derive(Debug, Clone, Default)]
pub(in crate::record) struct Shape {
    /// Whose inputs the holes are; kept alive, so that no other one can come to the same address.
    tree: Option<Arc<Tree>>,
    /// The record at hand, zeros behind it.
    text: Option<Box<Text>>,
    /// In the order of the record; never empty once a shape was taken.
    pieces: Vec<Piece>,
    /// The long texts of the pieces.
    blocks: Vec<[u64; 2]>,
    /// Bytes from the closing brace to the end.
    edge: usize,
    members: u32,
    /// The record the shape was taken from, and its values.
    sample: Vec<u8>,
    values: Vec<Spot>,
    /// Records to scan before the next try, and how many that will be after the next miss.
    pause: u32,
    next_pause: u32,
}

/// Text that must be there, then a hole.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Blocks of sixteen bytes ahead of the rest; they stand in [`Shape::blocks`], in the order of the record.
    blocks: usize,
    /// The rest, 1..=16 bytes in two words; what lies behind the end is 0. Two words without a loop: the
    /// interpreter pays for each turn of a loop.
    first: u64,
    second: u64,
    /// Which bits count.
    first_mask: u64,
    second_mask: u64,
    /// Bytes of the rest.
    len: usize,
    hole: Hole,
    /// The input that stands in the hole, or NONE.
    input: u16,
    /// A number that stood in the hole not long ago.
    last: LastNumber,
}

/// A number and what stands behind it. Points that were taken at one moment have the same time: it is read once.
#[derive(Debug, Clone, Copy, Default)]
struct LastNumber {
    /// The text from the number on, which ends within these bytes; 0 if none is remembered.
    first: u64,
    second: u64,
    /// Bytes of the number.
    len: usize,
    value: f64,
}

/// Numbers are remembered in one of so many records: to those that differ each time that is to cost little.
const REMEMBER_EACH: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    String,
    Number,
    /// The record ends here.
    End,
}

/// A value of the sample that could be a hole; strings without their quotes.
#[derive(Debug, Clone, Copy)]
struct Spot {
    start: usize,
    end: usize,
    hole: Hole,
    /// Other records had another value here.
    differs: bool,
    input: u16,
}

/// A record that can be read a word at a time, at any place, without a look at its length.
#[derive(Debug, Clone)]
pub(in crate::record) struct Text([u8; WRAP + 16]);

impl Text {
    /// Eight bytes; `at` is at most the length of the record.
    #[inline(always)]
    pub(in crate::record) fn word(&self, at: usize) -> u64 {
        let at = at % WRAP; // so that no bound needs a check
        self.0
            .get(at..at + 8)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |word| u64::from_le_bytes(*word))
    }

    /// Sixteen bytes.
    #[inline(always)]
    fn two_words(&self, at: usize) -> (u64, u64) {
        let at = at % WRAP;
        let both = self.0.get(at..at + 16).and_then(|bytes| bytes.as_chunks::<8>().0.first_chunk());
        both.map_or((0, 0), |[first, second]| (u64::from_le_bytes(*first), u64::from_le_bytes(*second)))
    }

    fn fill(&mut self, record: &[u8]) -> Option<()> {
        let (head, behind) = self.0.split_at_mut_checked(record.len())?;
        head.copy_from_slice(record);
        behind.first_chunk_mut::<8>()?.fill(0);
        Some(())
    }
}

/// Where a fitting record ends.
#[derive(Debug, Clone, Copy)]
pub(in crate::record) struct Outline {
    pub(in crate::record) edge: usize,
    pub(in crate::record) members: u32,
}

impl Shape {
    /// Whether the record fits; its wanted values are in `places` then, marked with the number of the `scan`.
    #[inline(always)]
    pub(super) fn fits(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        places: &mut [Place],
        scan: u32,
    ) -> Option<Outline> {
        if self.pause != 0 || record.len() > MAX_LEN || !Arc::ptr_eq(self.tree.as_ref()?, tree) {
            return None;
        }
        let text = self.text.as_mut()?;
        text.fill(record)?;
        let mut blocks = self.blocks.iter();
        let mut at = 0;
        for piece in &mut self.pieces {
            let mut left = piece.blocks;
            while left != 0 {
                let (&[first, second], words) = (blocks.next()?, text.two_words(at));
                if words.0 != first || words.1 != second {
                    return None;
                }
                at += 16;
                left -= 1;
            }
            let (first, second) = text.two_words(at);
            if first & piece.first_mask != piece.first || second & piece.second_mask != piece.second {
                return None;
            }
            at += piece.len;
            let mut start = at;
            let mut number = 0.0;
            let kind;
            match piece.hole {
                Hole::String => {
                    // what stops the string is compared with the next piece, which begins with the quote
                    let mut stops = string_stops(text.word(at));
                    while stops == 0 {
                        at += 8;
                        stops = string_stops(text.word(at));
                    }
                    at += lowest(stops);
                    start -= 1;
                    kind = Kind::Plain;
                }
                Hole::Number => {
                    let (first, second) = text.two_words(at);
                    if first == piece.last.first && second == piece.last.second {
                        at += piece.last.len;
                        number = piece.last.value;
                        kind = Kind::Number;
                    } else {
                        let decimal = Decimal::read(text, at)?;
                        at = decimal.end;
                        kind = match decimal.value() {
                            Some(value) => {
                                number = value;
                                let len = at - start;
                                if scan.is_multiple_of(REMEMBER_EACH) && len < 16 {
                                    piece.last = LastNumber { first, second, len, value };
                                }
                                Kind::Number
                            }
                            None => Kind::Any,
                        };
                    }
                }
                Hole::End => {
                    self.next_pause = 0;
                    let edge = at.checked_sub(self.edge)?;
                    return (at == record.len()).then_some(Outline { edge, members: self.members });
                }
            }
            if let Some(place) = places.get_mut(usize::from(piece.input)) {
                let end = at + usize::from(kind == Kind::Plain);
                *place = Place { scan, kind, start, end, number };
            }
        }
        None
    }

    /// No record fits until a further shape is taken.
    pub(in crate::record) fn forget(&mut self) {
        self.tree = None;
    }

    /// Takes the shape of a record that did not fit and was scanned.
    #[cold]
    #[inline(never)]
    pub(super) fn learn(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        places: &[Place],
        scan: u32,
        outline: Outline,
    ) {
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.pause = self.next_pause;
        self.next_pause = (2 * self.next_pause + 1).min(MAX_PAUSE);
        if record.len() <= MAX_LEN {
            self.take(record, tree, places, scan, outline);
        }
    }

    /// `None`, and the shape as it was, where a wanted value cannot be a hole.
    fn take(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        places: &[Place],
        scan: u32,
        outline: Outline,
    ) -> Option<()> {
        let mut values = values(record);
        for (input, place) in (0..NONE).zip(places).filter(|(_, place)| place.scan == scan) {
            if tree.same.iter().any(|&(same, _)| same == input) {
                continue; // found where the earlier input is
            }
            let is = |value: &&mut Spot| place.start == value.start - usize::from(value.hole == Hole::String);
            values.iter_mut().find(is)?.input = input;
        }
        let is_known = self.values.len() == values.len()
            && self.tree.as_ref().is_some_and(|known| Arc::ptr_eq(known, tree));
        if is_known {
            for (new, old) in values.iter_mut().zip(&self.values) {
                new.differs =
                    old.differs || record.get(new.start..new.end) != self.sample.get(old.start..old.end);
            }
        }
        self.pieces.clear();
        self.blocks.clear();
        let mut from = 0;
        for value in values.iter().filter(|value| value.differs || value.input != NONE) {
            self.push(record.get(from..value.start)?, value.hole, value.input);
            from = value.end;
        }
        self.push(record.get(from..)?, Hole::End, NONE);
        self.edge = record.len() - outline.edge;
        self.members = outline.members;
        self.sample.clear();
        self.sample.extend_from_slice(record);
        self.values = values;
        self.tree = Some(Arc::clone(tree));
        self.text.get_or_insert_with(|| Box::new(Text([0; WRAP + 16])));
        Some(())
    }

    /// Text is never empty: something stands in front of every value, and behind the last one.
    fn push(&mut self, text: &[u8], hole: Hole, input: u16) {
        let rest_len = text.len().saturating_sub(1) % 16 + 1;
        let (blocks, rest) = text.split_at(text.len().saturating_sub(rest_len));
        let (blocks, _) = blocks.as_chunks::<16>();
        self.blocks.extend(blocks.iter().map(|block| two_words(*block)));
        let words = |byte: fn(u8) -> u8| {
            let mut bytes = [0; 16];
            for (slot, &b) in bytes.iter_mut().zip(rest) {
                *slot = byte(b);
            }
            two_words(bytes)
        };
        let ([first, second], [first_mask, second_mask]) = (words(|byte| byte), words(|_| u8::MAX));
        let (blocks, len) = (blocks.len(), rest.len());
        let last = LastNumber::default();
        self.pieces.push(Piece { blocks, first, second, first_mask, second_mask, len, hole, input, last });
    }
}

fn two_words(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    [both as u64, (both >> 64) as u64]
}

/// The strings without escapes and the numbers among the values of a well-formed record, at any depth.
fn values(record: &[u8]) -> Vec<Spot> {
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(&byte) = record.get(at) {
        let (start, hole);
        match byte {
            b'"' => {
                start = at + 1;
                hole = Hole::String;
                at = start;
                let mut is_plain = true;
                loop {
                    at = long_plain_end(record, at);
                    if record.get(at) != Some(&b'\\') {
                        break;
                    }
                    is_plain = false;
                    at += 2;
                }
                let behind = record.get(at + 1..).unwrap_or_default();
                let is_key = behind.iter().find(|byte| **byte > b' ') == Some(&b':');
                if is_plain && !is_key {
                    values.push(Spot { start, end: at, hole, differs: false, input: NONE });
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                start = at;
                hole = Hole::Number;
                let rest = record.get(at..).unwrap_or_default();
                at += rest
                    .iter()
                    .take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
                    .count();
                values.push(Spot { start, end: at, hole, differs: false, input: NONE });
            }
            _ => at += 1,
        }
    }
    values
}
