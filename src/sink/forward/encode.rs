//! Records -> PackedForward chunks.
//!
//! The shape that every Fluent Bit (2.0 on) and Fluentd (1.14 on) takes: `[tag, bin body, {"chunk": str,
//! "size": n}]`, never without the option map (Fluent Bit before 4.1 reads it unchecked); entries
//! `[EventTime as fixext8, record]`; the body at most 1 MiB before compression, in one gzip member (Fluent Bit
//! before 3.1.5 reads only the first).

use super::json;
use crate::companion::Env;
use crate::sink::{MetricRecord, NO_HOST};
use base64::prelude::{BASE64_STANDARD, Engine};
use rmp::encode::{
    write_array_len, write_bin_len, write_f64, write_map_len, write_sint, write_str, write_uint,
};
use std::io::Write;
use thiserror::Error;

/// Most bytes of entries in a chunk, before compression; a larger single entry travels alone.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// Most bytes of one entry: Fluent Bit closes the connection over a message of 6 144 000 bytes (`buffer_max_size`).
pub const MAX_ENTRY_BYTES: usize = 5 << 20;

/// Why a record cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Not a JSON object.
    #[error("a record must be a JSON object: {reason}")]
    NotAnObject {
        /// What it is, or where it breaks.
        reason: String,
    },
}

/// Encoded entries, one behind the other.
#[derive(Debug, Default)]
pub struct Entries {
    bytes: Vec<u8>,
    count: u32,
}

impl Entries {
    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Entries so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends a pulled point.
    pub fn push_metric(&mut self, record: &MetricRecord<'_>) {
        let out = &mut self.bytes;
        // writing to a Vec cannot fail
        let _ = (|| -> Result<(), rmp::encode::ValueWriteError> {
            write_array_len(out, 2)?;
            event_time(out, record.time.saturating_mul(1000));
            write_map_len(out, 5)?;
            write_str(out, "metric")?;
            write_str(out, record.metric)?;
            write_str(out, "raw_value")?;
            write_f64(out, record.raw_value)?;
            write_str(out, "scope")?;
            write_str(out, record.scope)?;
            write_str(out, "host")?;
            write_str(out, record.host.unwrap_or(NO_HOST))?;
            write_str(out, "time")?;
            write_sint(out, record.time)?;
            Ok(())
        })();
        self.count += 1;
    }

    /// Appends a record given as the text of a JSON object; `time_ms` is its event time, milliseconds since 1970.
    ///
    /// # Errors
    /// [`EncodeError::NotAnObject`]; nothing is appended then.
    pub fn push_json(&mut self, time_ms: i64, json: &[u8]) -> Result<(), EncodeError> {
        let start = self.bytes.len();
        // writing to a Vec cannot fail
        let _ = write_array_len(&mut self.bytes, 2);
        event_time(&mut self.bytes, time_ms);
        if let Err(error) = json::object(&mut self.bytes, json) {
            self.bytes.truncate(start);
            return Err(EncodeError::NotAnObject { reason: error.to_string() });
        }
        self.count += 1;
        Ok(())
    }

    /// Appends an entry that is encoded: `[time, record]`.
    pub fn push_encoded(&mut self, entry: &[u8]) {
        self.bytes.extend_from_slice(entry);
        self.count += 1;
    }

    /// Moves everything behind the first `at` bytes, which are `count` entries, into an own value.
    fn split_last(&mut self, at: usize) -> Self {
        let tail = Self { bytes: self.bytes.split_off(at), count: 1 };
        self.count = self.count.saturating_sub(1);
        tail
    }

    /// Keeps entries within [`MAX_BODY_BYTES`]: if the entry that starts at `at` has made them too many, it is cut
    /// off and returned for the next chunk.
    pub(super) fn overflow(&mut self, at: usize) -> Option<Self> {
        (self.bytes.len() > MAX_BODY_BYTES && at > 0).then(|| self.split_last(at))
    }

    /// Empties it, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

/// `d7 00 ssssssss nnnnnnnn`; seconds are clamped to what both receivers read as a time: 0 would be "now" in
/// Fluentd, the last two values are group markers in Fluent Bit.
fn event_time(out: &mut Vec<u8>, time_ms: i64) {
    let seconds = time_ms.div_euclid(1000).clamp(1, i64::from(u32::MAX) - 2) as u32;
    let nanos = time_ms.rem_euclid(1000) as u32 * 1_000_000;
    out.extend_from_slice(&[0xd7, 0x00]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&nanos.to_be_bytes());
}

/// A message ready to be sent, as often as needed, always with the same id.
#[derive(Debug, Default)]
pub struct ForwardChunk {
    message: Vec<u8>,
    id: String,
    count: u32,
}

impl ForwardChunk {
    /// The whole message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The id that the ack must repeat: base64 of 16 random bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Entries in the chunk.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Packs `entries` under a fresh id, reusing this value's memory.
    pub fn pack(&mut self, tag: &str, entries: &Entries, gzip: bool, env: &dyn Env) {
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&env.random().to_be_bytes());
        id[8..].copy_from_slice(&env.random().to_be_bytes());
        self.id = BASE64_STANDARD.encode(id);
        self.count = entries.count;
        self.message.clear();
        let compressed = gzip.then(|| gzip_member(&entries.bytes));
        let body = compressed.as_deref().unwrap_or(&entries.bytes);
        let out = &mut self.message;
        // writing to a Vec cannot fail, and a body is far below 4 GiB
        let _ = (|| -> Result<(), rmp::encode::ValueWriteError> {
            write_array_len(out, 3)?;
            write_str(out, tag)?;
            write_bin_len(out, body.len() as u32)?;
            out.extend_from_slice(body);
            write_map_len(out, if gzip { 3 } else { 2 })?;
            write_str(out, "chunk")?;
            write_str(out, &self.id)?;
            write_str(out, "size")?;
            write_uint(out, u64::from(entries.count))?;
            if gzip {
                write_str(out, "compressed")?;
                write_str(out, "gzip")?;
            }
            Ok(())
        })();
    }
}

fn gzip_member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 8), flate2::Compression::fast());
    // writing to a Vec cannot fail
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::companion::Native;
    use std::io::Read;

    const RECORD: MetricRecord<'static> =
        MetricRecord { metric: "cpu", raw_value: 1.5, scope: "host:a", host: Some("a"), time: 1_641_344_100 };

    const ENTRY: &[u8] = b"\x92\xd7\x00\x61\xd4\xec\x64\x00\x00\x00\x00\x85\xa6metric\xa3cpu\
        \xa9raw_value\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa5scope\xa6host:a\xa4host\xa1a\xa4time\xce\x61\xd4\xec\x64";

    #[test]
    fn a_point_becomes_the_literal_bytes_of_the_protocol() {
        let mut entries = Entries::default();
        entries.push_metric(&RECORD);
        assert_eq!(entries.bytes, ENTRY);
        let mut chunk = ForwardChunk::default();
        chunk.pack("changefinder.cpu", &entries, false, &Native::default());
        let mut wanted = b"\x93\xb0changefinder.cpu\xc4".to_vec();
        wanted.push(ENTRY.len() as u8);
        wanted.extend_from_slice(ENTRY);
        wanted.extend_from_slice(b"\x82\xa5chunk\xb8");
        wanted.extend_from_slice(chunk.id().as_bytes());
        wanted.extend_from_slice(b"\xa4size\x01");
        assert_eq!(chunk.message(), wanted);
    }

    #[test]
    fn json_keeps_the_order_of_its_fields_and_its_integers() {
        let mut entries = Entries::default();
        entries.push_json(1500, br#"{"b":[1.5,null,true],"a":-1,"c":18446744073709551615}"#).unwrap();
        assert_eq!(
            entries.bytes,
            b"\x92\xd7\x00\x00\x00\x00\x01\x1d\xcd\x65\x00\xdf\0\0\0\x03\xa1b\xdd\0\0\0\x03\xcb\x3f\xf8\0\0\0\0\0\0\xc0\xc3\
              \xa1a\xff\xa1c\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
        );
        for wrong in ["", "[]", "1", "{", "{} {}"] {
            assert!(entries.push_json(0, wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(entries.count(), 1);
    }

    #[test]
    fn times_that_receivers_misread_are_never_written() {
        for (ms, bytes) in [(0, [0, 0, 0, 1]), (-5, [0, 0, 0, 1]), (i64::MAX, [0xff, 0xff, 0xff, 0xfd])] {
            let mut out = Vec::new();
            event_time(&mut out, ms);
            assert_eq!(out[2..6], bytes, "{ms}");
        }
    }

    #[test]
    fn a_compressed_body_is_one_gzip_member_and_says_so() {
        let mut entries = Entries::default();
        (0..1000).for_each(|_| entries.push_metric(&RECORD));
        let mut chunk = ForwardChunk::default();
        chunk.pack("t", &entries, true, &Native::default());
        assert!(chunk.message().len() < entries.len() / 10);
        assert!(chunk.message().ends_with(b"\xa4size\xcd\x03\xe8\xaacompressed\xa4gzip"));
        let body = &chunk.message()[3..];
        let start = body.windows(2).position(|w| w == [0x1f, 0x8b]).unwrap();
        let mut plain = Vec::new();
        // GzDecoder stops behind the first member
        flate2::read::GzDecoder::new(&body[start..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, entries.bytes);
    }

    #[test]
    fn an_entry_over_the_limit_starts_the_next_chunk() {
        let mut entries = Entries::default();
        let mut at = 0;
        let tail = loop {
            entries.push_metric(&RECORD);
            if let Some(tail) = entries.overflow(at) {
                break tail;
            }
            at = entries.len();
        };
        assert!(entries.len() <= MAX_BODY_BYTES && entries.len() + ENTRY.len() > MAX_BODY_BYTES);
        assert_eq!(entries.bytes.len(), entries.count as usize * ENTRY.len());
        assert_eq!(tail.bytes, ENTRY);
    }
}
