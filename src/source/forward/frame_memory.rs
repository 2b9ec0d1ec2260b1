//! Memory for messages that are on their way, shared by all clients. Whose client is waited for longest makes room.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where memory is short, a client that has sent nothing for so long has to make room for others,
const STALL: Duration = Duration::from_millis(500);
/// and one that was waited for so long in all and has sent fewer bytes a second than this.
const TRICKLE: (Duration, u64) = (Duration::from_secs(2), 256 << 10);
/// How often who waits looks who has to make room.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct Holder {
    bytes: usize,
    /// Bytes that came from its client.
    read: u64,
    /// How long its client was waited for.
    waited: Duration,
    /// Since when its client is waited for.
    waiting_since: Option<Instant>,
    /// Present while the message is being read.
    socket: Option<Arc<TcpStream>>,
    wants_more: bool,
    has_made_room: bool,
}

impl Holder {
    fn waited(&self, now: Instant) -> Duration {
        self.waited + self.stall(now)
    }

    fn stall(&self, now: Instant) -> Duration {
        self.waiting_since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }

    /// How long its client was waited for, where that is too long.
    fn slowness(&self, now: Instant) -> Option<Duration> {
        let (stall, waited) = (self.stall(now), self.waited(now));
        let (long, rate) = TRICKLE;
        let trickles = waited > long && self.read < rate * waited.as_secs();
        (stall > STALL || trickles).then_some(waited)
    }
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    next: u64,
    holders: HashMap<u64, Holder>,
}

/// What all messages take together.
#[derive(Debug)]
pub(super) struct FrameMemory {
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

impl FrameMemory {
    /// Room for `most` bytes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default(), freed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a message that begins to be read from `socket`.
    pub(super) fn hold(self: &Arc<Self>, socket: Arc<TcpStream>) -> HeldMemory {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        let holder = Holder {
            bytes: 0,
            read: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            socket: Some(socket),
            wants_more: false,
            has_made_room: false,
        };
        state.holders.insert(number, holder);
        drop(state);
        HeldMemory { memory: self.clone(), number }
    }
}

/// What one message takes; given back when dropped.
#[derive(Debug)]
pub struct HeldMemory {
    memory: Arc<FrameMemory>,
    number: u64,
}

impl HeldMemory {
    /// Takes `bytes` in all, and waits for them until the deadline, behind those who came before. False when there is no
    /// room, or when the message has to make room for others.
    pub(super) fn grow_to(&self, bytes: usize, deadline: Instant) -> bool {
        let mut state = self.memory.lock();
        if let Some(holder) = state.holders.get_mut(&self.number) {
            holder.wants_more = true;
        }
        let (mut state, has_room) = self.wait_for_room(state, bytes, deadline);
        if let Some(holder) = state.holders.get_mut(&self.number) {
            holder.wants_more = false;
        }
        if has_room {
            self.set(&mut state, bytes);
        }
        drop(state);
        self.memory.freed.notify_all();
        has_room
    }

    fn wait_for_room<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        bytes: usize,
        deadline: Instant,
    ) -> (MutexGuard<'a, State>, bool) {
        let begun = Instant::now();
        loop {
            let Some(own) = state.holders.get(&self.number) else { return (state, false) };
            if own.has_made_room {
                return (state, false);
            }
            let is_first = !state.holders.iter().any(|(n, holder)| *n < self.number && holder.wants_more);
            if bytes <= own.bytes || (is_first && state.used - own.bytes + bytes <= self.memory.most) {
                return (state, true);
            }
            let now = Instant::now();
            if now >= deadline {
                return (state, false);
            }
            if is_first {
                self.make_room(&mut state, now, now.duration_since(begun) > STALL);
            }
            let left = deadline.duration_since(now);
            let waited = self.memory.freed.wait_timeout(state, LOOK.min(left));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets the client go that keeps others waiting: the one that stalls or trickles; else, where all wait for more, the
    /// one that came last.
    fn make_room(&self, state: &mut State, now: Instant, all_wait: bool) {
        let others = state.holders.iter_mut().filter(|(number, holder)| {
            **number != self.number && holder.socket.is_some() && holder.bytes > 0
        });
        let mut slowest: Option<(Duration, &mut Holder)> = None;
        let mut last: Option<(u64, &mut Holder)> = None;
        for (&number, holder) in others {
            if let Some(slowness) = holder.slowness(now) {
                if slowest.as_ref().is_none_or(|(most, _)| slowness > *most) {
                    slowest = Some((slowness, holder));
                }
            } else if holder.wants_more && last.as_ref().is_none_or(|(most, _)| number > *most) {
                last = Some((number, holder));
            }
        }
        let victim = match (slowest, last) {
            (Some((_, slowest)), _) => slowest,
            (None, Some((_, last))) if all_wait => last,
            _ => return,
        };
        victim.has_made_room = true;
        if let Some(socket) = victim.socket.take() {
            // its thread sees the end of the stream, and gives its memory back
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// The client is waited for from now on.
    pub(super) fn begin_wait(&self) {
        if let Some(holder) = self.memory.lock().holders.get_mut(&self.number) {
            holder.waiting_since = Some(Instant::now());
        }
    }

    /// It has sent so many bytes.
    pub(super) fn end_wait(&self, read: usize) {
        let now = Instant::now();
        if let Some(holder) = self.memory.lock().holders.get_mut(&self.number) {
            holder.waited = holder.waited(now);
            holder.waiting_since = None;
            holder.read += read as u64;
        }
    }

    /// Whether the message had to make room for others.
    pub(super) fn has_made_room(&self) -> bool {
        self.memory.lock().holders.get(&self.number).is_some_and(|holder| holder.has_made_room)
    }

    /// The message is whole and takes so many bytes from now on: its client cannot make room any more.
    pub(super) fn settle_at(&self, bytes: usize) {
        let mut state = self.memory.lock();
        if let Some(holder) = state.holders.get_mut(&self.number) {
            holder.socket = None;
        }
        self.set(&mut state, bytes);
        drop(state);
        self.memory.freed.notify_all();
    }

    fn set(&self, state: &mut State, bytes: usize) {
        if let Some(holder) = state.holders.get_mut(&self.number) {
            state.used = state.used - holder.bytes + bytes;
            holder.bytes = bytes;
        }
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        let mut state = self.memory.lock();
        if let Some(holder) = state.holders.remove(&self.number) {
            state.used -= holder.bytes;
        }
        drop(state);
        self.memory.freed.notify_all();
    }
}
