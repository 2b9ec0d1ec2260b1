//! How far chunks have arrived at the next hop.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct State {
    /// All chunks up to this number have arrived.
    up_to: u64,
    /// Nothing more will arrive.
    has_ended: bool,
}

/// Written by the output, awaited by the engine.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    state: Mutex<State>,
    changed: Condvar,
}

impl Arrivals {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All chunks up to this number have arrived.
    pub(super) fn up_to(&self) -> u64 {
        self.lock().up_to
    }

    /// They have now.
    pub(super) fn set(&self, up_to: u64) {
        let mut state = self.lock();
        state.up_to = state.up_to.max(up_to);
        drop(state);
        self.changed.notify_all();
    }

    /// Nothing more will arrive once this is dropped: however the thread of the output ends, nobody waits for it.
    pub(super) fn until_dropped(&self) -> ArrivalsEnd<'_> {
        ArrivalsEnd(self)
    }

    /// Waits until the chunk with this number has arrived; false when it will not.
    pub(super) fn wait_for(&self, number: u64) -> bool {
        let state = self.lock();
        let waits = |state: &mut State| state.up_to < number && !state.has_ended;
        let state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.up_to >= number
    }
}

/// See [`Arrivals::until_dropped`].
#[derive(Debug)]
pub(super) struct ArrivalsEnd<'a>(&'a Arrivals);

impl Drop for ArrivalsEnd<'_> {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.changed.notify_all();
    }
}
