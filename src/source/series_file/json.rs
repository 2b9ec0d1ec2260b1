//! JSON lines: one record each, read with the scanner that the filter uses.

use super::collect::{Collected, time_of};
use super::{FilePoint, Layout, SeriesFileError, parse_date, shown};
use crate::record::{Accessor, Extractor, Format, Found, Value};

/// Names that series go by when nobody says which.
const USUAL_NAMES: [&str; 2] = ["scope", "series"];

/// The fields that are looked for.
#[derive(Debug)]
pub(super) struct Json {
    extractor: Extractor,
    found: Found,
    /// Of all inputs; times come first, then values, then what names a series.
    names: Vec<String>,
    times: usize,
    values: usize,
    /// Only the first name that is there counts.
    usual: bool,
    first_line: usize,
}

impl Json {
    pub(super) fn new(layout: &Layout) -> Result<Self, SeriesFileError> {
        let parse =
            |name: &String| Accessor::parse(name).map_err(|error| SeriesFileError::Name(error.to_string()));
        let usual = layout.by.is_empty();
        let by: Vec<String> = if usual { USUAL_NAMES.map(str::to_owned).to_vec() } else { layout.by.clone() };
        let inputs: Vec<Accessor> =
            layout.time.iter().chain(&layout.value).chain(&by).map(parse).collect::<Result<_, _>>()?;
        Ok(Self {
            extractor: Extractor::new(Format::Json, &inputs, &[]),
            found: Found::default(),
            names: inputs.iter().map(ToString::to_string).collect(),
            times: layout.time.len(),
            values: layout.value.len(),
            usual,
            first_line: 0,
        })
    }

    pub(super) fn line(
        &mut self,
        line: usize,
        record: &[u8],
        collected: &mut Collected,
    ) -> Result<(), SeriesFileError> {
        if self.first_line == 0 {
            self.first_line = line;
        }
        self.extractor
            .scan(record, &mut self.found)
            .map_err(|error| SeriesFileError::NotARecord { line, error })?;
        let first = |mut inputs: std::ops::Range<usize>| {
            inputs.find_map(|input| Some((input, self.found.value(record, input)?)))
        };
        let behind = self.times + self.values;
        let Some((at, value)) = first(self.times..behind) else {
            collected.passed_over += 1;
            return Ok(());
        };
        let value = match value {
            Value::Null => None,
            Value::Number(number) if number.to_f64().is_finite() => Some(number.to_f64()),
            other => {
                return Err(self.wrong(line, at, other, "a finite number, or null where one is missing"));
            }
        };
        let Some((at, time)) = first(0..self.times) else {
            return Err(self.missing(line, "time", 0..self.times));
        };
        let mut written = Vec::new();
        let instant = match time {
            Value::Number(number) => {
                number.append_to(&mut written);
                time_of(number.to_f64())
            }
            Value::Text(text) => {
                text.append_to(&mut written);
                std::str::from_utf8(&written).ok().and_then(|text| parse_date(text.trim()))
            }
            _ => None,
        };
        let Some(instant) = instant else {
            let allowed = "seconds since 1970, or a date such as \"2026-01-31T12:00:00Z\"";
            return Err(self.wrong(line, at, time, allowed));
        };
        let name = |input: usize| self.names.get(input).map_or("", |name| name.trim_start_matches('$'));
        let named = (behind..self.names.len())
            .filter_map(|input| Some((name(input), text_of(self.found.value(record, input)?))));
        let keys = named.take(if self.usual { 1 } else { usize::MAX }).collect();
        let column = self.names.get(at).map_or("", String::as_str);
        let point = FilePoint { line, time: instant, value };
        collected.add(keys, point, column, &String::from_utf8_lossy(&written))
    }

    /// No record at all has the value.
    pub(super) fn check(&self, collected: &Collected) -> Result<(), SeriesFileError> {
        if collected.is_empty() && collected.passed_over > 0 {
            return Err(self.missing(self.first_line, "value", self.times..self.times + self.values));
        }
        Ok(())
    }

    fn missing(&self, line: usize, what: &'static str, inputs: std::ops::Range<usize>) -> SeriesFileError {
        let wanted = self.names.get(inputs).unwrap_or_default().join(", ");
        SeriesFileError::Missing { line, what, there: "the fields of the record".to_owned(), wanted }
    }

    fn wrong(&self, line: usize, input: usize, value: Value<'_>, allowed: &'static str) -> SeriesFileError {
        let given = match value {
            Value::Text(_) => shown(&text_of(value)),
            other => text_of(other),
        };
        SeriesFileError::Value {
            line,
            column: self.names.get(input).cloned().unwrap_or_default(),
            given,
            allowed,
        }
    }
}

/// Texts and numbers as they stand, others by their kind.
fn text_of(value: Value<'_>) -> String {
    let mut text = Vec::new();
    match value {
        Value::Text(found) => found.append_to(&mut text),
        Value::Number(number) => number.append_to(&mut text),
        Value::Null => text.extend(b"null"),
        Value::Bool(bool) => text.extend(bool.to_string().bytes()),
        Value::Array => text.extend(b"an array"),
        Value::Object => text.extend(b"a map"),
        _ => text.extend(b"something else"),
    }
    String::from_utf8_lossy(&text).into_owned()
}
