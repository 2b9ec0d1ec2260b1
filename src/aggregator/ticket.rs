//! A client waits for the arrival of its chunk.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

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

    fn settle(&self, arrived: bool) {
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

/// The side of a ticket that settles it. Whoever drops it refuses the chunk, which its client keeps: so no thread that ends,
/// however it does, leaves a client waiting.
#[derive(Debug)]
pub(super) struct Promise(Option<Arc<Ticket>>);

impl Promise {
    pub(super) fn of(ticket: &Arc<Ticket>) -> Self {
        Self(Some(ticket.clone()))
    }

    /// The chunk arrived.
    pub(super) fn fulfil(mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.settle(true);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.settle(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_arrived_when_its_promise_is_fulfilled_and_is_refused_when_it_is_dropped() {
        let (fulfilled, dropped) = (Arc::new(Ticket::default()), Arc::new(Ticket::default()));
        Promise::of(&fulfilled).fulfil();
        drop(Promise::of(&dropped));
        assert_eq!((fulfilled.wait(), dropped.wait()), (Arrival::Taken, Arrival::Refused));
    }
}
