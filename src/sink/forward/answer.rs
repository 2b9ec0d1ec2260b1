//! What a server may say: HELO, PONG, ack. Everything else is refused within a fixed bound.
//!
//! Two passes: [`whole`] tells whether a complete value lies in the buffer ("need more bytes" and "bad bytes"
//! are different outcomes), serde then reads complete values only.

use core::fmt;

use rmp::Marker;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use thiserror::Error;

/// Most bytes of one answer. The longest real one, a PONG, has some 300.
pub(super) const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Deepest nesting that is followed; real answers have two levels.
const MAX_DEPTH: usize = 8;

/// Why an answer is not what the protocol wants.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(super) enum AnswerError {
    /// A byte that starts no msgpack value, or nesting without sense.
    #[error("the answer is no msgpack of the forward protocol (first bytes: {first})")]
    NotMsgpack {
        /// The first bytes, escaped.
        first: String,
    },
    /// The answer does not end.
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// msgpack, but not what is due.
    #[error("{wanted} was due, the server sent {got}")]
    Unexpected {
        /// What was due.
        wanted: &'static str,
        /// What came.
        got: &'static str,
    },
}

/// Length of the first value in `bytes`, `None` while it is not complete.
pub(super) fn whole(bytes: &[u8]) -> Result<Option<usize>, AnswerError> {
    let mut cursor = AnswerReader { bytes, at: 0 };
    match skip(&mut cursor, 0) {
        Ok(()) if cursor.at <= MAX_ANSWER_BYTES => Ok(Some(cursor.at)),
        Err(Skip::More) if bytes.len() < MAX_ANSWER_BYTES => Ok(None),
        Ok(()) | Err(Skip::More) => Err(AnswerError::TooLong),
        Err(Skip::Bad) => Err(AnswerError::NotMsgpack {
            first: bytes.get(..16).unwrap_or(bytes).escape_ascii().to_string(),
        }),
    }
}

enum Skip {
    More,
    Bad,
}

struct AnswerReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> AnswerReader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Skip> {
        let end = self.at.checked_add(len).ok_or(Skip::Bad)?;
        let taken = self.bytes.get(self.at..end).ok_or(Skip::More)?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, width: usize) -> Result<usize, Skip> {
        Ok(self.take(width)?.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn marker(&mut self) -> Result<Marker, Skip> {
        Ok(Marker::from_u8(self.number(1)? as u8))
    }
}

/// Elements of an array (a map counts keys and values), or the payload length of anything else.
enum Extent {
    Items(usize),
    Bytes(usize),
}

fn extent(cursor: &mut AnswerReader<'_>) -> Result<Extent, Skip> {
    Ok(match cursor.marker()? {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
            Extent::Bytes(0)
        }
        Marker::U8 | Marker::I8 => Extent::Bytes(1),
        Marker::U16 | Marker::I16 | Marker::FixExt1 => Extent::Bytes(2),
        Marker::FixExt2 => Extent::Bytes(3),
        Marker::U32 | Marker::I32 | Marker::F32 => Extent::Bytes(4),
        Marker::FixExt4 => Extent::Bytes(5),
        Marker::U64 | Marker::I64 | Marker::F64 => Extent::Bytes(8),
        Marker::FixExt8 => Extent::Bytes(9),
        Marker::FixExt16 => Extent::Bytes(17),
        Marker::FixStr(len) => Extent::Bytes(len.into()),
        Marker::Str8 | Marker::Bin8 => Extent::Bytes(cursor.number(1)?),
        Marker::Str16 | Marker::Bin16 => Extent::Bytes(cursor.number(2)?),
        Marker::Str32 | Marker::Bin32 => Extent::Bytes(cursor.number(4)?),
        Marker::Ext8 => Extent::Bytes(cursor.number(1)? + 1),
        Marker::Ext16 => Extent::Bytes(cursor.number(2)? + 1),
        Marker::Ext32 => Extent::Bytes(cursor.number(4)?.saturating_add(1)),
        Marker::FixArray(len) => Extent::Items(len.into()),
        Marker::Array16 => Extent::Items(cursor.number(2)?),
        Marker::Array32 => Extent::Items(cursor.number(4)?),
        Marker::FixMap(len) => Extent::Items(usize::from(len) * 2),
        Marker::Map16 => Extent::Items(cursor.number(2)? * 2),
        Marker::Map32 => Extent::Items(cursor.number(4)?.saturating_mul(2)),
        Marker::Reserved => return Err(Skip::Bad),
    })
}

fn skip(cursor: &mut AnswerReader<'_>, depth: usize) -> Result<(), Skip> {
    match extent(cursor)? {
        Extent::Bytes(len) => cursor.take(len).map(drop),
        Extent::Items(_) if depth >= MAX_DEPTH => Err(Skip::Bad),
        Extent::Items(count) => (0..count).try_for_each(|_| skip(cursor, depth + 1)),
    }
}

/// str or bin: Fluent Bit sends raw bytes as str, Fluentd as bin. Nil, which a server that refuses may send, is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Text<'a>(&'a [u8]);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("str, bin or nil")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.as_bytes()))
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(bytes))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Text<'de>, E> {
                Ok(Text(b""))
            }
        }
        deserializer.deserialize_any(Bytes)
    }
}

/// Reads one complete value.
fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Option<T> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(answer);
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer).ok()
}

/// What something is that was not due.
fn unexpected(wanted: &'static str, answer: &[u8]) -> AnswerError {
    let got = match answer.first().map(|&first| Marker::from_u8(first)) {
        Some(Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32) => "a text",
        Some(Marker::Bin8 | Marker::Bin16 | Marker::Bin32) => "a text",
        Some(Marker::True | Marker::False) => "a bool",
        Some(Marker::FixArray(_) | Marker::Array16 | Marker::Array32) => "another message",
        Some(Marker::FixMap(_) | Marker::Map16 | Marker::Map32) => "another map",
        Some(_) => "a number or nil",
        None => "nothing",
    };
    AnswerError::Unexpected { wanted, got }
}

/// `{"ack": id}`, among other keys.
#[derive(Deserialize)]
struct Ack<'a> {
    #[serde(borrow)]
    ack: Text<'a>,
}

/// The chunk id that an ack repeats.
pub(super) fn ack(answer: &[u8]) -> Result<&[u8], AnswerError> {
    let wanted = "an ack";
    if let Some(Ack { ack }) = read(answer) {
        return Ok(ack.0);
    }
    if helo(answer).is_ok() {
        let got = "HELO: it wants a shared_key, none is configured here";
        return Err(AnswerError::Unexpected { wanted, got });
    }
    Err(unexpected(wanted, answer))
}

/// The server's greeting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Helo<'a> {
    /// Raw random bytes, not text.
    pub(super) nonce: &'a [u8],
    /// Salt of the password digest; non-empty even where users are off.
    pub(super) auth: &'a [u8],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeloOptions<'a> {
    #[serde(borrow)]
    nonce: Text<'a>,
    #[serde(borrow)]
    auth: Text<'a>,
}

/// Reads `["HELO", {"nonce": N, "auth": A, ...}]`.
pub(super) fn helo(answer: &[u8]) -> Result<Helo<'_>, AnswerError> {
    match read::<(Text<'_>, HeloOptions<'_>)>(answer) {
        Some((Text(b"HELO"), options)) => Ok(Helo { nonce: options.nonce.0, auth: options.auth.0 }),
        _ => Err(unexpected("HELO", answer)),
    }
}

/// The server's verdict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pong<'a> {
    pub(super) accepted: bool,
    pub(super) reason: &'a [u8],
    pub(super) hostname: &'a [u8],
    /// Lower-case hex.
    pub(super) digest: &'a [u8],
}

/// Reads `["PONG", ok, reason, hostname, digest]`.
pub(super) fn pong(answer: &[u8]) -> Result<Pong<'_>, AnswerError> {
    match read::<(Text<'_>, bool, Text<'_>, Text<'_>, Text<'_>)>(answer) {
        Some((Text(b"PONG"), accepted, reason, hostname, digest)) => {
            Ok(Pong { accepted, reason: reason.0, hostname: hostname.0, digest: digest.0 })
        }
        _ => Err(unexpected("PONG", answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_an_answer_needs_more_and_garbage_does_not_wait() {
        let answer = b"\x81\xa3ack\xa4abcd";
        for cut in 0..answer.len() {
            assert_eq!(whole(&answer[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(whole(answer), Ok(Some(answer.len())));
        assert!(matches!(whole(b"\xc1HTTP"), Err(AnswerError::NotMsgpack { .. })));
        assert!(matches!(whole(&[0x91; 20]), Err(AnswerError::NotMsgpack { .. })));
    }

    #[test]
    fn an_answer_that_claims_gigabytes_is_cut_at_the_bound() {
        let mut answer = vec![0xdb, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(whole(&answer), Ok(None));
        answer.resize(MAX_ANSWER_BYTES, b'x');
        assert_eq!(whole(&answer), Err(AnswerError::TooLong));
    }

    #[test]
    fn text_of_another_protocol_is_no_ack() {
        // 'H' is the number 72
        assert_eq!(whole(b"HTTP/1.1 400"), Ok(Some(1)));
        assert_eq!(ack(b"H"), Err(AnswerError::Unexpected { wanted: "an ack", got: "a number or nil" }));
        assert!(ack(b"\x92\xa4HELO\x80").unwrap_err().to_string().contains("shared_key"));
        assert!(ack(b"\x80").is_err());
        assert!(ack(b"\x81\xa3ack\x01").is_err());
    }

    #[test]
    fn an_ack_is_found_among_other_keys_as_str_or_bin() {
        assert_eq!(ack(b"\x83\xa1a\x92\x01\x02\xa3ack\xa2id\xa1z\xc0"), Ok(&b"id"[..]));
        assert_eq!(ack(b"\x81\xa3ack\xc4\x02id"), Ok(&b"id"[..]));
    }

    #[test]
    fn a_server_that_refuses_may_leave_the_rest_nil() {
        let refused = b"\x95\xa4PONG\xc2\xa2no\xc0\xc0";
        let expected = Pong { accepted: false, reason: b"no", hostname: b"", digest: b"" };
        assert_eq!(pong(refused), Ok(expected));
        assert_eq!(pong(b"\x95\xa4PONG\x01\xa0\xa0\xa0\xa0").unwrap_err(), unexpected("PONG", b"\x95"));
        assert!(
            helo(b"\x92\xa4PING\x80").unwrap_err().to_string().contains("the server sent another message")
        );
        assert!(helo(b"\xc3").unwrap_err().to_string().contains("a bool"));
    }

    #[test]
    fn nonce_is_bytes_whether_str_or_bin() {
        let fluent_bit = b"\x92\xa4HELO\x82\xa5nonce\xa3\xff\x00\xfe\xa4auth\xa2\x80\x81";
        let fluentd =
            b"\x92\xa4HELO\x83\xa5nonce\xc4\x03\xff\x00\xfe\xa4auth\xc4\x02\x80\x81\xa9keepalive\xc3";
        for answer in [&fluent_bit[..], fluentd] {
            assert_eq!(whole(answer), Ok(Some(answer.len())));
            assert_eq!(helo(answer), Ok(Helo { nonce: b"\xff\x00\xfe", auth: b"\x80\x81" }));
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(len)) = whole(&bytes) {
                prop_assert!(len <= bytes.len());
                let _ = (ack(&bytes[..len]), helo(&bytes[..len]).is_ok(), pong(&bytes[..len]).is_ok());
            }
        }
    }
}
