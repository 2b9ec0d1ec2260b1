//! Messages of the input, scored into the output of the next transaction.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fluent_anomaly::Time;
use fluent_anomaly::native::Env;
use fluent_anomaly::streams::{Message, StreamCounters, Taken};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};

use super::client::StreamLog;
use super::error::MemberError;
use super::inputs::Inputs;
use super::member::Member;
use super::output::{Envelope, Output, Target};

/// A transaction is committed when it is so old, or has so many records or bytes.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// One of a member that is behind is committed when it is so old: each costs as much as hundreds of records.
const COMMIT_BEHIND: Duration = Duration::from_millis(400);
const MOST_RECORDS: usize = 50_000;
const MOST_BYTES: usize = 16 << 20;

impl Member<'_> {
    /// Scores records until a transaction is full or old enough, or the group asks for something.
    pub(super) fn fill(&mut self) -> Result<(), MemberError> {
        let began = Instant::now();
        let mut until = began + COMMIT_EVERY;
        let mut count = 0_u32;
        let mut wait = COMMIT_EVERY;
        let mut waited = Duration::ZERO;
        while self.output.len() < MOST_RECORDS && self.output.bytes() < MOST_BYTES {
            // to wait for a message that is there already costs looks at the clock
            let found = self.consumer.poll(Duration::ZERO).or_else(|| {
                let begins = Instant::now();
                let found = self.consumer.poll(wait);
                waited += begins.elapsed();
                found
            });
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
            let now = Instant::now();
            if now >= until && waited < COMMIT_EVERY / 2 {
                until = began + COMMIT_BEHIND;
            }
            wait = until.saturating_duration_since(now);
            if wait.is_zero() {
                break;
            }
        }
        if self.output.len() > 0 {
            self.ensure_transaction()?;
        }
        Ok(())
    }
}

/// What a message is scored with.
struct Scoring<'m> {
    inputs: &'m mut Inputs,
    output: &'m mut Output,
    record: &'m mut Vec<u8>,
    counters: &'m StreamCounters,
}

impl Scoring<'_> {
    /// Scores the record of a message; true where it is to leave.
    fn take(self, message: &BorrowedMessage<'_>) -> bool {
        let number = message.partition();
        let Some(input) = self.inputs.of_message(|| message.topic()) else { return false };
        let keeps_partition = input.keeps_partition;
        // a partition that was given back may still have messages in the queue
        let Some(owned) = input.partition(number) else { return false };
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
                if refused > 0 {
                    self.counters.refused.fetch_add(refused, Relaxed);
                }
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
