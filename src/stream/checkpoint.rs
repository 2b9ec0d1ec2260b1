//! A checkpoint of one partition as bytes.
//!
//! ```text
//! magic[7] version[1] topic:bytes partition:varint partitions:varint offset:i64 clock:i64 models:bytes checksum:u64
//! ```

use thiserror::Error;

use crate::codec::{CodecError, Reader, Writer, checksum};
use crate::time::Time;

const MAGIC: &[u8; 7] = b"FLUACKP";
/// The layout of everything behind it.
const VERSION: u8 = 1;
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 8;

/// The models of a partition at one offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The topic of the input.
    pub topic: String,
    /// The partition, >= 0.
    pub partition: i32,
    /// How many partitions the topic had: with another number, keys belong to other partitions.
    pub partitions: i32,
    /// The first record that the models have not learned.
    pub offset: i64,
    /// The latest time that a message had.
    pub clock: Time,
    /// What [`Pipeline::save`](crate::Pipeline::save) gave.
    pub models: Vec<u8>,
}

/// Why bytes are no checkpoint of this partition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// They do not begin as a checkpoint does.
    #[error("it is no checkpoint of fluent-anomaly")]
    Foreign,
    /// Another release wrote them.
    #[error("it has layout {found}, this release reads {VERSION}")]
    Version {
        /// The layout that they state.
        found: u8,
    },
    /// They are not what was written.
    #[error("its checksum is wrong")]
    Corrupt,
    /// They hold what no writer writes.
    #[error("its content is impossible: {0}")]
    Impossible(#[from] CodecError),
    /// They belong to another partition.
    #[error("it belongs to partition {partition} of {topic:?}")]
    Other {
        /// The topic that they state.
        topic: String,
        /// The partition.
        partition: i32,
    },
}

impl Checkpoint {
    /// As it is stored.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.models.len() + self.topic.len() + 96);
        out.extend_from_slice(MAGIC);
        let mut w = Writer::new(&mut out);
        w.u8(VERSION);
        w.bytes(self.topic.as_bytes());
        w.varint(u64::from(self.partition.unsigned_abs()));
        w.varint(u64::from(self.partitions.unsigned_abs()));
        w.i64(self.offset);
        w.i64(self.clock.nanos());
        w.bytes(&self.models);
        let sum = checksum(0, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads what [`encode`](Checkpoint::encode) wrote for this partition.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn decode(bytes: &[u8], topic: &str, partition: i32) -> Result<Self, CheckpointError> {
        let body = match bytes.split_at_checked(MAGIC.len()) {
            Some((magic, rest)) if magic == MAGIC => rest,
            _ => return Err(CheckpointError::Foreign),
        };
        match body.first() {
            Some(&VERSION) => {}
            Some(&found) => return Err(CheckpointError::Version { found }),
            None => return Err(CheckpointError::Corrupt),
        }
        let Some((summed, sum)) = bytes.split_last_chunk::<CHECKSUM>() else {
            return Err(CheckpointError::Corrupt);
        };
        if checksum(0, summed) != u64::from_le_bytes(*sum) {
            return Err(CheckpointError::Corrupt);
        }
        let mut r = Reader::new(summed.get(MAGIC.len() + 1..).unwrap_or_default());
        let topic_found = String::from_utf8_lossy(r.bytes("topic")?).into_owned();
        let number = |read: u64, what| i32::try_from(read).map_err(|_| CodecError::Invalid { what });
        let read = Self {
            topic: topic_found,
            partition: number(r.varint("partition")?, "partition")?,
            partitions: number(r.varint("number of partitions")?, "number of partitions")?,
            offset: r.i64("offset")?,
            clock: Time::from_nanos(r.i64("clock")?),
            models: r.bytes("models")?.to_vec(),
        };
        if !r.is_empty() || read.offset < 0 {
            return Err(CodecError::Invalid { what: "length" }.into());
        }
        if (read.topic.as_str(), read.partition) != (topic, partition) {
            return Err(CheckpointError::Other { topic: read.topic, partition: read.partition });
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checkpoint(models: Vec<u8>) -> Checkpoint {
        let clock = Time::from_seconds(1_700_000_000);
        Checkpoint { topic: "metrics".into(), partition: 3, partitions: 24, offset: 12_345, clock, models }
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_what_was_encoded(models in proptest::collection::vec(any::<u8>(), 0..400)) {
            let saved = checkpoint(models);
            prop_assert_eq!(Checkpoint::decode(&saved.encode(), "metrics", 3), Ok(saved));
        }

        #[test]
        fn no_changed_byte_and_no_cut_goes_unseen(at in 0usize..200, flip in 1u8..) {
            let mut bytes = checkpoint(vec![7; 120]).encode();
            let at = at % bytes.len();
            prop_assert!(Checkpoint::decode(&bytes[..at], "metrics", 3).is_err());
            bytes[at] ^= flip;
            prop_assert!(Checkpoint::decode(&bytes, "metrics", 3).is_err());
        }
    }

    #[test]
    fn a_checkpoint_of_another_release_or_partition_is_told_by_name() {
        let mut bytes = checkpoint(vec![1, 2, 3]).encode();
        let told = Checkpoint::decode(&bytes, "metrics", 4).unwrap_err().to_string();
        assert_eq!(told, "it belongs to partition 3 of \"metrics\"");
        bytes[7] = 9;
        let told = Checkpoint::decode(&bytes, "metrics", 3).unwrap_err().to_string();
        assert_eq!(told, "it has layout 9, this release reads 1");
        assert_eq!(Checkpoint::decode(b"hello", "metrics", 3), Err(CheckpointError::Foreign));
    }
}
