//! What kind of file it is.

use super::error::SeriesFileError;
use super::table::Table;
use super::{access_log, csv, json, key_value, line_protocol, packed};

/// Lines behind the first that are looked at.
const LOOKED_AT: usize = 20;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Records in JSON: one a line, in an array, or over several lines each.
    Json,
    /// An answer of Prometheus or Datadog.
    Answer,
    /// InfluxDB line protocol.
    LineProtocol,
    /// `key=value` pairs.
    Logfmt,
    /// Separated columns, or anything else.
    Csv,
    /// The access log of a web server.
    AccessLog,
    /// msgpack, also of the forward protocol.
    Msgpack,
}

impl Form {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Form::Json => "JSON",
            Form::Answer => "the answer of a metrics store",
            Form::LineProtocol => "InfluxDB line protocol",
            Form::Logfmt => "logfmt",
            Form::Csv => "CSV",
            Form::AccessLog => "an access log",
            Form::Msgpack => "msgpack",
        }
    }
}

/// Tells by its begin what a file holds that is not packed.
#[must_use]
pub fn form(bytes: &[u8]) -> Form {
    let bytes = without_mark(bytes);
    let said = bytes.trim_ascii_start();
    match reader_of(bytes) {
        Form::Json if said.starts_with(b"{") && json::begins_with_answer(said) => Form::Answer,
        form => form,
    }
}

/// The same, but that an answer is JSON: to tell them apart takes reading the whole answer.
fn reader_of(bytes: &[u8]) -> Form {
    let said = bytes.trim_ascii_start();
    match said.first() {
        Some(&first) if first >= 0x80 && packed::is_packed(bytes) => return Form::Msgpack,
        Some(b'{') => return Form::Json,
        Some(b'[') if json::is_array(said) => return Form::Json,
        _ => {}
    }
    let mut lines = said
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#"));
    let first_line = String::from_utf8_lossy(lines.next().unwrap_or_default());
    // a log that was rotated may begin within a line
    let (objects, others): (Vec<&[u8]>, Vec<&[u8]>) =
        lines.take(LOOKED_AT).map(<[u8]>::trim_ascii).partition(|line| json::is_object(line));
    if objects.len() > 3 * others.len() {
        return Form::Json;
    }
    match () {
        () if access_log::is_line(&first_line) => Form::AccessLog,
        () if line_protocol::is_line(&first_line) => Form::LineProtocol,
        () if key_value::is_line(&first_line) => Form::Logfmt,
        () => Form::Csv,
    }
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads the whole file as what it looks like.
pub(super) fn read(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    let bytes = without_mark(bytes);
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err(SeriesFileError::NotCsv { line: 1, why: "text in UTF-16: save it as UTF-8" });
    }
    if bytes.trim_ascii_start().is_empty() {
        return Err(SeriesFileError::Empty);
    }
    match reader_of(bytes) {
        Form::Msgpack => packed::read(bytes),
        Form::Json | Form::Answer => json::read(bytes),
        Form::LineProtocol => line_protocol::read(bytes),
        Form::Logfmt => key_value::read(bytes),
        Form::AccessLog => access_log::read(bytes),
        Form::Csv => csv::read(bytes, as_text),
    }
}
