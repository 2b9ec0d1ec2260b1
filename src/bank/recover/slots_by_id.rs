//! Slots of series by their ids, while files are read.

use crate::bank::arena::IndexEntry;
use hashbrown::HashTable;

/// A table like that of the arena, whose code it shares: a tree of the standard library is 12 kB of the filter.
#[derive(Debug, Default)]
pub(super) struct SlotsById(HashTable<IndexEntry>);

/// Ids one after the other are spread over all bits; an odd factor gives each id a number of its own.
fn spread(id: u32) -> u32 {
    id.wrapping_mul(0x9e37_79b1)
}

impl SlotsById {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Makes room for a further series; false where there is no memory for it.
    pub(super) fn has_room(&mut self) -> bool {
        self.0.try_reserve(1, |entry| IndexEntry::in_table(entry.hash)).is_ok()
    }

    pub(super) fn get(&self, id: u32) -> Option<u32> {
        let hash = spread(id);
        self.0.find(IndexEntry::in_table(hash), |entry| entry.hash == hash).map(|entry| entry.at)
    }

    /// Says where a series is now.
    pub(super) fn insert(&mut self, id: u32, at: u32) {
        let hash = spread(id);
        match self.0.find_mut(IndexEntry::in_table(hash), |entry| entry.hash == hash) {
            Some(entry) => entry.at = at,
            None => {
                let entry = IndexEntry { hash, at };
                self.0.insert_unique(IndexEntry::in_table(hash), entry, |entry| {
                    IndexEntry::in_table(entry.hash)
                });
            }
        }
    }

    /// Forgets a series; returns where it was.
    pub(super) fn remove(&mut self, id: u32) -> Option<u32> {
        let hash = spread(id);
        let entry = self.0.find_entry(IndexEntry::in_table(hash), |entry| entry.hash == hash).ok()?;
        let (IndexEntry { at, .. }, _) = entry.remove();
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::SlotsById;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(steps in proptest::collection::vec((0u8..4, 0u32..40, any::<u32>()), 0..200)) {
            let (mut slots, mut map) = (SlotsById::default(), BTreeMap::new());
            for (what, id, at) in steps {
                let id = if at % 2 == 0 { id } else { u32::MAX - id };
                match what {
                    0 => prop_assert_eq!(slots.remove(id), map.remove(&id)),
                    1 => prop_assert_eq!(slots.get(id), map.get(&id).copied()),
                    _ => {
                        prop_assert!(slots.has_room());
                        slots.insert(id, at);
                        map.insert(id, at);
                    }
                }
            }
            for id in (0..40).chain(u32::MAX - 40..=u32::MAX) {
                prop_assert_eq!(slots.get(id), map.get(&id).copied());
            }
        }
    }
}
