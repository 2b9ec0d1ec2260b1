//! Where one object of a stream ends.

use thiserror::Error;

use super::head::{self, Body, NoHead};
use crate::record::format::MAX_DEPTH;

/// Bytes that no object begins with, however many more would come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadBytes {
    /// A marker that msgpack never uses: the stream is out of step or no msgpack.
    #[error("no msgpack: byte 0xc1, which msgpack never uses, at byte {at} of the object")]
    Marker {
        /// Offset from the start of the object.
        at: usize,
    },
    /// Containers are nested deeper than [`MAX_DEPTH`].
    #[error("msgpack object is nested deeper than {MAX_DEPTH} levels at byte {at}")]
    TooDeep {
        /// Offset from the start of the object.
        at: usize,
    },
}

/// Length of the object, of any kind, that `buffer` begins with; `None` when it goes on behind the end of the
/// buffer: more bytes are needed. Looks at each element once, from the start.
///
/// ```
/// use fluent_anomaly::records::msgpack::object_len;
/// assert_eq!(object_len(&[0x81, 0xa1, b'a', 0x01, 0x80]), Ok(Some(4))); // {"a": 1}, then the next one
/// assert_eq!(object_len(&[0x81, 0xa1, b'a']), Ok(None));
/// ```
///
/// # Errors
/// [`BadBytes`] when more bytes cannot help.
pub fn object_len(buffer: &[u8]) -> Result<Option<usize>, BadBytes> {
    object_len_within(buffer, MAX_DEPTH)
}

/// The same, with a bound on the nesting of the object itself.
pub(super) fn object_len_within(buffer: &[u8], max_depth: usize) -> Result<Option<usize>, BadBytes> {
    let mut at = 0;
    let mut left = 1u64; // values of the innermost open container that are still to come
    let mut outer = Vec::new(); // of those around it; a flat record allocates nothing
    loop {
        while left == 0 {
            match outer.pop() {
                Some(more) => left = more,
                None => return Ok(Some(at)),
            }
        }
        left -= 1;
        let head = match head::read(buffer.get(at..).unwrap_or_default()) {
            Ok(head) => head,
            Err(NoHead::Short) => return Ok(None),
            Err(NoHead::Unused) => return Err(BadBytes::Marker { at }),
        };
        let inside = match head.body {
            Body::Array(count) => Some(u64::from(count)),
            Body::Map(count) => Some(u64::from(count) * 2),
            _ => None,
        };
        if let Some(inside) = inside {
            if outer.len() == max_depth {
                return Err(BadBytes::TooDeep { at });
            }
            outer.push(left);
            left = inside;
        }
        at += head.end;
    }
}
