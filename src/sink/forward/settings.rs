//! Where to send, with what keys, and how long anything may take.

use super::settle::DEFAULT_SETTLE;
use crate::config::forward_address;
use crate::config::secret::Secret;
use core::fmt;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// What is wrong with the address of a server, or with what TLS needs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForwardSettingsError {
    /// Not `tcp://host:port` or `tls://host:port`.
    #[error(
        "forward: `{given}` is no server address: tcp://host:port or tls://host:port is wanted (port 24224 if absent)"
    )]
    Address {
        /// Value given.
        given: String,
    },
    /// No server at all.
    #[error("forward: no server given: tcp://host:port or tls://host:port is wanted")]
    NoServer,
    /// The file with root certificates cannot be read.
    #[error("forward: CA file {path}: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Cause.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("forward: TLS: {reason}")]
    Tls {
        /// Cause.
        reason: String,
    },
}

/// One forward server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardServer {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS before anything else.
    pub tls: bool,
}

impl ForwardServer {
    /// Reads `tcp://host:port`, `tls://host:port`, `host:port` or `host`.
    ///
    /// ```
    /// use fluent_anomaly::sinks::forward::ForwardServer;
    /// let server = ForwardServer::parse("tls://[::1]:24225").unwrap();
    /// assert_eq!((server.host.as_str(), server.port, server.tls), ("::1", 24225, true));
    /// assert!(ForwardServer::parse("http://localhost").is_err());
    /// ```
    ///
    /// # Errors
    /// [`ForwardSettingsError::Address`].
    pub fn parse(text: &str) -> Result<Self, ForwardSettingsError> {
        let (host, port, tls) =
            forward_address(text).ok_or_else(|| ForwardSettingsError::Address { given: text.to_owned() })?;
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for ForwardServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Everything the forward client needs to know.
#[derive(Debug, Clone)]
pub struct ForwardSettings {
    /// Servers in the order of preference; the next one is used while those before it are down.
    pub servers: Vec<ForwardServer>,
    /// The servers' `shared_key`; empty only if the server has `empty_shared_key`. Without it no handshake is done.
    pub shared_key: Option<Secret>,
    /// User of the server's `security.users`; empty when it has none.
    pub username: String,
    /// Password of that user.
    pub password: Secret,
    /// How this client calls itself in the handshake; must differ from the server's `self_hostname`.
    pub self_hostname: String,
    /// Bodies go compressed (one gzip member).
    pub gzip: bool,
    /// PEM file of root certificates that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// Limit for name resolution, connect, TLS and shared-key handshake, together.
    pub connect_timeout: Duration,
    /// Limit for writing one chunk.
    pub write_timeout: Duration,
    /// Limit from the end of a chunk to its ack.
    pub ack_timeout: Duration,
    /// How long a connection must live on behind an ack before the chunk counts as safe; zero: the ack is enough.
    pub settle: Duration,
    /// First wait after a failure; doubles up to `backoff_cap`.
    pub backoff_base: Duration,
    /// Longest wait after failures.
    pub backoff_cap: Duration,
    /// A delivery that makes no progress for this long is given up (`None`: it waits for ever; points stay with the source).
    pub patience: Option<Duration>,
    /// How long a stop request waits for an outstanding ack.
    pub stop_grace: Duration,
}

impl Default for ForwardSettings {
    fn default() -> Self {
        Self {
            servers: vec![ForwardServer { host: "127.0.0.1".to_owned(), port: 24224, tls: false }],
            shared_key: None,
            username: String::new(),
            password: Secret::default(),
            self_hostname: "fluent-anomaly".to_owned(),
            gzip: false,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            ack_timeout: Duration::from_secs(60),
            settle: DEFAULT_SETTLE,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(60),
            patience: None,
            stop_grace: Duration::from_secs(2),
        }
    }
}

impl ForwardSettings {
    /// `text` without the secrets in here.
    pub(super) fn scrub(&self, text: &str) -> String {
        let text = self.password.scrub(text);
        self.shared_key.as_ref().map_or_else(|| text.clone(), |key| key.scrub(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        for (text, shown, tls) in [
            ("tcp://127.0.0.1:24224", "127.0.0.1:24224", false),
            ("tls://logs.example.com", "logs.example.com:24224", true),
            ("localhost:1", "localhost:1", false),
            ("tcp://[::1]", "[::1]:24224", false),
            ("tcp://host:5/", "host:5", false),
        ] {
            let server = ForwardServer::parse(text).unwrap();
            assert_eq!((server.to_string().as_str(), server.tls), (shown, tls), "{text}");
        }
        for text in [
            "",
            "tcp://",
            "udp://a",
            "a:0",
            "a:70000",
            "a:b",
            "::1",
            "[::1",
            "[::1]x",
            "tcp://u:p@h",
            "tcp://a b",
        ] {
            assert!(ForwardServer::parse(text).is_err(), "{text}");
        }
    }
}
