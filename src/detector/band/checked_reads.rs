//! Checked reads that several saved states share.

use std::ops::RangeInclusive;

use crate::codec::{CodecError, Reader};

/// Beyond it no state of ours can lie: inputs are limited to 1e30.
pub(super) const LARGEST: f64 = 1e60;

pub(super) fn within<T: PartialOrd>(
    value: T,
    range: RangeInclusive<T>,
    what: &'static str,
) -> Result<T, CodecError> {
    if range.contains(&value) { Ok(value) } else { Err(CodecError::Invalid { what }) }
}

pub(super) fn within_u32(
    r: &mut Reader<'_>,
    range: RangeInclusive<u32>,
    what: &'static str,
) -> Result<u32, CodecError> {
    let value = u32::try_from(r.varint(what)?).map_err(|_| CodecError::Invalid { what })?;
    within(value, range, what)
}

pub(super) fn within_f64(
    r: &mut Reader<'_>,
    range: RangeInclusive<f64>,
    what: &'static str,
) -> Result<f64, CodecError> {
    within(r.f64(what)?, range, what)
}

pub(super) fn finite(r: &mut Reader<'_>, what: &'static str) -> Result<f64, CodecError> {
    within_f64(r, -LARGEST..=LARGEST, what)
}

pub(super) fn flag(r: &mut Reader<'_>, what: &'static str) -> Result<bool, CodecError> {
    Ok(within(r.u8(what)?, 0..=1, what)? == 1)
}
