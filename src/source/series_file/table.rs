//! Rows of named cells: what every form of input becomes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::date_form::DateForm;
use super::error::SeriesFileError;
use super::kinds::{Form, Prefix};
use super::layout::{TIMES, is_named};
use super::moment;
use crate::time::Time;

/// One line in so many may be no record.
const ODD_AMONG: usize = 10;
/// A number of seconds below this one, in 1973, is no time that a record has by chance.
const EARLIEST_S: i64 = 100_000_000;
/// Lists that are noted; a message names them.
const MOST_LISTS: usize = 4;
/// Parts of names that times go by.
const TIME_WORDS: [&str; 7] = ["time", "stamp", "date", "epoch", "msec", "unix", "clock"];
/// Whole numbers below 2^53 are exact.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// The row has no such field.
    Absent,
    /// Null, or an empty field of a CSV file.
    Null,
    /// A truth value.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A text: its place among the table's [`texts`](Table::text).
    Text(u32),
}

/// What a cell's column is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As it is shown and named on a command line: `host`, `$kubernetes['pod']`.
    pub name: String,
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// Of dates that only the whole column tells how to read.
    pub dates: Option<DateForm>,
}

impl Column {
    /// As a configuration names the field: `$host`, `$kubernetes['pod_name']`, `$['a.b']`.
    #[must_use]
    pub fn accessor(&self) -> String {
        let mut text = String::from("$");
        for (at, key) in self.path.iter().enumerate() {
            let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-@".contains(c));
            if at == 0 && is_plain {
                text.push_str(key);
            } else {
                text += &in_brackets(key);
            }
        }
        text
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where it stands in the file, from 1; of an array's elements the line they begin on.
    pub line: usize,
    /// By the table's columns; what is missing at the end is absent.
    pub cells: Vec<Cell>,
    /// The tag and the time that an envelope gives it.
    pub tag: Option<u32>,
    /// The envelope's time.
    pub time: Option<Time>,
}

impl Row {
    /// The cell in a column.
    #[must_use]
    pub fn cell(&self, column: usize) -> Cell {
        self.cells.get(column).copied().unwrap_or(Cell::Absent)
    }
}

/// A file's rows.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What the file is, for people: `CSV`, `JSON`.
    pub form: &'static str,
    /// The same, for programs.
    pub kind: Form,
    /// What stands before each record, where something does.
    pub prefix: Option<Prefix>,
    /// What separates the columns of CSV.
    pub separator: Option<char>,
    /// Commands, one a pipe, that make the file one of a record a line, as hosts read them; empty where it is one.
    pub preparation: Vec<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Whether the rows are records with fields, rather than lines of a table.
    pub records: bool,
    /// Whether the file names its columns.
    pub is_named: bool,
    /// Lines with something on them.
    pub lines: usize,
    /// Lines of text that continue the one before.
    pub continuations: usize,
    /// Fields that hold lists of numbers, of which no element is a column.
    pub lists: Vec<String>,
    /// Lines that are no records, and what is wrong with the first of them.
    pub odd_lines: usize,
    first_odd: Option<SeriesFileError>,
    texts: Vec<String>,
    places: HashMap<String, u32>,
    column_places: HashMap<String, usize>,
}

impl Table {
    pub(super) fn new(form: &'static str, records: bool) -> Self {
        Self { form, records, is_named: true, ..Self::default() }
    }

    /// Notes a line that is no record: a log may hold a few, as the first line after a rotation.
    pub(super) fn pass_over(&mut self, why: SeriesFileError) {
        self.odd_lines += 1;
        self.first_odd.get_or_insert(why);
    }

    /// An error where one line in [`ODD_AMONG`] or more is no record: then it is another kind of file.
    pub(super) fn check_odd_lines(self) -> Result<Self, SeriesFileError> {
        match &self.first_odd {
            Some(first) if self.odd_lines * ODD_AMONG >= self.lines => Err(match self.odd_lines {
                odd if odd < self.lines && self.lines > 2 => {
                    SeriesFileError::OddLines { first: Box::new(first.clone()), odd, lines: self.lines }
                }
                _ => first.clone(),
            }),
            _ => Ok(self),
        }
    }

    /// Whether `time:` of a section reads every cell of a column; a file's own reader knows more forms.
    #[must_use]
    pub fn is_time_of_records(&self, column: usize) -> bool {
        let is_date = self.columns.get(column).is_some_and(|column| column.dates.is_some());
        !is_date
            && self.rows.iter().all(|row| match row.cell(column) {
                Cell::Number(number) => Time::from_float_of_any_unit(number).is_some(),
                Cell::Text(text) => Time::from_text(self.text(text)).is_some(),
                _ => false,
            })
    }

    /// What was passed over, for people.
    #[must_use]
    pub fn odd_lines_note(&self) -> Option<String> {
        let first = self.first_odd.as_ref()?;
        let lines = if self.odd_lines == 1 { "line is" } else { "lines are" };
        Some(format!("{} {lines} no record and passed over; the first of them: {first}", self.odd_lines))
    }

    /// A text of the table.
    #[must_use]
    pub fn text(&self, place: u32) -> &str {
        self.texts.get(place as usize).map_or("", String::as_str)
    }

    pub(super) fn text_cell(&mut self, text: &str) -> Cell {
        Cell::Text(self.intern(text))
    }

    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        let place = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    /// The column with this path, made where there is none.
    pub(super) fn column(&mut self, path: &[String]) -> usize {
        let name = column_name(path);
        if let Some(&place) = self.column_places.get(&name) {
            return place;
        }
        self.columns.push(Column { name: name.clone(), path: path.to_vec(), dates: None });
        self.column_places.insert(name, self.columns.len() - 1);
        self.columns.len() - 1
    }

    /// Notes that a field holds a list of numbers.
    pub(super) fn note_list(&mut self, path: &[String]) {
        let name = Column { name: String::new(), path: path.to_vec(), dates: None }.accessor();
        if self.lists.len() < MOST_LISTS && !self.lists.contains(&name) {
            self.lists.push(name);
        }
    }

    /// Puts a cell into a row, at a column.
    pub(super) fn put(&mut self, row: &mut Vec<Cell>, path: &[String], cell: Cell) {
        let column = self.column(path);
        if row.len() <= column {
            row.resize(column + 1, Cell::Absent);
        }
        if let Some(slot) = row.get_mut(column) {
            *slot = cell;
        }
    }

    pub(super) fn push(&mut self, line: usize, cells: Vec<Cell>) {
        self.rows.push(Row { line, cells, tag: None, time: None });
    }

    /// A row as a record: maps inside of maps, whole numbers without a point.
    #[must_use]
    pub fn record(&self, row: &Row) -> Value {
        let mut record = Map::new();
        for (at, column) in self.columns.iter().enumerate() {
            let value = match row.cell(at) {
                Cell::Absent => continue,
                Cell::Null => Value::Null,
                Cell::Bool(bool) => Value::from(bool),
                Cell::Number(number) if number.fract() == 0.0 && number.abs() < WHOLE => {
                    Value::from(number as i64)
                }
                Cell::Number(number) => Value::from(number),
                Cell::Text(text) => Value::from(self.text(text)),
            };
            put(&mut record, &column.path, value);
        }
        Value::Object(record)
    }

    /// The column of the time: one of a usual name that holds times throughout, else the first with dates.
    #[must_use]
    pub fn time_column(&self) -> Option<usize> {
        let holds_times = |&column: &usize| {
            let mut cells = self.rows.iter().take(200).map(|row| row.cell(column)).peekable();
            let is_time =
                |cell: Cell| self.time_of(column, cell).is_some_and(|time| time.seconds() > EARLIEST_S);
            cells.peek().is_some() && cells.all(is_time)
        };
        let columns = 0..self.columns.len();
        let named = TIMES.iter().find_map(|wanted| {
            columns.clone().filter(|&column| self.last_key(column) == *wanted).find(holds_times)
        });
        let is_text =
            |column: &usize| matches!(self.rows.first().map(|row| row.cell(*column)), Some(Cell::Text(_)));
        // `__REALTIME_TIMESTAMP` of journald, `msec` of nginx: a word, and numbers as large as today's times
        let sounds_like_time = |&column: &usize| {
            let name = self.last_key(column);
            TIME_WORDS.iter().any(|word| name.contains(word)) && holds_times(&column)
        };
        named
            .or_else(|| columns.clone().find(sounds_like_time))
            .or_else(|| columns.filter(is_text).find(holds_times))
    }

    /// The time that a cell of a column stands for.
    #[must_use]
    pub fn time_of(&self, column: usize, cell: Cell) -> Option<Time> {
        match (self.columns.get(column).and_then(|column| column.dates), cell) {
            (Some(form), Cell::Text(text)) => form.time(self.text(text)),
            (Some(form), Cell::Number(number)) => form.time(&number.to_string()),
            (_, Cell::Number(number)) => Time::from_float_of_any_unit(number),
            (None, Cell::Text(text)) => moment::of_text(self.text(text)),
            _ => None,
        }
    }

    /// The column with this name, written as a field or not, in any case.
    #[must_use]
    pub fn column_named(&self, wanted: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == wanted);
        exact.or_else(|| self.columns.iter().position(|column| is_named(&column.name, wanted)))
    }

    /// The last key of a column's path, in lower case.
    #[must_use]
    pub fn last_key(&self, column: usize) -> String {
        let path = self.columns.get(column).map(|column| &column.path[..]).unwrap_or_default();
        path.last().map_or(String::new(), |key| key.to_lowercase())
    }

    /// The number that a cell holds, also as a text.
    #[must_use]
    pub fn number(&self, cell: Cell) -> Option<f64> {
        match cell {
            Cell::Number(number) => Some(number),
            Cell::Text(text) => number_of_text(self.text(text)),
            _ => None,
        }
    }

    /// A cell for people: texts and numbers as they stand.
    #[must_use]
    pub fn shown(&self, cell: Cell) -> String {
        match cell {
            Cell::Absent => "nothing".to_owned(),
            Cell::Null => "null".to_owned(),
            Cell::Bool(bool) => bool.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) => self.text(text).to_owned(),
        }
    }
}

/// The finite number that a text is, with white space around it or not.
pub(super) fn number_of_text(text: &str) -> Option<f64> {
    finite(text.trim())
}

/// The finite number that a text is; words such as `inf` are none.
pub(super) fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn put(map: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            map.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// `['pod']`
fn in_brackets(key: &str) -> String {
    format!("['{}']", key.replace('\'', "''"))
}

/// `host`, `$kubernetes['pod']`.
fn column_name(path: &[String]) -> String {
    match path {
        [name] => name.clone(),
        [first, inner @ ..] => {
            let inner: String = inner.iter().map(|key| in_brackets(key)).collect();
            format!("${first}{inner}")
        }
        [] => String::new(),
    }
}
