//! Regular expressions that ask only whether a text matches, in time linear in the text.
//!
//! The expression becomes a position automaton (V. M. Glushkov, "The abstract theory of automata", Russian Mathematical
//! Surveys 16:5, 1961): one state for each character of the expression, no empty moves. The states that are active are the
//! bits of a few words, and each byte of the text moves all of them at once (G. Navarro, M. Raffinot, "New Techniques for
//! Regular Expression Searching", Algorithmica 41, 2005, section 4). So no text and no expression can make it explode: a byte
//! costs at most as many steps as the expression has positions, of which there are at most [`MAX_POSITIONS`].
//!
//! Known are: characters, `.`, `[a-z]`, `[^"]`, `\d \w \s \D \W \S`, `\t \n \r \f \v \xHH`, `( )`, `(?: )`, `(?<name> )`, `|`,
//! `* + ? {n} {n,} {n,m}` and their lazy forms, `^ $ \A \z \b \B`, and `(?i)` at the beginning. Classes are ASCII's. `.` and negated
//! classes match whole characters of UTF-8. Back-references and look-around are refused: they are what makes others explode.
//!
//! The crate `regex-lite` knows more; with it the filter's module is 158 kB larger and needs more than the host's stack of
//! 8 KiB. This makes it 21 kB larger.

mod positions;
mod syntax;

use thiserror::Error;

/// Characters that an expression may have once its repetitions are written out.
const MAX_POSITIONS: usize = 256;

/// A set of bytes, or of positions: a bit each.
type Set = [u64; 4];

/// Why a text is no regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(in crate::record) enum RegexError {
    #[error("it is too large: at most {MAX_POSITIONS} characters with its repetitions written out")]
    TooLarge,
    #[error("there is nothing to repeat here")]
    NothingToRepeat,
    #[error("a repetition is {{n}}, {{n,}} or {{n,m}} with n up to m and at most {MAX_POSITIONS}")]
    BadRepetition,
    #[error("this group is not closed")]
    OpenGroup,
    #[error("this bracket closes no group")]
    StrayGroup,
    #[error("this class is not closed")]
    OpenClass,
    #[error("this range is none: its end must be an ASCII character and stand behind its beginning")]
    BadRange,
    #[error("a negated class holds ASCII characters only")]
    NotAscii,
    #[error(
        "this escape is unknown; allowed: \\d \\w \\s \\D \\W \\S \\b \\B \\A \\z \\t \\n \\r \\f \\v \\xHH (up to 7F), and \\ ahead of a sign"
    )]
    BadEscape,
    #[error("look-around, back-references and flags inside are not supported")]
    Unsupported,
}

/// A regular expression.
#[derive(Debug)]
pub(super) enum Regex {
    /// Of at most 64 positions.
    Small(Box<Automaton<1>>),
    Large(Box<Automaton<4>>),
}

/// The position automaton; a set of positions takes `W` words.
#[derive(Debug)]
pub(super) struct Automaton<const W: usize> {
    matches_empty: bool,
    /// Positions with which a match begins, and ends.
    first: [u64; W],
    last: [u64; W],
    /// The positions that may follow each one.
    follow: Vec<[u64; W]>,
    /// For each byte the positions that it may stand at.
    of_byte: Vec<[u64; W]>, // 256
    /// Positions that take a whole character: bytes of UTF-8 that continue one change nothing.
    wide: [u64; W],
    /// Positions that hold between bytes, in the order of [`Assertion`].
    assertions: [[u64; W]; 4],
    has_assertions: bool,
}

/// What can hold between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assertion {
    Begin = 0,
    End = 1,
    WordEdge = 2,
    NoWordEdge = 3,
}

impl Regex {
    /// Reads an expression; an error comes with its offset.
    pub(super) fn new(pattern: &str, any_case: bool) -> Result<Self, (usize, RegexError)> {
        let (positions, whole) = syntax::parse(pattern, any_case)?;
        Ok(if positions.len() <= 64 {
            Regex::Small(Box::new(positions.automaton(&whole)))
        } else {
            Regex::Large(Box::new(positions.automaton(&whole)))
        })
    }

    /// Whether a part of the text matches.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        match self {
            Regex::Small(automaton) => automaton.is_match(text),
            Regex::Large(automaton) => automaton.is_match(text),
        }
    }
}

impl<const W: usize> Automaton<W> {
    fn is_match(&self, text: &[u8]) -> bool {
        if self.matches_empty {
            return true;
        }
        let mut active = [0; W];
        let mut before = None;
        for &byte in text {
            if self.has_assertions {
                active = self.assert(active, before, Some(byte));
                if meet(&active, &self.last) {
                    return true;
                }
            }
            let here = self.of_byte.get(usize::from(byte)).unwrap_or(&self.first);
            let stays = if is_continuation(byte) { both(&active, &self.wide) } else { [0; W] };
            active = either(&both(&self.next(&active), here), &stays);
            if meet(&active, &self.last) {
                return true;
            }
            before = Some(byte);
        }
        self.has_assertions && meet(&self.assert(active, before, None), &self.last)
    }

    /// The positions that may come now.
    #[inline(always)] // speed
    fn next(&self, active: &[u64; W]) -> [u64; W] {
        let mut next = self.first;
        for (word, &bits) in active.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let position = 64 * word + bits.trailing_zeros() as usize;
                if let Some(follow) = self.follow.get(position) {
                    next = either(&next, follow);
                }
                bits &= bits - 1;
            }
        }
        next
    }

    /// Adds the assertions that hold between two bytes and may come now.
    fn assert(&self, mut active: [u64; W], before: Option<u8>, behind: Option<u8>) -> [u64; W] {
        if behind.is_some_and(is_continuation) {
            return active; // within a character
        }
        let is_edge = before.is_some_and(is_word) != behind.is_some_and(is_word);
        let mut hold =
            self.assertions[if is_edge { Assertion::WordEdge } else { Assertion::NoWordEdge } as usize];
        if before.is_none() {
            hold = either(&hold, &self.assertions[Assertion::Begin as usize]);
        }
        if behind.is_none() {
            hold = either(&hold, &self.assertions[Assertion::End as usize]);
        }
        loop {
            let more = either(&active, &both(&self.next(&active), &hold));
            if more == active {
                return active;
            }
            active = more;
        }
    }
}

#[inline(always)] // speed
fn both<const W: usize>(a: &[u64; W], b: &[u64; W]) -> [u64; W] {
    std::array::from_fn(|n| a[n] & b[n])
}

#[inline(always)] // speed
fn either<const W: usize>(a: &[u64; W], b: &[u64; W]) -> [u64; W] {
    std::array::from_fn(|n| a[n] | b[n])
}

#[inline(always)] // speed
fn meet<const W: usize>(a: &[u64; W], b: &[u64; W]) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b != 0)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
