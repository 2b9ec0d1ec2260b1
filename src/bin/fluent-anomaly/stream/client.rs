//! What librdkafka says, and the events of the group.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use fluent_anomaly::native::Seldom;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::settings::StreamSettings;

/// Lines on standard error, without secrets, and not the same one again and again.
pub(crate) struct StreamLog {
    secrets: Box<dyn Fn(&str) -> String + Send + Sync>,
    seldom: Seldom,
}

impl StreamLog {
    pub(crate) fn new(settings: &Arc<StreamSettings>) -> Self {
        let settings = settings.clone();
        Self { secrets: Box::new(move |text| settings.scrub(text)), seldom: Seldom::default() }
    }

    /// One line.
    pub(crate) fn say(&self, text: &str) {
        tell!("fluent-anomaly: {}", (self.secrets)(text));
    }

    /// One line that may come often.
    pub(crate) fn say_seldom(&self, text: &str) {
        // how long a connection lived, and how often the same was kept back, makes no other line
        let key = text.split(" (after ").next().unwrap_or(text);
        if self.seldom.is_due(key).is_some() {
            self.say(text);
        }
    }
}

/// What the group asks for. Served by the member's thread, between two batches.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    Assign(Vec<(String, i32)>),
    Revoke(Vec<(String, i32)>),
}

/// Hears a client.
pub(crate) struct Hearing {
    log: Arc<StreamLog>,
    events: Mutex<Vec<GroupEvent>>,
    has_events: AtomicBool,
    /// The consumer is being closed: nobody serves events any more.
    closing: AtomicBool,
    /// The first message that could not be delivered.
    undelivered: Mutex<Option<RDKafkaErrorCode>>,
}

impl Hearing {
    pub(crate) fn new(log: &Arc<StreamLog>) -> Self {
        Self {
            log: log.clone(),
            events: Mutex::default(),
            has_events: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            undelivered: Mutex::default(),
        }
    }

    pub(crate) fn has_events(&self) -> bool {
        self.has_events.load(Relaxed)
    }

    pub(crate) fn take_events(&self) -> Vec<GroupEvent> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        self.has_events.store(false, Relaxed);
        std::mem::take(&mut *events)
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Relaxed);
    }

    pub(crate) fn take_undelivered(&self) -> Option<RDKafkaErrorCode> {
        self.undelivered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Hearing {
    fn log(&self, _level: RDKafkaLogLevel, fac: &str, text: &str) {
        // properties are handed to all clients, each of which warns of those that only the others know
        if fac != "CONFWARN" {
            self.log.say_seldom(&format!("kafka: {}", without_client(text)));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // connections come and go, which the log has told; the end of a partition is no error
        let harmless = [RDKafkaErrorCode::BrokerTransportFailure, RDKafkaErrorCode::PartitionEOF];
        if error.rdkafka_error_code().is_some_and(|code| harmless.contains(&code)) {
            return;
        }
        self.log.say_seldom(&format!("kafka: {}", without_client(reason)));
    }
}

/// `[thrd:sasl_ssl://b:9092/1]: b:9092/1: text` without the thread.
fn without_client(text: &str) -> &str {
    match text.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")) {
        Some((_, rest)) => rest,
        None => text,
    }
}

impl ConsumerContext for Hearing {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assign = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Relaxed) {
            if !is_assign {
                // an error means that there is nothing to give back
                let _ = consumer.incremental_unassign(partitions);
            }
            return;
        }
        let list =
            partitions.elements().iter().map(|one| (one.topic().to_owned(), one.partition())).collect();
        let event = if is_assign { GroupEvent::Assign(list) } else { GroupEvent::Revoke(list) };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        self.has_events.store(true, Relaxed);
    }
}

impl ProducerContext for Hearing {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut first = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
            if first.is_none() {
                *first = error.rdkafka_error_code();
            }
        }
    }
}
