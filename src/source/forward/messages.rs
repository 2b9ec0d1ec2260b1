//! What the two sides say besides events: options, acks, HELO, PING.

use core::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::record::msgpack::head::{self, Body};
use crate::record::msgpack::object_len;

/// Containers within a PING that are followed.
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

/// The option map of a message. Keys that are not known here are passed over; of several the last one counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) chunk: Option<Text>,
    pub(super) compressed: Option<Text>,
    /// 0: logs, 1: metrics, 2: traces.
    pub(super) fluent_signal: Option<u64>,
}

impl Options {
    /// Reads a map. An error says what is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let cut = "the options are cut";
        let head = head::read(bytes).map_err(|_| cut)?;
        let Body::Map(members) = head.body else { return Err("the options are a map") };
        let mut at = head.start;
        let mut next = || -> Result<&[u8], &'static str> {
            let rest = bytes.get(at..).unwrap_or_default();
            let len = object_len(rest).ok().flatten().ok_or(cut)?;
            at += len;
            Ok(rest.get(..len).unwrap_or_default())
        };
        let mut options = Self::default();
        for _ in 0..members {
            let (key, value) = (next()?, next()?);
            match text(key) {
                Some(b"chunk") => options.chunk = text_or_nil(value)?,
                Some(b"compressed") => options.compressed = text_or_nil(value)?,
                Some(b"fluent_signal") => {
                    options.fluent_signal = match head::read(value).map(|head| head.body) {
                        Ok(Body::Unsigned(number)) => Some(number),
                        Ok(Body::Nil) => None,
                        _ => return Err("fluent_signal is a number from 0 on"),
                    };
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The bytes of str or bin.
fn text(value: &[u8]) -> Option<&[u8]> {
    let head = head::read(value).ok().filter(|head| matches!(head.body, Body::Text))?;
    value.get(head.start..head.end)
}

fn text_or_nil(value: &[u8]) -> Result<Option<Text>, &'static str> {
    if value == [0xc0] {
        return Ok(None);
    }
    let bytes = text(value).ok_or("`chunk` and `compressed` are texts")?.to_vec();
    Ok(Some(Text { bytes, is_bin: matches!(value.first(), Some(0xc4..=0xc6)) }))
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
        let options = Options::read(
            b"\x85\xa5chunk\xa2id\xa4size\x07\xaacompressed\xa4gzip\xa1x\x92\x01\xd7\x00\0\0\0\0\0\0\0\0\xadfluent_signal\x00",
        )
        .unwrap();
        assert_eq!(options.chunk, Some(Text { bytes: b"id".to_vec(), is_bin: false }));
        assert_eq!(options.compressed.unwrap().bytes, b"gzip");
        assert_eq!(options.fluent_signal, Some(0));
        assert!(Options::read(b"\x80").unwrap().chunk.is_none());
    }

    #[test]
    fn keys_and_values_of_odd_kinds_are_passed_over_where_nobody_asks_for_them() {
        for (odd, is_read) in [
            // keys: a number, a float, nil, an array, bytes that are no UTF-8; a size that is a map
            (&b"\x00\xa2no"[..], true),
            (b"\xcb\0\0\0\0\0\0\0\0\x01", true),
            (b"\xc0\xc0", true),
            (b"\x92\x01\x02\x01", true),
            (b"\xa2\xff\xfe\x01", true),
            (b"\xa4size\x81\x01\x02", true),
            // nil where a text may stand
            (b"\xaacompressed\xc0", true),
            (b"\xadfluent_signal\xc0", true),
            // an earlier one of the same name
            (b"\xa5chunk\xa3old", true),
            (b"\xa5chunk\x07", false),
            (b"\xa5chunk\x91\xa2id", false),
            (b"\xaacompressed\xc3", false),
            (b"\xadfluent_signal\xff", false),
            (b"\xadfluent_signal\xa10", false),
            (b"\xa4size", false),
        ] {
            let read = Options::read(&[b"\x82", odd, b"\xa5chunk\xc4\x02id"].concat());
            let wanted =
                Options { chunk: Some(Text { bytes: b"id".to_vec(), is_bin: true }), ..Options::default() };
            assert_eq!(read.as_ref().ok(), is_read.then_some(&wanted), "{}: {read:?}", odd.escape_ascii());
        }
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
