//! Which column is the time, which the value, and which name series.

use std::collections::HashSet;

use super::Fields;
use super::calendar_dates;
use super::error::{SeriesFileError, shown};
use super::identifiers::why_no_value;
use super::layout::{LINES, Layout, SERIES, TIMES, VALUES};
use super::moment;
use super::table::{Cell, Column, Table, number_of_text};
use crate::record::Unit;

/// Columns that a message names; there can be a million.
const MOST_NAMES: usize = 20;
/// Different texts that are numbers which may name series: codes, ports.
const MOST_NUMERALS: usize = 12;
/// From so many texts on, a column in which nearly each is another names no series.
const FEWEST_TEXTS: usize = 8;

/// Which column is what.
#[derive(Debug)]
pub(super) struct Roles {
    /// `None`: the envelope's.
    pub(super) time: Option<usize>,
    pub(super) values: Values,
    pub(super) keys: Vec<usize>,
    /// The columns of values that hold texts with units, and the unit in which they are numbers.
    pub(super) units: Vec<(usize, Unit)>,
    pub(super) notes: Vec<String>,
}

/// Where values stand.
#[derive(Debug)]
pub(super) enum Values {
    /// In one column.
    One(usize),
    /// Each of these columns is a series of its own, as in an export of Grafana.
    Each(Vec<usize>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    numbers: usize,
    texts: usize,
    distinct: usize,
    times: usize,
    /// Different texts that are numbers.
    numerals: usize,
    /// Different texts that are numbers with units, and the unit of the first.
    quantities: usize,
    unit: Option<Unit>,
}

impl Roles {
    pub(super) fn find(table: &Table, layout: &Layout) -> Result<Self, SeriesFileError> {
        let line =
            table.rows.first().map_or(1, |row| if table.records || !table.is_named { row.line } else { 1 });
        let finder = Finder { table, layout, line, contents: contents(table) };
        let time = finder.time()?;
        if let Some(time) = time {
            calendar_dates::check(table, time)?;
        }
        let keys = finder.asked_keys()?;
        let mut notes = Vec::new();
        let values = finder.values(time, keys.as_deref().unwrap_or_default(), &mut notes)?;
        let keys = match keys {
            Some(keys) => keys,
            None => finder.keys(time, &values, &mut notes),
        };
        notes.insert(0, finder.told(time, &values, &keys));
        let form = time.and_then(|time| table.columns.get(time)?.dates?.note());
        notes.extend(form.zip(time).map(|(note, time)| format!("{}: {note}", finder.names(&[time]))));
        let units = finder.units(&values);
        for (column, unit) in &units {
            notes.push(format!(
                "{} holds texts with units: taken as numbers of {unit}",
                finder.names(&[*column])
            ));
        }
        Ok(Self { time, values, keys, units, notes })
    }

    /// What a configuration calls them.
    pub(super) fn fields(&self, table: &Table) -> Fields {
        if !table.records && !table.is_named {
            return Fields::default();
        }
        let name = |column: usize| table.columns.get(column).map(Column::accessor);
        Fields {
            time: self.time.filter(|&time| table.is_time_of_records(time)).and_then(name),
            value: match self.values {
                Values::One(value) => name(value),
                Values::Each(_) => None,
            },
            by: self.keys.iter().filter_map(|&key| name(key)).collect(),
        }
    }
}

struct Finder<'a> {
    table: &'a Table,
    layout: &'a Layout,
    line: usize,
    contents: Vec<Content>,
}

fn contents(table: &Table) -> Vec<Content> {
    let mut contents = vec![Content::default(); table.columns.len()];
    let mut distinct: Vec<HashSet<u32>> = vec![HashSet::new(); table.columns.len()];
    for row in &table.rows {
        for ((cell, content), distinct) in row.cells.iter().zip(&mut contents).zip(&mut distinct) {
            match *cell {
                Cell::Number(_) => content.numbers += 1,
                Cell::Text(text) => {
                    content.texts += 1;
                    if distinct.insert(text) {
                        let text = table.text(text);
                        content.numerals += usize::from(number_of_text(text).is_some());
                        if let Some(unit) = Unit::of(text) {
                            content.quantities += 1;
                            content.unit.get_or_insert(unit);
                        }
                        if distinct.len() <= 50 {
                            content.times += usize::from(moment::of_text(text).is_some());
                        }
                    }
                }
                _ => {}
            }
        }
    }
    for (content, distinct) in contents.iter_mut().zip(distinct) {
        content.distinct = distinct.len();
    }
    contents
}

impl Finder<'_> {
    fn named(&self, wanted: &str) -> Option<usize> {
        self.table.column_named(wanted)
    }

    fn there(&self) -> String {
        let names = self.table.columns.iter().take(MOST_NAMES).map(|column| shown(&column.name));
        let there = names.collect::<Vec<_>>().join(", ");
        match self.table.columns.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
            Some(more) => format!("{there} and {more} more"),
            None => there,
        }
    }

    fn missing(&self, what: &'static str, wanted: &[&str]) -> SeriesFileError {
        SeriesFileError::Missing { line: self.line, what, there: self.there(), wanted: wanted.join(", ") }
    }

    fn content(&self, column: usize) -> Content {
        self.contents.get(column).copied().unwrap_or_default()
    }

    fn time(&self) -> Result<Option<usize>, SeriesFileError> {
        if let Some(wanted) = &self.layout.time {
            return self.named(wanted).map(Some).ok_or_else(|| self.missing("time", &[wanted]));
        }
        let of_section = self.layout.section.as_ref().and_then(|section| section.time.as_deref());
        if let Some(found) = of_section.into_iter().chain(TIMES).find_map(|name| self.named(name)) {
            return Ok(Some(found));
        }
        if self.table.rows.iter().all(|row| row.time.is_some()) && !self.table.rows.is_empty() {
            return Ok(None);
        }
        // without names the first column is the time, unless it holds texts
        let is_dates = |column: &usize| {
            let content = self.content(*column);
            let by_column = self.table.columns.get(*column).is_some_and(|column| column.dates.is_some());
            let by_text = content.numbers == 0 && content.times == content.distinct.min(50);
            content.texts > 0 && (by_text || by_column)
        };
        let columns = 0..self.table.columns.len();
        let dates: Vec<usize> = columns.clone().filter(is_dates).collect();
        if let [only] = dates[..] {
            return Ok(Some(only));
        }
        if let Some(found) = self.table.time_column().filter(|_| self.table.records || !self.table.is_named) {
            return Ok(Some(found));
        }
        if !self.table.is_named
            && let Some(first) = columns.clone().find(|&column| self.content(column).texts == 0)
            && self.varies(first)
        {
            return Ok(Some(first));
        }
        Err(self.missing("time", &of_section.into_iter().chain(TIMES).collect::<Vec<_>>()))
    }

    /// Whether a column holds more than one number, or there is but one row.
    fn varies(&self, column: usize) -> bool {
        let mut numbers = self.table.rows.iter().filter_map(|row| self.table.number(row.cell(column)));
        let first = numbers.next();
        self.table.rows.len() < 2 || numbers.any(|number| Some(number) != first)
    }

    fn values(
        &self,
        time: Option<usize>,
        keys: &[usize],
        notes: &mut Vec<String>,
    ) -> Result<Values, SeriesFileError> {
        if let Some(wanted) = &self.layout.value {
            return self.named(wanted).map(Values::One).ok_or_else(|| self.missing("value", &[wanted]));
        }
        let of_section = self.layout.section.as_ref().and_then(|section| section.value.as_deref());
        if let Some(found) = of_section.into_iter().chain(VALUES).find_map(|name| self.named(name)) {
            return Ok(Values::One(found));
        }
        let is_free = |column: &usize| Some(*column) != time && !keys.contains(column);
        let free: Vec<usize> = (0..self.table.columns.len()).filter(is_free).collect();
        let is_number = |column: &usize| self.content(*column).numbers > 0;
        let mut numbers: Vec<usize> = free.iter().copied().filter(is_number).collect();
        if numbers.is_empty() && self.table.records {
            let is_numerals = |column: &usize| {
                let content = self.content(*column);
                content.distinct > 1 && content.numerals == content.distinct
            };
            numbers = free.iter().copied().filter(is_numerals).collect();
        }
        if numbers.is_empty() {
            let is_quantities = |column: &usize| {
                let content = self.content(*column);
                content.distinct > 1 && content.quantities == content.distinct
            };
            numbers = free.iter().copied().filter(is_quantities).collect();
        }
        let are_all = free.len() == numbers.len();
        let reason = |column: usize| why_no_value(self.table, column);
        let others: Vec<(usize, &str)> =
            numbers.iter().filter_map(|&column| Some((column, reason(column)?))).collect();
        let why = |&(column, why): &(usize, &str)| format!("{}: {why}", self.names(&[column]));
        // what is the only column beside the time is meant
        if others.len() < numbers.len() {
            notes.extend(others.iter().map(|other| format!("taken for no value: {}", why(other))));
            numbers.retain(|column| others.iter().all(|(other, _)| other != column));
        } else if !others.is_empty() && free.len() > 1 {
            let lists = self.table.lists.iter().map(|list| format!("{list}: a list of numbers"));
            let why: Vec<String> = others.iter().take(MOST_NAMES).map(why).chain(lists).collect();
            return Err(SeriesFileError::NoValue { line: self.line, why: why.join("; ") });
        }
        match (&numbers[..], &free[..]) {
            (&[only], _) => Ok(Values::One(only)),
            (&[], &[only]) if keys.is_empty() && !self.table.records => Ok(Values::One(only)),
            (&[first, ..], _) if !self.table.is_named => Ok(Values::One(first)),
            (&[], _) => Err(self.missing("value", &of_section.into_iter().chain(VALUES).collect::<Vec<_>>())),
            _ if !self.table.records && self.layout.by.is_empty() && are_all => Ok(Values::Each(numbers)),
            (several, _) => Err(SeriesFileError::WhichValue { line: self.line, there: self.names(several) }),
        }
    }

    /// The units of columns with values.
    fn units(&self, values: &Values) -> Vec<(usize, Unit)> {
        let columns = match values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Each(values) => values,
        };
        let of_section = self.layout.section.as_ref().and_then(|section| section.unit);
        let wanted = self.layout.unit.or(of_section);
        let unit = |&column: &usize| {
            let found = self.content(column).unit?;
            Some((column, wanted.unwrap_or(found)))
        };
        columns.iter().filter_map(unit).collect()
    }

    fn names(&self, columns: &[usize]) -> String {
        let names = columns.iter().filter_map(|&column| self.table.columns.get(column));
        let names: Vec<String> = names.take(MOST_NAMES).map(|column| format!("`{}`", column.name)).collect();
        match columns.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
            Some(more) => format!("{} and {more} more", names.join(", ")),
            None => names.join(", "),
        }
    }

    /// The columns that were asked for; of a section's those that are there.
    fn asked_keys(&self) -> Result<Option<Vec<usize>>, SeriesFileError> {
        if !self.layout.by.is_empty() {
            let key = |name: &String| {
                self.named(name)
                    .ok_or_else(|| SeriesFileError::NoKey { name: name.clone(), there: self.there() })
            };
            return self.layout.by.iter().map(key).collect::<Result<Vec<_>, _>>().map(Some);
        }
        let of_section = self.layout.section.as_ref().map(|section| &section.by[..]).unwrap_or_default();
        let found: Vec<usize> = of_section.iter().filter_map(|name| self.named(name)).collect();
        Ok(Some(found).filter(|found| !found.is_empty()))
    }

    /// Every column with texts that tell series apart.
    fn keys(&self, time: Option<usize>, values: &Values, notes: &mut Vec<String>) -> Vec<usize> {
        if self.table.records
            && let Some(usual) = SERIES.iter().find_map(|name| self.named(name))
        {
            return vec![usual];
        }
        let is_value = |column: usize| match values {
            Values::One(value) => *value == column,
            Values::Each(values) => values.contains(&column),
        };
        let mut keys = Vec::new();
        for column in 0..self.table.columns.len() {
            let content = self.content(column);
            let of_name = self.table.columns.get(column).map_or("", |column| column.name.as_str());
            let is_ours = ["metric_outlier", "metric_change", "alarm", "anomaly_error"]
                .iter()
                .any(|name| of_name.ends_with(name));
            if Some(column) == time || is_value(column) || content.texts == 0 || is_ours && self.table.records
            {
                if !self.table.is_named && Some(column) != time && !is_value(column) {
                    keys.push(column);
                }
                continue;
            }
            // records of one service have its name in each of them
            if self.table.records && content.distinct == 1 {
                continue;
            }
            if self.table.records && content.numerals == content.distinct && content.distinct > MOST_NUMERALS
            {
                let name = self.names(&[column]);
                notes.push(format!(
                    "{name} holds numbers: taken for no name of a series; --by {of_name} makes it one"
                ));
                continue;
            }
            let are_lines = self.table.records && LINES.contains(&of_name);
            if content.texts >= FEWEST_TEXTS && (are_lines || 2 * content.distinct > content.texts) {
                let name = self.names(&[column]);
                notes.push(format!(
                    "{name} holds {} different texts in {} lines: taken for no name of a series; --by {of_name} makes it one",
                    content.distinct, content.texts
                ));
                continue;
            }
            keys.push(column);
        }
        keys
    }

    /// What was taken for what.
    fn told(&self, time: Option<usize>, values: &Values, keys: &[usize]) -> String {
        let time = time.map_or("the envelope's".to_owned(), |time| self.names(&[time]));
        let values = match values {
            Values::One(value) => format!("value {}", self.names(&[*value])),
            Values::Each(values) => format!("a series for each of {}", self.names(values)),
        };
        let keys = match keys {
            [] => String::new(),
            keys => format!(", series by {}", self.names(keys)),
        };
        format!("read as {}: time {time}, {values}{keys}", self.table.form)
    }
}
