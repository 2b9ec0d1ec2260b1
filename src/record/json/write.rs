//! Annotations, written in place.

use super::escape::append_string;
use crate::record::found::Found;
use crate::record::number;
use crate::record::output::{EncodedOutputs, Field, Output};
use crate::record::replace::replace;

/// Room that a number takes at most, for the reservation ahead of writing.
const NUMBER_ROOM: usize = 24;

/// `,"name":` and constants.
pub(in crate::record) fn encode_outputs(outputs: &[Output]) -> EncodedOutputs {
    let name = |name: &str, out: &mut Vec<u8>| {
        out.push(b',');
        append_string(name, out);
        out.push(b':');
    };
    EncodedOutputs::new(outputs, name, append_string)
}

/// Whether a record that was scanned ends in its brace and has none of the outputs yet, nor is empty.
#[inline(always)] // speed
pub(in crate::record) fn takes_suffix(record: &[u8], found: &Found) -> bool {
    // the brace stands at the edge
    found.edge.wrapping_add(1) == record.len() && found.members != 0 && found.replaced.is_empty()
}

/// Writes the text of a suffix where the brace of a plain record stands.
#[inline(always)] // speed
pub(in crate::record) fn append_suffix(record: &mut Vec<u8>, suffix: &[u8]) {
    let brace = record.pop();
    debug_assert_eq!(brace, Some(b'}'), "a suffix may only follow a record as it was scanned");
    record.extend_from_slice(suffix);
}

/// Writes fields into the record that was scanned.
pub(in crate::record) fn annotate(
    record: &mut Vec<u8>,
    outputs: &EncodedOutputs,
    found: &Found,
    fields: &[(usize, Field<'_>)],
) {
    if record.get(found.edge) != Some(&b'}') || record.len() != found.len {
        return; // not the record that was scanned, or none
    }
    record.reserve(outputs.len() + NUMBER_ROOM * fields.len());
    let behind = record.len() - found.edge; // the brace and white space
    if behind == 1 {
        record.pop();
        append_members(record, outputs, found, fields);
        record.push(b'}');
    } else {
        let end = record.len();
        append_members(record, outputs, found, fields);
        let added = record.len() - end;
        if let Some(suffix) = record.get_mut(found.edge..) {
            suffix.rotate_right(added);
        }
    }
    if !found.replaced.is_empty() {
        replace(record, outputs, found, fields, append_value);
    }
}

/// Appends the fields that the record does not have yet.
fn append_members(out: &mut Vec<u8>, outputs: &EncodedOutputs, found: &Found, fields: &[(usize, Field<'_>)]) {
    let mut comma = usize::from(found.members == 0); // to be left out ahead of the first member
    let (mut start, mut end) = (0, 0); // encoded bytes that are to be copied
    for (output, field) in fields {
        let Some(encoded) = outputs.get(*output) else { continue };
        if !field.is_kept(encoded.has_constant) || found.has(*output) {
            continue;
        }
        if end != encoded.name {
            outputs.copy(start, end, out);
            start = encoded.name;
        }
        start += comma;
        comma = 0;
        end = encoded.constant;
        if let Field::Constant = field {
            end = encoded.end;
        } else {
            outputs.copy(start, end, out);
            append_value(field, out);
            (start, end) = (0, 0);
        }
    }
    outputs.copy(start, end, out);
}

pub(in crate::record) fn append_value(field: &Field<'_>, out: &mut Vec<u8>) {
    match *field {
        Field::Number(value) => number::append_f64(value, out),
        Field::Integer(value) => number::append_i64(value, out),
        Field::Text(text) => append_string(text, out),
        Field::Bool(true) => out.extend_from_slice(b"true"),
        Field::Bool(false) => out.extend_from_slice(b"false"),
        Field::Map(members) => append_map(members, out),
        Field::Encoded(bytes) => out.extend_from_slice(bytes),
        Field::Constant => out.extend_from_slice(b"null"), // unreachable: constants are encoded ahead
    }
}

fn append_map(members: &[(&str, Field<'_>)], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    for (name, field) in members.iter().filter(|(_, field)| field.is_kept(false)) {
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        append_string(name, out);
        out.push(b':');
        append_value(field, out);
    }
    out.push(b'}');
}
