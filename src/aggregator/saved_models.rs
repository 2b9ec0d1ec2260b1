//! The models of the last snapshot as a file.
//!
//! ```text
//! models      = magic log:u64 next:u64 known:varint (u128)* shards:varint (bytes)* checksum      replaced atomically
//! ```
//! Among the keys of known chunks one that no chunk has says from where on they have the form of now (`known`).

use super::known::ChunkKey;
use crate::bank::{Storage, StorageError};
use crate::codec::{CodecError, Reader, Writer, checksum};

/// The file.
pub(super) const MODELS: &str = "models";
const TEMPORARY: &str = "models.new";
/// Set aside: it cannot be read.
const BAD: &str = "models.bad";
const MAGIC: u64 = u64::from_le_bytes(*b"fa-serve");
const PART: usize = 1 << 20;

/// What was on disk.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// The states of all shards.
    pub(super) models: Vec<Vec<u8>>,
    /// Chunks that arrived before the snapshot.
    pub(super) known: Vec<ChunkKey>,
    /// Lines for people.
    pub(super) told: Vec<String>,
}

/// Replaces the file, and gives its bytes without the checksum. `log`: the one that goes on from here; `next`: the number
/// of the next chunk.
pub(super) fn write(
    storage: &mut dyn Storage,
    models: &[Vec<u8>],
    known: &[ChunkKey],
    log: u64,
    next: u64,
) -> Result<u64, StorageError> {
    storage.remove(TEMPORARY)?;
    storage.create(TEMPORARY)?;
    let mut head = Vec::new();
    let mut w = Writer::new(&mut head);
    w.u64(MAGIC);
    w.u64(log);
    w.u64(next);
    w.varint(known.len() as u64);
    known.iter().for_each(|key| key.put(&mut w));
    w.varint(models.len() as u64);
    let mut written = 0;
    let mut sum = 0;
    let mut put = |bytes: &[u8]| -> Result<(), StorageError> {
        for part in bytes.chunks(PART) {
            sum = checksum(sum, part);
            storage.append(part)?;
            written += part.len() as u64;
        }
        Ok(())
    };
    put(&head)?;
    for model in models {
        put(&(model.len() as u64).to_le_bytes())?;
        put(model)?;
    }
    storage.append(&sum.to_le_bytes())?;
    storage.sync()?;
    storage.rename(TEMPORARY, MODELS)?;
    Ok(written)
}

/// Reads the file: the log that goes on from it, and the number of the next chunk.
pub(super) fn read(bytes: &[u8], into: &mut Recovered) -> Result<(u64, u64), CodecError> {
    let invalid = |what| CodecError::Invalid { what };
    let (body, sum) = bytes.split_last_chunk::<8>().ok_or(invalid("length"))?;
    let mut r = Reader::new(body);
    if r.u64("magic")? != MAGIC {
        return Err(invalid("first bytes"));
    }
    let (log, next) = (r.u64("log")?, r.u64("next chunk")?);
    for _ in 0..r.varint("known chunks")? {
        into.known.push(ChunkKey::read(&mut r, "known chunk")?);
    }
    let shards = r.varint("shards")?;
    let head = body.len() - r.rest().len();
    let mut found = 0;
    let mut add = |part: &[u8]| part.chunks(PART).for_each(|part| found = checksum(found, part));
    add(body.get(..head).unwrap_or_default());
    for _ in 0..shards {
        let len = r.u64("length of models")?;
        let len = usize::try_from(len).map_err(|_| invalid("length of models"))?;
        let model = r.take(len, "models")?;
        add(&(len as u64).to_le_bytes());
        add(model);
        into.models.push(model.to_vec());
    }
    if found != u64::from_le_bytes(*sum) || !r.is_empty() {
        return Err(invalid("checksum"));
    }
    Ok((log, next))
}

/// Sets the file aside; all models begin anew.
pub(super) fn set_aside(
    storage: &mut dyn Storage,
    why: &str,
    recovered: &mut Recovered,
) -> Result<(), StorageError> {
    storage.rename(MODELS, BAD)?;
    let line = format!(
        "state: {MODELS} cannot be used ({why}): it is set aside as {BAD}, and all models begin anew"
    );
    *recovered = Recovered { told: vec![line], ..Recovered::default() };
    Ok(())
}
