//! The log of one partition: batches of records as producers wrote them, and the ends of transactions.

use std::collections::{BTreeMap, VecDeque};

use super::error;

/// So many batches of a producer are known again when they come twice.
const REMEMBERED: usize = 5;
/// Bits of a batch's attributes.
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

struct Batch {
    base: i64,
    last: i64,
    bytes: Vec<u8>,
}

/// A transaction whose records a reader of committed records leaves out.
#[derive(Clone, Copy)]
pub(super) struct Aborted {
    pub(super) producer: i64,
    pub(super) first: i64,
    /// Where its marker stands.
    end: i64,
}

/// What a producer has written: a batch that comes again is known by its sequence.
#[derive(Default)]
struct Sequence {
    epoch: i16,
    next: i32,
    /// First sequence and offset.
    last: VecDeque<(i32, i64)>,
}

#[derive(Default)]
pub(crate) struct Log {
    batches: Vec<Batch>,
    start: i64,
    end: i64,
    /// First offsets of transactions that are open, by producer.
    open: BTreeMap<i64, i64>,
    aborted: Vec<Aborted>,
    sequences: BTreeMap<i64, Sequence>,
}

/// Who wrote a batch, as its head says.
pub(super) struct Head {
    pub(super) producer: i64,
    pub(super) epoch: i16,
    pub(super) is_transactional: bool,
    first_sequence: i32,
    /// Records of it.
    count: i32,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

impl Head {
    pub(super) fn read(batch: &[u8]) -> Self {
        assert_eq!(batch[16], 2, "the format of a batch");
        Self {
            producer: i64::from_be_bytes(field(batch, 43)),
            epoch: i16::from_be_bytes(field(batch, 51)),
            is_transactional: i16::from_be_bytes(field(batch, 21)) & TRANSACTIONAL != 0,
            first_sequence: i32::from_be_bytes(field(batch, 53)),
            count: i32::from_be_bytes(field(batch, 23)) + 1,
        }
    }
}

impl Log {
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Before this offset each transaction has ended.
    pub(super) fn stable(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// Input that the retention has dropped.
    pub(crate) fn drop_before(&mut self, start: i64) {
        self.start = start.min(self.end);
        let start = self.start;
        self.batches.retain(|batch| batch.last >= start);
    }

    /// Writes other bytes over some; how often they were there. Readers that ask for it find the checksums of batches wrong.
    pub(super) fn overwrite(&mut self, from: &[u8], to: &[u8]) -> usize {
        assert_eq!(from.len(), to.len(), "offsets stay");
        let mut count = 0;
        for batch in &mut self.batches {
            for at in 0..batch.bytes.len() {
                if batch.bytes[at..].starts_with(from) {
                    batch.bytes[at..at + to.len()].copy_from_slice(to);
                    count += 1;
                }
            }
        }
        count
    }

    /// Appends the batch of a producer; its offset.
    pub(super) fn append(&mut self, head: &Head, batch: &[u8]) -> Result<i64, i16> {
        if head.producer >= 0 {
            let sequence = self.sequences.entry(head.producer).or_default();
            if head.epoch > sequence.epoch {
                *sequence = Sequence { epoch: head.epoch, ..Sequence::default() };
            }
            if head.epoch < sequence.epoch {
                return Err(error::INVALID_PRODUCER_EPOCH);
            }
            if let Some((_, offset)) = sequence.last.iter().find(|(first, _)| *first == head.first_sequence) {
                return Ok(*offset);
            }
            if head.first_sequence != sequence.next {
                return Err(error::OUT_OF_ORDER_SEQUENCE);
            }
            sequence.next += head.count;
            sequence.last.push_back((head.first_sequence, self.end));
            if sequence.last.len() > REMEMBERED {
                sequence.last.pop_front();
            }
            if head.is_transactional {
                self.open.entry(head.producer).or_insert(self.end);
            }
        }
        Ok(self.push(batch.to_vec(), head.count))
    }

    fn push(&mut self, mut bytes: Vec<u8>, count: i32) -> i64 {
        let base = self.end;
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[12..16].copy_from_slice(&0_i32.to_be_bytes());
        self.end += i64::from(count);
        self.batches.push(Batch { base, last: self.end - 1, bytes });
        base
    }

    /// Ends the transaction of a producer here.
    pub(super) fn mark(&mut self, producer: i64, epoch: i16, is_committed: bool, time_ms: i64) {
        let offset = self.push(marker(producer, epoch, is_committed, time_ms), 1);
        if let Some(first) = self.open.remove(&producer)
            && !is_committed
        {
            self.aborted.push(Aborted { producer, first, end: offset });
        }
    }

    /// Batches from the one that holds `from` on, and the transactions among them that were aborted.
    pub(super) fn read(&self, from: i64, most_bytes: usize, is_committed: bool) -> (Vec<u8>, Vec<Aborted>) {
        let limit = if is_committed { self.stable() } else { self.end };
        let first = self.batches.partition_point(|batch| batch.last < from);
        let mut bytes = Vec::new();
        let mut upper = from;
        for batch in self.batches[first..].iter().take_while(|batch| batch.base < limit) {
            if !bytes.is_empty() && bytes.len() + batch.bytes.len() > most_bytes {
                break;
            }
            bytes.extend_from_slice(&batch.bytes);
            upper = batch.last + 1;
        }
        let concerned = |aborted: &&Aborted| aborted.first < upper && aborted.end >= from;
        let aborted = self.aborted.iter().filter(concerned).copied();
        (bytes, if is_committed { aborted.collect() } else { Vec::new() })
    }
}

/// A control batch with one record: how the transaction of a producer ended.
fn marker(producer: i64, epoch: i16, is_committed: bool, time_ms: i64) -> Vec<u8> {
    // length, attributes, time, offset, key (version, kind), value (version, epoch of the coordinator), headers;
    // lengths are zigzag varints
    let kind = u8::from(is_committed);
    let record = [32, 0, 0, 0, 8, 0, 0, 0, kind, 12, 0, 0, 0, 0, 0, 0, 0];
    let mut summed = Vec::new();
    summed.extend((TRANSACTIONAL | CONTROL).to_be_bytes());
    summed.extend(0_i32.to_be_bytes()); // delta of the last offset
    summed.extend(time_ms.to_be_bytes());
    summed.extend(time_ms.to_be_bytes());
    summed.extend(producer.to_be_bytes());
    summed.extend(epoch.to_be_bytes());
    summed.extend((-1_i32).to_be_bytes()); // first sequence
    summed.extend(1_i32.to_be_bytes());
    summed.extend(record);
    let mut batch = vec![0; 8];
    batch.extend((summed.len() as i32 + 9).to_be_bytes());
    batch.extend(0_i32.to_be_bytes()); // epoch of the leader
    batch.push(2);
    batch.extend(crc32c(&summed).to_be_bytes());
    batch.extend(summed);
    batch
}

/// CRC-32C (Castagnoli), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}
