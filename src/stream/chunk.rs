//! A checkpoint in pieces that fit into messages.
//!
//! ```text
//! id:u64 index:varint count:varint piece
//! ```

use thiserror::Error;

use crate::codec::{Reader, Writer};

/// Bytes of a checkpoint in one message: with its head and key below the megabyte that brokers take by default.
pub const CHUNK_BYTES: usize = 960_000;
/// More chunks than this (250 GB) are no checkpoint: what a broken head may make a reader allocate.
const MOST: u64 = 1 << 18;

/// Why a message is no chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is no piece of a checkpoint")]
#[non_exhaustive]
pub struct ChunkError;

/// The pieces of `bytes`, in order; `id` tells checkpoints apart.
pub fn chunks(id: u64, bytes: &[u8]) -> impl ExactSizeIterator<Item = Vec<u8>> + '_ {
    let count = bytes.len().div_ceil(CHUNK_BYTES).max(1);
    (0..count).map(move |index| {
        let start = index * CHUNK_BYTES;
        let piece = bytes.get(start..bytes.len().min(start + CHUNK_BYTES)).unwrap_or_default();
        let mut chunk = Vec::with_capacity(piece.len() + 18);
        let mut w = Writer::new(&mut chunk);
        w.u64(id);
        w.varint(index as u64);
        w.varint(count as u64);
        chunk.extend_from_slice(piece);
        chunk
    })
}

/// Puts pieces together again, in whatever order they come.
#[derive(Debug)]
pub struct Assembler {
    id: Option<u64>,
    pieces: Vec<Option<Vec<u8>>>,
    missing: usize,
}

impl Assembler {
    /// For the checkpoint `id`; `None`: whichever is whole first.
    #[must_use]
    pub fn new(id: Option<u64>) -> Self {
        Self { id, pieces: Vec::new(), missing: 0 }
    }

    /// The id that a piece states.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn id_of(chunk: &[u8]) -> Result<u64, ChunkError> {
        Reader::new(chunk).u64("id").map_err(|_| ChunkError)
    }

    /// Takes one piece. The checkpoint's bytes, once the last one is there.
    ///
    /// # Errors
    /// [`ChunkError`]; what was taken before stays.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        let mut r = Reader::new(chunk);
        let head = (r.u64("id"), r.varint("index"), r.varint("count"));
        let (Ok(id), Ok(index), Ok(count)) = head else { return Err(ChunkError) };
        if index >= count || count > MOST {
            return Err(ChunkError);
        }
        if self.id.is_some_and(|wanted| wanted != id) {
            return Ok(None);
        }
        if self.pieces.len() as u64 != count {
            self.pieces = vec![None; count as usize];
            self.missing = self.pieces.len();
        }
        let Some(place) = self.pieces.get_mut(index as usize) else { return Err(ChunkError) };
        if place.is_none() {
            self.missing -= 1;
        }
        *place = Some(r.rest().to_vec());
        if self.missing > 0 {
            return Ok(None);
        }
        let pieces = std::mem::take(&mut self.pieces);
        let mut whole = Vec::with_capacity(pieces.iter().flatten().map(Vec::len).sum());
        pieces.into_iter().flatten().for_each(|piece| whole.extend_from_slice(&piece));
        Ok(Some(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_below_a_megabyte_and_come_together_in_any_order() {
        let bytes: Vec<u8> = (0..2 * CHUNK_BYTES + 5).map(|n| (n % 251) as u8).collect();
        let pieces: Vec<_> = chunks(7, &bytes).collect();
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() < 1_000_000));
        let mut assembler = Assembler::new(Some(7));
        assert_eq!(assembler.push(&pieces[2]), Ok(None));
        assert_eq!(assembler.push(&pieces[0]), Ok(None));
        assert_eq!(assembler.push(&pieces[0]), Ok(None), "a piece that comes twice counts once");
        assert_eq!(assembler.push(&pieces[1]), Ok(Some(bytes)));
    }

    #[test]
    fn pieces_of_another_checkpoint_are_left_out() {
        let mut assembler = Assembler::new(Some(7));
        let other: Vec<_> = chunks(8, b"other").collect();
        let own: Vec<_> = chunks(7, b"own").collect();
        assert_eq!(assembler.push(&other[0]), Ok(None));
        assert_eq!(assembler.push(&own[0]), Ok(Some(b"own".to_vec())));
    }

    #[test]
    fn what_is_no_piece_is_an_error_and_costs_nothing() {
        let mut assembler = Assembler::new(None);
        let mut huge = Vec::new();
        let mut w = Writer::new(&mut huge);
        w.u64(1);
        w.varint(0);
        w.varint(u64::MAX);
        for wrong in [&b""[..], b"{\"a\":1}", &[0; 9], &huge] {
            assert_eq!(assembler.push(wrong), Err(ChunkError), "{wrong:?}");
        }
        assert_eq!(chunks(1, b"").map(|piece| assembler.push(&piece)).next(), Some(Ok(Some(Vec::new()))));
    }
}
