//! Columns of numbers that measure nothing: ids, ports, codes, numbers of lines.

use std::collections::HashSet;

use super::table::Table;

/// Words in names of numbers that measure nothing.
const LABELS: [&str; 28] = [
    "id",
    "pid",
    "port",
    "code",
    "status",
    "year",
    "version",
    "line",
    "uid",
    "gid",
    "seq",
    "offset",
    "interval",
    "thread",
    "level",
    "severity",
    "severitynumber",
    "priority",
    "facility",
    "flags",
    "itemid",
    "eventid",
    "recordid",
    "requestid",
    "userid",
    "threadid",
    "processid",
    "sessionid",
];
/// Rows from which on the numbers of a column tell what they are.
const FEWEST_ROWS: usize = 20;
/// The least number that an id without a name is told by: smaller ones count something, too.
const LEAST_ID: f64 = 1000.0;
/// Rows for each of an id's values, on average, at least.
const ROWS_A_VALUE: usize = 20;

/// Why a column of numbers measures nothing; `None` where it may be a value.
#[must_use]
pub fn why_no_value(table: &Table, column: usize) -> Option<&'static str> {
    let last = table.last_key(column);
    let is_label = |word: &str| LABELS.contains(&word);
    if last.split(['_', '-', '.']).any(is_label) {
        return Some("its name says that it is a label");
    }
    if last.contains("timestamp") {
        return Some("its name says that it is a time");
    }
    // a column with a name is known by it
    if table.is_named || table.records {
        return None;
    }
    let numbers: Vec<f64> = table.rows.iter().filter_map(|row| table.number(row.cell(column))).collect();
    if numbers.len() < FEWEST_ROWS || numbers.iter().any(|number| number.fract() != 0.0) {
        return None;
    }
    let are_most = |count: usize| count * 10 > numbers.len() * 9;
    let steps = || numbers.iter().zip(numbers.iter().skip(1)).map(|(before, after)| after - before);
    if are_most(steps().filter(|step| *step == 1.0).count() + 1) && steps().all(|step| step >= 0.0) {
        return Some("it grows by one from line to line, as numbers of lines do");
    }
    let distinct: HashSet<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    let is_large = numbers.iter().all(|number| *number >= LEAST_ID);
    if is_large && distinct.len() > 1 && distinct.len() * ROWS_A_VALUE <= numbers.len() {
        return Some(
            "the same few large whole numbers come again and again, as ids of processes and ports do",
        );
    }
    None
}
