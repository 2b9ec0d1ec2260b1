//! One pass over all sections: budget, errors, delivery.

use super::seen::{MAX_SERIES, Seen};
use super::settings::{PullSection, PullSettings};
use super::state::{Folder, SectionState};
use super::window::{self, Cursor, Reach};
use super::{PullError, pick};
use crate::companion::{Backoff, Counters, Env, Notice, Progress, Wake};
use crate::sink::{MetricRecord, RecordSink, SinkError};
use crate::source::datadog::{Budget, Outcome, QueryApi, Series, Window};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Tries of one section in one round.
const TRIES: u32 = 5;
/// Calls after which the spent budget is saved even when nothing else is.
const SAVE_BUDGET_EVERY: u32 = 10;
/// Pause after the keys were not accepted, before jitter of the same length.
const KEYS_PAUSE: Duration = Duration::from_secs(300);

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoundEnd {
    /// Every section is complete up to now.
    Complete,
    /// Some are not; their cursors are where the acknowledged points end.
    Behind {
        /// How many.
        behind: usize,
        /// What kept the last of them.
        reason: String,
    },
    /// The configuration is to be read again before the rest.
    Reload,
    /// A stop was asked for.
    Stopped,
}

#[derive(Debug)]
struct Slot {
    section: PullSection,
    state: SectionState,
    rollup: Option<u32>,
    refusals: Backoff,
    /// On the monotonic clock: a refused query rests until then.
    retry_at: Duration,
}

/// What came of one request.
enum Step {
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
    folder: Folder,
    budget: Budget,
    unsaved_calls: u32,
    trouble: Backoff,
    slots: Vec<Slot>,
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
        let folder = Folder::open(settings.state.as_deref(), progress)?;
        let mut budget = Budget::new(settings.limit);
        folder.load_budget(&mut budget, progress);
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
            let known =
                |slot: &Slot| slot.section.name == section.name && slot.section.query == section.query;
            if let Some(at) = old.iter().position(known) {
                let slot = old.swap_remove(at);
                self.slots.push(Slot { section, ..slot });
            } else {
                added += 1;
                let slot = self.new_slot(section);
                self.slots.push(slot);
            }
        }
        let slots = &self.slots;
        self.counters.keep_sections(|name| slots.iter().any(|slot| slot.section.name == name));
        if before > 0 && (added > 0 || !old.is_empty()) {
            self.progress.notice(&Notice::Reloaded { added, removed: old.len() });
        }
        let interval = self.settings.interval.as_secs().max(1);
        let needed = (self.slots.len() as u64 * 3600).div_ceil(interval);
        if needed > u64::from(self.settings.limit) {
            self.progress.notice(&Notice::LimitTooLow { needed, limit: self.settings.limit });
        }
    }

    fn new_slot(&self, section: PullSection) -> Slot {
        let saved = self.folder.load(&section.name, &section.query, self.progress);
        let state = saved.unwrap_or_else(|| {
            let target = self.target(&section);
            let cursor = Cursor::first(target, self.settings.interval.as_secs().min(86_400) as i64);
            let state = SectionState { cursor, seen: Seen::default() };
            // at once: a stop before the first acknowledgement must not move the beginning
            self.folder.save(&section.name, &section.query, &state, self.progress);
            state
        });
        let interval = self.settings.interval;
        Slot {
            rollup: window::rollup(&section.query),
            section,
            state,
            refusals: Backoff::new(interval, interval.max(Duration::from_secs(3600))),
            retry_at: Duration::ZERO,
        }
    }

    /// The moment up to which a section is asked for now.
    fn target(&self, section: &PullSection) -> i64 {
        let delay = section.evaluation_delay.unwrap_or(self.settings.evaluation_delay);
        self.env.now_ms().div_euclid(1000) - delay.as_secs().min(86_400) as i64
    }

    /// Pulls every section up to now, a window at a time, in turns: a section with a long gap does not hold up
    /// the others.
    pub fn round(&mut self, sink: &mut dyn RecordSink) -> RoundEnd {
        let before = self.counters.acknowledged.load(Relaxed);
        let mut queue: VecDeque<(usize, u32, u32)> =
            (0..self.slots.len()).map(|index| (index, 0, 0)).collect();
        let (mut behind, mut why) = (0, String::new());
        let mut interrupted = None;
        while let Some((index, tries, mut halvings)) = queue.pop_front() {
            match self.step(index, &mut halvings, sink) {
                Step::Complete => {}
                Step::More => queue.push_back((index, 0, halvings)),
                Step::Again(_) if tries + 1 < TRIES => queue.push_back((index, tries + 1, halvings)),
                Step::Again(reason) | Step::Behind(reason) => {
                    behind += 1;
                    why = reason;
                }
                Step::EndRound(reason) => {
                    behind += 1 + queue.len();
                    why = reason;
                    break;
                }
                Step::Reload => interrupted = Some(RoundEnd::Reload),
                Step::Stop => interrupted = Some(RoundEnd::Stopped),
            }
            if interrupted.is_some() {
                break;
            }
        }
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
    fn step(&mut self, index: usize, halvings: &mut u32, sink: &mut dyn RecordSink) -> Step {
        let Some(slot) = self.slots.get(index) else { return Step::Complete };
        if self.env.monotonic() < slot.retry_at {
            return Step::Behind("its query was refused".to_owned());
        }
        let reach = Reach {
            overlap: self.settings.overlap.as_secs().min(86_400) as i64,
            slice: self.settings.slice.as_secs().clamp(60, 86_400) as i64,
            rollup: slot.rollup,
            halvings: *halvings,
        };
        if let Some(end) = self.await_budget() {
            return end;
        }
        let Some(slot) = self.slots.get_mut(index) else { return Step::Complete };
        let delay = slot.section.evaluation_delay.unwrap_or(self.settings.evaluation_delay);
        let target = self.env.now_ms().div_euclid(1000) - delay.as_secs().min(86_400) as i64;
        let Some(window) = slot.state.cursor.next(target, &reach) else { return Step::Complete };

        self.budget.spend(self.env.now_ms());
        self.counters.requests.fetch_add(1, Relaxed);
        let reply = self.api.query(&slot.section.query, window);
        let now = self.env.now_ms();
        self.budget.learn(now, &reply.rate);
        self.counters.budget_left.store(self.budget.left(now), Relaxed);
        self.save_budget(SAVE_BUDGET_EVERY);
        if !matches!(reply.outcome, Outcome::Series(_)) {
            self.counters.failed_requests.fetch_add(1, Relaxed);
        }
        let Some(slot) = self.slots.get_mut(index) else { return Step::Complete };
        let section = slot.section.name.clone();
        match reply.outcome {
            Outcome::Series(series) => {
                self.budget.succeed();
                self.trouble.succeed();
                slot.refusals.succeed();
                self.take(index, &series, window, target, &reach, sink)
            }
            Outcome::Refused { reason } => {
                slot.retry_at = self.env.monotonic() + slot.refusals.fail(self.env);
                self.progress.notice(&Notice::Refused { section, reason: reason.clone() });
                Step::Behind(reason)
            }
            Outcome::RateLimited { reset } => {
                let wait = self.budget.rate_limited(self.env, reset);
                self.counters.budget_left.store(0, Relaxed);
                self.progress.notice(&Notice::RateLimited { wait });
                // a daemon waits as long as it takes; a single run gives up after some tries
                if self.settings.once {
                    Step::Again("the API's rate limit is reached".to_owned())
                } else {
                    Step::More
                }
            }
            Outcome::Unauthorized { reason } => {
                let wait = KEYS_PAUSE + self.env.jitter(KEYS_PAUSE, 1.0);
                self.budget.block(now, wait);
                self.progress.notice(&Notice::Unauthorized { reason: reason.clone(), wait });
                Step::EndRound(reason)
            }
            Outcome::TooLarge { limit } => {
                let window_secs = window.to - window.from;
                self.progress.notice(&Notice::TooLarge { section, window_secs });
                if slot.state.cursor.is_smallest(window, &reach) {
                    return Step::Behind(format!(
                        "one bucket of all its series is longer than {limit} bytes"
                    ));
                }
                *halvings += 1;
                Step::More
            }
            Outcome::Unavailable { reason } => {
                let wait = self.trouble.fail(self.env);
                self.progress.notice(&Notice::Unavailable { section, reason: reason.clone(), wait });
                self.pause(wait, reason)
            }
            Outcome::Malformed { reason } => {
                let wait = self.trouble.fail(self.env);
                self.progress.notice(&Notice::Malformed { section, reason: reason.clone(), wait });
                self.pause(wait, reason)
            }
        }
    }

    /// Waits until a call may be made; `Some` when it may not in this round.
    fn await_budget(&mut self) -> Option<Step> {
        loop {
            if self.env.stopping() {
                return Some(Step::Stop);
            }
            let Err(wait) = self.budget.admit(self.env.now_ms()) else { return None };
            if self.settings.once && wait > self.settings.patience {
                return Some(Step::EndRound(format!("the next API call is allowed in {} s", wait.as_secs())));
            }
            match self.env.sleep_until_asked(wait) {
                Wake::Elapsed => {}
                Wake::Reload => return Some(Step::Reload),
                Wake::Stop => return Some(Step::Stop),
            }
        }
    }

    fn pause(&self, wait: Duration, reason: String) -> Step {
        if self.settings.once && wait > self.settings.patience {
            return Step::EndRound(reason);
        }
        match self.env.sleep_until_asked(wait) {
            Wake::Elapsed => Step::Again(reason),
            Wake::Reload => Step::Reload,
            Wake::Stop => Step::Stop,
        }
    }

    /// Hands an answer to the sink; what is acknowledged is remembered, and only then the cursor moves.
    fn take(
        &mut self,
        index: usize,
        series: &[Series],
        window: Window,
        target: i64,
        reach: &Reach,
        sink: &mut dyn RecordSink,
    ) -> Step {
        let Some(slot) = self.slots.get_mut(index) else { return Step::Complete };
        let picked = pick::pick(
            series,
            window,
            slot.section.nulls,
            slot.state.cursor.step,
            &slot.state.seen,
            self.counters,
        );
        let tag = format!("{}.{}", self.settings.tag_prefix, slot.section.name);
        let counters = self.counters;
        let mut done = 0;
        let mut delivered = Ok(());
        let mut batches = picked.batches(slot.section.one_model).peekable();
        while let Some(batch) = batches.next() {
            let mut records = batch.iter().filter_map(|point| {
                let series = series.get(point.series as usize)?;
                Some(MetricRecord {
                    metric: &series.metric,
                    raw_value: point.value,
                    scope: &series.scope,
                    host: series.host.as_deref(),
                    time: point.time,
                })
            });
            let seen = &mut slot.state.seen;
            let mut taken = 0;
            let mut acknowledged = |count: usize| {
                for point in batch.get(taken..count).unwrap_or_default() {
                    let (key, step) = picked.keys.get(point.series as usize).copied().unwrap_or_default();
                    seen.mark(key, point.time, step);
                }
                counters.acknowledged.fetch_add(count.saturating_sub(taken) as u64, Relaxed);
                taken = taken.max(count);
            };
            delivered = sink.deliver(&tag, &mut records, &mut acknowledged);
            done += taken;
            if delivered.is_err() {
                break;
            }
            // a kill from here on repeats no point of this batch; behind the last one the cursor moves too
            if batches.peek().is_some() {
                self.folder.save(&slot.section.name, &slot.section.query, &slot.state, self.progress);
            }
        }
        if slot.state.seen.trim() {
            let section = slot.section.name.clone();
            self.progress.notice(&Notice::TooManySeries { section, limit: MAX_SERIES });
        }
        if delivered.is_ok() {
            slot.state.cursor.advance(window, picked.step, reach);
        }
        self.folder.save(&slot.section.name, &slot.section.query, &slot.state, self.progress);
        self.counters.section(&slot.section.name, |gauges| gauges.acknowledged += done as u64);
        if let Some(slot) = self.slots.get(index) {
            self.gauge(slot);
        }
        match delivered {
            Ok(()) if window.to >= target => Step::Complete,
            Ok(()) => Step::More,
            Err(SinkError::Stopped) => Step::Stop,
            Err(SinkError::Unreachable { reason }) => Step::EndRound(reason),
        }
    }

    fn gauge(&self, slot: &Slot) {
        let lag_secs = (self.env.now_ms() as f64 / 1000.0 - slot.state.cursor.at as f64).max(0.0);
        self.counters.section(&slot.section.name, |gauges| {
            gauges.lag_secs = lag_secs;
            gauges.series = slot.state.seen.len();
        });
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
