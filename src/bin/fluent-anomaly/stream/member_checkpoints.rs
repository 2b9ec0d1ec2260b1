//! When a member makes checkpoints of its partitions, and when they count.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use fluent_anomaly::streams::Reference;

use super::checkpoints::Pending;
use super::error::MemberError;
use super::member::Member;

impl Member<'_> {
    /// Begins the checkpoint that is due first, unless one is being written.
    pub(super) fn begin_checkpoint(
        &mut self,
        now: Instant,
        of: impl Fn(&str, i32) -> bool,
    ) -> Result<(), MemberError> {
        if self.pending.is_some() {
            return Ok(());
        }
        let due = self.inputs.owned().filter(|((topic, number), owned)| {
            owned.due <= now
                && owned.reference.is_none_or(|reference| owned.partition.next() > reference.offset)
                && !owned.partition.is_replaying()
                && !owned.partition.is_rekeying()
                && of(topic, *number)
        });
        let Some((topic, number)) = due.min_by_key(|(_, owned)| owned.due).map(|(place, _)| place) else {
            return Ok(());
        };
        let topic = topic.to_owned();
        let every = self.settings.checkpoint_every;
        let Some(owned) = self.inputs.partition_mut(&topic, number) else { return Ok(()) };
        owned.due = now + every;
        let before = owned.reference;
        let checkpoint = owned.partition.checkpoint().map_err(MemberError::again("checkpoint"))?;
        let pending = self.checkpoints.begin(&checkpoint, before.as_ref(), &self.consumer, self.env)?;
        self.pending = Some(pending);
        Ok(())
    }

    /// The transaction was committed: what it named counts.
    pub(super) fn committed(&mut self) {
        self.is_touched = false;
        for (_, owned) in self.inputs.owned_mut().filter(|(_, owned)| owned.is_touched) {
            owned.is_touched = false;
            owned.committed = owned.partition.next();
        }
        let Some(pending) = &mut self.pending else { return };
        if !pending.is_whole() {
            return pending.keep();
        }
        let Some(pending) = self.pending.take() else { return };
        let Pending { topic, partition, reference, bytes, .. } = pending;
        let Some(owned) = self.inputs.partition_mut(&topic, partition) else { return };
        let before = owned.reference.replace(reference);
        self.checkpoints.replaced(&topic, partition, before.as_ref());
        self.counters.checkpoints.fetch_add(1, Relaxed);
        self.counters.partition(&topic, partition, |gauges| {
            gauges.checkpoint_made_s = reference.made_s;
            gauges.checkpoint_bytes = bytes;
        });
    }

    /// The name of a checkpoint that counts once this transaction is committed.
    pub(super) fn whole_checkpoint(&self, topic: &str, number: i32) -> Option<Reference> {
        let pending = self.pending.as_ref()?;
        let is_this = pending.partition == number && pending.topic == topic && pending.is_whole();
        is_this.then_some(pending.reference)
    }

    /// First checkpoints of partitions that have none: their models as they are before anything is read.
    pub(super) fn begin_checkpoints(&mut self) -> Result<(), MemberError> {
        let without = |member: &Self| {
            let mut owned = member.inputs.owned().filter(|(_, owned)| !owned.partition.is_rekeying());
            owned.any(|(_, owned)| owned.reference.is_none())
        };
        while without(self) {
            let now = Instant::now();
            for (_, owned) in self.inputs.owned_mut() {
                if owned.reference.is_none() {
                    owned.due = now;
                }
            }
            self.begin_checkpoint(now, |_, _| true)?;
            self.commit()?;
        }
        Ok(())
    }

    /// Checkpoints of partitions that are given away: whoever gets them need not replay.
    pub(super) fn checkpoint_all(&mut self, of: impl Fn(&str, i32) -> bool) -> Result<(), MemberError> {
        let late = Instant::now() + 2 * self.settings.checkpoint_every;
        loop {
            self.begin_checkpoint(late, &of)?;
            if !self.has_work() {
                return Ok(());
            }
            self.commit()?;
        }
    }
}
