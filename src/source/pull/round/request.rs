//! One call of the API, and what follows from an answer without series.

use super::{PullStep, Puller};
use crate::companion::{Notice, Wake};
use crate::source::datadog::{QueryOutcome, QueryWindow};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Calls after which the spent budget is saved even when nothing else is.
const SAVE_BUDGET_EVERY: u32 = 10;
/// Pause after the keys were not accepted, before jitter of the same length.
const KEYS_PAUSE: Duration = Duration::from_secs(300);

impl Puller<'_> {
    /// One call of the API, charged to the budget.
    pub(super) fn call(&mut self, query: &str, window: QueryWindow) -> QueryOutcome {
        self.budget.spend(self.env.now_ms());
        self.counters.requests.fetch_add(1, Relaxed);
        let reply = self.api.query(query, window);
        let now = self.env.now_ms();
        self.budget.learn(now, &reply.rate);
        self.counters.budget_left.store(self.budget.left(now), Relaxed);
        self.save_budget(SAVE_BUDGET_EVERY);
        if matches!(reply.outcome, QueryOutcome::Series(_)) {
            self.budget.succeed();
            self.trouble.succeed();
        } else {
            self.counters.failed_requests.fetch_add(1, Relaxed);
        }
        reply.outcome
    }

    /// What follows from an answer without series: each kind of failure has a wait of its own.
    pub(super) fn failed(&mut self, index: usize, outcome: QueryOutcome, window: QueryWindow) -> PullStep {
        let Some(slot) = self.slots.get_mut(index) else { return PullStep::Complete };
        let section = slot.section.name.clone();
        match outcome {
            QueryOutcome::Series(_) => PullStep::Complete,
            QueryOutcome::Refused { reason } => {
                slot.retry_at = self.env.monotonic() + slot.refusals.fail(self.env);
                self.progress.notice(&Notice::Refused { section, reason: reason.clone() });
                PullStep::Behind(reason)
            }
            QueryOutcome::RateLimited { reset } => {
                let wait = self.budget.rate_limited(self.env, reset);
                self.counters.budget_left.store(0, Relaxed);
                self.progress.notice(&Notice::RateLimited { wait });
                // a daemon waits as long as it takes; a single run gives up after some tries
                if self.settings.once {
                    PullStep::Again("the API's rate limit is reached".to_owned())
                } else {
                    PullStep::More
                }
            }
            QueryOutcome::Unauthorized { reason } => {
                let wait = KEYS_PAUSE + self.env.jitter(KEYS_PAUSE, 1.0);
                self.budget.block_keys(self.env.now_ms(), wait);
                let next = (!self.settings.once).then_some(wait);
                self.progress.notice(&Notice::Unauthorized { reason: reason.clone(), next });
                PullStep::EndRound(reason)
            }
            QueryOutcome::TooLarge { limit } => {
                let window_secs = window.to - window.from;
                self.progress.notice(&Notice::TooLarge { section, window_secs });
                PullStep::Behind(format!("one bucket of all its series is longer than {limit} bytes"))
            }
            QueryOutcome::Unavailable { reason } => {
                let wait = self.trouble.fail(self.env);
                self.progress.notice(&Notice::Unavailable { section, reason: reason.clone(), wait });
                self.pause(wait, reason)
            }
            QueryOutcome::Malformed { reason } => {
                let wait = self.trouble.fail(self.env);
                self.progress.notice(&Notice::Malformed { section, reason: reason.clone(), wait });
                self.pause(wait, reason)
            }
        }
    }

    fn pause(&self, wait: Duration, reason: String) -> PullStep {
        if self.settings.once && wait > self.settings.patience {
            return PullStep::EndRound(reason);
        }
        match self.env.sleep_until_asked(wait) {
            Wake::Elapsed => PullStep::Again(reason),
            Wake::Reload => PullStep::Reload,
            Wake::Stop => PullStep::Stop,
        }
    }
}
