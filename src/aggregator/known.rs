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

impl ChunkKey {
    /// `None` for a chunk without an id: it does not come again.
    pub(super) fn of(client: IpAddr, chunk: &IncomingChunk) -> Option<Self> {
        let id = chunk.id.as_ref()?;
        let client = match client {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        let body = chunk.checksum();
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
        }
    }

    /// Chunks that arrived, the oldest first.
    pub(super) fn arrived(&self) -> Vec<ChunkKey> {
        self.order.iter().copied().collect()
    }
}
