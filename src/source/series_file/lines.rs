//! Lines of a text.

use super::error::SeriesFileError;

/// The lines with something on them, with their numbers, as texts.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, &str), SeriesFileError>> {
    bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()).map(
        |(at, line)| {
            let line_number = at + 1;
            match std::str::from_utf8(line) {
                Ok(text) => Ok((line_number, text.trim_end_matches('\r'))),
                Err(_) => Err(SeriesFileError::NotCsv {
                    line: line_number,
                    why: "bytes that are no UTF-8 text: save it as such, `iconv -f latin1 -t utf-8` does",
                }),
            }
        },
    )
}
