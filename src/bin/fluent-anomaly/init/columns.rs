//! The columns of a sample: what hosts call them, what they hold, when their rows are.

use std::collections::{HashMap, HashSet};

use fluent_anomaly::Time;
use fluent_anomaly::sources::series_file::{Cell, Row, Table};

/// What a column holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) numbers: usize,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) rises: usize,
    pub(super) falls: usize,
    pub(super) texts: usize,
    pub(super) distinct: usize,
}

pub(super) fn name(names: &[String], column: usize) -> &str {
    names.get(column).map_or("", String::as_str)
}

pub(super) fn contents(table: &Table) -> Vec<Content> {
    let mut contents = vec![Content::default(); table.columns.len()];
    let mut distinct: Vec<HashSet<u32>> = vec![HashSet::new(); table.columns.len()];
    let mut before: Vec<Option<f64>> = vec![None; table.columns.len()];
    for row in &table.rows {
        for (at, content) in contents.iter_mut().enumerate() {
            match row.cell(at) {
                Cell::Number(number) => {
                    if content.numbers == 0 {
                        (content.least, content.most) = (number, number);
                    }
                    content.numbers += 1;
                    content.least = content.least.min(number);
                    content.most = content.most.max(number);
                    if let Some(Some(before)) = before.get(at) {
                        content.rises += usize::from(number > *before);
                        content.falls += usize::from(number < *before);
                    }
                    if let Some(slot) = before.get_mut(at) {
                        *slot = Some(number);
                    }
                }
                Cell::Text(text) => {
                    content.texts += 1;
                    if let Some(distinct) = distinct.get_mut(at) {
                        distinct.insert(text);
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

/// The time of a row.
pub(super) fn time_of(table: &Table, row: &Row, column: Option<usize>) -> Option<Time> {
    match column {
        Some(column) => table.time_of(column, row.cell(column)),
        None => row.time,
    }
}

/// The seconds of the earliest and of the latest row; `None` where no row has a time.
pub(super) fn extent(table: &Table, column: Option<usize>) -> Option<(i64, i64)> {
    let times = table.rows.iter().filter_map(|row| time_of(table, row, column)).map(Time::seconds);
    times.fold(None, |extent, time| {
        let (first, last) = extent.unwrap_or((time, time));
        Some((time.min(first), time.max(last)))
    })
}

/// What tells the series of a row apart.
pub(super) fn series_of(table: &Table, row: &Row, keys: &[usize]) -> Vec<String> {
    keys.iter().map(|&key| table.shown(row.cell(key))).collect()
}

/// Median of the seconds between two records of a series, 1 or more.
pub(super) fn spacing_s(table: &Table, time: Option<usize>, keys: &[usize]) -> i64 {
    let mut times: HashMap<Vec<String>, Vec<i64>> = HashMap::new();
    for row in &table.rows {
        times
            .entry(series_of(table, row, keys))
            .or_default()
            .extend(time_of(table, row, time).map(Time::seconds));
    }
    let mut steps = Vec::new();
    for times in times.values_mut() {
        times.sort_unstable();
        steps.extend(times.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?)));
    }
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(1).clamp(1, 3600)
}

/// A column of texts such as `01/02/2026 12:00:00`, and the first of them.
pub(super) fn dates_unread(table: &Table) -> Option<(usize, String)> {
    let looks_like_a_date = |text: &str| {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let marks = text.bytes().filter(|byte| b"/:-.".contains(byte)).count();
        text.len() < 32 && digits >= 6 && marks >= 2 && !text.contains("//") && text.contains(['/', ':'])
    };
    (0..table.columns.len()).find_map(|column| match table.rows.first()?.cell(column) {
        Cell::Text(text) if looks_like_a_date(table.text(text)) => {
            Some((column, table.text(text).to_owned()))
        }
        _ => None,
    })
}
