//! logfmt: `time=2026-01-31T12:00:00Z level=info msg="a text" latency_ms=12.5`.

use super::error::SeriesFileError;
use super::lines::lines;
use super::table::{Cell, Table, finite};

/// Whether a line looks like logfmt: it begins with `key=`, and has two of them or more.
pub(super) fn is_line(line: &str) -> bool {
    let pairs = pairs(line);
    pairs.len() >= 2 && pairs.iter().all(|(key, value)| !key.contains([',', ';', '"']) && value.is_some())
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("logfmt", true);
    for line in lines(bytes) {
        let (number, line) = line?;
        table.lines += 1;
        let mut row = Vec::new();
        for (key, value) in pairs(line) {
            let cell = match value.as_deref() {
                None => Cell::Bool(true),
                Some("") => Cell::Null,
                Some(text) => match finite(text) {
                    Some(number) => Cell::Number(number),
                    None => table.text_cell(text),
                },
            };
            table.put(&mut row, &[key], cell);
        }
        table.push(number, row);
    }
    Ok(table)
}

/// Keys with their values; a key without `=` has none.
pub(super) fn pairs(line: &str) -> Vec<(String, Option<String>)> {
    let mut pairs = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let Some(value) = behind.strip_prefix('=') else {
            if !key.is_empty() {
                pairs.push((key.to_owned(), None));
            }
            rest = behind.trim_start();
            continue;
        };
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted),
            None => {
                let end = value.find(char::is_whitespace).unwrap_or(value.len());
                let (value, behind) = value.split_at_checked(end).unwrap_or((value, ""));
                (value.to_owned(), behind)
            }
        };
        if !key.is_empty() {
            pairs.push((key.to_owned(), Some(value)));
        }
        rest = behind.trim_start();
    }
    pairs
}

fn quoted_value(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            _ => value.push(c),
        }
    }
    (value, "")
}
