//! Transactions of producers, and how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Cluster, error, now_ms};

pub(super) struct Transaction {
    pub(super) producer: i64,
    pub(super) epoch: i16,
    pub(super) timeout: Duration,
    /// Since when it is open.
    pub(super) began: Option<Instant>,
    pub(super) partitions: BTreeSet<(String, i32)>,
    /// Offsets that count once it is committed: group, topic, partition.
    pub(super) offsets: BTreeMap<(String, String, i32), (i64, Option<String>)>,
    /// How the last one ended: its producer may ask twice.
    ended: Option<bool>,
}

impl Cluster {
    /// A producer with a name begins: what its last life left open is aborted, and nobody else writes under it.
    pub(super) fn begin_producer(
        &mut self,
        name: &str,
        timeout: Duration,
        known: (i64, i16),
    ) -> Result<(i64, i16), i16> {
        if let Some(found) = self.transactions.get(name) {
            if known.0 >= 0 && known != (found.producer, found.epoch) {
                return Err(error::PRODUCER_FENCED);
            }
            self.end(name, false, 1);
        }
        let next = self.next_producer();
        let transaction = self.transactions.entry(name.to_owned()).or_insert(Transaction {
            producer: next,
            epoch: -1,
            timeout,
            began: None,
            partitions: BTreeSet::new(),
            offsets: BTreeMap::new(),
            ended: None,
        });
        transaction.timeout = timeout;
        transaction.ended = None;
        transaction.epoch += 1;
        Ok((transaction.producer, transaction.epoch))
    }

    pub(super) fn next_producer(&mut self) -> i64 {
        self.producers += 1;
        self.producers
    }

    /// The transaction of a producer that is not fenced.
    pub(super) fn transaction(
        &mut self,
        name: &str,
        producer: i64,
        epoch: i16,
    ) -> Result<&mut Transaction, i16> {
        let found = self.transactions.get_mut(name).ok_or(error::INVALID_PRODUCER_ID_MAPPING)?;
        if found.producer != producer {
            return Err(error::INVALID_PRODUCER_ID_MAPPING);
        }
        if found.epoch != epoch {
            return Err(error::INVALID_PRODUCER_EPOCH);
        }
        Ok(found)
    }

    /// The producer asks for the end.
    pub(super) fn end_asked(
        &mut self,
        name: &str,
        producer: i64,
        epoch: i16,
        is_committed: bool,
    ) -> Result<(), i16> {
        let transaction = self.transaction(name, producer, epoch)?;
        if transaction.began.is_none() && transaction.ended != Some(is_committed) {
            return Err(error::INVALID_TXN_STATE);
        }
        self.end(name, is_committed, 0);
        Ok(())
    }

    /// Ends what is open, with markers of an epoch that is `ahead` of the producer's.
    fn end(&mut self, name: &str, is_committed: bool, ahead: i16) {
        let Some(transaction) = self.transactions.get_mut(name) else { return };
        if transaction.began.take().is_none() {
            return;
        }
        transaction.ended = Some(is_committed);
        transaction.epoch += ahead;
        let (producer, epoch) = (transaction.producer, transaction.epoch);
        let partitions = std::mem::take(&mut transaction.partitions);
        let offsets = std::mem::take(&mut transaction.offsets);
        for (topic, partition) in partitions {
            if let Some(log) = self.log(&topic, partition) {
                log.mark(producer, epoch, is_committed, now_ms());
            }
        }
        for ((group, topic, partition), offset) in offsets.into_iter().filter(|_| is_committed) {
            self.groups.entry(group).or_default().offsets.insert((topic, partition), offset);
        }
        let ended = if is_committed { &mut self.counts.committed } else { &mut self.counts.aborted };
        *ended += 1;
    }

    /// Whether an offset waits for the end of a transaction.
    pub(super) fn is_unstable(&self, group: &str, topic: &str, partition: i32) -> bool {
        let place = (group.to_owned(), topic.to_owned(), partition);
        self.transactions.values().any(|transaction| transaction.offsets.contains_key(&place))
    }

    /// Transactions that are open for too long are aborted, and their producers fenced.
    pub(super) fn end_late_ones(&mut self) {
        let is_late = |one: &Transaction| one.began.is_some_and(|began| began.elapsed() > one.timeout);
        let late = self.transactions.iter().filter(|(_, one)| is_late(one)).map(|(name, _)| name.clone());
        for name in late.collect::<Vec<_>>() {
            self.end(&name, false, 1);
        }
    }
}
