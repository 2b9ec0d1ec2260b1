//! The first bytes of a msgpack value: its kind and its length.
//!
//! Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

/// A value's kind and extent. Elements of containers are no part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) body: Body,
    /// Offset of a text's bytes or of a container's first element.
    pub(crate) start: usize,
    /// Offset behind the value, or `start` for containers. Within the bytes given.
    pub(crate) end: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// str or bin.
    Text,
    /// Elements.
    Array(u32),
    /// Pairs.
    Map(u32),
    Extension,
}

/// Why there is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// The value goes on behind the end.
    Short,
    /// 0xc1.
    Unused,
}

/// Big-endian unsigned number of `N` bytes at `at`.
#[inline]
fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<u64, NoHead> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).ok_or(NoHead::Short)?;
    Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// Reads the head of the value that `bytes` begins with.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Result<Head, NoHead> {
    let &marker = bytes.first().ok_or(NoHead::Short)?;
    let fixed = |body, len: usize| Ok((body, len, 0));
    let sized = |body, head: usize, len: u64| Ok((body, head, usize::try_from(len).unwrap_or(usize::MAX)));
    let (body, start, len): (Body, usize, usize) = match marker {
        0x00..=0x7f => fixed(Body::Unsigned(u64::from(marker)), 1),
        0x80..=0x8f => fixed(Body::Map(u32::from(marker & 15)), 1),
        0x90..=0x9f => fixed(Body::Array(u32::from(marker & 15)), 1),
        0xa0..=0xbf => sized(Body::Text, 1, u64::from(marker & 31)),
        0xc0 => fixed(Body::Nil, 1),
        0xc1 => Err(NoHead::Unused),
        0xc2 | 0xc3 => fixed(Body::Bool(marker == 0xc3), 1),
        0xc4 | 0xd9 => sized(Body::Text, 2, number::<1>(bytes, 1)?),
        0xc5 | 0xda => sized(Body::Text, 3, number::<2>(bytes, 1)?),
        0xc6 | 0xdb => sized(Body::Text, 5, number::<4>(bytes, 1)?),
        0xc7 => sized(Body::Extension, 3, number::<1>(bytes, 1)?),
        0xc8 => sized(Body::Extension, 4, number::<2>(bytes, 1)?),
        0xc9 => sized(Body::Extension, 6, number::<4>(bytes, 1)?),
        0xca => fixed(Body::Float(f64::from(f32::from_bits(number::<4>(bytes, 1)? as u32))), 5),
        0xcb => fixed(Body::Float(f64::from_bits(number::<8>(bytes, 1)?)), 9),
        0xcc => fixed(Body::Unsigned(number::<1>(bytes, 1)?), 2),
        0xcd => fixed(Body::Unsigned(number::<2>(bytes, 1)?), 3),
        0xce => fixed(Body::Unsigned(number::<4>(bytes, 1)?), 5),
        0xcf => fixed(Body::Unsigned(number::<8>(bytes, 1)?), 9),
        0xd0 => fixed(Body::Signed(i64::from(number::<1>(bytes, 1)? as i8)), 2),
        0xd1 => fixed(Body::Signed(i64::from(number::<2>(bytes, 1)? as i16)), 3),
        0xd2 => fixed(Body::Signed(i64::from(number::<4>(bytes, 1)? as i32)), 5),
        0xd3 => fixed(Body::Signed(number::<8>(bytes, 1)? as i64), 9),
        0xd4..=0xd8 => sized(Body::Extension, 2, 1 << (marker - 0xd4)),
        0xdc => fixed(Body::Array(number::<2>(bytes, 1)? as u32), 3),
        0xdd => fixed(Body::Array(number::<4>(bytes, 1)? as u32), 5),
        0xde => fixed(Body::Map(number::<2>(bytes, 1)? as u32), 3),
        0xdf => fixed(Body::Map(number::<4>(bytes, 1)? as u32), 5),
        0xe0..=0xff => fixed(Body::Signed(i64::from(marker as i8)), 1),
    }?;
    let end = start.checked_add(len).filter(|&end| end <= bytes.len()).ok_or(NoHead::Short)?;
    Ok(Head { body, start, end })
}
