//! Sections whose last batch is not settled: they rest, the others go on.

use super::{PullStep, Puller, SectionTurn};
use crate::sink::{RecordSink, SinkError};
use crate::source::pull::state::Unwritten;
use std::collections::VecDeque;

/// Points of answers that wait in memory for their turn, at most; beyond it no further query is made.
const MAX_HELD: usize = 500_000;

/// A section at rest.
#[derive(Debug)]
struct Resting {
    /// The number that the sink has to settle first.
    delivered: u64,
    unwritten: Unwritten,
    /// The next turn.
    then: Option<SectionTurn>,
}

/// The sections of one round: those that may go on, and those at rest, the oldest first.
#[derive(Debug)]
pub(super) struct RoundTurns {
    pub(super) ready: VecDeque<SectionTurn>,
    resting: VecDeque<Resting>,
}

impl RoundTurns {
    pub(super) fn new(sections: usize) -> Self {
        let ready = (0..sections).map(|index| SectionTurn { index, tries: 0, halvings: 0 }).collect();
        Self { ready, resting: VecDeque::new() }
    }

    /// Sections that are not through.
    pub(super) fn open(&self) -> usize {
        self.ready.len() + self.resting.iter().filter(|resting| resting.then.is_some()).count()
    }
}

impl Puller<'_> {
    /// Puts a section to rest until what it has delivered, if anything, is settled.
    pub(super) fn rest(
        &mut self,
        turns: &mut RoundTurns,
        index: usize,
        then: Option<SectionTurn>,
        sink: &dyn RecordSink,
    ) {
        match self.slots.get_mut(index).and_then(|slot| slot.unwritten.take()) {
            Some(unwritten) => {
                turns.resting.push_back(Resting { delivered: sink.delivered(), unwritten, then });
            }
            None => turns.ready.extend(then),
        }
    }

    /// The next section that may go on; waits where all are at rest. `None` at the end of the round.
    pub(super) fn next(
        &mut self,
        turns: &mut RoundTurns,
        sink: &mut dyn RecordSink,
    ) -> Result<Option<SectionTurn>, PullStep> {
        loop {
            let held: usize =
                self.slots.iter().flat_map(|slot| &slot.answer).map(|answer| answer.left()).sum();
            let wait = turns.ready.is_empty() || held > MAX_HELD;
            if turns.resting.is_empty() {
                return Ok(turns.ready.pop_front());
            }
            self.settle(turns, sink, wait).map_err(|error| match error {
                SinkError::Stopped => PullStep::Stop,
                SinkError::Unreachable { reason } => PullStep::EndRound(reason),
            })?;
            if let Some(turn) = turns.ready.pop_front() {
                return Ok(Some(turn));
            }
        }
    }

    fn settle(&self, turns: &mut RoundTurns, sink: &mut dyn RecordSink, wait: bool) -> Result<(), SinkError> {
        let settled = sink.settle(wait)?;
        while turns.resting.front().is_some_and(|resting| resting.delivered <= settled) {
            let Some(Resting { unwritten, then, .. }) = turns.resting.pop_front() else { break };
            unwritten.write(self.progress);
            match then {
                // answers in memory go first
                Some(turn) if self.slots.get(turn.index).is_some_and(|slot| slot.answer.is_some()) => {
                    turns.ready.push_front(turn);
                }
                Some(turn) => turns.ready.push_back(turn),
                None => {}
            }
        }
        Ok(())
    }

    /// The round ends: what was delivered is settled as far as the sink can, the rest of the answers is forgotten.
    /// Returns how many sections are through and not settled.
    pub(super) fn end(&mut self, turns: &mut RoundTurns, sink: &mut dyn RecordSink) -> usize {
        for slot in &mut self.slots {
            slot.answer = None;
        }
        while !turns.resting.is_empty() && self.settle(turns, sink, true).is_ok() {}
        turns.resting.iter().filter(|resting| resting.then.is_none()).count()
    }
}
