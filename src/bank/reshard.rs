//! Series of one bank in another: where hosts spread them over more or fewer banks than before.

use super::{Bank, Model, SeriesKey};
use crate::codec::{CodecError, Reader, Writer};

impl<M: Model> Bank<M> {
    /// Forgets the series for which `is_here` does not hold: they go on in another bank. From now on at most
    /// `max_series` stay.
    pub(crate) fn keep_series(&mut self, max_series: usize, is_here: &dyn Fn(u16, &[u8]) -> bool) {
        let all = self.live.arena.by_age();
        let gone: Vec<(u16, SeriesKey)> = all
            .filter(|slot| !is_here(slot.section, slot.key.bytes()))
            .map(|slot| (slot.section, SeriesKey::new(slot.key.bytes())))
            .collect();
        for (section, key) in gone {
            if let Some(at) = self.live.arena.find(section, &key) {
                self.live.arena.remove(at);
            }
        }
        self.silences.keep(is_here);
        self.max_series = max_series.max(1);
        self.evict_excess();
    }

    /// Takes the series of another bank of the same sections for which `is_here` holds, the one seen least recently first.
    pub(crate) fn take_series(
        &mut self,
        other: &Self,
        is_here: &dyn Fn(u16, &[u8]) -> bool,
    ) -> Result<(), CodecError> {
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
            let id = self.next_id;
            if let Ok(at) = self.live.arena.insert(id, slot.section, &SeriesKey::new(slot.key.bytes()), model)
            {
                self.live.arena.get_mut(at).seen = slot.seen;
                self.next_id = id.wrapping_add(1);
            }
        }
        for silent in other.silences.iter().filter(|silent| is_here(silent.section, &silent.key)) {
            bytes.clear();
            M::save_silence(&silent.silence, &mut Writer::new(&mut bytes));
            self.silences.add(silent.section, &silent.key, M::restore_silence(&mut Reader::new(&bytes))?);
        }
        self.evict_excess();
        Ok(())
    }
}
