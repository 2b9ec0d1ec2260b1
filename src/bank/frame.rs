//! Frames: length, checksum, payload. Both files of the bank are a magic number and frames.
//!
//! ```text
//! file    = magic[7] version[1] frame*
//! frame   = length:varint  check:u32  payload[length]
//! ```
//! The checksum of a frame starts from that of the frame before, so a frame that was lost, repeated or moved
//! is as visible as a flipped bit.

use thiserror::Error;

use super::storage::{Storage, StorageError};
use crate::codec::{CodecError, Reader, Writer, checksum, checksum_of_three};

/// The first seven bytes of every state file.
const MAGIC: &[u8; 7] = b"FLUANOM";
/// The eighth: the layout of everything behind it.
pub(super) const VERSION: u8 = 1;
/// Bytes in front of the first frame.
pub(super) const PREAMBLE: u64 = 8;
/// No payload is longer: what a broken length may make a reader allocate.
const MAX_PAYLOAD: u64 = 16 << 20;
const READ_AHEAD: usize = 64 << 10;

/// Why a state file cannot be used from some place on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ReadError {
    /// The folder does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file does not begin as a state file does.
    #[error("it is no state file of fluent-anomaly")]
    Foreign,
    /// Written by a release with another layout.
    #[error("it has layout {found}, this release reads {VERSION}")]
    Version {
        /// The layout the file states.
        found: u8,
    },
    /// The bytes are not what was written.
    #[error("its checksum is wrong at byte {at}")]
    Corrupt {
        /// Where the first bad frame begins.
        at: u64,
    },
    /// The file ends inside a frame: a write was cut.
    #[error("it ends inside an entry that begins at byte {at}")]
    Torn {
        /// Where the cut frame begins.
        at: u64,
    },
    /// A frame holds what no writer writes.
    #[error("its content at byte {at} is impossible: {cause}")]
    Impossible {
        /// Where the frame begins.
        at: u64,
        /// What is wrong with it.
        cause: CodecError,
    },
}

/// Makes frames; one for each file.
#[derive(Debug, Clone, Default)]
pub(super) struct FrameWriter {
    chain: u64,
}

impl FrameWriter {
    /// The bytes every file begins with.
    pub(super) fn preamble(out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
    }

    /// Appends one frame to `out`.
    pub(super) fn frame(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.chain = checksum(self.chain, payload);
        let mut w = Writer::new(out);
        w.varint(payload.len() as u64);
        w.u32(self.chain as u32);
        out.extend_from_slice(payload);
    }

    /// The frame of a payload of three words: to the interpreter, a tenth of the work.
    #[inline(always)] // speed
    pub(super) fn frame_of_words(&mut self, words: [u64; 3]) -> [u8; 29] {
        self.chain = checksum_of_three(self.chain, words);
        let mut frame = [0; 29];
        let [length, rest @ ..] = &mut frame;
        *length = 24;
        if let Some((check, payload)) = rest.split_first_chunk_mut::<4>() {
            *check = (self.chain as u32).to_le_bytes();
            if let ([first, second, third], []) = payload.as_chunks_mut::<8>() {
                (*first, *second, *third) =
                    (words[0].to_le_bytes(), words[1].to_le_bytes(), words[2].to_le_bytes());
            }
        }
        frame
    }
}

/// Takes the frames of one file in order.
pub(super) struct FrameReader<'a> {
    storage: &'a mut dyn Storage,
    name: &'a str,
    buffer: Vec<u8>,
    /// Start of the unread bytes in `buffer`.
    start: usize,
    /// Where in the file `buffer[start]` stands.
    offset: u64,
    /// Nothing behind this place is read.
    end: u64,
    chain: u64,
}

impl<'a> FrameReader<'a> {
    /// Opens `name` and checks its first bytes; reads no further than `end`.
    pub(super) fn open(storage: &'a mut dyn Storage, name: &'a str, end: u64) -> Result<Self, ReadError> {
        let mut reader = Self { storage, name, buffer: Vec::new(), start: 0, offset: 0, end, chain: 0 };
        let head = reader.fill(PREAMBLE as usize)?;
        if head.len() < PREAMBLE as usize && MAGIC.starts_with(&head[..head.len().min(7)]) {
            return Err(ReadError::Torn { at: 0 });
        }
        match head.split_at_checked(7) {
            Some((magic, rest)) if magic == MAGIC => match rest.first() {
                Some(&VERSION) => {}
                Some(&found) => return Err(ReadError::Version { found }),
                None => return Err(ReadError::Torn { at: 0 }),
            },
            _ => return Err(ReadError::Foreign),
        }
        reader.consume(PREAMBLE as usize);
        Ok(reader)
    }

    /// Where the next frame begins: everything before it is sound.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next payload and where its frame begins; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, ReadError> {
        let at = self.offset;
        let head = self.fill(14)?;
        if head.is_empty() {
            return Ok(None);
        }
        let mut r = Reader::new(head);
        let (length, check) = match (r.varint("length"), r.u32("checksum")) {
            (Ok(length), Ok(check)) => (length, check),
            (Err(CodecError::Invalid { .. }), _) => return Err(ReadError::Corrupt { at }),
            _ => return Err(ReadError::Torn { at }),
        };
        let head_len = head.len() - r.rest().len();
        if length > MAX_PAYLOAD {
            return Err(ReadError::Corrupt { at });
        }
        let whole = head_len + length as usize;
        let before = self.chain;
        let Some(payload) = self.fill(whole)?.get(head_len..whole) else {
            return Err(ReadError::Torn { at });
        };
        let chain = checksum(before, payload);
        if chain as u32 != check {
            return Err(ReadError::Corrupt { at });
        }
        self.chain = chain;
        self.consume(whole);
        Ok(Some((at, &self.buffer[self.start - length as usize..self.start])))
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// At least `wanted` unread bytes, or all there are.
    fn fill(&mut self, wanted: usize) -> Result<&[u8], StorageError> {
        while self.buffer.len() - self.start < wanted {
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let have = self.buffer.len();
            let left = self.end.saturating_sub(self.offset + have as u64);
            let ask = (READ_AHEAD as u64).min(left) as usize;
            self.buffer.resize(have + ask, 0);
            let got = self.storage.read_at(self.name, self.offset + have as u64, &mut self.buffer[have..])?;
            self.buffer.truncate(have + got);
            if got == 0 {
                break;
            }
        }
        let until = self.buffer.len().min(self.start + wanted);
        Ok(&self.buffer[self.start..until])
    }
}
