//! One connection to one server: connect, handshake, send a chunk, await its ack.

use super::answer::{self, AnswerError};
use super::encode::ForwardChunk;
use super::handshake::{HandshakeError, Ping};
use super::settings::{ForwardServer, ForwardSettings};
use super::stream::{self, ForwardStream};
use crate::companion::Env;
use rustls::ClientConfig;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Why a chunk did not get its ack over a connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// No connection, or TLS does not trust the server.
    #[error("cannot connect: {reason}")]
    Connect {
        /// Cause.
        reason: String,
    },
    /// The server did not answer, or did not read, in time.
    #[error("{what} took longer than {secs:.1} s", secs = limit.as_secs_f64())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The connection broke.
    #[error("connection lost while {what}: {reason}")]
    Lost {
        /// What was being done.
        what: &'static str,
        /// Cause.
        reason: String,
    },
    /// The answer is not the protocol's.
    #[error("{reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// The ack names another chunk; a connection that is out of step is dropped.
    #[error("the server acknowledged another chunk")]
    WrongAck,
    /// The shared-key handshake failed.
    #[error("handshake: {reason}")]
    Handshake {
        /// Cause.
        reason: String,
    },
    /// The program is stopping.
    #[error("stopped")]
    Stopped,
}

impl From<AnswerError> for ForwardError {
    fn from(error: AnswerError) -> Self {
        Self::Answer { reason: error.to_string() }
    }
}

impl From<HandshakeError> for ForwardError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake { reason: error.to_string() }
    }
}

/// An open connection behind its handshake.
#[derive(Debug)]
pub(super) struct Connection {
    stream: ForwardStream,
    /// Bytes read and not yet used; at most one answer and one read beyond it.
    buffer: Vec<u8>,
    /// True once a chunk was acknowledged over it.
    pub(super) proven: bool,
}

impl Connection {
    pub(super) fn open(
        server: &ForwardServer,
        settings: &ForwardSettings,
        tls: Option<&Arc<ClientConfig>>,
        env: &dyn Env,
    ) -> Result<Self, ForwardError> {
        let limit = settings.connect_timeout;
        let deadline = Instant::now() + limit;
        let stream = stream::connect(server, tls, deadline).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => ForwardError::TimedOut { what: "connecting", limit },
            _ => ForwardError::Connect { reason: error.to_string() },
        })?;
        let mut connection = Self { stream, buffer: Vec::new(), proven: false };
        if settings.shared_key.is_some() {
            let greeting = connection.answer("waiting for HELO", deadline, limit, settings, env)?;
            let ping = Ping::new(settings, &answer::helo(&greeting)?, env);
            connection
                .stream
                .write_all(&ping.message)
                .map_err(|error| broken(&error, "sending PING", limit))?;
            let verdict = connection.answer("waiting for PONG", deadline, limit, settings, env);
            // Fluent Bit closes without a word where Fluentd sends a PONG that says why
            let verdict = verdict.map_err(|error| match error {
                ForwardError::Lost { reason, .. } => ForwardError::Handshake {
                    reason: format!("{reason} at PING: it does not accept shared_key, username or password"),
                },
                other => other,
            })?;
            ping.check(settings, &answer::pong(&verdict)?)?;
        }
        Ok(connection)
    }

    /// False when a kept connection cannot be used any more.
    pub(super) fn is_usable(&self) -> bool {
        self.buffer.is_empty() && stream::is_idle(&self.stream)
    }

    /// Watches for `time` whether the server closes the connection, or says what nobody asked for.
    pub(super) fn stays_open(&mut self, time: Duration) -> bool {
        self.stream.set_deadline(Instant::now() + time.max(Duration::from_millis(1)));
        loop {
            match self.stream.read(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // nothing came
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return self.buffer.is_empty();
                }
                Ok(_) | Err(_) => return false,
            }
        }
    }

    /// Sends a chunk and waits for its ack. After an error the connection must not be used again.
    pub(super) fn send(
        &mut self,
        chunk: &ForwardChunk,
        settings: &ForwardSettings,
        env: &dyn Env,
    ) -> Result<(), ForwardError> {
        self.stream.set_deadline(Instant::now() + settings.write_timeout);
        self.stream
            .write_all(chunk.message())
            .map_err(|error| broken(&error, "sending a chunk", settings.write_timeout))?;
        let limit = settings.ack_timeout;
        let answer = self.answer("waiting for the ack", Instant::now() + limit, limit, settings, env)?;
        let got = answer::ack(&answer)?;
        if got == chunk.id().as_bytes() {
            self.proven = true;
            return Ok(());
        }
        Err(ForwardError::WrongAck)
    }

    /// Reads one whole msgpack value.
    fn answer(
        &mut self,
        what: &'static str,
        deadline: Instant,
        limit: Duration,
        settings: &ForwardSettings,
        env: &dyn Env,
    ) -> Result<Vec<u8>, ForwardError> {
        let mut deadline = deadline;
        let mut stopping = false;
        self.stream.set_deadline(deadline);
        loop {
            if let Some(len) = answer::whole(&self.buffer)? {
                let rest = self.buffer.split_off(len);
                return Ok(core::mem::replace(&mut self.buffer, rest));
            }
            if !stopping && env.stopping() {
                stopping = true;
                deadline = deadline.min(Instant::now() + settings.stop_grace);
                self.stream.set_deadline(deadline);
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(ForwardError::Lost { what, reason: "closed by the server".to_owned() }),
                Ok(count) => self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut && stopping => {
                    return Err(ForwardError::Stopped);
                }
                Err(error) => return Err(broken(&error, what, limit)),
            }
        }
    }
}

fn broken(error: &io::Error, what: &'static str, limit: Duration) -> ForwardError {
    match error.kind() {
        ErrorKind::TimedOut => ForwardError::TimedOut { what, limit },
        _ => ForwardError::Lost { what, reason: error.to_string() },
    }
}
