//! The scan: one pass over the text, which checks the whole JSON grammar (RFC 8259) and notes wanted values.
//!
//! Bytes of 0x80 and above are taken as they come inside of strings: hosts pass raw bytes in records. Half a
//! surrogate pair in an escape is within the grammar. Nesting costs a bit a level, not a call.

use super::escape::{escape_len, stands_for};
use crate::record::found::{Found, Frame, Span};
use crate::record::tree::{NONE, ROOT, Tree};
use crate::record::words::{below, first_word, last_word, lowest, non_digits, string_stops};
use crate::record::{Format, MAX_DEPTH, NotARecord, Why};

const OBJECT: u64 = 1;
const ARRAY: u64 = 0;

const LITERALS: [&[u8]; 3] = [b"true", b"false", b"null"];

/// Scans a record for the names of the tree.
pub(in crate::record) fn scan(
    record: &[u8],
    tree: &Tree,
    inputs: usize,
    found: &mut Found,
) -> Result<(), NotARecord> {
    found.begin(Format::Json, inputs, record.len());
    let outcome = walk(record, tree, found);
    if outcome.is_err() {
        found.forget();
    }
    outcome
}

#[inline(always)]
fn walk(record: &[u8], tree: &Tree, found: &mut Found) -> Result<(), NotARecord> {
    let last = last_word(record);
    let place = |rest: &[u8]| record.len() - rest.len();
    let unexpected = |rest: &[u8]| {
        if rest.is_empty() { Why::Truncated.at(record.len()) } else { Why::Unexpected.at(place(rest)) }
    };

    let mut rest = skip_space(record);
    match rest.split_first() {
        Some((b'{', inside)) => rest = skip_space(inside),
        Some(_) => return Err(Why::NotAnObject.at(place(rest))),
        None => return Err(Why::Truncated.at(record.len())),
    }
    let is_empty = rest.first() == Some(&b'}');

    let mut depth = 1; // open containers
    let mut kinds = OBJECT; // of the innermost up to 64, the innermost lowest
    let mut wanted_depth = 1; // of the innermost container whose members may be wanted
    let mut node = ROOT; // that container
    let mut index = 0; // of the current element, if that container is an array
    let mut member = !is_empty; // a member follows, not the end of the container

    loop {
        if member {
            let mut child = NONE;
            if kinds & 1 == OBJECT {
                let Some((b'"', key)) = rest.split_first() else { return Err(unexpected(rest)) };
                let word = first_word(key, last);
                let stops = string_stops(word);
                let (word, mut len) = if stops != 0 {
                    (below(word, stops), lowest(stops))
                } else {
                    (word, plain_len(key, 8, last))
                };
                let mut escaped = false;
                if key.get(len) != Some(&b'"') {
                    len = whole_len(key, len, last).map_err(|error| error.behind(place(key)))?;
                    escaped = true;
                }
                let (key, behind) = key.split_at_checked(len).unwrap_or_default();
                if depth == wanted_depth
                    && let Some(node) = tree.node(node)
                {
                    child = if escaped {
                        node.key_where(|first, second| stands_for(key, first, second))
                    } else {
                        node.key(word, key)
                    };
                }
                // behind starts with the quote
                rest = match behind {
                    [_, b':', value @ ..] => skip_space(value),
                    [_, other @ ..] => match skip_space(other) {
                        [b':', value @ ..] => skip_space(value),
                        other => return Err(unexpected(other)),
                    },
                    [] => return Err(unexpected(behind)),
                };
            } else if depth == wanted_depth
                && let Some(node) = tree.node(node)
            {
                child = node.element(index);
            }

            let start = place(rest);
            let mut escaped = false;
            match rest.split_first() {
                Some((b'"', text)) => {
                    let mut len = plain_len(text, 0, last);
                    if text.get(len) != Some(&b'"') {
                        len = whole_len(text, len, last).map_err(|error| error.behind(place(text)))?;
                        escaped = true;
                    }
                    rest = text.get(len + 1..).unwrap_or_default();
                }
                Some((b'-' | b'0'..=b'9', _)) => {
                    let len = number_len(rest, last).map_err(|error| error.behind(start))?;
                    rest = rest.get(len..).unwrap_or_default();
                }
                Some((&open @ (b'{' | b'['), inside)) => {
                    if depth == MAX_DEPTH {
                        return Err(Why::TooDeep.at(start));
                    }
                    if depth % 64 == 0
                        && let Some(slot) = found.kinds.get_mut(depth / 64)
                    {
                        *slot = kinds;
                    }
                    depth += 1;
                    kinds = kinds << 1 | if open == b'{' { OBJECT } else { ARRAY };
                    if let Some(inner) = tree.node(child) {
                        found.renew(inner);
                        found.frames.push(Frame { outer: node, outer_index: index, start });
                        wanted_depth = depth;
                        node = child;
                        index = 0;
                    }
                    rest = skip_space(inside);
                    member = !matches!(rest.first(), Some(b'}' | b']'));
                    continue;
                }
                Some((b't' | b'f' | b'n', _)) => {
                    let literal = LITERALS.iter().find(|literal| rest.starts_with(literal));
                    let Some(len) = literal.map(|literal| literal.len()) else {
                        return Err(bad_literal(rest).behind(start));
                    };
                    rest = rest.get(len..).unwrap_or_default();
                }
                _ => return Err(unexpected(rest)),
            }
            if let Some(wanted) = tree.node(child) {
                found.renew(wanted);
                found.note(wanted, Span { start, end: place(rest), escaped });
            }
        }

        // behind a member, or in an empty container
        loop {
            rest = skip_space(rest);
            match rest.split_first() {
                Some((b',', more)) if member => {
                    rest = skip_space(more);
                    index = index.wrapping_add(u32::from(depth == wanted_depth));
                    break;
                }
                Some((&close @ (b'}' | b']'), behind)) if (close == b'}') == (kinds & 1 == OBJECT) => {
                    depth -= 1;
                    if depth == 0 {
                        let edge = place(rest);
                        let behind = skip_space(behind);
                        if !behind.is_empty() {
                            return Err(Why::Trailing.at(place(behind)));
                        }
                        found.finish(tree, edge, u32::from(!is_empty));
                        return Ok(());
                    }
                    kinds >>= 1;
                    if depth % 64 == 0 {
                        kinds = found.kinds.get(depth / 64).copied().unwrap_or(kinds);
                    }
                    rest = behind;
                    if depth < wanted_depth
                        && let Some(frame) = found.frames.pop()
                    {
                        if let Some(wanted) = tree.node(node) {
                            found.note(wanted, Span { start: frame.start, end: place(rest), escaped: false });
                        }
                        wanted_depth = depth;
                        node = frame.outer;
                        index = frame.outer_index;
                    }
                    member = true; // the closed container was one
                }
                _ => return Err(unexpected(rest)),
            }
        }
    }
}

/// Index of the first quote, backslash or control character from `from` on; `text.len()` or more if none comes.
#[inline(always)]
fn plain_len(text: &[u8], from: usize, last: u64) -> usize {
    let mut rest = text.get(from..).unwrap_or_default();
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let stops = string_stops(u64::from_le_bytes(*chunk));
        if stops != 0 {
            return text.len() - rest.len() + lowest(stops);
        }
        rest = behind;
    }
    // the padding with zeros stops at the end
    text.len() - rest.len() + lowest(string_stops(first_word(rest, last)))
}

/// Index of the closing quote of a string that has something else than plain text at `at`.
fn whole_len(text: &[u8], mut at: usize, last: u64) -> Result<usize, NotARecord> {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => return Ok(at),
            Some(b'\\') => match escape_len(rest) {
                0 => return Err(bad_escape(rest).at(at)),
                len => at = plain_len(text, at + len, last),
            },
            Some(_) => return Err(Why::ControlCharacter.at(at)),
            None => return Err(Why::Truncated.at(text.len())),
        }
    }
}

#[cold]
fn bad_escape(rest: &[u8]) -> Why {
    let is_begin = match rest {
        [_] => true,
        [_, b'u', digits @ ..] => digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    };
    if is_begin { Why::Truncated } else { Why::BadEscape }
}

/// Length of the number that `text` begins with; offsets in errors count from there.
#[inline(always)]
fn number_len(text: &[u8], last: u64) -> Result<usize, NotARecord> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text.get(sign..).unwrap_or_default();
    let word = first_word(digits, last);
    let marks = non_digits(word);
    let whole = if marks != 0 { lowest(marks) } else { digits_end(digits, 8, last) };
    if whole == 0 || (whole > 1 && digits.first() == Some(&b'0')) {
        return Err(bad_number(text, sign + whole));
    }
    let mut len = whole;
    if digits.get(len) == Some(&b'.') {
        let more = marks & marks.wrapping_sub(1); // without the point's
        len = if more != 0 { lowest(more) } else { digits_end(digits, whole + 1, last) };
        if len == whole + 1 {
            return Err(bad_number(text, sign + len));
        }
    }
    if let Some(b'e' | b'E') = digits.get(len) {
        let signed = matches!(digits.get(len + 1), Some(b'+' | b'-'));
        let from = len + 1 + usize::from(signed);
        len = digits_end(digits, from, last);
        if len == from {
            return Err(bad_number(text, sign + len));
        }
    }
    Ok(sign + len)
}

/// Index of the first byte from `from` on that is no digit.
#[inline]
fn digits_end(text: &[u8], from: usize, last: u64) -> usize {
    let mut at = from;
    loop {
        let marks = non_digits(first_word(text.get(at..).unwrap_or_default(), last));
        if marks != 0 {
            return at + lowest(marks);
        }
        at += 8;
    }
}

#[cold]
fn bad_number(text: &[u8], at: usize) -> NotARecord {
    if at == text.len() { Why::Truncated.at(at) } else { Why::BadNumber.at(at) }
}

#[cold]
fn bad_literal(rest: &[u8]) -> NotARecord {
    let is_begin = LITERALS.iter().any(|literal| literal.starts_with(rest));
    if is_begin { Why::Truncated.at(rest.len()) } else { Why::Unexpected.at(0) }
}

/// `text` behind its white space.
#[inline(always)]
fn skip_space(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(&byte) if byte <= b' ' => skip_more_space(text),
        _ => text,
    }
}

#[inline(never)]
fn skip_more_space(mut text: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\n' | b'\t' | b'\r', rest)) = text.split_first() {
        text = rest;
    }
    text
}
