//! Where checkpoints lie, and the one that is being written.

use std::sync::Arc;

use fluent_anomaly::native::Env;
use fluent_anomaly::streams::{Checkpoint, CheckpointFolder, Found, Opening, Reference, chunks};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord};

use super::checkpoint_topic;
use super::client::{Hearing, StreamLog};
use super::error::MemberError;
use super::settings::{CheckpointPlace, StreamSettings};
use super::{output, topics};

/// Chunks in one transaction, at most: records do not wait long behind a checkpoint.
const CHUNKS_A_TRANSACTION: usize = 32;

/// Where they lie.
pub(crate) enum Checkpoints {
    Topic { name: String, partitions: i32 },
    Folder(CheckpointFolder),
}

impl Checkpoints {
    pub(crate) fn open(
        settings: &StreamSettings,
        consumer: &BaseConsumer<Hearing>,
        partitions: i32,
        log: &StreamLog,
    ) -> Result<Self, MemberError> {
        match &settings.checkpoints {
            CheckpointPlace::Topic(name) => {
                let partitions =
                    topics::ensured(consumer, settings, name, partitions, topics::OF_CHECKPOINTS, log)?;
                Ok(Self::Topic { name: name.clone(), partitions })
            }
            CheckpointPlace::Folder(path) => CheckpointFolder::open(path, &settings.group)
                .map(Self::Folder)
                .map_err(|error| MemberError::Wrong(error.to_string())),
        }
    }

    /// The checkpoints of partitions, in their order.
    pub(crate) fn load(
        &self,
        settings: &StreamSettings,
        log: &Arc<StreamLog>,
        wanted: &[&Opening],
    ) -> Result<Vec<Found>, MemberError> {
        let folder = match self {
            Self::Topic { name, partitions } => {
                return checkpoint_topic::load(settings, log, (name, *partitions), wanted);
            }
            Self::Folder(folder) => folder,
        };
        let load = |wanted: &&Opening| {
            let Opening { topic, partition, reference, committed, .. } = wanted;
            match folder.load(topic, *partition, reference.as_ref(), *committed) {
                Ok(Some((id, checkpoint))) => {
                    folder.keep_only(topic, *partition, id);
                    let bytes = checkpoint.models.len() as u64;
                    let reference = reference.unwrap_or_else(|| Reference::of(&checkpoint, id));
                    Found { checkpoint: Some(checkpoint), reference: Some(reference), bytes, wrong: None }
                }
                Ok(None) => Found::default(),
                Err(error) => Found { wrong: Some(error.to_string()), ..Found::default() },
            }
        };
        Ok(wanted.iter().map(load).collect())
    }

    /// Begins to write a checkpoint. In a folder it is written when this returns.
    pub(crate) fn begin(
        &self,
        checkpoint: &Checkpoint,
        before: Option<&Reference>,
        consumer: &BaseConsumer<Hearing>,
        env: &dyn Env,
    ) -> Result<Pending, MemberError> {
        let mut pending = Pending {
            topic: checkpoint.topic.clone(),
            partition: checkpoint.partition,
            reference: Reference {
                slot: before.map_or(0, |before| before.slot ^ 1),
                made_s: env.now_ms() / 1000,
                ..Reference::of(checkpoint, env.random())
            },
            bytes: 0,
            chunks: Vec::new(),
            place: 0,
            sent: 0,
            sent_before: 0,
        };
        match self {
            Self::Folder(folder) => {
                let written = folder.write(checkpoint, pending.reference.id);
                pending.bytes = written.map_err(|error| MemberError::Again(error.to_string()))?;
            }
            Self::Topic { name, partitions } => {
                let encoded = checkpoint.encode();
                pending.bytes = encoded.len() as u64;
                pending.place = checkpoint.partition % partitions;
                pending.chunks = chunks(pending.reference.id, &encoded).collect();
                let (_, end) = consumer
                    .fetch_watermarks(name, pending.place, topics::ANSWER)
                    .map_err(|error| MemberError::Again(format!("topic {name:?}: {error}")))?;
                pending.reference.log_start = end;
                pending.reference.chunks = u32::try_from(pending.chunks.len()).unwrap_or(u32::MAX);
            }
        }
        Ok(pending)
    }

    /// A checkpoint counts: the one before it is not needed any more.
    pub(crate) fn replaced(&self, topic: &str, partition: i32, before: Option<&Reference>) {
        if let (Self::Folder(folder), Some(before)) = (self, before) {
            folder.remove(topic, partition, before.id);
        }
    }
}

/// A checkpoint that does not count yet.
pub(crate) struct Pending {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) reference: Reference,
    pub(crate) bytes: u64,
    chunks: Vec<Vec<u8>>,
    /// The partition of the topic of the checkpoints.
    place: i32,
    /// Chunks that were handed to the producer, and those of transactions that are committed.
    sent: usize,
    sent_before: usize,
}

impl Pending {
    /// Whether all of it is written, once the transaction is committed.
    pub(crate) fn is_whole(&self) -> bool {
        self.sent == self.chunks.len()
    }

    /// Hands further chunks to the producer.
    pub(crate) fn send(
        &mut self,
        checkpoints: &Checkpoints,
        group: &str,
        producer: &BaseProducer<Hearing>,
    ) -> Result<(), KafkaError> {
        let Checkpoints::Topic { name, .. } = checkpoints else { return Ok(()) };
        while let Some(chunk) = self.chunks.get(self.sent)
            && self.sent - self.sent_before < CHUNKS_A_TRANSACTION
        {
            let key =
                checkpoint_topic::key(group, &self.topic, self.partition, self.reference.slot, self.sent);
            let record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(name).partition(self.place).key(key.as_bytes()).payload(chunk);
            output::send(producer, record)?;
            self.sent += 1;
        }
        Ok(())
    }

    /// The transaction was aborted.
    pub(crate) fn rewind(&mut self) {
        self.sent = self.sent_before;
    }

    /// The transaction was committed.
    pub(crate) fn keep(&mut self) {
        self.sent_before = self.sent;
    }
}
