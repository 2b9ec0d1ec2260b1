//! Ships the queue of a tag in order. One call at a time ships all chunks that are due, not only the one it offers.
//!
//! After an outage the queue drains at the intake's pace, not at the pace of the host's retry timers. A chunk that
//! another call has finished is answered at its next offer.

use super::chunk_queue::{ChunkQueue, DueChunk, Entered, OfferedChunk, Tried};
use super::outcome::ChunkVerdict;
use std::collections::HashSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The order of all tags, shared by threads. Its lock is never held while something is shipped.
#[derive(Debug)]
pub(super) struct OrderedShipper {
    state: Mutex<OrderedState>,
    /// A call has finished shipping a tag.
    freed: Condvar,
}

#[derive(Debug)]
struct OrderedState {
    order: ChunkQueue,
    /// Tags that a call is shipping.
    driven: HashSet<String>,
}

/// Conditions of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// Time for it.
    pub(super) budget: Duration,
    /// Asks an intake that just failed at another chunk, without the wait that it would get.
    pub(super) probe: bool,
}

/// Result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Driven {
    /// Of the chunk that was offered.
    pub(super) verdict: ChunkVerdict,
    /// Chunks that lost their place.
    pub(super) passed: u32,
    /// Chunks are only collected, for so long.
    pub(super) collecting: Option<Duration>,
}

impl OrderedShipper {
    pub(super) fn new(order: ChunkQueue) -> Self {
        Self { state: Mutex::new(OrderedState { order, driven: HashSet::new() }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, OrderedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers a chunk and ships with `ship` what is due of its line, within `budget`.
    pub(super) fn offer(
        &self,
        tag: &str,
        chunk: OfferedChunk<'_>,
        budget: Duration,
        ship: impl FnMut(&DueChunk, Attempt) -> Tried,
    ) -> Driven {
        let begun = Instant::now();
        let answer = |verdict| Driven { verdict, passed: 0, collecting: None };
        let mut state = self.lock();
        match state.order.enter(tag, chunk, begun) {
            Entered::Finished(verdict) => return answer(verdict),
            Entered::Full => return answer(ChunkVerdict::Retry),
            Entered::Waiting => {}
        }
        if let collecting @ Some(_) = state.order.collecting(begun) {
            return Driven { collecting, ..answer(ChunkVerdict::Retry) };
        }
        let waited = self.freed.wait_timeout_while(state, budget, |state| state.driven.contains(tag));
        let (mut state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        // the driver before may have shipped it
        if let Some(verdict) = state.order.take_verdict(chunk.fingerprint) {
            return answer(verdict);
        }
        if timed_out.timed_out() {
            return answer(ChunkVerdict::Retry);
        }
        state.driven.insert(tag.to_owned());
        drop(state);
        let mut driver = Driver { ordered: self, tag, at: None, ship };
        let passed = driver.drive(chunk.fingerprint, begun + budget);
        let verdict = self.lock().order.take_verdict(chunk.fingerprint).unwrap_or(ChunkVerdict::Retry);
        drop(driver);
        Driven { verdict, passed, collecting: None }
    }
}

/// The one call that ships a tag.
struct Driver<'a, S> {
    ordered: &'a OrderedShipper,
    tag: &'a str,
    /// Being shipped.
    at: Option<u64>,
    ship: S,
}

impl<S: FnMut(&DueChunk, Attempt) -> Tried> Driver<'_, S> {
    /// Ships from the head on; how many heads lost their place.
    fn drive(&mut self, own: u64, deadline: Instant) -> u32 {
        let mut passed = 0;
        loop {
            let now = Instant::now();
            let Some(head) = self.ordered.lock().order.first(self.tag, own, now) else { return passed };
            let able = head.bytes.is_some() || head.fingerprint == own;
            if able {
                let left = deadline.saturating_duration_since(now);
                // the rest is for the next chunk
                let budget = if head.overdue { left / 2 } else { left };
                let tried = self.attempt(&head, Attempt { budget, probe: false });
                if tried.verdict != ChunkVerdict::Retry {
                    continue;
                }
                if !tried.suspect {
                    return passed;
                }
            }
            if !head.overdue {
                return passed;
            }
            // Both are tried at once, so that the end of an outage seldom falls between them: a chunk loses its place
            // only when the next one gets through where it failed.
            let next = self.ordered.lock().order.behind(self.tag, head.fingerprint, own, Instant::now());
            let Some(next) = next else { return passed };
            let budget = deadline.saturating_duration_since(Instant::now());
            let tried = self.attempt(&next, Attempt { budget, probe: able });
            if !tried.accepted {
                return passed;
            }
            self.ordered.lock().order.pass(self.tag, head.fingerprint);
            passed += 1;
            if tried.verdict == ChunkVerdict::Retry {
                return passed;
            }
        }
    }

    fn attempt(&mut self, job: &DueChunk, attempt: Attempt) -> Tried {
        self.at = Some(job.fingerprint);
        let tried = (self.ship)(job, attempt);
        self.ordered.lock().order.settle(self.tag, job.fingerprint, tried, Instant::now());
        self.at = None;
        tried
    }
}

impl<S> Drop for Driver<'_, S> {
    fn drop(&mut self) {
        let mut state = self.ordered.lock();
        if let Some(fingerprint) = self.at {
            // shipping it panicked and would panic again: the other chunks must not wait for it
            let tried = Tried { verdict: ChunkVerdict::Failed, reached: 0, accepted: false, suspect: true };
            state.order.settle(self.tag, fingerprint, tried, Instant::now());
        }
        state.driven.remove(self.tag);
        drop(state);
        self.ordered.freed.notify_all();
    }
}

#[cfg(test)]
mod tests;
