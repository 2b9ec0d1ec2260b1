//! Chunks on disk before they are scored. Models are deterministic: those of the last snapshot, and the chunks since
//! then, give the same models and the same scores after a crash.
//!
//! ```text
//! models      replaced atomically (`saved_models`)
//! log-NN      entries (`log_entry`); begins behind the models, or where another process began
//! ```
//! A log that was cut by a crash counts up to its last whole entry.

use super::known::{ChunkKey, KeyForm};
use super::log_entry::{LogEntry, LoggedChunk, put_arrived, put_chunk, put_head, read_entry, whole_entry};
use super::saved_models::{self, MODELS, Recovered, set_aside};
use crate::bank::{Storage, StorageError};
use crate::source::forward::IncomingChunk;
use crate::time::Time;

/// Logs share this many names.
const NAMES: u64 = 64;
/// A snapshot is due behind so many logs.
const MAX_LOGS: u64 = 16;
/// Bytes of log behind which a snapshot is due, or twice the snapshot where that is more.
const MIN_BYTES: u64 = 64 << 20;
/// A larger buffer is given back.
const BUFFER: usize = 4 << 20;

fn log_name(number: u64) -> String {
    format!("log-{:02}", number % NAMES)
}

/// The folder of an aggregator's state.
pub(super) struct InputLog {
    storage: Box<dyn Storage>,
    /// First log behind the models, and the one that is written.
    first: u64,
    current: u64,
    /// Number of the next chunk.
    next: u64,
    /// Number of the last chunk that is said to have arrived.
    told_arrived: u64,
    bytes: u64,
    models_bytes: u64,
    buffer: Vec<u8>,
}

impl core::fmt::Debug for InputLog {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("InputLog")
            .field("current", &self.current)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl InputLog {
    /// Reads what is there. Each chunk of the logs goes to `replay`, in its order, after the models went to `begin`.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or `begin` cannot use the models.
    pub(super) fn open(
        mut storage: Box<dyn Storage>,
        begin: &mut dyn FnMut(&Recovered) -> Result<(), StorageError>,
        replay: &mut dyn FnMut(LoggedChunk),
    ) -> Result<(Self, Vec<String>), StorageError> {
        let mut recovered = Recovered::default();
        let (mut first, mut next, mut models_bytes) = (1, 1, 0);
        match read_file(&mut *storage, MODELS)? {
            None => {}
            Some(bytes) => match saved_models::read(&bytes, &mut recovered) {
                Ok((log, number)) => {
                    (first, next, models_bytes) = (log, number, bytes.len() as u64);
                }
                Err(error) => set_aside(&mut *storage, &error.to_string(), &mut recovered)?,
            },
        }
        if let Err(error) = begin(&recovered) {
            set_aside(&mut *storage, &error.cause, &mut recovered)?;
            begin(&recovered)?;
        }
        let mut log = Self {
            storage,
            first,
            current: first,
            next,
            told_arrived: next - 1,
            bytes: 0,
            models_bytes,
            buffer: Vec::new(),
        };
        log.replay(&mut recovered.told, replay)?;
        log.begin()?;
        Ok((log, recovered.told))
    }

    fn replay(
        &mut self,
        told: &mut Vec<String>,
        replay: &mut dyn FnMut(LoggedChunk),
    ) -> Result<(), StorageError> {
        // what has arrived is known behind the last entry only
        let mut arrived = self.told_arrived;
        for pass in 0..2 {
            let mut number = self.first;
            while number < self.first + NAMES
                && let Some(bytes) = read_file(&mut *self.storage, &log_name(number))?
            {
                let mut at = 0;
                let (mut is_ours, mut form) = (false, KeyForm::Either);
                while let Some((body, end)) = whole_entry(&bytes, at) {
                    match read_entry(body) {
                        Ok(LogEntry::Head(found, of)) if at == 0 => (is_ours, form) = (found == number, of),
                        _ if !is_ours => break,
                        Ok(LogEntry::Arrived(up_to)) => arrived = arrived.max(up_to),
                        Ok(LogEntry::Chunk(mut chunk)) => {
                            self.next = self.next.max(chunk.number + 1);
                            if pass == 1 {
                                chunk.has_arrived = chunk.number <= arrived;
                                chunk.form = form;
                                replay(chunk);
                            }
                        }
                        Ok(LogEntry::Head(..)) | Err(_) => break,
                    }
                    at = end;
                }
                // one that a snapshot has replaced already
                if !is_ours && !bytes.is_empty() {
                    break;
                }
                if pass == 1 {
                    self.bytes += bytes.len() as u64;
                    if at < bytes.len() {
                        told.push(format!(
                            "state: {} was cut in the middle of a write: {} bytes at its end are left out, the clients \
                             send them again",
                            log_name(number),
                            bytes.len() - at
                        ));
                    }
                }
                number += 1;
            }
            self.current = number;
        }
        self.told_arrived = arrived;
        Ok(())
    }

    /// Begins the log `current`.
    fn begin(&mut self) -> Result<(), StorageError> {
        let name = log_name(self.current);
        self.storage.remove(&name)?;
        self.storage.create(&name)?;
        self.buffer.clear();
        put_head(&mut self.buffer, self.current);
        self.storage.append(&self.buffer)
    }

    /// Puts chunks on disk, with the key by which each is known; `arrived`: up to this one all have arrived.
    pub(super) fn append<'a>(
        &mut self,
        chunks: impl Iterator<Item = (Option<ChunkKey>, Time, &'a IncomingChunk)>,
        arrived: u64,
    ) -> Result<(), StorageError> {
        self.buffer.clear();
        self.put_arrived(arrived);
        for (key, at, chunk) in chunks {
            put_chunk(&mut self.buffer, self.next, at, key, chunk);
            self.next += 1;
        }
        self.storage.append(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        if self.buffer.capacity() > BUFFER {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    fn put_arrived(&mut self, arrived: u64) {
        if arrived > self.told_arrived {
            self.told_arrived = arrived;
            put_arrived(&mut self.buffer, arrived);
        }
    }

    /// Notes that all chunks up to this one have arrived.
    pub(super) fn note_arrived(&mut self, arrived: u64) -> Result<(), StorageError> {
        self.buffer.clear();
        self.put_arrived(arrived);
        if self.buffer.is_empty() { Ok(()) } else { self.storage.append(&self.buffer) }
    }

    /// Whether the log has grown enough to be replaced by a snapshot.
    pub(super) fn wants_snapshot(&self) -> bool {
        self.bytes > MIN_BYTES.max(2 * self.models_bytes) || self.current - self.first >= MAX_LOGS
    }

    /// Whether somebody has removed it: what is written is lost then.
    pub(super) fn is_gone(&mut self) -> bool {
        !matches!(self.storage.len(&log_name(self.current)), Ok(Some(_)))
    }

    /// Number of the next chunk.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Bytes of the logs.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces the logs by a snapshot of the models. All chunks before `next` have arrived.
    pub(super) fn snapshot(
        &mut self,
        models: &[Vec<u8>],
        known: &[ChunkKey],
        next: u64,
    ) -> Result<(), StorageError> {
        self.next = next;
        let log = self.current + 1;
        let written = saved_models::write(&mut *self.storage, models, known, log, next)?;
        for number in self.first..=self.current {
            // one that stays behind is known by its number
            let _ = self.storage.remove(&log_name(number));
        }
        (self.first, self.current, self.bytes, self.models_bytes) = (log, log, 0, written);
        self.told_arrived = next - 1;
        self.begin()
    }
}

fn read_file(storage: &mut dyn Storage, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(len) = storage.len(name)? else { return Ok(None) };
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    let mut at = 0;
    while at < bytes.len() {
        let read = storage.read_at(name, at as u64, bytes.get_mut(at..).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        at += read;
    }
    bytes.truncate(at);
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
