//! Compressed bodies: gzip and zstd, one member or several, never larger than allowed.

use std::io::Read;

use super::frame_error::FrameError;
use super::messages::Text;

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
                let mut rest = packed;
                while !rest.is_empty() {
                    let decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest)
                        .map_err(|error| failed(error.to_string()))?;
                    take(decoder, limit - body.len(), &mut body).map_err(failed)?;
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
