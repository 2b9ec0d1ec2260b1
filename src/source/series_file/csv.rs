//! CSV: the first line says which column holds what.

use std::borrow::Cow;

use super::collect::{Collected, time_of};
use super::{FilePoint, Layout, SeriesFileError, parse_date, shown};
use crate::record::Accessor;
use crate::time::Time;

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Csv {
    separator: char,
    names: Vec<String>, // empty where the file does not name them
    columns: usize,
    time: usize,
    value: usize,
    by: Vec<usize>,
}

/// Columns that a message names; there can be a million.
const MOST_NAMES: usize = 20;

impl Csv {
    /// From the first line, which is a point already when its first field is a time.
    pub(super) fn begin(
        number: usize,
        line: &[u8],
        layout: &Layout,
        collected: &mut Collected,
    ) -> Result<Self, SeriesFileError> {
        let line = text(number, line)?;
        let separator = line.chars().find(|c| [',', ';', '\t'].contains(c)).unwrap_or(',');
        let fields = split(number, line, separator)?;
        let columns = fields.len();
        if fields.first().is_some_and(|first| time(first).is_some()) {
            if columns < 2 {
                return Err(missing(number, "value", &["1 column without a name".into()], &layout.value));
            }
            let csv =
                Self { separator, names: Vec::new(), columns, time: 0, value: 1, by: (2..columns).collect() };
            csv.point(number, &fields, collected)?;
            return Ok(csv);
        }
        let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        let find = |wanted: &String| names.iter().position(|name| is_named(name, wanted));
        let column = |what, wanted: &[String]| {
            wanted.iter().find_map(find).ok_or_else(|| missing(number, what, &names, wanted))
        };
        let (time, value) = (column("time", &layout.time)?, column("value", &layout.value)?);
        let mut by: Vec<usize> = layout.by.iter().filter_map(find).collect();
        if by.is_empty() {
            by = (0..columns).filter(|&at| at > time.max(value)).collect();
        }
        Ok(Self { separator, names, columns, time, value, by })
    }

    pub(super) fn line(
        &self,
        number: usize,
        line: &[u8],
        collected: &mut Collected,
    ) -> Result<(), SeriesFileError> {
        let fields = split(number, text(number, line)?, self.separator)?;
        if fields.len() != self.columns {
            return Err(SeriesFileError::Columns {
                line: number,
                found: fields.len(),
                expected: self.columns,
            });
        }
        self.point(number, &fields, collected)
    }

    fn point(
        &self,
        line: usize,
        fields: &[Cow<'_, str>],
        collected: &mut Collected,
    ) -> Result<(), SeriesFileError> {
        let field = |at: usize| fields.get(at).map_or("", |field| field.trim());
        let wrong = |at: usize, allowed| SeriesFileError::Value {
            line,
            column: self.column(at),
            given: shown(field(at)),
            allowed,
        };
        let time = time(field(self.time))
            .ok_or_else(|| wrong(self.time, "seconds since 1970, or a date such as 2026-01-31T12:00:00Z"))?;
        let value = match field(self.value) {
            "" | "null" | "NULL" | "NA" | "NaN" | "nan" => None,
            text => Some(
                number(text)
                    .ok_or_else(|| wrong(self.value, "a finite number, or nothing where one is missing"))?,
            ),
        };
        let name = |at: usize| self.names.get(at).map_or("", String::as_str);
        let keys = self.by.iter().map(|&at| (name(at), field(at).to_owned())).collect();
        collected.add(keys, FilePoint { line, time, value }, &self.column(self.time), field(self.time))
    }

    /// `2 (value)`.
    fn column(&self, at: usize) -> String {
        let name = self.names.get(at).map_or(String::new(), |name| format!(" ({name})"));
        format!("{}{name}", at + 1)
    }
}

fn missing(line: usize, what: &'static str, names: &[String], wanted: &[String]) -> SeriesFileError {
    let mut there = names.iter().take(MOST_NAMES).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        there = format!("{there} and {more} more");
    }
    SeriesFileError::Missing { line, what, there, wanted: wanted.join(", ") }
}

/// A column may be named as a field is: with `$`.
fn is_named(name: &str, wanted: &str) -> bool {
    let plain = |text: &str| Accessor::parse(text).map(|accessor| accessor.to_string());
    name == wanted || plain(wanted).is_ok_and(|wanted| plain(name).is_ok_and(|name| name == wanted))
}

fn text(line: usize, bytes: &[u8]) -> Result<&str, SeriesFileError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| SeriesFileError::NotCsv { line, why: "bytes that are no UTF-8 text" })?;
    Ok(text.trim_end_matches('\r'))
}

fn number(text: &str) -> Option<f64> {
    // `inf` and the like are read, too
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    number(text).and_then(time_of).or_else(|| parse_date(text))
}

fn split(line: usize, mut rest: &str, separator: char) -> Result<Vec<Cow<'_, str>>, SeriesFileError> {
    let mut fields = Vec::new();
    loop {
        let (field, behind) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => unquote(line, quoted)?,
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                let (field, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Cow::Borrowed(field), behind)
            }
        };
        fields.push(field);
        match behind.strip_prefix(separator) {
            Some(next) => rest = next,
            None if behind.trim().is_empty() => return Ok(fields),
            None => return Err(SeriesFileError::NotCsv { line, why: "text behind a closing quote" }),
        }
    }
}

/// The field up to its closing quote, and what follows; `""` stands for a quote.
fn unquote(line: usize, quoted: &str) -> Result<(Cow<'_, str>, &str), SeriesFileError> {
    let mut field = String::new();
    let mut rest = quoted;
    while let Some((before, behind)) = rest.split_once('"') {
        field.push_str(before);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Ok((Cow::Owned(field), behind)),
        }
    }
    Err(SeriesFileError::NotCsv { line, why: "a quote that is not closed on its line" })
}
