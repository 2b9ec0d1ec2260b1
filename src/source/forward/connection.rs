//! One client: its messages in, its acks out.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::chunk::{IncomingChunk, Skipped};
use super::frame;
use super::frame_error::FrameError;
use super::frame_memory::{FrameMemory, HeldMemory};
use super::handshake::{Greeting, HandshakeError, MAX_PING, ServerSecurity};
use super::messages::{self, Ack};
use super::settings::ServerSettings;
use super::stream::{self, ServerStream};
use crate::record::msgpack::ObjectScan;

/// A first read, before it is known that a client sends anything.
const FIRST: usize = 4 << 10;
/// Room for one read of a message that is on its way.
const PIECE: usize = 64 << 10;
const LARGEST_PIECE: usize = 256 << 10;
/// A message of so many bytes is not counted.
const FREE: usize = 72 << 10;

/// Takes chunks of all clients.
pub trait TakeChunk: Send + Sync {
    /// Takes a chunk of a client, and waits while there is no room. A chunk with an id has arrived for good when this
    /// returns. `connection` counts the clients since the start. `memory` is to be dropped when the chunk's memory is
    /// counted by whoever takes it.
    fn take(&self, connection: u64, client: IpAddr, chunk: IncomingChunk, memory: HeldMemory) -> Arrival;

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
    #[error("there is no memory for a message of {0} bytes: other clients' messages take it (memory_mb)")]
    NoMemory(usize),
    #[error("memory is short (memory_mb), and this client takes longest over its message, {0} bytes so far")]
    MadeRoom(usize),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
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
    pub(super) memory: &'a Arc<FrameMemory>,
    /// To be shut down when the client has to make room.
    pub(super) socket: &'a Arc<TcpStream>,
    /// Bytes that were read and are not yet a message.
    pub(super) buffer: Vec<u8>,
}

impl Connection<'_> {
    /// Asks for the shared key, before anything else.
    pub(super) fn shake_hands(&mut self, security: &ServerSecurity) -> Result<(), ConnectionError> {
        let broken = |error| ConnectionError::Broken { what: "handshake", error };
        let greeting = Greeting::new(security)?;
        self.stream.set_deadline(Instant::now() + self.settings.answer_timeout);
        self.stream.write_all(&greeting.message).map_err(broken)?;
        let limits = FrameLimits {
            bytes: MAX_PING,
            begins_within: self.settings.answer_timeout,
            whole_within: self.settings.answer_timeout,
        };
        let Some((ping, _)) = self.next_frame(limits)? else {
            return Err(HandshakeError::NoPing.into());
        };
        let (pong, outcome) = greeting.answer(&ping);
        self.stream.set_deadline(Instant::now() + self.settings.answer_timeout);
        self.stream.write_all(&pong).map_err(broken)?;
        outcome.map_err(Into::into)
    }

    pub(super) fn serve(&mut self) -> Result<(), ConnectionError> {
        let limits = FrameLimits {
            bytes: self.settings.max_frame,
            begins_within: self.settings.idle_timeout,
            whole_within: self.settings.frame_timeout,
        };
        loop {
            let Some((frame, memory)) = self.next_frame(limits)? else { return Ok(()) };
            let packed = frame.len();
            let unpack = |needed: usize| {
                // one body is unpacked at a time where memory is short: its size is known behind it alone
                memory.grow_to(packed + needed, Instant::now() + self.settings.frame_timeout)
            };
            let Some(mut chunk) = frame::read_frame(frame, self.settings.max_frame, unpack)? else {
                continue;
            };
            memory.settle_at(chunk.bytes());
            if chunk.skipped != Skipped::default() {
                self.taker.tell(&ClientEvent::Skipped {
                    client: self.client,
                    tag: chunk.tag.clone(),
                    skipped: chunk.skipped,
                });
            }
            let id = chunk.id.take();
            if !chunk.is_empty() {
                chunk.id.clone_from(&id);
                if self.taker.take(self.number, self.client.ip(), chunk, memory) == Arrival::Refused {
                    return Ok(());
                }
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
    fn next_frame(&mut self, limits: FrameLimits) -> Result<Option<(Vec<u8>, HeldMemory)>, ConnectionError> {
        if self.buffer.is_empty() {
            self.stream.set_deadline(Instant::now() + limits.begins_within);
            let mut first = [0; FIRST];
            let read = stream::read(&mut self.stream, &mut first).map_err(|error| match error.kind() {
                ErrorKind::TimedOut => ConnectionError::Idle,
                _ => ConnectionError::Broken { what: "waiting for a message", error },
            })?;
            if read == 0 {
                return Ok(None);
            }
            // what was read before stays small: a client that sends nothing holds no memory
            self.buffer = first.get(..read).unwrap_or_default().to_vec();
        }
        self.activity.busy(true);
        let deadline = Instant::now() + limits.whole_within;
        self.stream.set_deadline(deadline);
        let memory = self.memory.hold(self.socket.clone());
        let mut scan = ObjectScan::new(frame::MAX_DEPTH);
        loop {
            let whole = scan.resume(&self.buffer).map_err(|error| FrameError::BadBytes(error.to_string()))?;
            if let Some(len) = whole {
                let rest = self.buffer.split_off(len);
                return Ok(Some((core::mem::replace(&mut self.buffer, rest), memory)));
            }
            let (has, needs) = (self.buffer.len(), scan.needs(&self.buffer));
            if needs > limits.bytes {
                return Err(FrameError::TooLarge { announced: needs, limit: limits.bytes }.into());
            }
            let wanted = has + (needs - has.min(needs)).clamp(PIECE, LARGEST_PIECE);
            if wanted > FREE {
                // an announced message takes all its memory at once; another one grows, to twice of it at most
                let is_announced = needs > wanted;
                if !memory.grow_to(if is_announced { needs } else { 2 * wanted }, deadline) {
                    let error = if memory.has_made_room() {
                        ConnectionError::MadeRoom(has)
                    } else {
                        ConnectionError::NoMemory(needs)
                    };
                    return Err(error);
                }
                if is_announced {
                    self.buffer.reserve_exact(needs - has);
                }
            }
            self.buffer.resize(wanted, 0);
            let is_counted = wanted > FREE;
            if is_counted {
                memory.begin_wait();
            }
            let read = stream::read(&mut self.stream, self.buffer.get_mut(has..).unwrap_or_default());
            if is_counted {
                memory.end_wait(*read.as_ref().unwrap_or(&0));
            }
            let read = read.map_err(|error| match error.kind() {
                ErrorKind::TimedOut => ConnectionError::SlowFrame(limits.whole_within.as_secs()),
                _ => ConnectionError::Broken { what: "reading a message", error },
            })?;
            self.buffer.truncate(has + read);
            if read == 0 && memory.has_made_room() {
                return Err(ConnectionError::MadeRoom(has));
            }
            if read == 0 {
                // a part of a message: the client sends it again, or never wanted an ack
                return Ok(None);
            }
        }
    }
}

/// Bounds of one message.
#[derive(Debug, Clone, Copy)]
struct FrameLimits {
    bytes: usize,
    begins_within: Duration,
    whole_within: Duration,
}
