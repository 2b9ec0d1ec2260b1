//! The sections of a puller: which go on, which begin, which are gone.

use super::super::acknowledged::Acknowledged;
use super::super::settings::PullSection;
use super::super::state::{SectionState, Unwritten};
use super::super::window::{self, PullCursor};
use super::Puller;
use super::pending_answer::PendingAnswer;
use crate::companion::{Backoff, Notice};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct PulledSection {
    pub(super) section: PullSection,
    pub(super) state: SectionState,
    pub(super) rollup: Option<u32>,
    pub(super) refusals: Backoff,
    /// On the monotonic clock: a refused query rests until then.
    pub(super) retry_at: Duration,
    /// Its past is still to be asked for.
    pub(super) looks_back: bool,
    /// Points of an answer that have not all left; within a round.
    pub(super) answer: Option<PendingAnswer>,
    /// The state after the last batch, until the section rests.
    pub(super) unwritten: Option<Unwritten>,
}

impl Puller<'_> {
    /// How many sections there are.
    #[must_use]
    pub fn sections(&self) -> usize {
        self.slots.len()
    }

    /// Takes over a new list. Sections with the same name and query go on untouched; a new one continues from its
    /// saved cursor, or begins one interval ago.
    pub fn replace_sections(&mut self, sections: Vec<PullSection>) {
        let mut old = core::mem::take(&mut self.slots);
        let (before, mut added) = (old.len(), 0);
        for section in sections {
            let known = |slot: &PulledSection| {
                slot.section.name == section.name && slot.section.query == section.query
            };
            if let Some(at) = old.iter().position(known) {
                let slot = old.swap_remove(at);
                self.slots.push(PulledSection { section, ..slot });
            } else {
                added += 1;
                let slot = self.new_slot(section);
                self.slots.push(slot);
            }
        }
        let slots = &self.slots;
        self.counters.keep_sections(|name| slots.iter().any(|slot| slot.section.name == name));
        for slot in &self.slots {
            self.gauge(slot);
        }
        if before > 0 && (added > 0 || !old.is_empty()) {
            self.progress.notice(&Notice::Reloaded { added, removed: old.len() });
        }
        let interval = self.settings.interval.as_secs().max(1);
        let needed = (self.slots.len() as u64 * 3600).div_ceil(interval);
        if needed > u64::from(self.settings.limit) {
            self.progress.notice(&Notice::LimitTooLow { needed, limit: self.settings.limit });
        }
    }

    fn new_slot(&self, section: PullSection) -> PulledSection {
        let saved = self.folder.load(&section.name, &section.query, self.progress);
        let state = saved.unwrap_or_else(|| {
            let target = self.target(&section);
            let cursor = match self.settings.range {
                Some(range) => PullCursor { at: range.from, start: range.from, step: 0 },
                None => PullCursor::first(target, self.settings.interval.as_secs().min(86_400) as i64),
            };
            let state = SectionState { cursor, seen: Acknowledged::default() };
            // at once: a stop before the first acknowledgement must not move the beginning
            self.folder.save(&section.name, &section.query, &state, self.progress);
            state
        });
        let interval = self.settings.interval;
        PulledSection {
            rollup: window::rollup(&section.query),
            // a section whose points have been pulled has models already
            looks_back: section.look_back.is_some() && state.cursor.at == state.cursor.start,
            section,
            state,
            refusals: Backoff::new(interval, interval.max(Duration::from_secs(3600))),
            retry_at: Duration::ZERO,
            answer: None,
            unwritten: None,
        }
    }

    /// The moment up to which a section is asked for now.
    pub(super) fn target(&self, section: &PullSection) -> i64 {
        if let Some(range) = self.settings.range {
            return range.to;
        }
        self.settled_to(section)
    }

    /// Buckets that end by then do not change any more.
    pub(super) fn settled_to(&self, section: &PullSection) -> i64 {
        let delay = section.evaluation_delay.unwrap_or(self.settings.evaluation_delay);
        self.env.now_ms().div_euclid(1000) - delay.as_secs().min(86_400) as i64
    }
}
