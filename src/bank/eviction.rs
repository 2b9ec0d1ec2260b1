//! Which series there are: a new one is registered, and the one seen least recently goes where there are too many, or no
//! memory is left.

use super::entry::StateEntry;
use super::headroom::{has_room_beside, needed};
use super::{Bank, Model, SeriesKey, StateNotice};

impl<M: Model> Bank<M> {
    #[cold]
    #[inline(never)] // stack
    pub(super) fn register(&mut self, section: u16, key: &SeriesKey) -> Option<u32> {
        let spec = &self.sections.get(usize::from(section))?.spec;
        let bytes = needed::<M>(spec, key.len());
        if self.live.arena.len() >= self.max_series {
            self.evict_oldest();
        } else if !has_room_beside(self.live.arena.len(), bytes) {
            self.out_of_memory();
        }
        let spec = &self.sections.get(usize::from(section))?.spec;
        let mut model = M::new(spec);
        let id = self.next_id;
        let at = loop {
            match self.live.arena.insert(id, section, key, model) {
                Ok(at) => break at,
                Err(back) => {
                    self.live.arena.oldest()?;
                    self.out_of_memory();
                    model = back;
                }
            }
        };
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(journal) = &mut self.journal {
            journal.log(&StateEntry::Register { id, section, key: key.bytes() }, &mut self.notices);
        }
        Some(at)
    }

    fn evict_oldest(&mut self) {
        let Some(at) = self.live.arena.oldest() else { return };
        let id = self.live.arena.get_mut(at).id;
        self.live.arena.remove(at);
        self.evicted += 1;
        if let Some(journal) = &mut self.journal {
            journal.log(&StateEntry::Evict { id }, &mut self.notices);
        }
    }

    pub(super) fn evict_excess(&mut self) {
        while self.live.arena.len() > self.max_series {
            self.evict_oldest();
        }
    }

    /// Makes room below `max_series`, and stays there.
    fn out_of_memory(&mut self) {
        let series = self.live.arena.len();
        self.notices.push(StateNotice::OutOfMemory { series });
        self.max_series = series.max(1);
        self.evict_oldest();
    }
}
