//! A client's connection, plain or within TLS.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustls::{ServerConfig, ServerConnection};

use crate::companion::{TimedSocket, TimedStream};

/// A client's stream. The listener may shut its socket down.
pub(super) type ServerStream = TimedStream<ServerConnection>;

/// Takes a socket over; with `tls`, the handshake is over before the deadline.
pub(super) fn accept(
    socket: Arc<TcpStream>,
    tls: Option<&Arc<ServerConfig>>,
    deadline: Instant,
) -> io::Result<ServerStream> {
    // an ack is small and waited for
    socket.set_nodelay(true)?;
    let session = tls.map(|config| ServerConnection::new(config.clone())).transpose();
    TimedStream::new(TimedSocket::new(socket, deadline), session.map_err(io::Error::other)?)
}

/// Waits for bytes; 0 at the end.
pub(super) fn read(stream: &mut ServerStream, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // a TLS client that just goes
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
            read => return read,
        }
    }
}
