//! The past of a new section, given to a sink that chooses its models' order from it.

use super::super::acknowledged::Acknowledged;
use super::super::select::{self, Bounds};
use super::pending_answer::records;
use super::{PullStep, Puller};
use crate::companion::{Counters, Notice};
use crate::sink::{RecordSink, SinkError};
use crate::source::datadog::{QueryOutcome, QueryWindow};
use std::time::Duration;

impl Puller<'_> {
    /// Asks for the last `length` of a section, in one call as the original detector does.
    pub(super) fn look_back(
        &mut self,
        index: usize,
        length: Duration,
        sink: &mut dyn RecordSink,
    ) -> PullStep {
        let Some(slot) = self.slots.get(index) else { return PullStep::Complete };
        let (to, query) = (self.settled_to(&slot.section), slot.section.query.clone());
        let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
        let window = QueryWindow { from: to.saturating_sub(length).max(0), to };
        let series = match self.call(&query, window) {
            QueryOutcome::Series(series) => series,
            // the models do without: their order is chosen from their first points
            QueryOutcome::TooLarge { .. } => Vec::new(),
            other => return self.failed(index, other, window),
        };
        let Some(slot) = self.slots.get_mut(index) else { return PullStep::Complete };
        // not what is sent: it counts nowhere
        let (apart, none) = (Counters::default(), Acknowledged::default());
        let picked = select::pick(
            &series,
            Bounds::within(window),
            slot.section.nulls,
            slot.state.cursor.step,
            &none,
            &apart,
        );
        let tag = format!("{}.{}", self.settings.tag_prefix, slot.section.name);
        match sink.look_back(&tag, &mut records(&series, &picked.points)) {
            Ok(chosen) => {
                slot.looks_back = false;
                let section = slot.section.name.clone();
                if let Some(chosen) = chosen {
                    let (order, points) = (chosen.order, chosen.points);
                    self.progress.notice(&Notice::OrderChosen { section, order, points });
                }
                PullStep::More
            }
            Err(SinkError::Stopped) => PullStep::Stop,
            Err(SinkError::Unreachable { reason }) => PullStep::EndRound(reason),
        }
    }
}
