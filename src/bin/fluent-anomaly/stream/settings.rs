//! What the command line and `[kafka]` say together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fluent_anomaly::configuration::KafkaSection;
use fluent_anomaly::native::Env;
use fluent_anomaly::streams::PartitionSettings;
use fluent_anomaly::{Config, Secret};
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::Args;
use crate::failure::Failure;
use crate::files;

/// Properties that the environment may give, so that they need not stand in a file.
const FROM_ENVIRONMENT: [(&str, &str); 4] = [
    ("KAFKA_SASL_USERNAME", "sasl.username"),
    ("KAFKA_SASL_PASSWORD", "sasl.password"),
    ("KAFKA_SSL_KEY_PASSWORD", "ssl.key.password"),
    ("KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET", "sasl.oauthbearer.client.secret"),
];

/// A partition whose messages fill the queue is asked for more after this time. The library's second leaves a member that is
/// behind without work for most of the time.
const FULL_QUEUE: (&str, &str) = ("fetch.queue.backoff.ms", "10");

/// Where checkpoints lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckpointPlace {
    /// A compacted topic.
    Topic(String),
    /// A folder that all members share.
    Folder(PathBuf),
}

/// Everything a member needs to know.
#[derive(Debug)]
pub(crate) struct StreamSettings {
    pub(crate) brokers: String,
    pub(crate) group: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Where records go first, to be given the key of their series.
    pub(crate) rekey: Option<String>,
    pub(crate) instance: String,
    pub(crate) checkpoint_every: Duration,
    pub(crate) checkpoints: CheckpointPlace,
    pub(crate) partition: Arc<PartitionSettings>,
    /// Whether a group without offsets begins at the end of the topic.
    pub(crate) begins_at_end: bool,
    properties: Vec<(String, Secret)>,
}

impl StreamSettings {
    pub(crate) fn new(args: &Args, config: &Config, env: &dyn Env) -> Result<Self, Failure> {
        let kafka = config.kafka.clone().unwrap_or_default();
        let file = args.config.display();
        let needed = |option: &str, given: Option<&String>, key: &str, of_file: &Option<String>| {
            given.or(of_file.as_ref()).cloned().ok_or_else(|| {
                Failure::Usage(format!("{file}: [kafka] {key}: the key is needed, or the option --{option}"))
            })
        };
        let brokers = needed("brokers", args.brokers.as_ref(), "brokers", &kafka.brokers)?;
        let group = needed("group", args.group.as_ref(), "group", &kafka.group)?;
        let from = needed("from", args.from.as_ref(), "from", &kafka.from)?;
        let to = needed("to", args.to.as_ref(), "to", &kafka.to)?;
        if let Some(rekey) = kafka.rekey.as_ref().filter(|rekey| [&from, &to].contains(rekey)) {
            return Err(Failure::Usage(format!(
                "{file}: [kafka] rekey: {rekey:?} is the topic of `from` or `to`: a topic of its own is wanted"
            )));
        }
        if from == to {
            return Err(Failure::Usage(format!(
                "{file}: [kafka] to: {to:?} is the topic of `from` too: records would be scored without end"
            )));
        }
        let partition = PartitionSettings::new(config, &kafka, &from)
            .map_err(|error| Failure::Usage(format!("{file}: [kafka] {error}")))?;
        let instance = args.instance.clone().or_else(|| kafka.instance.clone());
        let checkpoints = match &kafka.checkpoint_folder {
            Some(folder) => CheckpointPlace::Folder(files::beside(&args.config, folder)),
            None => CheckpointPlace::Topic(
                kafka.checkpoint_topic.clone().unwrap_or_else(|| format!("{group}-checkpoints")),
            ),
        };
        let mut settings = Self {
            brokers,
            group,
            from,
            to,
            rekey: kafka.rekey.clone(),
            instance: instance.unwrap_or_else(|| format!("{:016x}", env.random())),
            checkpoint_every: Duration::from_secs(u64::from(kafka.checkpoint_seconds.max(1))),
            checkpoints,
            partition: Arc::new(partition),
            begins_at_end: false,
            properties: properties(&kafka),
        };
        settings.begins_at_end = match settings.property("auto.offset.reset") {
            None | Some("earliest" | "smallest" | "beginning") => false,
            Some("latest" | "largest" | "end") => true,
            Some(other) => {
                return Err(Failure::Usage(format!(
                    "{file}: [kafka] kafka.auto.offset.reset: {other:?} is not allowed: earliest or latest"
                )));
            }
        };
        // as early as a wrong command line
        for config in [settings.consumer(), settings.producer()] {
            let made = config.create_native_config();
            made.map_err(|error| {
                Failure::Usage(format!("{file}: [kafka]: {}", settings.scrub(&config_error(&error))))
            })?;
        }
        Ok(settings)
    }

    /// Whether the records of a topic are given their keys, and scored once they come back.
    pub(crate) fn is_rekeyed(&self, topic: &str) -> bool {
        self.rekey.is_some() && topic == self.from
    }

    fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(found, _)| found == name).map(|(_, value)| value.expose())
    }

    /// `text` without anything that may be a secret.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let is_secret = |name: &str| {
            ["password", "secret", "key.pem", "token", "oauthbearer.config", "jaas"]
                .iter()
                .any(|word| name.contains(word))
        };
        let secrets = self.properties.iter().filter(|(name, _)| is_secret(name));
        secrets.fold(text.to_owned(), |text, (_, secret)| secret.scrub(&text))
    }

    fn client(&self, own: &[(&str, &str)], fixed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        let is_debugged = self.property("debug").is_some();
        let level = if is_debugged { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Warning };
        config.set_log_level(level);
        config.set("client.id", "fluent-anomaly");
        config.set("allow.auto.create.topics", "false");
        // figures of the client for who runs the brokers: they cost two locks a message, and --metrics has ours
        config.set("enable.metrics.push", "false");
        for (name, value) in own {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name.as_str(), value.expose());
        }
        // an OpenSSL that was built in place knows no folder of this system's roots; librdkafka looks for them
        let names_roots = ["ssl.ca.location", "ssl.ca.pem"].iter().any(|name| self.property(name).is_some());
        if cfg!(feature = "kafka-static") && !names_roots {
            config.set("ssl.ca.location", "probe");
        }
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in fixed {
            config.set(*name, *value);
        }
        config
    }

    /// A member of the group.
    pub(crate) fn consumer(&self) -> ClientConfig {
        self.client(
            &[
                ("session.timeout.ms", "10000"),
                // what is read ahead stays small: several members on one machine push one another's out of its caches
                ("queued.max.messages.kbytes", "2048"),
                ("fetch.wait.max.ms", "100"),
                FULL_QUEUE,
            ],
            &[
                ("group.id", &self.group),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("isolation.level", "read_committed"),
                ("partition.assignment.strategy", "cooperative-sticky"),
                // input that is gone is told, not skipped
                ("auto.offset.reset", "error"),
            ],
        )
    }

    /// A reader of the checkpoints: it is given its partitions and commits nothing.
    pub(crate) fn checkpoint_reader(&self) -> ClientConfig {
        self.client(
            &[("fetch.message.max.bytes", "8388608"), ("fetch.wait.max.ms", "10"), FULL_QUEUE],
            &[
                ("group.id", &format!("{}-checkpoints", self.group)),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
                ("auto.offset.reset", "earliest"),
            ],
        )
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        self.client(
            &[
                // a transaction's records are handed over within so long: each partition's leave in one batch
                ("linger.ms", "20"),
                ("transaction.timeout.ms", "15000"),
                ("message.max.bytes", "16777216"),
                // as the clients of the JVM do it: whoever else writes the topic puts a key into the same partition
                ("partitioner", "murmur2_random"),
            ],
            &[
                ("transactional.id", &format!("{}-{}", self.group, self.instance)),
                ("enable.idempotence", "true"),
                ("delivery.report.only.error", "true"),
            ],
        )
    }

    pub(crate) fn admin(&self) -> ClientConfig {
        self.client(&[], &[])
    }
}

/// The file's properties, and those of the environment that it does not give.
fn properties(kafka: &KafkaSection) -> Vec<(String, Secret)> {
    let mut properties = kafka.properties.clone();
    for (variable, name) in FROM_ENVIRONMENT {
        if properties.iter().any(|(given, _)| given == name) {
            continue;
        }
        if let Ok(value) = std::env::var(variable) {
            properties.push((name.to_owned(), Secret::new(&value)));
        }
    }
    properties
}

/// Says what is wrong with a property, and not its value.
fn config_error(error: &rdkafka::error::KafkaError) -> String {
    match error {
        rdkafka::error::KafkaError::ClientConfig(_, why, name, _) => format!("kafka.{name}: {why}"),
        other => other.to_string(),
    }
}
