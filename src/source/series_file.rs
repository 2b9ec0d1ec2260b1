//! History of series from a file: CSV (`time,value[,series...]`) or JSON lines (records, annotated or not).
//!
//! Lines are handed over one by one, so that whoever has no files can read, too. What is wrong is told with its
//! line and column.
//!
//! * CSV: separated by `,`, `;` or tab, whichever comes first in the first line; `"` may stand around a field. When
//!   the first field of the first line is no time, the line names the columns. Columns behind time and value name
//!   the series, unless [`Layout::by`] says which do. An empty value, `null`, `NA` or `NaN` is a missing one.
//! * JSON lines: one record a line. A record without the value is passed over, null is a missing value.
//! * A time is a number of seconds since 1970, of milliseconds from 10^11 on, or a date
//!   (`2026-01-31T12:00:00.5+01:00`, UTC when no offset is given).
//!
//! ```
//! use fluent_anomaly::sources::series_file::{Layout, read};
//! let file = read(b"time,value,host\n0,1.5,a\n60,2,a\n0,7,b\n", &Layout::default())?;
//! assert_eq!(file.series[0].name, "a");
//! assert_eq!(file.series[0].points[1].value, Some(2.0));
//! let error = read(b"time,value\n0,1\n60,fast\n", &Layout::default()).unwrap_err();
//! assert_eq!(error.to_string(), "line 3, column 2 (value): \"fast\" is not allowed: a finite number, or nothing where one is missing");
//! # Ok::<(), fluent_anomaly::sources::series_file::SeriesFileError>(())
//! ```

mod collect;
mod csv;
mod json;
#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::record::NotARecord;
use crate::time::Time;
pub use crate::time::parse_date;
use collect::Collected;

/// Most characters of a wrong value that an error shows.
const SHOWN: usize = 40;

/// Which columns or fields hold what. Names of fields are record accessors, with or without `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Where the time stands; the first of these that is there counts.
    pub time: Vec<String>,
    /// Where the value stands, likewise.
    pub value: Vec<String>,
    /// What names a series; empty: all further columns of a CSV file, `scope` or `series` of a record.
    pub by: Vec<String>,
    /// Whether times may go back: each series is sorted then.
    pub sort: bool,
}

impl Default for Layout {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            time: names(&["time", "timestamp", "date", "fluent_time"]),
            value: names(&["value", "raw_value"]),
            by: Vec::new(),
            sort: false,
        }
    }
}

/// Content of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesFile {
    /// Its series in the order in which they appear; never empty.
    pub series: Vec<FileSeries>,
    /// Records that have no such value.
    pub passed_over: usize,
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSeries {
    /// The values that name it, joined by `, `; empty when nothing names series.
    pub name: String,
    /// The same with the columns or fields they come from.
    pub keys: Vec<(String, String)>,
    /// Its points, by time.
    pub points: Vec<FilePoint>,
}

/// One point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilePoint {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// When.
    pub time: Time,
    /// Finite; `None` where a value is missing.
    pub value: Option<f64>,
}

/// Why a file is no history.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SeriesFileError {
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
        /// `2 (value)` in CSV, `$value` in a record.
        column: String,
        /// The value given, shortened.
        given: String,
        /// The values allowed.
        allowed: &'static str,
    },
    /// The times of a series have to ascend.
    #[error(
        "line {line}, column {column}: {given} is earlier than the time in line {before}{of}: sort the file by time"
    )]
    Backwards {
        /// The line.
        line: usize,
        /// As in `Value`.
        column: String,
        /// The time as it is written.
        given: String,
        /// Line of the point before.
        before: usize,
        /// ` of <series>`, where there are several.
        of: String,
    },
    /// A line that is no JSON object, in a file of such.
    #[error("line {line}: {error}")]
    NotARecord {
        /// The line.
        line: usize,
        /// Why.
        error: NotARecord,
    },
    /// A quote that is not closed on its line, or bytes that are no UTF-8.
    #[error("line {line}: {why}")]
    NotCsv {
        /// The line.
        line: usize,
        /// Why.
        why: &'static str,
    },
    /// A name in the layout that is no record accessor.
    #[error("{0}")]
    Name(String),
}

/// Reads a file line by line.
#[derive(Debug)]
pub struct FileReader {
    layout: Layout,
    lines: usize, // handed over so far
    said: usize,  // of those, the ones with something on them
    kind: Option<LineKind>,
    collected: Collected,
}

#[derive(Debug)]
enum LineKind {
    Csv(csv::Csv),
    Json(Box<json::Json>),
}

impl FileReader {
    /// Ready for the first line.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let collected = Collected::new(layout.sort);
        Self { layout: layout.clone(), lines: 0, said: 0, kind: None, collected }
    }

    /// Takes the next line, without its line break.
    ///
    /// # Errors
    /// [`SeriesFileError`] with the place; no further lines should follow.
    pub fn line(&mut self, line: &[u8]) -> Result<(), SeriesFileError> {
        self.lines += 1;
        let line = match self.lines {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.said += 1;
        match &mut self.kind {
            Some(LineKind::Csv(csv)) => csv.line(self.lines, line, &mut self.collected),
            Some(LineKind::Json(json)) => json.line(self.lines, line, &mut self.collected),
            None if line.trim_ascii_start().starts_with(b"{") => {
                let mut json = Box::new(json::Json::new(&self.layout)?);
                let taken = json.line(self.lines, line, &mut self.collected);
                self.kind = Some(LineKind::Json(json));
                taken
            }
            None => {
                let csv = csv::Csv::begin(self.lines, line, &self.layout, &mut self.collected)?;
                self.kind = Some(LineKind::Csv(csv));
                Ok(())
            }
        }
    }

    /// All lines were handed over.
    ///
    /// # Errors
    /// [`SeriesFileError`] when they hold fewer than two points.
    pub fn finish(self) -> Result<SeriesFile, SeriesFileError> {
        if let Some(LineKind::Json(json)) = &self.kind {
            json.check(&self.collected)?;
        }
        self.collected.finish(self.said)
    }
}

/// Reads a whole file.
///
/// # Errors
/// [`SeriesFileError`], the first one.
pub fn read(bytes: &[u8], layout: &Layout) -> Result<SeriesFile, SeriesFileError> {
    let mut reader = FileReader::new(layout);
    bytes.split(|&byte| byte == b'\n').try_for_each(|line| reader.line(line))?;
    reader.finish()
}

/// `"text"`, cut where it is long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
