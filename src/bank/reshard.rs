//! Series of one bank in another: where hosts spread them over more or fewer banks than before.

use super::{Bank, Model, SeriesKey};
use crate::codec::{CodecError, Reader, Writer};

impl<M: Model> Bank<M> {
    /// Takes the series of another bank of the same sections for which `is_here` holds, the one seen least recently first.
    /// `keeps_ids`: they keep their ids, which other series may state as sources; for the first bank that is taken from.
    pub(crate) fn take_series(
        &mut self,
        other: &Self,
        keeps_ids: bool,
        is_here: &dyn Fn(u16, &[u8]) -> bool,
    ) -> Result<(), CodecError> {
        if keeps_ids {
            self.next_id = self.next_id.max(other.next_id);
        }
        self.evicted += other.evicted;
        for (own, clock) in self.live.clocks.iter_mut().zip(&other.live.clocks) {
            if own.number < clock.number {
                *own = *clock;
            }
        }
        let mut bytes = Vec::new();
        for slot in other.live.arena.by_age().filter(|slot| is_here(slot.section, slot.key.bytes())) {
            let Some(section) = self.sections.get(usize::from(slot.section)) else { continue };
            bytes.clear();
            slot.model.save(&section.spec, &mut Writer::new(&mut bytes));
            let model = M::restore(&section.spec, &mut Reader::new(&bytes))?;
            let id = if keeps_ids { slot.id } else { self.next_id };
            if let Ok(at) = self.live.arena.insert(id, slot.section, &SeriesKey::new(slot.key.bytes()), model)
            {
                self.live.arena.get_mut(at).seen = slot.seen;
                self.next_id = self.next_id.max(id.wrapping_add(1));
            }
        }
        for silent in other.silences.iter().filter(|silent| is_here(silent.section, &silent.key)) {
            bytes.clear();
            M::save_silence(&silent.silence, &mut Writer::new(&mut bytes));
            self.silences.add(silent.section, &silent.key, M::restore_silence(&mut Reader::new(&bytes))?);
        }
        while self.live.arena.len() > self.max_series {
            self.evict_oldest();
        }
        Ok(())
    }
}
