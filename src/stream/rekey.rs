//! The message key that keeps a series in one partition.

use thiserror::Error;

use crate::config::{Config, TagPattern};
use crate::record::{Accessor, Extractor, Format, Found, Value};

/// Two sections that score the same records by fields that have nothing in common.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "[{first}] and [{second}] score the same records by different fields, and one message key cannot keep the series of both in one partition: give them topics of their own"
)]
pub struct RekeyError {
    first: String,
    second: String,
}

/// Finds the key of a record.
#[derive(Debug, Clone)]
pub(super) struct Rekey {
    sections: Vec<KeyedSection>,
}

#[derive(Debug, Clone)]
struct KeyedSection {
    name: String,
    tags: TagPattern,
    by: Vec<Accessor>,
    extractor: Extractor,
}

impl Rekey {
    /// # Errors
    /// [`RekeyError`].
    pub(super) fn new(config: &Config, format: Format) -> Result<Self, RekeyError> {
        let sections: Vec<KeyedSection> = config
            .sections
            .iter()
            .map(|section| KeyedSection {
                name: section.title(),
                tags: section.tags.clone(),
                by: section.by.clone(),
                extractor: Extractor::new(format, &section.by, &[]),
            })
            .collect();
        for (n, first) in sections.iter().enumerate() {
            for second in sections.iter().skip(n + 1).filter(|second| second.tags.overlaps(&first.tags)) {
                let (few, many) =
                    if first.by.len() <= second.by.len() { (first, second) } else { (second, first) };
                if !few.by.iter().all(|field| many.by.contains(field)) {
                    return Err(RekeyError { first: first.name.clone(), second: second.name.clone() });
                }
            }
        }
        Ok(Self { sections })
    }

    /// Writes the key of a record into `key`; false for one that no section scores. The fields of the key are those of
    /// the section with the fewest: records of one series of any other section have the same ones.
    pub(super) fn key(&self, tag: &[u8], record: &[u8], found: &mut Found, key: &mut Vec<u8>) -> bool {
        key.clear();
        let scoring = self.sections.iter().filter(|section| section.tags.matches(tag));
        let Some(section) = scoring.min_by_key(|section| section.by.len()) else { return false };
        if section.extractor.scan(record, found).is_err() {
            return false;
        }
        if section.by.is_empty() {
            key.extend_from_slice(section.name.as_bytes());
        }
        for input in 0..section.by.len() {
            if input > 0 {
                key.push(b',');
            }
            // two series may have one key: they only share a partition
            match found.value(record, input) {
                Some(Value::Text(text)) => text.append_to(key),
                Some(Value::Number(number)) => number.append_to(key),
                Some(Value::Bool(truth)) => key.extend_from_slice(if truth { b"true" } else { b"false" }),
                _ => key.push(b'-'),
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rekey(text: &str) -> Result<Rekey, RekeyError> {
        Rekey::new(&Config::parse("f.ini", text).unwrap(), Format::Json)
    }

    #[test]
    fn the_key_is_made_of_the_fields_that_all_sections_of_a_record_share() {
        let rekey = rekey(
            "[series.a]\nmatch: app.*\nvalue: $v\nby: $host, $path\n[series.b]\nmatch: app.*\nvalue: $w\nby: $host\nprefix: w_\n",
        )
        .unwrap();
        let mut key = Vec::new();
        let mut found = Found::default();
        let record = br#"{"host":"h1","path":"/x","v":1}"#;
        assert!(rekey.key(b"app.x", record, &mut found, &mut key));
        assert_eq!(key, b"h1");
        assert!(!rekey.key(b"other", record, &mut found, &mut key));
        assert!(!rekey.key(b"app.x", b"no record", &mut found, &mut key));
        assert!(rekey.key(b"app.x", b"{}", &mut found, &mut key));
        assert_eq!(key, b"-");
    }

    #[test]
    fn sections_that_have_no_field_in_common_are_told() {
        let error = rekey(
            "[series.a]\nmatch: *\nvalue: $v\nby: $host\n[series.b]\nmatch: *\nvalue: $w\nby: $path\nprefix: w_\n",
        )
        .unwrap_err();
        assert!(error.to_string().starts_with("[series.a] and [series.b] score the same records"), "{error}");
    }
}
