//! Topics: whether they are there, how many partitions they have, and the one of the checkpoints.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::client::StreamLog;
use super::error::MemberError;
use super::settings::StreamSettings;

/// How long the cluster may take for an answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(20);
/// Copies of the checkpoints, where there are so many brokers.
const REPLICAS: usize = 3;

/// How many partitions a topic has; `None` where it does not exist.
pub(crate) fn partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
) -> Result<Option<i32>, MemberError> {
    let metadata = consumer
        .fetch_metadata(Some(topic), ANSWER)
        .map_err(|error| MemberError::Again(format!("no answer about topic {topic:?}: {error}")))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    match found.error() {
        None if !found.partitions().is_empty() => Ok(i32::try_from(found.partitions().len()).ok()),
        None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(None),
        Some(error) => {
            let why = RDKafkaErrorCode::from(error);
            Err(MemberError::Again(format!("topic {topic:?} cannot be used: {why}")))
        }
    }
}

/// The same of a topic that must be there.
pub(crate) fn needed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    brokers: &str,
) -> Result<i32, MemberError> {
    partitions(consumer, topic)?.ok_or_else(|| {
        MemberError::Wrong(format!("topic {topic:?} does not exist at {brokers}: it is not made here, since its partitions decide how far the work can be shared"))
    })
}

/// The topic of the checkpoints. A reader that scans all of it reads little more than the last two checkpoints.
pub(crate) const OF_CHECKPOINTS: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")];
/// The topic of records that are given their keys.
pub(crate) const OF_REKEYED: &[(&str, &str)] = &[("cleanup.policy", "delete")];

/// How many partitions a topic has; it is made where it is not there, with `count` of them and these properties.
pub(crate) fn ensured<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    settings: &StreamSettings,
    topic: &str,
    count: i32,
    properties: &[(&str, &str)],
    log: &StreamLog,
) -> Result<i32, MemberError> {
    if let Some(found) = partitions(consumer, topic)? {
        return Ok(found);
    }
    let brokers = consumer.fetch_metadata(Some(topic), ANSWER).map(|metadata| metadata.brokers().len());
    let replicas = brokers.unwrap_or(1).clamp(1, REPLICAS) as i32;
    let admin: AdminClient<DefaultClientContext> =
        settings.admin().create().map_err(|error| MemberError::Again(error.to_string()))?;
    let mut new = NewTopic::new(topic, count, TopicReplication::Fixed(replicas));
    for (name, value) in properties {
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    let failed = |why: &dyn std::fmt::Display| {
        MemberError::Again(format!(
            "topic {topic:?} cannot be made: {why}; make it with {count} partitions and {}",
            properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
        ))
    };
    let made = wait_for(admin.create_topics([&new], &options)).map_err(|error| failed(&error))?;
    for outcome in made {
        match outcome {
            // another member was first
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, why)) => return Err(failed(&why)),
        }
    }
    log.say(&format!("topic {topic:?} is made: {count} partitions"));
    for _ in 0..50 {
        if let Some(found) = partitions(consumer, topic)? {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(failed(&"it does not appear"))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The result of the only kind of future that is used here.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(Duration::from_secs(1)),
        }
    }
}
