//! One client: its messages in, its acks out.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use thiserror::Error;

use super::chunk::{IncomingChunk, Skipped};
use super::frame;
use super::frame_error::FrameError;
use super::messages::{self, Ack};
use super::settings::ServerSettings;
use super::stream::ServerStream;
use crate::record::msgpack::ObjectScan;

/// A first read, before it is known that a client sends anything.
const FIRST: usize = 4 << 10;
/// Room for one read of a message that is on its way.
const PIECE: usize = 64 << 10;
const LARGEST_PIECE: usize = 1 << 20;

/// Takes chunks of all clients.
pub trait TakeChunk: Send + Sync {
    /// Takes a chunk of a client, and waits while there is no room. A chunk with an id has arrived for good when this
    /// returns. `connection` counts the clients since the start.
    fn take(&self, connection: u64, client: IpAddr, chunk: IncomingChunk) -> Arrival;

    /// Tells what happened.
    fn tell(&self, event: &ClientEvent);
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It is taken, one with an id for good.
    Taken,
    /// It is not: the client keeps it.
    Refused,
}

/// Something that the operator may want to know of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A client connected.
    Opened,
    /// It is gone.
    Closed,
    /// It was turned away or cut off.
    Refused {
        /// Its address.
        client: SocketAddr,
        /// Why.
        reason: String,
    },
    /// Parts of a chunk were no events.
    Skipped {
        /// Its address.
        client: SocketAddr,
        /// The chunk's tag.
        tag: String,
        /// What was left out.
        skipped: Skipped,
    },
}

/// Why a connection ended, if not by the client's wish.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a message was not whole {0} s after its first byte")]
    SlowFrame(u64),
    /// Between messages: nothing is lost.
    #[error("nothing was said for a long time")]
    Idle,
    #[error("{what}: {error}")]
    Broken { what: &'static str, error: io::Error },
}

/// Says whether a client is in the middle of a message.
pub(super) trait Activity {
    fn busy(&self, is_busy: bool);
}

/// Serves one client until it goes.
pub(super) struct Connection<'a> {
    pub(super) number: u64,
    pub(super) client: SocketAddr,
    pub(super) stream: ServerStream,
    pub(super) settings: &'a ServerSettings,
    pub(super) taker: &'a dyn TakeChunk,
    pub(super) activity: &'a dyn Activity,
    /// Bytes that were read and are not yet a message.
    pub(super) buffer: Vec<u8>,
}

impl Connection<'_> {
    pub(super) fn serve(&mut self) -> Result<(), ConnectionError> {
        loop {
            let Some(frame) = self.next_frame()? else { return Ok(()) };
            let Some(mut chunk) = frame::read_frame(frame, self.settings.max_frame)? else { continue };
            if chunk.skipped != Skipped::default() {
                self.taker.tell(&ClientEvent::Skipped {
                    client: self.client,
                    tag: chunk.tag.clone(),
                    skipped: chunk.skipped,
                });
            }
            let id = chunk.id.clone();
            if chunk.is_empty() {
                chunk.id = None;
            } else if self.taker.take(self.number, self.client.ip(), chunk) == Arrival::Refused {
                return Ok(());
            }
            if let Some(id) = id {
                self.stream.set_deadline(Instant::now() + self.settings.answer_timeout);
                self.stream
                    .write_all(&messages::write(&Ack { ack: &id }))
                    .map_err(|error| ConnectionError::Broken { what: "sending an ack", error })?;
            }
            self.activity.busy(false);
        }
    }

    /// The bytes of the next message; `None` when the client has gone.
    pub(super) fn next_frame(&mut self) -> Result<Option<Vec<u8>>, ConnectionError> {
        if self.buffer.is_empty() {
            self.stream.set_deadline(Instant::now() + self.settings.idle_timeout);
            let mut first = [0; FIRST];
            let read = self.stream.read(&mut first).map_err(|error| match error.kind() {
                ErrorKind::TimedOut => ConnectionError::Idle,
                _ => ConnectionError::Broken { what: "waiting for a message", error },
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.buffer.extend_from_slice(first.get(..read).unwrap_or_default());
        }
        self.activity.busy(true);
        let timeout = self.settings.frame_timeout;
        self.stream.set_deadline(Instant::now() + timeout);
        let mut scan = ObjectScan::new(frame::MAX_DEPTH);
        loop {
            let whole = scan.resume(&self.buffer).map_err(|error| FrameError::BadBytes(error.to_string()))?;
            if let Some(len) = whole {
                let rest = self.buffer.split_off(len);
                return Ok(Some(core::mem::replace(&mut self.buffer, rest)));
            }
            let (has, needs) = (self.buffer.len(), scan.needs(&self.buffer));
            let limit = self.settings.max_frame;
            if needs > limit {
                return Err(FrameError::TooLarge { announced: needs, limit }.into());
            }
            let piece = (needs - has.min(needs)).clamp(PIECE, LARGEST_PIECE);
            self.buffer.resize(has + piece, 0);
            let read = self.stream.read(self.buffer.get_mut(has..).unwrap_or_default());
            let read = read.map_err(|error| match error.kind() {
                ErrorKind::TimedOut => ConnectionError::SlowFrame(timeout.as_secs()),
                _ => ConnectionError::Broken { what: "reading a message", error },
            })?;
            self.buffer.truncate(has + read);
            if read == 0 {
                // a part of a message: the client sends it again, or never wanted an ack
                return Ok(None);
            }
        }
    }
}
