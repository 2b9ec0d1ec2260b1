//! Tests of one field.

use std::cmp::Ordering;

use super::regex::Regex;
use crate::record::number::parse_f64;
use crate::record::value::Value;

/// A test of one field's value.
#[derive(Debug)]
pub(super) enum Test {
    Equals(Literal),
    Compares { order: Ordering, or_equal: bool, with: Literal },
    Contains(Vec<u8>),
    StartsWith(Vec<u8>),
    Matches(Regex),
    Exists,
    IsIn(Vec<Literal>),
}

/// A value in the text of a condition.
#[derive(Debug, PartialEq)]
pub(super) enum Literal {
    Number(f64),
    Text(Vec<u8>),
    Bool(bool),
}

impl Test {
    /// The only text that passes, where there is just one and nothing but its bytes counts.
    pub(super) fn wanted_text(&self) -> Option<&[u8]> {
        match self {
            Test::Equals(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn passes(&self, value: Option<Value<'_>>, scratch: &mut Vec<u8>) -> bool {
        let Some(value) = value else { return false };
        match self {
            Test::Equals(Literal::Text(text)) => text_of(value, scratch).is_some_and(|value| value == text),
            Test::Equals(literal) => literal.order_of(value, scratch) == Some(Ordering::Equal),
            Test::Compares { order, or_equal, with: Literal::Number(with) }
                if let Value::Number(number) = value =>
            {
                let number = number.to_f64();
                match order {
                    Ordering::Less => number < *with || *or_equal && number == *with,
                    _ => number > *with || *or_equal && number == *with,
                }
            }
            Test::Compares { order, or_equal, with } => match with.order_of(value, scratch) {
                Some(Ordering::Equal) => *or_equal,
                found => found == Some(*order),
            },
            Test::Exists => !matches!(value, Value::Null),
            Test::IsIn(literals) => {
                literals.iter().any(|literal| literal.order_of(value, scratch) == Some(Ordering::Equal))
            }
            Test::Contains(part) => text_of(value, scratch).is_some_and(|text| contains(text, part)),
            Test::StartsWith(start) => text_of(value, scratch).is_some_and(|text| text.starts_with(start)),
            Test::Matches(regex) => text_of(value, scratch).is_some_and(|text| regex.is_match(text)),
        }
    }
}

impl Literal {
    /// How the value compares with the literal; `None` if it does not.
    fn order_of(&self, value: Value<'_>, scratch: &mut Vec<u8>) -> Option<Ordering> {
        match self {
            Literal::Number(number) => match value {
                Value::Number(value) => value.to_f64().partial_cmp(number),
                Value::Text(_) => number_of_text(text_of(value, scratch)?)?.partial_cmp(number),
                _ => None,
            },
            Literal::Text(text) => text_of(value, scratch).map(|value| value.cmp(text)),
            Literal::Bool(truth) => match value {
                Value::Bool(value) => Some(value.cmp(truth)),
                Value::Text(_) => match text_of(value, scratch)? {
                    b"true" => Some(true.cmp(truth)),
                    b"false" => Some(false.cmp(truth)),
                    _ => None,
                },
                _ => None,
            },
        }
    }
}

/// The text of a value that has one.
fn text_of<'a>(value: Value<'a>, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    match value {
        Value::Text(text) => match text.as_plain() {
            Some(plain) => Some(plain),
            None => {
                scratch.clear();
                text.append_to(scratch);
                Some(scratch)
            }
        },
        Value::Number(number) => match number.text() {
            Some(text) => Some(text.as_bytes()),
            None => {
                scratch.clear();
                number.append_to(scratch);
                Some(scratch)
            }
        },
        Value::Bool(true) => Some(b"true"),
        Value::Bool(false) => Some(b"false"),
        _ => None,
    }
}

/// The number that a text is as a whole, in JSON's notation; a `+` and zeros ahead are allowed.
pub(super) fn number_of_text(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !unsigned.first()?.is_ascii_digit() || !unsigned.iter().all(is_part) {
        return None;
    }
    Some(parse_f64(text)).filter(|number| !number.is_nan())
}

/// Whether `part` is in `text`.
fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some((&first, others)) = part.split_first() else { return true };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| b == first) {
        rest = rest.get(at + 1..).unwrap_or_default();
        if rest.starts_with(others) {
            return true;
        }
    }
    false
}
