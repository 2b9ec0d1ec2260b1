//! Values as Kafka's protocol writes them: in the older versions of a call with fixed lengths, in the flexible ones
//! (KIP-482) with compact lengths and tagged fields. A request that is cut short panics, which ends its connection.

/// Reads a request.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    pub(super) is_flexible: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest, is_flexible: false }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    pub(super) fn is_true(&mut self) -> bool {
        self.i8() != 0
    }

    pub(super) fn i8(&mut self) -> i8 {
        i8::from_be_bytes(self.array())
    }

    pub(super) fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.array())
    }

    pub(super) fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.array())
    }

    pub(super) fn i64(&mut self) -> i64 {
        i64::from_be_bytes(self.array())
    }

    fn varint(&mut self) -> usize {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.array::<1>()[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    /// `None`: null.
    fn length(&mut self, fixed: impl Fn(&mut Self) -> i32) -> Option<usize> {
        if self.is_flexible { self.varint().checked_sub(1) } else { usize::try_from(fixed(self)).ok() }
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let length = self.length(|reader| i32::from(reader.i16()))?;
        Some(String::from_utf8(self.take(length).to_vec()).unwrap())
    }

    pub(super) fn name(&mut self) -> String {
        self.text().unwrap()
    }

    pub(super) fn bytes(&mut self) -> &'a [u8] {
        self.length(Self::i32).map_or(&[], |length| self.take(length))
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Option<Vec<T>> {
        let length = self.length(Self::i32)?;
        Some((0..length).map(|_| item(self)).collect())
    }

    /// The lists of partitions that most calls have, a topic at a time.
    pub(super) fn by_topic<T>(&mut self, mut partition: impl FnMut(&mut Self) -> T) -> Vec<(String, Vec<T>)> {
        let topic = |reader: &mut Self| {
            let found = (reader.name(), reader.list(&mut partition).unwrap_or_default());
            reader.tags();
            found
        };
        self.list(topic).unwrap_or_default()
    }

    /// Tagged fields, which are left out.
    pub(super) fn tags(&mut self) {
        if self.is_flexible {
            for _ in 0..self.varint() {
                self.varint();
                let length = self.varint();
                self.take(length);
            }
        }
    }
}

/// Writes an answer.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    pub(super) is_flexible: bool,
}

impl Writer {
    pub(super) fn i8(&mut self, value: i8) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes.extend(value.to_be_bytes());
    }

    fn varint(&mut self, mut value: usize) {
        while value > 0x7f {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.is_flexible {
            self.varint(text.len() + 1)
        } else {
            self.i16(text.len() as i16)
        }
        self.bytes.extend(text.as_bytes());
    }

    pub(super) fn nullable(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None if self.is_flexible => self.varint(0),
            None => self.i16(-1),
        }
    }

    pub(super) fn blob(&mut self, blob: &[u8]) {
        if self.is_flexible {
            self.varint(blob.len() + 1)
        } else {
            self.i32(blob.len() as i32)
        }
        self.bytes.extend(blob);
    }

    pub(super) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        if self.is_flexible {
            self.varint(items.len() + 1)
        } else {
            self.i32(items.len() as i32)
        }
        items.for_each(|one| item(self, one));
    }

    pub(super) fn by_topic<T>(
        &mut self,
        topics: &[(String, Vec<T>)],
        mut partition: impl FnMut(&mut Self, &str, &T),
    ) {
        self.list(topics.iter(), |writer, (topic, partitions)| {
            writer.text(topic);
            writer.list(partitions.iter(), |writer, one| partition(writer, topic, one));
            writer.tags();
        });
    }

    /// No tagged fields.
    pub(super) fn tags(&mut self) {
        if self.is_flexible {
            self.varint(0);
        }
    }
}
