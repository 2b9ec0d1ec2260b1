//! The two buffers that the host fills, and the look at the memory that is left.
//!
//! The host asks for the tag's buffer and then for the record's, at each record. Both are used again and again, with
//! room behind the record, so that the result is written in place and nothing can leak.

/// Room behind a record for its annotations and the NUL, so that they seldom move it.
pub(crate) const SPARE: usize = 1024;
/// Free memory without which no record is scored: an allocation that fails would stop the call, and the host would
/// drop the record.
const ROOM: usize = 96 << 10;
/// The first call also reads the configuration and the state.
const START_ROOM: usize = 256 << 10;
/// Memory is looked at again after so many records, besides when a buffer grows.
const RECORDS_BETWEEN_LOOKS: u32 = 64;

/// The host's buffers.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(crate) tag: Vec<u8>,
    pub(crate) record: Vec<u8>,
    /// A request below this fits the buffer with `SPARE` bytes behind it; 0 to look closer.
    tag_limit: usize,
    record_limit: usize,
    /// Records until memory is looked at again.
    pub(crate) looks_in: u32,
    /// There was too little memory when it was looked at last; buffers are not kept then.
    is_short: bool,
    /// Whether the next buffer the host asks for is the record's: it asks for the tag's first.
    pub(crate) tag_is_out: bool,
}

impl Buffers {
    pub(crate) const fn new() -> Self {
        Self {
            tag: Vec::new(),
            record: Vec::new(),
            tag_limit: 0,
            record_limit: 0,
            looks_in: 0,
            is_short: false,
            tag_is_out: false,
        }
    }

    /// A buffer for so many bytes; null when there is no memory.
    #[inline]
    pub(crate) fn hand_out(&mut self, size: usize) -> *mut u8 {
        self.tag_is_out = !self.tag_is_out;
        let (buffer, limit) = if self.tag_is_out {
            (&mut self.tag, self.tag_limit)
        } else {
            (&mut self.record, self.record_limit)
        };
        if size < limit {
            return buffer.as_mut_ptr();
        }
        self.grow(size)
    }

    /// A larger buffer, or a first one.
    #[cold]
    #[inline(never)] // speed
    fn grow(&mut self, size: usize) -> *mut u8 {
        let (buffer, limit) = if self.tag_is_out {
            (&mut self.tag, &mut self.tag_limit)
        } else {
            (&mut self.record, &mut self.record_limit)
        };
        buffer.clear();
        *limit = 0;
        if self.is_short {
            *buffer = Vec::new();
        }
        self.looks_in = 0;
        if buffer.try_reserve_exact(size.saturating_add(SPARE)).is_err() {
            self.is_short = true;
            (self.tag_limit, self.record_limit) = (0, 0);
            return core::ptr::null_mut();
        }
        if !self.is_short {
            // buffers grow, and never shrink, until the next call of this function
            *limit = buffer.capacity().saturating_sub(SPARE).saturating_add(1);
        }
        buffer.as_mut_ptr()
    }

    /// Whether a record can be scored without an allocation that fails.
    pub(crate) fn look(&mut self, is_first: bool) -> Look {
        if self.looks_in > 0 {
            self.looks_in -= 1;
            return Look::Room;
        }
        let room = if is_first { START_ROOM } else { ROOM };
        let was_short = self.is_short;
        self.is_short = Vec::<u8>::new().try_reserve_exact(room).is_err();
        if !self.is_short {
            self.looks_in = RECORDS_BETWEEN_LOOKS;
            return Look::Room;
        }
        (self.tag_limit, self.record_limit) = (0, 0);
        if was_short { Look::Short } else { Look::NewlyShort }
    }
}

/// What a look at the memory shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Enough.
    Room,
    /// Too little, as before.
    Short,
    /// Too little, for the first time.
    NewlyShort,
}
