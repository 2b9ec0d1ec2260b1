//! Closed windows: they wait for a record that can carry them, the alarming ones first.

use std::collections::VecDeque;

use crate::codec::{CodecError, Reader, Writer};

/// More than this many do not wait; the oldest that do not alarm go first.
const MAX_WAITING: usize = 10_000;

/// A window that was closed and learned by its model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClosedWindow {
    /// Index of its section.
    pub section: u16,
    /// The bytes of its series' key.
    pub key: Box<[u8]>,
    /// It alarms: it goes ahead of those that do not.
    pub is_urgent: bool,
    /// What its model says of it, as the model wrote it.
    pub report: Box<[u8]>,
}

impl ClosedWindow {
    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(u8::from(self.is_urgent));
        w.bytes(&self.key);
        w.bytes(&self.report);
    }

    /// `section`: the index of its section now.
    pub(super) fn restore(section: u16, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            section,
            is_urgent: r.u8("urgency of a window")? != 0,
            key: r.bytes("key of a window")?.into(),
            report: r.bytes("report of a window")?.into(),
        })
    }
}

/// The oldest first, of each kind.
#[derive(Debug, Default)]
pub(super) struct WindowQueue {
    urgent: VecDeque<ClosedWindow>,
    others: VecDeque<ClosedWindow>,
    /// Windows that did not wait because too many did.
    pub(super) lost: u64,
    /// Windows that were closed, whether they wait or not.
    pub(super) closed: u64,
}

impl WindowQueue {
    pub(super) fn add(&mut self, window: ClosedWindow) {
        if self.len() >= MAX_WAITING {
            self.lost += 1;
            if self.others.pop_front().is_none() {
                self.urgent.pop_front();
            }
        }
        if window.is_urgent { self.urgent.push_back(window) } else { self.others.push_back(window) }
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.others.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    /// The next window of the sections that `may_leave`.
    pub(super) fn take(&mut self, may_leave: &dyn Fn(u16) -> bool) -> Option<ClosedWindow> {
        let found =
            |queue: &VecDeque<ClosedWindow>| queue.iter().position(|window| may_leave(window.section));
        if let Some(at) = found(&self.urgent) {
            return self.urgent.remove(at);
        }
        self.others.remove(found(&self.others)?)
    }

    /// In the order of each kind.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ClosedWindow> {
        self.urgent.iter().chain(&self.others)
    }

    pub(super) fn clear(&mut self) {
        self.urgent.clear();
        self.others.clear();
    }
}
