//! Escapes of JSON strings, read and written.

use crate::record::swar::{first_word, last_word, lowest, string_stops};

/// Length of the escape that `text` begins with, 0 if it is none that JSON knows.
pub(super) fn escape_len(text: &[u8]) -> usize {
    match text {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
        [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|h| h.is_ascii_hexdigit()) => 6,
        _ => 0,
    }
}

/// The escape of the character with this number.
pub(super) fn escape_of(byte: u8) -> [u8; 6] {
    [b'\\', b'u', b'0', b'0', hex_digit(byte >> 4), hex_digit(byte & 15)]
}

/// 0..=15 as a digit.
fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

/// The 16 bits of the `\uXXXX` that `text` begins with.
fn unit(text: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = text else { return None };
    let digits = digits.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))
}

/// The character of the two escapes that `text` begins with, if they are the halves of a surrogate pair.
pub(super) fn surrogate_pair(text: &[u8]) -> Option<char> {
    let high = unit(text).filter(|high| (0xd800..0xdc00).contains(high))?;
    let low = text.get(6..).and_then(unit).filter(|low| (0xdc00..0xe000).contains(low))?;
    char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
}

/// The character of the escape that `text` begins with, and the escape's length (two escapes for a pair of
/// surrogates). Half a pair is U+FFFD.
fn character(text: &[u8]) -> (char, usize) {
    let simple = match text.get(1) {
        Some(b'u') => None,
        Some(b'b') => Some('\u{8}'),
        Some(b'f') => Some('\u{c}'),
        Some(b'n') => Some('\n'),
        Some(b'r') => Some('\r'),
        Some(b't') => Some('\t'),
        Some(&other) => Some(char::from(other)),
        None => Some(char::REPLACEMENT_CHARACTER),
    };
    if let Some(simple) = simple {
        return (simple, 2);
    }
    match surrogate_pair(text) {
        Some(character) => (character, 12),
        None => (unit(text).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
    }
}

/// Calls `piece` with the unescaped text, piece by piece, until it returns false. `text` is the checked inside
/// of a string.
fn unescape(text: &[u8], mut piece: impl FnMut(&[u8]) -> bool) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.iter().position(|&b| b == b'\\').unwrap_or(rest.len());
        let (head, tail) = rest.split_at(plain);
        if !piece(head) {
            return false;
        }
        rest = tail;
        if !rest.is_empty() {
            let (character, len) = character(rest);
            if !piece(character.encode_utf8(&mut [0; 4]).as_bytes()) {
                return false;
            }
            rest = rest.get(len..).unwrap_or_default();
        }
    }
    true
}

/// Appends the text that the inside of a string stands for.
pub(in crate::record) fn append_unescaped(text: &[u8], out: &mut Vec<u8>) {
    unescape(text, |piece| {
        out.extend_from_slice(piece);
        true
    });
}

/// Whether the inside of a string stands for `wanted`.
pub(super) fn stands_for(text: &[u8], wanted: &[u8]) -> bool {
    let mut wanted = wanted.iter();
    unescape(text, |piece| piece.iter().all(|byte| wanted.next() == Some(byte))) && wanted.next().is_none()
}

/// Appends a text as JSON string, quotes included. Only what must be escaped is.
pub(super) fn append_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    let last = last_word(rest);
    let mut plain = 0;
    while plain < rest.len() {
        let ahead = rest.get(plain..).unwrap_or_default();
        let stops = string_stops(first_word(ahead, last));
        if stops == 0 {
            plain += 8;
            continue;
        }
        plain += lowest(stops);
        let Some(&stop) = rest.get(plain) else { break };
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        match stop {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', stop]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(&escape_of(control)),
        }
        rest = rest.get(plain + 1..).unwrap_or_default();
        plain = 0;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
