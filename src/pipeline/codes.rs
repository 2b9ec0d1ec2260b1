//! Values of an enum as bytes of the saved state.

use crate::codec::CodecError;

/// The place of a value in a table, from 1; 0 for none.
pub(super) fn code<T: PartialEq>(table: &[T], value: Option<T>) -> u8 {
    value.and_then(|value| table.iter().position(|one| *one == value)).map_or(0, |at| at as u8 + 1)
}

/// The inverse of [`code`]; `what` is read, for the error.
///
/// # Errors
/// When no value has this code.
pub(super) fn decode<T: Copy>(table: &[T], code: u8, what: &'static str) -> Result<Option<T>, CodecError> {
    match code.checked_sub(1) {
        None => Ok(None),
        Some(at) => table.get(usize::from(at)).map(|value| Some(*value)).ok_or(CodecError::Invalid { what }),
    }
}
