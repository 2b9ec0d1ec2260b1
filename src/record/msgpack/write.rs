//! Annotations, written in place: members behind the last one, then the count at the front.

use crate::record::found::Found;
use crate::record::output::{EncodedOutputs, Field, Output};
use crate::record::replace::replace;

/// Names and constants.
pub(in crate::record) fn encode_outputs(outputs: &[Output]) -> EncodedOutputs {
    EncodedOutputs::new(outputs, append_text, append_text)
}

/// Writes fields into the record that was scanned.
pub(in crate::record) fn annotate(
    record: &mut Vec<u8>,
    outputs: &EncodedOutputs,
    found: &Found,
    fields: &[(usize, Field<'_>)],
) {
    if record.len() != found.len || found.edge > record.len() {
        return; // not the record that was scanned, or none
    }
    let is_new = |output: usize, field: &Field<'_>| {
        outputs.get(output).is_some_and(|encoded| field.is_kept(encoded.has_constant)) && !found.has(output)
    };
    let added = fields.iter().filter(|(output, field)| is_new(*output, field)).count();
    let Some(members) = u32::try_from(added).ok().and_then(|added| found.members.checked_add(added)) else {
        return; // no map can hold them
    };
    for (output, field) in fields {
        let Some(encoded) = outputs.get(*output).filter(|_| is_new(*output, field)) else { continue };
        match field {
            Field::Constant => outputs.copy(encoded.name, encoded.end, record),
            field => {
                outputs.copy(encoded.name, encoded.constant, record);
                append_value(field, record);
            }
        }
    }
    if !found.replaced.is_empty() {
        replace(record, outputs, found, fields, append_value);
    }
    if added > 0 {
        let header = header(members, found.edge);
        if header.len() == found.edge
            && let Some(old) = record.get_mut(..found.edge)
        {
            old.copy_from_slice(&header);
        } else {
            record.splice(..found.edge, header);
        }
    }
}

/// A map's header of at least `len` bytes: one that was wide already stays so.
fn header(members: u32, len: usize) -> Vec<u8> {
    match members {
        0..16 if len <= 1 => vec![0x80 | members as u8],
        0..0x1_0000 if len <= 3 => [&[0xde][..], &(members as u16).to_be_bytes()].concat(),
        _ => [&[0xdf][..], &members.to_be_bytes()].concat(),
    }
}

pub(in crate::record) fn append_value(field: &Field<'_>, out: &mut Vec<u8>) {
    match *field {
        Field::Number(value) => {
            out.push(0xcb);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Field::Integer(value) => append_integer(value, out),
        Field::Text(text) => append_text(text, out),
        Field::Bool(value) => out.push(if value { 0xc3 } else { 0xc2 }),
        Field::Map(members) => {
            let kept = members.iter().filter(|(_, field)| field.is_kept(false));
            out.extend_from_slice(&header(kept.clone().count() as u32, 0));
            for (name, field) in kept {
                append_text(name, out);
                append_value(field, out);
            }
        }
        Field::Encoded(bytes) => out.extend_from_slice(bytes),
        Field::Constant => out.push(0xc0), // unreachable: constants are encoded ahead
    }
}

/// The shortest of the integer formats.
fn append_integer(value: i64, out: &mut Vec<u8>) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => append(0xcd, &(value as u16).to_be_bytes(), out),
        0x1_0000..=0xffff_ffff => append(0xce, &(value as u32).to_be_bytes(), out),
        0x1_0000_0000.. => append(0xcf, &value.to_be_bytes(), out),
        -0x20..=-1 => out.push(value as u8),
        -0x80..=-0x21 => out.extend_from_slice(&[0xd0, value as u8]),
        -0x8000..=-0x81 => append(0xd1, &(value as i16).to_be_bytes(), out),
        -0x8000_0000..=-0x8001 => append(0xd2, &(value as i32).to_be_bytes(), out),
        _ => append(0xd3, &value.to_be_bytes(), out),
    }
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..0x100 => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 0x100..0x1_0000 => append(0xda, &(len as u16).to_be_bytes(), out),
        len => append(0xdb, &(len as u32).to_be_bytes(), out),
    }
    out.extend_from_slice(text.as_bytes());
}

#[inline]
fn append(marker: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(marker);
    out.extend_from_slice(payload);
}
