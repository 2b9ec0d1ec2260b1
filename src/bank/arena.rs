//! The series in memory: found by key, ordered by when they were last seen.

use hashbrown::HashTable;

use super::key::{SeriesKey, StoredKey};
use crate::time::Time;

/// Where there is no series. Not an option, which an interpreter takes apart in several steps.
pub(super) const NONE: u32 = u32::MAX;

/// One series and its model.
#[derive(Debug)]
pub(super) struct SeriesSlot<M> {
    /// Unique for the life of the state folder; names the series in the journal.
    pub(super) id: u32,
    /// Index of the section that the model belongs to.
    pub(super) section: u16,
    /// Neighbours in the order of age, in a circle: behind the newest comes the oldest.
    older: u32,
    newer: u32,
    pub(super) key: StoredKey,
    /// Latest event time of its observations.
    pub(super) seen: Time,
    pub(super) model: M,
}

/// Where a series is found by its key. The hash is kept: growing would else read each key anew, in no order.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexEntry {
    pub(super) hash: u32,
    pub(super) at: u32,
}

impl IndexEntry {
    /// For the table, which looks at the first and at the last bits.
    #[inline]
    pub(super) fn in_table(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// All series, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Arena<M> {
    slots: Vec<SeriesSlot<M>>,
    index: HashTable<IndexEntry>,
    /// Where series were found lately, by a part of their keys: a look here costs an interpreter a third of one into the
    /// index. What a slot holds decides. Empty before the first series.
    recent: Vec<u32>, // RECENT of them
    oldest: u32,
    newest: u32,
}

/// Places for series found lately: a power of two.
const RECENT: usize = 1024;

impl<M> Arena<M> {
    pub(super) fn new() -> Self {
        let (slots, index, recent) = (Vec::new(), HashTable::new(), Vec::new());
        Self { slots, index, recent, oldest: NONE, newest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Inline bytes of a series besides its model's heap and its key: slot, hash entry and their slack.
    pub(super) const fn overhead() -> usize {
        size_of::<SeriesSlot<M>>() + 2 * size_of::<IndexEntry>() + 2
    }

    /// Finds a series, which becomes the one seen most recently; [`NONE`] for an unknown one.
    ///
    /// Most streams bring their series in turns: so the one seen longest ago is tried first, and the circle of ages only goes
    /// on by one. Others were mostly seen lately.
    #[inline(always)] // speed
    pub(super) fn see(&mut self, section: u16, key: &SeriesKey) -> u32 {
        if let Some(slot) = self.slots.get(self.oldest as usize)
            && slot.section == section
            && slot.key.matches(key)
        {
            self.newest = self.oldest;
            self.oldest = slot.newer;
            return self.newest;
        }
        self.see_other(section, key)
    }

    #[inline(never)] // speed
    fn see_other(&mut self, section: u16, key: &SeriesKey) -> u32 {
        let place = key.quick_hash(section) as usize % RECENT;
        let recent = self.recent.get(place).copied().unwrap_or(NONE);
        let at = match self.slots.get(recent as usize) {
            Some(slot) if slot.section == section && slot.key.matches(key) => recent,
            _ => self.find_and_note(section, key, place),
        };
        if at != NONE {
            self.touch(at);
        }
        at
    }

    #[inline(never)] // speed: rare
    fn find_and_note(&mut self, section: u16, key: &SeriesKey, place: usize) -> u32 {
        let Some(at) = self.find(section, key) else { return NONE };
        if self.recent.is_empty() {
            self.recent.resize(RECENT, NONE);
        }
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = at;
        }
        at
    }

    /// Finds a series and leaves the order of age alone.
    pub(super) fn find(&self, section: u16, key: &SeriesKey) -> Option<u32> {
        let hash = key.hash(section);
        let is_it = |entry: &IndexEntry| {
            let slot = &self.slots[entry.at as usize];
            entry.hash == hash && slot.section == section && slot.key.matches(key)
        };
        self.index.find(IndexEntry::in_table(hash), is_it).map(|entry| entry.at)
    }

    #[inline(always)] // speed
    pub(super) fn get_mut(&mut self, at: u32) -> &mut SeriesSlot<M> {
        &mut self.slots[at as usize]
    }

    /// All of them, to be changed; in no order that means anything.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut SeriesSlot<M>> {
        self.slots.iter_mut()
    }

    /// From the least to the most recently seen.
    pub(super) fn by_age(&self) -> impl Iterator<Item = &SeriesSlot<M>> {
        let mut at = self.oldest;
        let mut left = self.slots.len();
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let slot = self.slots.get(at as usize)?;
            at = slot.newer;
            Some(slot)
        })
    }

    /// Everything, in no order that means anything.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &SeriesSlot<M>> {
        self.slots.iter()
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Makes `at` the most recently seen.
    #[inline(always)] // speed
    pub(super) fn touch(&mut self, at: u32) {
        let Self { slots, oldest, newest, .. } = self;
        if *newest == at {
            return;
        }
        let slot = &mut slots[at as usize];
        let (older, newer) = (slot.older, slot.newer);
        let (first, last) = (*oldest, std::mem::replace(newest, at));
        if first == at {
            // the circle goes on by one
            *oldest = newer;
            return;
        }
        (slot.older, slot.newer) = (last, first);
        slots[older as usize].newer = newer;
        slots[newer as usize].older = older;
        slots[last as usize].newer = at;
        slots[first as usize].older = at;
    }

    /// Adds a series as the most recently seen; gives the model back when there is no memory for another one.
    pub(super) fn insert(&mut self, id: u32, section: u16, key: &SeriesKey, model: M) -> Result<u32, M> {
        let rehash = |entry: &IndexEntry| IndexEntry::in_table(entry.hash);
        if self.index.try_reserve(1, rehash).is_err() || self.slots.try_reserve(1).is_err() {
            return Err(model);
        }
        let at = self.slots.len() as u32;
        self.slots.push(SeriesSlot {
            id,
            section,
            older: NONE,
            newer: NONE,
            key: StoredKey::new(key),
            seen: Time::MIN,
            model,
        });
        let hash = key.hash(section);
        self.index.insert_unique(IndexEntry::in_table(hash), IndexEntry { hash, at }, rehash);
        self.link_newest(at);
        Ok(at)
    }

    /// Forgets a series. The last slot moves into its place.
    pub(super) fn remove(&mut self, at: u32) {
        self.unlink(at);
        if let Ok(entry) = self.index.find_entry(self.hash_at(at), |entry| entry.at == at) {
            entry.remove();
        }
        let last = self.slots.len() as u32 - 1;
        if last != at {
            let SeriesSlot { older, newer, .. } = self.slots[last as usize];
            if let Some(entry) = self.index.find_mut(self.hash_at(last), |entry| entry.at == last) {
                entry.at = at;
            }
            self.join(older, at);
            self.join(at, newer);
            for end in [&mut self.oldest, &mut self.newest] {
                if *end == last {
                    *end = at;
                }
            }
        }
        self.slots.swap_remove(at as usize);
    }

    /// Hash of the series at `at`, for the index.
    fn hash_at(&self, at: u32) -> u64 {
        let SeriesSlot { key, section, .. } = &self.slots[at as usize];
        IndexEntry::in_table(key.hash(*section))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn unlink(&mut self, at: u32) {
        let slot = &self.slots[at as usize];
        let (older, newer) = (slot.older, slot.newer);
        if newer == at {
            (self.oldest, self.newest) = (NONE, NONE);
            return;
        }
        self.join(older, newer);
        if self.oldest == at {
            self.oldest = newer;
        }
        if self.newest == at {
            self.newest = older;
        }
    }

    fn link_newest(&mut self, at: u32) {
        let (oldest, newest) = (self.oldest, self.newest);
        self.newest = at;
        if oldest == NONE {
            self.oldest = at;
            self.join(at, at);
        } else {
            self.join(newest, at);
            self.join(at, oldest);
        }
    }

    /// Says that `newer` follows `older`.
    fn join(&mut self, older: u32, newer: u32) {
        self.slots[older as usize].newer = newer;
        self.slots[newer as usize].older = older;
    }
}

#[cfg(test)]
mod tests {
    use super::{Arena, SeriesKey};
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list: a series seen is last, the first is the one to evict.
        #[test]
        fn the_order_of_age_is_that_of_a_plain_list(steps in proptest::collection::vec((0u8..24, 0u8..4), 0..300)) {
            let mut arena = Arena::new();
            let mut list: Vec<u8> = Vec::new();
            for (key, action) in steps {
                match (arena.find(0, &SeriesKey::new(&[key])), action) {
                    (Some(at), 0) => {
                        arena.remove(at);
                        list.retain(|&k| k != key);
                    }
                    (Some(at), _) => {
                        prop_assert_eq!(arena.see(0, &SeriesKey::new(&[key])), at);
                        list.retain(|&k| k != key);
                        list.push(key);
                    }
                    (None, _) => {
                        arena.insert(0, 0, &SeriesKey::new(&[key]), key).unwrap();
                        list.push(key);
                    }
                }
                let ages: Vec<u8> = arena.by_age().map(|slot| slot.key.bytes()[0]).collect();
                prop_assert_eq!(&ages, &list);
                for &key in &list {
                    let at = arena.find(0, &SeriesKey::new(&[key])).unwrap();
                    prop_assert_eq!(arena.get_mut(at).model, key);
                }
            }
        }
    }
}
