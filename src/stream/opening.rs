//! How a partition is begun again: from which checkpoint, which offset, and what there is to tell.

use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::partition::{Partition, PartitionSettings};
use super::reference::Reference;

/// What is known of a partition before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The topic of the input.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// How many partitions the topic has.
    pub partitions: i32,
    /// The committed offset; where the group has none, the one that it begins at.
    pub committed: i64,
    /// The group has none.
    pub is_new: bool,
    /// The checkpoint that the committed offset names.
    pub reference: Option<Reference>,
    /// The first offset that the topic still holds.
    pub low: i64,
    /// The one behind its last.
    pub high: i64,
    /// A broker said that it does not have the committed offset. `high` alone may be a late answer.
    pub is_out_of_range: bool,
}

/// What the store of the checkpoints has of a partition.
#[derive(Debug, Default)]
pub struct Found {
    /// The checkpoint that is named, or the latest one at or before the committed offset where none is.
    pub checkpoint: Option<Checkpoint>,
    /// Its name.
    pub reference: Option<Reference>,
    /// Its bytes as it is stored.
    pub bytes: u64,
    /// Why the one that is named cannot be used.
    pub wrong: Option<String>,
}

/// A partition, ready to be read from [`Partition::next`] on.
#[derive(Debug)]
pub struct Opened {
    /// Its models.
    pub partition: Partition,
    /// Records before this offset have left, or are gone.
    pub committed: i64,
    /// The checkpoint that counts; `None`: one is to be made before anything leaves.
    pub reference: Option<Reference>,
    /// What a person should know.
    pub told: Vec<String>,
    /// Input that the models needed is gone.
    pub has_gap: bool,
}

impl Opening {
    /// Begins the partition. No failure keeps it from being read: what is wrong with a checkpoint is told, and the models
    /// begin anew.
    #[must_use]
    pub fn open(&self, settings: &Arc<PartitionSettings>, found: Found) -> Opened {
        let mut told = Vec::new();
        let mut opened = if self.committed > self.high && self.is_out_of_range {
            told.push(format!(
                "offset {} is committed, and the topic ends at {}: it was made anew, and so are the models",
                self.committed, self.high
            ));
            self.anew(settings, self.low)
        } else {
            let reference = found.reference;
            match found.checkpoint.map(|checkpoint| self.resumed(settings, checkpoint, reference, &mut told))
            {
                Some(Ok(opened)) => opened,
                Some(Err(why)) => self.without_checkpoint(settings, Some(why), &mut told),
                None => self.without_checkpoint(settings, found.wrong, &mut told),
            }
        };
        told.extend(opened.partition.take_log());
        let next = opened.partition.next();
        if next < self.low {
            opened.has_gap = true;
            told.push(format!(
                "the topic does not hold offsets {next} to {} any more: the models go on with a gap",
                self.low - 1
            ));
            if opened.committed < self.low {
                told.push(format!(
                    "{} records were dropped before they were scored",
                    self.low - opened.committed
                ));
            }
            opened.partition.skip_to(self.low);
            opened.committed = opened.committed.max(self.low);
        }
        opened.told = told;
        opened
    }

    /// A partition that gives records their keys: it has no models, and goes on where it was.
    #[must_use]
    pub fn without_models(&self, settings: &Arc<PartitionSettings>) -> Opened {
        let start = self.committed.max(self.low);
        let mut opened = self.anew(settings, start);
        opened.partition = opened.partition.rekeying();
        if self.committed < self.low {
            opened
                .told
                .push(format!("{} records were dropped before they were read", self.low - self.committed));
        }
        opened
    }

    fn resumed(
        &self,
        settings: &Arc<PartitionSettings>,
        checkpoint: Checkpoint,
        reference: Option<Reference>,
        told: &mut Vec<String>,
    ) -> Result<Opened, String> {
        let had = checkpoint.partitions;
        let partition = Partition::resume(settings, checkpoint, self.partitions, self.committed)
            .map_err(|error| error.to_string())?;
        if had != self.partitions {
            told.push(format!(
                "the topic has {} partitions and had {had} at the last checkpoint: series whose keys moved begin anew",
                self.partitions
            ));
        }
        Ok(Opened { partition, committed: self.committed, reference, told: Vec::new(), has_gap: false })
    }

    fn without_checkpoint(
        &self,
        settings: &Arc<PartitionSettings>,
        wrong: Option<String>,
        told: &mut Vec<String>,
    ) -> Opened {
        let start = self.committed;
        if let Some(why) = wrong {
            told.push(format!(
                "the models begin anew at offset {start}, as their checkpoint cannot be used: {why}"
            ));
        } else if self.reference.is_some() {
            told.push(format!("the models begin anew at offset {start}, as their checkpoint is gone"));
        } else if !self.is_new {
            told.push(format!("offset {start} is committed without a checkpoint: the models begin there"));
        }
        self.anew(settings, start)
    }

    fn anew(&self, settings: &Arc<PartitionSettings>, start: i64) -> Opened {
        Opened {
            partition: Partition::begin(settings, &self.topic, self.partition, self.partitions, start),
            committed: start,
            reference: None,
            told: Vec::new(),
            has_gap: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::stream::{Message, Taken};
    use crate::time::Time;

    const TEXT: &str = "[series.a]\nmatch: *\nvalue: $v\nk: 2\nwarm_up: off\n[kafka]\n";

    fn settings(text: &str) -> Arc<PartitionSettings> {
        let config = Config::parse("f.ini", text).unwrap();
        let kafka = config.kafka.clone().unwrap();
        Arc::new(PartitionSettings::new(&config, &kafka, "t").unwrap())
    }

    fn take(partition: &mut Partition, offset: i64) -> (Taken, Vec<u8>) {
        let mut record = format!("{{\"v\":{}}}", offset * offset % 11).into_bytes();
        let time = Some(Time::from_seconds(1_710_000_000 + offset));
        let taken = partition.take(Message { offset, time, has_key: true }, &mut record);
        (taken, record)
    }

    /// The models after the first 30 records, and a reference to them.
    fn saved(settings: &Arc<PartitionSettings>) -> (Found, Reference) {
        let mut partition = Partition::begin(settings, "t", 0, 4, 0);
        (0..30).for_each(|offset| drop(take(&mut partition, offset)));
        let checkpoint = partition.checkpoint().unwrap();
        let reference =
            Reference { id: 9, offset: 30, partitions: 4, slot: 1, chunks: 1, log_start: 0, made_s: 5 };
        (Found { checkpoint: Some(checkpoint), reference: Some(reference), bytes: 1, wrong: None }, reference)
    }

    fn opening(reference: Option<Reference>) -> Opening {
        Opening {
            topic: "t".into(),
            partition: 0,
            partitions: 4,
            committed: 50,
            is_new: false,
            reference,
            low: 0,
            high: 80,
            is_out_of_range: false,
        }
    }

    #[test]
    fn from_a_checkpoint_it_replays_to_the_committed_offset_and_tells_nothing() {
        let settings = settings(TEXT);
        let (found, reference) = saved(&settings);
        let mut opened = opening(Some(reference)).open(&settings, found);
        assert_eq!((opened.partition.next(), opened.committed, opened.told.len()), (30, 50, 0));
        assert_eq!(opened.reference, Some(reference));
        let mut undisturbed = Partition::begin(&settings, "t", 0, 4, 0);
        (0..30).for_each(|offset| drop(take(&mut undisturbed, offset)));
        for offset in 30..60 {
            let taken = if offset < 50 { Taken::Replayed } else { Taken::Leaves };
            let (found, expected) = (take(&mut opened.partition, offset), take(&mut undisturbed, offset));
            assert_eq!((found.0, found.1), (taken, expected.1), "{offset}");
        }
    }

    #[test]
    fn input_that_the_retention_has_dropped_is_told_and_the_models_go_on_with_a_gap() {
        let settings = settings(TEXT);
        let (found, reference) = saved(&settings);
        let mut opened = Opening { low: 40, ..opening(Some(reference)) }.open(&settings, found);
        assert_eq!(
            opened.told,
            ["the topic does not hold offsets 30 to 39 any more: the models go on with a gap"]
        );
        assert!(opened.has_gap);
        assert_eq!((opened.partition.next(), opened.committed), (40, 50));
        // as if those records had never been
        let mut without = Partition::begin(&settings, "t", 0, 4, 0);
        (0..30).chain(40..50).for_each(|offset| drop(take(&mut without, offset)));
        (40..50).for_each(|offset| drop(take(&mut opened.partition, offset)));
        assert_eq!(take(&mut opened.partition, 50), take(&mut without, 50));

        let (found, _) = saved(&settings);
        let opened = Opening { low: 70, ..opening(Some(reference)) }.open(&settings, found);
        assert_eq!(opened.told[1], "20 records were dropped before they were scored");
        assert_eq!(opened.committed, 70);
    }

    #[test]
    fn another_number_of_partitions_is_told() {
        let settings = settings(TEXT);
        let (found, reference) = saved(&settings);
        let opened = Opening { partitions: 6, ..opening(Some(reference)) }.open(&settings, found);
        let told =
            "the topic has 6 partitions and had 4 at the last checkpoint: series whose keys moved begin anew";
        assert_eq!(opened.told, [told]);
    }

    #[test]
    fn a_checkpoint_of_another_configuration_is_told_and_its_series_begin_anew() {
        let (found, reference) = saved(&settings(TEXT));
        let other = settings(&TEXT.replace("k: 2", "k: 3"));
        let opened = opening(Some(reference)).open(&other, found);
        assert_eq!(
            opened.told,
            ["section [series.a] was changed or removed: 1 saved models of it were dropped"]
        );
        assert_eq!((opened.partition.next(), opened.partition.series()), (30, 0));
    }

    #[test]
    fn a_checkpoint_that_is_gone_or_of_another_release_is_told() {
        let settings = settings(TEXT);
        let (_, reference) = saved(&settings);
        let gone = opening(Some(reference)).open(&settings, Found::default());
        assert_eq!(gone.told, ["the models begin anew at offset 50, as their checkpoint is gone"]);
        let wrong = Some("it has layout 9, this release reads 1".to_owned());
        let other = opening(Some(reference)).open(&settings, Found { wrong, ..Found::default() });
        let why = "the models begin anew at offset 50, as their checkpoint cannot be used: it has layout 9, this release reads 1";
        assert_eq!(other.told, [why]);
        let reset = opening(None).open(&settings, Found::default());
        assert_eq!(reset.told, ["offset 50 is committed without a checkpoint: the models begin there"]);
    }

    #[test]
    fn a_topic_that_was_made_anew_is_told_once_a_broker_does_not_have_the_offset() {
        let settings = settings(TEXT);
        let (found, reference) = saved(&settings);
        let late_answer = Opening { high: 20, ..opening(Some(reference)) };
        assert_eq!(late_answer.open(&settings, found).told, Vec::<String>::new());
        let (found, _) = saved(&settings);
        let opened = Opening { is_out_of_range: true, ..late_answer }.open(&settings, found);
        assert_eq!(
            opened.told,
            ["offset 50 is committed, and the topic ends at 20: it was made anew, and so are the models"]
        );
        assert_eq!((opened.partition.next(), opened.committed, opened.partition.series()), (0, 0, 0));
    }
}
