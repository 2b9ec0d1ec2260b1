//! The shared-key handshake, server side: HELO, PING, PONG.

use thiserror::Error;

use super::messages::{self, HeloOptions, Ping};
use crate::companion::hex_sha512;
use crate::config::secret::Secret;

/// Most bytes of a PING; a real one has some 400.
pub(super) const MAX_PING: usize = 16 << 10;

/// What clients have to know.
#[derive(Debug, Clone)]
pub struct ServerSecurity {
    /// The shared key.
    pub shared_key: Secret,
    /// Users with their passwords; nobody: whoever knows the key.
    pub users: Vec<(String, Secret)>,
    /// How this server calls itself.
    pub self_hostname: String,
}

/// Why a client is turned away. The text names no secret and nothing that the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum HandshakeError {
    #[error(
        "handshake: PING was due, something else came: the client has no shared_key, or speaks another protocol"
    )]
    NoPing,
    #[error("handshake: shared_key mismatch")]
    SharedKey,
    #[error("handshake: username/password mismatch")]
    User,
    #[error("handshake: the client calls itself as this server does: give one of them another self_hostname")]
    SameHostname,
    #[error("handshake: no source of random numbers")]
    NoRandom,
}

/// A greeting, with what is needed to check its PING.
#[derive(Debug)]
pub(super) struct Greeting<'a> {
    security: &'a ServerSecurity,
    nonce: String,
    auth: String,
    /// HELO.
    pub(super) message: Vec<u8>,
}

impl<'a> Greeting<'a> {
    pub(super) fn new(security: &'a ServerSecurity) -> Result<Self, HandshakeError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|_| HandshakeError::NoRandom)?;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (nonce, auth) = random.split_at(16);
        let (nonce, auth) = (hex(nonce), hex(auth));
        let message = messages::write(&("HELO", HeloOptions { nonce: &nonce, auth: &auth, keepalive: true }));
        Ok(Self { security, nonce, auth, message })
    }

    /// PONG for a PING, and whether the client may send.
    pub(super) fn answer(&self, ping: &[u8]) -> (Vec<u8>, Result<(), HandshakeError>) {
        let Ok(ping) = messages::read::<Ping>(ping) else { return self.refuse(HandshakeError::NoPing) };
        let Ping(word, hostname, salt, digest, user, password) = ping;
        if word.bytes != b"PING" {
            return self.refuse(HandshakeError::NoPing);
        }
        let (key, own) = (self.security.shared_key.expose().as_bytes(), &self.security.self_hostname);
        let nonce = self.nonce.as_bytes();
        let wanted = hex_sha512(&[&salt.bytes, &hostname.bytes, nonce, key]);
        if !is_same(&digest.bytes, wanted.as_bytes()) {
            return self.refuse(HandshakeError::SharedKey);
        }
        // Ruby's client refuses such a server without a word
        if hostname.bytes == own.as_bytes() {
            return self.refuse(HandshakeError::SameHostname);
        }
        if !self.security.users.is_empty() {
            let known = self.security.users.iter().find(|(name, _)| name.as_bytes() == user.bytes);
            // an unknown user costs as much time as a known one
            let secret = known.map_or("", |(_, secret)| secret.expose());
            let wanted = hex_sha512(&[self.auth.as_bytes(), &user.bytes, secret.as_bytes()]);
            if !is_same(&password.bytes, wanted.as_bytes()) || known.is_none() {
                return self.refuse(HandshakeError::User);
            }
        }
        let digest = hex_sha512(&[&salt.bytes, own.as_bytes(), nonce, key]);
        (messages::write(&("PONG", true, "", own, digest)), Ok(()))
    }

    fn refuse(&self, error: HandshakeError) -> (Vec<u8>, Result<(), HandshakeError>) {
        let reason = error.to_string();
        let reason = reason.strip_prefix("handshake: ").unwrap_or(&reason);
        (messages::write(&("PONG", false, reason, "", "")), Err(error))
    }
}

/// Compares without telling by its time how much was right.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
