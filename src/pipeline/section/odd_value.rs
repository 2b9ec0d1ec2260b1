//! Values that are no number, and times that are no number of seconds.

use crate::bank::Observation;
use crate::record::{Text, Unit, Value};
use crate::time::Time;

/// A record whose value is no number, or whose time is no number of seconds.
pub(in crate::pipeline) enum OddValue {
    /// It counts as a number: the observation, and the key of its series in the buffer.
    Point(Observation),
    /// There is nothing to score, and nothing wrong with that.
    Missing,
    /// It lacks a field of the key: no series is its own.
    NoKey,
    /// It should be a number and is something else.
    NotANumber(&'static str),
    /// The value is fine, but the time cannot be read: the error.
    UnreadableTime(String),
}

/// What a value is that should be a finite number.
pub(in crate::pipeline) fn kind_of(value: Value<'_>) -> &'static str {
    match value {
        Value::Number(number) if number.to_f64().is_finite() => "beyond 1e100",
        Value::Number(_) => "NaN or infinite",
        Value::Text(_) => "a text",
        Value::Bool(_) => "a truth value",
        Value::Array => "an array",
        _ => "a map",
    }
}

/// The finite number that a text is, as parsers of hosts give it that know no types, and numbers with units; else what
/// it is.
#[cold]
#[inline(never)] // stack
pub(in crate::pipeline) fn number_of_text(text: Text<'_>, unit: Option<Unit>) -> Result<f64, &'static str> {
    let mut bytes = Vec::new();
    text.append_to(&mut bytes);
    let Ok(text) = std::str::from_utf8(bytes.trim_ascii()) else { return Err("a text") };
    let is_number =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = if is_number { text.parse().ok() } else { unit.and_then(|unit| unit.read(text)) };
    match number.filter(|number: &f64| number.is_finite()) {
        Some(number) => Ok(number),
        None if unit.is_none() && Unit::of(text).is_some() => {
            Err("a text with a unit (the key `unit` reads those)")
        }
        None => Err("a text"),
    }
}

/// A time of any unit, or text.
#[cold]
#[inline(never)] // stack
pub(in crate::pipeline) fn time_of(value: Value<'_>) -> Option<Time> {
    match value {
        Value::Number(number) => match number.to_i64() {
            Some(integer) => Time::from_integer_of_any_unit(integer),
            None => Time::from_float_of_any_unit(number.to_f64()),
        },
        Value::Text(text) => {
            let mut bytes = Vec::new();
            text.append_to(&mut bytes);
            Time::from_text(std::str::from_utf8(&bytes).ok()?)
        }
        _ => None,
    }
}
