//! What kind of file it is.

use super::error::SeriesFileError;
use super::table::Table;
use super::{csv, json, key_value, line_protocol, packed};

/// Reads the whole file as what it looks like.
pub(super) fn read(bytes: &[u8], as_text: &[String]) -> Result<Table, SeriesFileError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err(SeriesFileError::NotCsv { line: 1, why: "text in UTF-16: save it as UTF-8" });
    }
    let said = bytes.trim_ascii_start();
    let Some(&first) = said.first() else { return Err(SeriesFileError::Empty) };
    if first >= 0x80 && packed::is_packed(bytes) {
        return packed::read(bytes);
    }
    match first {
        b'{' => return json::read(bytes),
        b'[' if json::is_array(said) => return json::read(bytes),
        _ => {}
    }
    let first_line = said
        .split(|&byte| byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#"));
    let first_line = String::from_utf8_lossy(first_line.unwrap_or_default()).into_owned();
    if line_protocol::is_line(&first_line) {
        return line_protocol::read(bytes);
    }
    if key_value::is_line(&first_line) {
        return key_value::read(bytes);
    }
    csv::read(bytes, as_text)
}
