//! Which template a log line follows: a tree of fixed depth (P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing
//! Approach with Fixed Depth Tree", ICWS 2017) in bounded memory.
//!
//! | paper | here |
//! |---|---|
//! | preprocessing by expressions of each data set | numbers, ids, paths, times, dates and sizes are masked by rule (`tokens`) |
//! | tree: number of words, then the first words | one sorted list by a hash of the number of words and the first [`PATH_WORDS`] of them |
//! | `simSeq`, equation 1: equal words over all words | equal words over those that the template has fixed; what is equal only up to a mask does not count |
//! | `st` | [`SIMILARITY`] |
//! | each word that differs varies from then on | not a word that was the same in [`SETTLED`] lines: the other word begins a new template |
//!
//! A line goes to the most similar template of its leaf, and where a word differs, the template has `<*>` from then on. Where none
//! is similar enough, the line begins a new template. The last rule of the table tells `backup failed` behind a hundred lines of
//! `backup succeeded`, while names that vary from the beginning lead to one template. The id of a template is a hash of its first line, masked: it stays the same
//! over restarts, and mostly also where the state was lost.
//!
//! Beyond [`MAX_PATTERNS`] the template that was not seen for the longest time is forgotten. Of a line the first
//! [`MAX_WORDS`] words of its first row count, and no more than [`MAX_LINE`] bytes.

mod date_names;
mod masks;
mod row_words;
mod saved;
mod tokens;
mod units;

use tokens::Words;

/// Templates that are known at a time.
pub(crate) const MAX_PATTERNS: usize = 1000;
/// Bytes of a line that count.
const MAX_LINE: usize = 4096;
/// Words of a line that count.
const MAX_WORDS: usize = 64;
/// Bytes of a template's text that are kept.
const MAX_TEXT: usize = 400;
/// Words that lead to a leaf.
const PATH_WORDS: usize = 2;
/// At least this share of a template's fixed words is equal in a line that follows it.
const SIMILARITY: f64 = 0.75;
/// A word that was the same in so many lines is no name that happens to vary late.
const SETTLED: u32 = 100;
/// Stands for what varies.
const WILDCARD: &str = "<*>";

/// The templates of a stream of lines.
///
/// ```
/// use fluent_anomaly::detectors::LogPatterns;
///
/// let mut patterns = LogPatterns::default();
/// let first = patterns.observe(b"login of ann from 10.0.0.1 in 12 ms");
/// let second = patterns.observe(b"login of bob from 10.0.0.7 in 9 ms");
/// assert!(first.is_new && !second.is_new && first.id == second.id);
/// assert_eq!(patterns.template(second.place), "login of <*> from <*> in <*>");
/// ```
#[derive(Debug, Clone, Default)]
pub struct LogPatterns {
    /// In the order in which they came, but that a new one takes the place of a forgotten one.
    patterns: Vec<Pattern>,
    /// Path and place of each, in ascending order.
    leaves: Vec<(u64, u16)>,
    /// Lines so far.
    lines: u64,
    /// Templates that were forgotten.
    forgotten: u64,
    /// The words of the line at hand.
    words: Words,
}

/// One template.
#[derive(Debug, Clone, PartialEq)]
struct Pattern {
    id: u32,
    path: u64,
    /// Hashes of its words; [`tokens::VARIES`] for a wildcard.
    words: Box<[u32]>, // at most MAX_WORDS
    /// How many lines have followed it, up to [`SETTLED`].
    lines: u32,
    /// Its words, each followed by a blank but the last; a long one is cut.
    text: Box<str>, // at most MAX_TEXT bytes
    /// Number of the last line that followed it.
    last_line: u64,
}

impl Pattern {
    /// A line follows it; `number`: of that line.
    #[inline(always)] // speed
    fn follows(&mut self, number: u64) {
        self.last_line = number;
        self.lines += u32::from(self.lines < SETTLED);
    }

    /// Where a word of a line differs, it varies from now on.
    #[cold]
    #[inline(never)] // speed
    fn widen(&mut self, words: &[u32]) {
        for (n, (ours, theirs)) in self.words.iter_mut().zip(words).enumerate() {
            if *ours != tokens::VARIES && ours != theirs {
                *ours = tokens::VARIES;
                self.text = with_wildcard(&self.text, n);
            }
        }
    }
}

/// A template that the line at hand may follow.
#[derive(Debug, Clone, Copy)]
struct Similar {
    place: u16,
    /// All its fixed words are those of the line.
    is_equal: bool,
}

/// The template of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinePattern {
    /// Names the template; never 0.
    pub id: u32,
    /// For [`LogPatterns::template`], until the next line comes.
    pub place: u16,
    /// The line began it.
    pub is_new: bool,
    /// It was begun or has a wildcard more: what is saved has changed.
    pub is_changed: bool,
}

impl LogPatterns {
    /// Templates that are known at a time.
    pub const MOST: usize = MAX_PATTERNS;

    /// Bytes that templates take at most.
    pub const MAX_BYTES: usize = size_of::<Self>()
        + 2 * MAX_PATTERNS * (size_of::<Pattern>() + size_of::<(u64, u16)>())
        + MAX_PATTERNS * (MAX_WORDS * size_of::<u32>() + MAX_TEXT)
        + 2 * MAX_LINE;

    /// The part of a line that counts: [`observe`](Self::observe) finds the same for it as for the whole line.
    #[must_use]
    pub fn relevant(line: &[u8]) -> &[u8] {
        row_words::first_row(line.get(..MAX_LINE).unwrap_or(line))
    }

    /// A line that follows the template at this place and changes nothing of it: the same as [`observe`](Self::observe) of
    /// that line.
    pub(crate) fn follow_again(&mut self, place: u16) {
        self.lines += 1;
        if let Some(pattern) = self.patterns.get_mut(usize::from(place)) {
            pattern.follows(self.lines);
        }
    }

    /// Finds the template of a line, or begins one.
    pub fn observe(&mut self, line: &[u8]) -> LinePattern {
        self.observe_relevant(Self::relevant(line))
    }

    /// The same for the [`relevant`](Self::relevant) part of a line.
    pub(crate) fn observe_relevant(&mut self, row: &[u8]) -> LinePattern {
        self.lines += 1;
        self.words.read(row);
        let path = self.words.path();
        let start = self.leaves.partition_point(|&(leaf, _)| leaf < path);
        match self.most_similar(path, start) {
            Some(similar) => self.follow(similar),
            None => self.begin(path, row),
        }
    }

    /// The text of a template, `<*>` where it varies.
    #[must_use]
    pub fn template(&self, place: u16) -> &str {
        self.patterns.get(usize::from(place)).map_or("", |pattern| &pattern.text)
    }

    /// The text of the template with this id.
    #[must_use]
    pub fn template_of(&self, id: u32) -> Option<&str> {
        self.patterns.iter().find(|pattern| pattern.id == id).map(|pattern| &*pattern.text)
    }

    /// Templates that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether no line has come yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Lines so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Templates that were forgotten because too many others came.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The template of a leaf that the line at hand may follow; `start`: where the leaf begins.
    fn most_similar(&self, path: u64, start: usize) -> Option<Similar> {
        let words = self.words.hashes();
        let mut best = None;
        // the larger share of equal words, then the fewer wildcards; the older one of two alike
        let (mut best_share, mut best_fixed) = (0.0, 0);
        for &(leaf, place) in self.leaves.get(start..).unwrap_or_default() {
            if leaf != path {
                break;
            }
            let Some(pattern) = self.patterns.get(usize::from(place)) else { break };
            if pattern.words.len() != words.len() {
                continue; // another path with the same hash
            }
            let (mut equal, mut differing, mut are_plain) = (0u32, 0u32, tokens::PLAIN);
            for (ours, theirs) in pattern.words.iter().zip(words) {
                if ours == theirs {
                    equal += ours & tokens::PLAIN;
                } else if *ours != tokens::VARIES {
                    differing += 1;
                    are_plain &= ours & theirs;
                }
            }
            if differing > 0 && are_plain != 0 && pattern.lines >= SETTLED {
                continue;
            }
            let fixed = equal + differing;
            let share = if differing == 0 { 1.0 } else { f64::from(equal) / f64::from(fixed) };
            let is_better = share > best_share || (share == best_share && fixed > best_fixed);
            if share >= SIMILARITY && (best.is_none() || is_better) {
                best = Some(Similar { place, is_equal: differing == 0 });
                (best_share, best_fixed) = (share, fixed);
            }
        }
        best
    }

    fn follow(&mut self, Similar { place, is_equal }: Similar) -> LinePattern {
        let Some(pattern) = self.patterns.get_mut(usize::from(place)) else {
            return LinePattern { id: 0, place, is_new: false, is_changed: false };
        };
        pattern.follows(self.lines);
        if !is_equal {
            pattern.widen(self.words.hashes());
        }
        LinePattern { id: pattern.id, place, is_new: false, is_changed: !is_equal }
    }

    #[cold]
    #[inline(never)] // stack
    fn begin(&mut self, path: u64, row: &[u8]) -> LinePattern {
        let words: Box<[u32]> = self.words.hashes().into();
        let mut id = tokens::hash_of_words(&words).max(1);
        while self.patterns.iter().any(|pattern| pattern.id == id) {
            id = id.checked_add(1).unwrap_or(1);
        }
        let text = self.words.text(row).into();
        let pattern = Pattern { id, path, words, lines: 1, text, last_line: self.lines };
        let place = if self.patterns.len() < MAX_PATTERNS {
            self.patterns.push(pattern);
            self.patterns.len() - 1
        } else {
            let oldest = self.patterns.iter().enumerate().min_by_key(|(_, pattern)| pattern.last_line);
            let place = oldest.map_or(0, |(place, _)| place);
            self.leaves.retain(|&(_, of)| usize::from(of) != place);
            self.forgotten += 1;
            if let Some(slot) = self.patterns.get_mut(place) {
                *slot = pattern;
            }
            place
        } as u16;
        let at = self.leaves.partition_point(|&leaf| leaf < (path, place));
        self.leaves.insert(at, (path, place));
        LinePattern { id, place, is_new: true, is_changed: true }
    }
}

/// The text with its n-th word replaced; a word that was cut off stays so.
fn with_wildcard(text: &str, n: usize) -> Box<str> {
    let mut out = String::with_capacity(text.len());
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        out.push_str(if at == n { WILDCARD } else { word });
    }
    tokens::cut(&mut out);
    out.into()
}

#[cfg(test)]
mod tests;
