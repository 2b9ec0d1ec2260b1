//! A client waits for the arrival of its chunk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::source::forward::Arrival;

#[derive(Debug, Default)]
struct State {
    arrived: Option<bool>,
    /// Who waits, counted.
    waiters: u64,
}

/// A client waits by it for its chunk's arrival.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    state: Mutex<State>,
    changed: Condvar,
}

impl Ticket {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chunk arrived, or did not.
    pub(super) fn settle(&self, arrived: bool) {
        self.lock().arrived = Some(arrived);
        self.changed.notify_all();
    }

    /// Waits for it. Whoever waited before is let go: its client has given its connection up, and sends the chunk again.
    pub(super) fn wait(&self) -> Arrival {
        let mut state = self.lock();
        state.waiters += 1;
        let own = state.waiters;
        self.changed.notify_all();
        loop {
            match state.arrived {
                Some(true) => return Arrival::Taken,
                Some(false) => return Arrival::Refused,
                None if state.waiters > own => return Arrival::Refused,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
