//! Replacing the values of fields that a record has already.

use super::found::Found;
use super::output::{EncodedOutputs, Field};

/// Replaces the values of fields that the record has already. The text from the first of them on is written
/// anew behind the record and then moved to its place: linear, however many there are.
#[cold]
pub(super) fn replace(
    record: &mut Vec<u8>,
    outputs: &EncodedOutputs,
    found: &Found,
    fields: &[(usize, Field<'_>)],
    append_value: fn(&Field<'_>, &mut Vec<u8>),
) {
    let old_len = record.len();
    let mut first = old_len;
    let mut copied = old_len;
    for &(output, span) in &found.replaced {
        let output = usize::from(output);
        let Some(encoded) = outputs.get(output) else { continue };
        let field = fields.iter().find(|(index, _)| *index == output);
        let Some((_, field)) = field.filter(|(_, field)| field.is_kept(encoded.has_constant)) else {
            continue;
        };
        if first == old_len {
            first = span.start;
        } else {
            record.extend_from_within(copied.min(span.start)..span.start);
        }
        match field {
            Field::Constant => outputs.copy(encoded.constant, encoded.end, record),
            field => append_value(field, record),
        }
        copied = span.end;
    }
    record.extend_from_within(copied.min(old_len)..old_len);
    record.drain(first..old_len);
}
