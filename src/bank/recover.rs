//! From the files of a folder back to the models, and what was wrong with them.

use std::collections::BTreeMap;

use super::entry::{Entry, SnapshotHead};
use super::frame::{FrameReader, ReadError};
use super::live_series::Live;
use super::notice::Notice;
use super::storage::{Storage, StorageError};
use super::{Model, Section, SectionId, SeriesKey, has_room, needed};
use crate::codec::{CodecError, Reader};

/// The state of all series at one moment.
pub(super) const SNAPSHOT: &str = "snapshot";
/// Journals share this many names; a compaction always comes before the names run out.
pub(super) const JOURNAL_NAMES: u64 = 64;

/// The file of the journal with this number.
pub(super) fn journal_name(number: u64) -> String {
    format!("journal-{:02}", number % JOURNAL_NAMES)
}

/// Where the next journal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// First journal behind the snapshot.
    pub(super) first_journal: u64,
    /// The one to be begun next.
    pub(super) next_journal: u64,
    /// Sound bytes of the one before it.
    pub(super) base_len: u64,
    /// Bytes of all journals behind the snapshot.
    pub(super) journal_bytes: u64,
    /// Length of the snapshot in bytes.
    pub(super) snapshot_bytes: u64,
    pub(super) next_id: u32,
    pub(super) evicted: u64,
    /// The files hold something that must not be read again: write a snapshot before anything else.
    pub(super) rewrite: bool,
}

impl Position {
    pub(super) fn start() -> Self {
        Self {
            first_journal: 1,
            next_journal: 1,
            base_len: 0,
            journal_bytes: 0,
            snapshot_bytes: 0,
            next_id: 0,
            evicted: 0,
            rewrite: false,
        }
    }
}

/// Reads everything into `live`. Only an unreadable folder is an error; a bad file is set aside and told.
pub(super) fn recover<M: Model>(
    storage: &mut dyn Storage,
    sections: &[Section<M>],
    live: &mut Live<M>,
    notices: &mut Vec<Notice>,
) -> Result<Position, StorageError> {
    let mut replay = Replay { sections, live, slots: BTreeMap::new(), dropped: BTreeMap::new(), full: None };
    let mut position = Position::start();

    if let Some(len) = storage.len(SNAPSHOT)? {
        match replay.snapshot(storage, len) {
            Ok(head) => {
                position.first_journal = head.next_journal;
                position.next_journal = head.next_journal;
                position.next_id = head.next_id;
                position.evicted = head.evicted;
                position.snapshot_bytes = len;
            }
            Err(ReadError::Storage(error)) => return Err(error),
            Err(why) => {
                // the journals continue from what is lost: none of them can be used
                replay.clear();
                set_aside(storage, SNAPSHOT, why.to_string(), notices)?;
                for number in 0..JOURNAL_NAMES {
                    let name = journal_name(number);
                    if storage.len(&name)?.is_some() {
                        set_aside(
                            storage,
                            &name,
                            "it continues a snapshot that is unreadable".into(),
                            notices,
                        )?;
                    }
                }
                position.rewrite = true;
                return Ok(position);
            }
        }
    }

    while let Some(len) = storage.len(&journal_name(position.next_journal))? {
        let number = position.next_journal;
        let name = journal_name(number);
        // a successor says how much of this one counted when it took over
        let base = successor_base(storage, number + 1)?;
        let end = base.unwrap_or(len).min(len);
        let shorter_than_it_was = base.is_some_and(|base| base > len);
        let outcome = if end == 0 && !shorter_than_it_was {
            position.base_len = 0; // begun, and killed before its first entry was whole
            Ok(Read::All)
        } else {
            replay.journal(storage, &name, number, end, &mut position)
        };
        match outcome {
            Ok(Read::All) if !shorter_than_it_was => {}
            Ok(Read::Older) => {
                storage.remove(&name)?; // left behind by a compaction that was cut short
                break;
            }
            Err((_, ReadError::Storage(error))) => return Err(error),
            Err((sound, ReadError::Torn { at })) if at == sound && base.is_none() => {
                notices.push(Notice::CutWrite { file: name, bytes: len - sound });
                position.base_len = sound;
            }
            bad => {
                let why = match bad {
                    Err((_, why)) => why,
                    Ok(_) => ReadError::Torn { at: len },
                };
                position.rewrite = true;
                set_aside(storage, &name, why.to_string(), notices)?;
                set_aside_followers(storage, number + 1, notices)?;
                position.next_journal = number + 1;
                break;
            }
        }
        position.next_journal = number + 1;
        position.journal_bytes += len;
        if position.next_journal - position.first_journal >= JOURNAL_NAMES {
            position.rewrite = true;
            break;
        }
    }

    let Replay { dropped, full, .. } = replay;
    notices.extend(full.map(|series| Notice::OutOfMemory { series }));
    for (section, series) in dropped {
        position.rewrite = true;
        notices.push(Notice::Dropped { section, series });
    }
    Ok(position)
}

fn successor_base(storage: &mut dyn Storage, number: u64) -> Result<Option<u64>, StorageError> {
    let name = journal_name(number);
    let Some(len) = storage.len(&name)? else { return Ok(None) };
    match FrameReader::open(storage, &name, len).and_then(|mut frames| {
        Ok(match frames.next()?.map(|(_, payload)| Entry::take(payload)) {
            Some(Ok(Entry::Journal(head))) if head.number == number => Some(head.base_len),
            _ => None,
        })
    }) {
        Err(ReadError::Storage(error)) => Err(error),
        Err(_) => Ok(None),
        Ok(base) => Ok(base),
    }
}

fn set_aside_followers(
    storage: &mut dyn Storage,
    from: u64,
    notices: &mut Vec<Notice>,
) -> Result<(), StorageError> {
    for number in from..from + JOURNAL_NAMES - 1 {
        let name = journal_name(number);
        if storage.len(&name)?.is_none() {
            break;
        }
        set_aside(storage, &name, "it continues a journal that is unreadable".into(), notices)?;
    }
    Ok(())
}

/// Renames a bad file so that it is neither read again nor lost.
pub(super) fn set_aside(
    storage: &mut dyn Storage,
    name: &str,
    why: String,
    notices: &mut Vec<Notice>,
) -> Result<(), StorageError> {
    const KEPT: usize = 10;
    let mut to = format!("{name}.bad");
    for n in 1..KEPT {
        if storage.len(&to)?.is_none() {
            break;
        }
        to = format!("{name}.bad{n}");
    }
    storage.rename(name, &to)?;
    notices.push(Notice::SetAside { file: name.to_owned(), to, why });
    Ok(())
}

enum Read {
    All,
    /// The file belongs to a journal before the snapshot.
    Older,
}

struct Replay<'a, M: Model> {
    sections: &'a [Section<M>],
    live: &'a mut Live<M>,
    /// What replayed observations yield: said before, not said again.
    /// Series id -> slot.
    slots: BTreeMap<u32, u32>,
    /// Section name -> series that were dropped because its parameters are others now.
    dropped: BTreeMap<String, u64>,
    /// A series did not fit into memory, with so many in it; it begins anew when it is seen.
    full: Option<usize>,
}

/// Of one file: its section numbers as ours, where the parameters still are the same.
struct SectionMap(Vec<Result<u16, String>>);

impl SectionMap {
    fn new<M: Model>(theirs: &[SectionId], ours: &[Section<M>]) -> Self {
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

impl<M: Model> Replay<'_, M> {
    fn clear(&mut self) {
        self.live.clear();
        self.slots.clear();
        self.dropped.clear();
        self.full = None;
    }

    fn snapshot(&mut self, storage: &mut dyn Storage, len: u64) -> Result<SnapshotHead, ReadError> {
        let mut frames = FrameReader::open(storage, SNAPSHOT, len)?;
        let head = match frames.next()? {
            Some((at, payload)) => match Entry::take(payload) {
                Ok(Entry::Snapshot(head)) => head,
                _ => return Err(impossible(at, "first entry of a snapshot")),
            },
            None => return Err(ReadError::Torn { at: 0 }),
        };
        let map = SectionMap::new(&head.sections, self.sections);
        for (section, &clock) in map.0.iter().zip(&head.clocks) {
            if let Ok(section) = section
                && let Some(ours) = self.live.clocks.get_mut(usize::from(*section))
            {
                *ours = clock;
            }
        }
        let mut seen = 0;
        while let Some((at, payload)) = frames.next()? {
            let entry = Entry::take(payload).map_err(|cause| ReadError::Impossible { at, cause })?;
            match entry {
                Entry::Series { id, section, seen: seen_at, key, model } => {
                    seen += 1;
                    let section =
                        map.get(section).map_err(|cause| ReadError::Impossible { at, cause })?.clone();
                    match section {
                        Ok(section) => {
                            let spec = &self.sections[usize::from(section)].spec;
                            if !has_room(needed::<M>(spec, key.len())) {
                                self.full = Some(self.live.arena.len());
                                continue;
                            }
                            let mut r = Reader::new(model);
                            let model = M::restore(spec, &mut r)
                                .map_err(|cause| ReadError::Impossible { at, cause })?;
                            if !r.is_empty() {
                                return Err(impossible(at, "model length"));
                            }
                            if let Some(at) = self.add(id, section, key, model) {
                                self.live.arena.get_mut(at).seen = seen_at;
                            }
                        }
                        Err(name) => *self.dropped.entry(name).or_default() += 1,
                    }
                }
                Entry::End { series } if series == seen => return Ok(head),
                _ => return Err(impossible(at, "entry of a snapshot")),
            }
        }
        Err(ReadError::Torn { at: frames.offset() })
    }

    /// Applies a journal up to `end`; on an error, also how many bytes of it are sound.
    fn journal(
        &mut self,
        storage: &mut dyn Storage,
        name: &str,
        number: u64,
        end: u64,
        position: &mut Position,
    ) -> Result<Read, (u64, ReadError)> {
        let mut frames = FrameReader::open(storage, name, end).map_err(|error| (0, error))?;
        // cut inside of its head, a journal holds nothing yet: the same as one that was cut before
        let cut = |error| match error {
            ReadError::Torn { .. } => ReadError::Torn { at: 0 },
            error => error,
        };
        let head = match frames.next().map_err(|error| (0, cut(error)))? {
            Some((at, payload)) => match Entry::take(payload) {
                Ok(Entry::Journal(head)) => head,
                _ => return Err((0, impossible(at, "first entry of a journal"))),
            },
            None => return Err((0, ReadError::Torn { at: 0 })),
        };
        if head.number < number {
            return Ok(Read::Older);
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
        Ok(Read::All)
    }

    fn apply(&mut self, payload: &[u8], map: &SectionMap, position: &mut Position) -> Result<(), CodecError> {
        match Entry::take(payload)? {
            Entry::Register { id, section, key } => {
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
                    Err(name) => *self.dropped.entry(name.clone()).or_default() += 1,
                }
            }
            Entry::Evict { id } => {
                position.evicted += 1;
                self.forget(id);
            }
            Entry::Observe { id, observation } => {
                // a series of a dropped section has no slot
                if let Some(&at) = self.slots.get(&id) {
                    self.live.arena.touch(at);
                    let section = &self.sections[usize::from(self.live.arena.get_mut(at).section)];
                    let model = self.live.see(section, at, observation.time, &mut |_, _, _| {});
                    model.update(&section.spec, observation);
                }
            }
            _ => return Err(CodecError::Invalid { what: "entry of a journal" }),
        }
        Ok(())
    }

    fn add(&mut self, id: u32, section: u16, key: &[u8], model: M) -> Option<u32> {
        let key = &SeriesKey::new(key);
        if let Some(at) = self.live.arena.find(section, key) {
            let old = self.live.arena.get_mut(at).id;
            self.forget(old);
        }
        let at = self.live.arena.insert(id, section, key, model).ok()?;
        self.slots.insert(id, at);
        Some(at)
    }

    fn forget(&mut self, id: u32) {
        let Some(at) = self.slots.remove(&id) else { return };
        self.live.arena.remove(at);
        // the arena moved its last slot into the gap
        if (at as usize) < self.live.arena.len() {
            let moved = self.live.arena.get_mut(at).id;
            self.slots.insert(moved, at);
        }
    }
}

fn impossible(at: u64, what: &'static str) -> ReadError {
    ReadError::Impossible { at, cause: CodecError::Invalid { what } }
}
