//! Makes JSON of what Fluent Bit prints for a msgpack record, where that is not JSON.
//!
//! Fluent Bit prints each record for a WASM filter (`msgpack2json` in its `flb_pack.c`), reads the answer with its own
//! JSON reader, and drops the record if that refuses it. It prints some values in a way that no JSON reader accepts:
//!
//! | msgpack | printed | mended |
//! |---|---|---|
//! | NaN, infinity | `nan`, `-nan`, `inf`, `-inf` | `null` |
//! | a float next to the largest one | `1.797693134862316e+308`, beyond the range | the largest float |
//! | a key that is no text | `1`, `1.5`, `null`, `true`, `[1,"a"]` | the same in quotes |
//! | ext type, as value or key | `"\x65\xffffff80"`, a byte each | `"\u0065\u0080"` |
//! | a character beyond U+FFFF | `"\ud83d\ude00"`, which 3.2 reads as two halves | the character |

use crate::record::format::MAX_DEPTH;
use crate::record::number::parse_f64;

use super::escape::{escape_len, escape_of, surrogate_pair};

/// What was changed in a record to make it JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    /// Numbers that are NaN or infinite and became `null`.
    pub(crate) not_finite: usize,
    /// Numbers beyond the range of floats that became the largest float.
    pub(crate) beyond_range: usize,
    /// Keys that got quotes.
    pub(crate) keys: usize,
    /// Escapes that JSON does not have, and control characters.
    pub(crate) escapes: usize,
    /// Characters that are written without escapes now; nothing else changed in them.
    pub(crate) characters: usize,
    /// Offsets of the values that became `null`, in the mended record.
    pub(in crate::record) nulls: Vec<usize>,
}

impl Mended {
    /// Values or keys that differ from those of the record as it came.
    #[must_use]
    pub(crate) fn changes(&self) -> usize {
        self.not_finite + self.beyond_range + self.keys + self.escapes
    }

    /// Whether the value at this offset became `null`.
    pub(in crate::record) fn is_null_at(&self, offset: usize) -> bool {
        self.nulls.contains(&offset)
    }
}

impl std::fmt::Display for Mended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changes = [
            (self.not_finite, "NaN or infinite -> null"),
            (self.beyond_range, "number beyond the range -> largest float"),
            (self.keys, "key that is no text -> its text"),
            (self.escapes, "byte of an ext value -> character"),
        ];
        let mut separator = "";
        for (count, change) in changes.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} x {change}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Mends a record in place. `None`, and the record as it was, if there is nothing to mend, if it is no object, or if
/// memory is short. The caller scans the result: other faults stay in it.
#[cold]
#[inline(never)] // stack
pub(crate) fn mend(record: &mut Vec<u8>) -> Option<Mended> {
    let mut len = 0_usize;
    let mended = Mender::new(record, |bytes| len += bytes.len()).record()?;
    if mended == Mended::default() {
        return None;
    }
    // an allocation that fails inside would abort, and a WASM host would lose the record
    let mut text = Vec::new();
    text.try_reserve_exact(len).ok()?;
    record.try_reserve_exact(len.saturating_sub(record.len())).ok()?;
    Mender::new(record, |bytes| text.extend_from_slice(bytes)).record()?;
    // into the same buffer: the host has its address
    record.clear();
    record.extend_from_slice(&text);
    Some(mended)
}

/// What may stand next.
enum Expect {
    /// A key or the end of an object.
    Key,
    Colon,
    /// A value or the end of an array.
    Value,
    /// A comma or the end of a container.
    Comma,
}

/// Walks a record that is nearly JSON and hands the mended text to `write`, piece by piece.
struct Mender<'a, W: FnMut(&[u8])> {
    text: &'a [u8],
    at: usize,
    write: W,
    written: usize,
    mended: Mended,
}

impl<'a, W: FnMut(&[u8])> Mender<'a, W> {
    fn new(text: &'a [u8], write: W) -> Self {
        Self { text, at: 0, write, written: 0, mended: Mended::default() }
    }

    /// `None` if the text is no object, ends early or is nested too deep.
    fn record(mut self) -> Option<Mended> {
        let mut containers = Vec::new(); // the opening brackets
        let mut expect = Expect::Value;
        loop {
            let byte = *self.text.get(self.at)?;
            match (byte, &expect) {
                (b' ' | b'\t' | b'\n' | b'\r', _) => self.copy(1),
                (b'}' | b']', _) => {
                    self.copy(1);
                    containers.pop()?;
                    if containers.is_empty() {
                        self.copy(self.text.len() - self.at);
                        return Some(self.mended);
                    }
                    expect = Expect::Comma;
                }
                (b'"', Expect::Key) => {
                    self.string()?;
                    expect = Expect::Colon;
                }
                (_, Expect::Key) => {
                    self.key_without_quotes()?;
                    expect = Expect::Colon;
                }
                (b':', Expect::Colon) => {
                    self.copy(1);
                    expect = Expect::Value;
                }
                (b',', Expect::Comma) => {
                    self.copy(1);
                    let in_object = containers.last() == Some(&b'{');
                    expect = if in_object { Expect::Key } else { Expect::Value };
                }
                (b'{' | b'[', Expect::Value) => {
                    // the record itself must be an object
                    if containers.len() == MAX_DEPTH || (containers.is_empty() && byte == b'[') {
                        return None;
                    }
                    containers.push(byte);
                    self.copy(1);
                    expect = if byte == b'{' { Expect::Key } else { Expect::Value };
                }
                (_, Expect::Value) if containers.is_empty() => return None,
                (b'"', Expect::Value) => {
                    self.string()?;
                    expect = Expect::Comma;
                }
                (_, Expect::Value) => {
                    self.scalar()?;
                    expect = Expect::Comma;
                }
                (_, Expect::Colon | Expect::Comma) => return None,
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        (self.write)(bytes);
        self.written += bytes.len();
    }

    /// Copies the next bytes.
    fn copy(&mut self, len: usize) {
        let end = (self.at + len).min(self.text.len());
        let bytes = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        self.put(bytes);
    }

    /// A number or a word.
    fn scalar(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().take_while(|byte| is_part_of_scalar(**byte)).count();
        let scalar = rest.get(..len).filter(|scalar| !scalar.is_empty())?;
        let number = scalar.strip_prefix(b"-").unwrap_or(scalar);
        if matches!(number, b"nan" | b"inf" | b"NaN" | b"Infinity") {
            self.mended.not_finite += 1;
            self.mended.nulls.push(self.written);
            self.at += len;
            self.put(b"null");
        } else if number.first().is_some_and(u8::is_ascii_digit) && parse_f64(scalar).is_infinite() {
            self.mended.beyond_range += 1;
            self.at += len;
            self.put(if number.len() < len {
                b"-1.7976931348623157e+308"
            } else {
                b"1.7976931348623157e+308"
            });
        } else {
            self.copy(len);
        }
        Some(())
    }

    /// A string, its quotes included.
    fn string(&mut self) -> Option<()> {
        self.copy(1);
        loop {
            let rest = self.text.get(self.at..)?;
            let plain =
                rest.iter().take_while(|byte| **byte >= b' ' && !matches!(**byte, b'"' | b'\\')).count();
            self.copy(plain);
            let rest = rest.get(plain..)?;
            match rest.first()? {
                b'"' => {
                    self.copy(1);
                    return Some(());
                }
                b'\\' => self.escape(rest),
                control => {
                    self.at += 1;
                    self.escaped_byte(*control);
                }
            }
        }
    }

    /// One escape, or a pair of escapes, that `rest` begins with.
    fn escape(&mut self, rest: &[u8]) {
        if let Some(character) = surrogate_pair(rest) {
            self.mended.characters += 1;
            self.at += 12;
            self.put(character.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
        match (escape_len(rest), printed_byte(rest)) {
            (0, Some((byte, len))) => {
                self.at += len;
                self.escaped_byte(byte);
            }
            (0, None) => {
                self.mended.escapes += 1;
                self.at += 1;
                self.put(b"\\\\");
            }
            (len, _) => self.copy(len),
        }
    }

    /// A byte as the character of that number.
    fn escaped_byte(&mut self, byte: u8) {
        self.mended.escapes += 1;
        self.put(&escape_of(byte));
    }

    /// A key that does not begin with a quote, up to its colon: a scalar or a container.
    fn key_without_quotes(&mut self) -> Option<()> {
        let key = key_text(self.text.get(self.at..)?)?;
        self.mended.keys += 1;
        self.put(b"\"");
        for &byte in key {
            match byte {
                b'"' | b'\\' => self.put(&[b'\\', byte]),
                0..b' ' => self.escaped_byte(byte),
                _ => self.put(&[byte]),
            }
        }
        self.put(b"\"");
        self.at += key.len();
        Some(())
    }
}

fn is_part_of_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// The key without quotes that `text` begins with.
fn key_text(text: &[u8]) -> Option<&[u8]> {
    if !matches!(text.first()?, b'{' | b'[') {
        let len = text.iter().take_while(|byte| is_part_of_scalar(**byte)).count();
        return text.get(..len).filter(|key| !key.is_empty());
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut is_escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return text.get(..=at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The byte that the host printed as `\xNN`, and the length of that text. It prints a signed char: bytes from 0x80 on
/// come as `\xffffffNN`.
fn printed_byte(text: &[u8]) -> Option<(u8, usize)> {
    let digits = text.strip_prefix(b"\\x")?;
    let hex = |at: usize| -> Option<u8> {
        let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        Some((digit(at)? << 4 | digit(at + 1)?) as u8)
    };
    if digits.starts_with(b"ffffff")
        && let Some(byte) = hex(6).filter(|byte| *byte >= 0x80)
    {
        return Some((byte, 10));
    }
    hex(0).map(|byte| (byte, 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mended(text: &str) -> (String, Mended) {
        let mut record = text.as_bytes().to_vec();
        let mended = mend(&mut record).unwrap_or_default();
        (String::from_utf8(record).unwrap(), mended)
    }

    #[test]
    fn what_the_host_prints_for_odd_values_becomes_json() {
        for (printed, json) in [
            (r#"{"x":nan}"#, r#"{"x":null}"#),
            (r#"{"x":-nan,"y":1}"#, r#"{"x":null,"y":1}"#),
            (r#"{"x":[nan,inf,-inf],"y":{"z":inf}}"#, r#"{"x":[null,null,null],"y":{"z":null}}"#),
            (r#"{"x":1.797693134862316e+308}"#, r#"{"x":1.7976931348623157e+308}"#),
            (r#"{"x":-1.797693134862316e+308}"#, r#"{"x":-1.7976931348623157e+308}"#),
            (r#"{1:"v",-1:2,18446744073709551615:3}"#, r#"{"1":"v","-1":2,"18446744073709551615":3}"#),
            (r#"{1.5:1,1.0:2,nan:3,inf:4}"#, r#"{"1.5":1,"1.0":2,"nan":3,"inf":4}"#),
            (r#"{null:1,true:2,false:3}"#, r#"{"null":1,"true":2,"false":3}"#),
            (r#"{[1,"a"]:1,[]:2,{"a":1}:3}"#, r#"{"[1,\"a\"]":1,"[]":2,"{\"a\":1}":3}"#),
            (r#"{{"a":["}","\""]}:"v"}"#, r#"{"{\"a\":[\"}\",\"\\\"\"]}":"v"}"#),
            (r#"{"x":"\x65\x53\xfffffff1\x00"}"#, r#"{"x":"\u0065\u0053\u00f1\u0000"}"#),
            (r#"{"\x01":"v"}"#, r#"{"\u0001":"v"}"#),
            (r#"{"x":"\xffffff80\xffffffff\x41\x00"}"#, r#"{"x":"\u0080\u00ff\u0041\u0000"}"#),
            (r#"{"x":[{1:nan}],"y":{"n":null,2:{}}}"#, r#"{"x":[{"1":null}],"y":{"n":null,"2":{}}}"#),
            (r#"{"x":"\ud83d\ude00"}"#, r#"{"x":"😀"}"#),
            ("{\"x\":\"a\u{1}b\"}", r#"{"x":"a\u0001b"}"#),
            (r#"{"x":"\q"}"#, r#"{"x":"\\q"}"#),
            (" {\t1 : nan } \n", " {\t\"1\" : null } \n"),
        ] {
            let (text, what) = mended(printed);
            assert_eq!(text, json);
            assert_ne!(what, Mended::default(), "{printed}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_was_mended_is_counted_and_told() {
        let (text, what) = mended(r#"{1:nan,"x":[inf,1e999,"\x05"],"e":"\ud83d\ude00"}"#);
        assert_eq!(what.changes(), 5);
        assert_eq!(
            what.to_string(),
            "2 x NaN or infinite -> null, 1 x number beyond the range -> largest float, 1 x key that is no text -> its text, 1 x byte of an ext value -> character"
        );
        assert!(what.nulls.iter().all(|&at| text[at..].starts_with("null")), "{what:?}");
    }

    #[test]
    fn what_cannot_be_mended_stays_as_it_came() {
        for text in [
            "",
            "x",
            "[nan]",
            "nan",
            "{",
            r#"{"a":nan"#,
            r#"{"a" nan}"#,
            r#"{"a":nan]"#,
            "{1",
            r#"{"x":"\x0"#,
        ] {
            let mut record = text.as_bytes().to_vec();
            let outcome = mend(&mut record);
            let is_json = serde_json::from_slice::<serde_json::Value>(&record).is_ok();
            assert!(outcome.is_none() && record == text.as_bytes() || !is_json, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "[{}\\[\\]\",:0-9a-finu\\\\x. -]{0,40}") {
            let mut record = text.clone().into_bytes();
            if mend(&mut record).is_none() {
                prop_assert_eq!(record, text.into_bytes());
            }
        }

        /// What is mended needs no mending.
        #[test]
        fn mending_twice_is_mending_once(text in "\\{(\"[a-c]\"|[0-9]|nan|\\[\\]):(nan|-inf|1e999|[0-9]|\"\\\\x0[0-9]\"|\\[nan\\])\\}") {
            let (once, what) = mended(&text);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&once).is_ok(), "{} {:?}", once, what);
            let (twice, nothing) = mended(&once);
            prop_assert_eq!(nothing, Mended::default());
            prop_assert_eq!(twice, once);
        }
    }
}
