//! Why a file is no history.

use thiserror::Error;

/// Most characters of a wrong value that an error shows.
const SHOWN: usize = 40;

/// Why a file is no history.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SeriesFileError {
    /// Numbers that measure nothing.
    #[error("line {line}: no value: {why}; name one with --value")]
    NoValue {
        /// From 1.
        line: usize,
        /// The columns with numbers, each with its reason.
        why: String,
    },
    /// A file of another kind.
    #[error("the file is {what}: {advice}")]
    OtherKind {
        /// What it is.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// Not one line with something on it.
    #[error(
        "the file is empty: CSV with the columns time and value is wanted, or JSON lines with such fields"
    )]
    Empty,
    /// One point has no history.
    #[error("line {line}: there is only one point with a value: two or more are wanted")]
    OnePoint {
        /// Where it stands.
        line: usize,
    },
    /// Columns are named, and not one has a value below it.
    #[error("no line has a point with a value (lines: {lines}): two or more are wanted")]
    NoPoint {
        /// Lines with something on them.
        lines: usize,
    },
    /// No column or field of the names that are looked for.
    #[error("line {line}: no {what} among {there}: one of {wanted} is wanted; name another with --{what}")]
    Missing {
        /// Where it was looked for.
        line: usize,
        /// `time` or `value`.
        what: &'static str,
        /// The columns that are there.
        there: String,
        /// The names that were looked for.
        wanted: String,
    },
    /// Several columns could be the value.
    #[error("line {line}: {there} all hold numbers: name the one that is wanted with --value")]
    WhichValue {
        /// Where the first row stands.
        line: usize,
        /// The columns.
        there: String,
    },
    /// A line of a CSV file with more or fewer fields than the first.
    #[error("line {line}: {found} columns, but the first line has {expected}")]
    Columns {
        /// The line.
        line: usize,
        /// Its fields.
        found: usize,
        /// Those of the first line.
        expected: usize,
    },
    /// Something else than what has to stand there.
    #[error("line {line}, column {column}: {given} is not allowed: {allowed}")]
    Value {
        /// The line.
        line: usize,
        /// `2 (value)` in CSV, `value` in a record.
        column: String,
        /// What stands there, shortened.
        given: String,
        /// What may.
        allowed: &'static str,
    },
    /// `01/02/2026` throughout.
    #[error(
        "line {line}, column {column}: {given:?} may be {} or {}, and no line of the column has a day above 12 that would \
         tell: write the dates as {}",
        either(given, 1),
        either(given, 0),
        either(given, 1)
    )]
    UnclearDate {
        /// Where the first one stands.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        given: String,
    },
    /// `13/02/2026` and `02/14/2026`.
    #[error(
        "line {line}, column {column}: {given:?} has the month first and {other:?} the day: write all dates as {}",
        either(given, 0)
    )]
    MixedDates {
        /// Where the first one with the month first stands.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        given: String,
        /// A date with the day first.
        other: String,
    },
    /// What an exporter of Prometheus shows: one value a series, and no history.
    #[error(
        "the file is a page of an exporter, as Prometheus scrapes it: one value a series is no history; ask Prometheus for one with \
         GET /api/v1/query_range, or VictoriaMetrics with /api/v1/export"
    )]
    Exposition,
    /// Two values of one series at one time.
    #[error(
        "line {line}: the series{of} has a value at this time already, in line {before}: name with --by what tells its series apart"
    )]
    Twice {
        /// The line.
        line: usize,
        /// Line of the point before.
        before: usize,
        /// ` <series>`, where there are several.
        of: String,
    },
    /// A line or an element that is no record.
    #[error("line {line}: not a record: {why}")]
    NotARecord {
        /// The line.
        line: usize,
        /// Why.
        why: String,
    },
    /// Too many lines that are no records.
    #[error(
        "{first}; {odd} of {lines} lines are none: take them out (`grep '^{{'` keeps JSON), or let a parser of Fluent Bit or Fluentd make records of them"
    )]
    OddLines {
        /// The first.
        first: Box<SeriesFileError>,
        /// How many.
        odd: usize,
        /// Lines in all.
        lines: usize,
    },
    /// An answer of a metrics store that says why there is none.
    #[error("line {line}: the answer is an error: {why}")]
    NoAnswer {
        /// The line.
        line: usize,
        /// The store's own words.
        why: String,
    },
    /// A quote that is not closed on its line, or bytes that are no UTF-8.
    #[error("line {line}: {why}")]
    NotCsv {
        /// The line.
        line: usize,
        /// Why.
        why: &'static str,
    },
    /// Bytes that begin like a packed file and are none.
    #[error("the file begins as {what} does, and cannot be unpacked: {why}")]
    Packed {
        /// `gzip`, `zstd` or `msgpack`.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A row in which something that was named stands in no column.
    #[error("no column is named {name:?} (--by); there are {there}")]
    NoKey {
        /// What was named.
        name: String,
        /// The columns.
        there: String,
    },
}

/// `01/02/2026` as ISO 8601, with the month in this place.
fn either(given: &str, month: usize) -> String {
    let parts: Vec<&str> = given.split(|c: char| !c.is_ascii_digit()).collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    format!("{}-{:0>2}-{:0>2}", part(2), part(month), part(1 - month.min(1)))
}

/// `"text"`, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
