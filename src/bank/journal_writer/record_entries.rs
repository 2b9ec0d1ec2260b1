//! The entries of the record at hand: the payload of one frame, so that a write that is cut leaves all of them or none.

/// Mostly one observation: its three words need no buffer.
#[derive(Debug, Default)]
pub(super) struct RecordEntries {
    only: Option<[u64; 3]>,
    /// All of them; empty while there is only one observation.
    bytes: Vec<u8>,
}

impl RecordEntries {
    /// Adds an observation, in the words of [`StateEntry::observation_words`](super::StateEntry::observation_words).
    #[inline(always)] // speed
    pub(super) fn observe(&mut self, words: [u64; 3]) {
        if self.only.is_none() && self.bytes.is_empty() {
            self.only = Some(words);
        } else {
            self.append(words);
        }
    }

    #[inline(never)] // speed: most records are one observation
    fn append(&mut self, words: [u64; 3]) {
        self.bytes().extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
    }

    /// The bytes of all entries, for another one.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        if let Some(words) = self.only.take() {
            self.bytes.extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
        }
        &mut self.bytes
    }

    /// Takes the words of the only observation, where there is nothing else.
    #[inline(always)] // speed
    pub(super) fn take_only(&mut self) -> Option<[u64; 3]> {
        self.only.take()
    }

    pub(super) fn clear(&mut self) {
        self.only = None;
        self.bytes.clear();
    }
}
