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
use super::output::{Envelope, Output, Target};
use super::owned::Owned;
use super::settings::StreamSettings;
use super::topics;

/// A transaction is committed when it is so old, or has so many records or bytes.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
const MOST_RECORDS: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;
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

/// A topic that is read.
struct Input {
    topic: String,
    partitions: i32,
    /// The output has as many partitions: records keep theirs.
    keeps_partition: bool,
    /// By number.
    owned: Vec<Option<Box<Owned>>>,
}

impl Input {
    fn new(topic: &str, partitions: i32, to_partitions: i32) -> Self {
        let keeps_partition = partitions == to_partitions;
        Self { topic: topic.to_owned(), partitions, keeps_partition, owned: Vec::new() }
    }

    fn slot(&mut self, number: i32) -> Option<&mut Option<Box<Owned>>> {
        self.owned.get_mut(usize::try_from(number).ok()?)
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
    inputs: Vec<Input>,
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
        let mut inputs = vec![Input::new(from, from_partitions, to_partitions)];
        if let Some(rekey) = &settings.rekey {
            let partitions =
                topics::ensured(&consumer, settings, rekey, from_partitions, topics::OF_REKEYED, log)?;
            inputs.push(Input::new(rekey, partitions, to_partitions));
        }
        let names: Vec<&str> = inputs.iter().map(|input| input.topic.as_str()).collect();
        consumer.subscribe(&names).map_err(MemberError::again("subscription"))?;
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
            inputs,
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
            // to wait for a message that is there already costs looks at the clock
            let found = self.consumer.poll(Duration::ZERO).or_else(|| self.consumer.poll(wait));
            let is_silent = found.is_none();
            match found {
                Some(Ok(message)) => {
                    let scored = Scoring {
                        inputs: &mut self.inputs,
                        output: &mut self.output,
                        record: &mut self.record,
                        counters: self.counters,
                    };
                    self.is_touched |= scored.take(&message);
                }
                Some(Err(error)) => hear(error, self.log, self.has_lost_input)?,
                None => {}
            }
            count += 1;
            // a look at the clock, and at what others have set, costs as much as a small record
            if !is_silent && !count.is_multiple_of(32) {
                continue;
            }
            if self.consumer.context().has_events() || self.env.stopping() {
                break;
            }
            wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                break;
            }
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
                && owned.reference.is_none_or(|reference| owned.partition.next() > reference.offset)
                && !owned.partition.is_replaying()
                && !owned.partition.is_rekeying()
                && of(topic, *number)
        });
        let Some((topic, number)) = due.min_by_key(|(_, owned)| owned.due).map(|(place, _)| place) else {
            return Ok(());
        };
        let topic = topic.to_owned();
        let every = self.settings.checkpoint_every;
        let Some(owned) = self.partition_mut(&topic, number) else { return Ok(()) };
        owned.due = now + every;
        let before = owned.reference;
        let checkpoint = owned.partition.checkpoint().map_err(MemberError::again("checkpoint"))?;
        let pending = self.checkpoints.begin(&checkpoint, before.as_ref(), &self.consumer, self.env)?;
        self.pending = Some(pending);
        Ok(())
    }

    /// The transaction was committed: what it named counts.
    pub(super) fn committed(&mut self) {
        self.is_touched = false;
        let all = self.inputs.iter_mut().flat_map(|input| &mut input.owned).flatten();
        for owned in all.filter(|owned| owned.is_touched) {
            owned.is_touched = false;
            owned.committed = owned.partition.next();
        }
        let Some(pending) = &mut self.pending else { return };
        if !pending.is_whole() {
            return pending.keep();
        }
        let Some(pending) = self.pending.take() else { return };
        let Pending { topic, partition, reference, bytes, .. } = pending;
        let Some(owned) = self.partition_mut(&topic, partition) else { return };
        let before = owned.reference.replace(reference);
        self.checkpoints.replaced(&topic, partition, before.as_ref());
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

    /// First checkpoints of partitions that have none: their models as they are before anything is read.
    pub(super) fn begin_checkpoints(&mut self) -> Result<(), MemberError> {
        let without = |member: &Self| {
            let mut owned = member.owned().filter(|(_, owned)| !owned.partition.is_rekeying());
            owned.any(|(_, owned)| owned.reference.is_none())
        };
        while without(self) {
            let now = Instant::now();
            for owned in self.inputs.iter_mut().flat_map(|input| &mut input.owned).flatten() {
                if owned.reference.is_none() {
                    owned.due = now;
                }
            }
            self.begin_checkpoint(now, |_, _| true)?;
            self.commit()?;
        }
        Ok(())
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
            let mut inputs = self.inputs.iter_mut();
            if let Some(slot) =
                inputs.find(|input| input.topic == *topic).and_then(|input| input.slot(*number))
            {
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
    pub(super) fn own(&mut self, topic: &str, number: i32, owned: Owned) {
        let Some(input) = self.inputs.iter_mut().find(|input| input.topic == topic) else { return };
        let Ok(at) = usize::try_from(number) else { return };
        if input.owned.len() <= at {
            input.owned.resize_with(at + 1, || None);
        }
        if let Some(slot) = input.owned.get_mut(at) {
            *slot = Some(Box::new(owned));
        }
    }

    /// The partitions of this member.
    pub(super) fn owned(&self) -> impl Iterator<Item = ((&str, i32), &Owned)> {
        self.inputs.iter().flat_map(|input| {
            let numbered = input.owned.iter().zip(0..);
            numbered.filter_map(|(owned, number)| Some(((input.topic.as_str(), number), &**owned.as_ref()?)))
        })
    }

    fn partition_mut(&mut self, topic: &str, number: i32) -> Option<&mut Owned> {
        self.inputs.iter_mut().find(|input| input.topic == topic)?.slot(number)?.as_deref_mut()
    }

    /// How many partitions a topic of the input has.
    pub(super) fn partitions_of(&self, topic: &str) -> i32 {
        self.inputs.iter().find(|input| input.topic == topic).map_or(0, |input| input.partitions)
    }

    /// Says what the pipelines have to say.
    fn tell(&mut self) {
        self.say_of_each(|_, _| true, |owned| owned.partition.take_log());
    }

    fn tell_at_end(&mut self, of: impl Fn(&str, i32) -> bool) {
        self.say_of_each(of, |owned| owned.partition.end());
    }

    fn say_of_each(&mut self, of: impl Fn(&str, i32) -> bool, lines: impl Fn(&mut Owned) -> Vec<String>) {
        for input in &mut self.inputs {
            for (owned, number) in input.owned.iter_mut().zip(0..) {
                if let Some(owned) = owned.as_mut().filter(|_| of(&input.topic, number)) {
                    for line in lines(owned) {
                        self.log.say(&format!("{} {number}: {line}", input.topic));
                    }
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
    inputs: &'m mut [Input],
    output: &'m mut Output,
    record: &'m mut Vec<u8>,
    counters: &'m StreamCounters,
}

impl Scoring<'_> {
    /// Scores the record of a message; true where it is to leave.
    fn take(self, message: &BorrowedMessage<'_>) -> bool {
        let number = message.partition();
        let input = match self.inputs {
            [only] => Some(only),
            several => several.iter_mut().find(|input| input.topic == message.topic()),
        };
        let Some(input) = input else { return false };
        let keeps_partition = input.keeps_partition;
        // a partition that was given back may still have messages in the queue
        let Some(Some(owned)) = input.slot(number) else { return false };
        let time = message.timestamp().to_millis().filter(|ms| *ms > 0);
        let time = time.map(|ms| Time::from_nanos(ms.saturating_mul(1_000_000)));
        let key = message.key();
        let head = Message { offset: message.offset(), time, has_key: key.is_some() };
        let payload = message.payload();
        let refused_before = owned.partition.refused();
        let taken = match payload {
            Some(payload) => {
                self.record.clear();
                self.record.extend_from_slice(payload);
                owned.partition.take(head, self.record)
            }
            None => owned.partition.pass(head),
        };
        let (target, partition, key) = match taken {
            Taken::Replayed => {
                self.counters.replayed.fetch_add(1, Relaxed);
                // its windows have left with it
                while owned.partition.take_window().is_some() {}
                return false;
            }
            Taken::Known => return false,
            Taken::Leaves => {
                let refused = owned.partition.refused() - refused_before;
                self.counters.refused.fetch_add(refused, Relaxed);
                (Target::Scored, keeps_partition.then_some(number), key)
            }
            Taken::Rekeyed => {
                self.counters.rekeyed.fetch_add(1, Relaxed);
                (Target::Rekey, None, Some(owned.partition.key()))
            }
        };
        let headers = message.headers().map(|headers| headers.detach());
        let envelope = Envelope { target, partition, key, headers, time };
        self.output.add(envelope, payload.map(|_| self.record.as_slice()), payload);
        while let Some(window) = owned.partition.take_window() {
            self.output.add_window(&window, keeps_partition.then_some(number));
        }
        owned.is_touched = true;
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
