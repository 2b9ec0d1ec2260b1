//! A stream of bytes -> records: JSON lines, an array of objects, objects over several lines, or msgpack maps one behind
//! the other. Which of them it is, the first bytes tell.

use fluent_anomaly::{Format, records::msgpack};

/// A longer record is passed on unread: what a stream without line ends may cost in memory.
const MAX_RECORD: usize = 64 << 20;

/// What comes next out of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextRecord {
    /// A whole record is in the buffer.
    Record,
    /// Bytes that are to be passed on as they are, and the first time, why.
    Through(Option<String>),
    /// The rest is incomplete.
    More,
}

/// Cuts a stream into records. Every byte that is pushed comes out again.
#[derive(Debug)]
pub(crate) struct RecordReader {
    format: Format,
    bytes: Vec<u8>,
    start: usize,
    /// Up to here no line end was found.
    searched: usize,
    ended: bool,
    /// JSON: until the next line end; msgpack: for good, since there is no telling where a map begins.
    passing: bool,
    /// What stood behind the last record.
    terminator: bool,
    /// JSON: how records are told apart.
    layout: Layout,
}

/// How JSON records stand in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Nothing has come yet that tells.
    Unknown,
    /// An array is over; what follows tells anew.
    AfterArray,
    /// One a line.
    Lines,
    /// `[{..}, {..}]`
    Array,
    /// Over several lines each, as they are printed for people.
    Spread,
}

impl RecordReader {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            bytes: Vec::new(),
            start: 0,
            searched: 0,
            ended: false,
            passing: false,
            terminator: false,
            layout: Layout::Unknown,
        }
    }

    /// Adds what was read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// No more will come: what is left is a record too.
    pub(crate) fn finish(&mut self) {
        self.ended = true;
    }

    /// Writes what stood between the last record and the next.
    pub(crate) fn end_of_record(&self, output: &mut Vec<u8>) {
        if self.terminator {
            output.push(b'\n');
        }
    }

    /// Puts the next piece into `record`.
    pub(crate) fn next(&mut self, record: &mut Vec<u8>) -> NextRecord {
        record.clear();
        match self.format {
            Format::Json => match self.layout {
                Layout::Unknown | Layout::AfterArray => self.begin(record),
                Layout::Lines => self.next_line(record),
                Layout::Array | Layout::Spread => self.next_object(record),
            },
            Format::Msgpack => self.next_map(record),
        }
    }

    fn take(&mut self, len: usize, record: &mut Vec<u8>) {
        record.extend_from_slice(&self.bytes[self.start..self.start + len]);
        self.start += len;
        self.searched = self.searched.max(self.start);
    }

    /// Looks at the first bytes.
    fn begin(&mut self, record: &mut Vec<u8>) -> NextRecord {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let bytes = &self.bytes[self.start..];
        if bytes.is_empty() || (MARK.starts_with(bytes) && bytes.len() < MARK.len() && !self.ended) {
            return NextRecord::More;
        }
        if bytes.starts_with(MARK) {
            self.take(MARK.len(), record);
            return NextRecord::Through(None);
        }
        let text = bytes.trim_ascii_start();
        let second = text.get(1..).unwrap_or_default().trim_ascii_start().first();
        let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_line_whole = first_line.len() < text.len();
        self.layout = match (text.first(), second) {
            // the end of the array's line
            (None, _) if self.layout == Layout::AfterArray => {
                self.take(bytes.len(), record);
                return NextRecord::Through(None);
            }
            (None, _) => return self.next_line(record),
            (Some(b'['), None) if !self.ended => return NextRecord::More,
            (Some(b'['), Some(b'{' | b']')) => Layout::Array,
            (Some(b'{'), _) if first_line.trim_ascii() == b"{" => {
                if !is_line_whole && !self.ended {
                    return NextRecord::More;
                }
                Layout::Spread
            }
            _ => Layout::Lines,
        };
        self.next(record)
    }

    /// The next object of an array, or of those that go over several lines; what stands between them passes through.
    fn next_object(&mut self, record: &mut Vec<u8>) -> NextRecord {
        self.terminator = false;
        let bytes = &self.bytes[self.start..];
        let Some(&first) = bytes.first() else { return NextRecord::More };
        if first != b'{' {
            let between = bytes.iter().take_while(|byte| byte.is_ascii_whitespace() || b"[,]".contains(byte));
            let len = between.count();
            if len > 0 {
                // unless the next array begins here as well
                let last = bytes[..len].iter().rfind(|byte| b"[]".contains(byte));
                if last == Some(&b']') {
                    self.layout = Layout::AfterArray;
                }
                self.take(len, record);
                return NextRecord::Through(None);
            }
            // neither an object nor what separates them
            self.layout = Layout::Lines;
            return self.next_line(record);
        }
        let len = match object_end(bytes) {
            Some(len) => len,
            None if bytes.len() > MAX_RECORD || self.ended => {
                self.layout = Layout::Lines;
                return self.next_line(record);
            }
            None => return NextRecord::More,
        };
        self.take(len, record);
        NextRecord::Record
    }

    fn next_line(&mut self, record: &mut Vec<u8>) -> NextRecord {
        let end =
            self.bytes[self.searched..].iter().position(|&byte| byte == b'\n').map(|at| self.searched + at);
        self.terminator = false;
        match end {
            Some(end) => {
                if self.passing {
                    self.passing = false;
                    self.take(end + 1 - self.start, record);
                    return NextRecord::Through(None);
                }
                self.take(end - self.start, record);
                self.start += 1;
                self.searched = self.start;
                self.terminator = true;
                NextRecord::Record
            }
            None => {
                let left = self.bytes.len() - self.start;
                self.searched = self.bytes.len();
                if left == 0 {
                    return NextRecord::More;
                }
                if self.passing || left > MAX_RECORD {
                    let why = (!self.passing)
                        .then(|| format!("a line of more than {MAX_RECORD} bytes is passed on unread"));
                    self.passing = true;
                    self.take(left, record);
                    return NextRecord::Through(why);
                }
                if self.ended {
                    self.take(left, record);
                    return NextRecord::Record;
                }
                NextRecord::More
            }
        }
    }

    fn next_map(&mut self, record: &mut Vec<u8>) -> NextRecord {
        let left = self.bytes.len() - self.start;
        if left == 0 {
            return NextRecord::More;
        }
        if !self.passing {
            match msgpack::object_len(&self.bytes[self.start..]) {
                Ok(Some(len)) => {
                    self.take(len, record);
                    return NextRecord::Record;
                }
                Ok(None) if left <= MAX_RECORD && !self.ended => return NextRecord::More,
                Ok(None) => {
                    self.passing = true;
                    self.take(left, record);
                    return NextRecord::Through(Some(
                        "an incomplete msgpack object is passed on unread".to_owned(),
                    ));
                }
                Err(error) => {
                    self.passing = true;
                    self.take(left, record);
                    return NextRecord::Through(Some(format!(
                        "no msgpack ({error}): this and everything behind it is passed on unread"
                    )));
                }
            }
        }
        self.take(left, record);
        NextRecord::Through(None)
    }
}

/// Bytes of the object at the begin of a text; `None` while it is open.
fn object_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_and_spread_objects_are_cut_into_records_and_every_byte_comes_out() {
        let texts: [(&[u8], &[&[u8]]); 5] = [
            (b"[{\"a\":1},\n {\"b\":\"}]\\\"\"}]\n", &[b"{\"a\":1}", b"{\"b\":\"}]\\\"\"}"]),
            (b" [ ]\n", &[]),
            (
                b"{\n  \"a\": {\n  }\n}\n{\n  \"b\": [1]\n}\n",
                &[b"{\n  \"a\": {\n  }\n}", b"{\n  \"b\": [1]\n}"],
            ),
            (b"\xef\xbb\xbf{\"a\":1}\n{\"b\":2}", &[b"{\"a\":1}", b"{\"b\":2}"]),
            (b"[{\"a\":1}]\n[{\"b\":2}]", &[b"{\"a\":1}", b"{\"b\":2}"]),
        ];
        for (text, expected) in texts {
            for size in 1..=text.len() {
                let (mut frames, mut records, mut whole) =
                    (RecordReader::new(Format::Json), Vec::new(), Vec::new());
                let mut pieces = text.chunks(size);
                let mut record = Vec::new();
                loop {
                    match frames.next(&mut record) {
                        NextRecord::Record => {
                            whole.extend_from_slice(&record);
                            frames.end_of_record(&mut whole);
                            records.push(record.clone());
                        }
                        NextRecord::Through(_) => whole.extend_from_slice(&record),
                        NextRecord::More => match pieces.next() {
                            Some(piece) => frames.push(piece),
                            None if frames.ended => break,
                            None => frames.finish(),
                        },
                    }
                }
                assert_eq!(records, expected, "pieces of {size}");
                assert_eq!(whole, text, "pieces of {size}");
            }
        }
    }

    #[test]
    fn an_object_that_is_never_closed_harms_no_line_behind_it() {
        let mut frames = RecordReader::new(Format::Json);
        frames.push(b"{\n \"a\": 1\n");
        assert_eq!(all(&mut frames), []);
        frames.finish();
        let expected = ["{", " \"a\": 1"].map(|line| (true, line.as_bytes().to_vec()));
        assert_eq!(all(&mut frames), expected);
    }

    fn all(frames: &mut RecordReader) -> Vec<(bool, Vec<u8>)> {
        let mut out = Vec::new();
        let mut record = Vec::new();
        loop {
            match frames.next(&mut record) {
                NextRecord::Record => out.push((true, record.clone())),
                NextRecord::Through(_) => out.push((false, record.clone())),
                NextRecord::More => return out,
            }
        }
    }

    #[test]
    fn lines_come_whole_however_the_bytes_arrive() {
        let text = b"{\"a\":1}\n\n{\"b\":2}\nlast";
        for size in 1..text.len() {
            let mut frames = RecordReader::new(Format::Json);
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                frames.push(piece);
                out.extend(all(&mut frames));
            }
            frames.finish();
            out.extend(all(&mut frames));
            let expected: [&[u8]; 4] = [b"{\"a\":1}", b"", b"{\"b\":2}", b"last"];
            assert_eq!(out, expected.map(|line| (true, line.to_vec())), "pieces of {size}");
        }
    }

    #[test]
    fn maps_come_whole_however_the_bytes_arrive() {
        let bytes = [0x81, 0xa1, b'a', 0x01, 0x81, 0xa1, b'b', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];
        for size in 1..bytes.len() {
            let mut frames = RecordReader::new(Format::Msgpack);
            let mut out = Vec::new();
            for piece in bytes.chunks(size) {
                frames.push(piece);
                out.extend(all(&mut frames));
            }
            let expected = [(true, bytes[..4].to_vec()), (true, bytes[4..16].to_vec()), (true, vec![0x80])];
            assert_eq!(out, expected, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_msgpack_passes_through_whole() {
        let mut frames = RecordReader::new(Format::Msgpack);
        frames.push(&[0x80, 0xc1, 1, 2]);
        assert_eq!(all(&mut frames), [(true, vec![0x80]), (false, vec![0xc1, 1, 2])]);
        frames.push(&[0x80]);
        assert_eq!(all(&mut frames), [(false, vec![0x80])]);
    }

    #[test]
    fn an_incomplete_map_at_the_end_is_not_swallowed() {
        let mut frames = RecordReader::new(Format::Msgpack);
        frames.push(&[0x81, 0xa1]);
        assert_eq!(all(&mut frames), []);
        frames.finish();
        assert_eq!(all(&mut frames), [(false, vec![0x81, 0xa1])]);
    }

    #[test]
    fn a_line_that_never_ends_is_passed_on() {
        let mut frames = RecordReader::new(Format::Json);
        frames.push(&vec![b'x'; MAX_RECORD + 1]);
        let mut record = Vec::new();
        assert!(matches!(frames.next(&mut record), NextRecord::Through(Some(_))));
        assert_eq!(record.len(), MAX_RECORD + 1);
        frames.push(b"yz\n{}\n");
        assert_eq!(all(&mut frames), [(false, b"yz\n".to_vec()), (true, b"{}".to_vec())]);
    }
}
