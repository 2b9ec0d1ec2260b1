//! Records of one transaction, kept until it is committed: after an abort they are sent again as they are.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use fluent_anomaly::Time;
use fluent_anomaly::streams::WindowMessage;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};

use super::client::Hearing;

/// Of larger records the original is kept too: the annotated one may be more than the topic takes.
const LARGE: usize = 256 << 10;

/// The producer's queue is full: it is tried again after this time.
const QUEUE_FULL: Duration = Duration::from_millis(2);

/// Bytes that are sent at once, once the topic has refused a batch: it may take less than the producer puts into one.
const SMALLER: [usize; 2] = [128 << 10, 16 << 10];

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The topic of the scored records.
    Scored,
    /// The topic of records that are given their keys.
    Rekey,
}

/// One message on its way out.
struct Outgoing {
    target: Target,
    partition: Option<i32>,
    key: Option<Range<usize>>,
    /// `None`: a tombstone.
    payload: Option<Range<usize>>,
    /// The record as it came, where it is large.
    original: Option<Range<usize>>,
    headers: Option<OwnedHeaders>,
    time_ms: Option<i64>,
}

/// What a message has besides its payload.
pub(crate) struct Envelope<'a> {
    pub(crate) target: Target,
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) headers: Option<OwnedHeaders>,
    pub(crate) time: Option<Time>,
}

/// The header of a window that holds its tag.
const TAG_HEADER: &str = "tag";

/// The messages of one transaction.
#[derive(Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    messages: Vec<Outgoing>,
    /// How many of them are windows.
    windows: usize,
    /// How many were handed to the producer in this transaction.
    sent: usize,
    /// Large records leave as they came.
    pub(crate) without_annotations: bool,
    /// How many bytes are sent at once, by their place in [`SMALLER`]; `None`: all of them. It stays, as the topic does.
    at_once: Option<usize>,
}

impl Output {
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// How many windows are among the messages.
    pub(crate) fn windows(&self) -> usize {
        self.windows
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether some record could still leave as it came.
    pub(crate) fn has_originals(&self) -> bool {
        !self.without_annotations && self.messages.iter().any(|message| message.original.is_some())
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Adds a message; `payload` is `None` for a tombstone, `original` what it was before it was scored.
    pub(crate) fn add(&mut self, envelope: Envelope<'_>, payload: Option<&[u8]>, original: Option<&[u8]>) {
        let key = envelope.key.map(|key| self.keep(key));
        let payload = payload.map(|payload| self.keep(payload));
        let original =
            original.filter(|original| original.len() >= LARGE).map(|original| self.keep(original));
        self.messages.push(Outgoing {
            target: envelope.target,
            partition: envelope.partition,
            key,
            payload,
            original,
            headers: envelope.headers,
            time_ms: envelope.time.map(|time| time.nanos() / 1_000_000),
        });
    }

    /// Adds a closed window as a message of its own.
    pub(crate) fn add_window(&mut self, window: &WindowMessage, partition: Option<i32>) {
        let tag = Header { key: TAG_HEADER, value: Some(&window.tag) };
        let envelope = Envelope {
            target: Target::Scored,
            partition,
            key: Some(&window.key),
            headers: Some(OwnedHeaders::new().insert(tag)),
            time: Some(window.time),
        };
        self.add(envelope, Some(&window.record), None);
        self.windows += 1;
    }

    /// From now on less is sent at once; `None`: it cannot be less.
    pub(crate) fn send_less_at_once(&mut self) -> Option<usize> {
        let place = self.at_once.map_or(0, |place| place + 1);
        let bytes = *SMALLER.get(place)?;
        self.at_once = Some(place);
        Some(bytes)
    }

    /// Hands to the producer what it has not got yet, up to the bytes that are sent at once: false where some is left, which
    /// waits until that has arrived.
    pub(crate) fn send(
        &mut self,
        producer: &BaseProducer<Hearing>,
        scored: &str,
        rekey: Option<&str>,
    ) -> Result<bool, KafkaError> {
        let most = self.at_once.and_then(|place| SMALLER.get(place)).copied().unwrap_or(usize::MAX);
        let mut total = 0;
        while let Some(message) = self.messages.get(self.sent) {
            let bytes = |range: &Option<Range<usize>>| range.clone().and_then(|range| self.bytes.get(range));
            let original = message.original.as_ref().filter(|_| self.without_annotations);
            let payload = if original.is_some() { bytes(&message.original) } else { bytes(&message.payload) };
            let size = payload.map_or(0, <[u8]>::len) + bytes(&message.key).map_or(0, <[u8]>::len);
            if total > 0 && total + size > most {
                return Ok(false);
            }
            total += size;
            let topic = if message.target == Target::Scored { scored } else { rekey.unwrap_or(scored) };
            let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
            record.partition = message.partition;
            record.key = bytes(&message.key);
            record.payload = payload;
            record.headers = message.headers.clone();
            record.timestamp = message.time_ms;
            send(producer, record)?;
            self.sent += 1;
        }
        Ok(true)
    }

    /// The transaction was aborted: all of it is sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The transaction was committed.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        self.windows = 0;
        self.sent = 0;
        self.without_annotations = false;
    }
}

/// Hands one message to the producer, and waits while its queue is full.
pub(crate) fn send(
    producer: &BaseProducer<Hearing>,
    mut record: BaseRecord<'_, [u8], [u8]>,
) -> Result<(), KafkaError> {
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                thread::sleep(QUEUE_FULL);
                producer.poll(Duration::ZERO);
            }
            Err((error, _)) => return Err(error),
        }
    }
}
