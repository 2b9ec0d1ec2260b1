//! The topics that a member reads, and its partitions of them.

use super::owned::Owned;

/// A topic that is read.
pub(crate) struct Input {
    pub(crate) topic: String,
    partitions: i32,
    /// The output has as many partitions: records keep theirs.
    pub(crate) keeps_partition: bool,
    /// By number.
    owned: Vec<Option<Box<Owned>>>,
}

impl Input {
    /// `partitions` of it, `to_partitions` of the output.
    pub(crate) fn new(topic: &str, partitions: i32, to_partitions: i32) -> Self {
        let keeps_partition = partitions == to_partitions;
        Self { topic: topic.to_owned(), partitions, keeps_partition, owned: Vec::new() }
    }

    /// It has so many partitions from now on, the output `to_partitions`; how many it had, where they are others.
    pub(crate) fn set_partitions(&mut self, partitions: i32, to_partitions: i32) -> Option<i32> {
        self.keeps_partition = partitions == to_partitions;
        let before = std::mem::replace(&mut self.partitions, partitions);
        if before == partitions {
            return None;
        }
        for owned in self.owned.iter_mut().flatten() {
            owned.partition.set_partitions(partitions);
        }
        Some(before)
    }

    /// A partition, where this member has it.
    pub(crate) fn partition(&mut self, number: i32) -> Option<&mut Owned> {
        self.slot(number)?.as_deref_mut()
    }

    fn slot(&mut self, number: i32) -> Option<&mut Option<Box<Owned>>> {
        self.owned.get_mut(usize::try_from(number).ok()?)
    }
}

/// All topics that are read.
pub(crate) struct Inputs(pub(crate) Vec<Input>);

impl Inputs {
    /// The one that a message comes from; `topic` is asked for where there are several.
    pub(crate) fn of_message<'t>(&mut self, topic: impl FnOnce() -> &'t str) -> Option<&mut Input> {
        match &mut self.0[..] {
            [only] => Some(only),
            several => {
                let topic = topic();
                several.iter_mut().find(|input| input.topic == topic)
            }
        }
    }

    fn input(&mut self, topic: &str) -> Option<&mut Input> {
        self.0.iter_mut().find(|input| input.topic == topic)
    }

    /// Takes a partition.
    pub(crate) fn own(&mut self, topic: &str, number: i32, owned: Owned) {
        let Some(input) = self.input(topic) else { return };
        let Ok(at) = usize::try_from(number) else { return };
        if input.owned.len() <= at {
            input.owned.resize_with(at + 1, || None);
        }
        if let Some(slot) = input.owned.get_mut(at) {
            *slot = Some(Box::new(owned));
        }
    }

    /// Lets a partition go.
    pub(crate) fn let_go(&mut self, topic: &str, number: i32) {
        if let Some(slot) = self.input(topic).and_then(|input| input.slot(number)) {
            *slot = None;
        }
    }

    /// The partitions of this member.
    pub(crate) fn owned(&self) -> impl Iterator<Item = ((&str, i32), &Owned)> {
        self.0.iter().flat_map(|input| {
            let numbered = input.owned.iter().zip(0..);
            numbered.filter_map(|(owned, number)| Some(((input.topic.as_str(), number), &**owned.as_ref()?)))
        })
    }

    /// The same, to be changed.
    pub(crate) fn owned_mut(&mut self) -> impl Iterator<Item = ((&str, i32), &mut Owned)> {
        self.0.iter_mut().flat_map(|input| {
            let Input { topic, owned, .. } = input;
            let numbered = owned.iter_mut().zip(0..);
            numbered.filter_map(|(owned, number)| Some(((topic.as_str(), number), owned.as_deref_mut()?)))
        })
    }

    /// One of them.
    pub(crate) fn partition_mut(&mut self, topic: &str, number: i32) -> Option<&mut Owned> {
        self.input(topic)?.partition(number)
    }

    /// How many partitions a topic has.
    pub(crate) fn partitions_of(&self, topic: &str) -> i32 {
        self.0.iter().find(|input| input.topic == topic).map_or(0, |input| input.partitions)
    }
}
