//! The template of recent records: the next record mostly differs from them in a few values only.
//!
//! A template is a record with slots: segments of literal text that every record has, and between them slots for the
//! values that differ. A record matches if it has each segment, byte for byte, and each slot holds a value of the slot's
//! type: a string without escapes, or a number. A record that matches is well-formed, because the record that the
//! template was made from is, and its wanted values stand in the same slots. A record that does not match goes to the
//! scan, which decides; then the template is made anew, with a further slot for each value that turned out to differ.
//!
//! In the interpreter a matching record costs a third of a scan that also reads its numbers.

use std::sync::Arc;

use crate::record::number::{ParsedDecimal, decimal_end};
use crate::record::swar::{WordBuffer, long_plain_end, lowest, string_stops};
use crate::record::tree::{NONE, Tree};
use crate::record::value::{InputSpan, ValueForm};

/// The longest pause: the most records that are scanned before the next try where no template ever matches.
const MAX_PAUSE: u32 = 255;

/// Records that match no template and need no scan, to each of which one is scanned and makes the next template: so many
/// at most, fewer in the beginning.
const MOST_MISSES_PER_SCAN: u32 = 63;

/// What the records seen last have in common.
#[derive(Debug, Clone, Default)]
pub(in crate::record) struct Template {
    /// The tree whose inputs the slots are; kept alive so that no other tree gets its address.
    tree: Option<Arc<Tree>>,
    /// The record at hand.
    text: Option<Box<WordBuffer>>,
    /// In the order of the record; never empty once a template was made.
    segments: Vec<Segment>,
    /// The blocks of the segments, one segment after the other.
    blocks: Vec<[u64; 2]>,
    /// Bytes from the closing brace to the end.
    brace_from_end: usize,
    members: u32,
    /// The record that the template was made from, and its values.
    sample: Vec<u8>,
    values: Vec<SampleValue>,
    /// Records to scan before the next try, and the same after the next miss.
    pause: u32,
    next_pause: u32,
    /// Misses without a scan before the next one, and how many there were before the last one.
    misses_left: u32,
    misses_per_scan: u32,
}

/// Literal text, then a slot.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Blocks of sixteen bytes in front of the rest; they stand in [`Template::blocks`].
    blocks: usize,
    /// The rest, 1..=16 bytes in two words, zeros behind. Two words need no loop, whose turns cost the interpreter.
    first: u64,
    second: u64,
    /// The bits that must be equal.
    first_mask: u64,
    second_mask: u64,
    /// Bytes of the rest.
    len: usize,
    slot: Slot,
    /// The input whose value stands in the slot, or NONE.
    input: u16,
    /// A recent number of the slot.
    recent: RecentNumber,
}

/// A number and the text behind it. Points of one moment have the same time: it is read once.
#[derive(Debug, Clone, Copy, Default)]
struct RecentNumber {
    /// Sixteen bytes of text from the number on, which ends within them; 0 if there is none.
    first: u64,
    second: u64,
    /// Bytes of the number.
    len: usize,
    value: f64,
}

/// One record in so many updates the recent numbers, so that numbers that always differ cost little.
const REMEMBER_EACH: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    String,
    Number,
    /// The same where the value is not wanted: the interpreter saves a fifth of a string, and half of a number.
    OtherString,
    OtherNumber,
    /// The end of the record.
    End,
}

/// What can stand in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    String,
    Number,
}

impl ValueKind {
    fn slot(self, input: u16) -> Slot {
        match (self, input) {
            (Self::String, NONE) => Slot::OtherString,
            (Self::Number, NONE) => Slot::OtherNumber,
            (Self::String, _) => Slot::String,
            (Self::Number, _) => Slot::Number,
        }
    }
}

/// A value of the sample that can be a slot; strings without their quotes.
#[derive(Debug, Clone, Copy)]
struct SampleValue {
    start: usize,
    end: usize,
    kind: ValueKind,
    /// Some record had another value here.
    differs: bool,
    input: u16,
}

/// The end of a matching record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// Offset of the closing brace.
    pub(super) brace: usize,
    /// As `Found::members`.
    pub(super) members: u32,
}

impl Template {
    /// `None` if the record does not match; otherwise its wanted values are in `inputs`, with the number of the `scan`.
    #[inline(always)] // speed
    pub(super) fn match_record(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        inputs: &mut [InputSpan],
        scan: u32,
    ) -> Option<Closing> {
        if self.pause != 0 || record.len() > WordBuffer::MAX_LEN || !Arc::ptr_eq(self.tree.as_ref()?, tree) {
            return None;
        }
        let text = self.text.as_mut()?;
        text.fill(record)?;
        let mut blocks = self.blocks.iter();
        let mut at = 0;
        for segment in &mut self.segments {
            let mut left = segment.blocks;
            while left != 0 {
                let (&[first, second], words) = (blocks.next()?, text.two_words(at));
                if words.0 != first || words.1 != second {
                    return None;
                }
                at += 16;
                left -= 1;
            }
            let (first, second) = text.two_words(at);
            if first & segment.first_mask != segment.first || second & segment.second_mask != segment.second {
                return None;
            }
            at += segment.len;
            let start = at;
            match segment.slot {
                Slot::String => {
                    at = plain_end(text, at);
                    if let Some(span) = inputs.get_mut(usize::from(segment.input)) {
                        span.scan = scan;
                        span.form = ValueForm::Plain;
                        span.start = start - 1;
                        span.end = at + 1;
                    }
                }
                Slot::OtherString => at = plain_end(text, at),
                Slot::Number => {
                    let (first, second) = text.two_words(at);
                    let mut number = segment.recent.value;
                    let mut form = ValueForm::Number;
                    if first == segment.recent.first && second == segment.recent.second {
                        at += segment.recent.len;
                    } else {
                        let decimal = ParsedDecimal::read(text, at)?;
                        at = decimal.end;
                        match decimal.value() {
                            Some(value) => {
                                number = value;
                                let len = at - start;
                                if scan.is_multiple_of(REMEMBER_EACH) && len < 16 {
                                    segment.recent = RecentNumber { first, second, len, value };
                                }
                            }
                            None => form = ValueForm::Unread,
                        }
                    }
                    if let Some(span) = inputs.get_mut(usize::from(segment.input)) {
                        *span = InputSpan { scan, form, start, end: at, number };
                    }
                }
                Slot::OtherNumber => at = decimal_end(text, at)?,
                Slot::End => {
                    self.next_pause = 0;
                    let brace = at.checked_sub(self.brace_from_end)?;
                    return (at == record.len()).then_some(Closing { brace, members: self.members });
                }
            }
        }
        None
    }

    /// A record that needs no scan matched no template. False where it is to be scanned all the same, for the next one.
    pub(super) fn misses(&mut self) -> bool {
        let left = if self.pause > 0 { &mut self.pause } else { &mut self.misses_left };
        if *left > 0 {
            *left -= 1;
            return true;
        }
        self.misses_per_scan = (2 * self.misses_per_scan + 1).min(MOST_MISSES_PER_SCAN);
        self.misses_left = self.misses_per_scan;
        false
    }

    /// No record matches until the next template is made.
    pub(in crate::record) fn forget(&mut self) {
        self.tree = None;
    }

    /// Makes the template of a record that did not match and was scanned.
    #[cold]
    #[inline(never)] // speed: rare
    pub(super) fn learn(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        inputs: &[InputSpan],
        scan: u32,
        closing: Closing,
    ) {
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        self.pause = self.next_pause;
        self.next_pause = (2 * self.next_pause + 1).min(MAX_PAUSE);
        if record.len() <= WordBuffer::MAX_LEN {
            self.make(record, tree, inputs, scan, closing);
        }
    }

    /// `None`, and the template as it was, if a wanted value cannot be a slot.
    fn make(
        &mut self,
        record: &[u8],
        tree: &Arc<Tree>,
        inputs: &[InputSpan],
        scan: u32,
        closing: Closing,
    ) -> Option<()> {
        let mut values = values(record);
        for (input, span) in (0..NONE).zip(inputs).filter(|(_, span)| span.scan == scan) {
            if tree.same.iter().any(|&(same, _)| same == input) {
                continue; // it copies the earlier input
            }
            let is = |value: &&mut SampleValue| {
                span.start == value.start - usize::from(value.kind == ValueKind::String)
            };
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
        self.segments.clear();
        self.blocks.clear();
        let mut from = 0;
        for value in values.iter().filter(|value| value.differs || value.input != NONE) {
            self.push(record.get(from..value.start)?, value.kind.slot(value.input), value.input);
            from = value.end;
        }
        self.push(record.get(from..)?, Slot::End, NONE);
        self.brace_from_end = record.len() - closing.brace;
        self.members = closing.members;
        self.sample.clear();
        self.sample.extend_from_slice(record);
        self.values = values;
        self.tree = Some(Arc::clone(tree));
        self.text.get_or_insert_with(|| Box::new(WordBuffer::new()));
        Some(())
    }

    /// Appends a segment. Its text is never empty: a byte stands in front of every value, and behind the last one.
    fn push(&mut self, text: &[u8], slot: Slot, input: u16) {
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
        let recent = RecentNumber::default();
        self.segments.push(Segment {
            blocks,
            first,
            second,
            first_mask,
            second_mask,
            len,
            slot,
            input,
            recent,
        });
    }
}

/// Where the string that goes on at `at` ends, mostly with a quote: the next segment begins with one, and checks it.
#[inline(always)] // speed
fn plain_end(text: &WordBuffer, mut at: usize) -> usize {
    let mut stops = string_stops(text.word(at));
    while stops == 0 {
        at += 8;
        stops = string_stops(text.word(at));
    }
    at + lowest(stops)
}

fn two_words(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    [both as u64, (both >> 64) as u64]
}

/// The strings without escapes and the numbers among the values of a well-formed record, at any depth.
fn values(record: &[u8]) -> Vec<SampleValue> {
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(&byte) = record.get(at) {
        let (start, kind);
        match byte {
            b'"' => {
                start = at + 1;
                kind = ValueKind::String;
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
                    values.push(SampleValue { start, end: at, kind, differs: false, input: NONE });
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                start = at;
                kind = ValueKind::Number;
                let rest = record.get(at..).unwrap_or_default();
                at += rest
                    .iter()
                    .take_while(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
                    .count();
                values.push(SampleValue { start, end: at, kind, differs: false, input: NONE });
            }
            _ => at += 1,
        }
    }
    values
}
