//! The series and the clock of each section: what a snapshot holds, and what each observation changes.
//!
//! Live records and the replay of a journal go through the same call, so a restart cannot differ.

use super::arena::Arena;
use super::section_clock::{ClockMove, SectionClock};
use super::{BankSection, Model};
use crate::time::{ClockDoubt, Time};

/// Told when a section's clock moved on and a silent series had something to say.
pub(super) type OnSilence<'a, M> = &'a mut dyn FnMut(u16, &[u8], <M as Model>::Silence);

/// All series of a bank.
#[derive(Debug)]
pub(super) struct LiveSeries<M> {
    pub(super) arena: Arena<M>,
    /// For each section its clock.
    pub(super) clocks: Vec<SectionClock>,
}

impl<M: Model> LiveSeries<M> {
    pub(super) fn new(sections: usize) -> Self {
        Self { arena: Arena::new(), clocks: vec![SectionClock::NEW; sections] }
    }

    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.clocks.fill(SectionClock::NEW);
    }

    /// The model at `at`, which belongs to `section`, for an observation made at `time`.
    #[inline(always)] // speed
    pub(super) fn see(
        &mut self,
        section: &BankSection<M>,
        at: u32,
        time: Time,
        on_silence: OnSilence<'_, M>,
    ) -> &mut M {
        if let Some(step) = M::clock_seconds(&section.spec) {
            self.tick(section, at, step, time, on_silence);
        }
        let slot = self.arena.get_mut(at);
        if slot.seen < time {
            slot.seen = time;
        }
        &mut slot.model
    }

    /// Moves the clock of the section; once a step it looks after the series that are silent.
    #[inline(never)] // stack
    fn tick(
        &mut self,
        section: &BankSection<M>,
        at: u32,
        step: u32,
        now: Time,
        on_silence: OnSilence<'_, M>,
    ) {
        let step_s = i64::from(step.max(1));
        let own = self.arena.get_mut(at).section;
        let Some(clock) = self.clocks.get_mut(usize::from(own)) else { return };
        let moved = clock.take(now.seconds().div_euclid(step_s), step_s);
        if moved == ClockMove::None {
            return;
        }
        let latest = now.plus_seconds(ClockDoubt::FAR_S);
        let mut silences = Vec::new();
        for slot in self.arena.iter_mut().filter(|slot| slot.section == own) {
            // a record from the future does not keep its series from being silent
            if slot.seen > latest {
                slot.seen = now;
            }
            if moved == ClockMove::Forward {
                let key = &slot.key;
                slot.model.pass(&section.spec, slot.seen, now, &mut |silence| {
                    silences.push((key.bytes().to_vec(), silence));
                });
            }
        }
        // the order of the slots is not that of a bank that was restored
        silences.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, silence) in silences {
            on_silence(own, &key, silence);
        }
    }
}
