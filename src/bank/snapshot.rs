//! Writes all series of a bank into one file.

use super::entry::{SnapshotHead, StateEntry};
use super::frame::FrameWriter;
use super::live_series::LiveSeries;
use super::position::SNAPSHOT;
use super::storage::{Storage, StorageError};
use super::{BankSection, Model, SectionId};
use crate::codec::Writer;

/// The snapshot while it is written.
pub(super) const TEMPORARY: &str = "snapshot.new";
/// A snapshot is handed to the storage in parts of about this size.
const PART: usize = 64 << 10;

/// What a snapshot holds besides the series.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesCounts {
    pub(super) next_id: u32,
    pub(super) evicted: u64,
}

/// All that goes into a snapshot.
pub(super) struct SnapshotParts<'a, M: Model> {
    pub(super) ids: &'a [SectionId],
    pub(super) sections: &'a [BankSection<M>],
    pub(super) live: &'a LiveSeries<M>,
    pub(super) counts: SeriesCounts,
    /// The journal that goes on from here.
    pub(super) next_journal: u64,
}

impl<M: Model> SnapshotParts<'_, M> {
    /// Writes to [`TEMPORARY`], which is open, and gives it the snapshot's name. `bytes`: what was written, also on an
    /// error.
    pub(super) fn write(&self, storage: &mut dyn Storage, bytes: &mut u64) -> Result<(), StorageError> {
        let mut part = Vec::new();
        if part.try_reserve_exact(PART + (PART >> 2)).is_err() {
            return Err(StorageError::new("write", TEMPORARY, "out of memory"));
        }
        let mut frames = FrameWriter::default();
        let mut payload = Vec::new();
        FrameWriter::preamble(&mut part);
        let mut put = |entry: &StateEntry<'_>, part: &mut Vec<u8>| {
            payload.clear();
            entry.put(&mut payload);
            frames.frame(&payload, part);
        };
        put(
            &StateEntry::Snapshot(SnapshotHead {
                next_journal: self.next_journal,
                next_id: self.counts.next_id,
                evicted: self.counts.evicted,
                sections: self.ids.to_vec(),
                clocks: self.live.clocks.iter().map(|clock| clock.number).collect(),
            }),
            &mut part,
        );
        let clocks = self.live.clocks.iter().enumerate();
        for (section, clock) in clocks.filter(|(_, clock)| !clock.doubt.is_none()) {
            put(&StateEntry::Doubt { section: section as u16, doubt: clock.doubt }, &mut part);
        }
        let mut model = Vec::new();
        let paced = self.sections.iter().enumerate().filter(|_| !self.live.pace.is_unknown());
        for (section, _) in paced.filter(|(_, section)| M::has_windows(&section.spec)) {
            model.clear();
            self.live.pace.save(section as u16, &mut Writer::new(&mut model));
            put(&StateEntry::Pace { section: section as u16, pace: &model }, &mut part);
        }
        for window in self.live.windows.iter() {
            put(&StateEntry::Window(window.clone()), &mut part);
        }
        for slot in self.live.arena.by_age() {
            model.clear();
            if let Some(section) = self.sections.get(usize::from(slot.section)) {
                slot.model.save(&section.spec, &mut Writer::new(&mut model));
            }
            put(
                &StateEntry::Series {
                    id: slot.id,
                    section: slot.section,
                    seen: slot.seen,
                    key: slot.key.bytes(),
                    model: &model,
                },
                &mut part,
            );
            if part.len() >= PART {
                storage.append(&part)?;
                *bytes += part.len() as u64;
                part.clear();
            }
        }
        put(&StateEntry::End { series: self.live.arena.len() as u64 }, &mut part);
        storage.append(&part)?;
        *bytes += part.len() as u64;
        storage.sync()?;
        storage.rename(TEMPORARY, SNAPSHOT)
    }
}
