//! Shipping from a stream: the engine of the `dd` command.
//!
//! A stream is JSON lines, or msgpack: bare records, or entries as in a chunk. Which of the two its first byte
//! tells: a line of JSON begins with `{` or white space, which no msgpack record or entry does. A thread reads,
//! so that points of a slow stream leave after a while even when no more come.

use super::batch::Batch;
use super::msgpack::{MsgpackFault, MsgpackReader};
use super::outcome::{ChunkVerdict, Note, Totals, UnsentReason};
use super::settings::ShipperSettings;
use super::shipper::{Shipper, unix_now};
use super::{chunk, json_lines};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Bytes of one record, at most; a longer one is counted as malformed.
const RECORD_LIMIT: usize = 16 * 1024 * 1024;
/// Bytes read at once.
const BLOCK: usize = 64 * 1024;
/// Blocks read ahead while a shipment is under way.
const AHEAD: usize = 4;
/// Points from which a shipment begins: with those of another block they still fill one body.
const POINTS: u64 = 8_000;

/// How a stream is shipped.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// The event tag of all records, for `use_fluentd_tag_for_datadog_tag`.
    pub tag: String,
    /// How long points of a slow stream wait for company.
    pub linger: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { tag: String::new(), linger: Duration::from_secs(1) }
    }
}

/// Why a stream was not shipped whole.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Reading failed; what came before was shipped.
    #[error("the input cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The intake did not take the points within the settings' patience: the whole input is to be given again.
    #[error("the intake did not take all points in time; give the input again ({0})")]
    Retry(Box<Totals>),
    /// Nothing of the input could be used.
    #[error("nothing of the input could be shipped ({0})")]
    Unusable(Box<Totals>),
}

/// Ships everything `input` gives until it ends; `log` gets lines to be told. The points of records without a
/// `time` get the time of their arrival, or of their msgpack entry.
///
/// # Errors
/// See [`StreamError`]. A caller's exit code is 0 only for `Ok`.
pub fn run_stream(
    input: impl Read + Send + 'static,
    settings: ShipperSettings,
    options: &StreamOptions,
    mut log: impl FnMut(&Note),
) -> Result<Totals, StreamError> {
    let blocks = read_ahead(input)?;
    let shipper = Shipper::new(settings);
    let mut parser = Parser::new(options.tag.clone());
    let mut batch = shipper.batch();
    let mut oldest: Option<Instant> = None;
    let mut ended = Ok(());
    let mut open = true;
    while open {
        let due = oldest.map_or(options.linger, |since| options.linger.saturating_sub(since.elapsed()));
        match blocks.recv_timeout(due) {
            Ok(Ok(block)) => parser.feed(&block, &mut batch),
            Ok(Err(error)) => ended = Err(error),
            Err(RecvTimeoutError::Timeout) => parser.look_again(&mut batch),
            Err(RecvTimeoutError::Disconnected) => {
                parser.finish(&mut batch);
                open = false;
            }
        }
        if batch.is_empty() {
            continue;
        }
        let since = *oldest.get_or_insert_with(Instant::now);
        if open && batch.len() < POINTS && since.elapsed() < options.linger {
            continue;
        }
        let full = std::mem::replace(&mut batch, shipper.batch());
        let outcome = shipper.ship_batch(&full, None, unix_now()).outcome;
        outcome.notes.iter().for_each(&mut log);
        oldest = None;
        if outcome.verdict == ChunkVerdict::Retry {
            let totals = Totals { retries: 1, ..shipper.totals() };
            return Err(StreamError::Retry(Box::new(totals)));
        }
    }
    let totals = shipper.totals();
    ended?;
    if totals.sent == 0 && totals.dropped.lost() > 0 {
        return Err(StreamError::Unusable(Box::new(totals)));
    }
    Ok(totals)
}

/// Reads in a thread. It is not joined: a read that never returns must not hold up the end.
///
/// A reader that fails by a panic is no end of the input.
fn read_ahead(mut input: impl Read + Send + 'static) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = sync_channel(AHEAD);
    let work = move || {
        let read = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let mut block = vec![0; BLOCK];
                let read = match input.read(&mut block) {
                    Ok(0) => return,
                    Ok(count) => {
                        block.truncate(count);
                        Ok(block)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let last = read.is_err();
                if sender.send(read).is_err() || last {
                    return;
                }
            }
        }));
        if read.is_err() {
            let _ = sender.send(Err(io::Error::other("the thread that reads it has failed")));
        }
    };
    std::thread::Builder::new().name("dd-read".into()).spawn(work)?;
    Ok(receiver)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamFormat {
    Unknown,
    Lines,
    Msgpack,
    /// msgpack that broke: nothing behind the break can be told apart.
    Broken,
}

/// Records out of blocks that end anywhere.
#[derive(Debug)]
struct Parser {
    tag: String,
    format: StreamFormat,
    pending: Vec<u8>,
    /// Length of `pending` from which another look is worth it: a long record is not looked through again for
    /// every block.
    enough: usize,
    /// Inside a line that is too long.
    skipping: bool,
}

impl Parser {
    fn new(tag: String) -> Self {
        Self { tag, format: StreamFormat::Unknown, pending: Vec::new(), enough: 0, skipping: false }
    }

    fn feed(&mut self, block: &[u8], batch: &mut Batch) {
        if self.format == StreamFormat::Unknown {
            self.format = match block.first() {
                None => return,
                Some(b'{' | b' ' | b'\t' | b'\r' | b'\n') => StreamFormat::Lines,
                Some(_) => StreamFormat::Msgpack,
            };
        }
        match self.format {
            StreamFormat::Lines => self.feed_lines(block, batch),
            StreamFormat::Msgpack => {
                self.pending.extend_from_slice(block);
                if self.pending.len() >= self.enough {
                    self.take_entries(batch);
                }
            }
            StreamFormat::Unknown | StreamFormat::Broken => {}
        }
    }

    /// After a pause in the stream.
    fn look_again(&mut self, batch: &mut Batch) {
        if self.format == StreamFormat::Msgpack {
            self.take_entries(batch);
        }
    }

    /// At the end of the stream.
    fn finish(&mut self, batch: &mut Batch) {
        match self.format {
            StreamFormat::Lines if !self.skipping => {
                let line = std::mem::take(&mut self.pending);
                json_lines::line(&line, &self.tag, unix_now() as f64, batch);
            }
            StreamFormat::Msgpack => {
                self.take_entries(batch);
                if !self.pending.is_empty() {
                    batch.drop_record(UnsentReason::Malformed);
                }
            }
            _ => {}
        }
    }

    fn feed_lines(&mut self, block: &[u8], batch: &mut Batch) {
        let now = unix_now() as f64;
        for piece in block.split_inclusive(|&byte| byte == b'\n') {
            let whole = piece.ends_with(b"\n");
            if self.skipping {
                self.skipping = !whole;
            } else if self.pending.len() + piece.len() > RECORD_LIMIT {
                batch.drop_record(UnsentReason::Malformed);
                self.pending = Vec::new();
                self.skipping = !whole;
            } else if whole && self.pending.is_empty() {
                json_lines::line(piece, &self.tag, now, batch);
            } else {
                self.pending.extend_from_slice(piece);
                if whole {
                    json_lines::line(&self.pending, &self.tag, now, batch);
                    self.pending.clear();
                }
            }
        }
    }

    fn take_entries(&mut self, batch: &mut Batch) {
        let now = unix_now() as f64;
        let mut cursor = MsgpackReader::new(&self.pending);
        let mut fault = None;
        while cursor.left() > 0 && fault.is_none() {
            let mut ahead = cursor;
            match chunk::entry(&mut ahead, &self.tag, Some(now), batch) {
                Ok(()) => cursor = ahead,
                Err(why) => fault = Some(why),
            }
        }
        let left = cursor.left();
        if fault == Some(MsgpackFault::Bad) || left > RECORD_LIMIT {
            batch.drop_record(UnsentReason::Malformed);
            self.format = StreamFormat::Broken;
            self.pending = Vec::new();
        } else {
            self.pending.drain(..self.pending.len() - left);
            self.enough = 2 * left;
        }
    }
}

#[cfg(test)]
mod tests;
