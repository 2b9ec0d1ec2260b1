//! Compressed bodies: gzip and zstd, one member or several, never larger than allowed.

use std::io::Read;

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::frame_error::FrameError;
use super::messages::Text;

/// Most bytes back that a zstd frame may refer to: a decoder keeps them besides the body. RFC 8878 asks decoders for so many,
/// and no level below `--ultra` uses more.
const WINDOW: u64 = 8 << 20;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Gzip,
    Zstd,
}

/// The method that an option names; `None`: not packed.
pub(super) fn method(compressed: Option<&Text>) -> Result<Option<Method>, FrameError> {
    match compressed.map(|text| &text.bytes[..]) {
        None | Some(b"text" | b"") => Ok(None),
        Some(b"gzip") => Ok(Some(Method::Gzip)),
        Some(b"zstd") => Ok(Some(Method::Zstd)),
        Some(given) => Err(FrameError::Compression {
            given: String::from_utf8_lossy(given.get(..40).unwrap_or(given)).into_owned(),
        }),
    }
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The body; `limit` bounds its bytes, however small it is packed.
    pub(super) fn unpack(self, packed: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        let failed = |why: String| FrameError::Packed { how: self.name(), why };
        let mut body = Vec::new();
        match self {
            Self::Gzip => {
                take(flate2::read::MultiGzDecoder::new(packed), limit, &mut body).map_err(failed)?
            }
            Self::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(WINDOW);
                let mut rest = packed;
                while !rest.is_empty() {
                    let frame = StreamingDecoder::new_with_decoder(&mut rest, &mut decoder)
                        .map_err(|error| failed(error.to_string()))?;
                    take(frame, limit - body.len(), &mut body).map_err(failed)?;
                }
            }
        }
        Ok(body)
    }
}

fn take(from: impl Read, limit: usize, body: &mut Vec<u8>) -> Result<(), String> {
    let before = body.len();
    let read = from.take(limit as u64 + 1).read_to_end(body).map_err(|error| error.to_string())?;
    debug_assert_eq!(read, body.len() - before);
    if read > limit { Err(format!("the body has more than {limit} bytes (max_frame_mb)")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of blocks that repeat one byte 128 KiB long each, as long as its header says that it refers back.
    fn bomb(window_exponent: u8, blocks: usize) -> Vec<u8> {
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window_exponent << 3];
        let block = |is_last: bool| (128 << 10) << 3 | 1 << 1 | u32::from(is_last);
        for n in 1..=blocks {
            frame.extend_from_slice(&block(n == blocks).to_le_bytes()[..3]);
            frame.push(b'x');
        }
        frame
    }

    #[test]
    fn a_frame_that_refers_far_back_is_refused_before_anything_is_unpacked() {
        // windows of 8 MiB, 16 MiB, 1 TiB; the content is as small as a bomb's is large
        assert_eq!(Method::Zstd.unpack(&bomb(13, 4), 1 << 20), Ok(vec![b'x'; 512 << 10]));
        for exponent in [14, 30] {
            let error = Method::Zstd.unpack(&bomb(exponent, 4), 1 << 20).unwrap_err().to_string();
            assert!(error.contains("indow"), "{error}");
        }
    }

    #[test]
    fn a_body_larger_than_allowed_is_refused_at_the_bound() {
        for window in [10, 13] {
            let error = Method::Zstd.unpack(&bomb(window, 1000), 1 << 20).unwrap_err().to_string();
            assert!(error.contains("more than 1048576 bytes"), "{error}");
        }
        // frames one behind the other count together
        let frames = [bomb(13, 5), bomb(13, 5)].concat();
        assert!(Method::Zstd.unpack(&frames, 1 << 20).is_err());
        assert_eq!(Method::Zstd.unpack(&frames, 2 << 20).unwrap().len(), 10 * (128 << 10));
    }
}
