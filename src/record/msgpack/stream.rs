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
    ObjectScan::new(max_depth).resume(buffer)
}

/// Finds the end of an object whose bytes arrive piece by piece: each look goes on where the last one ended.
///
/// ```
/// use fluent_anomaly::records::msgpack::ObjectScan;
/// let bytes = [0x92, 0x01, 0xc6, 0, 0, 0, 3, b'a', b'b', b'c'];
/// let mut scan = ObjectScan::new(16);
/// assert_eq!(scan.resume(&bytes[..7]), Ok(None));
/// assert_eq!(scan.needs(&bytes[..7]), 10); // three bytes are announced
/// assert_eq!(scan.resume(&bytes), Ok(Some(10)));
/// ```
#[derive(Debug, Clone)]
pub struct ObjectScan {
    /// Behind the last value that was whole.
    at: usize,
    /// Values of the innermost open container that are still to come.
    left: u64,
    /// Of those around it; a flat record allocates nothing.
    outer: Vec<u64>,
    max_depth: usize,
}

impl ObjectScan {
    /// For an object in which containers stand at most `max_depth` deep.
    #[must_use]
    pub fn new(max_depth: usize) -> Self {
        Self { at: 0, left: 1, outer: Vec::new(), max_depth }
    }

    /// Begins anew, for another object; keeps its memory.
    pub fn restart(&mut self) {
        (self.at, self.left) = (0, 1);
        self.outer.clear();
    }

    /// Length of the object that `buffer` begins with; `None`: more bytes are needed. `buffer` begins with the bytes of
    /// the last look.
    ///
    /// # Errors
    /// [`BadBytes`] when more bytes cannot help.
    pub fn resume(&mut self, buffer: &[u8]) -> Result<Option<usize>, BadBytes> {
        loop {
            while self.left == 0 {
                match self.outer.pop() {
                    Some(more) => self.left = more,
                    None => return Ok(Some(self.at)),
                }
            }
            let head = match head::read(buffer.get(self.at..).unwrap_or_default()) {
                Ok(head) => head,
                Err(NoHead::Short) => return Ok(None),
                Err(NoHead::Unused) => return Err(BadBytes::Marker { at: self.at }),
            };
            self.left -= 1;
            let inside = match head.body {
                Body::Array(count) => Some(u64::from(count)),
                Body::Map(count) => Some(u64::from(count) * 2),
                _ => None,
            };
            if let Some(inside) = inside {
                if self.outer.len() == self.max_depth {
                    return Err(BadBytes::TooDeep { at: self.at });
                }
                self.outer.push(self.left);
                self.left = inside;
            }
            self.at += head.end;
        }
    }

    /// Least bytes that the object has, as far as the bytes of the last look tell: a long text announces its length.
    #[must_use]
    pub fn needs(&self, buffer: &[u8]) -> usize {
        let rest = buffer.get(self.at..).unwrap_or_default();
        let announced = match (rest.first(), rest.get(1..).and_then(|rest| rest.first_chunk::<4>())) {
            (Some(0xc6 | 0xdb), Some(len)) => 5 + u32::from_be_bytes(*len) as usize,
            (Some(0xc9), Some(len)) => 6 + u32::from_be_bytes(*len) as usize,
            _ => 1,
        };
        self.at.saturating_add(announced)
    }
}
