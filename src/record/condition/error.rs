//! Why a text is no condition.

use std::fmt;

use thiserror::Error;

use super::regex::RegexError;
use super::{MAX_LEN, MAX_TESTS};
use crate::record::accessor::AccessorError;

/// Why a text is no condition, and where. `Display` shows the text with a caret below the place.
///
/// ```
/// use fluent_anomaly::records::Condition;
/// assert_eq!(
///     Condition::parse("$level == error").unwrap_err().to_string(),
///     "`error` stands where a value is wanted: 'text', a number, true or false (texts need quotes)\n\
///      \x20   $level == error\n\
///      \x20             ^"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    /// On one line.
    text: String,
    column: usize,
    problem: Box<Problem>,
}

impl ConditionError {
    /// `at`: the place, an offset.
    pub(super) fn new(text: &str, at: usize, problem: Problem) -> Self {
        let column = text.get(..at).unwrap_or(text).chars().count() + 1;
        let text = text.replace(char::is_control, " ");
        Self { text, column, problem: Box::new(problem) }
    }

    /// The place in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.problem)?;
        writeln!(f, "    {}", self.text)?;
        let width = self.text.chars().take(self.column - 1).map(width_of).sum::<usize>();
        write!(f, "    {:width$}^", "")
    }
}

/// Columns that a terminal gives a character: none to one that joins the one before it, two to the scripts of East Asia and to
/// pictures.
fn width_of(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

impl std::error::Error for ConditionError {}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Problem {
    #[error("a condition is wanted, for example: $level == 'error' and $code >= 500")]
    Empty,
    #[error("a condition has at most {MAX_LEN} bytes, this one {0}")]
    TooLong(usize),
    #[error(
        "a condition has at most {MAX_TESTS} tests: this is one more; `in (...)` takes any number of values"
    )]
    TooManyTests,
    #[error("{} where a test is wanted: $field, `not` or `(`{}", stands(.0), field_hint(.0))]
    NoTest(String),
    #[error("{} where a comparison is wanted: ==, !=, <, <=, >, >=, contains, starts with, matches, exists, in{}", stands(.0), operator_hint(.0))]
    NoOperator(String),
    #[error("{} where `and`, `or` or the end is wanted{}", stands(.0), join_hint(.0))]
    NoJoin(String),
    #[error("{} where a value is wanted: 'text', a number, true or false (texts need quotes){}", stands(.0), value_hint(.0))]
    NoValue(String),
    #[error("{} where a text in quotes is wanted", stands(.0))]
    NoText(String),
    #[error("{} where `with` is wanted: starts with 'text'", stands(.0))]
    NoWith(String),
    #[error("{} where a list is wanted: in ('a', 'b')", stands(.0))]
    NoList(String),
    #[error("{} where `,` or `)` is wanted", stands(.0))]
    OpenList(String),
    #[error("{} where a regular expression between slashes is wanted: matches /^5../", stands(.0))]
    NoRegex(String),
    #[error("`{0}` stands behind a regular expression: only `i` is allowed there, for letters of any case")]
    RegexFlag(String),
    #[error("this text has no closing quote; a quote inside is written twice")]
    OpenText,
    #[error("this regular expression has no closing slash; a slash inside is written \\/")]
    OpenRegex,
    #[error("this bracket is not closed")]
    OpenBracket,
    #[error("this bracket closes none")]
    StrayBracket,
    #[error("{0}")]
    Accessor(AccessorError),
    #[error("{0}")]
    Dotted(String),
    #[error("regular expression: {0}")]
    Regex(RegexError),
}

/// `found`: the word at a place, empty at the end.
fn stands(found: &str) -> String {
    if found.is_empty() { "the text ends".to_owned() } else { format!("`{found}` stands") }
}

fn field_hint(found: &str) -> &'static str {
    match found {
        "!" => "; write `not`",
        "'" | "\"" | "true" | "false" => "; the field comes first: $level == 'error'",
        _ if found.starts_with(|c: char| c.is_ascii_digit()) => "; the field comes first: $code >= 500",
        _ if found.starts_with(char::is_alphabetic) => " (a field begins with $)",
        _ => "",
    }
}

fn operator_hint(found: &str) -> &'static str {
    match found {
        "=" => "; write ==",
        "~" | "=~" | "~=" => "; write matches /.../",
        "<>" => "; write !=",
        "is" => "; write == or exists",
        _ => "",
    }
}

fn value_hint(found: &str) -> &'static str {
    match found.to_ascii_lowercase().as_str() {
        "null" | "nil" | "none" => "; of a missing field or null: not $field exists",
        _ => "",
    }
}

fn join_hint(found: &str) -> &'static str {
    match found {
        "&" | "&&" => "; write `and`",
        "|" | "||" => "; write `or`",
        _ => "",
    }
}
