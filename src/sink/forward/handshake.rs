//! The shared-key handshake: HELO, PING, PONG.

use super::answer::{Helo, Pong};
use super::settings::ForwardSettings;
use crate::companion::{Env, hex_sha512};
use rmp::encode::{write_array_len, write_str};
use thiserror::Error;

/// Why the two sides do not trust each other.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(super) enum HandshakeError {
    #[error("the server refuses: {reason}")]
    Refused { reason: String },
    #[error("the server's digest is wrong: it does not know the shared_key")]
    Digest,
    #[error(
        "the server calls itself `{hostname}` as this client does: give one of them another self_hostname"
    )]
    SameHostname { hostname: String },
}

/// PING for a greeting, with what is needed to check its PONG.
#[derive(Debug)]
pub(super) struct Ping {
    /// The message.
    pub(super) message: Vec<u8>,
    salt: String,
    nonce: Vec<u8>,
}

impl Ping {
    pub(super) fn new(settings: &ForwardSettings, helo: &Helo<'_>, env: &dyn Env) -> Self {
        let salt = format!("{:016x}{:016x}", env.random(), env.random());
        let key = settings.shared_key.as_ref().map_or("", |key| key.expose());
        let hostname = settings.self_hostname.as_str();
        let digest = hex_sha512(&[salt.as_bytes(), hostname.as_bytes(), helo.nonce, key.as_bytes()]);
        let password =
            hex_sha512(&[helo.auth, settings.username.as_bytes(), settings.password.expose().as_bytes()]);
        let mut message = Vec::with_capacity(512);
        // writing to a Vec cannot fail
        let _ = write_array_len(&mut message, 6);
        for text in ["PING", hostname, &salt, &digest, &settings.username, &password] {
            let _ = write_str(&mut message, text);
        }
        Self { message, salt, nonce: helo.nonce.to_vec() }
    }

    /// Checks the server's answer.
    pub(super) fn check(&self, settings: &ForwardSettings, pong: &Pong<'_>) -> Result<(), HandshakeError> {
        let key = settings.shared_key.as_ref().map_or("", |key| key.expose());
        if !pong.accepted {
            let reason = settings.scrub(&String::from_utf8_lossy(pong.reason));
            return Err(HandshakeError::Refused { reason: reason.chars().take(200).collect() });
        }
        if pong.hostname == settings.self_hostname.as_bytes() {
            return Err(HandshakeError::SameHostname { hostname: settings.self_hostname.clone() });
        }
        let wanted = hex_sha512(&[self.salt.as_bytes(), pong.hostname, &self.nonce, key.as_bytes()]);
        if wanted.as_bytes() == pong.digest { Ok(()) } else { Err(HandshakeError::Digest) }
    }
}
