//! The names that a record has, for messages.

use super::format::Format;
use super::msgpack::{self, head};

/// Names of the values in a record, as accessors write them: members of the record and of maps inside of it, in their
/// order, at most `most`. What is no record has the names that stand ahead of the fault.
pub(crate) fn value_names(format: Format, record: &[u8], most: usize) -> Vec<String> {
    match format.in_this_build() {
        Format::Json => json_names(record, most),
        Format::Msgpack => msgpack_names(record, most),
    }
}

fn json_names(record: &[u8], most: usize) -> Vec<String> {
    let mut names = Vec::new();
    // for each open container the key at hand; `None` in an array
    let mut path: Vec<Option<String>> = Vec::new();
    let mut is_key = false;
    let mut rest = record;
    while let Some((&byte, behind)) = rest.split_first() {
        if names.len() >= most {
            break;
        }
        rest = behind;
        match byte {
            b'{' => {
                path.push(Some(String::new()));
                is_key = true;
            }
            b'[' => path.push(None),
            b'}' | b']' => {
                path.pop();
                is_key = false;
            }
            b',' => is_key = matches!(path.last(), Some(Some(_))),
            b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                let len = string_len(behind);
                let (text, after) = behind.split_at_checked(len).unwrap_or((behind, &[]));
                rest = after.split_first().map_or(&[], |(_, after)| after);
                if !is_key {
                    names.extend(accessor(&path));
                } else if let Some(Some(key)) = path.last_mut() {
                    *key = String::from_utf8_lossy(text).into_owned();
                    is_key = false;
                }
            }
            _ => {
                let len = behind.iter().take_while(|byte| !b",}] \t\r\n".contains(byte)).count();
                rest = behind.get(len..).unwrap_or_default();
                names.extend(accessor(&path));
            }
        }
    }
    names
}

/// Bytes up to the closing quote.
fn string_len(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

fn msgpack_names(record: &[u8], most: usize) -> Vec<String> {
    let mut names = Vec::new();
    let Ok(map) = head::read(record) else { return names };
    let head::Body::Map(members) = map.body else { return names };
    let mut rest = record.get(map.end..).unwrap_or_default();
    for _ in 0..members {
        if names.len() >= most {
            break;
        }
        let (Ok(Some(key)), Ok(name)) = (msgpack::object_len(rest), head::read(rest)) else { break };
        if let (head::Body::Text, Some(text)) = (name.body, rest.get(name.start..name.end)) {
            names.extend(accessor(&[Some(String::from_utf8_lossy(text).into_owned())]));
        }
        rest = rest.get(key..).unwrap_or_default();
        let Ok(Some(value)) = msgpack::object_len(rest) else { break };
        rest = rest.get(value..).unwrap_or_default();
    }
    names
}

/// `$cpu['user']`; `None` inside of an array.
fn accessor(path: &[Option<String>]) -> Option<String> {
    let mut name = String::from("$");
    for (at, key) in path.iter().enumerate() {
        let key = key.as_deref()?;
        let is_plain = key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@'));
        if at == 0 && is_plain && !key.is_empty() {
            name.push_str(key);
        } else {
            name.push_str(&format!("['{}']", key.replace('\'', "''")));
        }
    }
    (name.len() > 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Accessor;
    use proptest::prelude::*;

    #[test]
    fn values_of_maps_are_named_and_those_of_arrays_are_not() {
        for (record, names) in [
            (
                r#"{"a":1,"b":{"c":"x","d e":null},"f":[{"g":1}],"h":true}"#,
                &["$a", "$b['c']", "$b['d e']", "$h"][..],
            ),
            (r#"{ "a.b" : "}\"," , "it's" : -1e5 }"#, &["$['a.b']", "$['it''s']"]),
            ("{}", &[]),
            ("[1]", &[]),
            ("no record", &[]),
            (r#"{"a":1,"b"#, &["$a"]),
        ] {
            assert_eq!(value_names(Format::Json, record.as_bytes(), 9), names, "{record}");
        }
        assert_eq!(value_names(Format::Json, br#"{"a":1,"b":2,"c":3}"#, 2).len(), 2);
        let packed = b"\x83\xa1a\x01\xa1b\x81\xa1c\x02\xa1d\xc0";
        assert_eq!(value_names(Format::Msgpack, packed, 9), ["$a", "$b", "$d"]);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            for format in [Format::Json, Format::Msgpack] {
                let _ = value_names(format, &bytes, 9);
            }
        }

        #[test]
        fn each_name_is_an_accessor(text in r#"\{("[a-z '."]{0,4}":[0-9{]?,?){0,5}"#) {
            for name in value_names(Format::Json, text.as_bytes(), 9) {
                prop_assert!(Accessor::parse(&name).is_ok(), "{}", name);
            }
        }
    }
}
