//! What kind of file it is.

use super::error::SeriesFileError;
use super::kinds::{Form, Prefix};
use super::table::Table;
use super::{access_log, csv, json, key_value, line_protocol, packed, plain_text, prefixed};

/// Lines behind the first that are looked at.
const LOOKED_AT: usize = 20;

/// Tells by its begin what a file holds that is not packed. A document that holds records counts as an answer.
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
    // with more than a few of the others it is JSON all the same, which is told
    if 3 * objects.len() >= others.len() && !objects.is_empty() {
        return Form::Json;
    }
    match () {
        () if Prefix::of(said).is_some() => Form::Prefixed,
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
    match bytes {
        [0xff, 0xfe, text @ ..] => of_utf16(text, u16::from_le_bytes, as_text),
        [0xfe, 0xff, text @ ..] => of_utf16(text, u16::from_be_bytes, as_text),
        _ => of_utf8(bytes, as_text),
    }
}

/// What spreadsheets and shells of Windows write.
fn of_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, as_text: &[String]) -> Result<Table, SeriesFileError> {
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    let text = char::decode_utf16(units).collect::<Result<String, _>>();
    let text = text
        .map_err(|_| SeriesFileError::NotCsv { line: 1, why: "text that is no UTF-16: save it as UTF-8" })?;
    let mut table = of_utf8(text.as_bytes(), as_text)?;
    table.preparation.insert(0, "iconv -f UTF-16 -t UTF-8".to_owned());
    Ok(table)
}

fn of_utf8(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    if bytes.trim_ascii_start().is_empty() {
        return Err(SeriesFileError::Empty);
    }
    if ["# HELP ", "# TYPE "].iter().any(|head| bytes.trim_ascii_start().starts_with(head.as_bytes())) {
        return Err(SeriesFileError::Exposition);
    }
    let kind = reader_of(bytes);
    let mut table = match kind {
        Form::Msgpack => packed::read(bytes)?,
        Form::Json | Form::Answer => return json::read(bytes),
        Form::LineProtocol => line_protocol::read(bytes)?,
        Form::Logfmt => key_value::read(bytes)?,
        Form::AccessLog => access_log::read(bytes)?,
        Form::Prefixed => prefixed::read(bytes)?,
        Form::Csv | Form::Text => return csv_or_words(bytes, as_text),
    };
    table.kind = kind;
    Ok(table)
}

/// What no other reader takes: columns, or words behind a time, among which commas make columns by chance.
fn csv_or_words(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    let read = csv::read(bytes, as_text);
    let has_numbers = |table: &Table| {
        let time = table.time_column();
        let is_number = |column: usize| table.rows.iter().any(|row| table.number(row.cell(column)).is_some());
        (0..table.columns.len()).any(|column| Some(column) != time && is_number(column))
    };
    // words without a sign that separates columns: the first line of them names nothing
    let is_words = |table: &Table| {
        table.columns.iter().all(|column| column.name.contains(' ')) && table.columns.len() == 1
    };
    match read {
        Ok(table) if is_words(&table) && !has_numbers(&table) => {
            plain_text::read(bytes, false).map_or(Ok(table), Ok)
        }
        Ok(table) if has_numbers(&table) || (table.is_named && !plain_text::begins_with_head(bytes)) => {
            Ok(table)
        }
        read => plain_text::read(bytes, true).map_or(read, Ok),
    }
}
