//! One transaction: outputs, the offsets of their input, and pieces of a checkpoint.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::error::MemberError;
use super::member::Member;
use super::topics::ANSWER;

/// How long the cluster may take to end a transaction, beyond which it is unknown how it ended.
const END_WITHIN: Duration = Duration::from_secs(60);
/// So often the same records are sent again after an abort.
const TRIES: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// How often it looks whether all messages are with the brokers.
const DELIVERED_EVERY: Duration = Duration::from_micros(500);

/// Why a transaction did not come to its end.
enum Trouble {
    /// It can be aborted, and the same records sent again.
    Abort(String),
    /// A record is larger than the topic takes.
    TooLarge,
    /// The producer or the membership is of no use any more.
    Over(String),
}

impl Member<'_> {
    /// Whether the next transaction has something to carry.
    pub(crate) fn has_work(&self) -> bool {
        self.output.len() > 0 || self.pending.is_some() || self.is_touched
    }

    /// Opens a transaction, if none is open.
    pub(crate) fn ensure_transaction(&mut self) -> Result<(), MemberError> {
        if !self.in_transaction {
            self.producer.begin_transaction().map_err(MemberError::again("transaction"))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits everything that was scored since the last time, with its offsets.
    pub(crate) fn commit(&mut self) -> Result<(), MemberError> {
        let mut tries = 0;
        loop {
            self.ensure_transaction()?;
            let why = match self.try_commit() {
                Ok(()) => break,
                Err(Trouble::Over(why)) => return Err(MemberError::Again(why)),
                // such steps are few, and no tries
                Err(Trouble::TooLarge) => {
                    let why = self.make_smaller()?;
                    self.abort()?;
                    self.log.say_seldom(&why);
                    continue;
                }
                Err(Trouble::Abort(why)) => why,
            };
            self.abort()?;
            tries += 1;
            if tries >= TRIES {
                return Err(MemberError::Again(why));
            }
            self.log.say_seldom(&format!("transaction aborted, and tried again: {why}"));
            thread::sleep(TRY_AGAIN * tries);
        }
        self.in_transaction = false;
        self.counters.committed.fetch_add(1, Relaxed);
        let windows = self.output.windows();
        self.counters.records.fetch_add((self.output.len() - windows) as u64, Relaxed);
        self.counters.windows.fetch_add(windows as u64, Relaxed);
        self.output.clear();
        self.committed();
        Ok(())
    }

    /// What does not fit into the topic is sent in another way from now on.
    fn make_smaller(&mut self) -> Result<String, MemberError> {
        let to = &self.settings.to;
        if let Some(bytes) = self.output.send_less_at_once() {
            return Ok(format!(
                "topic {to:?} does not take so much at once: {bytes} bytes are sent at once from now on; kafka.batch.size in [kafka], below the topic's max.message.bytes, is faster"
            ));
        }
        if self.output.has_originals() {
            self.output.without_annotations = true;
            return Ok("a record is larger than the topic takes: large records leave as they came".to_owned());
        }
        Err(MemberError::Again(format!(
            "a record is larger than topic {to:?} takes: raise its max.message.bytes, and kafka.message.max.bytes in [kafka] beyond 16777216"
        )))
    }

    fn abort(&mut self) -> Result<(), MemberError> {
        self.counters.aborted.fetch_add(1, Relaxed);
        let aborted = self.producer.abort_transaction(END_WITHIN);
        self.in_transaction = false;
        let _ = self.producer.context().take_undelivered();
        self.output.rewind();
        if let Some(pending) = &mut self.pending {
            pending.rewind();
        }
        aborted.map_err(MemberError::again("transaction"))
    }

    fn try_commit(&mut self) -> Result<(), Trouble> {
        loop {
            let sent = self.output.send(&self.producer, &self.settings.to, self.settings.rekey.as_deref());
            if sent.map_err(|error| self.trouble(&error))? {
                break;
            }
            self.deliver()?;
        }
        if let Some(pending) = &mut self.pending {
            let sent = pending.send(&self.checkpoints, &self.settings.group, &self.producer);
            sent.map_err(|error| self.trouble(&error))?;
        }
        self.deliver()?;
        let offsets = self.offsets().map_err(|error| self.trouble(&error))?;
        let Some(group) = self.consumer.group_metadata() else {
            return Err(Trouble::Over("the member left its group".to_owned()));
        };
        self.producer
            .send_offsets_to_transaction(&offsets, &group, END_WITHIN)
            .map_err(|error| self.trouble(&error))?;
        loop {
            match self.producer.commit_transaction(END_WITHIN) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                    self.log.say_seldom(&format!("the end of a transaction takes long: {}", error.string()));
                }
                Err(error) => return Err(self.trouble(&error)),
            }
        }
    }

    /// Waits until all messages are with the brokers.
    fn deliver(&self) -> Result<(), Trouble> {
        let until = Instant::now() + END_WITHIN;
        // the library's own flush sleeps a tenth of a second each time, and its poll turns in a loop for the last millisecond
        while self.producer.in_flight_count() > 0 {
            thread::sleep(DELIVERED_EVERY);
            self.producer.poll(Duration::ZERO);
            if Instant::now() > until {
                return Err(Trouble::Abort("messages are not taken by the brokers".to_owned()));
            }
        }
        self.producer.poll(Duration::ZERO);
        match self.producer.context().take_undelivered() {
            None => Ok(()),
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
                Err(Trouble::TooLarge)
            }
            Some(code) => Err(Trouble::Abort(format!("a message was not delivered: {code}"))),
        }
    }

    /// The next offsets of all partitions that have moved, each with the name of its checkpoint.
    fn offsets(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut offsets = TopicPartitionList::new();
        for ((topic, number), owned) in self.inputs.owned() {
            let new = self.whole_checkpoint(topic, number);
            if !owned.is_touched && new.is_none() {
                continue;
            }
            let next = owned.partition.next().max(owned.committed);
            let mut entry = offsets.add_partition(topic, number);
            entry.set_offset(Offset::Offset(next))?;
            if let Some(reference) = new.or(owned.reference) {
                entry.set_metadata(reference.to_string());
            }
        }
        Ok(offsets)
    }

    fn trouble(&self, error: &KafkaError) -> Trouble {
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge) => Trouble::TooLarge,
            KafkaError::Transaction(error) if error.is_fatal() => {
                Trouble::Over(format!("the transaction belongs to another member now: {}", error.string()))
            }
            KafkaError::Transaction(error) => {
                let why = format!("transaction: {}", error.string());
                let is_about_group = matches!(
                    error.code(),
                    RDKafkaErrorCode::IllegalGeneration
                        | RDKafkaErrorCode::UnknownMemberId
                        | RDKafkaErrorCode::FencedInstanceId
                        | RDKafkaErrorCode::RebalanceInProgress
                );
                if error.txn_requires_abort() && !is_about_group {
                    Trouble::Abort(why)
                } else {
                    Trouble::Over(why)
                }
            }
            other => Trouble::Over(other.to_string()),
        }
    }

    /// Asks for the ends of all partitions, for the lag.
    pub(crate) fn look_at_ends(&self) {
        for ((topic, number), owned) in self.inputs.owned() {
            let Ok((_, high)) = self.consumer.fetch_watermarks(topic, number, ANSWER) else { return };
            self.counters.partition(topic, number, |gauges| {
                gauges.lag = (high - owned.committed.max(owned.partition.next())).max(0);
                gauges.series = owned.partition.series();
            });
        }
    }
}
