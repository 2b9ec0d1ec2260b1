//! An answer on its way to the sink, and what is remembered of it.

use super::super::pick;
use super::super::seen::MAX_SERIES;
use super::super::window::Reach;
use super::{Puller, Slot, Step};
use crate::companion::Notice;
use crate::sink::{MetricRecord, RecordSink, SinkError};
use crate::source::datadog::{Series, Window};
use std::sync::atomic::Ordering::Relaxed;

impl Puller<'_> {
    /// Hands an answer to the sink; what is acknowledged is remembered, and only then the cursor moves.
    pub(super) fn take(
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
        let now = self.env.now_ms().div_euclid(1000);
        self.counters.section(&slot.section.name, |gauges| {
            gauges.acknowledged += done as u64;
            if delivered.is_ok() {
                gauges.pulled_at = Some(now);
            }
        });
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

    pub(super) fn gauge(&self, slot: &Slot) {
        let lag_secs = (self.env.now_ms() as f64 / 1000.0 - slot.state.cursor.at as f64).max(0.0);
        self.counters.section(&slot.section.name, |gauges| {
            gauges.lag_secs = lag_secs;
            gauges.complete_to = slot.state.cursor.at;
            gauges.series = slot.state.seen.len();
        });
    }
}
