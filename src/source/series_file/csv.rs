//! CSV: lines of cells, the first of which may name the columns.

use std::borrow::Cow;

use super::csvlog;
use super::date_form::looks_like_date;
use super::error::SeriesFileError;
use super::layout::is_named;
use super::lines::lines;
use super::moment;
use super::table::{Cell, Table};

/// Words that stand for a missing value.
const MISSING: [&str; 7] = ["", "null", "na", "nan", "none", "-", "n/a"];

/// Hosts read decimal points only.
const POINTS: &str = "tr , .";

/// Reads a whole file.
pub(super) fn read(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("CSV", false);
    let mut separator = None;
    let mut texts: Vec<bool> = Vec::new();
    for line in lines(bytes) {
        let (number, line) = line?;
        // comments, such as the annotations of InfluxDB; the first line of a spreadsheet
        if line.starts_with('#') && separator.is_none() {
            continue;
        }
        if separator.is_none()
            && let Some(named) = line.trim().strip_prefix("sep=")
        {
            separator = named.chars().next();
            continue;
        }
        table.lines += 1;
        let mark = *separator.get_or_insert_with(|| {
            line.chars().find(|c| [',', ';', '\t'].contains(c)).unwrap_or_else(|| other(line))
        });
        table.separator = Some(mark);
        let fields = split(number, line, mark)?;
        if table.lines == 1 {
            table.is_named = !fields.iter().any(|field| is_datum(field.trim()));
            let known = csvlog::columns(&fields);
            for (at, field) in fields.iter().enumerate() {
                let name = match known.and_then(|known| known.get(at)) {
                    Some(known) => (*known).to_owned(),
                    None if table.is_named && !field.trim().is_empty() => field.trim().to_owned(),
                    None => format!("column {}", at + 1),
                };
                // a name may come twice
                let mut path = name.clone();
                while table.columns.iter().any(|column| column.name == path) {
                    path.push('\'');
                }
                table.column(&[path]);
                texts.push(as_text.iter().any(|wanted| is_named(&name, wanted)));
            }
            if table.is_named {
                continue;
            }
        }
        if fields.len() != texts.len() {
            return Err(SeriesFileError::Columns {
                line: number,
                found: fields.len(),
                expected: texts.len(),
            });
        }
        let cells = fields
            .iter()
            .zip(&texts)
            .map(|(field, &text)| cell(&mut table, field.trim(), text, mark))
            .collect();
        table.push(number, cells);
    }
    Ok(table)
}

/// A bar, where nothing else separates.
fn other(line: &str) -> char {
    if line.contains('|') { '|' } else { ',' }
}

fn cell(table: &mut Table, field: &str, as_text: bool, separator: char) -> Cell {
    if MISSING.iter().any(|missing| field.eq_ignore_ascii_case(missing)) {
        return Cell::Null;
    }
    match number(field, separator) {
        Some(number) if !as_text => {
            if field.contains(',') && table.preparation.is_empty() {
                table.preparation.push(POINTS.to_owned());
            }
            Cell::Number(number)
        }
        _ => table.text_cell(field),
    }
}

/// A finite number; with a decimal comma where commas do not separate.
fn number(text: &str, separator: char) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let number = match text.contains(',') && separator != ',' && !text.contains('.') {
        true => text.replace(',', ".").parse(),
        false => text.parse(),
    };
    number.ok().filter(|number: &f64| number.is_finite())
}

/// A number or a date: what no name of a column is.
fn is_datum(field: &str) -> bool {
    number(field, ',').is_some() || moment::of_text(field).is_some() || looks_like_date(field)
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
