//! A partition that this member owns, and how it comes to it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fluent_anomaly::streams::{Found, Opened, Opening, Partition, Reference};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::Hearing;
use super::error::MemberError;
use super::member::Member;
use super::topics;

/// How long a transaction of the owner before may keep the offsets back.
const COMMITTED_WITHIN: Duration = Duration::from_secs(90);

/// A partition with its models.
pub(crate) struct Owned {
    pub(crate) partition: Partition,
    /// Its last checkpoint that counts.
    pub(crate) reference: Option<Reference>,
    /// Records before this offset have left.
    pub(crate) committed: i64,
    /// When the next checkpoint is due.
    pub(crate) due: Instant,
    /// The current transaction has records of it.
    pub(crate) is_touched: bool,
}

impl Member<'_> {
    /// Loads the models of partitions and begins to read them.
    pub(crate) fn open(&mut self, partitions: &[(String, i32)]) -> Result<(), MemberError> {
        let began = Instant::now();
        let openings = self.openings(partitions)?;
        let settings = self.settings;
        let is_wanted = |opening: &&Opening| !opening.is_new && !settings.is_rekeyed(&opening.topic);
        let wanted: Vec<&Opening> = openings.iter().filter(is_wanted).collect();
        let loaded = if wanted.is_empty() {
            Vec::new()
        } else {
            self.checkpoints.load(settings, self.log, &wanted)?
        };
        let mut loaded = loaded.into_iter();
        let mut list = TopicPartitionList::new();
        let (mut series, mut bytes, mut replay) = (0, 0, 0);
        for (n, opening) in openings.iter().enumerate() {
            let found =
                if is_wanted(&opening) { loaded.next().unwrap_or_default() } else { Found::default() };
            bytes += found.bytes;
            let owned = self.open_one(opening, found, n);
            series += owned.partition.series();
            replay += owned.committed - owned.partition.next();
            let (topic, number) = (opening.topic.as_str(), opening.partition);
            list.add_partition_offset(topic, number, Offset::Offset(owned.partition.next()))
                .map_err(MemberError::again("assignment"))?;
            self.inputs.own(topic, number, owned);
        }
        let assigned = self.consumer.incremental_assign(&list);
        assigned.map_err(MemberError::again("assignment"))?;
        // what a broker said of the last assignment is settled
        self.has_lost_input.store(false, Relaxed);
        // a crash before the first checkpoint would leave nothing to replay from
        self.begin_checkpoints()?;
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
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
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
                // records that were given their keys before this member came are none of them late
                _ if self.settings.begins_at_end && Some(&topic) != self.settings.rekey.as_ref() => {
                    (true, high)
                }
                _ => (true, low),
            };
            let reference =
                Reference::parse(one.metadata()).filter(|reference| reference.offset <= committed);
            openings.push(Opening {
                partitions: self.inputs.partitions_of(&topic),
                topic,
                partition,
                committed,
                is_new,
                reference,
                low,
                high,
                is_out_of_range: self.has_lost_input.load(Relaxed),
            });
        }
        Ok(openings)
    }

    fn open_one(&self, opening: &Opening, found: Found, n: usize) -> Owned {
        let (topic, number) = (opening.topic.as_str(), opening.partition);
        let bytes = found.bytes;
        let Opened { mut partition, committed, reference, told, has_gap } = if self.settings.is_rekeyed(topic)
        {
            opening.without_models(&self.settings.partition)
        } else {
            opening.open(&self.settings.partition, found)
        };
        for line in told {
            self.log.say(&format!("{topic} {number}: {line}"));
        }
        self.counters.gaps.fetch_add(u64::from(has_gap), Relaxed);
        for line in partition.take_log() {
            self.log.say(&format!("{topic} {number}: {line}"));
        }
        self.counters.partition(topic, number, |gauges| {
            gauges.lag = (opening.high - committed).max(0);
            gauges.checkpoint_made_s = reference.map_or(0, |reference| reference.made_s);
            gauges.checkpoint_bytes = bytes;
            gauges.series = partition.series();
        });
        // spread over the interval, so that they are not all made at once
        let spread = self.settings.checkpoint_every.mul_f64((n % 16 + 1) as f64 / 16.0);
        Owned { partition, reference, committed, due: Instant::now() + spread, is_touched: false }
    }
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
