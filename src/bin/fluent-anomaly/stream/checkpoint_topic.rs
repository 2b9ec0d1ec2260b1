//! Checkpoints in a compacted topic.
//!
//! A checkpoint is cut into chunks, with keys `<group>/<topic>/<partition>/<slot>/<index>`. A partition has two slots:
//! the next checkpoint goes over the one before the last, so that compaction leaves the last one whole until the next
//! is. Chunks are written in the transactions of the outputs: what a member writes that has lost its partition is
//! aborted with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluent_anomaly::streams::{Assembler, Checkpoint, Reference};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Hearing, StreamLog};
use super::member::MemberError;
use super::settings::StreamSettings;

/// Nothing comes for so long: the broker is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// What is looked for.
pub(crate) struct Wanted {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// What the committed offset names.
    pub(crate) reference: Option<Reference>,
    /// Without a name: the latest one at or before this offset.
    pub(crate) committed: i64,
}

/// The key of a chunk.
pub(crate) fn key(group: &str, topic: &str, partition: i32, slot: u8, index: usize) -> String {
    format!("{}{slot}/{index}", prefix(group, topic, partition))
}

fn prefix(group: &str, topic: &str, partition: i32) -> String {
    format!("{group}/{topic}/{partition}/")
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Its bytes as it is stored.
    pub(crate) bytes: u64,
    /// Why the one that is named cannot be used.
    pub(crate) wrong: Option<String>,
}

struct Search<'a> {
    wanted: &'a Wanted,
    prefix: String,
    assemblers: BTreeMap<u64, Assembler>,
    found: Found,
}

/// Finds the checkpoints of partitions; `None` for one that has none.
pub(crate) fn load(
    settings: &StreamSettings,
    log: &Arc<StreamLog>,
    (topic, partitions): (&str, i32),
    wanted: &[Wanted],
) -> Result<Vec<Found>, MemberError> {
    let again = |error: KafkaError| MemberError::Again(format!("checkpoints cannot be read: {error}"));
    let reader: BaseConsumer<Hearing> =
        settings.checkpoint_reader().create_with_context(Hearing::new(log)).map_err(again)?;
    let mut searches: Vec<Search<'_>> = wanted
        .iter()
        .map(|wanted| Search {
            wanted,
            prefix: prefix(&settings.group, &wanted.topic, wanted.partition),
            assemblers: BTreeMap::new(),
            found: Found::default(),
        })
        .collect();
    // where to begin in each partition of the topic
    let mut starts: BTreeMap<i32, i64> = BTreeMap::new();
    for wanted in wanted {
        let start = wanted.reference.map_or(0, |reference| reference.log_start);
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
                        || (search.found.checkpoint.is_some() && search.wanted.reference.is_some())
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
        if self.wanted.reference.is_some_and(|reference| reference.id != id) {
            return;
        }
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
            self.found = Found { checkpoint: Some(checkpoint), bytes: whole.len() as u64, wrong: None };
        }
    }
}
