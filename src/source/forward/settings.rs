//! Where clients connect, what they may send, and what they have to know.

use core::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use thiserror::Error;

use super::handshake::ServerSecurity;

/// Not `tcp://host:port` or `tls://host:port`, or not of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{given}` is no address to listen on: tcp://host:port or tls://host:port is wanted{why}")]
pub struct ListenAddressError {
    /// Value given.
    pub given: String,
    why: String,
}

/// Where clients connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress {
    /// Address and port of this machine.
    pub address: SocketAddr,
    /// TLS before anything else.
    pub tls: bool,
}

impl ListenAddress {
    /// Reads `tcp://host:port` or `tls://host:port`; port 0: the system chooses one.
    ///
    /// ```
    /// use fluent_anomaly::sources::forward::ListenAddress;
    /// let address = ListenAddress::parse("tls://127.0.0.1:24225").unwrap();
    /// assert_eq!(address.to_string(), "tls://127.0.0.1:24225");
    /// assert!(ListenAddress::parse("127.0.0.1").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ListenAddressError`].
    pub fn parse(text: &str) -> Result<Self, ListenAddressError> {
        let wrong = |why: String| ListenAddressError { given: text.to_owned(), why };
        let (tls, rest) = match text.trim().split_once("://") {
            Some(("tcp", rest)) => (false, rest),
            Some(("tls", rest)) => (true, rest),
            _ => return Err(wrong(String::new())),
        };
        let mut found = rest.to_socket_addrs().map_err(|error| wrong(format!(" ({error})")))?;
        let address = found.next().ok_or_else(|| wrong(" (the name has no address)".to_owned()))?;
        Ok(Self { address, tls })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "tls" } else { "tcp" }, self.address)
    }
}

/// Everything that the server needs to know.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Clients that are served at once. One more takes the place of the one that has said nothing for longest.
    pub max_connections: usize,
    /// Bytes of a message, and of its unpacked body.
    pub max_frame: usize,
    /// Bytes of all messages that are on their way, at least twice `max_frame`.
    pub frame_memory: usize,
    /// A message that has begun is whole by then.
    pub frame_timeout: Duration,
    /// TLS, the handshake and each ack take no longer.
    pub answer_timeout: Duration,
    /// A client that says nothing for so long is let go; it connects again when it has something to say.
    pub idle_timeout: Duration,
    /// For addresses with TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// What clients have to know; `None`: whoever can connect may send.
    pub security: Option<ServerSecurity>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_frame: 32 << 20,
            frame_memory: 128 << 20,
            frame_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            tls: None,
            security: None,
        }
    }
}
