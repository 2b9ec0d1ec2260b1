//! `[kafka]`: what `stream` needs.

use super::problem::not_allowed;
use super::section_reader::SectionReader;
use crate::config::secret::Secret;

/// `[kafka]`. What is absent here stands on the command line, or has a default there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KafkaSection {
    /// `host:port`, several separated by commas.
    pub brokers: Option<String>,
    /// The consumer group.
    pub group: Option<String>,
    /// Topic of the records.
    pub from: Option<String>,
    /// Topic of the scored records.
    pub to: Option<String>,
    /// Tag of records that carry none; the name of the topic they come from when absent.
    pub tag: Option<String>,
    /// How records are written.
    pub format: KafkaFormat,
    /// Field that holds the tag of a record.
    pub tag_key: Option<String>,
    /// Field that holds the time of a record; the time of the message when absent.
    pub time_key: Option<String>,
    /// Whether records need a message key.
    pub key: MessageKey,
    /// Where records go whose message key does not keep their series in one partition.
    pub rekey: Option<String>,
    /// Seconds between two checkpoints of a partition, 1..=86400.
    pub checkpoint_seconds: u32,
    /// Compacted topic of the checkpoints; `<group>-checkpoints` when absent.
    pub checkpoint_topic: Option<String>,
    /// Shared folder of the checkpoints instead, relative to the configuration file.
    pub checkpoint_folder: Option<String>,
    /// Name of this member, which no other member of the group has at the same time.
    pub instance: Option<String>,
    /// Properties of librdkafka, without the `kafka.` in front of them. Any of them may be a password.
    pub properties: Vec<(String, Secret)>,
}

/// `format:` of `[kafka]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KafkaFormat {
    /// A JSON object a message.
    #[default]
    Json,
    /// A msgpack map a message.
    Msgpack,
    /// Fluent Bit's output `kafka`, `format json`: the time stands in `@timestamp`.
    FluentBit,
    /// Fluentd's output `kafka2`, `<format> @type json` with `<inject>` of `time_key time` and `tag_key tag`.
    Fluentd,
}

/// `key:` of `[kafka]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageKey {
    /// A record without one is refused, or goes to the topic of `rekey`, where the topic has several partitions.
    #[default]
    Required,
    /// Whoever writes the topic sees to it that a series stays in one partition.
    Any,
}

impl KafkaSection {
    pub(super) fn read(keys: &mut SectionReader<'_>) -> Self {
        let text = |keys: &mut SectionReader<'_>, key| keys.unquoted(key).map(str::to_owned);
        let formats = [
            ("json", KafkaFormat::Json),
            ("msgpack", KafkaFormat::Msgpack),
            ("fluent-bit", KafkaFormat::FluentBit),
            ("fluentd", KafkaFormat::Fluentd),
        ];
        let read = Self {
            brokers: text(keys, "brokers"),
            group: text(keys, "group"),
            from: keys.parsed("from", topic_name),
            to: keys.parsed("to", topic_name),
            tag: text(keys, "tag"),
            format: keys.choice("format", &formats).unwrap_or_default(),
            tag_key: text(keys, "tag_key"),
            time_key: text(keys, "time_key"),
            key: keys
                .choice("key", &[("required", MessageKey::Required), ("any", MessageKey::Any)])
                .unwrap_or_default(),
            rekey: keys.parsed("rekey", topic_name),
            checkpoint_seconds: keys.parsed("checkpoint", seconds).unwrap_or(60),
            checkpoint_topic: keys.parsed("checkpoint_topic", topic_name),
            checkpoint_folder: text(keys, "checkpoint_folder"),
            instance: text(keys, "instance"),
            properties: Vec::new(),
        };
        if read.checkpoint_topic.is_some() && read.checkpoint_folder.is_some() {
            keys.complain_about("checkpoint_folder", "checkpoint_topic is given too: one of them is wanted");
        }
        let properties = keys.with_prefix("kafka.");
        for (name, _) in &properties {
            if let Some((_, instead)) = OWN.iter().find(|(own, _)| own == name) {
                keys.complain_about(&format!("kafka.{name}"), format!("it cannot be set here: {instead}"));
            }
        }
        Self { properties, ..read }
    }
}

/// Properties that exactly-once scoring stands on, and what sets them.
const OWN: [(&str, &str); 9] = [
    ("bootstrap.servers", "use `brokers`"),
    ("metadata.broker.list", "use `brokers`"),
    ("group.id", "use `group`"),
    ("transactional.id", "use `instance`"),
    ("enable.auto.commit", "offsets go with the transaction of their records"),
    ("enable.auto.offset.store", "offsets go with the transaction of their records"),
    ("enable.idempotence", "it is always on"),
    ("isolation.level", "it is always read_committed"),
    ("partition.assignment.strategy", "it is always cooperative-sticky"),
];

/// A name that Kafka allows for a topic.
pub fn topic_name(text: &str) -> Result<String, String> {
    let is_allowed = (1..=249).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && !matches!(text, "." | "..");
    if is_allowed {
        return Ok(text.to_owned());
    }
    Err(not_allowed(text, "the name of a topic has 1 to 249 letters, digits, `.`, `_` and `-`"))
}

/// `60s`, `5m`, `1h`, or plain seconds.
fn seconds(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    let read = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    read.filter(|seconds| (1..=86_400).contains(seconds))
        .ok_or_else(|| not_allowed(text, "from 1s to 24h, for example 60s or 5m"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const SERIES: &str = "[series.a]\nmatch: *\nvalue: $v\n";

    #[test]
    fn every_property_passes_and_none_is_shown() {
        let text =
            format!("{SERIES}[kafka]\nbrokers: b:9092\ncheckpoint: 5m\nkafka.sasl.password: s3cr3t-word\n");
        let kafka = Config::parse("f.ini", &text).unwrap().kafka.unwrap();
        assert_eq!((kafka.brokers.as_deref(), kafka.checkpoint_seconds), (Some("b:9092"), 300));
        assert_eq!(kafka.properties[0].0, "sasl.password");
        assert_eq!(kafka.properties[0].1.expose(), "s3cr3t-word");
        assert!(!format!("{kafka:?}").contains("s3cr3t"), "{kafka:?}");
    }

    #[test]
    fn properties_that_exactly_once_stands_on_are_refused() {
        let text =
            format!("{SERIES}[kafka]\nkafka.isolation.level: read_uncommitted\nfrom: a b\nchekpoint: 1\n");
        let error = Config::parse("f.ini", &text).unwrap_err().to_string();
        for told in [
            "f.ini:5: [kafka] kafka.isolation.level: it cannot be set here: it is always read_committed",
            "f.ini:6: [kafka] from: \"a b\" is not allowed: the name of a topic has 1 to 249 letters",
            "f.ini:7: [kafka] chekpoint: unknown key; did you mean `checkpoint`?",
        ] {
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_time_between_checkpoints_has_a_unit_or_is_in_seconds() {
        assert_eq!(["60s", "5m", "1h", "7"].map(seconds), [Ok(60), Ok(300), Ok(3600), Ok(7)]);
        for wrong in ["0s", "25h", "s", "", "-1", "1.5m", "99999999h", "ä"] {
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
    }
}
