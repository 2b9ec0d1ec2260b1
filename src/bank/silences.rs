//! Reports of series that fell silent: they wait for a record of their section that can carry them.

use std::collections::VecDeque;

use super::Model;

/// More than this many do not wait; the oldest go first.
const MAX_SILENCES: usize = 10_000;

/// A report of a series that fell silent.
#[derive(Debug)]
pub(crate) struct Silent<M: Model> {
    /// Index of its section.
    pub section: u16,
    /// The bytes of its key.
    pub key: Box<[u8]>,
    /// The report.
    pub silence: M::Silence,
}

/// The oldest first.
pub(super) struct Silences<M: Model>(VecDeque<Silent<M>>);

impl<M: Model> Silences<M> {
    pub(super) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(super) fn add(&mut self, section: u16, key: &[u8], silence: M::Silence) {
        if self.0.len() == MAX_SILENCES {
            self.0.pop_front();
        }
        self.0.push_back(Silent { section, key: key.into(), silence });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(feature = "companion")]
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Silent<M>> {
        self.0.iter()
    }

    #[cfg(feature = "companion")]
    pub(super) fn keep(&mut self, is_here: &dyn Fn(u16, &[u8]) -> bool) {
        self.0.retain(|silent| is_here(silent.section, &silent.key));
    }

    pub(super) fn take(&mut self, section: u16) -> Option<Silent<M>> {
        let at = self.0.iter().position(|silent| silent.section == section)?;
        self.0.remove(at)
    }
}
