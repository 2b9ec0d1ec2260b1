//! Applies what a snapshot and its journals hold to the series in memory.

use super::slots_by_id::SlotsById;
use crate::bank::entry::{SnapshotHead, StateEntry};
use crate::bank::frame::{FrameReader, ReadError};
use crate::bank::headroom::{has_room, needed};
use crate::bank::live_series::LiveSeries;
use crate::bank::notice::StateNotice;
use crate::bank::position::{JournalPosition, SNAPSHOT, journal_name};
use crate::bank::storage::{Storage, StorageError};
use crate::bank::{BankSection, ClosedWindow, Model, SectionId, SeriesKey};
use crate::codec::{CodecError, Reader};
use crate::time::Time;

/// What a journal turned out to be.
pub(super) enum JournalRead {
    /// Sound up to the end that was asked for.
    Whole,
    /// The file belongs to a journal before the snapshot.
    Older,
}

/// The reading side of a start.
pub(super) struct Replay<'a, M: Model> {
    sections: &'a [BankSection<M>],
    live: &'a mut LiveSeries<M>,
    /// Series id -> slot.
    slots: SlotsById,
    /// Names of sections, in order, and the series that were dropped because their parameters are others now.
    dropped: Vec<(String, u64)>,
    /// Numbers of sections, in order, and the series that came back without a part that an older version wrote.
    outdated: Vec<(u16, u64)>,
    /// A series did not fit into memory, with so many in it; it begins anew when it is seen.
    full: Option<usize>,
}

/// Of one file: its section numbers as ours, where the parameters still are the same.
struct SectionMap(Vec<Result<u16, String>>);

impl SectionMap {
    fn new<M: Model>(theirs: &[SectionId], ours: &[BankSection<M>]) -> Self {
        Self(
            theirs
                .iter()
                .map(|id| {
                    let at = ours.iter().position(|section| section.id == *id);
                    at.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| id.name.clone())
                })
                .collect(),
        )
    }

    fn get(&self, section: u16) -> Result<&Result<u16, String>, CodecError> {
        self.0.get(usize::from(section)).ok_or(CodecError::Invalid { what: "section index" })
    }
}

impl<'a, M: Model> Replay<'a, M> {
    pub(super) fn new(sections: &'a [BankSection<M>], live: &'a mut LiveSeries<M>) -> Self {
        Self {
            sections,
            live,
            slots: SlotsById::default(),
            dropped: Vec::new(),
            outdated: Vec::new(),
            full: None,
        }
    }

    /// Forgets everything that was read.
    pub(super) fn clear(&mut self) {
        self.live.clear();
        self.slots.clear();
        self.dropped.clear();
        self.outdated.clear();
        self.full = None;
    }

    /// Tells which series did not come back although their files were sound. True when the files hold series that must
    /// not be read again.
    pub(super) fn tell_losses(self, notices: &mut Vec<StateNotice>) -> bool {
        notices.extend(self.full.map(|series| StateNotice::OutOfMemory { series }));
        let must_rewrite = !self.dropped.is_empty() || !self.outdated.is_empty();
        for (section, series) in self.outdated {
            let section = self.sections.get(usize::from(section)).map(|section| section.id.name.clone());
            notices.extend(section.map(|section| StateNotice::Outdated { section, series }));
        }
        let dropped = self.dropped.into_iter();
        notices.extend(dropped.map(|(section, series)| StateNotice::Dropped { section, series }));
        must_rewrite
    }

    /// Reads the snapshot, which has `len` bytes.
    pub(super) fn snapshot(
        &mut self,
        storage: &mut dyn Storage,
        len: u64,
    ) -> Result<SnapshotHead, ReadError> {
        let mut frames = FrameReader::open(storage, SNAPSHOT, len)?;
        let head = match frames.next()? {
            Some((at, payload)) => match StateEntry::take(payload) {
                Ok(StateEntry::Snapshot(head)) => head,
                _ => return Err(impossible(at, "first entry of a snapshot")),
            },
            None => return Err(ReadError::Torn { at: 0 }),
        };
        let map = SectionMap::new(&head.sections, self.sections);
        self.set_clocks(&map, &head);
        let mut read = 0;
        while let Some((at, payload)) = frames.next()? {
            let entry = StateEntry::take(payload).map_err(|cause| ReadError::Impossible { at, cause })?;
            match entry {
                StateEntry::Series { id, section, seen, key, model } => {
                    read += 1;
                    self.restore_series(&map, id, section, seen, key, model)
                        .map_err(|cause| ReadError::Impossible { at, cause })?;
                }
                StateEntry::Doubt { section, doubt } => {
                    let section = map.get(section).map_err(|cause| ReadError::Impossible { at, cause })?;
                    if let Ok(section) = section
                        && let Some(clock) = self.live.clocks.get_mut(usize::from(*section))
                    {
                        clock.doubt = doubt;
                    }
                }
                StateEntry::Pace { section, pace } => {
                    let restored = map.get(section).and_then(|section| match section {
                        Ok(section) => self.live.pace.restore(*section, &mut Reader::new(pace)),
                        Err(_) => Ok(()),
                    });
                    restored.map_err(|cause| ReadError::Impossible { at, cause })?;
                }
                StateEntry::Window(window) => {
                    let section =
                        map.get(window.section).map_err(|cause| ReadError::Impossible { at, cause })?;
                    if let Ok(section) = section {
                        self.live.windows.add(ClosedWindow { section: *section, ..window });
                    }
                }
                StateEntry::End { series } if series == read => return Ok(head),
                _ => return Err(impossible(at, "entry of a snapshot")),
            }
        }
        Err(ReadError::Torn { at: frames.offset() })
    }

    fn set_clocks(&mut self, map: &SectionMap, head: &SnapshotHead) {
        for (section, &clock) in map.0.iter().zip(&head.clocks) {
            if let Ok(section) = section
                && let Some(ours) = self.live.clocks.get_mut(usize::from(*section))
            {
                ours.number = clock;
            }
        }
    }

    fn restore_series(
        &mut self,
        map: &SectionMap,
        id: u32,
        section: u16,
        seen: Time,
        key: &[u8],
        model: &[u8],
    ) -> Result<(), CodecError> {
        let section = match map.get(section)? {
            Ok(section) => *section,
            Err(name) => {
                count(&mut self.dropped, name);
                return Ok(());
            }
        };
        let spec = &self.sections[usize::from(section)].spec;
        if !has_room(needed::<M>(spec, key.len())) {
            self.full = Some(self.live.arena.len());
            return Ok(());
        }
        let mut r = Reader::new(model);
        let model = M::restore(spec, &mut r)?;
        if !r.is_empty() {
            return Err(CodecError::Invalid { what: "model length" });
        }
        if r.is_outdated() {
            count(&mut self.outdated, &section);
        }
        if let Some(at) = self.add(id, section, key, model) {
            self.live.arena.get_mut(at).seen = seen;
        }
        Ok(())
    }

    /// Applies a journal up to `end`; on an error, also how many bytes of it are sound.
    pub(super) fn journal(
        &mut self,
        storage: &mut dyn Storage,
        name: &str,
        number: u64,
        end: u64,
        position: &mut JournalPosition,
    ) -> Result<JournalRead, (u64, ReadError)> {
        let mut frames = FrameReader::open(storage, name, end).map_err(|error| (0, error))?;
        // cut inside of its head, a journal holds nothing yet: the same as one that was cut before
        let cut = |error| match error {
            ReadError::Torn { .. } => ReadError::Torn { at: 0 },
            error => error,
        };
        let head = match frames.next().map_err(|error| (0, cut(error)))? {
            Some((at, payload)) => match StateEntry::take(payload) {
                Ok(StateEntry::Journal(head)) => head,
                _ => return Err((0, impossible(at, "first entry of a journal"))),
            },
            None => return Err((0, ReadError::Torn { at: 0 })),
        };
        if head.number < number {
            return Ok(JournalRead::Older);
        }
        if head.number > number {
            return Err((0, impossible(0, "journal number")));
        }
        let map = SectionMap::new(&head.sections, self.sections);
        loop {
            let sound = frames.offset();
            let Some((at, payload)) = frames.next().map_err(|error| (sound, error))? else { break };
            self.apply(payload, &map, position)
                .map_err(|cause| (sound, ReadError::Impossible { at, cause }))?;
        }
        position.base_len = frames.offset();
        Ok(JournalRead::Whole)
    }

    /// Applies the entries of one record.
    fn apply(
        &mut self,
        payload: &[u8],
        map: &SectionMap,
        position: &mut JournalPosition,
    ) -> Result<(), CodecError> {
        let mut r = Reader::new(payload);
        loop {
            self.apply_entry(StateEntry::next(&mut r)?, map, position)?;
            if r.is_empty() {
                return Ok(());
            }
        }
    }

    fn apply_entry(
        &mut self,
        entry: StateEntry<'_>,
        map: &SectionMap,
        position: &mut JournalPosition,
    ) -> Result<(), CodecError> {
        match entry {
            StateEntry::Register { id, section, key } => {
                position.next_id = position.next_id.max(id.saturating_add(1));
                match map.get(section)? {
                    Ok(section) => {
                        let spec = &self.sections[usize::from(*section)].spec;
                        if has_room(needed::<M>(spec, key.len())) {
                            self.add(id, *section, key, M::new(spec));
                        } else {
                            self.full = Some(self.live.arena.len());
                        }
                    }
                    Err(name) => count(&mut self.dropped, name),
                }
            }
            StateEntry::Evict { id } => {
                position.evicted += 1;
                self.forget(id);
            }
            StateEntry::Observe { id, observation } => {
                // a series of a dropped section has no slot
                if let Some(at) = self.slots.get(id) {
                    let own = self.live.arena.get_mut(at).section;
                    let section = &self.sections[usize::from(own)];
                    if M::has_named_sources(&section.spec)
                        && let Some(named) = self.slots.get(observation.source)
                    {
                        self.live.arena.touch(named);
                    }
                    self.live.arena.touch(at);
                    let model = if M::has_windows(&section.spec) {
                        self.live.see_window(section, own, at, observation.time)
                    } else {
                        self.live.see(section, at, observation.time, &mut |_, _, _| {})
                    };
                    model.update(&section.spec, observation);
                }
            }
            StateEntry::Line { id, time, line } => self.apply_line(id, time, line),
            StateEntry::Clock { section, time_s } => {
                if let Ok(own) = map.get(section)?
                    && let Some(section) = self.sections.get(usize::from(*own))
                {
                    self.live.advance(section, *own, time_s);
                }
            }
            StateEntry::Tick { host_s, asked_s } => self.live.tick_windows(self.sections, host_s, asked_s),
            StateEntry::Leave { section } => {
                if let Ok(own) = map.get(section)? {
                    drop(self.live.windows.take(&|section| section == *own));
                }
            }
            _ => return Err(CodecError::Invalid { what: "entry of a journal" }),
        }
        Ok(())
    }

    /// A line of text that a series learned; one of a dropped section has no slot.
    #[inline(never)] // stack
    fn apply_line(&mut self, id: u32, time: Time, line: &[u8]) {
        let Some(at) = self.slots.get(id) else { return };
        let own = self.live.arena.get_mut(at).section;
        let Some(section) = self.sections.get(usize::from(own)) else { return };
        self.live.arena.touch(at);
        self.live.see_window(section, own, at, time).read_line(&section.spec, time, line);
    }

    fn add(&mut self, id: u32, section: u16, key: &[u8], model: M) -> Option<u32> {
        let key = &SeriesKey::new(key);
        if let Some(at) = self.live.arena.find(section, key) {
            let old = self.live.arena.get_mut(at).id;
            self.forget(old);
        }
        if !self.slots.has_room() {
            self.full = Some(self.live.arena.len());
            return None;
        }
        let at = self.live.arena.insert(id, section, key, model).ok()?;
        self.slots.insert(id, at);
        Some(at)
    }

    fn forget(&mut self, id: u32) {
        let Some(at) = self.slots.remove(id) else { return };
        self.live.arena.remove(at);
        // the arena moved its last slot into the gap
        if (at as usize) < self.live.arena.len() {
            let moved = self.live.arena.get_mut(at).id;
            self.slots.insert(moved, at);
        }
    }
}

/// Counts one more for a key of a list that is in order.
fn count<K: Ord + Clone>(counts: &mut Vec<(K, u64)>, key: &K) {
    match counts.binary_search_by(|(other, _)| other.cmp(key)) {
        Ok(at) => counts[at].1 += 1,
        Err(at) => counts.insert(at, (key.clone(), 1)),
    }
}

fn impossible(at: u64, what: &'static str) -> ReadError {
    ReadError::Impossible { at, cause: CodecError::Invalid { what } }
}

/// What the file of a journal says at its head.
pub(super) enum JournalHead {
    /// There is no such file.
    Missing,
    /// It is that of a journal before.
    Older,
    /// It is the one; it says how much of the journal before it was read when it was begun.
    Here { base_len: u64 },
    /// It cannot be read, or is that of a journal behind.
    Bad(ReadError),
}

/// Looks at the head of the journal `number`.
pub(super) fn read_head(storage: &mut dyn Storage, number: u64) -> Result<JournalHead, StorageError> {
    let name = journal_name(number);
    let Some(len) = storage.len(&name)? else { return Ok(JournalHead::Missing) };
    let read = FrameReader::open(storage, &name, len).and_then(|mut frames| {
        Ok(match frames.next()?.map(|(at, payload)| (at, StateEntry::take(payload))) {
            Some((_, Ok(StateEntry::Journal(head)))) if head.number == number => {
                JournalHead::Here { base_len: head.base_len }
            }
            Some((_, Ok(StateEntry::Journal(head)))) if head.number < number => JournalHead::Older,
            Some((at, _)) => JournalHead::Bad(impossible(at, "first entry of a journal")),
            None => JournalHead::Bad(ReadError::Torn { at: 0 }),
        })
    });
    match read {
        Err(ReadError::Storage(error)) => Err(error),
        Err(why) => Ok(JournalHead::Bad(why)),
        Ok(head) => Ok(head),
    }
}
