//! The record of a pulled point, and the trait of what takes such records.

use std::io::Write;
use thiserror::Error;

/// The `host` of a series that has none, as the original detector writes it: its five fields are always there.
pub const NO_HOST: &str = "*";

/// One pulled point, with the fields that users of the original detector know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricRecord<'a> {
    /// Name of the source metric.
    pub metric: &'a str,
    /// The value; finite.
    pub raw_value: f64,
    /// Scope as the API gives it: `*` or `host:a,env:b`.
    pub scope: &'a str,
    /// Host, where the scope names one; [`NO_HOST`] is written otherwise.
    pub host: Option<&'a str>,
    /// Start of the bucket, seconds since 1970.
    pub time: i64,
}

impl MetricRecord<'_> {
    /// Appends the record as one JSON object, without a line break.
    ///
    /// ```
    /// use fluent_anomaly::sinks::MetricRecord;
    /// let mut out = Vec::new();
    /// MetricRecord { metric: "cpu", raw_value: 1.5, scope: "host:a", host: Some("a"), time: 60 }.write_json(&mut out);
    /// assert_eq!(out, br#"{"metric":"cpu","raw_value":1.5,"scope":"host:a","host":"a","time":60}"#);
    /// out.clear();
    /// MetricRecord { metric: "queue", raw_value: 2.0, scope: "*", host: None, time: 60 }.write_json(&mut out);
    /// assert_eq!(out, br#"{"metric":"queue","raw_value":2.0,"scope":"*","host":"*","time":60}"#);
    /// ```
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"metric\":");
        json_str(out, self.metric);
        out.extend_from_slice(b",\"raw_value\":");
        out.extend_from_slice(zmij::Buffer::new().format(self.raw_value).as_bytes());
        out.extend_from_slice(b",\"scope\":");
        json_str(out, self.scope);
        out.extend_from_slice(b",\"host\":");
        json_str(out, self.host.unwrap_or(NO_HOST));
        // writing to a Vec cannot fail
        let _ = write!(out, ",\"time\":{}}}", self.time);
    }
}

fn json_str(out: &mut Vec<u8>, text: &str) {
    // writing to a Vec cannot fail
    let _ = serde_json::to_writer(out, text);
}

/// Why a sink did not take records.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The program is stopping; what was not acknowledged stays with the source.
    #[error("stopped before all records were acknowledged")]
    Stopped,
    /// The sink gave up for now; the source keeps the records and comes again.
    #[error("records not taken: {reason}")]
    Unreachable {
        /// What happened last.
        reason: String,
    },
}

/// The order that a sink chose for the models of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenOrder {
    /// `k`.
    pub order: usize,
    /// From so many points.
    pub points: usize,
}

/// Takes records for good.
pub trait RecordSink {
    /// Hands over `records` in their order. `acknowledged` is called with the number of records (from the first
    /// one on) that the sink has taken, each time that grows. `Ok` means all of them. Whether it was for good tells
    /// [`settle`](Self::settle).
    ///
    /// # Errors
    /// [`SinkError`]; records after the last acknowledged one may or may not have arrived.
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError>;

    /// Points of the past, in the order of their times, before the first delivery of a section that asks for them:
    /// a sink that scores may choose its models' order from them, and returns what it chose.
    ///
    /// # Errors
    /// [`SinkError`]; they are offered again.
    fn look_back(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
    ) -> Result<Option<ChosenOrder>, SinkError> {
        let _ = (tag, records);
        Ok(None)
    }

    /// A number that grows with what was delivered: the records are settled once [`settle`](Self::settle) returns
    /// as much.
    fn delivered(&self) -> u64 {
        0
    }

    /// How far what was delivered is settled: the sink keeps it for good, or sends it again by itself. `wait`:
    /// returns only when more is settled than before, or nothing is left.
    ///
    /// # Errors
    /// [`SinkError`]; what is not settled may be lost.
    fn settle(&mut self, wait: bool) -> Result<u64, SinkError> {
        let _ = wait;
        Ok(u64::MAX)
    }
}

/// JSON lines to a writer (`--to stdout`).
#[derive(Debug)]
pub struct StdoutSink<W> {
    writer: W,
    line: Vec<u8>,
}

impl<W: Write> StdoutSink<W> {
    /// Writes to `writer`, which should buffer; it is flushed after each delivery.
    pub fn new(writer: W) -> Self {
        Self { writer, line: Vec::new() }
    }
}

impl<W: Write> RecordSink for StdoutSink<W> {
    fn deliver(
        &mut self,
        _: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let failed =
            |error: std::io::Error| SinkError::Unreachable { reason: format!("writing a record: {error}") };
        let mut count = 0;
        for record in records {
            self.line.clear();
            record.write_json(&mut self.line);
            self.line.push(b'\n');
            self.writer.write_all(&self.line).map_err(failed)?;
            count += 1;
        }
        self.writer.flush().map_err(failed)?;
        acknowledged(count);
        Ok(())
    }
}
