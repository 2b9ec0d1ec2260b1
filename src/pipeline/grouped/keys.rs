//! The keys of members and groups: from the fields of a record, or from the key of a series with windows.

use crate::bank::SeriesKey;
use crate::config::{GroupKey, Section};
use crate::pipeline::record_access::RecordAccess;
use crate::pipeline::series_key::{append_field, key_parts, part_text};
use crate::record::{Accessor, Value};

/// A field that names a member or a group.
#[derive(Debug)]
pub(super) struct KeyInput {
    /// Its place among the inputs of the section's extractor; with windows, among the parts of a series' key.
    pub(super) input: usize,
    /// The tag that is wanted of it.
    tag: Option<String>,
    /// As people call it.
    name: String,
}

impl KeyInput {
    /// Of records: adds the fields to the inputs of the extractor.
    pub(super) fn of_records(keys: &[GroupKey], inputs: &mut Vec<Accessor>) -> Vec<Self> {
        let mut input = |key: &GroupKey| {
            let (accessor, tag, name) = match key {
                GroupKey::Field(accessor) => (Some(accessor.clone()), None, accessor.name().to_owned()),
                GroupKey::Tag(tag) => (Accessor::parse("scope").ok(), Some(tag.clone()), tag.clone()),
            };
            inputs.push(accessor?);
            Some(Self { input: inputs.len() - 1, tag, name })
        };
        keys.iter().filter_map(&mut input).collect()
    }

    /// Of windows: fields of the series' key. A checked configuration has no others.
    pub(super) fn of_windows(keys: &[GroupKey], section: &Section) -> Vec<Self> {
        let input = |key: &GroupKey| {
            let GroupKey::Field(accessor) = key else { return None };
            let input = section.by.iter().position(|by| by == accessor)?;
            Some(Self { input, tag: None, name: accessor.name().to_owned() })
        };
        keys.iter().filter_map(input).collect()
    }

    /// The template of a line, the last part of a key.
    pub(super) fn template(section: &Section) -> Self {
        Self { input: section.by.len(), tag: None, name: "pattern".to_owned() }
    }
}

/// A member by the names of its fields and their values, `host:a`, as a scope says it; `key`: as [`fill`] made it.
pub(super) fn member_text(inputs: &[KeyInput], key: &[u8]) -> String {
    let several = inputs.len() > 1;
    let mut text = String::new();
    for (input, part) in inputs.iter().zip(key_parts(key, several)) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&input.name);
        text.push(':');
        text.push_str(&part_text(part));
    }
    text
}

/// Makes the key of some inputs' values in a scanned record; false where one of them is missing or no scalar.
pub(super) fn fill(inputs: &[KeyInput], record: &[u8], access: &RecordAccess, key: &mut SeriesKey) -> bool {
    if let [KeyInput { input, tag: None, .. }] = inputs
        && let Some(text) = access.found.plain_text(record, *input)
    {
        key.set(b't', text);
        return true;
    }
    let mut is_whole = true;
    key.fill(|out| {
        for KeyInput { input, tag, .. } in inputs {
            let value = access.found.value(record, *input);
            is_whole &= match tag {
                None => append_field(value, inputs.len() > 1, out),
                Some(tag) => append_tag(value, tag, inputs.len() > 1, out),
            };
        }
    });
    is_whole
}

/// The same of some parts of a series' key, which has `several` or one.
pub(super) fn fill_of_series(inputs: &[KeyInput], series: &[u8], several: bool, key: &mut SeriesKey) -> bool {
    let mut is_whole = true;
    key.fill(|out| {
        for KeyInput { input, .. } in inputs {
            let part = key_parts(series, several).nth(*input).unwrap_or(b"-");
            is_whole &= part.first().is_some_and(|kind| *kind != b'-');
            append_part(part, inputs.len() > 1, out);
        }
    });
    is_whole
}

/// Appends the value of a tag of a scope, as [`append_field`] appends a text; false where the scope has no such tag.
fn append_tag(scope: Option<Value<'_>>, tag: &str, several: bool, key: &mut Vec<u8>) -> bool {
    let mut text = Vec::new();
    if let Some(Value::Text(scope)) = scope {
        scope.append_to(&mut text);
    }
    let value = text.split(|&byte| byte == b',').find_map(|pair| {
        let behind = pair.strip_prefix(tag.as_bytes())?;
        behind.strip_prefix(b":")
    });
    let part = value.map_or_else(|| b"-".to_vec(), |value| [b"t", value].concat());
    append_part(&part, several, key);
    value.is_some()
}

/// Appends a part, its kind before its text, as [`append_field`] does.
fn append_part(part: &[u8], several: bool, key: &mut Vec<u8>) {
    if several {
        key.extend_from_slice(&(part.len() as u32 + 4).to_le_bytes());
    }
    key.extend_from_slice(part);
}
