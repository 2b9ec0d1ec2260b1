//! A quick look at a record as Fluent Bit prints it, for records that no section scores and thus nobody scans.

use crate::record::swar::{first_word, last_word, lowest, marks_between};

/// Whether [`mend`](super::mend) may change this record. False only if it would not, for a record without white space
/// between its tokens, as Fluent Bit prints it. A tenth of the cost of a scan.
#[must_use]
pub fn may_need_mending(record: &[u8]) -> bool {
    let last = last_word(record);
    let mut start = 0;
    while let Some(rest) = record.get(start..).filter(|rest| !rest.is_empty()) {
        let word = first_word(rest, last);
        let mut marks = marks_between(word, b'+', b',')
            | marks_between(word, b':', b':')
            | marks_between(word, b'[', b'\\');
        while marks != 0 {
            if is_odd(record, start + lowest(marks)) {
                return true;
            }
            marks &= marks - 1;
        }
        start += 8;
    }
    false
}

/// Whether a comma, colon, bracket, plus or backslash is a sign of something that is no JSON.
fn is_odd(record: &[u8], at: usize) -> bool {
    let (before, behind) = record.split_at(at);
    match behind {
        [b'\\', ..] => true,
        // an exponent from 300 on
        [b'+', b'3'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] => before.ends_with(b"e"),
        [b':', value @ ..] if before.ends_with(b"\"") => is_not_finite(value),
        [b':', value @ ..] => ends_with_bare_key(before) || is_not_finite(value),
        [b',' | b'[', value @ ..] => is_not_finite(value),
        _ => false,
    }
}

/// `nan`, `inf`, and the same with a minus, up to the end of the token.
fn is_not_finite(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    matches!(
        text,
        [b'n', b'a', b'n', b',' | b']' | b'}' | b':', ..] | [b'i', b'n', b'f', b',' | b']' | b'}' | b':', ..]
    )
}

/// A key without quotes: a scalar behind a comma or a brace, or any container.
fn ends_with_bare_key(text: &[u8]) -> bool {
    let is_scalar = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    match text.iter().rposition(|byte| !is_scalar(byte)).and_then(|at| text.get(at..)) {
        Some([b',' | b'{', _, ..] | [b']' | b'}']) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_records_need_no_scan() {
        for text in [
            r#"{}"#,
            r#"{"metric":"system.cpu.idle","raw_value":47.1234,"scope":"host:web-01","host":"web-01","time":1700000000}"#,
            r#"{"log":"12:30:45,123 GET http://a/b?c=d:info,e level:info a+b [x] (y: 1)","n":null,"t":true,"f":[1,-2,"a"]}"#,
            r#"{"x":1e+22,"y":-1.5e-300,"z":{"a":{}},"é":"nan, inf:"}"#,
        ] {
            assert!(!may_need_mending(text.as_bytes()), "{text}");
        }
    }
}
