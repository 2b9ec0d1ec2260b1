//! Reads and writes the fields of one section in records.

use crate::record::{Extractor, Field, Found};

/// The fields of one section, and where they stand in the record that was scanned last.
#[derive(Debug)]
pub(super) struct RecordAccess {
    pub(super) extractor: Extractor,
    /// Of this section alone: it remembers the form of the section's records.
    pub(super) found: Found,
    /// Bytes that the annotations take at most, texts that vary aside.
    pub(super) room: usize,
}

impl RecordAccess {
    /// Walks a record; false when it is none.
    #[inline]
    pub(super) fn scan(&mut self, record: &[u8]) -> bool {
        self.extractor.scan(record, &mut self.found).is_ok()
    }

    /// The same; also false when a record needs mending.
    #[inline(always)] // speed
    pub(super) fn scan_sound(&mut self, record: &[u8]) -> bool {
        self.scan(record) && !self.found.needs_mending()
    }

    /// Writes fields into the record that was scanned; without memory for them the record leaves as it is. `texts`:
    /// bytes of text in the fields that are not the same in every record.
    #[inline]
    pub(super) fn write(&self, record: &mut Vec<u8>, fields: &[(usize, Field<'_>)], texts: usize) {
        // an allocation that fails inside would abort, and a WASM host would lose the record
        if record.try_reserve_exact(self.room + 6 * texts).is_ok() {
            self.extractor.annotate(record, &self.found, fields);
        }
    }
}
