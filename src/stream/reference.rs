//! Which checkpoint goes with a committed offset: the text that travels as the offset's metadata.

use std::fmt;

use super::checkpoint::Checkpoint;

const NAME: &str = "fluent-anomaly";
const VERSION: &str = "1";

/// Names a checkpoint.
///
/// ```
/// use fluent_anomaly::streams::Reference;
/// let reference = Reference { id: 0xabc, offset: 1200, partitions: 24, slot: 1, chunks: 3, log_start: 77, made_s: 1_700_000_000 };
/// let text = "fluent-anomaly 1 id=abc offset=1200 partitions=24 slot=1 chunks=3 start=77 made=1700000000";
/// assert_eq!(reference.to_string(), text);
/// assert_eq!(Reference::parse(text), Some(reference));
/// assert_eq!(Reference::parse("what other programs write"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Tells checkpoints apart; random.
    pub id: u64,
    /// The first record that its models have not learned.
    pub offset: i64,
    /// How many partitions the topic of the input had.
    pub partitions: i32,
    /// Where it lies: a partition has two places, and the next checkpoint goes to the other one.
    pub slot: u8,
    /// In how many messages; 0 in a folder.
    pub chunks: u32,
    /// Its first message stands at this offset of its partition or behind it.
    pub log_start: i64,
    /// When it was made, seconds since 1970.
    pub made_s: i64,
}

impl Reference {
    /// To a checkpoint that was found without its name: in which slot and since when it lies is not known.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint, id: u64) -> Self {
        let &Checkpoint { offset, partitions, .. } = checkpoint;
        Self { id, offset, partitions, slot: 0, chunks: 0, log_start: 0, made_s: 0 }
    }

    /// Reads the metadata of a committed offset; `None` where it names no checkpoint.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if (words.next(), words.next()) != (Some(NAME), Some(VERSION)) {
            return None;
        }
        let mut value = |key: &str| words.next()?.strip_prefix(key)?.strip_prefix('=');
        let read = Self {
            id: u64::from_str_radix(value("id")?, 16).ok()?,
            offset: value("offset")?.parse().ok()?,
            partitions: value("partitions")?.parse().ok()?,
            slot: value("slot")?.parse().ok()?,
            chunks: value("chunks")?.parse().ok()?,
            log_start: value("start")?.parse().ok()?,
            made_s: value("made")?.parse().ok()?,
        };
        (read.offset >= 0 && read.slot <= 1).then_some(read)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, offset, partitions, slot, chunks, log_start, made_s } = self;
        write!(
            f,
            "{NAME} {VERSION} id={id:x} offset={offset} partitions={partitions} slot={slot} chunks={chunks} \
             start={log_start} made={made_s}"
        )
    }
}
