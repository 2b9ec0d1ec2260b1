//! A chunk as a client sent it: entries in one buffer, and where each stands.

use super::messages::ChunkId;
use crate::codec::{checksum, checksum_of_many};
use crate::record::MAX_DEPTH;
use crate::record::msgpack::ObjectScan;
use crate::record::msgpack::head::{self, Body};
use crate::time::Time;

/// From here on the seconds of an EventTime are no time: Fluent Bit marks groups of records by them.
const MARKERS_FROM: u32 = u32::MAX - 1;

/// Entries with one tag.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IncomingChunk {
    /// Tag of all entries.
    pub tag: String,
    /// Present where the client waits for an ack.
    pub id: Option<ChunkId>,
    /// What was left out.
    pub skipped: Skipped,
    bytes: Vec<u8>,
    entries: Vec<EntrySpan>,
}

/// Parts of a chunk that are no events: they would not be any at the next attempt either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Values that are no `[time, record]`.
    pub entries: u64,
    /// Bytes at the end that are no msgpack.
    pub bytes: u64,
}

/// Where time and record of an entry stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EntrySpan {
    time: u32,
    record: u32,
    end: u32,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncomingEntry<'a> {
    /// The time as it came: seconds, EventTime, or an array of one of them and metadata.
    pub time_bytes: &'a [u8],
    /// A msgpack map.
    pub record: &'a [u8],
}

impl IncomingEntry<'_> {
    /// Its time; `None` for a mark between groups of records, which is no event.
    #[must_use]
    pub fn time(&self) -> Option<Time> {
        time_of(self.time_bytes)
    }
}

impl IncomingChunk {
    /// Reads entries that stand one behind the other from `at` on in `bytes`: at most `most`, up to the end of `bytes`.
    pub(super) fn of_entries(tag: String, bytes: Vec<u8>, at: usize, most: usize) -> Self {
        let mut chunk = Self { tag, bytes, ..Self::default() };
        // a guess: records have some 100 bytes
        chunk.entries.reserve(most.min(chunk.bytes.len().saturating_sub(at) / 128 + 1));
        let mut scan = ObjectScan::new(MAX_DEPTH);
        let (mut at, mut count) = (at, 0);
        while at < chunk.bytes.len() && count < most {
            match entry(&chunk.bytes, at, &mut scan) {
                Some((span, end)) => {
                    match span {
                        Some(span) => chunk.entries.push(span),
                        None => chunk.skipped.entries += 1,
                    }
                    at = end;
                    count += 1;
                }
                None => {
                    chunk.skipped.bytes = (chunk.bytes.len() - at) as u64;
                    break;
                }
            }
        }
        chunk
    }

    /// The entry whose time stands at `at` in `bytes`, with its record behind it.
    pub(super) fn of_message(tag: String, bytes: Vec<u8>, at: usize) -> Self {
        let span = event(&bytes, at, &mut ObjectScan::new(MAX_DEPTH));
        let mut chunk = Self { tag, bytes, ..Self::default() };
        match span {
            Some((Some(span), _)) => chunk.entries.push(span),
            _ => chunk.skipped.entries = 1,
        }
        chunk
    }

    /// Reads entries that stand one behind the other, as [`write_entries`](Self::write_entries) wrote them.
    #[must_use]
    pub fn from_entries(tag: String, bytes: Vec<u8>) -> Self {
        Self::of_entries(tag, bytes, 0, usize::MAX)
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<EntrySpan>()
    }

    /// A checksum of all entries.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        checksum_of_many(self.entries.len() as u64, self.entry_bytes())
    }

    /// The one that `serve` made before 28 November 2026.
    #[must_use]
    pub(crate) fn earlier_checksum(&self) -> u64 {
        checksum(self.entries.len() as u64, self.entry_bytes())
    }

    /// All entries as they came, and what stands between them.
    fn entry_bytes(&self) -> &[u8] {
        let ends = self.entries.first().zip(self.entries.last());
        let all = ends.and_then(|(first, last)| self.bytes.get(first.time as usize..last.end as usize));
        all.unwrap_or_default()
    }

    /// The events in their order.
    pub fn entries(&self) -> impl Iterator<Item = IncomingEntry<'_>> {
        self.entries.iter().map(|span| self.at(span))
    }

    /// The event `n`, counted from 0.
    pub(crate) fn entry(&self, n: usize) -> Option<IncomingEntry<'_>> {
        self.entries.get(n).map(|span| self.at(span))
    }

    fn at(&self, span: &EntrySpan) -> IncomingEntry<'_> {
        let part = |from: u32, to: u32| self.bytes.get(from as usize..to as usize).unwrap_or_default();
        IncomingEntry { time_bytes: part(span.time, span.record), record: part(span.record, span.end) }
    }

    /// Appends all entries, one behind the other.
    pub fn write_entries(&self, out: &mut Vec<u8>) {
        for entry in self.entries() {
            out.push(0x92);
            out.extend_from_slice(entry.time_bytes);
            out.extend_from_slice(entry.record);
        }
    }
}

/// The entry at `at`, `None` inside where the value is none, and the offset behind it; `None` where there is no whole
/// msgpack value.
fn entry(bytes: &[u8], at: usize, scan: &mut ObjectScan) -> Option<(Option<EntrySpan>, usize)> {
    let head = head::read(bytes.get(at..)?).ok()?;
    if !matches!(head.body, Body::Array(2)) {
        return Some((None, at + whole(bytes, at, scan)?));
    }
    event(bytes, at + head.start, scan)
}

/// Time and record from `at` on.
fn event(bytes: &[u8], at: usize, scan: &mut ObjectScan) -> Option<(Option<EntrySpan>, usize)> {
    let record = at + whole(bytes, at, scan)?;
    let end = record + whole(bytes, record, scan)?;
    let time_bytes = bytes.get(at..record)?;
    let is_map = matches!(head::read(bytes.get(record..)?).ok()?.body, Body::Map(_));
    let is_event = is_map && (time_of(time_bytes).is_some() || is_mark(time_bytes));
    // frames are bounded far below 4 GiB
    let span = EntrySpan { time: at as u32, record: record as u32, end: end as u32 };
    Some((is_event.then_some(span), end))
}

fn whole(bytes: &[u8], at: usize, scan: &mut ObjectScan) -> Option<usize> {
    let rest = bytes.get(at..)?;
    if let [0xd7, 0, ..] = rest {
        // an EventTime, as all but every entry has it
        return (rest.len() >= 10).then_some(10);
    }
    scan.restart();
    scan.resume(rest).ok().flatten()
}

/// Seconds and nanoseconds of an EventTime.
fn event_time(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = head::read(bytes).ok()?;
    let payload = bytes.get(head.start..head.end)?;
    let kind = *bytes.get(head.start.checked_sub(1)?)?;
    if !matches!(head.body, Body::Extension) || kind != 0 || payload.len() != 8 {
        return None;
    }
    let part = |at: usize| payload.get(at..)?.first_chunk::<4>().map(|part| u32::from_be_bytes(*part));
    Some((part(0)?, part(4)?))
}

/// A time of any form; that of the first element where metadata stands beside it.
fn time_of(bytes: &[u8]) -> Option<Time> {
    let head = head::read(bytes).ok()?;
    match head.body {
        Body::Unsigned(seconds) => Some(Time::from_seconds(i64::try_from(seconds).ok()?)),
        Body::Signed(seconds) => Some(Time::from_seconds(seconds)),
        Body::Float(seconds) => Time::from_seconds_f64(seconds),
        Body::Extension => {
            let (seconds, nanos) = event_time(bytes)?;
            (seconds < MARKERS_FROM).then(|| Time::from_parts(seconds, nanos))
        }
        Body::Array(1..) => {
            let inner = bytes.get(head.start..)?;
            // an array in an array is no time
            (!matches!(head::read(inner).ok()?.body, Body::Array(_))).then(|| time_of(inner))?
        }
        _ => None,
    }
}

/// Whether this is a mark between groups of records.
fn is_mark(bytes: &[u8]) -> bool {
    let inner = match head::read(bytes) {
        Ok(head) if matches!(head.body, Body::Array(1..)) => bytes.get(head.start..).unwrap_or_default(),
        _ => bytes,
    };
    event_time(inner).is_some_and(|(seconds, _)| seconds >= MARKERS_FROM)
}
