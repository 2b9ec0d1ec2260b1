//! One chunk behind the other: score, hand over.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::inbox::WaitingChunk;
use super::known::ChunkKey;
use super::output::ScoredEntries;
use super::ticket::Ticket;
use crate::pipeline::Pipeline;
use crate::source::forward::IncomingChunk;

/// A scored chunk, and who waits for its arrival.
#[derive(Debug)]
pub(super) struct ScoredChunk {
    pub(super) entries: ScoredEntries,
    pub(super) connection: u64,
    pub(super) key: Option<ChunkKey>,
    pub(super) ticket: Option<Arc<Ticket>>,
}

/// Scores chunks in their order.
pub(super) struct Engine {
    pub(super) pipeline: Pipeline,
    pub(super) outbox: SyncSender<ScoredChunk>,
    record: Vec<u8>,
}

impl Engine {
    pub(super) fn new(pipeline: Pipeline, outbox: SyncSender<ScoredChunk>) -> Self {
        Self { pipeline, outbox, record: Vec::new() }
    }

    /// Scores chunks, puts their models on disk, and hands them over. False when nobody takes them any more.
    pub(super) fn work(&mut self, chunks: Vec<WaitingChunk>) -> bool {
        let mut scored = Vec::with_capacity(chunks.len());
        for waiting in chunks {
            scored.push(ScoredChunk {
                entries: self.score(&waiting.chunk),
                connection: waiting.connection,
                key: waiting.key,
                ticket: waiting.ticket,
            });
        }
        self.pipeline.flush();
        scored.into_iter().all(|chunk| match self.outbox.send(chunk) {
            Ok(()) => true,
            Err(refused) => {
                if let Some(ticket) = refused.0.ticket {
                    ticket.settle(false);
                }
                false
            }
        })
    }

    fn score(&mut self, chunk: &IncomingChunk) -> ScoredEntries {
        let mut scored = ScoredEntries { tag: chunk.tag.clone(), ..ScoredEntries::default() };
        scored.bytes.reserve(2 * chunk.bytes());
        scored.ends.reserve(chunk.len());
        for entry in chunk.entries() {
            self.record.clear();
            self.record.extend_from_slice(entry.record);
            if let Some(time) = entry.time {
                self.pipeline.process(chunk.tag.as_bytes(), time, &mut self.record);
            }
            scored.bytes.push(0x92);
            scored.bytes.extend_from_slice(entry.time_bytes);
            scored.bytes.extend_from_slice(&self.record);
            scored.ends.push(scored.bytes.len() as u32);
        }
        scored
    }
}
