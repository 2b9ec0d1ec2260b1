//! Records that the host could not read back leave mended, and the change is told.

use super::Pipeline;
use super::reminder::is_power_of_ten;
use crate::record::{Extractor, Format, Found, Mended, mend};

/// For hosts that print records for the filter and read its answer as JSON.
#[derive(Debug)]
pub(super) struct Mending {
    /// Checks the records that no section scores.
    extractor: Extractor,
    found: Found,
    /// What was changed in the record mended last, and the number of that record.
    pub(super) last: Mended,
    pub(super) record: u64,
    /// Records that were changed so far.
    changed: u64,
}

impl Mending {
    pub(super) fn new() -> Self {
        Self {
            extractor: Extractor::new(Format::Json, &[], &[]),
            found: Found::for_checks(),
            last: Mended::default(),
            record: 0,
            changed: 0,
        }
    }

    /// Whether a record that no section scores must be mended.
    #[inline]
    pub(super) fn is_needed(&mut self, record: &[u8]) -> bool {
        self.extractor.scan(record, &mut self.found).is_err() || self.found.needs_mending()
    }

    /// Mends a record; `number`: its place among all records. True if its content changed.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn mend(&mut self, record: &mut Vec<u8>, number: u64) -> bool {
        let Some(mended) = mend(record) else { return false };
        let is_change = mended.changes() > 0;
        self.changed += u64::from(is_change);
        self.last = mended;
        self.record = number;
        is_change
    }

    /// The line for the log, for the first change and then ever more seldom.
    #[cold]
    pub(super) fn log_line(&self) -> Option<String> {
        is_power_of_ten(self.changed).then(|| {
            format!(
                "record {}: the host has no JSON for some of its values: {} ({} such records so far)",
                self.record, self.last, self.changed
            )
        })
    }
}

impl Pipeline {
    /// Mends JSON records that Fluent Bit would print and then refuse to read back, see docs/reliability.md:
    /// all records, of any tag. Not for hosts that keep the bytes.
    pub fn mend_records(&mut self) {
        self.mending = Some(Box::new(Mending::new()));
    }

    /// Mends a record that no section scores.
    #[inline(always)] // speed
    pub(super) fn mend_unscored(&mut self, record: &mut Vec<u8>) {
        if let Some(mending) = &mut self.mending
            && mending.is_needed(record)
            && mending.mend(record, self.counters.records)
        {
            self.counters.mended += 1;
            self.log.extend(mending.log_line());
        }
    }

    /// Mends a record that a section is to score; false if it is no record.
    #[cold]
    #[inline(never)] // stack
    pub(super) fn mend_scored(&mut self, at: u16, record: &mut Vec<u8>) -> bool {
        let Some(section) = self.sections.get_mut(usize::from(at)) else { return false };
        if let Some(mending) = &mut self.mending
            && mending.mend(record, self.counters.records)
        {
            self.counters.mended += 1;
            self.log.extend(mending.log_line());
            if !section.has_told_mending {
                section.has_told_mending = true;
                self.errors.add(&section.explain_mending(&mending.last));
            }
        }
        let is_record = section.access.scan(record);
        if !is_record {
            self.counters.malformed += 1;
            self.unscored.malformed(at, record);
        }
        is_record
    }
}
