//! One message of a client -> a chunk: Message, Forward, PackedForward, CompressedPackedForward.

use super::chunk::IncomingChunk;
use super::frame_error::FrameError;
use super::messages::Options;
use super::unpack;
use crate::record::msgpack::head::{self, Body};
use crate::record::msgpack::object_len;

/// Containers in a message that stand in each other. Records may be nested to 1024 levels, within an array or two.
pub(super) const MAX_DEPTH: usize = 1028;

/// Reads a whole message. `None`: nil, which some clients send to keep a connection open. An unpacked body has at most
/// `max_body` bytes; before it is unpacked, `may_unpack` is asked for as many.
///
/// # Errors
/// [`FrameError`].
pub fn read_frame(
    frame: Vec<u8>,
    max_body: usize,
    may_unpack: impl FnOnce(usize) -> bool,
) -> Result<Option<IncomingChunk>, FrameError> {
    let bad = FrameError::NotAMessage;
    let outer = head::read(&frame).map_err(|_| bad("it is cut"))?;
    let elements = match outer.body {
        Body::Nil => return Ok(None),
        Body::Array(elements @ 2..) => elements,
        _ => return Err(bad("an array [tag, ...] is wanted")),
    };
    let whole = |at: usize| -> Result<usize, FrameError> {
        let rest = frame.get(at..).unwrap_or_default();
        let len = object_len(rest).map_err(|error| FrameError::BadBytes(error.to_string()))?;
        Ok(at + len.ok_or(bad("it is cut"))?)
    };
    let tag = head::read(frame.get(outer.start..).unwrap_or_default()).map_err(|_| bad("it is cut"))?;
    if !matches!(tag.body, Body::Text) {
        return Err(bad("the tag, a str, stands first"));
    }
    let text = frame.get(outer.start + tag.start..outer.start + tag.end).unwrap_or_default();
    let name = String::from_utf8_lossy(text).into_owned();
    let second = outer.start + tag.end;
    let body = head::read(frame.get(second..).unwrap_or_default()).map_err(|_| bad("it is cut"))?;
    let (options_at, options_index) = match body.body {
        Body::Array(_) | Body::Text => (whole(second)?, 2),
        _ if elements < 3 => return Err(bad("a record stands behind a time")),
        _ => (whole(whole(second)?)?, 3),
    };
    let options =
        if elements > options_index { read_options(&frame, options_at)? } else { Options::default() };
    if let Some(given @ 1..) = options.fluent_signal {
        return Err(FrameError::Signal { given });
    }
    let mut chunk = match body.body {
        Body::Text => {
            let packed = second + body.start..second + body.end;
            match unpack::method(options.compressed.as_ref())? {
                Some(_) if !may_unpack(max_body) => return Err(FrameError::NoMemory { bytes: max_body }),
                Some(method) => {
                    let packed = frame.get(packed).unwrap_or_default();
                    IncomingChunk::from_entries(name, method.unpack(packed, max_body)?)
                }
                None => {
                    let mut bytes = frame;
                    bytes.truncate(packed.end);
                    IncomingChunk::of_entries(name, bytes, packed.start, usize::MAX)
                }
            }
        }
        Body::Array(count) => {
            let mut bytes = frame;
            bytes.truncate(options_at);
            IncomingChunk::of_entries(name, bytes, second + body.start, count as usize)
        }
        _ => IncomingChunk::of_message(name, frame, second),
    };
    chunk.id = options.chunk;
    Ok(Some(chunk))
}

fn read_options(frame: &[u8], at: usize) -> Result<Options, FrameError> {
    match frame.get(at..).unwrap_or_default() {
        // old clients of Docker send nil
        [0xc0, ..] => Ok(Options::default()),
        bytes => Options::read(bytes).map_err(FrameError::NotAMessage),
    }
}
