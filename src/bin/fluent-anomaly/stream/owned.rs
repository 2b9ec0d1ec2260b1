//! A partition that this member owns, and how it comes to it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fluent_anomaly::streams::{Partition, Reference};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::checkpoint_topic::{Found, Wanted};
use super::client::Hearing;
use super::member::{Member, MemberError};
use super::topics;

/// How long a transaction of the owner before may keep the offsets back.
const COMMITTED_WITHIN: Duration = Duration::from_secs(90);

/// A partition with its models.
pub(crate) struct Owned {
    pub(crate) partition: Partition,
    /// Its last checkpoint that counts. One with `id` 0 is none: the models begin at its offset.
    pub(crate) reference: Reference,
    /// Records before this offset have left.
    pub(crate) committed: i64,
    /// When the next checkpoint is due.
    pub(crate) due: Instant,
    /// The current transaction has records of it.
    pub(crate) is_touched: bool,
}

/// A partition before it is opened.
struct Opening {
    wanted: Wanted,
    /// No offset is committed.
    is_new: bool,
    low: i64,
    high: i64,
}

impl Member<'_> {
    /// Loads the models of partitions and begins to read them.
    pub(crate) fn open(&mut self, partitions: &[(String, i32)]) -> Result<(), MemberError> {
        let began = Instant::now();
        let openings = self.openings(partitions)?;
        let needed: Vec<usize> = (0..openings.len()).filter(|&n| has_checkpoint(&openings[n])).collect();
        let wanted: Vec<Wanted> = needed.iter().map(|&n| copy(&openings[n].wanted)).collect();
        let mut found: Vec<Found> = openings.iter().map(|_| Found::default()).collect();
        if !wanted.is_empty() {
            let loaded = self.checkpoints.load(self.settings, self.log, &wanted)?;
            for (n, loaded) in needed.into_iter().zip(loaded) {
                found[n] = loaded;
            }
        }
        let mut list = TopicPartitionList::new();
        let (mut series, mut bytes, mut replay) = (0, 0, 0);
        for (n, (opening, found)) in openings.into_iter().zip(found).enumerate() {
            bytes += found.bytes;
            let owned = self.open_one(&opening, found, n)?;
            series += owned.partition.series();
            replay += owned.committed - owned.partition.next();
            let Wanted { topic, partition, .. } = opening.wanted;
            list.add_partition_offset(&topic, partition, Offset::Offset(owned.partition.next()))
                .map_err(MemberError::again("assignment"))?;
            self.own(&topic, partition, owned);
        }
        let assigned = self.consumer.incremental_assign(&list);
        assigned.map_err(MemberError::again("assignment"))?;
        if !partitions.is_empty() {
            self.log.say(&format!(
                "{} partitions more: {series} series, {:.1} MB of checkpoints read in {:.1} s, {replay} records to replay",
                partitions.len(),
                bytes as f64 / 1e6,
                began.elapsed().as_secs_f64(),
            ));
        }
        Ok(())
    }

    /// Where reading and replay begin.
    fn openings(&self, partitions: &[(String, i32)]) -> Result<Vec<Opening>, MemberError> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        // waits for the transactions of whoever had them before
        let committed = self
            .consumer
            .committed_offsets(list, COMMITTED_WITHIN)
            .map_err(MemberError::again("committed offsets"))?;
        let mut openings = Vec::new();
        for one in committed.elements() {
            one.error().map_err(MemberError::again("committed offsets"))?;
            let (topic, partition) = (one.topic().to_owned(), one.partition());
            let (low, high) = watermarks(&self.consumer, &topic, partition)?;
            let (is_new, committed) = match one.offset() {
                Offset::Offset(offset) => (false, offset),
                _ if self.settings.begins_at_end => (true, high),
                _ => (true, low),
            };
            let reference =
                Reference::parse(one.metadata()).filter(|reference| reference.offset <= committed);
            openings.push(Opening {
                wanted: Wanted { topic, partition, reference, committed },
                is_new,
                low,
                high,
            });
        }
        Ok(openings)
    }

    fn open_one(&self, opening: &Opening, found: Found, n: usize) -> Result<Owned, MemberError> {
        let Opening { wanted: Wanted { topic, partition, reference, committed }, is_new, low, high } =
            opening;
        let (number, low, high) = (*partition, *low, *high);
        let count = self.from_partitions;
        let say = |text: String| self.log.say(&format!("{topic} {number}: {text}"));
        let mut committed = *committed;
        let begin = |start, committed| {
            Partition::begin(&self.settings.partition, topic, number, count, start).replaying_to(committed)
        };
        let mut partition = if committed > high && self.has_lost_input.load(Relaxed) {
            say(format!(
                "offset {committed} is committed, and the topic ends at {high}: it was made anew, and so are the models"
            ));
            committed = low;
            begin(low, low)
        } else if let Some(checkpoint) = found.checkpoint {
            let had = checkpoint.partitions;
            if had != count {
                say(format!(
                    "the topic has {count} partitions and had {had} at the last checkpoint: series whose keys moved begin anew"
                ));
            }
            Partition::resume(&self.settings.partition, checkpoint, count, committed)
                .map_err(|error| MemberError::Again(error.to_string()))?
        } else {
            // a group that has made no checkpoint yet learns all again
            let start = match reference {
                Some(reference) if reference.id == 0 => reference.offset,
                _ => committed,
            };
            if let Some(why) = found.wrong {
                say(format!(
                    "the models begin anew at offset {start}, since their checkpoint cannot be used: {why}"
                ));
            } else if reference.is_some_and(|reference| reference.id != 0) {
                say(format!("the models begin anew at offset {start}, since their checkpoint is gone"));
            } else if !is_new && reference.is_none() {
                say(format!("offset {committed} is committed without a checkpoint: the models begin there"));
            }
            begin(start, committed)
        };
        for line in partition.take_log() {
            say(line);
        }
        let next = partition.next();
        if next < low {
            self.counters.gaps.fetch_add(1, Relaxed);
            say(format!(
                "the topic does not hold offsets {next} to {} any more: the models go on with a gap",
                low - 1
            ));
            if committed < low {
                say(format!("{} records were dropped before they were scored", low - committed));
            }
            partition.skip_to(low);
            committed = committed.max(low);
        }
        let own = Reference {
            id: 0,
            offset: partition.next(),
            partitions: count,
            slot: 0,
            chunks: 0,
            log_start: 0,
            made_s: 0,
        };
        // spread over the interval, so that they are not all made at once
        let spread = self.settings.checkpoint_every.mul_f64((n % 16 + 1) as f64 / 16.0);
        let reference = reference.filter(|_| partition.is_resumed()).unwrap_or(own);
        self.counters.partition(topic, number, |gauges| {
            gauges.lag = high - committed;
            gauges.checkpoint_made_s = reference.made_s;
            gauges.checkpoint_bytes = found.bytes;
            gauges.series = partition.series();
        });
        Ok(Owned { partition, reference, committed, due: Instant::now() + spread, is_touched: false })
    }
}

fn has_checkpoint(opening: &Opening) -> bool {
    !opening.is_new && opening.wanted.reference.is_none_or(|reference| reference.id != 0)
}

fn copy(wanted: &Wanted) -> Wanted {
    Wanted { topic: wanted.topic.clone(), ..*wanted }
}

/// First offset of a partition, and the one behind its last.
pub(crate) fn watermarks(
    consumer: &BaseConsumer<Hearing>,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), MemberError> {
    let found = consumer.fetch_watermarks(topic, partition, topics::ANSWER);
    found.map_err(MemberError::again(&format!("offsets of {topic} {partition}")))
}
