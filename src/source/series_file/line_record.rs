//! One line of a log as a record: JSON, a line of an access log, logfmt.

use serde_json::{Map, Value};

use super::kinds::Form;
use super::table::finite;
use super::{access_log, key_value};

/// The fields of a line, and what it is; `None` for plain text. Words of logfmt without a value are left out.
///
/// ```
/// use fluent_anomaly::sources::series_file::{Form, line_record};
/// let (form, fields) = line_record("at=info service=18ms bytes=13").unwrap();
/// assert_eq!((form, &fields["bytes"]), (Form::Logfmt, &13.0.into()));
/// assert_eq!(line_record("all fine"), None);
/// ```
#[must_use]
pub fn line_record(line: &str) -> Option<(Form, Map<String, Value>)> {
    let line = line.trim();
    if line.starts_with('{') {
        return Some((Form::Json, serde_json::from_str(line).ok()?));
    }
    let number = |text: &str| finite(text).map_or_else(|| Value::from(text), Value::from);
    if let Some(fields) = access_log::parse(line) {
        let field = |(name, text): (&str, &str)| {
            let value = match name {
                _ if text == "-" => Value::Null,
                _ if access_log::NUMBERS.contains(&name) => number(text),
                _ => Value::from(text),
            };
            (name.to_owned(), value)
        };
        return Some((Form::AccessLog, fields.into_iter().map(field).collect()));
    }
    let pairs: Map<String, Value> = key_value::pairs(line)
        .into_iter()
        .filter_map(|(key, value)| Some((key, number(&value?))))
        .filter(|(key, _)| key.chars().all(|c| c.is_alphanumeric() || "_-.@".contains(c)))
        .collect();
    (pairs.len() >= 2).then_some((Form::Logfmt, pairs))
}
