//! Rows -> series in the order of time.

use std::collections::HashMap;

use super::error::{SeriesFileError, shown};
use super::layout::Layout;
use super::roles::{Roles, Values};
use super::table::{Cell, Row, Table};
use super::{FilePoint, FileSeries, SeriesFile};
use crate::time::Time;

/// Of so many points one may have the time of another where that is allowed at all.
const REPEATS_AMONG: usize = 100;

/// Makes series of a table.
pub(super) fn series(table: &Table, layout: &Layout) -> Result<SeriesFile, SeriesFileError> {
    if table.rows.is_empty() {
        return Err(match table.lines {
            0 => SeriesFileError::Empty,
            lines => SeriesFileError::NoPoint { lines },
        });
    }
    let roles = Roles::find(table, layout)?;
    let mut collected =
        Collected { table, roles, series: Vec::new(), places: HashMap::new(), passed_over: 0 };
    for row in &table.rows {
        collected.row(row)?;
    }
    let Collected { roles, mut series, passed_over, .. } = collected;
    let fields = roles.fields(table);
    let mut notes = roles.notes;
    let mut valued = series.iter().flat_map(|series| &series.points).filter(|point| point.value.is_some());
    match (valued.next(), valued.next()) {
        (None, _) => return Err(SeriesFileError::NoPoint { lines: table.lines }),
        (Some(point), None) => return Err(SeriesFileError::OnePoint { line: point.line }),
        _ => {}
    }
    if series.iter().any(|series| !series.points.is_sorted_by_key(|point| point.time)) {
        notes.push("the lines are not in the order of time: sorted".to_owned());
    }
    let several = series.len() > 1;
    for series in &mut series {
        series.points.sort_by_key(|point| point.time);
        let dropped = series.points.len();
        series.points.dedup_by(|b, a| b.time == a.time && (b.value == a.value || b.value.is_none()));
        let dropped = dropped - series.points.len();
        let of = if several { format!(" {}", series.name) } else { String::new() };
        if dropped > 0 {
            notes.push(format!("the series{of} has {dropped} lines twice: taken once"));
        }
        let twice = series.points.windows(2).filter_map(|pair| match pair {
            [a, b] if a.time == b.time => Some((a.line, b.line)),
            _ => None,
        });
        let twice: Vec<(usize, usize)> = twice.collect();
        if let Some(&(before, line)) = twice.first() {
            if !layout.repeats || twice.len() * REPEATS_AMONG > series.points.len() {
                return Err(SeriesFileError::Twice { line: before.max(line), before: before.min(line), of });
            }
            notes.push(format!("the series{of} has {} times with two values: both are kept", twice.len()));
        }
    }
    Ok(SeriesFile { series, fields, passed_over, notes })
}

struct Collected<'a> {
    table: &'a Table,
    roles: Roles,
    series: Vec<FileSeries>,
    places: HashMap<String, usize>,
    passed_over: usize,
}

impl Collected<'_> {
    fn row(&mut self, row: &Row) -> Result<(), SeriesFileError> {
        let mut keys = Vec::new();
        for &column in &self.roles.keys {
            let cell = row.cell(column);
            if cell != Cell::Absent {
                let text = if cell == Cell::Null { String::new() } else { self.table.shown(cell) };
                keys.push((self.name(column).trim_start_matches('$').to_owned(), text));
            }
        }
        let columns = match &self.roles.values {
            Values::One(value) => vec![*value],
            Values::Each(values) => values.clone(),
        };
        for &column in &columns {
            let cell = row.cell(column);
            if cell == Cell::Absent {
                self.passed_over += 1;
                continue;
            }
            let value = self.value(row, column, cell)?;
            let time = self.time(row)?;
            let mut keys = keys.clone();
            if columns.len() > 1 {
                keys.push(("column".to_owned(), self.name(column)));
            }
            self.add(keys, FilePoint { line: row.line, time, value });
        }
        Ok(())
    }

    fn value(&self, row: &Row, column: usize, cell: Cell) -> Result<Option<f64>, SeriesFileError> {
        if let Some(value) = self.quantity(column, cell) {
            return Ok(Some(value));
        }
        match cell {
            Cell::Number(number) => Ok(Some(number)),
            Cell::Null => Ok(None),
            Cell::Text(_) if self.table.records && self.table.number(cell).is_some() => {
                Ok(self.table.number(cell))
            }
            _ if self.table.records => {
                Err(self.wrong(row, column, cell, "a finite number, or null where one is missing"))
            }
            _ => Err(self.wrong(row, column, cell, "a finite number, or nothing where one is missing")),
        }
    }

    /// The number that a text with a unit is.
    fn quantity(&self, column: usize, cell: Cell) -> Option<f64> {
        let Cell::Text(text) = cell else { return None };
        let (_, unit) = self.roles.units.iter().find(|(of, _)| *of == column)?;
        unit.read(self.table.text(text))
    }

    fn time(&self, row: &Row) -> Result<Time, SeriesFileError> {
        let Some(column) = self.roles.time else { return Ok(row.time.unwrap_or_default()) };
        let cell = row.cell(column);
        self.table.time_of(column, cell).ok_or_else(|| {
            self.wrong(row, column, cell, "seconds since 1970, or a date such as 2026-01-31T12:00:00Z")
        })
    }

    fn name(&self, column: usize) -> String {
        self.table.columns.get(column).map(|column| column.name.clone()).unwrap_or_default()
    }

    fn wrong(&self, row: &Row, column: usize, cell: Cell, allowed: &'static str) -> SeriesFileError {
        let given = match cell {
            Cell::Text(text) => shown(self.table.text(text)),
            other => self.table.shown(other),
        };
        let column = match (self.table.records, self.table.is_named) {
            (true, _) => self.name(column),
            (false, true) => format!("{} ({})", column + 1, self.name(column)),
            (false, false) => (column + 1).to_string(),
        };
        SeriesFileError::Value { line: row.line, column, given, allowed }
    }

    fn add(&mut self, keys: Vec<(String, String)>, point: FilePoint) {
        let name = keys.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
        let next = self.series.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        if place == next {
            self.series.push(FileSeries { name, keys, points: Vec::new() });
        }
        if let Some(series) = self.series.get_mut(place) {
            series.points.push(point);
        }
    }
}
