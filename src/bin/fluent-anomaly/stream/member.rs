//! A member of the group: reads, scores, commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fluent_anomaly::native::{Env, Native};
use fluent_anomaly::streams::StreamCounters;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::checkpoints::{Checkpoints, Pending};
use super::client::{GroupEvent, Hearing, StreamLog};
use super::error::MemberError;
use super::inputs::{Input, Inputs};
use super::output::Output;
use super::owned::Owned;
use super::settings::StreamSettings;
use super::topics;

/// How often the ends of the partitions are asked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long the first transaction may wait for those that this name left open.
const INIT_WITHIN: Duration = Duration::from_secs(60);

/// Everything that a member works with.
pub(crate) struct Member<'a> {
    pub(super) settings: &'a StreamSettings,
    pub(super) env: &'a Native,
    pub(super) log: &'a Arc<StreamLog>,
    pub(super) counters: &'a StreamCounters,
    pub(super) consumer: BaseConsumer<Hearing>,
    pub(super) producer: BaseProducer<Hearing>,
    pub(super) checkpoints: Checkpoints,
    /// A broker said that it does not have an offset. Its answer about the ends of a partition may be a late one.
    pub(super) has_lost_input: &'a AtomicBool,
    pub(super) inputs: Inputs,
    pub(super) output: Output,
    pub(super) pending: Option<Pending>,
    pub(super) in_transaction: bool,
    /// Some partition has records in the transaction.
    pub(super) is_touched: bool,
    pub(super) record: Vec<u8>,
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
            inputs: Inputs(inputs),
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

    /// Does what the group asks for.
    fn serve(&mut self) -> Result<(), MemberError> {
        if !self.consumer.context().has_events() {
            return Ok(());
        }
        for event in self.consumer.context().take_events() {
            self.counters.rebalances.fetch_add(1, Relaxed);
            match event {
                GroupEvent::Assign(partitions) => {
                    self.look_at_partitions();
                    self.open(&partitions)?;
                }
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
            self.inputs.let_go(topic, *number);
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

    /// Says what the pipelines have to say.
    fn tell(&mut self) {
        self.say_of_each(|_, _| true, |owned| owned.partition.take_log());
    }

    fn tell_at_end(&mut self, of: impl Fn(&str, i32) -> bool) {
        self.say_of_each(of, |owned| owned.partition.end());
    }

    fn say_of_each(&mut self, of: impl Fn(&str, i32) -> bool, lines: impl Fn(&mut Owned) -> Vec<String>) {
        for ((topic, number), owned) in
            self.inputs.owned_mut().filter(|((topic, number), _)| of(topic, *number))
        {
            for line in lines(owned) {
                self.log.say(&format!("{topic} {number}: {line}"));
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
