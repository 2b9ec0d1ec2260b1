//! Conditions: which records count.
//!
//! ```text
//! $level == 'error' and ($code >= 500 or $path matches /^\/api\//) and not $test exists
//! ```
//!
//! The literal decides how the two sides are compared: a number with the number, a text with the text, `true` and `false`
//! with the truth value. A text that is a number counts as that number where it is compared with one, since many parsers of
//! logs leave numbers as texts; a number and a truth value count as the text that stands in the record. A comparison with
//! a field that is missing, null, a map or an array does not hold; `!=` and `not ...` are the opposite of what they negate,
//! so they hold there.
//!
//! # Cost
//! [`Condition::holds`] looks at each test at most once and allocates nothing, but for the scratch that holds a text with
//! escapes. A condition has at most 64 tests; brackets may nest as deep as the text is long, since neither the
//! parser nor the evaluation recurses.

mod cursor;
mod error;
mod parse;
mod regex;
mod test;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use error::ConditionError;
use test::Test;

use super::accessor::Accessor;
use super::value::Value;

/// Tests that a condition may have: comparisons, `exists`, `in` and the like.
const MAX_TESTS: usize = 64;
/// Bytes of a condition's text.
const MAX_LEN: usize = 4096;

/// Where a test leads to when the whole condition holds, or does not.
const HOLDS: u16 = u16::MAX;
const FAILS: u16 = u16::MAX - 1;

/// A condition on the fields of a record.
///
/// ```
/// use fluent_anomaly::{Format, records::{Condition, Extractor, Found}};
///
/// let condition = Condition::parse("$level == 'error' and $code >= 500")?;
/// let extractor = Extractor::new(Format::Json, condition.fields(), &[]);
/// let mut found = Found::default();
/// let mut scratch = Vec::new(); // used again for each record
///
/// let record = br#"{"level":"error","code":503}"#;
/// extractor.scan(record, &mut found)?;
/// assert!(condition.holds(&mut scratch, |field| found.value(record, field)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Condition {
    text: String,
    fields: Vec<Accessor>,
    /// The first one is done first; each names its successor.
    steps: Arc<[Step]>,
}

/// A test of one field, and where to go on.
#[derive(Debug)]
struct Step {
    /// Index in `fields`.
    field: u16,
    test: Test,
    /// Index in `steps`, always a later one, or [`HOLDS`] or [`FAILS`].
    if_true: u16,
    if_false: u16,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`ConditionError`] shows the place with a caret, and says what is allowed there.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        parse::parse(text)
    }

    /// The fields that the condition reads, each one once.
    #[must_use]
    pub fn fields(&self) -> &[Accessor] {
        &self.fields
    }

    /// A field, by its index in [`fields`](Condition::fields), and the text that it must have: without it the condition does
    /// not hold. `None` where it does not begin with such a test.
    #[must_use]
    pub(crate) fn needed_text(&self) -> Option<(usize, &[u8])> {
        let first = self.steps.first().filter(|step| step.if_false == FAILS)?;
        Some((usize::from(first.field), first.test.wanted_text()?))
    }

    /// Whether the condition holds for a record; `get` gives the value of a field by its index in
    /// [`fields`](Condition::fields). `scratch` holds texts with escapes meanwhile.
    #[inline]
    pub fn holds<'a>(&self, scratch: &mut Vec<u8>, get: impl Fn(usize) -> Option<Value<'a>>) -> bool {
        let mut at = 0;
        // each step leads to a later one
        while let Some(step) = self.steps.get(usize::from(at)) {
            let passed = step.test.passes(get(usize::from(step.field)), scratch);
            at = if passed { step.if_true } else { step.if_false };
        }
        at == HOLDS
    }
}

/// The text, as it was given.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Two conditions are equal if their texts are.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
