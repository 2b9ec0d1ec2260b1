//! Rows of named cells: what every form of input becomes.

use std::collections::HashMap;

use crate::time::Time;

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
    texts: Vec<String>,
    places: HashMap<String, u32>,
    column_places: HashMap<String, usize>,
}

impl Table {
    pub(super) fn new(form: &'static str, records: bool) -> Self {
        Self { form, records, is_named: true, ..Self::default() }
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
        self.columns.push(Column { name: name.clone(), path: path.to_vec() });
        self.column_places.insert(name, self.columns.len() - 1);
        self.columns.len() - 1
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

/// `host`, `$kubernetes['pod']`.
fn column_name(path: &[String]) -> String {
    match path {
        [name] => name.clone(),
        [first, inner @ ..] => {
            let inner: String = inner.iter().map(|key| format!("['{}']", key.replace('\'', "''"))).collect();
            format!("${first}{inner}")
        }
        [] => String::new(),
    }
}
