//! gzip and zstd.

use std::borrow::Cow;
use std::io::Read;

use super::error::SeriesFileError;

/// Most bytes that a packed file may become: what a file of some bytes may cost in memory.
const LONGEST: u64 = 4 << 30;

/// The bytes, unpacked where they are packed.
pub(super) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, SeriesFileError> {
    match bytes {
        [0x1f, 0x8b, ..] => all("gzip", flate2::read::MultiGzDecoder::new(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let failed = |why: String| SeriesFileError::Packed { what: "zstd", why };
            let decoder =
                ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| failed(error.to_string()))?;
            all("zstd", decoder)
        }
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

fn all(what: &'static str, from: impl Read) -> Result<Cow<'static, [u8]>, SeriesFileError> {
    let mut bytes = Vec::new();
    let read = from.take(LONGEST).read_to_end(&mut bytes);
    match read {
        Ok(read) if (read as u64) < LONGEST => Ok(Cow::Owned(bytes)),
        Ok(_) => Err(SeriesFileError::Packed { what, why: format!("it holds more than {LONGEST} bytes") }),
        Err(error) => Err(SeriesFileError::Packed { what, why: error.to_string() }),
    }
}
