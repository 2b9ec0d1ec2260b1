//! Scored records to the next hop: a forward server, standard output, or Datadog.

use std::io::{self, Write};
use std::time::Duration;

use super::json_text;
use crate::companion::{Counters, Env, Progress, Wake};
use crate::sink::SinkError;
use crate::sink::datadog::{ChunkVerdict, Note, Shipper, ShipperSettings};
use crate::sink::forward::{Entries, ForwardSettings, ForwardSettingsError, ForwardSink};
use crate::source::forward::IncomingChunk;
use crate::time::Time;

/// Where scored records go.
#[derive(Debug, Clone)]
pub enum OutputSettings {
    /// To forward servers, each chunk acknowledged.
    Forward(Box<ForwardSettings>),
    /// To standard output, a line of JSON each.
    Stdout,
    /// To Datadog's intake, as the `dd` output does.
    Datadog(Box<ShipperSettings>),
}

/// Scored entries of one tag, one behind the other.
#[derive(Debug, Default)]
pub(super) struct ScoredEntries {
    pub(super) tag: String,
    pub(super) bytes: Vec<u8>,
    /// Where each entry ends.
    pub(super) ends: Vec<u32>,
}

impl ScoredEntries {
    fn push(&mut self, time_bytes: &[u8], record: &[u8]) {
        self.bytes.push(0x92);
        self.bytes.extend_from_slice(time_bytes);
        self.bytes.extend_from_slice(record);
        // chunks are bounded far below 4 GiB
        self.ends.push(self.bytes.len() as u32);
    }

    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| self.bytes.get(start as usize..end as usize).unwrap_or_default())
    }
}

/// The entries of a chunk, in parts of about [`PART`] bytes: a queue of parts is bounded, whatever chunks there are.
#[derive(Debug)]
pub(super) struct ScoredParts {
    /// At least one.
    parts: Vec<ScoredEntries>,
    tag: String,
    expected: usize,
}

/// Bytes from which on another part begins.
const PART: usize = 1 << 20;

impl ScoredParts {
    /// For entries of some `expected` bytes.
    pub(super) fn new(tag: &str, expected: usize) -> Self {
        Self { parts: Vec::new(), tag: tag.to_owned(), expected }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, time_bytes: &[u8], record: &[u8]) {
        let bytes = time_bytes.len() + record.len() + 1;
        match self.parts.last_mut() {
            Some(part) if part.bytes.len() + bytes <= PART => part.push(time_bytes, record),
            _ => {
                let mut part = ScoredEntries { tag: self.tag.clone(), ..ScoredEntries::default() };
                part.bytes.reserve(self.expected.min(PART).max(bytes));
                part.push(time_bytes, record);
                self.parts.push(part);
            }
        }
    }

    /// Adds a record of another tag behind all others.
    pub(super) fn push_other(&mut self, tag: &str, time: Time, record: &[u8]) {
        // an EventTime: seconds and nanoseconds of 32 bits each
        let [.., a, b, c, d] = time.seconds().to_be_bytes();
        let time_bytes = [0xd7, 0, a, b, c, d, 0, 0, 0, 0];
        match self.parts.last_mut() {
            Some(part) if part.tag == tag && part.bytes.len() + record.len() < PART => {
                part.push(&time_bytes, record);
            }
            _ => {
                let mut part = ScoredEntries { tag: tag.to_owned(), ..ScoredEntries::default() };
                part.push(&time_bytes, record);
                self.parts.push(part);
            }
        }
    }

    /// All parts in their order.
    pub(super) fn into_parts(self) -> Vec<ScoredEntries> {
        self.parts
    }
}

/// The next hop.
pub(super) enum Output<'a> {
    Forward(Box<ForwardSink<'a>>),
    Stdout(Vec<u8>),
    Datadog(Box<DatadogOutput<'a>>),
}

/// Datadog's intake, and whom to tell about it.
pub(super) struct DatadogOutput<'a> {
    shipper: Shipper,
    env: &'a dyn Env,
    log: &'a (dyn Fn(&str) + Send + Sync),
}

impl<'a> Output<'a> {
    pub(super) fn new(
        settings: OutputSettings,
        env: &'a dyn Env,
        progress: &'a dyn Progress,
        counters: &'a Counters,
        log: &'a (dyn Fn(&str) + Send + Sync),
    ) -> Result<Self, ForwardSettingsError> {
        Ok(match settings {
            OutputSettings::Forward(settings) => {
                // a client's own ack is what settles its chunk: nothing is kept here behind the ack of the next hop
                let settings = ForwardSettings { settle: Duration::ZERO, ..*settings };
                Self::Forward(Box::new(ForwardSink::new(settings, env, progress, counters)?))
            }
            OutputSettings::Stdout => Self::Stdout(Vec::new()),
            OutputSettings::Datadog(settings) => {
                Self::Datadog(Box::new(DatadogOutput { shipper: Shipper::new(*settings), env, log }))
            }
        })
    }

    /// Hands over entries of one tag, in their order. When this returns, they have arrived.
    pub(super) fn deliver(&mut self, tag: &str, all: &[&ScoredEntries]) -> Result<(), SinkError> {
        match self {
            Self::Forward(sink) => {
                let mut entries = all.iter().flat_map(|scored| scored.entries());
                let mut append = |out: &mut Entries| {
                    if let Some(entry) = entries.next() {
                        out.push_encoded(entry);
                    }
                };
                sink.deliver_entries(tag, &mut append, &mut |_| {})
            }
            Self::Stdout(lines) => {
                lines.clear();
                for scored in all {
                    // read back: their form was checked when they came
                    let chunk = IncomingChunk::from_entries(tag.to_owned(), scored.bytes.clone());
                    for entry in chunk.entries() {
                        json_text::line(entry.time(), tag, entry.record, lines);
                    }
                }
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(lines)
                    .and_then(|()| stdout.flush())
                    .map_err(|error| SinkError::Unreachable { reason: format!("standard output: {error}") })
            }
            Self::Datadog(output) => all.iter().try_for_each(|scored| output.deliver(tag, &scored.bytes)),
        }
    }
}

impl DatadogOutput<'_> {
    fn deliver(&self, tag: &str, bytes: &[u8]) -> Result<(), SinkError> {
        loop {
            let outcome = self.shipper.ship_chunk(bytes, tag);
            outcome.notes.iter().for_each(|note: &Note| (self.log)(&note.text));
            match outcome.verdict {
                // what the intake will never take is counted, and told by the notes
                ChunkVerdict::Done | ChunkVerdict::Failed => return Ok(()),
                ChunkVerdict::Retry if self.env.sleep(Duration::from_secs(1)) == Wake::Stop => {
                    return Err(SinkError::Stopped);
                }
                ChunkVerdict::Retry => {}
            }
        }
    }
}
