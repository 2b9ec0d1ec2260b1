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
//! earlier one notices with its next write a second later, or within 256 writes, and goes on in memory ([`StateNotice::TakenOver`]).
//!
//! All entries of one record are a transaction. A record that was cut by a crash is left out; a file whose bytes were
//! changed is used up to the last sound record, set aside and reported.

mod arena;
#[cfg(feature = "companion")]
mod checkpoint;
mod entry;
mod eviction;
#[cfg(feature = "companion")]
pub(crate) mod folder_lock;
#[cfg(feature = "companion")]
pub(crate) mod folder_storage;
mod frame;
mod headroom;
mod host_pace;
mod journal_writer;
mod key;
mod live_series;
mod model;
mod notice;
mod position;
mod recover;
#[cfg(feature = "companion")]
mod reshard;
mod section_clock;
mod silences;
mod snapshot;
mod storage;
#[cfg(test)]
mod tests;
mod window_queue;

pub(crate) use journal_writer::Flush;
pub(crate) use key::SeriesKey;
pub use model::Observation;
pub(crate) use model::{BankSection, Model, Observe, ReadLine, SectionId};
pub(crate) use notice::StateNotice;
pub use position::journal_names;
pub(crate) use silences::Silent;
pub use storage::{MemoryStorage, Storage, StorageError};
pub(crate) use window_queue::ClosedWindow;

use arena::Arena;
use entry::StateEntry;
use journal_writer::JournalWriter;
use live_series::{LiveSeries, OnSilence};
use silences::Silences;
use snapshot::SeriesCounts;

use crate::time::{HostClock, Time};

/// All series of a pipeline.
pub(crate) struct Bank<M: Model> {
    sections: Vec<BankSection<M>>,
    max_series: usize,
    live: LiveSeries<M>,
    journal: Option<JournalWriter>,
    next_id: u32,
    evicted: u64,
    notices: Vec<StateNotice>,
    silences: Silences<M>,
}

impl<M: Model> std::fmt::Debug for Bank<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bank")
            .field("series", &self.live.arena.len())
            .field("journal", &self.journal)
            .finish()
    }
}

impl<M: Model> Bank<M> {
    /// A bank that forgets everything when it is dropped. `max_series` >= 1.
    #[must_use]
    pub(crate) fn in_memory(sections: Vec<BankSection<M>>, max_series: usize) -> Self {
        Self {
            live: LiveSeries::new(sections.len()),
            sections,
            max_series: max_series.max(1),
            journal: None,
            next_id: 0,
            evicted: 0,
            notices: Vec::new(),
            silences: Silences::new(),
        }
    }

    /// A bank that goes on from what `storage` holds. Never fails: what is wrong is told by
    /// [`take_notices`](Bank::take_notices), and the bank works in memory as long as it lasts.
    #[must_use]
    pub(crate) fn open(
        sections: Vec<BankSection<M>>,
        max_series: usize,
        mut storage: Box<dyn Storage>,
        flush: Flush,
    ) -> Self {
        let mut bank = Self::in_memory(sections, max_series);
        let ids = bank.sections.iter().map(|section| section.id.clone()).collect();
        match recover::recover(&mut *storage, &bank.sections, &mut bank.live, &mut bank.notices) {
            Ok(position) => {
                bank.next_id = position.next_id;
                bank.evicted = position.evicted;
                bank.journal = Some(JournalWriter::new(storage, flush, position, ids));
                bank.evict_excess();
                bank.compact_if_due();
            }
            Err(error) => {
                bank.live.clear();
                bank.notices.push(StateNotice::CannotRead(error.clone()));
                bank.journal = Some(JournalWriter::unreadable(storage, flush, ids, error));
            }
        }
        bank
    }

    /// Scores and learns one observation of the series `key` of a section.
    ///
    /// The observation is on disk after the next [`commit`](Bank::commit). `None`, and nothing learned, only for a
    /// section that does not exist, or when there is no memory for even one series.
    #[inline(always)] // speed
    pub(crate) fn observe<O: Observe<M>>(
        &mut self,
        section: u16,
        key: &SeriesKey,
        observation: Observation,
        observer: O,
    ) -> Option<O::Answer> {
        let at = self.see_or_register(section, key)?;
        let spec = self.sections.get(usize::from(section))?;
        let silences = &mut self.silences;
        let on_silence: OnSilence<'_, M> = &mut |section, key, silence| silences.add(section, key, silence);
        let model = self.live.see(spec, at, observation.time, on_silence);
        let answer = observer.observe(model, &spec.spec, observation);
        self.log_observation(at, observation);
        Some(answer)
    }

    /// The place of a series, which is the last one seen then; it is registered where it is new.
    #[inline(always)] // speed
    fn see_or_register(&mut self, section: u16, key: &SeriesKey) -> Option<u32> {
        match self.live.arena.see(section, key) {
            arena::NONE => self.register(section, key),
            at => Some(at),
        }
    }

    /// Writes what the series at `at` has learned to the journal.
    #[inline(always)] // speed
    fn log_observation(&mut self, at: u32, observation: Observation) {
        if let Some(journal) = &mut self.journal {
            let id = self.live.arena.get_mut(at).id;
            journal.log_observation(id, observation, &mut self.notices);
        }
    }

    /// The id of a series that is there for its name: other series state it as the source of their observations. It is
    /// registered where it is new. `None` as in [`observe`](Bank::observe).
    pub(crate) fn name(&mut self, section: u16, key: &SeriesKey) -> Option<u32> {
        let at = self.see_or_register(section, key)?;
        Some(self.live.arena.get_mut(at).id)
    }

    /// As [`observe`](Bank::observe), for a section with windows: those that are over are closed before.
    #[inline(never)] // stack
    pub(crate) fn count<O: Observe<M>>(
        &mut self,
        section: u16,
        key: &SeriesKey,
        observation: Observation,
        observer: O,
    ) -> Option<O::Answer> {
        let at = self.see_or_register(section, key)?;
        let spec = self.sections.get(usize::from(section))?;
        let model = self.live.see_window(spec, section, at, observation.time);
        let answer = observer.observe(model, &spec.spec, observation);
        self.log_observation(at, observation);
        Some(answer)
    }

    /// Lets a series of a section with windows learn a line of text. `None` as in [`observe`](Bank::observe).
    #[inline(never)] // stack
    pub(crate) fn read_line<R: ReadLine<M>>(
        &mut self,
        section: u16,
        key: &SeriesKey,
        (time, line): (Time, &[u8]),
        reader: R,
    ) -> Option<R::Answer> {
        let mut at = self.live.arena.see(section, key);
        if at == arena::NONE {
            at = self.register(section, key)?;
        }
        let spec = self.sections.get(usize::from(section))?;
        let model = self.live.see_window(spec, section, at, time);
        let (answer, value) = reader.read_line(model, &spec.spec, time, line);
        if let Some(journal) = &mut self.journal {
            let id = self.live.arena.get_mut(at).id;
            match value {
                Some(value) => {
                    let observation = Observation { time, value, source: 0 };
                    journal.log_observation(id, observation, &mut self.notices);
                }
                None => journal.log(&StateEntry::Line { id, time, line }, &mut self.notices),
            }
        }
        Some(answer)
    }

    /// A record that no series of a section with windows learns moves the clock of the section all the same.
    #[inline(always)] // speed
    pub(crate) fn advance(&mut self, section: u16, time_s: i64) {
        let Some(spec) = self.sections.get(usize::from(section)) else { return };
        if self.live.advance(spec, section, time_s)
            && let Some(journal) = &mut self.journal
        {
            journal.log(&StateEntry::Clock { section, time_s }, &mut self.notices);
        }
    }

    /// Second of the event for which [`tick`](Bank::tick) was called last.
    #[inline(always)] // speed
    pub(crate) fn asked_s(&self) -> i64 {
        self.live.pace.asked_s
    }

    /// The host's clock, for silent series: asked at an event of the second `asked_s`.
    pub(crate) fn tick(&mut self, host_s: i64, asked_s: i64) {
        self.live.tick_windows(&self.sections, host_s, asked_s);
        if let Some(journal) = &mut self.journal {
            journal.log(&StateEntry::Tick { host_s, asked_s }, &mut self.notices);
        }
    }

    /// Whether closed windows wait.
    #[inline(always)] // speed
    pub(crate) fn has_windows(&self) -> bool {
        !self.live.windows.is_empty()
    }

    /// Whether closed windows of the sections that `may_leave` wait.
    pub(crate) fn has_windows_of(&self, may_leave: &dyn Fn(u16) -> bool) -> bool {
        self.live.windows.has_any(may_leave)
    }

    /// The next closed window of the sections that `may_leave`, an alarming one if there is any. It leaves the state with
    /// the next [`commit`](Bank::commit).
    pub(crate) fn take_window(&mut self, may_leave: &dyn Fn(u16) -> bool) -> Option<ClosedWindow> {
        let window = self.live.windows.take(may_leave)?;
        if let Some(journal) = &mut self.journal {
            journal.log(&StateEntry::Leave { section: window.section }, &mut self.notices);
        }
        Some(window)
    }

    /// Windows that were closed and told, and windows that too many others kept from being told, since the start.
    pub(crate) fn window_counts(&self) -> (u64, u64) {
        (self.live.windows.closed, self.live.windows.lost)
    }

    /// The bytes of the key of a series, by its id: a look at all of them.
    pub(crate) fn key_of(&self, id: u32) -> Option<&[u8]> {
        self.live.arena.by_age().find(|slot| slot.id == id).map(|slot| slot.key.bytes())
    }

    /// Series of a section that had an observation since then: a look at all of them.
    pub(crate) fn count_seen(&self, section: u16, since: Time) -> usize {
        self.live.arena.by_age().filter(|slot| slot.section == section && slot.seen >= since).count()
    }

    /// The model of a series, if it is known.
    pub(crate) fn model(&mut self, section: u16, key: &SeriesKey) -> Option<&M> {
        let at = self.live.arena.find(section, key)?;
        Some(&self.live.arena.get_mut(at).model)
    }

    /// The clock of the host: how soon the folder is looked at and saving is tried again goes by it.
    pub(crate) fn set_clock(&mut self, clock: Box<dyn HostClock>) {
        if let Some(journal) = &mut self.journal {
            journal.set_clock(clock);
        }
    }

    /// Observations since saving failed: they are in memory only.
    #[must_use]
    pub(crate) fn unsaved(&self) -> u64 {
        self.journal.as_ref().map_or(0, JournalWriter::unsaved)
    }

    /// Bytes of the journals behind the snapshot.
    #[must_use]
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.journal.as_ref().map_or(0, JournalWriter::bytes)
    }

    /// Whether silent series have something to tell; it waits here for a record that can carry it.
    #[must_use]
    pub(crate) fn has_silences(&self) -> bool {
        !self.silences.is_empty()
    }

    /// The oldest report of a silent series of this section.
    pub(crate) fn take_silence(&mut self, section: u16) -> Option<Silent<M>> {
        self.silences.take(section)
    }

    /// Ends what one record caused: its observations are on disk now, as far as [`Flush`] asks for it.
    #[inline(always)] // speed
    pub(crate) fn commit(&mut self) {
        if self.journal.is_some() {
            self.commit_journal();
        }
    }

    #[inline(never)] // stack
    fn commit_journal(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        journal.commit(&mut self.notices);
        if journal.is_unreadable() {
            self.read_again_if_due();
        } else if journal.wants_compaction() {
            self.compact();
        }
    }

    /// All series: section, key, model; in no particular order.
    #[cfg(test)]
    pub(crate) fn series(&self) -> impl Iterator<Item = (u16, &[u8], &M)> {
        self.live.arena.iter().map(|slot| (slot.section, slot.key.bytes(), &slot.model))
    }

    /// Puts what waits in memory on disk.
    pub(crate) fn flush(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.flush(&mut self.notices);
        }
    }

    /// Whether [`take_notices`](Bank::take_notices) has something to give.
    #[must_use]
    pub(crate) fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// What happened to the saved state since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<StateNotice> {
        std::mem::take(&mut self.notices)
    }

    /// Series in memory.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.live.arena.len()
    }

    /// Series forgotten because `max_series` was reached.
    #[must_use]
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes of a series of this spec besides its key.
    #[must_use]
    pub(crate) fn series_bytes(spec: &M::Spec) -> usize {
        M::memory_bytes(spec) - size_of::<M>() + Arena::<M>::overhead()
    }

    fn compact_if_due(&mut self) {
        if self.journal.as_mut().is_some_and(JournalWriter::wants_compaction) {
            self.compact();
        }
    }

    #[cold]
    #[inline(never)] // stack
    fn compact(&mut self) {
        if let Some(journal) = &mut self.journal {
            let counts = SeriesCounts { next_id: self.next_id, evicted: self.evicted };
            journal.compact(&self.sections, &self.live, counts, &mut self.notices);
        }
    }

    /// Tries to read a folder that could not be read at the start. The models that it holds learned more than those in
    /// memory, and replace them.
    #[cold]
    #[inline(never)] // stack
    fn read_again_if_due(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        if !journal.wants_retry() {
            return;
        }
        let mut live = LiveSeries::new(self.sections.len());
        match recover::recover(journal.storage(), &self.sections, &mut live, &mut self.notices) {
            Ok(mut position) => {
                if live.arena.len() == 0 {
                    position.rewrite = true; // what is in memory is all there is
                    position.next_id = position.next_id.max(self.next_id);
                    position.evicted += self.evicted;
                    self.notices.push(StateNotice::SavingAgain);
                } else {
                    self.notices.push(StateNotice::ReadAgain);
                    self.live = live;
                }
                self.next_id = position.next_id;
                self.evicted = position.evicted;
                journal.resume(position);
                self.evict_excess();
                self.compact_if_due();
            }
            Err(error) => journal.stay_unreadable(error),
        }
    }
}
