//! The models of one partition, and which of its records still have to leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use thiserror::Error;

use super::checkpoint::Checkpoint;
use super::rekey::{Rekey, RekeyError};
use super::window_message::{WindowFields, WindowMessage};
use crate::bank::StorageError;
use crate::config::{Config, KafkaFormat, KafkaSection, MessageKey};
use crate::pipeline::{Pipeline, Unconfigured};
use crate::record::{Accessor, AccessorError, Extractor, Format, Found, Value};
use crate::time::{HostClock, Time};

/// What all partitions of a member share.
#[derive(Debug, Clone)]
pub struct PartitionSettings {
    config: Config,
    format: Format,
    /// Tag of records that carry none.
    tag: Vec<u8>,
    /// Finds tag and time in a record, where fields are named for them.
    extractor: Option<Extractor>,
    tag_input: Option<usize>,
    time_input: Option<usize>,
    windows: WindowFields,
    key: MessageKey,
    /// Where records are given the key of their series first.
    rekey: Option<Rekey>,
}

/// What is wrong with `[kafka]`, or with the sections it is used with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartitionSettingsError {
    /// `tag_key` or `time_key` names no field.
    #[error("tag_key or time_key: {0}")]
    Field(#[from] AccessorError),
    /// `rekey` finds no key.
    #[error("rekey: {0}")]
    Rekey(#[from] RekeyError),
}

impl PartitionSettings {
    /// As `[kafka]` says; `topic` is the tag where it names none.
    ///
    /// # Errors
    /// [`PartitionSettingsError`].
    pub fn new(config: &Config, kafka: &KafkaSection, topic: &str) -> Result<Self, PartitionSettingsError> {
        let (format, tag_key, time_key) = match kafka.format {
            KafkaFormat::Json => (Format::Json, None, None),
            KafkaFormat::Msgpack => (Format::Msgpack, None, None),
            KafkaFormat::FluentBit => (Format::Json, None, Some("@timestamp")),
            KafkaFormat::Fluentd => (Format::Json, Some("tag"), Some("time")),
        };
        let mut inputs = Vec::new();
        let mut input = |given: Option<&str>| -> Result<Option<usize>, AccessorError> {
            let Some(name) = given else { return Ok(None) };
            inputs.push(accessor(name)?);
            Ok(Some(inputs.len() - 1))
        };
        let (tag_key, time_key) =
            (kafka.tag_key.as_deref().or(tag_key), kafka.time_key.as_deref().or(time_key));
        let (tag_input, time_input) = (input(tag_key)?, input(time_key)?);
        Ok(Self {
            config: config.clone(),
            format,
            windows: WindowFields::new(format, tag_key, time_key),
            tag: kafka.tag.as_deref().unwrap_or(topic).as_bytes().to_vec(),
            extractor: (!inputs.is_empty()).then(|| Extractor::new(format, &inputs, &[])),
            tag_input,
            time_input,
            key: kafka.key,
            rekey: kafka.rekey.is_some().then(|| Rekey::new(config, format)).transpose()?,
        })
    }
}

/// A field by its plain name, or an accessor; `@timestamp` is no accessor, but a name.
fn accessor(name: &str) -> Result<Accessor, AccessorError> {
    let plain = !name.starts_with('$') && !name.contains(['\'', '"', '[']);
    if plain { Accessor::parse(&format!("$['{name}']")) } else { Accessor::parse(name) }
}

/// What a partition is told of a message besides its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Its offset.
    pub offset: i64,
    /// Its time, if it has one.
    pub time: Option<Time>,
    /// Whether it has a key.
    pub has_key: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Its record was learned; it had left before.
    Replayed,
    /// Its record is to leave as it is now.
    Leaves,
    /// Its record goes to the topic of `rekey` as it came, with the key of [`Partition::key`].
    Rekeyed,
    /// It was taken before, and changed nothing.
    Known,
}

/// The latest time that a message of the partition had: the clock of the broker or of those who write, as far as a
/// replay sees the same.
#[derive(Debug, Clone)]
struct MessageClock(Arc<AtomicI64>);

impl HostClock for MessageClock {
    fn now(&mut self) -> Option<Time> {
        let nanos = self.0.load(Relaxed);
        (nanos != i64::MIN).then(|| Time::from_nanos(nanos))
    }
}

/// The models of one partition.
///
/// Its outputs depend on its input alone: not on the clock, not on how often it was begun again from a checkpoint.
#[derive(Debug)]
pub struct Partition {
    settings: Arc<PartitionSettings>,
    pipeline: Pipeline,
    refusal: Unconfigured,
    topic: String,
    number: i32,
    /// How many partitions the topic has.
    partitions: i32,
    /// The next offset.
    next: i64,
    /// Records before this one have left.
    committed: i64,
    clock: MessageClock,
    found: Found,
    tag: Vec<u8>,
    /// Whether some section scores the tag.
    is_scored_tag: bool,
    /// It gives records their keys, and scores none.
    is_rekeying: bool,
    message_key: Vec<u8>,
    refused: u64,
}

impl Partition {
    /// A partition without models, from `start` on.
    #[must_use]
    pub fn begin(
        settings: &Arc<PartitionSettings>,
        topic: &str,
        number: i32,
        partitions: i32,
        start: i64,
    ) -> Self {
        let pipeline = Pipeline::new(&settings.config, settings.format, None);
        Self::with(settings, pipeline, (topic, number, partitions), start, start, i64::MIN)
    }

    /// A partition that goes on from a checkpoint. The records between its offset and `committed` have left already:
    /// they are learned again.
    ///
    /// # Errors
    /// When the models cannot be read.
    pub fn resume(
        settings: &Arc<PartitionSettings>,
        checkpoint: Checkpoint,
        partitions: i32,
        committed: i64,
    ) -> Result<Self, StorageError> {
        let Checkpoint { topic, partition, offset, clock, models, .. } = checkpoint;
        let pipeline = Pipeline::resume(&settings.config, settings.format, &models)?;
        let place = (topic.as_str(), partition, partitions);
        Ok(Self::with(settings, pipeline, place, offset, committed, clock.nanos()))
    }

    fn with(
        settings: &Arc<PartitionSettings>,
        pipeline: Pipeline,
        (topic, number, partitions): (&str, i32, i32),
        next: i64,
        committed: i64,
        clock: i64,
    ) -> Self {
        let clock = MessageClock(Arc::new(AtomicI64::new(clock)));
        let mut pipeline = pipeline.with_clock(clock.clone());
        pipeline.make_window_records();
        let mut partition = Self {
            settings: settings.clone(),
            pipeline,
            refusal: Unconfigured::new(NO_KEY, settings.format),
            topic: topic.to_owned(),
            number,
            partitions,
            next,
            committed,
            clock,
            found: Found::default(),
            tag: Vec::new(),
            is_scored_tag: false,
            is_rekeying: false,
            message_key: Vec::new(),
            refused: 0,
        };
        partition.set_tag(&settings.tag);
        partition
    }

    fn set_tag(&mut self, tag: &[u8]) {
        self.tag.clear();
        self.tag.extend_from_slice(tag);
        self.is_scored_tag = self.settings.config.sections.iter().any(|section| section.tags.matches(tag));
    }

    /// Takes a message: its record is scored in place. Messages come in the order of their offsets.
    pub fn take(&mut self, message: Message, record: &mut Vec<u8>) -> Taken {
        let taken = self.pass(message);
        if taken == Taken::Known {
            return taken;
        }
        let clock = Time::from_nanos(self.clock.0.load(Relaxed).max(0));
        let mut time = message.time.unwrap_or(clock);
        if let Some(read) = self.read_envelope(record) {
            time = read;
        }
        if self.is_rekeying {
            if let Some(rekey) = &self.settings.rekey
                && rekey.key(&self.tag, record, &mut self.found, &mut self.message_key)
            {
                return if taken == Taken::Leaves { Taken::Rekeyed } else { taken };
            }
        } else if !message.has_key
            && self.partitions > 1
            && self.settings.key == MessageKey::Required
            && self.is_scored_tag
        {
            self.refused += 1;
            self.refusal.process(record);
        } else {
            self.pipeline.process(&self.tag, time, record);
        }
        taken
    }

    /// The next window of a section with `windows: records` that the messages so far have closed. Whoever takes a message takes
    /// all of them before the next one: they leave where [`Taken::Leaves`] was said of it, and have left before otherwise.
    pub fn take_window(&mut self) -> Option<WindowMessage> {
        let window = self.pipeline.take_window_record()?;
        Some(self.settings.windows.message(window, &mut self.found))
    }

    /// Takes a message without a record (a tombstone).
    pub fn pass(&mut self, message: Message) -> Taken {
        if message.offset < self.next {
            return Taken::Known;
        }
        self.next = message.offset + 1;
        if let Some(time) = message.time
            && time.nanos() > self.clock.0.load(Relaxed)
        {
            self.clock.0.store(time.nanos(), Relaxed);
        }
        if message.offset < self.committed { Taken::Replayed } else { Taken::Leaves }
    }

    /// Tag and time, where they stand in the record.
    fn read_envelope(&mut self, record: &[u8]) -> Option<Time> {
        self.settings.extractor.as_ref()?;
        let settings = self.settings.clone();
        let extractor = settings.extractor.as_ref()?;
        let is_record = extractor.scan(record, &mut self.found).is_ok();
        if let Some(input) = settings.tag_input {
            let mut tag = Vec::new();
            if is_record && let Some(Value::Text(text)) = self.found.value(record, input) {
                text.append_to(&mut tag);
            }
            let tag = if tag.is_empty() { &settings.tag } else { &tag };
            if *tag != self.tag {
                self.set_tag(tag);
            }
        }
        match self.found.value(record, settings.time_input.filter(|_| is_record)?)? {
            Value::Number(number) => {
                let exact = number.text().and_then(Time::from_seconds_text);
                exact.or_else(|| Time::from_seconds_f64(number.to_f64()))
            }
            Value::Text(text) => {
                let mut bytes = Vec::new();
                text.append_to(&mut bytes);
                Time::from_text(std::str::from_utf8(&bytes).ok()?)
            }
            _ => None,
        }
    }

    /// The models at this moment, to go on from.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn checkpoint(&self) -> Result<Checkpoint, StorageError> {
        Ok(Checkpoint {
            topic: self.topic.clone(),
            partition: self.number,
            partitions: self.partitions,
            offset: self.next,
            clock: Time::from_nanos(self.clock.0.load(Relaxed)),
            models: self.pipeline.save()?,
        })
    }

    /// The next offset that is to be read.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.next
    }

    /// It gives records the key of their series, and scores none of them.
    #[must_use]
    pub fn rekeying(mut self) -> Self {
        self.is_rekeying = true;
        self
    }

    /// The topic has so many partitions from now on.
    pub fn set_partitions(&mut self, partitions: i32) {
        self.partitions = partitions;
    }

    /// Whether it has no models.
    #[must_use]
    pub fn is_rekeying(&self) -> bool {
        self.is_rekeying
    }

    /// The key of the message that was taken last, after [`Taken::Rekeyed`].
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.message_key
    }

    /// Skips input that is not there any more: the models go on at `start`.
    pub fn skip_to(&mut self, start: i64) {
        self.next = self.next.max(start);
    }

    /// Whether records are still replayed.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.next < self.committed
    }

    /// Series in memory.
    #[must_use]
    pub fn series(&self) -> usize {
        self.pipeline.series().0
    }

    /// Records that were refused since they have no key.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What should go to the log.
    pub fn take_log(&mut self) -> Vec<String> {
        if self.pipeline.has_log() { self.pipeline.take_log() } else { Vec::new() }
    }

    /// The same at the end: also what was not scored, and why.
    pub fn end(&mut self) -> Vec<String> {
        self.pipeline.tell_unscored();
        self.take_log()
    }
}

/// Short, so that each record is told all of it.
const NO_KEY: &str = "the message has no key, so its series would be spread over partitions: it is not scored; set \
                      `rekey` or `key: any` in [kafka]";

#[cfg(test)]
mod tests;
