//! A client waits for the arrival of its chunk.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::source::forward::Arrival;

/// A client waits by it for its chunk's arrival.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    arrived: Mutex<Option<bool>>,
    changed: Condvar,
}

impl Ticket {
    /// The chunk arrived, or did not.
    pub(super) fn settle(&self, arrived: bool) {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        self.changed.notify_all();
    }

    /// Waits for it.
    pub(super) fn wait(&self) -> Arrival {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *arrived {
                Some(true) => return Arrival::Taken,
                Some(false) => return Arrival::Refused,
                None => arrived = self.changed.wait(arrived).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
