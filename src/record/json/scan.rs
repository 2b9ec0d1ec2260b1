//! The scan: one pass over the text checks the whole JSON grammar (RFC 8259) and notes the wanted values.
//!
//! A string may hold any bytes of 0x80 and above: hosts pass raw bytes in records. The grammar allows half a surrogate
//! pair in an escape. A level of nesting costs a bit, not a call.

use std::sync::Arc;

use super::escape::{escape_len, stands_for, surrogate_pair};
use super::printed::may_need_mending;
use super::template::Closing;
use crate::record::format::{Format, MAX_DEPTH, NotARecord, Why};
use crate::record::found::{Found, OpenNode};
use crate::record::number::parse_f64;
use crate::record::swar::{WordReader, long_plain_end, lowest, non_digits, string_stops, up_to};
use crate::record::tree::{KEY_WORD, NONE, Node, ROOT, Tree, key_word};
use crate::record::value::Span;

const OBJECT: u64 = 1;
const ARRAY: u64 = 0;

/// `":` as a loaded word, the quote lowest.
const QUOTE_COLON: u16 = u16::from_le_bytes(*b"\":");

const LITERALS: [&[u8]; 3] = [b"true", b"false", b"null"];

/// Scans a record for the names of the tree.
pub(in crate::record) fn scan(
    record: &[u8],
    tree: &Arc<Tree>,
    inputs: usize,
    found: &mut Found,
) -> Result<(), NotARecord> {
    found.next_scan(Format::Json, record.len());
    if let Some(closing) = found.template.match_record(record, tree, &mut found.inputs, found.scan) {
        found.finish(tree, closing.brace, closing.members);
        found.needs_mending = false;
        return Ok(());
    }
    scan_whole(record, tree, inputs, found)
}

#[inline(never)] // speed: keeps the match of the template small
fn scan_whole(record: &[u8], tree: &Arc<Tree>, inputs: usize, found: &mut Found) -> Result<(), NotARecord> {
    if found.is_for_checks && found.template.misses() && !may_need_mending(record) {
        found.needs_mending = false;
        return Ok(());
    }
    found.begin(Format::Json, inputs, record.len());
    let outcome = walk(record, tree, found);
    if outcome.is_err() {
        found.forget();
    } else if found.replaced.is_empty() && !found.needs_mending {
        let closing = Closing { brace: found.edge, members: found.members };
        found.template.learn(record, tree, &found.inputs, found.scan, closing);
    }
    outcome
}

/// Reads member after member. Each step is inlined, so that all state stays in locals of one function.
#[inline(always)] // speed
fn walk(record: &[u8], tree: &Tree, found: &mut Found) -> Result<(), NotARecord> {
    let text = WordReader::new(record);
    let mut at = first_member(&text)?;
    if text.byte(at) == b'}' {
        return finish(&text, tree, found, at, 0);
    }
    let mut nesting = Nesting::of_record(tree);
    loop {
        let mut child = NONE;
        if nesting.in_object {
            (at, child) = member_name(&text, at, nesting.here, &mut found.needs_mending)?;
        } else if let Some(here) = nesting.here {
            child = here.element(nesting.index);
            nesting.index += 1;
        }

        let mut byte = text.byte(at);
        if byte <= b' ' {
            at = text.skip_space(at);
            byte = text.byte(at);
        }
        let start = at;
        let mut escaped = false;
        let mut is_empty = false; // a container without members begins
        let behind; // the byte behind the value
        if byte == b'"' {
            (at, escaped) = string_end(&text, at, &mut found.needs_mending)?;
            behind = text.byte(at);
        } else if byte.wrapping_sub(b'0') <= 9 || byte == b'-' {
            (at, behind) = number_end(&text, at, byte, &mut found.needs_mending)?;
        } else if byte == b'{' || byte == b'[' {
            nesting.open(found, child, start, byte)?;
            at = text.skip_space(at + 1);
            behind = text.byte(at);
            is_empty = matches!(behind, b'}' | b']');
            if !is_empty {
                continue;
            }
        } else {
            at = literal_end(record, at)?;
            behind = text.byte(at);
        }
        if !is_empty {
            if child != NONE
                && let Some(wanted) = tree.node(child)
            {
                found.record_scalar(wanted, Span { start, end: at, escaped });
            }
            if behind == b',' {
                at += 1;
                continue;
            }
        }
        match close_containers(&text, at, is_empty, &mut nesting, found)? {
            Next::Member(next) => at = next,
            Next::End(brace) => return finish(&text, tree, found, brace, 1),
        }
    }
}

/// Offset of the first byte inside of the record's braces.
#[inline(always)] // speed
fn first_member(text: &WordReader<'_>) -> Result<usize, NotARecord> {
    let at = text.skip_space(0);
    match text.byte(at) {
        b'{' => Ok(text.skip_space(at + 1)),
        _ if at >= text.bytes.len() => Err(Why::Truncated.at(at)),
        _ => Err(Why::NotAnObject.at(at)),
    }
}

/// The containers that are open at the current byte, and the innermost one whose members may be wanted.
struct Nesting<'t> {
    tree: &'t Tree,
    /// Open containers, the record included.
    depth: usize,
    /// Object or array of up to 64 of them, the innermost lowest.
    bits: u64,
    /// Whether the innermost one is an object.
    in_object: bool,
    /// Depth of the innermost container whose members may be wanted.
    wanted_depth: usize,
    /// The node of that container.
    node: u16,
    /// The same node, if that container is the innermost of all.
    here: Option<&'t Node>,
    /// The current element, if that container is an array.
    index: u32,
}

impl<'t> Nesting<'t> {
    /// Inside of the record's own braces.
    #[inline(always)] // speed
    fn of_record(tree: &'t Tree) -> Self {
        let here = tree.node(ROOT);
        Self { tree, depth: 1, bits: OBJECT, in_object: true, wanted_depth: 1, node: ROOT, here, index: 0 }
    }

    /// Enters the container that begins at `start` with `byte` and is the node `child`.
    #[inline(always)] // speed
    fn open(&mut self, found: &mut Found, child: u16, start: usize, byte: u8) -> Result<(), NotARecord> {
        if self.depth == MAX_DEPTH {
            return Err(Why::TooDeep.at(start));
        }
        if self.depth.is_multiple_of(64)
            && let Some(slot) = found.outer_bits.get_mut(self.depth / 64)
        {
            *slot = self.bits;
        }
        self.depth += 1;
        self.in_object = byte == b'{';
        self.bits = self.bits << 1 | if self.in_object { OBJECT } else { ARRAY };
        self.here = self.tree.node(child);
        if let Some(here) = self.here {
            found.forget_inner(here);
            found.open_nodes.push(OpenNode { outer: self.node, outer_index: self.index, start });
            self.wanted_depth = self.depth;
            self.node = child;
            self.index = 0;
        }
        Ok(())
    }

    /// Leaves the innermost container, which ends at `end`; it is not the record itself.
    #[inline(always)] // speed
    fn close(&mut self, found: &mut Found, end: usize) {
        self.bits >>= 1;
        if self.depth.is_multiple_of(64) {
            self.bits = found.outer_bits.get(self.depth / 64).copied().unwrap_or(self.bits);
        }
        self.in_object = self.bits & 1 == OBJECT;
        if self.depth < self.wanted_depth
            && let Some(open) = found.open_nodes.pop()
        {
            if let Some(wanted) = self.tree.node(self.node) {
                found.record_value(wanted, Span { start: open.start, end, escaped: false });
            }
            self.wanted_depth = self.depth;
            self.node = open.outer;
            self.index = open.outer_index;
        }
        if self.depth == self.wanted_depth {
            self.here = self.tree.node(self.node);
        }
    }
}

/// Reads `"name":` at `at`; returns the offset behind the colon, and the node of the name.
#[inline(always)] // speed
fn member_name(
    text: &WordReader<'_>,
    mut at: usize,
    here: Option<&Node>,
    needs_mending: &mut bool,
) -> Result<(usize, u16), NotARecord> {
    let record = text.bytes;
    let mut word = text.word(at);
    if word as u8 != b'"' {
        at = text.skip_space(at);
        word = text.word(at);
        if word as u8 != b'"' {
            return Err(unexpected(record, at));
        }
    }
    let start = at + 1;
    let first = word >> 8; // seven bytes of the name; the eighth, a zero, ends it
    let stops = string_stops(first);
    let mut end = start + lowest(stops);
    if end == start + KEY_WORD {
        end = text.plain_end(end);
    }
    if text.word(end) as u16 == QUOTE_COLON {
        let child = here.map_or(NONE, |here| here.key(up_to(first, stops), record, start, end));
        return Ok((end + 2, child));
    }
    let escaped = text.byte(end) != b'"';
    if escaped {
        end = escaped_end(record, end, needs_mending)?;
    }
    at = text.skip_space(end + 1);
    if text.byte(at) != b':' {
        return Err(unexpected(record, at));
    }
    let name = record.get(start..end).unwrap_or_default();
    let child = match here {
        Some(here) if escaped => here.key_where(|wanted| stands_for(name, wanted)),
        Some(here) => here.key(key_word(name), record, start, end),
        None => NONE,
    };
    Ok((at + 1, child))
}

/// Offset behind the string that begins at `at`, and whether it has escapes.
#[inline(always)] // speed
fn string_end(
    text: &WordReader<'_>,
    at: usize,
    needs_mending: &mut bool,
) -> Result<(usize, bool), NotARecord> {
    let end = text.plain_end(at + 1);
    if text.byte(end) == b'"' {
        return Ok((end + 1, false));
    }
    Ok((escaped_end(text.bytes, end, needs_mending)? + 1, true))
}

/// What follows a value and the brackets behind it.
enum Next {
    /// A member or an element, from this offset on.
    Member(usize),
    /// Nothing: the record's closing brace stands at this offset.
    End(usize),
}

/// Reads the brackets behind a value, up to the next comma; `is_empty`: `at` is the end of a container without members.
#[inline(always)] // speed
fn close_containers(
    text: &WordReader<'_>,
    mut at: usize,
    mut is_empty: bool,
    nesting: &mut Nesting<'_>,
    found: &mut Found,
) -> Result<Next, NotARecord> {
    loop {
        let byte = text.byte(at);
        if byte == b',' && !is_empty {
            return Ok(Next::Member(at + 1));
        }
        if byte <= b' ' {
            let behind = text.skip_space(at);
            if behind == at {
                return Err(unexpected(text.bytes, at));
            }
            at = behind;
            continue;
        }
        if byte != if nesting.in_object { b'}' } else { b']' } {
            return Err(unexpected(text.bytes, at));
        }
        nesting.depth -= 1;
        if nesting.depth == 0 {
            return Ok(Next::End(at));
        }
        at += 1;
        is_empty = false;
        nesting.close(found, at);
    }
}

/// The record's closing brace stands at `brace`: only white space may follow.
#[inline(always)] // speed
fn finish(
    text: &WordReader<'_>,
    tree: &Tree,
    found: &mut Found,
    brace: usize,
    members: u32,
) -> Result<(), NotARecord> {
    let behind = brace + 1;
    if behind < text.bytes.len() {
        let behind = text.skip_space(behind);
        if behind < text.bytes.len() {
            return Err(Why::Trailing.at(behind));
        }
    }
    found.finish(tree, brace, members);
    Ok(())
}

#[cold]
fn unexpected(record: &[u8], at: usize) -> NotARecord {
    if at >= record.len() { Why::Truncated.at(record.len()) } else { Why::Unexpected.at(at) }
}

/// Offset of the closing quote of a string whose plain part ends at `at`.
#[inline(never)] // speed: rare
fn escaped_end(bytes: &[u8], mut at: usize, needs_mending: &mut bool) -> Result<usize, NotARecord> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => return Ok(at),
            Some(b'\\') => match escape_len(rest) {
                0 => return Err(bad_escape(rest, at)),
                len => {
                    *needs_mending |= surrogate_pair(rest).is_some();
                    at = long_plain_end(bytes, at + len);
                }
            },
            Some(_) => return Err(Why::ControlCharacter.at(at)),
            None => return Err(Why::Truncated.at(bytes.len())),
        }
    }
}

#[cold]
fn bad_escape(rest: &[u8], at: usize) -> NotARecord {
    let is_begin = match rest {
        [_] => true,
        [_, b'u', digits @ ..] => digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    };
    if is_begin { Why::Truncated.at(at + rest.len()) } else { Why::BadEscape.at(at) }
}

/// Offset behind the number that begins at `at` with `byte`, a digit or a minus, and the byte at that offset.
#[inline(always)] // speed
fn number_end(
    text: &WordReader<'_>,
    mut at: usize,
    byte: u8,
    needs_mending: &mut bool,
) -> Result<(usize, u8), NotARecord> {
    let mut first = byte;
    if first == b'-' {
        at += 1;
        first = text.byte(at);
        if !first.is_ascii_digit() {
            return Err(bad_number(text.bytes, at));
        }
    }
    let marks = non_digits(text.word(at));
    let mut end = if marks != 0 { at + lowest(marks) } else { text.digits_end(at + 8) };
    if first == b'0' && end != at + 1 {
        return Err(bad_number(text.bytes, end));
    }
    let mut byte = text.byte(end);
    if byte == b'.' {
        let point = end;
        let more = marks & marks.wrapping_sub(1); // without the point's mark
        end = if more != 0 { at + lowest(more) } else { text.digits_end(point + 1) };
        if end == point + 1 {
            return Err(bad_number(text.bytes, end));
        }
        byte = text.byte(end);
    }
    if byte | 0x20 == b'e' {
        let signed = matches!(text.byte(end + 1), b'+' | b'-');
        let from = end + 1 + usize::from(signed);
        end = text.digits_end(from);
        if end == from {
            return Err(bad_number(text.bytes, end));
        }
        byte = text.byte(end);
        *needs_mending |=
            (end - from >= LONG_EXPONENT || end - at >= LONG_NUMBER) && is_beyond_range(text.bytes, at, end);
    } else if end - at >= LONG_NUMBER {
        *needs_mending |= is_beyond_range(text.bytes, at, end);
    }
    Ok((end, byte))
}

/// Digits of an exponent, and bytes of a number, below which it is within the range of floats.
const LONG_EXPONENT: usize = 3;
const LONG_NUMBER: usize = 200;

/// Whether the number that ends at `end`, its sign aside, is larger than the largest float.
#[cold]
#[inline(never)] // speed: rare
fn is_beyond_range(record: &[u8], start: usize, end: usize) -> bool {
    record.get(start..end).is_some_and(|number| parse_f64(number).is_infinite())
}

#[cold]
fn bad_number(bytes: &[u8], at: usize) -> NotARecord {
    if at >= bytes.len() { Why::Truncated.at(bytes.len()) } else { Why::BadNumber.at(at) }
}

/// Offset behind `true`, `false` or `null`.
#[inline(never)] // speed: rare
fn literal_end(record: &[u8], at: usize) -> Result<usize, NotARecord> {
    let rest = record.get(at..).unwrap_or_default();
    match LITERALS.iter().find(|literal| rest.starts_with(literal)) {
        Some(literal) => Ok(at + literal.len()),
        None if LITERALS.iter().any(|literal| literal.starts_with(rest)) => {
            Err(Why::Truncated.at(record.len()))
        }
        None => Err(Why::Unexpected.at(at)),
    }
}
