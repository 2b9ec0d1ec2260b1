//! A line to words, with what is a number or an id masked.
//!
//! | masked | example | becomes |
//! |---|---|---|
//! | a run of digits, a sign ahead of it and single `. : , - _ / +` between runs included | `10.0.0.1:80`, `blk_-42`, `/user/17` | `<*>`, `blk_<*>`, `/user/<*>` |
//! | a hex number or id: `0x1f`, 8 or more hex digits with `-` between, a decimal one and a letter among them | `@0x7fed`, `[9bc0-..-1f2d]` | `@<*>`, `[<*>]` |
//! | the unit of a time or a size behind a number, and the same once more in brackets | `12 ms`, `1.5s`, `9 (8.8 KB)` | `<*>` |
//! | a path: a word that begins with `/` and has another one | `/var/log/x` | `<*>` |

use super::{MAX_TEXT, MAX_WORDS, PATH_WORDS, WILDCARD};
use crate::codec::checksum;

/// Longer runs of hex digits are no ids.
const MAX_HEX: usize = 128;

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
    pub(super) fn read(&mut self, row: &[u8]) {
        self.hashes.clear();
        self.lead = [VARIES; PATH_WORDS];
        self.row.clear();
        // the text is wanted for a new template only, and its beginning is enough
        self.row.extend_from_slice(row.get(..2 * MAX_TEXT).unwrap_or(row));
        for word in words(row) {
            let is_masked = is_path(word) || word.iter().any(u8::is_ascii_digit);
            let hash = if !is_masked {
                hash(word)
            } else {
                mask(word, &mut self.masked);
                if self.masked == WILDCARD.as_bytes() { VARIES } else { hash(&self.masked) }
            };
            // a name with several dots is that of a host, a class or a file: it leads nowhere
            if !is_masked
                && let Some(lead) = self.lead.get_mut(self.hashes.len())
                && word.iter().filter(|&&b| b == b'.').count() < 2
            {
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
            // no host has trouble with the text: not with control characters either
            let word = String::from_utf8_lossy(&self.masked);
            text.extend(word.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }));
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
    let split = row.split(|&b| matches!(b, b' ' | b'\t' | b'\r'));
    let mut rest = split.filter(|word| !word.is_empty()).peekable();
    let mut is_behind_number = false;
    let next = move || loop {
        let word = rest.next()?;
        if std::mem::take(&mut is_behind_number) && is_unit(word) {
            continue;
        }
        if let [b'(', number @ ..] = word
            && is_number(number)
            && rest.next_if(|next| next.strip_suffix(b")").is_some_and(is_unit)).is_some()
        {
            continue;
        }
        is_behind_number = is_number(word);
        return Some(word);
    };
    std::iter::from_fn(next).take(MAX_WORDS)
}

/// A number that a unit may follow, whatever stands ahead of it but letters.
fn is_number(word: &[u8]) -> bool {
    word.last().is_some_and(u8::is_ascii_digit) && !word.iter().any(u8::is_ascii_alphabetic)
}

/// A unit of time or size, and a mark of punctuation behind it.
fn is_unit(word: &[u8]) -> bool {
    let unit = match word {
        [unit @ .., b',' | b'.' | b';'] => unit,
        unit => unit,
    };
    unit.len() <= 7 && UNITS.iter().any(|known| known.as_bytes() == unit)
}

const UNITS: [&str; 21] = [
    "ns", "us", "ms", "s", "sec", "secs", "second", "seconds", "m", "min", "minutes", "h", "B", "kB", "KB",
    "MB", "GB", "TB", "KiB", "MiB", "GiB",
];

fn is_path(word: &[u8]) -> bool {
    matches!(word, [b'/', rest @ ..] if rest.contains(&b'/'))
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
    if is_path(word) {
        return put_mask(out);
    }
    let mut rest = word;
    while let Some((&first, behind)) = rest.split_first() {
        let is_begin = !out.last().is_some_and(u8::is_ascii_alphanumeric);
        let hex = if is_begin { hex_len(rest) } else { 0 };
        if hex > 0 {
            rest = rest.get(hex..).unwrap_or_default();
            put_mask(out);
            continue;
        }
        let is_signed =
            matches!(rest, [b'-' | b'+', digit, ..] if digit.is_ascii_digit()) && hex_len(behind) == 0;
        if !first.is_ascii_digit() && !is_signed {
            out.push(first);
            rest = behind;
            continue;
        }
        let digits = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = behind.get(digits..).unwrap_or_default();
        let letters = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if rest.get(..letters).is_some_and(|unit| is_begin && is_unit(unit)) {
            rest = rest.get(letters..).unwrap_or_default();
        }
        put_mask(out);
    }
}

/// Masks what comes next, unless it goes on what is masked, be it behind one sign that joins numbers.
fn put_mask(out: &mut Vec<u8>) {
    if let [.., joins] = out[..]
        && is_joint(joins)
        && out.strip_suffix(&[joins]).is_some_and(|before| before.ends_with(WILDCARD.as_bytes()))
    {
        out.pop();
    } else if !out.ends_with(WILDCARD.as_bytes()) {
        out.extend_from_slice(WILDCARD.as_bytes());
    }
}

fn is_joint(b: u8) -> bool {
    matches!(b, b'.' | b':' | b',' | b'-' | b'_' | b'/' | b'+')
}

/// Bytes of the hex number or id that the text begins with; 0 where it begins with none.
fn hex_len(text: &[u8]) -> usize {
    let (prefix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] => (2, digits),
        digits => (0, digits),
    };
    let is_part = |b: &u8| b.is_ascii_hexdigit() || prefix == 0 && *b == b'-';
    let mut len = digits.iter().take(MAX_HEX + 1).take_while(|b| is_part(b)).count();
    while len > 0 && digits.get(len - 1) == Some(&b'-') {
        len -= 1;
    }
    let number = digits.get(..len).unwrap_or_default();
    let is_id = prefix > 0
        || len >= 8 && number.iter().any(u8::is_ascii_digit) && number.iter().any(u8::is_ascii_alphabetic);
    let ends = !digits.get(len).is_some_and(u8::is_ascii_alphanumeric);
    if len > 0 && len <= MAX_HEX && is_id && ends { prefix + len } else { 0 }
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
            ("12.5ms", "<*>"),
            ("1m30s,", "<*>,"),
            ("5meters", "<*>meters"),
            ("10.0.0.1:80", "<*>"),
            ("2026-11-27T10:00:00,123", "<*>T<*>"),
            ("blk_-1608999687919862906", "blk_<*>"),
            ("/user/17/items/4", "<*>"),
            ("/user17", "/user<*>"),
            ("to:/user/17", "to:/user/<*>"),
            ("@0x7fed875eb5d", "@<*>"),
            ("[b9000564-fe1a-409b-b8cc-1e88b294cd1d]", "[<*>]"),
            ("id-1e88b294-0017", "id-<*>"),
            ("2016/9/28:16:00:46.213", "<*>"),
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

    #[test]
    fn a_unit_belongs_to_its_number_and_so_does_the_same_number_in_brackets() {
        let mut words = Words::default();
        for (line, text) in [
            ("done in 12 ms, slept <1 sec", "done in <*> slept <<*>"),
            ("sent 850 bytes (1.11 KB) to 3 s", "sent <*> bytes to <*>"),
            ("(10.2 KB of) s 17", "(<*> of) s <*>"),
            ("took 5 seconds of min 3 a", "took <*> of min <*> a"),
            ("(5 KB", "(<*>"),
            ("7 s s", "<*> s"),
        ] {
            words.read(line.as_bytes());
            assert_eq!(words.text(), text, "{line}");
            assert_eq!(words.hashes().len(), text.split(' ').count());
        }
    }
}
