//! Chunks that wait to be scored, within a bound of bytes. Their clients wait with them.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::known::{ChunkKey, Earlier, KeyForm, KnownChunks};
use super::stats::Stats;
use super::ticket::{Promise, Ticket};
use crate::companion::Seldom;
use crate::source::forward::{Arrival, ClientEvent, HeldMemory, IncomingChunk, TakeChunk};

/// What a chunk costs besides its bytes.
const OVERHEAD: usize = 512;
/// No client may hold more than this part of the room, so that one that sends without end leaves room for others.
const SHARE: usize = 4;

/// A client that wants an ack waits so long for room; then it is let go, and sends its chunk again. Its time-out would let
/// it do so anyway, over a connection that would wait besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chunk, and who waits for it.
#[derive(Debug)]
pub(super) struct WaitingChunk {
    pub(super) chunk: IncomingChunk,
    pub(super) connection: u64,
    pub(super) key: Option<ChunkKey>,
    pub(super) promise: Option<Promise>,
}

impl WaitingChunk {
    fn bytes(&self) -> usize {
        self.chunk.bytes() + OVERHEAD
    }
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<WaitingChunk>,
    bytes: usize,
    of_client: HashMap<u64, usize>,
    known: KnownChunks,
    closed: bool,
}

/// What the engine is to do next.
#[derive(Debug)]
pub(super) enum Next {
    Chunks(Vec<WaitingChunk>),
    /// No chunk came for a while.
    Look,
    /// No chunk will come any more.
    Closed,
}

/// All clients on one side, the engine on the other.
pub(super) struct Inbox {
    state: Mutex<State>,
    /// For the engine.
    filled: Condvar,
    /// For clients.
    emptied: Condvar,
    most_bytes: usize,
    stats: Arc<Stats>,
    log: Box<dyn Fn(&str) + Send + Sync>,
    seldom: Seldom,
}

impl Inbox {
    pub(super) fn new(most_bytes: usize, stats: Arc<Stats>, log: Box<dyn Fn(&str) + Send + Sync>) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            most_bytes,
            stats,
            log,
            seldom: Seldom::default(),
        }
    }

    /// Says something of a client; the same of its address only now and then, whatever the numbers in it: one that comes
    /// again and again must not fill the log.
    fn say(&self, client: SocketAddr, text: &str) {
        let without_digits: String = text.chars().filter(|char| !char.is_ascii_digit()).collect();
        match self.seldom.is_due(&format!("{} {without_digits}", client.ip())) {
            None => {}
            Some(0) => (self.log)(&format!("client {client}: {text}")),
            Some(more) => (self.log)(&format!("client {client}: {text} (and {more} times more)")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next chunks in their order, together some `bytes` or one chunk; waits for so long.
    pub(super) fn next(&self, bytes: usize, wait: Duration) -> Next {
        let state = self.lock();
        let is_quiet = |state: &mut State| state.queue.is_empty() && !state.closed;
        let waited = self.filled.wait_timeout_while(state, wait, is_quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.queue.is_empty() {
            return if state.closed { Next::Closed } else { Next::Look };
        }
        let mut chunks = Vec::new();
        let mut taken = 0;
        while let Some(chunk) = state.queue.front()
            && (chunks.is_empty() || taken + chunk.bytes() <= bytes)
            && let Some(chunk) = state.queue.pop_front()
        {
            taken += chunk.bytes();
            if let Some(held) = state.of_client.get_mut(&chunk.connection) {
                *held = held.saturating_sub(chunk.bytes());
                if *held == 0 {
                    state.of_client.remove(&chunk.connection);
                }
            }
            chunks.push(chunk);
        }
        state.bytes -= taken;
        drop(state);
        self.emptied.notify_all();
        Next::Chunks(chunks)
    }

    /// No more chunks are taken; those that wait still are scored.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Nobody scores any more: no chunks are taken, and those that wait are refused.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.closed = true;
        let refused = std::mem::take(&mut state.queue);
        drop(state);
        drop(refused);
        self.emptied.notify_all();
    }

    /// A chunk arrived before the start.
    pub(super) fn knows(&self, key: ChunkKey, form: KeyForm) {
        self.lock().known.restore_arrived(key, form);
    }

    /// A chunk was on its way at the start: whoever sends it again waits by this.
    pub(super) fn expects(&self, key: ChunkKey, form: KeyForm) -> Promise {
        let ticket = Arc::new(Ticket::default());
        let promise = Promise::of(&ticket);
        self.lock().known.restore_on_its_way(key, form, ticket);
        promise
    }

    /// Chunks that arrived, to be saved.
    pub(super) fn known(&self) -> Vec<ChunkKey> {
        self.lock().known.to_save()
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes as u64
    }

    /// A chunk arrived for good.
    pub(super) fn arrived(&self, key: Option<ChunkKey>, connection: u64, promise: Option<Promise>) {
        if let Some(key) = key {
            self.lock().known.arrive(key, connection);
        }
        if let Some(promise) = promise {
            promise.fulfil();
        }
    }
}

impl TakeChunk for Inbox {
    fn take(&self, connection: u64, client: IpAddr, chunk: IncomingChunk, memory: HeldMemory) -> Arrival {
        let key = ChunkKey::of(client, &chunk);
        let has_earlier_forms = self.lock().known.has_earlier_forms();
        let keys = [key, if has_earlier_forms { ChunkKey::of_earlier_form(client, &chunk) } else { None }];
        let ticket = key.map(|_| Arc::new(Ticket::default()));
        let promise = ticket.as_ref().map(Promise::of);
        let waiting = WaitingChunk { chunk, connection, key, promise };
        let bytes = waiting.bytes();
        let begun = Instant::now();
        let mut state = self.lock();
        loop {
            if state.closed {
                return Arrival::Refused;
            }
            if let Some(earlier) = keys.iter().flatten().find_map(|key| state.known.find(*key, connection)) {
                drop(state);
                self.stats.repeated();
                return match earlier {
                    Earlier::Arrived => Arrival::Taken,
                    Earlier::OnItsWay(ticket) => ticket.wait(),
                };
            }
            let own = state.of_client.get(&connection).copied().unwrap_or(0);
            let has_room = state.bytes == 0 || state.bytes + bytes <= self.most_bytes;
            let has_share = own == 0 || own + bytes <= self.most_bytes / SHARE;
            if has_room && has_share {
                break;
            }
            let Some(left) = PATIENCE.checked_sub(begun.elapsed()).or(key.is_none().then_some(PATIENCE))
            else {
                return Arrival::Refused;
            };
            let waited = self.emptied.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.stats.taken(&waiting.chunk);
        state.bytes += bytes;
        *state.of_client.entry(connection).or_default() += bytes;
        if let (Some(key), Some(ticket)) = (key, &ticket) {
            state.known.begin(key, ticket.clone());
        }
        state.queue.push_back(waiting);
        drop((state, memory));
        self.filled.notify_all();
        ticket.map_or(Arrival::Taken, |ticket| ticket.wait())
    }

    fn tell(&self, event: &ClientEvent) {
        self.stats.client(event);
        match event {
            ClientEvent::Refused { client, reason } => self.say(*client, reason),
            ClientEvent::Skipped { client, tag, skipped } => {
                let (entries, bytes) = (skipped.entries, skipped.bytes);
                let text = format!(
                    "a chunk tagged {tag:?} holds {entries} values that are no event, and {bytes} bytes behind them that \
                     are no msgpack: they are left out"
                );
                self.say(*client, &text);
            }
            ClientEvent::Opened | ClientEvent::Closed => {}
        }
    }
}
