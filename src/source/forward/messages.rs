//! What the two sides say besides events: options, acks, HELO, PING.

use core::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// Containers within an option or a PING that are followed.
const MAX_DEPTH: usize = 16;

/// str or bin: clients write either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// It came as bin, and goes back as bin.
    pub is_bin: bool,
}

/// The id of a chunk, which its ack repeats.
pub type ChunkId = Text;

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) if !self.is_bin => serializer.serialize_str(text),
            _ => serializer.serialize_bytes(&self.bytes),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("str or bin")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text { bytes: text.as_bytes().to_vec(), is_bin: false })
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text { bytes: bytes.to_vec(), is_bin: true })
    }
}

/// The option map of a message. Keys that are not known here are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Options {
    pub(super) chunk: Option<Text>,
    pub(super) compressed: Option<Text>,
    /// 0: logs, 1: metrics, 2: traces.
    pub(super) fluent_signal: Option<u64>,
}

/// `{"ack": id}`.
#[derive(Debug, Serialize)]
pub(super) struct Ack<'a> {
    pub(super) ack: &'a ChunkId,
}

/// Second element of HELO. Texts and not bytes: every client takes a str, and not each one a bin.
#[derive(Debug, Serialize)]
pub(super) struct HeloOptions<'a> {
    pub(super) nonce: &'a str,
    pub(super) auth: &'a str,
    pub(super) keepalive: bool,
}

/// `["PING", hostname, salt, digest, username, password digest]`.
#[derive(Debug, Deserialize)]
pub(super) struct Ping(
    pub(super) Text,
    pub(super) Text,
    pub(super) Text,
    pub(super) Text,
    pub(super) Text,
    pub(super) Text,
);

/// Reads one message.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, rmp_serde::decode::Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer)
}

/// Writes one message, maps with the names of their fields.
pub(super) fn write(message: &impl Serialize) -> Vec<u8> {
    // writing to a Vec cannot fail, and no message has an unknown length
    rmp_serde::to_vec_named(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_whatever_stands_beside_them() {
        let options: Options = read(
            b"\x85\xa5chunk\xa2id\xa4size\x07\xaacompressed\xa4gzip\xa1x\x92\x01\xd7\x00\0\0\0\0\0\0\0\0\xadfluent_signal\x00",
        )
        .unwrap();
        assert_eq!(options.chunk, Some(Text { bytes: b"id".to_vec(), is_bin: false }));
        assert_eq!(options.compressed.unwrap().bytes, b"gzip");
        assert_eq!(options.fluent_signal, Some(0));
        assert!(read::<Options>(b"\x80").unwrap().chunk.is_none());
        assert!(read::<Options>(b"\x81\xa5chunk\x07").is_err());
    }

    #[test]
    fn an_ack_repeats_the_id_in_the_form_in_which_it_came() {
        for (id, ack) in [
            (&b"\xa2id"[..], &b"\x81\xa3ack\xa2id"[..]),
            (b"\xc4\x02id", b"\x81\xa3ack\xc4\x02id"),
            (b"\xa2\xff\xfe", b"\x81\xa3ack\xc4\x02\xff\xfe"),
        ] {
            assert_eq!(write(&Ack { ack: &read(id).unwrap() }), ack);
        }
    }
}
