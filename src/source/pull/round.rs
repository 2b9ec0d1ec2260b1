//! One pass over all sections: budget, errors, delivery.

mod delivery;
mod look_back;
mod pending_answer;
mod request;
mod sections;
mod settling;

use super::PullError;
use super::settings::PullSettings;
use super::state::StateFolder;
use super::window::Reach;
use crate::companion::{Backoff, Counters, Env, Notice, Progress, Wake};
use crate::sink::RecordSink;
use crate::source::datadog::{CallBudget, QueryApi, QueryOutcome};
use sections::PulledSection;
use settling::RoundTurns;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Tries of one section in one round.
const TRIES: u32 = 5;
/// A longer wait for the budget is told.
const MENTIONED_WAIT: Duration = Duration::from_secs(5);

/// Result of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundEnd {
    /// Every section is complete up to now.
    Complete,
    /// Some are not; their cursors are where the acknowledged points end.
    Behind {
        /// How many.
        behind: usize,
        /// Cause of the last of them.
        reason: String,
    },
    /// The configuration is to be read again before the rest.
    Reload,
    /// A stop was asked for.
    Stopped,
}

/// A section that may go on.
#[derive(Debug, Clone, Copy)]
struct SectionTurn {
    index: usize,
    /// Tries of its next request in this round.
    tries: u32,
    /// Halvings of its window, after answers that were too large.
    halvings: u32,
}

/// Result of one request.
enum PullStep {
    /// Nothing more to ask for now.
    Complete,
    /// Another window follows.
    More,
    /// To be tried again, later in this round.
    Again(String),
    /// Not again in this round.
    Behind(String),
    /// No section can go on in this round.
    EndRound(String),
    Reload,
    Stop,
}

/// All sections with their cursors.
pub struct Puller<'a> {
    settings: PullSettings,
    api: &'a dyn QueryApi,
    env: &'a dyn Env,
    progress: &'a dyn Progress,
    counters: &'a Counters,
    folder: StateFolder,
    budget: CallBudget,
    unsaved_calls: u32,
    trouble: Backoff,
    slots: Vec<PulledSection>,
}

impl core::fmt::Debug for Puller<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Puller")
            .field("settings", &self.settings)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

impl<'a> Puller<'a> {
    /// Opens the state folder; there are no sections yet.
    ///
    /// # Errors
    /// [`PullError::Locked`].
    pub fn open(
        settings: PullSettings,
        api: &'a dyn QueryApi,
        env: &'a dyn Env,
        progress: &'a dyn Progress,
        counters: &'a Counters,
    ) -> Result<Self, PullError> {
        let folder = StateFolder::open(settings.state.as_deref(), progress)?;
        let mut budget = CallBudget::new(settings.limit, settings.keys);
        folder.load_budget(&mut budget, progress);
        counters.budget_left.store(budget.left(env.now_ms()), Relaxed);
        let trouble = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        Ok(Self {
            settings,
            api,
            env,
            progress,
            counters,
            folder,
            budget,
            unsaved_calls: 0,
            trouble,
            slots: Vec::new(),
        })
    }

    /// Pulls every section up to now, a window at a time, in turns: a section with a long gap does not hold up
    /// the others.
    pub fn round(&mut self, sink: &mut dyn RecordSink) -> RoundEnd {
        let before = self.counters.acknowledged.load(Relaxed);
        let mut turns = RoundTurns::new(self.slots.len());
        let (mut behind, mut why) = (0, String::new());
        let (mut over, mut interrupted) = (false, None);
        while !over && interrupted.is_none() {
            let (turn, step) = match self.next(&mut turns, sink) {
                Ok(None) => break,
                Ok(Some(mut turn)) => {
                    let step = self.step(turn.index, &mut turn.halvings, sink);
                    (Some(turn), step)
                }
                Err(step) => (None, step),
            };
            let tries = turn.map_or(0, |turn| turn.tries + 1);
            let mut then = None;
            match step {
                PullStep::Complete => {}
                PullStep::More => then = turn.map(|turn| SectionTurn { tries: 0, ..turn }),
                PullStep::Again(_) if tries < TRIES => then = turn.map(|turn| SectionTurn { tries, ..turn }),
                PullStep::Again(reason) | PullStep::Behind(reason) => {
                    behind += 1;
                    why = reason;
                }
                PullStep::EndRound(reason) => {
                    behind += usize::from(turn.is_some()) + turns.open();
                    why = reason;
                    over = true;
                }
                PullStep::Reload => interrupted = Some(RoundEnd::Reload),
                PullStep::Stop => interrupted = Some(RoundEnd::Stopped),
            }
            if let Some(turn) = turn {
                self.rest(&mut turns, turn.index, then, sink);
            }
        }
        behind += self.end(&mut turns, sink);
        self.save_budget(0);
        for slot in &self.slots {
            self.gauge(slot);
        }
        if let Some(end) = interrupted {
            return end;
        }
        let records = self.counters.acknowledged.load(Relaxed) - before;
        self.progress.notice(&Notice::RoundDone {
            records,
            complete: self.slots.len().saturating_sub(behind),
            behind,
        });
        if behind == 0 { RoundEnd::Complete } else { RoundEnd::Behind { behind, reason: why } }
    }

    /// One request of a section and the delivery of its answer.
    fn step(&mut self, index: usize, halvings: &mut u32, sink: &mut dyn RecordSink) -> PullStep {
        let Some(slot) = self.slots.get(index) else { return PullStep::Complete };
        if slot.answer.is_some() {
            return self.go_on(index, sink);
        }
        if self.env.monotonic() < slot.retry_at {
            return PullStep::Behind("its query was refused".to_owned());
        }
        let reach = Reach {
            overlap: self.settings.overlap.as_secs().min(86_400) as i64,
            slice: self.settings.slice.as_secs().clamp(60, 86_400) as i64,
            rollup: slot.rollup,
            settled: self.settings.range.is_some(),
            halvings: *halvings,
        };
        if let Some(end) = self.await_budget() {
            return end;
        }
        let Some(slot) = self.slots.get(index) else { return PullStep::Complete };
        if let Some(length) = slot.section.look_back.filter(|_| slot.looks_back) {
            return self.look_back(index, length, sink);
        }
        let target = self.target(&slot.section);
        let Some(slot) = self.slots.get_mut(index) else { return PullStep::Complete };
        let Some(window) = slot.state.cursor.next(target, &reach) else { return PullStep::Complete };
        let query = slot.section.query.clone();

        let outcome = match self.call(&query, window) {
            // the buckets of a range are as long as its query says
            QueryOutcome::Series(series) if reach.is_widened(&series, window) => {
                *halvings += 1;
                return PullStep::More;
            }
            QueryOutcome::Series(series) => {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.refusals.succeed();
                }
                return self.take(index, series, window, target, reach, sink);
            }
            other => other,
        };
        let Some(slot) = self.slots.get(index) else { return PullStep::Complete };
        if matches!(outcome, QueryOutcome::TooLarge { .. }) && !slot.state.cursor.is_smallest(window, &reach)
        {
            *halvings += 1;
            let (section, window_secs) = (slot.section.name.clone(), window.to - window.from);
            self.progress.notice(&Notice::TooLarge { section, window_secs });
            return PullStep::More;
        }
        self.failed(index, outcome, window)
    }

    /// Waits until a call may be made; `Some` when it may not in this round.
    fn await_budget(&mut self) -> Option<PullStep> {
        let mut told = false;
        loop {
            if self.env.stopping() {
                return Some(PullStep::Stop);
            }
            let Err(wait) = self.budget.admit(self.env.now_ms()) else { return None };
            // a pause that the API asked for was told when it did
            if !told && wait > MENTIONED_WAIT && !self.budget.is_paused(self.env.now_ms()) {
                told = true;
                self.progress.notice(&Notice::BudgetSpent { wait });
            }
            if self.settings.once && wait > self.settings.patience {
                return Some(PullStep::EndRound(format!(
                    "the next API call is allowed in {} s",
                    wait.as_secs()
                )));
            }
            match self.env.sleep_until_asked(wait) {
                Wake::Elapsed => {}
                Wake::Reload => return Some(PullStep::Reload),
                Wake::Stop => return Some(PullStep::Stop),
            }
        }
    }

    /// Saves the spent budget if more than `slack` calls have not been saved.
    fn save_budget(&mut self, slack: u32) {
        self.unsaved_calls += u32::from(slack > 0);
        if self.unsaved_calls > slack {
            self.folder.save_budget(&self.budget, self.progress);
            self.unsaved_calls = 0;
        }
    }
}
