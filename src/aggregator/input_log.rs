//! Chunks on disk before they are scored. Models are deterministic: those of the last snapshot, and the chunks since
//! then, give the same models and the same scores after a crash.
//!
//! ```text
//! models      = magic log:u64 next:u64 known:varint (u128)* shards:varint (bytes)* checksum      replaced atomically
//! log-NN      = (length:u32 checksum:u64 entry)*          begins behind the models, or where another process began
//! entry       = 'H' number:u64 | 'C' number:u64 at:i64 key:(u64 u64) tag:bytes entries:bytes | 'D' number:u64
//! ```
//! `H` begins a log, `C` is a chunk, `D` says that all chunks up to this one have arrived at the next hop. A log that was
//! cut by a crash counts up to its last whole entry.

use super::known::ChunkKey;
use crate::bank::{Storage, StorageError};
use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::source::forward::IncomingChunk;
use crate::time::Time;

const MODELS: &str = "models";
const TEMPORARY: &str = "models.new";
/// Set aside: it cannot be read.
const BAD: &str = "models.bad";
const MAGIC: u64 = u64::from_le_bytes(*b"fa-serve");
/// Logs share this many names.
const NAMES: u64 = 64;
/// A snapshot is due behind so many logs.
const MAX_LOGS: u64 = 16;
/// Bytes of log behind which a snapshot is due, or twice the snapshot where that is more.
const MIN_BYTES: u64 = 64 << 20;
const PART: usize = 1 << 20;
/// Bytes before an entry.
const HEAD: usize = 12;

fn log_name(number: u64) -> String {
    format!("log-{:02}", number % NAMES)
}

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

/// A chunk of the log.
#[derive(Debug)]
pub(super) struct LoggedChunk {
    pub(super) number: u64,
    pub(super) at: Time,
    pub(super) key: Option<ChunkKey>,
    pub(super) chunk: IncomingChunk,
    /// The next hop has it.
    pub(super) has_arrived: bool,
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

fn entry(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    put(out);
    let body = out.get(start + HEAD..).unwrap_or_default();
    let (len, sum) = (body.len() as u32, checksum(u64::from(body.len() as u32), body));
    if let Some(head) = out.get_mut(start..start + HEAD) {
        let (a, b) = head.split_at_mut(4);
        a.copy_from_slice(&len.to_le_bytes());
        b.copy_from_slice(&sum.to_le_bytes());
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
            Some(bytes) => match read_models(&bytes, &mut recovered) {
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
                let mut is_ours = false;
                while let Some((body, end)) = whole_entry(&bytes, at) {
                    match read_entry(body) {
                        Ok(LogEntry::Head(found)) if at == 0 => is_ours = found == number,
                        _ if !is_ours => break,
                        Ok(LogEntry::Arrived(up_to)) => arrived = arrived.max(up_to),
                        Ok(LogEntry::Chunk(mut chunk)) => {
                            self.next = self.next.max(chunk.number + 1);
                            if pass == 1 {
                                chunk.has_arrived = chunk.number <= arrived;
                                replay(chunk);
                            }
                        }
                        Ok(LogEntry::Head(_)) | Err(_) => break,
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
        let number = self.current;
        entry(&mut self.buffer, |out| {
            let mut w = Writer::new(out);
            w.u8(b'H');
            w.u64(number);
        });
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
            let number = self.next;
            entry(&mut self.buffer, |out| {
                let mut w = Writer::new(out);
                w.u8(b'C');
                w.u64(number);
                w.i64(at.nanos());
                let key = key.map_or(0, |key| key.0);
                w.u64((key >> 64) as u64);
                w.u64(key as u64);
                w.bytes(chunk.tag.as_bytes());
                chunk.write_entries(out);
            });
            self.next += 1;
        }
        self.storage.append(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        if self.buffer.capacity() > 4 * PART {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    fn put_arrived(&mut self, arrived: u64) {
        if arrived > self.told_arrived {
            self.told_arrived = arrived;
            entry(&mut self.buffer, |out| {
                let mut w = Writer::new(out);
                w.u8(b'D');
                w.u64(arrived);
            });
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
        self.storage.remove(TEMPORARY)?;
        self.storage.create(TEMPORARY)?;
        self.next = next;
        let log = self.current + 1;
        let mut head = Vec::new();
        let mut w = Writer::new(&mut head);
        w.u64(MAGIC);
        w.u64(log);
        w.u64(next);
        w.varint(known.len() as u64);
        for key in known {
            w.u64((key.0 >> 64) as u64);
            w.u64(key.0 as u64);
        }
        w.varint(models.len() as u64);
        let mut written = 0;
        let mut sum = 0;
        let storage = &mut *self.storage;
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
        for number in self.first..=self.current {
            // one that stays behind is known by its number
            let _ = self.storage.remove(&log_name(number));
        }
        (self.first, self.current, self.bytes, self.models_bytes) = (log, log, 0, written);
        self.told_arrived = next - 1;
        self.begin()
    }
}

fn set_aside(storage: &mut dyn Storage, why: &str, recovered: &mut Recovered) -> Result<(), StorageError> {
    storage.rename(MODELS, BAD)?;
    let line = format!(
        "state: {MODELS} cannot be used ({why}): it is set aside as {BAD}, and all models begin anew"
    );
    *recovered = Recovered { told: vec![line], ..Recovered::default() };
    Ok(())
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

fn read_models(bytes: &[u8], into: &mut Recovered) -> Result<(u64, u64), CodecError> {
    let invalid = |what| CodecError::Invalid { what };
    let (body, sum) = bytes.split_last_chunk::<8>().ok_or(invalid("length"))?;
    let mut r = Reader::new(body);
    if r.u64("magic")? != MAGIC {
        return Err(invalid("first bytes"));
    }
    let (log, next) = (r.u64("log")?, r.u64("next chunk")?);
    for _ in 0..r.varint("known chunks")? {
        let (high, low) = (r.u64("known chunk")?, r.u64("known chunk")?);
        into.known.push(ChunkKey(u128::from(high) << 64 | u128::from(low)));
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

enum LogEntry {
    Head(u64),
    Chunk(LoggedChunk),
    Arrived(u64),
}

/// The entry at `at`, and the offset behind it; `None` where there is no whole one.
fn whole_entry(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let len = u32::from_le_bytes(*len);
    let body = rest.get(..len as usize)?;
    let end = at + HEAD + body.len();
    (checksum(u64::from(len), body) == u64::from_le_bytes(*sum)).then_some((body, end))
}

fn read_entry(body: &[u8]) -> Result<LogEntry, CodecError> {
    let mut r = Reader::new(body);
    Ok(match r.u8("entry kind")? {
        b'H' => LogEntry::Head(r.u64("log number")?),
        b'D' => LogEntry::Arrived(r.u64("chunk number")?),
        b'C' => {
            let (number, at) = (r.u64("chunk number")?, Time::from_nanos(r.i64("arrival")?));
            let key = u128::from(r.u64("key")?) << 64 | u128::from(r.u64("key")?);
            let tag = String::from_utf8_lossy(r.bytes("tag")?).into_owned();
            let entries = r.take(r.rest().len(), "entries")?.to_vec();
            LogEntry::Chunk(LoggedChunk {
                number,
                at,
                key: (key != 0).then_some(ChunkKey(key)),
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
    use crate::bank::MemoryStorage;

    fn chunk(n: u8) -> IncomingChunk {
        IncomingChunk::from_entries(format!("tag.{n}"), vec![0x92, n, 0x81, 0xa1, b'n', n])
    }

    struct Opened {
        log: InputLog,
        told: Vec<String>,
        models: Vec<Vec<u8>>,
        known: Vec<ChunkKey>,
        /// Number, tag, and whether it has arrived.
        replayed: Vec<(u64, String, bool)>,
    }

    fn open(storage: &MemoryStorage) -> Opened {
        let (mut models, mut known, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
        let (log, told) = InputLog::open(
            Box::new(storage.clone()),
            &mut |recovered| {
                (models, known) = (recovered.models.clone(), recovered.known.clone());
                Ok(())
            },
            &mut |logged| replayed.push((logged.number, logged.chunk.tag, logged.has_arrived)),
        )
        .unwrap();
        Opened { log, told, models, known, replayed }
    }

    fn append(log: &mut InputLog, n: u8, arrived: u64) -> Result<(), StorageError> {
        let key = Some(ChunkKey(u128::from(n) + 1));
        log.append([(key, Time::from_seconds(9), &chunk(n))].into_iter(), arrived)
    }

    fn numbers(opened: &Opened) -> Vec<u64> {
        opened.replayed.iter().map(|(number, ..)| *number).collect()
    }

    #[test]
    fn chunks_come_back_in_their_order_and_know_what_has_arrived() {
        let storage = MemoryStorage::new();
        let mut first = open(&storage);
        (0..3).for_each(|n| append(&mut first.log, n, 0).unwrap());
        append(&mut first.log, 3, 2).unwrap();
        let mut second = open(&storage.crashed());
        let wanted = [(1, "tag.0", true), (2, "tag.1", true), (3, "tag.2", false), (4, "tag.3", false)];
        assert_eq!(second.replayed, wanted.map(|(number, tag, arrived)| (number, tag.to_owned(), arrived)));
        assert_eq!(second.log.next(), 5);
        append(&mut second.log, 4, 4).unwrap();
    }

    #[test]
    fn a_log_that_is_cut_anywhere_counts_up_to_its_last_whole_chunk() {
        let storage = MemoryStorage::new();
        let mut first = open(&storage);
        let mut ends = Vec::new();
        let len = |storage: &MemoryStorage| storage.with_files(|files| files["log-01"].len());
        ends.push(len(&storage));
        for n in 0..4 {
            append(&mut first.log, n, 0).unwrap();
            ends.push(len(&storage));
        }
        for cut in 0..=ends[4] {
            let copy = storage.crashed();
            copy.with_files(|files| files.get_mut("log-01").unwrap().truncate(cut));
            let mut opened = open(&copy);
            let whole = ends.iter().filter(|end| **end <= cut).count().saturating_sub(1) as u64;
            assert_eq!(numbers(&opened), (1..=whole).collect::<Vec<_>>(), "cut at {cut}");
            // what comes next is read behind it
            append(&mut opened.log, 9, 0).unwrap();
            assert_eq!(numbers(&open(&copy.crashed())), (1..=whole + 1).collect::<Vec<_>>(), "cut at {cut}");
        }
    }

    #[test]
    fn a_snapshot_replaces_the_logs() {
        let storage = MemoryStorage::new();
        let mut first = open(&storage);
        (0..3).for_each(|n| append(&mut first.log, n, 0).unwrap());
        let known = [ChunkKey(1), ChunkKey(2)];
        first.log.snapshot(&[b"one".to_vec(), vec![7; 3 << 20]], &known, 4).unwrap();
        append(&mut first.log, 3, 3).unwrap();
        let second = open(&storage.crashed());
        assert_eq!((second.models.len(), second.models[1].len()), (2, 3 << 20));
        assert_eq!(second.known, known);
        assert_eq!(second.replayed, [(4, "tag.3".to_owned(), false)]);
        assert!(second.told.is_empty(), "{:?}", second.told);
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_snapshot_makes_up_for_it() {
        let storage = MemoryStorage::new();
        let mut first = open(&storage);
        append(&mut first.log, 0, 0).unwrap();
        storage.limit(Some(20));
        assert!(append(&mut first.log, 1, 0).is_err());
        assert!(first.log.snapshot(&[vec![1; 100]], &[], 3).is_err());
        // as a crash now would leave it
        assert_eq!(
            numbers(&open(&{
                let copy = storage.crashed();
                copy.limit(None);
                copy
            })),
            [1]
        );
        storage.limit(None);
        first.log.snapshot(&[vec![1; 100]], &[], 3).unwrap();
        append(&mut first.log, 2, 0).unwrap();
        let second = open(&storage.crashed());
        assert_eq!((second.models[0].len(), numbers(&second)), (100, vec![3]));
    }

    #[test]
    fn models_that_cannot_be_read_are_set_aside() {
        let storage = MemoryStorage::new();
        let mut first = open(&storage);
        first.log.snapshot(&[b"models".to_vec()], &[ChunkKey(5)], 1).unwrap();
        for at in 0..storage.with_files(|files| files[MODELS].len()) {
            let copy = storage.crashed();
            copy.with_files(|files| files.get_mut(MODELS).unwrap()[at] ^= 0x40);
            let opened = open(&copy);
            assert!(opened.told[0].contains("set aside as models.bad"), "{at}: {:?}", opened.told);
            assert!(opened.models.is_empty() && opened.known.is_empty());
        }
    }
}
