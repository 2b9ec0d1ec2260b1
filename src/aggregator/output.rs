//! Scored records to the next hop: a forward server, standard output, or Datadog.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::json_text;
use super::lanes::{Lane, LanePlace, Lanes, SpareLanes};
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

/// Scored entries of one tag: all of a chunk, or a part of them.
#[derive(Debug)]
pub(super) struct ScoredEntries {
    pub(super) tag: String,
    lanes: Arc<Lanes>,
    from: LanePlace,
    count: usize,
    bytes: usize,
}

impl ScoredEntries {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of them; of a part about so many.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let mut place = self.from.clone();
        (0..self.count).map_while(move |_| place.pass(&self.lanes))
    }

    /// All of them, one behind the other.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes);
        self.entries().for_each(|entry| bytes.extend_from_slice(entry));
        bytes
    }
}

/// A chunk's entries, and records of other tags behind them.
#[derive(Debug)]
pub(super) struct ScoredParts {
    tag: String,
    lanes: Arc<Lanes>,
    others: Vec<(String, Lane)>,
    spare: Arc<SpareLanes>,
}

/// Bytes of a part: a queue of parts is bounded, whatever chunks there are.
const PART: usize = 1 << 20;

impl ScoredParts {
    /// The entries of a chunk.
    pub(super) fn new(tag: &str, lanes: Lanes, spare: &Arc<SpareLanes>) -> Self {
        Self { tag: tag.to_owned(), lanes: Arc::new(lanes), others: Vec::new(), spare: spare.clone() }
    }

    /// Adds a record of another tag behind all others.
    pub(super) fn push_other(&mut self, tag: &str, time: Time, record: &[u8]) {
        // an EventTime: seconds and nanoseconds of 32 bits each
        let [.., a, b, c, d] = time.seconds().to_be_bytes();
        let time_bytes = [0xd7, 0, a, b, c, d, 0, 0, 0, 0];
        match self.others.last_mut() {
            Some((last, lane)) if last == tag => lane.push(&time_bytes, record),
            _ => {
                let mut lane = self.spare.take();
                lane.push(&time_bytes, record);
                self.others.push((tag.to_owned(), lane));
            }
        }
    }

    /// All parts in their order, at least one.
    pub(super) fn into_parts(self) -> Vec<ScoredEntries> {
        let mut parts = Vec::new();
        cut(self.tag, self.lanes, &mut parts);
        for (tag, lane) in self.others {
            cut(tag, Arc::new(Lanes::one(lane, &self.spare)), &mut parts);
        }
        parts
    }
}

/// Cuts entries into parts of about [`PART`] bytes.
fn cut(tag: String, lanes: Arc<Lanes>, parts: &mut Vec<ScoredEntries>) {
    let (len, bytes) = (lanes.len(), lanes.bytes());
    let count = bytes.div_ceil(PART).clamp(1, len.max(1));
    let share = len.div_ceil(count);
    let mut from = LanePlace::first(&lanes);
    for n in 0..count {
        let (start, end) = ((n * share).min(len), ((n + 1) * share).min(len));
        from.go_to(&lanes, start);
        parts.push(ScoredEntries {
            tag: tag.clone(),
            lanes: lanes.clone(),
            from: from.clone(),
            count: end - start,
            bytes: bytes / count,
        });
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
                    let chunk = IncomingChunk::from_entries(tag.to_owned(), scored.to_bytes());
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
            Self::Datadog(output) => {
                all.iter().try_for_each(|scored| output.deliver(tag, &scored.to_bytes()))
            }
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
