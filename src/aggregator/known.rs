//! Chunks that came before. A client that got no ack sends the same chunk again, with the same id.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use super::ticket::Ticket;
use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::source::forward::IncomingChunk;

/// Chunks that are remembered after they were acknowledged.
pub(super) const REMEMBERED: usize = 16_384;

/// What tells chunks apart: client, tag, id and content. Fluent Bit makes the id from the content alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ChunkKey(pub(super) u128);

/// How the content of a chunk went into its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyForm {
    /// By the checksum of now.
    Now,
    /// By this one or that of before 28 November 2026: states from before December 2026 do not say.
    Either,
}

/// Stands among saved keys: those behind it have the form of now. No chunk has it.
const FORM_OF_NOW: ChunkKey = ChunkKey(1);

impl ChunkKey {
    /// `None` for a chunk without an id: it does not come again.
    pub(super) fn of(client: IpAddr, chunk: &IncomingChunk) -> Option<Self> {
        Self::with(client, chunk, IncomingChunk::checksum)
    }

    /// The key that the chunk had before 28 November 2026.
    pub(super) fn of_earlier_form(client: IpAddr, chunk: &IncomingChunk) -> Option<Self> {
        Self::with(client, chunk, IncomingChunk::earlier_checksum)
    }

    fn with(client: IpAddr, chunk: &IncomingChunk, content: fn(&IncomingChunk) -> u64) -> Option<Self> {
        let id = chunk.id.as_ref()?;
        let client = match client {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let body = content(chunk);
        let half = |seed| checksum(checksum(checksum(seed ^ body, &client), chunk.tag.as_bytes()), &id.bytes);
        Some(Self(u128::from(half(1)) << 64 | u128::from(half(2))))
    }

    /// Writes it, its upper half first.
    pub(super) fn put(self, w: &mut Writer<'_>) {
        w.u64((self.0 >> 64) as u64);
        w.u64(self.0 as u64);
    }

    /// Reads what [`put`](Self::put) wrote.
    pub(super) fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, CodecError> {
        Ok(Self(u128::from(r.u64(what)?) << 64 | u128::from(r.u64(what)?)))
    }
}

/// What is known of a chunk.
pub(super) enum Earlier {
    /// It is on its way.
    OnItsWay(Arc<Ticket>),
    /// It arrived.
    Arrived,
}

/// Chunks on their way, and those that arrived last.
#[derive(Debug, Default)]
pub(super) struct KnownChunks {
    on_their_way: HashMap<ChunkKey, Arc<Ticket>>,
    /// With the connection over which each was acknowledged.
    arrived: HashMap<ChunkKey, u64>,
    order: VecDeque<ChunkKey>,
    /// Chunks of the saved state that are still remembered. They stand first in the order, or arrive first.
    saved: usize,
    /// So many of these may have keys of the earlier form.
    of_either_form: usize,
}

impl KnownChunks {
    /// What is known of a chunk that `connection` sends. One that was acknowledged over this very connection is new: its
    /// client knows that, and has the same to say once more.
    pub(super) fn find(&self, key: ChunkKey, connection: u64) -> Option<Earlier> {
        if let Some(ticket) = self.on_their_way.get(&key) {
            return Some(Earlier::OnItsWay(ticket.clone()));
        }
        self.arrived.get(&key).filter(|&&over| over != connection).map(|_| Earlier::Arrived)
    }

    /// A saved chunk that arrived before the start.
    pub(super) fn restore_arrived(&mut self, key: ChunkKey, form: KeyForm) {
        self.restore(form);
        self.arrive(key, u64::MAX);
    }

    /// A saved chunk that was on its way at the start. All that arrived are restored before.
    pub(super) fn restore_on_its_way(&mut self, key: ChunkKey, form: KeyForm, ticket: Arc<Ticket>) {
        self.restore(form);
        self.begin(key, ticket);
    }

    fn restore(&mut self, form: KeyForm) {
        self.saved += 1;
        if form == KeyForm::Either {
            self.of_either_form = self.saved;
        }
    }

    /// Whether a chunk is to be looked for by its key of the earlier form as well.
    pub(super) fn has_earlier_forms(&self) -> bool {
        self.of_either_form > 0
    }

    /// It is on its way now.
    pub(super) fn begin(&mut self, key: ChunkKey, ticket: Arc<Ticket>) {
        self.on_their_way.insert(key, ticket);
    }

    /// It arrived; `connection` sent it.
    pub(super) fn arrive(&mut self, key: ChunkKey, connection: u64) {
        self.on_their_way.remove(&key);
        if self.arrived.insert(key, connection).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.arrived.remove(&oldest);
            self.saved = self.saved.saturating_sub(1);
            self.of_either_form = self.of_either_form.saturating_sub(1);
        }
    }

    /// Chunks that arrived, the oldest first, with the mark of the form; [`forms`] reads them.
    pub(super) fn to_save(&self) -> Vec<ChunkKey> {
        let mut keys: Vec<ChunkKey> = self.order.iter().copied().collect();
        keys.insert(self.of_either_form.min(keys.len()), FORM_OF_NOW);
        keys
    }
}

/// Keys that [`KnownChunks::to_save`] gave, or that an earlier version saved, each with its form.
pub(super) fn forms(saved: &[ChunkKey]) -> impl Iterator<Item = (ChunkKey, KeyForm)> {
    let mark = saved.iter().position(|key| *key == FORM_OF_NOW);
    let form = move |n| if mark.is_some_and(|mark| n > mark) { KeyForm::Now } else { KeyForm::Either };
    let numbered = saved.iter().enumerate().filter(|(_, key)| **key != FORM_OF_NOW);
    numbered.map(move |(n, key)| (*key, form(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_save(known: &KnownChunks) -> Vec<u128> {
        known.to_save().iter().map(|key| key.0).collect()
    }

    /// What a state of `saved` keys leads to.
    fn restored(saved: &[u128]) -> KnownChunks {
        let mut known = KnownChunks::default();
        let saved: Vec<ChunkKey> = saved.iter().copied().map(ChunkKey).collect();
        forms(&saved).for_each(|(key, form)| known.restore_arrived(key, form));
        known
    }

    #[test]
    fn keys_of_a_state_that_does_not_say_their_form_stand_before_the_mark_and_others_behind_it() {
        let mut known = restored(&[11, 12]);
        assert!(known.has_earlier_forms());
        known.arrive(ChunkKey(13), 1);
        assert_eq!(to_save(&known), [11, 12, 1, 13]);
        let again = restored(&[11, 12, 1, 13]);
        assert!(again.has_earlier_forms());
        assert_eq!(to_save(&again), [11, 12, 1, 13]);
        let known = restored(&[1, 13]);
        assert!(!known.has_earlier_forms());
        assert_eq!(to_save(&known), [1, 13]);
        assert!(!KnownChunks::default().has_earlier_forms());
    }

    #[test]
    fn chunks_on_their_way_keep_their_form_until_they_arrive() {
        let mut known = restored(&[11]);
        known.restore_on_its_way(ChunkKey(12), KeyForm::Either, Arc::default());
        known.restore_on_its_way(ChunkKey(13), KeyForm::Now, Arc::default());
        assert_eq!(to_save(&known), [11, 1]);
        known.arrive(ChunkKey(12), u64::MAX);
        known.arrive(ChunkKey(13), u64::MAX);
        known.arrive(ChunkKey(14), 3);
        assert_eq!(to_save(&known), [11, 12, 1, 13, 14]);
    }

    #[test]
    fn the_earlier_form_is_looked_for_until_the_last_chunk_that_may_have_it_is_forgotten() {
        let mut known = restored(&[11, 12]);
        for n in 0..REMEMBERED as u128 {
            assert!(known.has_earlier_forms(), "{n}");
            known.arrive(ChunkKey(100 + n), 1);
        }
        assert!(!known.has_earlier_forms());
        assert_eq!(to_save(&known)[..2], [1, 100]);
    }
}
