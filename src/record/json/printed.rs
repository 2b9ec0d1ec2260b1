//! A quick look at a record as Fluent Bit prints it, for records that no section scores and thus nobody scans.

use crate::record::swar::{first_word, last_word, lowest, marks_between};

/// Whether [`mend`](super::mend) may change this record. False only if it would not, for a record without white space
/// between its tokens, as Fluent Bit prints it. A tenth of the cost of a scan.
#[must_use]
pub(crate) fn may_need_mending(record: &[u8]) -> bool {
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

/// Whether a comma, colon, bracket, plus or backslash may be a sign of something that is no JSON.
#[inline(always)] // speed
fn is_odd(record: &[u8], at: usize) -> bool {
    let byte = |at: usize| record.get(at).copied().unwrap_or(0);
    match byte(at) {
        b'\\' => is_odd_escape(byte(at + 1), byte(at + 2)),
        b'+' => ends_with_large_exponent(record, at),
        b':' if byte(at.wrapping_sub(1)) != b'"' && ends_with_bare_key(record, at) => true,
        _ => matches!(byte(at + 1), b'-' | b'i' | b'n') && is_not_finite(record, at + 1),
    }
}

/// What may follow a backslash in a record that needs no mending, the second half of a `\\` included: all but what JSON
/// does not know and halves of pairs.
#[inline(never)] // speed: rare
fn is_odd_escape(first: u8, second: u8) -> bool {
    match first {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => false,
        b'u' => matches!(second, b'd' | b'D'),
        _ => true,
    }
}

/// `e+300` and more.
#[inline(never)] // speed: rare
fn ends_with_large_exponent(record: &[u8], plus: usize) -> bool {
    let text = record.get(plus.wrapping_sub(1)..).unwrap_or_default();
    matches!(text, [b'e', b'+', b'3'..=b'9', b'0'..=b'9', b'0'..=b'9', ..])
}

/// `nan`, `inf`, and the same with a minus, up to the end of the token.
#[inline(never)] // speed: rare
fn is_not_finite(record: &[u8], at: usize) -> bool {
    let text = record.get(at..).unwrap_or_default();
    let text = if let [b'-', text @ ..] = text { text } else { text };
    matches!(
        text,
        [b'n', b'a', b'n', b',' | b']' | b'}' | b':', ..] | [b'i', b'n', b'f', b',' | b']' | b'}' | b':', ..]
    )
}

/// A key without quotes: a scalar behind a comma or a brace, or any container.
#[inline(never)] // speed: rare
fn ends_with_bare_key(record: &[u8], colon: usize) -> bool {
    let is_scalar = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let text = record.get(..colon).unwrap_or_default();
    let start = text.iter().rposition(|byte| !is_scalar(byte)).and_then(|at| text.get(at..));
    matches!(start, Some([b',' | b'{', _, ..] | [b']' | b'}']))
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
