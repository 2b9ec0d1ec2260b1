//! The sample as records: JSON within texts taken apart, numbers in texts as numbers, columns named as hosts can.

use fluent_anomaly::records::Unit;
use fluent_anomaly::sources::series_file::{
    self, Cell, DURATIONS, Form, LINES, PrefixKind, SeriesFileError, Table, line_record, read_plain_text,
};
use serde_json::Value;

/// Words in names of text fields that hold a number because nothing said that it is one.
const NAMES_OF_KEYS: [&str; 7] = ["id", "code", "status", "port", "pid", "version", "priority"];
/// What to do about text that is no records.
const ADVICE: &str = "the lines are plain text, neither JSON, logfmt, CSV nor an access log: let a parser of Fluent Bit or Fluentd take \
                      them apart, and give the records to init; 20 lines or more can be counted as they are";

/// A sample.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) table: Table,
    /// The field whose texts were records, and what they were.
    pub(super) inner: Option<(String, Form)>,
    /// Fields of the envelope that the records within have themselves: theirs count.
    pub(super) hidden: Vec<String>,
    /// Where they were words: those, on the lines of their records.
    pub(super) inner_words: Option<Table>,
    /// Columns of texts such as `12ms`, and the unit in which the table has them as numbers.
    pub(super) units: Vec<(usize, Unit)>,
}

impl Sample {
    /// Lines of text with commas look like CSV.
    pub(super) fn with_advice(&self, why: String) -> String {
        match self.table.kind {
            Form::Csv => format!("{why}. If {ADVICE}"),
            Form::Text => ADVICE.to_owned(),
            _ => why,
        }
    }
}

/// Reads the bytes of a sample.
///
/// # Errors
/// What is wrong with the file, and what to do about it.
pub(super) fn read(bytes: &[u8]) -> Result<Sample, String> {
    let mut table = series_file::read_table(bytes, &[]).map_err(|error| match error {
        SeriesFileError::Columns { .. } => format!("{error}. If {ADVICE}"),
        other => other.to_string(),
    })?;
    if table.kind == Form::Csv
        && is_text(&table)
        && let Some(words) = read_plain_text(bytes)
    {
        table = words;
    }
    let inner = table.prefix.as_ref().filter(|prefix| prefix.inner != Form::Text);
    let mut inner = inner.map(|prefix| ("log".to_owned(), prefix.inner));
    let mut hidden = Vec::new();
    let mut inner_words = None;
    if table.kind == Form::Json {
        if let Some((field, form)) =
            LINES.iter().find_map(|field| Some((*field, form_within(&table, field)?)))
        {
            inner = Some((field.to_owned(), form));
            let records: Vec<Value> = table.rows.iter().map(|row| table.record(row)).collect();
            hidden = hidden_by_inner(&records, field);
            table = again(records.into_iter().map(|record| take_apart(record, field, &hidden)), &table)?;
        } else if let Some((field, words)) =
            LINES.iter().find_map(|field| Some((*field, words_within(&table, field)?)))
        {
            inner = Some((field.to_owned(), Form::Text));
            table = again(with_words(&table, field, &words), &table)?;
            inner_words = Some(words);
        }
    }
    if table.kind == Form::Csv {
        for column in &mut table.columns {
            let word: String =
                column.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            column.name.clone_from(&word);
            column.path = vec![word];
        }
    }
    let units = read_numerals(&mut table);
    Ok(Sample { table, inner, hidden, inner_words, units })
}

/// A table of the records that were made of those of another one.
fn again(records: impl Iterator<Item = Value>, from: &Table) -> Result<Table, String> {
    let text: String = records.map(|record| record.to_string() + "\n").collect();
    let mut table = series_file::read_table(text.as_bytes(), &[]).map_err(|error| error.to_string())?;
    table.preparation.clone_from(&from.preparation);
    Ok(table)
}

/// The words in a field, as a table with a row on the line of each record, where they have a level or a duration that the
/// records lack.
fn words_within(table: &Table, field: &str) -> Option<Table> {
    let column = table.columns.iter().position(|column| column.name == field)?;
    let lines: Vec<&str> = table
        .rows
        .iter()
        .map(|row| text_of(table, row.cell(column)).and_then(|text| text.lines().next()).unwrap_or_default())
        .collect();
    let words = read_plain_text(lines.join("\n").as_bytes())?;
    // other heads have fields of their own
    let has_plain_head = words
        .prefix
        .as_ref()
        .is_none_or(|prefix| matches!(prefix.kind, PrefixKind::Time | PrefixKind::Apache));
    let has = |table: &Table, name: &str| table.columns.iter().any(|column| column.name == name);
    let names = ["level"].into_iter().chain(DURATIONS.iter().map(|(name, _)| *name));
    let found: Vec<&str> = names.filter(|name| has(&words, name)).collect();
    // a key twice in a record would cost one of its values
    let are_new = !found.is_empty() && !found.iter().any(|name| has(table, name));
    (has_plain_head && are_new).then_some(words)
}

/// The records with the fields of the words in one of theirs.
fn with_words<'a>(table: &'a Table, field: &'a str, words: &'a Table) -> impl Iterator<Item = Value> + 'a {
    let mut rows = words.rows.iter().peekable();
    table.rows.iter().enumerate().map(move |(at, row)| {
        let mut record = table.record(row);
        if let Some(line) = rows.next_if(|line| line.line == at + 1)
            && let (Value::Object(record), Value::Object(mut fields)) = (&mut record, words.record(line))
        {
            record.extend(fields.remove("log").map(|log| (field.to_owned(), log)));
            record.extend(fields);
        }
        record
    })
}

/// One column, and no numbers in it.
fn is_text(table: &Table) -> bool {
    table.columns.len() == 1 && !table.rows.iter().any(|row| table.number(row.cell(0)).is_some())
}

/// What most texts of a field are, if they are records.
fn form_within(table: &Table, field: &str) -> Option<Form> {
    let column = table.columns.iter().position(|column| column.name == field)?;
    let form = |cell: Cell| match cell {
        Cell::Text(text) => line_record(table.text(text)).map(|(form, _)| form),
        _ => None,
    };
    let forms: Vec<Option<Form>> = table.rows.iter().take(50).map(|row| form(row.cell(column))).collect();
    let first = forms.iter().flatten().next().copied()?;
    let others = forms.iter().filter(|form| **form != Some(first)).count();
    (forms.len() > 1 && others * 10 < forms.len()).then_some(first)
}

/// The fields around a line that some lines have, too. Fluent Bit would give both: its configuration takes those of the
/// envelope away.
fn hidden_by_inner(records: &[Value], field: &str) -> Vec<String> {
    let mut hidden: Vec<String> = Vec::new();
    for record in records.iter().filter_map(Value::as_object) {
        let inner = record.get(field).and_then(Value::as_str).and_then(line_record);
        let is_new = |key: &&String| *key != field && record.contains_key(*key) && !hidden.contains(key);
        let twice: Vec<String> =
            inner.iter().flat_map(|(_, inner)| inner.keys()).filter(is_new).cloned().collect();
        hidden.extend(twice);
    }
    hidden
}

/// As the `parser` filters of the hosts do it that keep the other fields.
fn take_apart(mut record: Value, field: &str, hidden: &[String]) -> Value {
    if let Value::Object(record) = &mut record {
        record.retain(|key, _| !hidden.contains(key));
    }
    if let Value::Object(record) = &mut record
        && let Some(inner) = record.get(field).and_then(Value::as_str)
        && let Some((_, inner)) = line_record(inner)
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
