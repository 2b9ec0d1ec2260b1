//! The series and the clock of each section: what a snapshot holds, and what each observation changes.
//!
//! Live records and the replay of a journal go through the same call, so a restart cannot differ.

use super::arena::Arena;
use super::host_pace::HostPace;
use super::section_clock::{ClockMove, NEVER, SectionClock};
use super::window_queue::{ClosedWindow, WindowQueue};
use super::{BankSection, Model};
use crate::detector::heap_sort;
use crate::time::{ClockDoubt, Time};

/// Told when a section's clock moved on and a silent series had something to say.
pub(super) type OnSilence<'a, M> = &'a mut dyn FnMut(u16, &[u8], <M as Model>::Silence);

/// All series of a bank.
#[derive(Debug)]
pub(super) struct LiveSeries<M> {
    pub(super) arena: Arena<M>,
    /// For each section its clock.
    pub(super) clocks: Vec<SectionClock>,
    /// What moves the clocks of sections with windows while no record does.
    pub(super) pace: HostPace,
    /// Windows that were closed.
    pub(super) windows: WindowQueue,
}

impl<M: Model> LiveSeries<M> {
    pub(super) fn new(sections: usize) -> Self {
        Self {
            arena: Arena::new(),
            clocks: vec![SectionClock::NEW; sections],
            pace: HostPace::new(sections),
            windows: WindowQueue::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.clocks.fill(SectionClock::NEW);
        self.pace.clear();
        self.windows.clear();
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
                    silences.push((key.bytes().to_vec(), silences.len(), silence));
                });
            }
        }
        // the order of the slots is not that of a bank that was restored; the reports of one series stay in theirs
        heap_sort(&mut silences, |(a, m, _), (b, n, _)| (a, m) < (b, n));
        for (key, _, silence) in silences {
            on_silence(own, &key, silence);
        }
    }

    /// The model at `at`, which has windows, for an observation made at `time`; `own`: the number of its section.
    #[inline(always)] // speed
    pub(super) fn see_window(&mut self, section: &BankSection<M>, own: u16, at: u32, time: Time) -> &mut M {
        self.advance(section, own, time.seconds());
        let clock_s = self.clocks.get(usize::from(own)).map_or(NEVER, |clock| clock.number);
        let slot = self.arena.get_mut(at);
        slot.model.set_clock(clock_s);
        if slot.seen < time {
            slot.seen = time;
        }
        &mut slot.model
    }

    /// Moves the clock of a section with windows, whose number is `own`, to the time of a record, and closes what is due.
    /// False where nothing changes.
    #[inline(always)] // speed
    pub(super) fn advance(&mut self, section: &BankSection<M>, own: u16, time_s: i64) -> bool {
        let time_s = self.pace.bounded(time_s);
        let Some(clock) = self.clocks.get(usize::from(own)) else { return false };
        if time_s == clock.number && clock.doubt.is_none() && !self.pace.is_stale(own) {
            return false;
        }
        self.move_clock(section, own, time_s)
    }

    #[inline(never)] // stack
    fn move_clock(&mut self, section: &BankSection<M>, own: u16, time_s: i64) -> bool {
        let Some(clock) = self.clocks.get_mut(usize::from(own)) else { return false };
        let before = *clock;
        let is_sure = time_s > clock.number && clock.number != NEVER && self.pace.is_usual(own, time_s);
        let moved = if is_sure { clock.jump(time_s) } else { clock.take(time_s, 1) };
        let now = *clock;
        let is_near = time_s.abs_diff(now.number) <= ClockDoubt::FAR_S.unsigned_abs();
        let follows =
            moved != ClockMove::None || before.number == NEVER || is_near && self.pace.is_stale(own);
        if follows {
            self.pace.follow(own, time_s);
        }
        match moved {
            ClockMove::None => {}
            ClockMove::Forward => self.close_windows(section, own, before.number, now.number),
            ClockMove::Back => {
                for slot in self.arena.iter_mut().filter(|slot| slot.section == own) {
                    slot.model.rewind(&section.spec, now.number);
                    slot.seen = slot.seen.min(Time::from_seconds(now.number));
                }
            }
        }
        follows || before != now
    }

    /// The clock of the host went on: so do those of the sections with windows.
    #[inline(never)] // stack
    pub(super) fn tick_windows(&mut self, sections: &[BankSection<M>], host_s: i64, asked_s: i64) {
        self.pace.tick(host_s, asked_s, self.clocks.iter().map(|clock| clock.number));
        for (own, section) in sections.iter().enumerate() {
            let due_s = self.pace.due_s(own as u16);
            let Some(clock) = self.clocks.get_mut(own).filter(|_| M::has_windows(&section.spec)) else {
                continue;
            };
            let before_s = clock.number;
            if before_s != NEVER && due_s > before_s {
                clock.number = due_s;
                self.close_windows(section, own as u16, before_s, due_s);
            }
        }
    }

    /// Closes the windows of a section that are due between two times of its clock.
    fn close_windows(&mut self, section: &BankSection<M>, own: u16, before_s: i64, now_s: i64) {
        if !M::closes_windows(&section.spec, before_s, now_s) {
            return;
        }
        // the order of the slots is another one after a restart
        let mut closed = Vec::new();
        for slot in self.arena.iter_mut().filter(|slot| slot.section == own) {
            let (id, key) = (slot.id, &slot.key);
            slot.model.close_windows(&section.spec, slot.seen, now_s, &mut |from_s, is_urgent, report| {
                let key = key.bytes().into();
                closed.push((from_s, id, ClosedWindow { section: own, key, is_urgent, report }));
            });
        }
        heap_sort(&mut closed, |(a_s, a, _), (b_s, b, _)| (a_s, a) < (b_s, b));
        for (_, _, window) in closed {
            self.windows.closed += 1;
            self.windows.add(window);
        }
    }
}
