//! Chunks on their way: an acknowledged one is kept until it is settled.
//!
//! An ack says that the server has a chunk, not that it survives a `kill -9`. The input thread of Fluent Bit 5.1
//! acknowledges what lies in a ring buffer in memory; the engine's thread empties that every 250 ms, or as soon as
//! an output lets go of it (`libout_dd` without `workers` holds it for `dd_timeout`, 3.5 s, at most). Fluentd has
//! the chunk on disk, but hands it to the filter's child a second later and forgets it then.
//!
//! A process that is killed closes its connections at once. So a connection that is found open long enough after
//! an ack proves that the process lived on and finished what was behind the ack: the chunk is settled. When the
//! connection breaks earlier, the kept chunks are sent again, in their order, before any new one. (It proves nothing
//! about a process that is stopped, or a machine without power.)

use super::encode::{Entries, ForwardChunk};
use crate::companion::Env;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long after its ack a chunk is settled: what the engine of Fluent Bit may need (250 ms + 3.5 s), rounded up.
pub(super) const DEFAULT_SETTLE: Duration = Duration::from_secs(4);
/// Bytes of acknowledged chunks that are kept; beyond it the oldest settles before the next chunk leaves.
const MAX_KEPT_BYTES: usize = 16 << 20;
/// Connections in a row that a server closes behind an ack, and accepts again at once, before that is taken for
/// its habit (`deny_keepalive` of Fluentd). A server that was killed is away for a moment, or not every time.
const HABIT: u32 = 3;

/// Chunks in the order in which they were made; the first ones are acknowledged, the others are to be sent.
#[derive(Debug)]
pub(super) struct Chunks {
    settle: Duration,
    chunks: VecDeque<ForwardChunk>,
    /// When the first ones were acknowledged, over the connection that is open now.
    acknowledged: VecDeque<Instant>,
    bytes: usize,
    spare: ForwardChunk,
    made: u64,
    settled: u64,
    /// Connections in a row that were lost with unsettled chunks.
    lost: u32,
}

impl Chunks {
    pub(super) fn new(settle: Duration) -> Self {
        let (chunks, acknowledged, spare) = Default::default();
        Self { settle, chunks, acknowledged, bytes: 0, spare, made: 0, settled: 0, lost: 0 }
    }

    /// Number of the chunk that was made last, from 1 on.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Every chunk up to this number is settled.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    pub(super) fn push(&mut self, tag: &str, entries: &Entries, gzip: bool, env: &dyn Env) {
        let mut chunk = core::mem::take(&mut self.spare);
        chunk.pack(tag, entries, gzip, env);
        self.bytes += chunk.message().len();
        self.chunks.push_back(chunk);
        self.made += 1;
    }

    /// Takes the newest chunk back, which was never acknowledged: its records stay with the source.
    pub(super) fn withdraw(&mut self) {
        if let Some(chunk) = self.chunks.pop_back() {
            self.bytes -= chunk.message().len();
            self.made -= 1;
            self.acknowledged.truncate(self.chunks.len());
            self.spare = chunk;
        }
    }

    /// The chunk to be sent now.
    pub(super) fn next(&self) -> Option<&ForwardChunk> {
        self.chunks.get(self.acknowledged.len())
    }

    /// [`next`](Self::next) was acknowledged.
    pub(super) fn acknowledge(&mut self, now: Instant) {
        self.acknowledged.push_back(now);
        if self.settle.is_zero() {
            self.settle(now);
        }
    }

    /// The connection is gone: what is kept is to be sent again. Returns how many chunks that are.
    pub(super) fn lost(&mut self) -> usize {
        let again = self.acknowledged.len();
        self.acknowledged.clear();
        self.lost += u32::from(again > 0);
        again
    }

    /// The server could not be reached: it closes no connections by habit, it is down.
    pub(super) fn unreachable(&mut self) {
        self.lost = 0;
    }

    /// True once, when the server turns out to close each connection behind an ack. From then on an ack settles.
    pub(super) fn closes_by_habit(&mut self) -> bool {
        let habit = self.lost >= HABIT && !self.settle.is_zero();
        if habit {
            self.settle = Duration::ZERO;
        }
        habit
    }

    /// When the oldest acknowledged chunk settles, if the connection lives until then.
    pub(super) fn due(&self) -> Option<Instant> {
        self.acknowledged.front().map(|&at| at + self.settle)
    }

    /// The connection is open: what has been acknowledged long enough is settled.
    pub(super) fn settle(&mut self, now: Instant) {
        while self.due().is_some_and(|due| due <= now) {
            self.acknowledged.pop_front();
            if let Some(chunk) = self.chunks.pop_front() {
                self.bytes -= chunk.message().len();
                self.settled += 1;
                self.lost = 0;
                self.spare = chunk;
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > MAX_KEPT_BYTES
    }
}
