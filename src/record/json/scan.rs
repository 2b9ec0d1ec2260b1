//! The scan: one pass over the text, which checks the whole JSON grammar (RFC 8259) and notes wanted values.
//!
//! Bytes of 0x80 and above are taken as they come inside of strings: hosts pass raw bytes in records. Half a
//! surrogate pair in an escape is within the grammar. Nesting costs a bit a level, not a call.

use std::sync::Arc;

use super::escape::{escape_len, stands_for};
use super::padded::{Padded, long_plain_end};
use super::template::Outline;
use crate::record::found::{Found, Frame, Span};
use crate::record::tree::{KEY_WORD, NONE, ROOT, Tree, key_word};
use crate::record::words::{lowest, non_digits, string_stops, up_to};
use crate::record::{Format, MAX_DEPTH, NotARecord, Why};

const OBJECT: u64 = 1;
const ARRAY: u64 = 0;

/// `":` as it is loaded, the quote lowest.
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
    if let Some(outline) = found.shape.fits(record, tree, &mut found.places, found.scan) {
        found.finish(tree, outline.edge, outline.members);
        return Ok(());
    }
    scan_whole(record, tree, inputs, found)
}

#[inline(never)]
fn scan_whole(record: &[u8], tree: &Arc<Tree>, inputs: usize, found: &mut Found) -> Result<(), NotARecord> {
    found.begin(Format::Json, inputs, record.len());
    let outcome = walk(record, tree, found);
    if outcome.is_err() {
        found.forget();
    } else if found.replaced.is_empty() {
        let outline = Outline { edge: found.edge, members: found.members };
        found.shape.learn(record, tree, &found.places, found.scan, outline);
    }
    outcome
}

#[inline(always)]
fn walk(record: &[u8], tree: &Tree, found: &mut Found) -> Result<(), NotARecord> {
    let text = Padded::new(record);
    let mut at = text.skip_space(0);
    match text.byte(at) {
        b'{' => at = text.skip_space(at + 1),
        _ if at >= record.len() => return Err(Why::Truncated.at(at)),
        _ => return Err(Why::NotAnObject.at(at)),
    }
    if text.byte(at) == b'}' {
        return finish(&text, tree, found, at, 0);
    }

    let mut depth = 1; // open containers
    let mut kinds = OBJECT; // of the innermost up to 64, the innermost lowest
    let mut in_object = true; // the same for the innermost
    let mut wanted_depth = 1; // of the innermost container whose members may be wanted
    let mut node = ROOT; // that container
    let mut here = tree.node(ROOT); // the same, if it is the innermost
    let mut index = 0; // of the current element, if that container is an array

    'members: loop {
        let mut child = NONE;
        if in_object {
            let mut word = text.word(at);
            if word as u8 != b'"' {
                at = text.skip_space(at);
                word = text.word(at);
                if word as u8 != b'"' {
                    return Err(unexpected(record, at));
                }
            }
            let start = at + 1;
            let first = word >> 8; // seven bytes of the key; the eighth, a zero, stops
            let stops = string_stops(first);
            let mut end = start + lowest(stops);
            if end == start + KEY_WORD {
                end = text.plain_end(end);
            }
            if text.word(end) as u16 == QUOTE_COLON {
                at = end + 2;
                if let Some(here) = here {
                    child = here.key(up_to(first, stops), record, start, end);
                }
            } else {
                let escaped = text.byte(end) != b'"';
                if escaped {
                    end = whole_end(record, end)?;
                }
                at = text.skip_space(end + 1);
                if text.byte(at) != b':' {
                    return Err(unexpected(record, at));
                }
                at += 1;
                let key = record.get(start..end).unwrap_or_default();
                match here {
                    Some(here) if escaped => child = here.key_where(|wanted| stands_for(key, wanted)),
                    Some(here) => child = here.key(key_word(key), record, start, end),
                    None => {}
                }
            }
        } else if let Some(here) = here {
            child = here.element(index);
            index += 1;
        }

        let mut byte = text.byte(at);
        if byte <= b' ' {
            at = text.skip_space(at);
            byte = text.byte(at);
        }
        let start = at;
        let mut is_empty = false; // a container was just opened that has no members
        let mut escaped = false;
        let behind; // the byte behind the value
        if byte == b'"' {
            at = text.plain_end(at + 1);
            if text.byte(at) != b'"' {
                at = whole_end(record, at)?;
                escaped = true;
            }
            at += 1;
            behind = text.byte(at);
        } else if byte.wrapping_sub(b'0') <= 9 || byte == b'-' {
            (at, behind) = number_end(&text, at, byte)?;
        } else if byte == b'{' || byte == b'[' {
            if depth == MAX_DEPTH {
                return Err(Why::TooDeep.at(at));
            }
            if depth % 64 == 0
                && let Some(slot) = found.kinds.get_mut(depth / 64)
            {
                *slot = kinds;
            }
            depth += 1;
            in_object = byte == b'{';
            kinds = kinds << 1 | if in_object { OBJECT } else { ARRAY };
            here = tree.node(child);
            if let Some(here) = here {
                found.renew(here);
                found.frames.push(Frame { outer: node, outer_index: index, start });
                wanted_depth = depth;
                node = child;
                index = 0;
            }
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
                found.note_scalar(wanted, Span { start, end: at, escaped });
            }
            if behind == b',' {
                at += 1;
                continue;
            }
        }

        loop {
            let byte = text.byte(at);
            if byte == b',' && !is_empty {
                at += 1;
                continue 'members;
            }
            if byte <= b' ' {
                let behind = text.skip_space(at);
                if behind == at {
                    return Err(unexpected(record, at));
                }
                at = behind;
                continue;
            }
            if byte != if in_object { b'}' } else { b']' } {
                return Err(unexpected(record, at));
            }
            depth -= 1;
            if depth == 0 {
                return finish(&text, tree, found, at, 1);
            }
            at += 1;
            is_empty = false;
            kinds >>= 1;
            if depth % 64 == 0 {
                kinds = found.kinds.get(depth / 64).copied().unwrap_or(kinds);
            }
            in_object = kinds & 1 == OBJECT;
            if depth < wanted_depth
                && let Some(frame) = found.frames.pop()
            {
                if let Some(wanted) = tree.node(node) {
                    found.note(wanted, Span { start: frame.start, end: at, escaped: false });
                }
                wanted_depth = depth;
                node = frame.outer;
                index = frame.outer_index;
            }
            if depth == wanted_depth {
                here = tree.node(node);
            }
        }
    }
}

/// The record's closing brace stands at `edge`: only white space may follow.
#[inline(always)]
fn finish(
    text: &Padded<'_>,
    tree: &Tree,
    found: &mut Found,
    edge: usize,
    members: u32,
) -> Result<(), NotARecord> {
    let behind = edge + 1;
    if behind < text.bytes.len() {
        let behind = text.skip_space(behind);
        if behind < text.bytes.len() {
            return Err(Why::Trailing.at(behind));
        }
    }
    found.finish(tree, edge, members);
    Ok(())
}

#[cold]
fn unexpected(record: &[u8], at: usize) -> NotARecord {
    if at >= record.len() { Why::Truncated.at(record.len()) } else { Why::Unexpected.at(at) }
}

/// Place of the closing quote of a string that has something else than plain text at `at`.
#[inline(never)]
fn whole_end(bytes: &[u8], mut at: usize) -> Result<usize, NotARecord> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => return Ok(at),
            Some(b'\\') => match escape_len(rest) {
                0 => return Err(bad_escape(rest, at)),
                len => at = long_plain_end(bytes, at + len),
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

/// Place behind the number that begins at `at` with `byte`, a digit or a minus, and the byte that stands there.
#[inline(always)]
fn number_end(text: &Padded<'_>, mut at: usize, byte: u8) -> Result<(usize, u8), NotARecord> {
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
        let more = marks & marks.wrapping_sub(1); // without the point's
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
    }
    Ok((end, byte))
}

#[cold]
fn bad_number(bytes: &[u8], at: usize) -> NotARecord {
    if at >= bytes.len() { Why::Truncated.at(bytes.len()) } else { Why::BadNumber.at(at) }
}

/// Place behind `true`, `false` or `null`.
#[inline(never)]
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
