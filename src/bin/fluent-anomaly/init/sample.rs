//! The sample as records: JSON within texts taken apart, numbers in texts as numbers, columns named as hosts can.

use fluent_anomaly::records::Unit;
use fluent_anomaly::sources::series_file::{self, Cell, Form, SeriesFileError, Table};
use serde_json::{Map, Value};

/// Fields in which containers and journals carry a whole line.
const LINES: [&str; 5] = ["log", "message", "msg", "MESSAGE", "line"];
/// Words in names of text fields that hold a number because nothing said that it is one.
const NAMES_OF_KEYS: [&str; 6] = ["id", "code", "status", "port", "pid", "version"];

/// A sample.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) table: Table,
    pub(super) form: Form,
    /// The field whose texts were JSON objects.
    pub(super) inner: Option<String>,
    /// Columns of texts such as `12ms`, and the unit in which the table has them as numbers.
    pub(super) units: Vec<(usize, Unit)>,
    /// What separates the columns of CSV.
    pub(super) separator: char,
}

/// Reads the bytes of a sample.
pub(super) fn read(bytes: &[u8]) -> Result<Sample, SeriesFileError> {
    let bytes = series_file::unpacked(bytes)?;
    let form = series_file::form(&bytes);
    let mut inner = None;
    let mut table = series_file::read_table(&bytes, &[])?;
    if form == Form::Json
        && let Some(field) = LINES.iter().find(|field| holds_objects(&table, field))
    {
        inner = Some((*field).to_owned());
        let taken_apart: Vec<String> =
            table.rows.iter().map(|row| take_apart(table.record(row), field).to_string() + "\n").collect();
        table = series_file::read_table(taken_apart.concat().as_bytes(), &[])?;
    }
    let first =
        bytes.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let separator = first.iter().copied().find(|byte| b",;\t".contains(byte)).map_or(',', char::from);
    if form == Form::Csv {
        for column in &mut table.columns {
            let word: String =
                column.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            column.name.clone_from(&word);
            column.path = vec![word];
        }
    }
    let units = read_numerals(&mut table);
    Ok(Sample { table, form, inner, units, separator })
}

fn holds_objects(table: &Table, field: &str) -> bool {
    let Some(column) = table.columns.iter().position(|column| column.name == field) else { return false };
    let object = |cell: Cell| match cell {
        Cell::Text(text) => serde_json::from_str::<Map<String, Value>>(table.text(text)).is_ok(),
        _ => false,
    };
    let some = table.rows.iter().take(50);
    table.rows.len() > 1
        && some.filter(|row| !object(row.cell(column))).count() * 10 < table.rows.len().min(50)
}

/// As the `parser` filters of the hosts do it that keep the other fields.
fn take_apart(mut record: Value, field: &str) -> Value {
    if let Value::Object(record) = &mut record
        && let Some(inner) = record.get(field).and_then(Value::as_str)
        && let Ok(inner) = serde_json::from_str::<Map<String, Value>>(inner)
    {
        record.remove(field);
        record.extend(inner);
    }
    record
}

/// Turns columns of texts that all are numbers, or numbers with units, into numbers, as the filter reads them. The
/// columns with units, each with that of its first text.
fn read_numerals(table: &mut Table) -> Vec<(usize, Unit)> {
    let mut units = Vec::new();
    for column in 0..table.columns.len() {
        let name = table.last_key(column);
        if name.split(['_', '-', '.']).any(|word| NAMES_OF_KEYS.contains(&word)) {
            continue;
        }
        let texts: Vec<Cell> = table
            .rows
            .iter()
            .map(|row| row.cell(column))
            .filter(|cell| matches!(cell, Cell::Text(_)))
            .collect();
        let are_most = |count: usize| count * 10 >= texts.len() * 9;
        let numbers = texts.iter().filter(|cell| table.number(**cell).is_some()).count();
        let unit = texts.iter().find_map(|cell| Unit::of(text_of(table, *cell)?));
        let unit = unit.filter(|unit| {
            are_most(texts.iter().filter(|cell| quantity(table, **cell, *unit).is_some()).count())
        });
        if texts.is_empty() || (!are_most(numbers) && unit.is_none()) {
            continue;
        }
        units.extend(unit.map(|unit| (column, unit)));
        for at in 0..table.rows.len() {
            let number = table.rows.get(at).map(|row| row.cell(column)).and_then(|cell| {
                table.number(cell).or_else(|| unit.and_then(|unit| quantity(table, cell, unit)))
            });
            if let (Some(number), Some(cell)) =
                (number, table.rows.get_mut(at).and_then(|row| row.cells.get_mut(column)))
            {
                *cell = Cell::Number(number);
            }
        }
    }
    units
}

fn text_of(table: &Table, cell: Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) => Some(table.text(text)),
        _ => None,
    }
}

fn quantity(table: &Table, cell: Cell, unit: Unit) -> Option<f64> {
    unit.read(text_of(table, cell)?)
}

/// What to do about a file that is no records at all.
pub(super) fn advice(sample: &Sample) -> Option<String> {
    let is_text = sample.form == Form::Csv && sample.table.columns.len() == 1;
    is_text.then(|| {
        "the lines are plain text, neither JSON, logfmt, CSV nor an access log: let a parser of Fluent Bit or Fluentd take \
         them apart, and give the records to init; or count the lines themselves, see docs/log-series.md"
            .to_owned()
    })
}
