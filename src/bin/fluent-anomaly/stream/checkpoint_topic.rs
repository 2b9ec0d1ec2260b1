//! Checkpoints in a compacted topic.
//!
//! A checkpoint is cut into chunks, with keys `<group>/<topic>/<partition>/<slot>/<index>`. A partition has two slots:
//! the next checkpoint goes over the one before the last, so that compaction leaves the last one whole until the next
//! is. Chunks are written in the transactions of the outputs: what a member writes that has lost its partition is
//! aborted with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluent_anomaly::streams::{Assembler, Checkpoint, Found, Opening, Reference};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Hearing, StreamLog};
use super::error::MemberError;
use super::settings::StreamSettings;

/// Nothing comes for so long: the broker is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// The key of a chunk.
pub(crate) fn key(group: &str, topic: &str, partition: i32, slot: u8, index: usize) -> String {
    format!("{}{slot}/{index}", prefix(group, topic, partition))
}

fn prefix(group: &str, topic: &str, partition: i32) -> String {
    format!("{group}/{topic}/{partition}/")
}

struct Search<'a> {
    wanted: &'a Opening,
    /// What is to be found: nothing else will do.
    name: Option<Reference>,
    prefix: String,
    assemblers: BTreeMap<u64, Assembler>,
    found: Found,
}

/// Finds the checkpoints of partitions: those that are named, from where they begin. For the others the whole topic is
/// read: offsets that were reset by another program, and brokers that do not keep the metadata of offsets, name none.
pub(crate) fn load(
    settings: &StreamSettings,
    log: &Arc<StreamLog>,
    topic: (&str, i32),
    wanted: &[&Opening],
) -> Result<Vec<Found>, MemberError> {
    let mut found = scan(settings, log, topic, wanted, |opening| opening.reference)?;
    let is_lost =
        |(opening, found): (&&Opening, &Found)| opening.reference.is_some() && found.checkpoint.is_none();
    let lost: Vec<bool> = wanted.iter().zip(&found).map(is_lost).collect();
    if lost.contains(&true) {
        let again: Vec<&Opening> =
            wanted.iter().zip(&lost).filter(|(_, lost)| **lost).map(|(opening, _)| *opening).collect();
        let mut others = scan(settings, log, topic, &again, |_| None)?.into_iter();
        for (found, _) in found.iter_mut().zip(lost).filter(|(_, lost)| *lost) {
            let other = others.next().unwrap_or_default();
            *found = Found { wrong: found.wrong.take().or(other.wrong), ..other };
        }
    }
    Ok(found)
}

fn scan(
    settings: &StreamSettings,
    log: &Arc<StreamLog>,
    (topic, partitions): (&str, i32),
    wanted: &[&Opening],
    name: impl Fn(&Opening) -> Option<Reference>,
) -> Result<Vec<Found>, MemberError> {
    let again = |error: KafkaError| MemberError::Again(format!("checkpoints cannot be read: {error}"));
    let reader: BaseConsumer<Hearing> =
        settings.checkpoint_reader().create_with_context(Hearing::new(log)).map_err(again)?;
    let mut searches: Vec<Search<'_>> = wanted
        .iter()
        .map(|&wanted| Search {
            wanted,
            name: name(wanted),
            prefix: prefix(&settings.group, &wanted.topic, wanted.partition),
            assemblers: BTreeMap::new(),
            found: Found::default(),
        })
        .collect();
    // where to begin in each partition of the topic
    let mut starts: BTreeMap<i32, i64> = BTreeMap::new();
    for wanted in wanted {
        let start = name(wanted).map_or(0, |reference| reference.log_start);
        let at = starts.entry(wanted.partition % partitions).or_insert(start);
        *at = start.min(*at);
    }
    let mut list = TopicPartitionList::new();
    for (partition, start) in &starts {
        let offset = if *start == 0 { Offset::Beginning } else { Offset::Offset(*start) };
        list.add_partition_offset(topic, *partition, offset).map_err(again)?;
    }
    reader.assign(&list).map_err(again)?;
    let mut left: Vec<i32> = starts.into_keys().collect();
    let mut heard = Instant::now();
    while !left.is_empty() {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                for search in &mut searches {
                    search.take(message.key(), message.payload());
                }
                let place = message.partition();
                let is_done = |search: &Search<'_>| {
                    search.wanted.partition % partitions != place
                        || (search.found.checkpoint.is_some() && search.name.is_some())
                };
                if searches.iter().all(is_done) {
                    left.retain(|&partition| partition != place);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|&other| other != partition),
            Some(Err(error)) => return Err(again(error)),
            None if heard.elapsed() > SILENCE => {
                return Err(MemberError::Again(format!("checkpoints cannot be read: {topic:?} is silent")));
            }
            None => {}
        }
    }
    Ok(searches.into_iter().map(|search| search.found).collect())
}

impl Search<'_> {
    /// Looks at a message of the topic. What is no chunk of a sound checkpoint is left out.
    fn take(&mut self, key: Option<&[u8]>, payload: Option<&[u8]>) {
        let (Some(key), Some(payload)) = (key, payload) else { return };
        if !key.starts_with(self.prefix.as_bytes()) {
            return;
        }
        let Ok(id) = Assembler::id_of(payload) else { return };
        if self.name.is_some_and(|name| name.id != id) {
            return;
        }
        let slot = key.get(self.prefix.len()).map_or(0, |slot| slot & 1);
        let assembler = self.assemblers.entry(id).or_insert_with(|| Assembler::new(Some(id)));
        let Ok(Some(whole)) = assembler.push(payload) else { return };
        self.assemblers.remove(&id);
        let checkpoint = match Checkpoint::decode(&whole, &self.wanted.topic, self.wanted.partition) {
            Ok(checkpoint) => checkpoint,
            Err(why) => {
                self.found.wrong = Some(why.to_string());
                return;
            }
        };
        let best = self.found.checkpoint.as_ref();
        let is_later = best.is_none_or(|best| checkpoint.offset >= best.offset);
        if checkpoint.offset <= self.wanted.committed && is_later {
            let reference = self.name.unwrap_or(Reference { slot, ..Reference::of(&checkpoint, id) });
            self.found = Found {
                checkpoint: Some(checkpoint),
                reference: Some(reference),
                bytes: whole.len() as u64,
                wrong: None,
            };
        }
    }
}
