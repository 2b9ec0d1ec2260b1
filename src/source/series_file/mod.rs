//! History of series from a file: whatever people have at hand, read by one reader for all commands.
//!
//! | form | told by |
//! |---|---|
//! | CSV, separated by `,`, `;` or tab | anything else than the others; a first line without numbers and dates names the columns |
//! | JSON lines, one object or an array of objects | `{` or `[` |
//! | answers of Prometheus (`query_range`), of Datadog (`/query`) | their members |
//! | InfluxDB line protocol, logfmt | their first line |
//! | access logs of web servers, common and combined | their first line |
//! | lines of containerd, syslog, `kubectl logs --timestamps`, `docker compose logs` with JSON, logfmt or an access log in them | their first lines |
//! | words behind a time, as `2026-01-31 12:00:00 ERROR disk full` | no columns with numbers |
//! | msgpack maps, a dump of the forward protocol | the first byte |
//!
//! gzip and zstd are unpacked. A time is a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told
//! by its size, or a date (UTC when no offset is given). What is wrong is told with its line and column, and what was
//! taken for what stands in [`SeriesFile::notes`].
//!
//! ```
//! use fluent_anomaly::sources::series_file::{Layout, read};
//! let file = read(b"time,host,value\n0,a,1.5\n60,a,2\n0,b,7\n", &Layout::default())?;
//! assert_eq!(file.series[0].name, "a");
//! assert_eq!(file.series[0].points[1].value, Some(2.0));
//! let error = read(b"time,value\n0,1\n60,fast\n", &Layout::default()).unwrap_err();
//! assert_eq!(error.to_string(), "line 3, column 2 (value): \"fast\" is not allowed: a finite number, or nothing where one is missing");
//! # Ok::<(), fluent_anomaly::sources::series_file::SeriesFileError>(())
//! ```

mod access_log;
mod calendar_dates;
mod collect;
mod compressed;
mod csv;
mod csvlog;
mod date_form;
mod error;
mod forms;
mod identifiers;
mod json;
mod key_value;
mod kinds;
mod layout;
mod line_protocol;
mod line_record;
mod line_words;
mod lines;
mod moment;
mod packed;
mod plain_text;
mod prefixed;
mod roles;
mod table;
#[cfg(test)]
mod tests;
mod wrapped;

use crate::time::Time;
pub use crate::time::parse_date;
pub use calendar_dates::unread_dates;
pub use compressed::{other_kind, unpack as unpacked, unpacking};
pub use date_form::DateForm;
pub use error::SeriesFileError;
pub use forms::form;
pub use identifiers::why_no_value;
pub use kinds::{Form, Prefix, PrefixKind};
pub use layout::{LINES, Layout};
pub use line_record::line_record;
pub use line_words::{DURATIONS, LEVEL_WITHIN, LEVELS};
pub use moment::of_text as parse_time;
pub use plain_text::read_plain_text;
pub use table::{Cell, Column, Row, Table};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesFile {
    /// Its series in the order in which they appear; never empty.
    pub series: Vec<FileSeries>,
    /// What its records call things.
    pub fields: Fields,
    /// Records that have no such value.
    pub passed_over: usize,
    /// What was taken for what, and what was done about it; one sentence each.
    pub notes: Vec<String>,
}

/// The fields of a file's records, as a configuration names them: `$host`. Empty for a file that names no columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// Of the time; `None` where it is the envelope's, or in a form that `time:` does not read.
    pub time: Option<String>,
    /// Of the value; `None` where each of several columns is a series of its own.
    pub value: Option<String>,
    /// Those that name a series.
    pub by: Vec<String>,
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

/// Reads a whole file.
///
/// # Errors
/// [`SeriesFileError`], the first one.
pub fn read(bytes: &[u8], layout: &Layout) -> Result<SeriesFile, SeriesFileError> {
    let table = read_table(bytes, &layout.by)?;
    let mut file = collect::series(&table, layout)?;
    file.notes.extend(table.odd_lines_note());
    Ok(file)
}

/// Reads a whole file as rows of named cells. Numbers in the columns `as_text` stay the texts that they are.
///
/// # Errors
/// [`SeriesFileError`], the first one.
pub fn read_table(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    let unpacked = compressed::unpack(bytes)?;
    let mut table = forms::read(&unpacked, as_text)?.check_odd_lines()?;
    calendar_dates::find(&mut table);
    table.preparation.splice(0..0, compressed::command(bytes).map(str::to_owned));
    Ok(table)
}
