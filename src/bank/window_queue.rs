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
    /// How many wait, by the number of their section: a record that can carry none is not to look through all.
    waiting: Vec<u32>,
    /// Windows that did not wait because too many did.
    pub(super) lost: u64,
    /// Windows that were closed, whether they wait or not.
    pub(super) closed: u64,
}

impl WindowQueue {
    pub(super) fn add(&mut self, window: ClosedWindow) {
        if self.len() >= MAX_WAITING {
            self.lost += 1;
            let oldest = self.others.pop_front().or_else(|| self.urgent.pop_front());
            if let Some(window) = oldest {
                self.leaves(window.section);
            }
        }
        let own = usize::from(window.section);
        if self.waiting.len() <= own {
            self.waiting.resize(own + 1, 0);
        }
        if let Some(waiting) = self.waiting.get_mut(own) {
            *waiting += 1;
        }
        if window.is_urgent { self.urgent.push_back(window) } else { self.others.push_back(window) }
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.others.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    fn leaves(&mut self, section: u16) {
        if let Some(waiting) = self.waiting.get_mut(usize::from(section)) {
            *waiting = waiting.saturating_sub(1);
        }
    }

    /// Whether a window waits of the sections that `may_leave`.
    pub(super) fn has_any(&self, may_leave: &dyn Fn(u16) -> bool) -> bool {
        self.waiting.iter().enumerate().any(|(own, &waiting)| waiting > 0 && may_leave(own as u16))
    }

    /// The next window of the sections that `may_leave`.
    pub(super) fn take(&mut self, may_leave: &dyn Fn(u16) -> bool) -> Option<ClosedWindow> {
        if !self.has_any(may_leave) {
            return None;
        }
        let found =
            |queue: &VecDeque<ClosedWindow>| queue.iter().position(|window| may_leave(window.section));
        let window = match found(&self.urgent) {
            Some(at) => self.urgent.remove(at),
            None => self.others.remove(found(&self.others)?),
        };
        if let Some(window) = &window {
            self.leaves(window.section);
        }
        window
    }

    /// In the order of each kind.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ClosedWindow> {
        self.urgent.iter().chain(&self.others)
    }

    pub(super) fn clear(&mut self) {
        self.urgent.clear();
        self.others.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_knows_of_which_sections_windows_wait(steps in proptest::collection::vec((any::<bool>(), 0u16..4, any::<bool>()), 0..60)) {
            let mut queue = WindowQueue::default();
            for (adds, section, is_urgent) in steps {
                if adds {
                    queue.add(ClosedWindow { section, key: [].into(), is_urgent, report: [].into() });
                } else {
                    let waits = queue.iter().any(|window| window.section == section);
                    prop_assert_eq!(queue.take(&|own| own == section).is_some(), waits);
                }
                for own in 0..4 {
                    let waits = queue.iter().any(|window| window.section == own);
                    prop_assert_eq!(queue.has_any(&|section| section == own), waits);
                }
            }
        }
    }

    #[test]
    fn windows_that_are_lost_wait_no_more() {
        let mut queue = WindowQueue::default();
        let window =
            |section, is_urgent| ClosedWindow { section, key: [].into(), is_urgent, report: [].into() };
        queue.add(window(7, false));
        (0..MAX_WAITING).for_each(|_| queue.add(window(1, true)));
        assert_eq!(
            (queue.has_any(&|section| section == 7), queue.len(), queue.lost),
            (false, MAX_WAITING, 1)
        );
    }
}
