//! Entries of the input log as bytes.
//!
//! ```text
//! log         = (length:u32 checksum:u64 entry)*
//! entry       = 'H' number:u64 form:u8 | 'C' number:u64 at:i64 key:(u64 u64) tag:bytes entries:bytes | 'D' number:u64
//! ```
//! `H` begins a log; without its form the keys of the log may have the form of before 28 November 2026. `C` is a chunk, `D` says that all chunks up to this one have arrived at the next hop.

use super::known::{ChunkKey, KeyForm};
use crate::codec::{CodecError, Reader, Writer, checksum, checksum_of_many};
use crate::source::forward::IncomingChunk;
use crate::time::Time;

/// The form of keys that are written.
const FORM_OF_NOW: u8 = 1;
/// Bytes before an entry.
const HEAD: usize = 12;

/// A chunk of the log.
#[derive(Debug)]
pub(super) struct LoggedChunk {
    pub(super) number: u64,
    pub(super) at: Time,
    pub(super) key: Option<ChunkKey>,
    pub(super) form: KeyForm,
    pub(super) chunk: IncomingChunk,
    /// The next hop has it.
    pub(super) has_arrived: bool,
}

/// An entry that was read.
pub(super) enum LogEntry {
    /// The number of the log, and the form of its keys.
    Head(u64, KeyForm),
    Chunk(LoggedChunk),
    Arrived(u64),
}

/// Appends the entry that begins a log.
pub(super) fn put_head(out: &mut Vec<u8>, log: u64) {
    entry(out, |out| {
        let mut w = Writer::new(out);
        w.u8(b'H');
        w.u64(log);
        w.u8(FORM_OF_NOW);
    });
}

/// Appends a chunk that arrived at a time.
pub(super) fn put_chunk(
    out: &mut Vec<u8>,
    number: u64,
    at: Time,
    key: Option<ChunkKey>,
    chunk: &IncomingChunk,
) {
    entry(out, |out| {
        let mut w = Writer::new(out);
        w.u8(b'C');
        w.u64(number);
        w.i64(at.nanos());
        key.unwrap_or(ChunkKey(0)).put(&mut w);
        w.bytes(chunk.tag.as_bytes());
        chunk.write_entries(out);
    });
}

/// Appends that all chunks up to this one have arrived.
pub(super) fn put_arrived(out: &mut Vec<u8>, up_to: u64) {
    entry(out, |out| {
        let mut w = Writer::new(out);
        w.u8(b'D');
        w.u64(up_to);
    });
}

fn entry(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    put(out);
    let body = out.get(start + HEAD..).unwrap_or_default();
    let (len, sum) = (body.len() as u32, checksum_of_many(u64::from(body.len() as u32), body));
    if let Some(head) = out.get_mut(start..start + HEAD) {
        let (a, b) = head.split_at_mut(4);
        a.copy_from_slice(&len.to_le_bytes());
        b.copy_from_slice(&sum.to_le_bytes());
    }
}

/// The entry at `at`, and the offset behind it; `None` where there is no whole one.
pub(super) fn whole_entry(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let len = u32::from_le_bytes(*len);
    let body = rest.get(..len as usize)?;
    let end = at + HEAD + body.len();
    let sum = u64::from_le_bytes(*sum);
    // the other one is that of logs from before 28 November 2026
    let is_sound = [checksum_of_many, checksum].into_iter().any(|of| of(u64::from(len), body) == sum);
    is_sound.then_some((body, end))
}

/// Reads what [`whole_entry`] gave.
pub(super) fn read_entry(body: &[u8]) -> Result<LogEntry, CodecError> {
    let mut r = Reader::new(body);
    Ok(match r.u8("entry kind")? {
        b'H' => {
            let number = r.u64("log number")?;
            let is_of_now = r.rest().first() == Some(&FORM_OF_NOW);
            LogEntry::Head(number, if is_of_now { KeyForm::Now } else { KeyForm::Either })
        }
        b'D' => LogEntry::Arrived(r.u64("chunk number")?),
        b'C' => {
            let (number, at) = (r.u64("chunk number")?, Time::from_nanos(r.i64("arrival")?));
            let key = ChunkKey::read(&mut r, "key")?;
            let tag = String::from_utf8_lossy(r.bytes("tag")?).into_owned();
            let entries = r.take(r.rest().len(), "entries")?.to_vec();
            LogEntry::Chunk(LoggedChunk {
                number,
                at,
                key: (key != ChunkKey(0)).then_some(key),
                form: KeyForm::Either,
                chunk: IncomingChunk::from_entries(tag, entries),
                has_arrived: false,
            })
        }
        _ => return Err(CodecError::Invalid { what: "entry kind" }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_with_its_checksum_or_with_that_of_older_logs_and_with_no_other() {
        let mut bytes = Vec::new();
        put_arrived(&mut bytes, 7);
        let body = bytes[HEAD..].to_vec();
        assert_eq!(whole_entry(&bytes, 0), Some((&body[..], bytes.len())));
        bytes[4..HEAD].copy_from_slice(&checksum(body.len() as u64, &body).to_le_bytes());
        assert_eq!(whole_entry(&bytes, 0), Some((&body[..], bytes.len())));
        bytes[4] ^= 1;
        assert_eq!(whole_entry(&bytes, 0), None);
    }
}
