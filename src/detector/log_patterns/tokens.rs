//! A line to words, with what is a number or an id masked.
//!
//! | masked | example | becomes |
//! |---|---|---|
//! | a run of digits, a sign ahead of it and single `. : , - _ / +` between runs included | `10.0.0.1:80`, `blk_-42`, `/user/17` | `<*>`, `blk_<*>`, `/user/<*>` |
//! | a hex number or id: `0x1f`, 8 or more hex digits with `-` between, a decimal one and a letter among them | `@0x7fed`, `[9bc0-..-1f2d]` | `@<*>`, `[<*>]` |
//! | the unit of a time or a size behind a number, and the same once more in brackets | `12 ms`, `1.5s`, `9 (8.8 KB)` | `<*>` |
//! | the name of a month or a day of the week ahead of a number | `Sat Jun 18` | `<*> <*> <*>` |
//! | a path: a word that begins with `/` and has another one | `/var/log/x` | `<*>` |

use super::date_names::{DateName, name_of_date};
use super::masks::{is_path, mask, put_mask};
use super::row_words::RowWords;
use super::{MAX_TEXT, PATH_WORDS, WILDCARD};
use crate::codec::checksum;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
