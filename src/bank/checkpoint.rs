//! A bank whose state is handed out as bytes and comes back from them: for hosts that keep it where records come from.
//!
//! ```text
//! snapshot:bytes sections:u64 count:varint (section:varint key:bytes silence:bytes)*
//! ```
//! Reports of silent series that wait for a record are part of it: a folder does without, since its host writes them into
//! the next record.

use super::position::SNAPSHOT;
use super::recover;
use super::snapshot::{SeriesCounts, SnapshotParts, TEMPORARY};
use super::storage::{MemoryStorage, Storage, StorageError};
use super::{Bank, BankSection, Model};
use crate::codec::{CodecError, Reader, Writer, checksum};

impl<M: Model> Bank<M> {
    /// Everything that the next observation depends on.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn save(&self) -> Result<Vec<u8>, StorageError> {
        let ids: Vec<_> = self.sections.iter().map(|section| section.id.clone()).collect();
        let snapshot = SnapshotParts {
            ids: &ids,
            sections: &self.sections,
            live: &self.live,
            counts: SeriesCounts { next_id: self.next_id, evicted: self.evicted },
            next_journal: 1,
        };
        let mut storage = MemoryStorage::new();
        storage.create(TEMPORARY)?;
        let mut bytes = 0;
        snapshot.write(&mut storage, &mut bytes)?;
        let saved = storage.with_files(|files| files.remove(SNAPSHOT)).unwrap_or_default();
        let mut out = Vec::with_capacity(saved.len() + 64);
        let mut w = Writer::new(&mut out);
        w.bytes(&saved);
        w.u64(self.sections_checksum());
        w.varint(self.silences.iter().len() as u64);
        let mut report = Vec::new();
        for silent in self.silences.iter() {
            report.clear();
            M::save_silence(&silent.silence, &mut Writer::new(&mut report));
            w.varint(u64::from(silent.section));
            w.bytes(&silent.key);
            w.bytes(&report);
        }
        Ok(out)
    }

    /// A bank that goes on from what [`save`](Bank::save) gave, in memory. What could not be used is told by
    /// [`take_notices`](Bank::take_notices).
    pub(crate) fn resume(
        sections: Vec<BankSection<M>>,
        max_series: usize,
        saved: &[u8],
    ) -> Result<Self, StorageError> {
        let impossible = |error: CodecError| StorageError::new("read", SNAPSHOT, error.to_string());
        let mut r = Reader::new(saved);
        let snapshot = r.bytes("snapshot").map_err(impossible)?.to_vec();
        let mut bank = Self::in_memory(sections, max_series);
        let mut storage = MemoryStorage::new();
        storage.with_files(|files| files.insert(SNAPSHOT.to_owned(), snapshot));
        let position = recover::recover(&mut storage, &bank.sections, &mut bank.live, &mut bank.notices)?;
        bank.next_id = position.next_id;
        bank.evicted = position.evicted;
        bank.evict_excess();
        bank.resume_silences(&mut r).map_err(impossible)?;
        Ok(bank)
    }

    fn resume_silences(&mut self, r: &mut Reader<'_>) -> Result<(), CodecError> {
        const WHAT: &str = "report of a silent series";
        // reports of sections that were changed have nobody to tell
        let is_known = r.u64(WHAT)? == self.sections_checksum();
        for _ in 0..r.varint(WHAT)? {
            let section = u16::try_from(r.varint(WHAT)?).map_err(|_| CodecError::Invalid { what: WHAT })?;
            let key = r.bytes(WHAT)?;
            let report = r.bytes(WHAT)?;
            if is_known {
                self.silences.add(section, key, M::restore_silence(&mut Reader::new(report))?);
            }
        }
        if r.is_empty() { Ok(()) } else { Err(CodecError::Invalid { what: WHAT }) }
    }

    fn sections_checksum(&self) -> u64 {
        self.sections.iter().fold(0, |sum, section| {
            checksum(checksum(sum, section.id.name.as_bytes()), &section.id.signature.to_le_bytes())
        })
    }
}
