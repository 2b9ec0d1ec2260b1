//! An answer on its way to the sink, and what is remembered of it.

use super::super::acknowledged::MAX_SERIES;
use super::super::select::{self, Bounds};
use super::super::window::Reach;
use super::pending_answer::{PendingAnswer, records};
use super::{PullStep, PulledSection, Puller};
use crate::companion::Notice;
use crate::sink::{RecordSink, SinkError};
use crate::source::datadog::{QuerySeries, QueryWindow};
use std::sync::atomic::Ordering::Relaxed;

impl Puller<'_> {
    /// Takes an answer over and hands its first batch to the sink.
    pub(super) fn take(
        &mut self,
        index: usize,
        mut series: Vec<QuerySeries>,
        window: QueryWindow,
        target: i64,
        reach: Reach,
        sink: &mut dyn RecordSink,
    ) -> PullStep {
        let Some(slot) = self.slots.get(index) else { return PullStep::Complete };
        let mut bounds = Bounds::within(window);
        if reach.settled && window.to >= target {
            // the bucket that begins at the end of a range belongs to it
            (bounds.last, bounds.settled) = (window.to, self.settled_to(&slot.section));
        }
        let Some(slot) = self.slots.get_mut(index) else { return PullStep::Complete };
        let (nulls, step) = (slot.section.nulls, slot.state.cursor.step);
        let picked = select::pick(&series, bounds, nulls, step, &slot.state.seen, self.counters);
        for series in &mut series {
            series.points = Vec::new();
        }
        self.deliver(index, PendingAnswer { series, picked, done: 0, window, target, reach }, sink)
    }

    /// Hands the next batch of a section's answer to the sink.
    pub(super) fn go_on(&mut self, index: usize, sink: &mut dyn RecordSink) -> PullStep {
        match self.slots.get_mut(index).and_then(|slot| slot.answer.take()) {
            Some(answer) => self.deliver(index, answer, sink),
            None => PullStep::Complete,
        }
    }

    /// Hands the next batch of an answer to the sink; the cursor moves after the last one. Its record
    /// is written once the batch is settled.
    fn deliver(&mut self, index: usize, mut answer: PendingAnswer, sink: &mut dyn RecordSink) -> PullStep {
        let Some(slot) = self.slots.get_mut(index) else { return PullStep::Complete };
        let tag = format!("{}.{}", self.settings.tag_prefix, slot.section.name);
        let picked = &answer.picked;
        let batch = picked.batch(answer.done, slot.section.one_model);
        let (seen, counters) = (&mut slot.state.seen, self.counters);
        let mut taken = 0;
        let mut acknowledged = |count: usize| {
            for point in batch.get(taken..count).unwrap_or_default() {
                let (key, step) = picked.keys.get(point.series as usize).copied().unwrap_or_default();
                seen.mark(key, point.time, step);
            }
            counters.acknowledged.fetch_add(count.saturating_sub(taken) as u64, Relaxed);
            taken = taken.max(count);
        };
        let delivered = match batch {
            [] => Ok(()),
            _ => sink.deliver(&tag, &mut records(&answer.series, batch), &mut acknowledged),
        };
        answer.done += batch.len();
        let complete = delivered.is_ok() && answer.left() == 0;
        if slot.state.seen.trim() {
            let section = slot.section.name.clone();
            self.progress.notice(&Notice::TooManySeries { section, limit: MAX_SERIES });
        }
        if complete {
            slot.state.cursor.advance(answer.window, answer.picked.step, &answer.reach);
        }
        slot.unwritten = Some(self.folder.keep(&slot.section.name, &slot.section.query, &slot.state));
        let now = self.env.now_ms().div_euclid(1000);
        self.counters.section(&slot.section.name, |gauges| {
            gauges.acknowledged += taken as u64;
            if complete {
                gauges.pulled_at = Some(now);
            }
        });
        let step = match delivered {
            Ok(()) if complete && answer.window.to >= answer.target => PullStep::Complete,
            Ok(()) => PullStep::More,
            Err(SinkError::Stopped) => PullStep::Stop,
            Err(SinkError::Unreachable { reason }) => PullStep::EndRound(reason),
        };
        if matches!(step, PullStep::More) && !complete {
            slot.answer = Some(answer);
        }
        if let Some(slot) = self.slots.get(index) {
            self.gauge(slot);
        }
        step
    }

    pub(super) fn gauge(&self, slot: &PulledSection) {
        let lag_secs = (self.env.now_ms() as f64 / 1000.0 - slot.state.cursor.at as f64).max(0.0);
        self.counters.section(&slot.section.name, |gauges| {
            gauges.lag_secs = lag_secs;
            gauges.complete_to = slot.state.cursor.at;
            gauges.series = slot.state.seen.len();
        });
    }
}
