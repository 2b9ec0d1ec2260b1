//! The series in memory: found by key, ordered by when they were last seen.

use hashbrown::HashTable;

use super::key::{SeriesKey, StoredKey};
use crate::time::Time;

/// End of the chain of ages.
const NONE: u32 = u32::MAX;

/// One series and its model.
#[derive(Debug)]
pub(super) struct Slot<M> {
    /// Unique for the life of the state folder; names the series in the journal.
    pub(super) id: u32,
    /// Index of the section that the model belongs to.
    pub(super) section: u16,
    /// Neighbours in the order of age.
    older: u32,
    newer: u32,
    pub(super) key: StoredKey,
    /// Latest event time of its observations.
    pub(super) seen: Time,
    pub(super) model: M,
}

/// All series, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Arena<M> {
    slots: Vec<Slot<M>>,
    index: HashTable<u32>,
    oldest: u32,
    newest: u32,
}

impl<M> Arena<M> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), index: HashTable::new(), oldest: NONE, newest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Inline bytes of a series besides its model's heap and its key: slot, hash entry and their slack.
    pub(super) const fn overhead() -> usize {
        size_of::<Slot<M>>() + 2 * size_of::<u32>() + 2
    }

    /// Most streams bring their series in turns, or many points of one: so the one seen longest ago and the one
    /// seen last are tried before the index.
    #[inline]
    pub(super) fn find(&self, section: u16, key: &SeriesKey) -> Option<u32> {
        let is = |at: u32| {
            let slot = self.slots.get(at as usize)?;
            (slot.section == section && slot.key.matches(key)).then_some(at)
        };
        is(self.oldest).or_else(|| is(self.newest)).or_else(|| self.find_hashed(section, key))
    }

    #[inline(never)]
    fn find_hashed(&self, section: u16, key: &SeriesKey) -> Option<u32> {
        self.index
            .find(key.hash(section), |&at| {
                let slot = &self.slots[at as usize];
                slot.section == section && slot.key.matches(key)
            })
            .copied()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> &mut Slot<M> {
        &mut self.slots[at as usize]
    }

    /// All of them, to be changed; in no order that means anything.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot<M>> {
        self.slots.iter_mut()
    }

    /// From the least to the most recently seen.
    pub(super) fn by_age(&self) -> impl Iterator<Item = &Slot<M>> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(at as usize)?;
            at = slot.newer;
            Some(slot)
        })
    }

    /// Everything, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<M>> {
        self.slots.iter()
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Makes `at` the most recently seen.
    #[inline]
    pub(super) fn touch(&mut self, at: u32) {
        if self.newest != at {
            self.unlink(at);
            self.link_newest(at);
        }
    }

    /// Adds a series as the most recently seen; gives the model back when there is no memory for another one.
    pub(super) fn insert(&mut self, id: u32, section: u16, key: &SeriesKey, model: M) -> Result<u32, M> {
        let slots = &self.slots;
        let rehash = |&at: &u32| slots[at as usize].key.hash(slots[at as usize].section);
        if self.index.try_reserve(1, rehash).is_err() || self.slots.try_reserve(1).is_err() {
            return Err(model);
        }
        let at = self.slots.len() as u32;
        self.slots.push(Slot {
            id,
            section,
            older: NONE,
            newer: NONE,
            key: StoredKey::new(key),
            seen: Time::MIN,
            model,
        });
        let slots = &self.slots;
        self.index.insert_unique(key.hash(section), at, |&at| {
            slots[at as usize].key.hash(slots[at as usize].section)
        });
        self.link_newest(at);
        Ok(at)
    }

    /// Forgets a series. The last slot moves into its place.
    pub(super) fn remove(&mut self, at: u32) {
        self.unlink(at);
        let gone = self.slots[at as usize].key.hash(self.slots[at as usize].section);
        if let Ok(entry) = self.index.find_entry(gone, |&other| other == at) {
            entry.remove();
        }
        let last = self.slots.len() as u32 - 1;
        if last != at {
            let moved = &self.slots[last as usize];
            let (older, newer) = (moved.older, moved.newer);
            if let Some(entry) = self.index.find_mut(moved.key.hash(moved.section), |&other| other == last) {
                *entry = at;
            }
            self.set_newer(older, at);
            self.set_older(newer, at);
        }
        self.slots.swap_remove(at as usize);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    fn unlink(&mut self, at: u32) {
        let slot = &self.slots[at as usize];
        let (older, newer) = (slot.older, slot.newer);
        self.set_newer(older, newer);
        self.set_older(newer, older);
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        self.set_newer(before, at);
        self.newest = at;
        let slot = &mut self.slots[at as usize];
        slot.older = before;
        slot.newer = NONE;
    }

    /// Says that `newer` follows `at`; the chain's own end when `at` is [`NONE`].
    fn set_newer(&mut self, at: u32, newer: u32) {
        match self.slots.get_mut(at as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn set_older(&mut self, at: u32, older: u32) {
        match self.slots.get_mut(at as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
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
                        arena.touch(at);
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
