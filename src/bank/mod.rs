//! A model for each series: created on first sight, bounded in number, exact over restarts.
//!
//! The bank knows nothing of what a model computes. It hands each [`Observation`] to the model of its series and
//! writes the observation, not the result, to a journal: models are deterministic, so replaying the journal over
//! the last snapshot gives the same bits. When the journal has grown, a snapshot replaces it.
//!
//! ```text
//! state/snapshot      all models at one moment; replaced atomically
//! state/journal-NN    what came since; each start of a writer begins a further one
//! state/*.bad*        files that could not be used, set aside
//! ```
//!
//! A journal states in its first entry how much of the one before it was read. So when two writers share a
//! folder, the later one wins, cleanly: nothing that the earlier one writes afterwards is ever read, and the
//! earlier one notices within 256 writes and goes on in memory ([`Notice::TakenOver`]).
//!
//! Each entry is a transaction. An entry that was cut by a crash is left out; a file whose bytes were changed is
//! used up to the last sound entry, set aside and reported.

mod arena;
mod entry;
#[cfg(feature = "companion")]
pub mod folder_storage;
mod frame;
mod journal_writer;
mod key;
mod live_series;
mod notice;
mod recover;
mod storage;
#[cfg(test)]
mod tests;

pub use frame::ReadError;
pub use journal_writer::Flush;
pub use key::SeriesKey;
pub use notice::Notice;
pub use storage::{MemoryStorage, Storage, StorageError};

use std::collections::VecDeque;

use arena::Arena;
use entry::Entry;
use journal_writer::{Counts, Keeper};
use live_series::{Live, OnSilence};

use crate::codec::{CodecError, Reader, Writer};
use crate::time::Time;

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Event time.
    pub time: Time,
    /// As the record states it; models decide what they refuse.
    pub value: f64,
    /// Tells values of one time apart where several sources feed one model; 0 where a series has one source.
    pub source: u32,
}

/// What a bank keeps for each series.
///
/// `update` and `pass` must depend on nothing but the model, the spec and their arguments, or a restart would change scores.
pub trait Model: Sized {
    /// What all series of a section share.
    type Spec;
    /// What a series says that falls silent.
    type Silence;

    /// A model that has seen nothing.
    fn new(spec: &Self::Spec) -> Self;
    /// Learns one observation.
    fn update(&mut self, spec: &Self::Spec, observation: Observation);
    /// How often silent series are looked after, in seconds of their section's event time; `None`: never.
    fn clock_seconds(_spec: &Self::Spec) -> Option<u32> {
        None
    }
    /// Called once a clock step for each series: its section is at `now`, itself was last `seen` then.
    fn pass(&mut self, _spec: &Self::Spec, _seen: Time, _now: Time, _report: &mut dyn FnMut(Self::Silence)) {}
    /// Writes everything the next update depends on.
    fn save(&self, spec: &Self::Spec, w: &mut Writer<'_>);
    /// The inverse of [`save`](Model::save).
    ///
    /// # Errors
    /// When the bytes were not written by `save` under this spec.
    fn restore(spec: &Self::Spec, r: &mut Reader<'_>) -> Result<Self, CodecError>;
    /// The most bytes a model takes, inline and on the heap.
    fn memory_bytes(spec: &Self::Spec) -> usize;
}

/// What is to be had from a model by one observation.
///
/// A trait and no closure: a closure with several callers is not inlined, and what it yields goes through memory.
pub trait Ask<M: Model> {
    /// What the model says.
    type Said;
    /// Does with the model what [`Model::update`] would do.
    fn ask(self, model: &mut M, spec: &M::Spec, observation: Observation) -> Self::Said;
}

/// Recognises a section between runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionId {
    /// The name in the configuration file.
    pub name: String,
    /// A checksum over all parameters that the models depend on.
    pub signature: u64,
}

/// A section and what its models share.
#[derive(Debug)]
pub struct Section<M: Model> {
    /// Saved models return only to a section with the same id.
    pub id: SectionId,
    /// Handed to each call of a model.
    pub spec: M::Spec,
}

/// More than this many are not kept for records to come; the oldest go first.
const MAX_SILENCES: usize = 10_000;

/// What a series said that fell silent.
#[derive(Debug)]
pub struct Silent<M: Model> {
    /// Index of its section.
    pub section: u16,
    /// The bytes of its key.
    pub key: Box<[u8]>,
    /// What it said.
    pub silence: M::Silence,
}

/// All series of a pipeline.
pub struct Bank<M: Model> {
    sections: Vec<Section<M>>,
    max_series: usize,
    live: Live<M>,
    keeper: Option<Keeper>,
    next_id: u32,
    evicted: u64,
    notices: Vec<Notice>,
    silences: VecDeque<Silent<M>>,
}

impl<M: Model> std::fmt::Debug for Bank<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bank").field("series", &self.live.arena.len()).field("keeper", &self.keeper).finish()
    }
}

impl<M: Model> Bank<M> {
    /// A bank that forgets everything when it is dropped. `max_series` >= 1.
    #[must_use]
    pub fn in_memory(sections: Vec<Section<M>>, max_series: usize) -> Self {
        Self {
            live: Live::new(sections.len()),
            sections,
            max_series: max_series.max(1),
            keeper: None,
            next_id: 0,
            evicted: 0,
            notices: Vec::new(),
            silences: VecDeque::new(),
        }
    }

    /// A bank that goes on from what `storage` holds. Never fails: what is wrong is told by
    /// [`take_notices`](Bank::take_notices), and the bank works in memory as long as it lasts.
    #[must_use]
    pub fn open(
        sections: Vec<Section<M>>,
        max_series: usize,
        mut storage: Box<dyn Storage>,
        flush: Flush,
    ) -> Self {
        let mut bank = Self::in_memory(sections, max_series);
        match recover::recover(&mut *storage, &bank.sections, &mut bank.live, &mut bank.notices) {
            Ok(position) => {
                bank.next_id = position.next_id;
                bank.evicted = position.evicted;
                let ids = bank.sections.iter().map(|section| section.id.clone()).collect();
                bank.keeper = Some(Keeper::new(storage, flush, position, ids));
                while bank.live.arena.len() > bank.max_series {
                    bank.evict_oldest();
                }
                bank.compact_if_due();
            }
            Err(error) => {
                bank.live.clear();
                bank.notices.push(Notice::CannotRead(error));
            }
        }
        bank
    }

    /// Scores and learns one observation of the series `key` of a section.
    ///
    /// The observation is on disk after the next [`commit`](Bank::commit). `None`, and nothing asked, only for a
    /// section that does not exist, or when there is no memory for even one series.
    #[inline(always)]
    pub fn observe<A: Ask<M>>(
        &mut self,
        section: u16,
        key: &SeriesKey,
        observation: Observation,
        question: A,
    ) -> Option<A::Said> {
        let mut at = self.live.arena.see(section, key);
        if at == arena::NONE {
            at = self.register(section, key)?;
        }
        let spec = self.sections.get(usize::from(section))?;
        let silences = &mut self.silences;
        let on_silence: OnSilence<'_, M> = &mut |section, key, silence| {
            if silences.len() == MAX_SILENCES {
                silences.pop_front();
            }
            silences.push_back(Silent { section, key: key.into(), silence });
        };
        let model = self.live.see(spec, at, observation.time, on_silence);
        let said = question.ask(model, &spec.spec, observation);
        if let Some(keeper) = &mut self.keeper {
            let id = self.live.arena.get_mut(at).id;
            keeper.log_observation(id, observation, &mut self.notices);
        }
        Some(said)
    }

    /// Whether silent series have said something; it waits here for a record that can carry it.
    #[must_use]
    pub fn has_silences(&self) -> bool {
        !self.silences.is_empty()
    }

    /// The oldest thing that a silent series of this section has said.
    pub fn take_silence(&mut self, section: u16) -> Option<Silent<M>> {
        let at = self.silences.iter().position(|silent| silent.section == section)?;
        self.silences.remove(at)
    }

    /// Ends what one record caused: its observations are on disk now, as far as [`Flush`] asks for it.
    pub fn commit(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.commit(&mut self.notices);
            self.compact_if_due();
        }
    }

    /// The model of a series, if it is known.
    pub fn model(&mut self, section: u16, key: &SeriesKey) -> Option<&M> {
        let at = self.live.arena.find(section, key)?;
        Some(&self.live.arena.get_mut(at).model)
    }

    /// All series: section, key, model; in no particular order.
    pub fn series(&self) -> impl Iterator<Item = (u16, &[u8], &M)> {
        self.live.arena.iter().map(|slot| (slot.section, slot.key.bytes(), &slot.model))
    }

    /// Puts what waits in memory on disk.
    pub fn flush(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            keeper.flush(&mut self.notices);
        }
    }

    /// Whether [`take_notices`](Bank::take_notices) has something to give.
    #[must_use]
    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// What happened to the saved state since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Series in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.arena.len()
    }

    /// True when no series was seen yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.arena.len() == 0
    }

    /// Series forgotten because `max_series` was reached.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes of a series of this spec besides its key.
    #[must_use]
    pub fn series_bytes(spec: &M::Spec) -> usize {
        M::memory_bytes(spec) - size_of::<M>() + Arena::<M>::overhead()
    }

    #[cold]
    #[inline(never)]
    fn register(&mut self, section: u16, key: &SeriesKey) -> Option<u32> {
        let spec = &self.sections.get(usize::from(section))?.spec;
        let bytes = needed::<M>(spec, key.len());
        if self.live.arena.len() >= self.max_series {
            self.evict_oldest();
        } else if !has_room(bytes) {
            self.out_of_memory();
        }
        let spec = &self.sections.get(usize::from(section))?.spec;
        let mut model = M::new(spec);
        let id = self.next_id;
        let at = loop {
            match self.live.arena.insert(id, section, key, model) {
                Ok(at) => break at,
                Err(back) => {
                    self.live.arena.oldest()?;
                    self.out_of_memory();
                    model = back;
                }
            }
        };
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(keeper) = &mut self.keeper {
            keeper.log(&Entry::Register { id, section, key: key.bytes() }, &mut self.notices);
        }
        Some(at)
    }

    fn evict_oldest(&mut self) {
        let Some(at) = self.live.arena.oldest() else { return };
        let id = self.live.arena.get_mut(at).id;
        self.live.arena.remove(at);
        self.evicted += 1;
        if let Some(keeper) = &mut self.keeper {
            keeper.log(&Entry::Evict { id }, &mut self.notices);
        }
    }

    /// Makes room below `max_series`, and stays there.
    fn out_of_memory(&mut self) {
        let series = self.live.arena.len();
        self.notices.push(Notice::OutOfMemory { series });
        self.max_series = series.max(1);
        self.evict_oldest();
    }

    fn compact_if_due(&mut self) {
        if let Some(keeper) = &mut self.keeper
            && keeper.wants_compaction()
        {
            let counts = Counts { next_id: self.next_id, evicted: self.evicted };
            keeper.compact(&self.sections, &self.live, counts, &mut self.notices);
        }
    }
}

/// Left free when a series is added: for everything else that is allocated while records are scored.
const RESERVE: usize = 192 << 10;

/// Asks the allocator before an infallible allocation would have to abort: on WASM an abort loses the record.
fn has_room(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    probe.try_reserve_exact(bytes.saturating_add(RESERVE)).is_ok()
}

/// Bytes that a further series takes at most, with the slack of the allocator.
fn needed<M: Model>(spec: &M::Spec, key_len: usize) -> usize {
    2 * (M::memory_bytes(spec) + key_len + 64)
}
