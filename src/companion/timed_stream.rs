//! TCP, plain or within TLS, where every call has a deadline, however slowly the other side trickles.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ConnectionCommon, SideData, StreamOwned};

/// A socket that refuses to work past its deadline. Others may hold it too, to shut it down.
#[derive(Debug)]
pub(crate) struct TimedSocket {
    socket: Arc<TcpStream>,
    deadline: Instant,
    slice: Option<Duration>,
}

impl TimedSocket {
    /// A read waits for bytes until the deadline, which is told as `TimedOut`.
    pub(crate) fn new(socket: Arc<TcpStream>, deadline: Instant) -> Self {
        Self { socket, deadline, slice: None }
    }

    /// A read without bytes returns after `slice` with `WouldBlock`, so that its caller can look for a stop request.
    pub(crate) fn sliced(socket: Arc<TcpStream>, deadline: Instant, slice: Duration) -> Self {
        Self { socket, deadline, slice: Some(slice) }
    }

    /// Until when the following calls may take.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A socket's time-out is told as `WouldBlock`.
fn in_time<T>(result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    })
}

impl Read for TimedSocket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.left()?;
        self.socket.set_read_timeout(Some(self.slice.map_or(left, |slice| slice.min(left))))?;
        let read = (&*self.socket).read(buf);
        if self.slice.is_some() { read } else { in_time(read) }
    }
}

impl Write for TimedSocket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        in_time((&*self.socket).write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connected stream; `C` is the side of TLS that this process has.
#[derive(Debug)]
pub(crate) enum TimedStream<C> {
    Plain(TimedSocket),
    Tls(Box<StreamOwned<C, TimedSocket>>),
}

impl<C> TimedStream<C> {
    fn timed(&mut self) -> &mut TimedSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    /// Until when the following calls may take.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.timed().set_deadline(deadline);
    }

    /// The socket under it.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => &socket.socket,
            Self::Tls(stream) => &stream.sock.socket,
        }
    }
}

impl<C, S> TimedStream<C>
where
    C: DerefMut + Deref<Target = ConnectionCommon<S>>,
    S: SideData,
{
    /// Takes a socket over; with a TLS session, its handshake is over when this returns.
    pub(crate) fn new(mut socket: TimedSocket, session: Option<C>) -> io::Result<Self> {
        let Some(mut session) = session else { return Ok(Self::Plain(socket)) };
        while session.is_handshaking() {
            match session.complete_io(&mut socket) {
                Ok((0, 0)) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    /// Reads what is there, as [`TimedSocket`] does.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }

    /// Writes everything before the deadline.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}
