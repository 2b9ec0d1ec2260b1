//! A member of the group: reads, scores, commits.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fluent_anomaly::Time;
use fluent_anomaly::native::{Env, Native};
use fluent_anomaly::streams::{Message, Reference, StreamCounters, Taken};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::checkpoints::{Checkpoints, Pending};
use super::client::{GroupEvent, Hearing, StreamLog};
use super::output::{Envelope, Output};
use super::owned::Owned;
use super::settings::StreamSettings;
use super::topics;

/// A transaction is committed when it is so old, or has so many records or bytes.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
const MOST_RECORDS: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;
/// How often the ends of the partitions are asked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long the first transaction may wait for those that this name left open.
const INIT_WITHIN: Duration = Duration::from_secs(60);

/// Why a member ends.
#[derive(Debug)]
pub(crate) enum MemberError {
    /// At the start of the program: nothing to wait for.
    Wrong(String),
    /// It may work when it begins anew: from the last committed offsets.
    Again(String),
}

impl MemberError {
    /// `what` was tried, and begins anew.
    pub(crate) fn again<E: Display>(what: &str) -> impl Fn(E) -> Self + use<E> {
        let what = what.to_owned();
        move |error| Self::Again(format!("{what}: {error}"))
    }
}

pub(crate) struct Member<'a> {
    pub(super) settings: &'a StreamSettings,
    env: &'a Native,
    pub(super) log: &'a Arc<StreamLog>,
    pub(super) counters: &'a StreamCounters,
    pub(super) consumer: BaseConsumer<Hearing>,
    pub(super) producer: BaseProducer<Hearing>,
    pub(super) checkpoints: Checkpoints,
    /// A broker said that it does not have an offset. Its answer about the ends of a partition may be a late one.
    pub(super) has_lost_input: &'a AtomicBool,
    pub(super) from_partitions: i32,
    /// The output has as many partitions as the input: records keep theirs.
    keeps_partition: bool,
    /// By number.
    partitions: Vec<Option<Box<Owned>>>,
    pub(super) output: Output,
    pub(super) pending: Option<Pending>,
    pub(super) in_transaction: bool,
    /// Some partition has records in the transaction.
    pub(super) is_touched: bool,
    record: Vec<u8>,
}

impl<'a> Member<'a> {
    pub(crate) fn start(
        settings: &'a StreamSettings,
        env: &'a Native,
        log: &'a Arc<StreamLog>,
        counters: &'a StreamCounters,
        has_lost_input: &'a AtomicBool,
    ) -> Result<Self, MemberError> {
        let StreamSettings { brokers, group, from, to, instance, .. } = settings;
        let consumer: BaseConsumer<Hearing> = settings
            .consumer()
            .create_with_context(Hearing::new(log))
            .map_err(MemberError::again("consumer"))?;
        let from_partitions = topics::needed(&consumer, from, brokers)?;
        let to_partitions = topics::needed(&consumer, to, brokers)?;
        let checkpoints = Checkpoints::open(settings, &consumer, from_partitions, log)?;
        let producer: BaseProducer<Hearing> = settings
            .producer()
            .create_with_context(Hearing::new(log))
            .map_err(MemberError::again("producer"))?;
        producer.init_transactions(INIT_WITHIN).map_err(MemberError::again("transactions"))?;
        consumer.subscribe(&[from]).map_err(MemberError::again("subscription"))?;
        log.say(&format!(
            "member {instance:?} of group {group:?} scores {from:?} ({from_partitions} partitions) into {to:?} ({to_partitions})"
        ));
        Ok(Self {
            settings,
            env,
            log,
            counters,
            consumer,
            producer,
            checkpoints,
            has_lost_input,
            from_partitions,
            keeps_partition: from_partitions == to_partitions,
            partitions: Vec::new(),
            output: Output::default(),
            pending: None,
            in_transaction: false,
            is_touched: false,
            record: Vec::new(),
        })
    }

    /// Works until it is asked to stop.
    pub(crate) fn work(&mut self) -> Result<(), MemberError> {
        let mut looked = Instant::now();
        while !self.env.stopping() {
            self.fill()?;
            self.begin_checkpoint(Instant::now(), |_, _| true)?;
            if self.has_work() {
                self.commit()?;
            }
            self.serve()?;
            if looked.elapsed() > LOOK_EVERY {
                looked = Instant::now();
                self.look_at_ends();
                self.producer.poll(Duration::ZERO);
                self.tell();
            }
        }
        self.checkpoint_all(|_, _| true)?;
        self.tell_at_end(|_, _| true);
        Ok(())
    }

    /// Scores records until a transaction is full or old enough, or the group asks for something.
    fn fill(&mut self) -> Result<(), MemberError> {
        let until = Instant::now() + COMMIT_EVERY;
        let mut count = 0_u32;
        let mut wait = COMMIT_EVERY;
        while self.output.len() < MOST_RECORDS && self.output.bytes() < MOST_BYTES {
            // the borrow of the consumer ends with the message; everything else is disjoint
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let scored = Scoring {
                        partitions: &mut self.partitions,
                        output: &mut self.output,
                        record: &mut self.record,
                        counters: self.counters,
                        keeps_partition: self.keeps_partition,
                    };
                    self.is_touched |= scored.take(&message);
                }
                Some(Err(error)) => hear(error, self.log, self.has_lost_input)?,
                None => {}
            }
            if self.consumer.context().has_events() || self.env.stopping() {
                break;
            }
            count += 1;
            // a look at the clock costs as much as a small record
            if wait.is_zero() && !count.is_multiple_of(64) {
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            wait = if count.is_multiple_of(64) { Duration::ZERO } else { left };
        }
        if self.output.len() > 0 {
            self.ensure_transaction()?;
        }
        Ok(())
    }

    /// Begins the checkpoint that is due first, unless one is being written.
    fn begin_checkpoint(&mut self, now: Instant, of: impl Fn(&str, i32) -> bool) -> Result<(), MemberError> {
        if self.pending.is_some() {
            return Ok(());
        }
        let due = self.owned().filter(|((topic, number), owned)| {
            owned.due <= now
                && owned.partition.next() > owned.reference.offset
                && !owned.partition.is_replaying()
                && of(topic, *number)
        });
        let Some((_, number)) = due.min_by_key(|(_, owned)| owned.due).map(|(place, _)| place) else {
            return Ok(());
        };
        let every = self.settings.checkpoint_every;
        let Some(owned) = self.partition_mut(number) else { return Ok(()) };
        owned.due = now + every;
        let before = Some(owned.reference).filter(|reference| reference.id != 0);
        let checkpoint = owned.partition.checkpoint().map_err(MemberError::again("checkpoint"))?;
        let pending = self.checkpoints.begin(&checkpoint, before.as_ref(), &self.consumer, self.env)?;
        self.pending = Some(pending);
        Ok(())
    }

    /// The transaction was committed: what it named counts.
    pub(super) fn committed(&mut self) {
        self.is_touched = false;
        for owned in self.partitions.iter_mut().flatten().filter(|owned| owned.is_touched) {
            owned.is_touched = false;
            owned.committed = owned.partition.next();
        }
        let Some(pending) = &mut self.pending else { return };
        if !pending.is_whole() {
            return pending.keep();
        }
        let Some(pending) = self.pending.take() else { return };
        let Pending { topic, partition, reference, bytes, .. } = pending;
        let Some(owned) = self.partition_mut(partition) else { return };
        let before = std::mem::replace(&mut owned.reference, reference);
        self.checkpoints.replaced(&topic, partition, Some(&before).filter(|before| before.id != 0));
        self.counters.checkpoints.fetch_add(1, Relaxed);
        self.counters.partition(&topic, partition, |gauges| {
            gauges.checkpoint_made_s = reference.made_s;
            gauges.checkpoint_bytes = bytes;
        });
    }

    /// The name of a checkpoint that counts once this transaction is committed.
    pub(super) fn whole_checkpoint(&self, topic: &str, number: i32) -> Option<Reference> {
        let pending = self.pending.as_ref()?;
        let is_this = pending.partition == number && pending.topic == topic && pending.is_whole();
        is_this.then_some(pending.reference)
    }

    /// Checkpoints of partitions that are given away: whoever gets them need not replay.
    fn checkpoint_all(&mut self, of: impl Fn(&str, i32) -> bool) -> Result<(), MemberError> {
        let late = Instant::now() + 2 * self.settings.checkpoint_every;
        loop {
            self.begin_checkpoint(late, &of)?;
            if !self.has_work() {
                return Ok(());
            }
            self.commit()?;
        }
    }

    /// Does what the group asks for.
    fn serve(&mut self) -> Result<(), MemberError> {
        if !self.consumer.context().has_events() {
            return Ok(());
        }
        for event in self.consumer.context().take_events() {
            self.counters.rebalances.fetch_add(1, Relaxed);
            match event {
                GroupEvent::Assign(partitions) => self.open(&partitions)?,
                GroupEvent::Revoke(partitions) => self.give_back(&partitions)?,
            }
        }
        Ok(())
    }

    fn give_back(&mut self, partitions: &[(String, i32)]) -> Result<(), MemberError> {
        if self.consumer.assignment_lost() {
            // others may have them already, and what was scored since the last commit is theirs to score
            return Err(MemberError::Again("the group has given the partitions to others".to_owned()));
        }
        let is_given = |topic: &str, number: i32| {
            partitions.iter().any(|(given, other)| given == topic && *other == number)
        };
        self.checkpoint_all(is_given)?;
        self.tell_at_end(is_given);
        let mut list = TopicPartitionList::new();
        for (topic, number) in partitions {
            list.add_partition(topic, *number);
            self.counters.forget(topic, *number);
            if let Some(slot) = usize::try_from(*number).ok().and_then(|n| self.partitions.get_mut(n)) {
                *slot = None;
            }
        }
        if self.pending.as_ref().is_some_and(|pending| is_given(&pending.topic, pending.partition)) {
            self.pending = None;
        }
        self.consumer.incremental_unassign(&list).map_err(MemberError::again("assignment"))?;
        if !partitions.is_empty() {
            self.log.say(&format!("{} partitions go to other members", partitions.len()));
        }
        Ok(())
    }

    /// Takes a partition.
    pub(super) fn own(&mut self, _topic: &str, number: i32, owned: Owned) {
        let Ok(at) = usize::try_from(number) else { return };
        if self.partitions.len() <= at {
            self.partitions.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.partitions.get_mut(at) {
            *slot = Some(Box::new(owned));
        }
    }

    /// The partitions of this member.
    pub(super) fn owned(&self) -> impl Iterator<Item = ((&str, i32), &Owned)> {
        let from = self.settings.from.as_str();
        let numbered = self.partitions.iter().zip(0..);
        numbered.filter_map(move |(owned, number)| Some(((from, number), &**owned.as_ref()?)))
    }

    fn partition_mut(&mut self, number: i32) -> Option<&mut Owned> {
        self.partitions.get_mut(usize::try_from(number).ok()?)?.as_deref_mut()
    }

    /// Says what the pipelines have to say.
    fn tell(&mut self) {
        let from = &self.settings.from;
        for (owned, number) in self.partitions.iter_mut().zip(0..) {
            for line in owned.iter_mut().flat_map(|owned| owned.partition.take_log()) {
                self.log.say(&format!("{from} {number}: {line}"));
            }
        }
    }

    fn tell_at_end(&mut self, of: impl Fn(&str, i32) -> bool) {
        let from = &self.settings.from;
        for (owned, number) in self.partitions.iter_mut().zip(0..) {
            if let Some(owned) = owned.as_mut().filter(|_| of(from, number)) {
                for line in owned.partition.end() {
                    self.log.say(&format!("{from} {number}: {line}"));
                }
            }
        }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        // the consumer gives its partitions back while it is dropped
        self.consumer.context().close();
        if self.in_transaction {
            // whoever reads committed records waits for its end otherwise
            let _ = self.producer.abort_transaction(Duration::from_secs(5));
        }
    }
}

/// What a message is scored with.
struct Scoring<'m> {
    partitions: &'m mut Vec<Option<Box<Owned>>>,
    output: &'m mut Output,
    record: &'m mut Vec<u8>,
    counters: &'m StreamCounters,
    keeps_partition: bool,
}

impl Scoring<'_> {
    /// Scores the record of a message; true where it is to leave.
    fn take(self, message: &BorrowedMessage<'_>) -> bool {
        let number = message.partition();
        let owned = usize::try_from(number).ok().and_then(|at| self.partitions.get_mut(at));
        // a partition that was given back may still have messages in the queue
        let Some(owned) = owned.and_then(Option::as_mut) else { return false };
        let time = message.timestamp().to_millis().filter(|ms| *ms > 0);
        let time = time.map(|ms| Time::from_nanos(ms.saturating_mul(1_000_000)));
        let key = message.key();
        let head = Message { offset: message.offset(), time, has_key: key.is_some() };
        let payload = message.payload();
        let taken = match payload {
            Some(payload) => {
                self.record.clear();
                self.record.extend_from_slice(payload);
                owned.partition.take(head, self.record)
            }
            None => owned.partition.pass(head),
        };
        match taken {
            Taken::Replayed => {
                self.counters.replayed.fetch_add(1, Relaxed);
                return false;
            }
            Taken::Known => return false,
            Taken::Leaves => {}
        }
        owned.is_touched = true;
        let envelope = Envelope {
            partition: self.keeps_partition.then_some(number),
            key,
            headers: message.headers().map(|headers| headers.detach()),
            time,
        };
        self.output.add(envelope, payload.map(|_| self.record.as_slice()), payload);
        true
    }
}

/// An error of the consumer: most are told by the client itself, and mend themselves.
fn hear(error: KafkaError, log: &StreamLog, has_lost_input: &AtomicBool) -> Result<(), MemberError> {
    use rdkafka::error::RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange, PollExceeded};
    match error {
        KafkaError::MessageConsumptionFatal(code) => {
            Err(MemberError::Again(format!("the group does not take this member: {code}")))
        }
        KafkaError::MessageConsumption(code @ (AutoOffsetReset | OffsetOutOfRange | PollExceeded)) => {
            has_lost_input.store(code != PollExceeded, Relaxed);
            Err(MemberError::Again(format!("reading cannot go on: {code}")))
        }
        other => {
            log.say_seldom(&format!("kafka: {other}"));
            Ok(())
        }
    }
}
