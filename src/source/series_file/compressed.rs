//! gzip and zstd.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::error::SeriesFileError;

/// Most bytes that a packed file may become: what a file of some bytes may cost in memory.
const LONGEST: u64 = 4 << 30;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// First bytes of files that are not read, what they are, and how they become what is read.
const OTHERS: [(&[u8], &str, &str); 7] = [
    (b"BZh", "packed with bzip2", "unpack it first: `bzip2 -dk` does"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it first: `xz -dk` does"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (b"7z\xbc\xaf", "packed with 7-Zip", "unpack it first"),
    (b"PAR1", "Parquet", "export it as CSV or JSON lines"),
    (b"SQLite format 3\0", "a database of SQLite", "export a table as CSV: `sqlite3 -csv -header` does"),
    (b"%PDF", "PDF", "what it was made of is wanted: CSV, JSON lines, a log"),
];

/// What a file is that is not read, and what to do about it; `None` of all others.
#[must_use]
pub fn other_kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    OTHERS.iter().find(|(begin, ..)| bytes.starts_with(begin)).map(|(_, what, advice)| (*what, *advice))
}

/// The bytes, unpacked where they are packed.
///
/// # Errors
/// [`SeriesFileError::Packed`] when they begin as packed bytes do and are none, [`SeriesFileError::OtherKind`] of what is
/// packed by other programs.
pub fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, SeriesFileError> {
    if let Some((what, advice)) = other_kind(bytes) {
        return Err(SeriesFileError::OtherKind { what, advice });
    }
    let what = match bytes {
        _ if bytes.starts_with(GZIP) => "gzip",
        _ if bytes.starts_with(ZSTD) => "zstd",
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    let failed = |why: String| SeriesFileError::Packed { what, why };
    let from: Box<dyn Read> = match what {
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        _ => Box::new(ZstdFrames::new(bytes)),
    };
    let mut unpacked = Vec::new();
    match from.take(LONGEST).read_to_end(&mut unpacked) {
        Ok(read) if (read as u64) < LONGEST => Ok(Cow::Owned(unpacked)),
        Ok(_) => Err(failed(format!("it holds more than {LONGEST} bytes"))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The program that unpacks such bytes.
pub(super) fn command(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        _ if bytes.starts_with(GZIP) => Some("zcat"),
        _ if bytes.starts_with(ZSTD) => Some("zstdcat"),
        _ => None,
    }
}

/// A stream, unpacked as it comes where it begins as gzip or zstd; any other stream as it is.
///
/// # Errors
/// What the stream's first read says.
pub fn unpacking(mut from: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut head = Vec::new();
    // a short piece is waited upon only as long as it could be the begin of a packed stream
    while head.is_empty()
        || (head.len() < ZSTD.len() && [GZIP, ZSTD].iter().any(|mark| mark.starts_with(&head)))
    {
        let mut byte = [0];
        match from.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => head.extend(byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let (is_gzip, is_zstd) = (head.starts_with(GZIP), head.starts_with(ZSTD));
    let whole = Cursor::new(head).chain(from);
    Ok(match (is_gzip, is_zstd) {
        (true, _) => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        (_, true) => Box::new(ZstdFrames::new(whole)),
        _ => Box::new(whole),
    })
}

type Frame<R> = ruzstd::decoding::StreamingDecoder<BufReader<R>, ruzstd::decoding::FrameDecoder>;

/// zstd frames one behind the other, as `cat a.zst b.zst` makes them.
struct ZstdFrames<R: Read> {
    frame: Option<Frame<R>>,
    between: Option<BufReader<R>>,
}

impl<R: Read> ZstdFrames<R> {
    fn new(from: R) -> Self {
        Self { frame: None, between: Some(BufReader::new(from)) }
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(out)?;
                if count > 0 || out.is_empty() {
                    return Ok(count);
                }
                self.between = self.frame.take().map(Frame::into_inner);
            }
            let Some(mut between) = self.between.take() else { return Ok(0) };
            if between.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(Frame::new(between).map_err(io::Error::other)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn pieces_that_were_packed_one_behind_the_other_are_one_file() {
        for packed in [[gzip(b"a\n"), gzip(b"b\n")].concat(), [zstd(b"a\n"), zstd(b"b\n")].concat()] {
            assert_eq!(unpack(&packed).unwrap().as_ref(), b"a\nb\n");
            let mut streamed = Vec::new();
            unpacking(Cursor::new(packed)).unwrap().read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, b"a\nb\n");
        }
    }

    #[test]
    fn a_stream_that_is_not_packed_comes_as_it_is() {
        for text in [&b""[..], b"(", b"\x1f", b"\x28\xb5", b"{\"a\":1}\n"] {
            let mut streamed = Vec::new();
            unpacking(Cursor::new(text.to_vec())).unwrap().read_to_end(&mut streamed).unwrap();
            assert_eq!(streamed, text);
        }
    }

    #[test]
    fn what_other_programs_packed_is_told_with_what_to_do() {
        let error = unpack(b"BZh91AY&SY").unwrap_err().to_string();
        assert_eq!(error, "the file is packed with bzip2: unpack it first: `bzip2 -dk` does");
        assert!(unpack(b"PK\x03\x04xl").unwrap_err().to_string().contains("save the sheet as CSV"));
    }

    #[test]
    fn a_torn_file_is_an_error() {
        for packed in [gzip(b"some text that is cut"), zstd(b"some text that is cut")] {
            let error = unpack(&packed[..packed.len() - 6]).unwrap_err().to_string();
            assert!(error.contains("cannot be unpacked"), "{error}");
        }
    }
}
