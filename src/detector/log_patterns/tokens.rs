//! A line to words, with what is a number or an id masked.
//!
//! A run of digits is masked, a sign ahead of it and single `. : , - _ / +` between runs included: `10.0.0.1:80`, `12,5`,
//! `2026-11-27` become `<*>`, `blk_-42` becomes `blk_<*>`, `/user/17/items` becomes `/user/<*>/items`. A word that is a hex number as a whole is masked:
//! `0x1f`, 8 or more hex digits with a decimal one among them, `-` between allowed.

use super::{MAX_TEXT, MAX_WORDS, PATH_WORDS, WILDCARD};
use crate::codec::checksum;

/// In place of the hash of a word that is masked as a whole.
pub(super) const VARIES: u32 = 0;

/// The words of one line.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    hashes: Vec<u32>, // at most MAX_WORDS
    /// Of the words that lead to the leaf: a word with any mask in it is one that varies.
    lead: [u32; PATH_WORDS],
    /// The line's first row, as far as its words count.
    row: Vec<u8>,
    /// A word with its masks.
    masked: Vec<u8>,
}

impl Words {
    pub(super) fn read(&mut self, line: &[u8]) {
        self.hashes.clear();
        self.lead = [VARIES; PATH_WORDS];
        let row = line.split(|&b| b == b'\n').next().unwrap_or_default();
        self.row.clear();
        // the text is wanted for a new template only, and its beginning is enough
        self.row.extend_from_slice(row.get(..2 * MAX_TEXT).unwrap_or(row));
        for word in words(row) {
            let is_masked = word.iter().any(u8::is_ascii_digit);
            let hash = if !is_masked {
                hash(word)
            } else {
                mask(word, &mut self.masked);
                if self.masked == WILDCARD.as_bytes() { VARIES } else { hash(&self.masked) }
            };
            if !is_masked && let Some(lead) = self.lead.get_mut(self.hashes.len()) {
                *lead = hash;
            }
            self.hashes.push(hash);
        }
    }

    /// The leaf of the line.
    pub(super) fn path(&self) -> u64 {
        self.lead.iter().fold(self.hashes.len() as u64, |path, &word| mix(path ^ u64::from(word)))
    }

    pub(super) fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// The words with their masks, as text.
    pub(super) fn text(&mut self) -> String {
        let mut text = String::new();
        for word in words(&self.row) {
            mask(word, &mut self.masked);
            text.extend((!text.is_empty()).then_some(' '));
            text.push_str(&String::from_utf8_lossy(&self.masked));
        }
        cut(&mut text);
        text
    }
}

/// Cuts a template's text to the bytes that are kept.
pub(super) fn cut(text: &mut String) {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(end);
}

fn words(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    row.split(|&b| matches!(b, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty()).take(MAX_WORDS)
}

/// The id of a template with these words.
pub(super) fn hash_of_words(words: &[u32]) -> u32 {
    let hash = words.iter().fold(words.len() as u64, |hash, &word| mix(hash ^ u64::from(word)));
    (hash >> 32) as u32
}

/// The hash of a word, never [`VARIES`].
fn hash(word: &[u8]) -> u32 {
    (checksum(0, word) >> 32).max(1) as u32
}

fn mix(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 29
}

/// The word with its masks.
fn mask(word: &[u8], out: &mut Vec<u8>) {
    out.clear();
    if is_hex(word) {
        out.extend_from_slice(WILDCARD.as_bytes());
        return;
    }
    let mut rest = word;
    while let Some(&first) = rest.first() {
        let is_signed = matches!(rest, [b'-' | b'+', digit, ..] if digit.is_ascii_digit());
        if !first.is_ascii_digit() && !is_signed {
            out.push(first);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let digits = rest.iter().skip(1).take_while(|b| b.is_ascii_digit()).count() + 1;
        rest = rest.get(digits..).unwrap_or_default();
        // the run goes on behind one sign that joins numbers
        if let [.., joins] = out[..]
            && is_joint(joins)
            && out.strip_suffix(&[joins]).is_some_and(|before| before.ends_with(WILDCARD.as_bytes()))
        {
            out.pop();
        } else if !out.ends_with(WILDCARD.as_bytes()) {
            out.extend_from_slice(WILDCARD.as_bytes());
        }
    }
}

fn is_joint(b: u8) -> bool {
    matches!(b, b'.' | b':' | b',' | b'-' | b'_' | b'/' | b'+')
}

fn is_hex(word: &[u8]) -> bool {
    if let [b'0', b'x' | b'X', digits @ ..] = word {
        return !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    }
    word.len() >= 8
        && word.iter().all(|&b| b.is_ascii_hexdigit() || b == b'-')
        && word.iter().any(u8::is_ascii_digit)
        && word.first() != Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_masked_and_words_stay() {
        for (word, masked) in [
            ("word", "word"),
            ("17", "<*>"),
            ("-17", "<*>"),
            ("12.5ms", "<*>ms"),
            ("10.0.0.1:80", "<*>"),
            ("2026-11-27T10:00:00,123", "<*>T<*>"),
            ("blk_-1608999687919862906", "blk_<*>"),
            ("/user/17/items/4", "/user/<*>/items/<*>"),
            ("E1234:", "E<*>:"),
            ("0xdeadBEEF", "<*>"),
            ("deadbeef", "deadbeef"),
            ("deadbee1", "<*>"),
            ("123e4567-e89b-12d3-a456-426614174000", "<*>"),
            ("v2", "v<*>"),
            ("a--5", "a-<*>"),
            ("1..2", "<*>..<*>"),
            ("<*>", "<*>"),
        ] {
            let mut out = Vec::new();
            mask(word.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), masked, "{word}");
        }
    }
}
