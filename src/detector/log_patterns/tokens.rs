//! A line to words, with what is a number or an id masked.
//!
//! | masked | example | becomes |
//! |---|---|---|
//! | a run of digits, a sign ahead of it and single `. : , - _ / +` between runs included | `10.0.0.1:80`, `blk_-42`, `/user/17` | `<*>`, `blk_<*>`, `/user/<*>` |
//! | a hex number or id: `0x1f`, 8 or more hex digits with `-` between, a decimal one and a letter among them | `@0x7fed`, `[9bc0-..-1f2d]` | `@<*>`, `[<*>]` |
//! | the unit of a time or a size behind a number, and the same once more in brackets | `12 ms`, `1.5s`, `9 (8.8 KB)` | `<*>` |
//! | the name of a month or a day of the week ahead of a number | `Sat Jun 18` | `<*> <*> <*>` |
//! | a path: a word that begins with `/` and has another one | `/var/log/x` | `<*>` |

use super::{MAX_TEXT, MAX_WORDS, PATH_WORDS, WILDCARD};
use crate::codec::checksum;
use crate::record::{WordReader, blanks_and_controls, lowest, marks_between};

/// Shorter runs of hex digits without `0x` are no ids.
const LEAST_HEX: usize = 8;
/// Longer ones are not either.
const MAX_HEX: usize = 128;

/// In place of the hash of a word that is masked as a whole.
pub(super) const VARIES: u32 = 0;
/// The bit of a hash that says that the word has no mask in it.
pub(super) const PLAIN: u32 = 1;

/// The words of one line.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    hashes: Vec<u32>, // at most MAX_WORDS
    /// Of the words that lead to the leaf: a word with any mask in it is one that varies.
    lead: [u32; PATH_WORDS],
    /// A word with its masks.
    masked: Vec<u8>,
}

impl Words {
    pub(super) fn read(&mut self, row: &[u8]) {
        self.hashes.clear();
        self.lead = [VARIES; PATH_WORDS];
        let mut words = RowWords::new(row);
        let mut before: [&[u8]; 2] = [b""; 2];
        while let Some(word) = words.next() {
            let hash = if word.has_digit || is_path(word.text) {
                if word.text.first().is_some_and(u8::is_ascii_digit) {
                    self.mask_names_of_dates(before);
                }
                self.hash_masked(word.text)
            } else {
                self.hash_plain(word.text)
            };
            self.hashes.push(hash);
            before = [before[1], word.text];
        }
    }

    /// A number comes behind these two words: `Jun`, and `Sat` ahead of it, vary as it does.
    #[inline(never)] // speed
    fn mask_names_of_dates(&mut self, [second, last]: [&[u8]; 2]) {
        let masks = match (name_of_date(second), name_of_date(last)) {
            (_, None) => return,
            (Some(DateName::Weekday), Some(DateName::Month)) => 2,
            _ => 1,
        };
        let from = self.hashes.len().saturating_sub(masks);
        for hash in self.hashes.iter_mut().skip(from) {
            *hash = VARIES;
        }
        for lead in self.lead.iter_mut().take(self.hashes.len()).skip(from) {
            *lead = VARIES;
        }
    }

    #[inline(always)] // speed
    fn hash_plain(&mut self, word: &[u8]) -> u32 {
        let hash = hash(word) | PLAIN;
        // a name with several dots is that of a host, a class or a file: it leads nowhere
        if let Some(lead) = self.lead.get_mut(self.hashes.len())
            && word.iter().filter(|&&b| b == b'.').count() < 2
        {
            *lead = hash;
        }
        hash
    }

    #[inline(never)] // speed
    fn hash_masked(&mut self, word: &[u8]) -> u32 {
        mask(word, &mut self.masked);
        if self.masked == WILDCARD.as_bytes() { VARIES } else { (hash(&self.masked) & !PLAIN).max(2) }
    }

    /// The leaf of the line.
    pub(super) fn path(&self) -> u64 {
        self.lead.iter().fold(self.hashes.len() as u64, |path, &word| mix(path ^ u64::from(word)))
    }

    pub(super) fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// The words of the row that was read, with their masks, as text.
    pub(super) fn text(&mut self, row: &[u8]) -> String {
        let mut text = String::new();
        // its beginning is enough
        let mut words = RowWords::new(row.get(..2 * MAX_TEXT).unwrap_or(row));
        let mut hashes = self.hashes.iter();
        while let Some(word) = words.next() {
            if hashes.next() == Some(&VARIES) {
                self.masked.clear();
                put_mask(&mut self.masked);
            } else {
                mask(word.text, &mut self.masked);
            }
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

/// What stands between blanks.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a [u8],
    has_digit: bool,
}

/// The words of a row that count, without the units of numbers.
struct RowWords<'a> {
    row: WordReader<'a>,
    at: usize,
    /// So many more count.
    left: usize,
    is_behind_number: bool,
}

impl<'a> RowWords<'a> {
    #[inline(always)] // speed
    fn new(row: &'a [u8]) -> Self {
        Self { row: WordReader::new(row), at: 0, left: MAX_WORDS, is_behind_number: false }
    }

    #[inline(always)] // speed
    fn next(&mut self) -> Option<Word<'a>> {
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
    matches!(
        unit,
        b"ns"
            | b"us"
            | b"ms"
            | b"s"
            | b"sec"
            | b"secs"
            | b"second"
            | b"seconds"
            | b"m"
            | b"min"
            | b"minutes"
            | b"h"
            | b"B"
            | b"kB"
            | b"KB"
            | b"MB"
            | b"GB"
            | b"TB"
            | b"KiB"
            | b"MiB"
            | b"GiB"
    )
}

/// A word that belongs to a date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DateName {
    Weekday,
    Month,
}

/// The name of a month or a day of the week, or its first three letters; marks around it do not matter.
#[inline(always)] // speed
fn name_of_date(word: &[u8]) -> Option<DateName> {
    let word = match word {
        [b'[' | b'(', word @ ..] => word,
        word => word,
    };
    // most words end here
    if word.first().is_some_and(u8::is_ascii_uppercase) { longer_name_of_date(word) } else { None }
}

#[inline(never)] // speed: rare
fn longer_name_of_date(word: &[u8]) -> Option<DateName> {
    let word = match word {
        [word @ .., b',' | b'.'] => word,
        word => word,
    };
    let (short, others) = word.split_first_chunk::<3>()?;
    let (rest, name): (&[u8], _) = match short {
        b"Mon" | b"Fri" | b"Sun" => (b"day", DateName::Weekday),
        b"Tue" => (b"sday", DateName::Weekday),
        b"Wed" => (b"nesday", DateName::Weekday),
        b"Thu" => (b"rsday", DateName::Weekday),
        b"Sat" => (b"urday", DateName::Weekday),
        b"Jan" => (b"uary", DateName::Month),
        b"Feb" => (b"ruary", DateName::Month),
        b"Mar" => (b"ch", DateName::Month),
        b"Apr" => (b"il", DateName::Month),
        b"May" => (b"", DateName::Month),
        b"Jun" => (b"e", DateName::Month),
        b"Jul" => (b"y", DateName::Month),
        b"Aug" => (b"ust", DateName::Month),
        b"Sep" => (b"tember", DateName::Month),
        b"Oct" => (b"ober", DateName::Month),
        b"Nov" | b"Dec" => (b"ember", DateName::Month),
        _ => return None,
    };
    (others.is_empty() || others == rest).then_some(name)
}

#[inline(always)] // speed
fn is_path(word: &[u8]) -> bool {
    matches!(word, [b'/', rest @ ..] if rest.contains(&b'/'))
}

/// The id of a template with these words.
pub(super) fn hash_of_words(words: &[u32]) -> u32 {
    let hash = words.iter().fold(words.len() as u64, |hash, &word| mix(hash ^ u64::from(word)));
    (hash >> 32) as u32
}

#[inline(always)] // speed
fn hash(word: &[u8]) -> u32 {
    (checksum(0, word) >> 32) as u32
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
        // shorter ones are none
        let hex = if is_begin && (rest.len() >= LEAST_HEX || first == b'0') { hex_len(rest) } else { 0 };
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
        || len >= LEAST_HEX
            && number.iter().any(u8::is_ascii_digit)
            && number.iter().any(u8::is_ascii_alphabetic);
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
            ("Jun 14 15:16:01 combo sshd", "<*> <*> <*> combo sshd"),
            ("[Sun Dec 04 04:47:44 2005] [error]", "<*> <*> <*> <*> <*>] [error]"),
            ("at Monday, November 27 in May or may 5", "at <*> <*> <*> in May or may <*>"),
            ("Marching 7 on", "Marching <*> on"),
            ("7 s s", "<*> s"),
        ] {
            words.read(line.as_bytes());
            assert_eq!(words.text(line.as_bytes()), text, "{line}");
            assert_eq!(words.hashes().len(), text.split(' ').count());
        }
    }

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
