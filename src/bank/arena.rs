//! The series in memory: found by key, ordered by when they were last seen.

use hashbrown::HashTable;

use crate::codec::checksum;

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
    pub(super) key: Box<[u8]>,
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

fn hash(section: u16, key: &[u8]) -> u64 {
    checksum(u64::from(section), key)
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

    pub(super) fn find(&self, section: u16, key: &[u8]) -> Option<u32> {
        self.index
            .find(hash(section, key), |&at| {
                let slot = &self.slots[at as usize];
                slot.section == section && *slot.key == *key
            })
            .copied()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> &mut Slot<M> {
        &mut self.slots[at as usize]
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
    pub(super) fn touch(&mut self, at: u32) {
        if self.newest != at {
            self.unlink(at);
            self.link_newest(at);
        }
    }

    /// Adds a series as the most recently seen; gives the model back when there is no memory for another one.
    pub(super) fn insert(&mut self, id: u32, section: u16, key: &[u8], model: M) -> Result<u32, M> {
        let slots = &self.slots;
        let rehash = |&at: &u32| hash(slots[at as usize].section, &slots[at as usize].key);
        if self.index.try_reserve(1, rehash).is_err() || self.slots.try_reserve(1).is_err() {
            return Err(model);
        }
        let at = self.slots.len() as u32;
        self.slots.push(Slot { id, section, older: NONE, newer: NONE, key: key.into(), model });
        let slots = &self.slots;
        self.index.insert_unique(hash(section, key), at, |&at| {
            hash(slots[at as usize].section, &slots[at as usize].key)
        });
        self.link_newest(at);
        Ok(at)
    }

    /// Forgets a series. The last slot moves into its place.
    pub(super) fn remove(&mut self, at: u32) {
        self.unlink(at);
        let gone = hash(self.slots[at as usize].section, &self.slots[at as usize].key);
        if let Ok(entry) = self.index.find_entry(gone, |&other| other == at) {
            entry.remove();
        }
        let last = self.slots.len() as u32 - 1;
        if last != at {
            let moved = &self.slots[last as usize];
            let (older, newer) = (moved.older, moved.newer);
            if let Some(entry) = self.index.find_mut(hash(moved.section, &moved.key), |&other| other == last)
            {
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
    use super::Arena;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list: a series seen is last, the first is the one to evict.
        #[test]
        fn the_order_of_age_is_that_of_a_plain_list(steps in proptest::collection::vec((0u8..24, 0u8..4), 0..300)) {
            let mut arena = Arena::new();
            let mut list: Vec<u8> = Vec::new();
            for (key, action) in steps {
                match (arena.find(0, &[key]), action) {
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
                        arena.insert(0, 0, &[key], key).unwrap();
                        list.push(key);
                    }
                }
                let ages: Vec<u8> = arena.by_age().map(|slot| slot.key[0]).collect();
                prop_assert_eq!(&ages, &list);
                for &key in &list {
                    let at = arena.find(0, &[key]).unwrap();
                    prop_assert_eq!(arena.get_mut(at).model, key);
                }
            }
        }
    }
}
