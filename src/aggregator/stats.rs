//! What the aggregator has done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::shards::Looked;
use crate::pipeline::{Counters, Figures};
use crate::source::forward::{ClientEvent, IncomingChunk};

/// Counters of a running aggregator; shared between threads.
#[derive(Debug, Default)]
pub struct Stats {
    clients: AtomicU64,
    connections: AtomicU64,
    refused: AtomicU64,
    chunks: AtomicU64,
    repeated: AtomicU64,
    records_in: AtomicU64,
    bytes_in: AtomicU64,
    skipped: AtomicU64,
    records_out: AtomicU64,
    chunks_out: AtomicU64,
    looked: Mutex<(Counters, StatsSnapshot)>,
    figures: Mutex<Figures>,
}

/// All counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// Clients that are connected.
    pub clients: u64,
    /// Clients that were ever connected.
    pub connections: u64,
    /// Clients that were turned away or cut off.
    pub refused: u64,
    /// Chunks that were taken.
    pub chunks: u64,
    /// Chunks that came again, and were not scored again.
    pub repeated: u64,
    /// Records that were taken.
    pub records_in: u64,
    /// Bytes of them.
    pub bytes_in: u64,
    /// Parts of chunks that are no events.
    pub skipped: u64,
    /// Records that arrived at the next hop.
    pub records_out: u64,
    /// Chunks that arrived at the next hop.
    pub chunks_out: u64,
    /// Series in memory.
    pub series: u64,
    /// Series forgotten because `max_series` was reached.
    pub evicted: u64,
    /// Bytes of the input log.
    pub log_bytes: u64,
    /// Bytes of chunks that wait to be scored.
    pub waiting_bytes: u64,
}

impl Stats {
    pub(super) fn taken(&self, chunk: &IncomingChunk) {
        self.chunks.fetch_add(1, Relaxed);
        self.records_in.fetch_add(chunk.len() as u64, Relaxed);
        self.bytes_in.fetch_add(chunk.bytes() as u64, Relaxed);
    }

    pub(super) fn repeated(&self) {
        self.repeated.fetch_add(1, Relaxed);
    }

    /// Records arrived, and with them a whole chunk or a part of one.
    pub(super) fn delivered(&self, records: u64, is_whole: bool) {
        self.records_out.fetch_add(records, Relaxed);
        self.chunks_out.fetch_add(u64::from(is_whole), Relaxed);
    }

    /// What the pipelines have to say.
    pub(super) fn look(&self, looked: &Looked, log_bytes: u64, waiting_bytes: u64) {
        let gauges = StatsSnapshot {
            series: looked.series,
            evicted: looked.evicted,
            log_bytes,
            waiting_bytes,
            ..StatsSnapshot::default()
        };
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = (looked.counters, gauges);
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&looked.figures);
    }

    /// Counters of all pipelines, a second old at most.
    #[must_use]
    pub fn pipelines(&self) -> Counters {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// What the filter tells of itself, summed over all pipelines; a second old at most.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn client(&self, event: &ClientEvent) {
        match event {
            ClientEvent::Opened => {
                self.clients.fetch_add(1, Relaxed);
                self.connections.fetch_add(1, Relaxed);
            }
            ClientEvent::Closed => {
                self.clients.fetch_sub(1, Relaxed);
            }
            ClientEvent::Refused { .. } => {
                self.refused.fetch_add(1, Relaxed);
            }
            ClientEvent::Skipped { skipped, .. } => {
                self.skipped.fetch_add(skipped.entries + u64::from(skipped.bytes > 0), Relaxed);
            }
        }
    }

    /// Reads everything.
    #[must_use]
    pub fn snapshot(&self) -> StatsSnapshot {
        let at = |counter: &AtomicU64| counter.load(Relaxed);
        let gauges = self.looked.lock().unwrap_or_else(PoisonError::into_inner).1;
        StatsSnapshot {
            clients: at(&self.clients),
            connections: at(&self.connections),
            refused: at(&self.refused),
            chunks: at(&self.chunks),
            repeated: at(&self.repeated),
            records_in: at(&self.records_in),
            bytes_in: at(&self.bytes_in),
            skipped: at(&self.skipped),
            records_out: at(&self.records_out),
            chunks_out: at(&self.chunks_out),
            ..gauges
        }
    }
}
