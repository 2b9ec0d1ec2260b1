//! What the bank keeps: one track of scores for each series, and one for each band that monitors need of it.

use super::scoring::{ScoreSpec, ScoreTrack, Verdict};
use super::watching::{WatchSpec, WatchTrack};
use crate::annotation::Anomaly;
use crate::bank::{Ask, Model, Observation};
use crate::codec::{CodecError, Reader, Writer};
use crate::monitor::{self, Unchanged};
use crate::time::Time;

/// What all tracks of a kind share.
#[derive(Debug, Clone)]
pub enum TrackSpec {
    /// ChangeFinder of a section.
    Score(ScoreSpec),
    /// Monitors of a section that share a band.
    Watch(Box<WatchSpec>),
}

/// One series, under one aspect.
#[derive(Debug, Clone)]
pub enum Track {
    /// ChangeFinder.
    Score(ScoreTrack),
    /// Band and alert states.
    Watch(Box<WatchTrack>),
}

/// What a monitor, by its place in the spec, says of a series that fell silent.
pub type Silence = (usize, monitor::AlertEvaluation);

/// Asks a track of scores. The anomaly is what the calibrated score says, once it is warm.
pub(super) struct Score<'a>(pub(super) &'a mut Option<Anomaly>);

impl Ask<Track> for Score<'_> {
    type Said = Option<Verdict>;

    #[inline(always)]
    fn ask(self, track: &mut Track, spec: &TrackSpec, observation: Observation) -> Option<Verdict> {
        match (track, spec) {
            (Track::Score(track), TrackSpec::Score(spec)) => Some(track.update(spec, observation, self.0)),
            _ => None,
        }
    }
}

/// Asks a watched track: monitors by their places in the spec, and what each one says.
pub(super) struct Watched<'a>(pub(super) &'a mut Vec<(usize, monitor::MonitorVerdict)>);

impl Ask<Track> for Watched<'_> {
    type Said = ();

    #[inline(never)]
    fn ask(self, track: &mut Track, spec: &TrackSpec, observation: Observation) {
        track.watch(spec, observation, &mut |place, said| self.0.push((place, said)));
    }
}

/// Asks a watched track with one monitor, and returns what that says where it has nothing to tell; all else is left as
/// [`Watched`] does.
pub(super) struct WatchedByOne<'a>(pub(super) &'a mut Vec<(usize, monitor::MonitorVerdict)>);

impl Ask<Track> for WatchedByOne<'_> {
    type Said = Option<Unchanged>;

    #[inline(always)]
    fn ask(self, track: &mut Track, spec: &TrackSpec, observation: Observation) -> Option<Unchanged> {
        match (track, spec) {
            (Track::Watch(track), TrackSpec::Watch(spec)) => {
                track.update_one(spec, observation.time, observation.value, self.0)
            }
            _ => None,
        }
    }
}

impl Track {
    fn watch(
        &mut self,
        spec: &TrackSpec,
        observation: Observation,
        report: &mut dyn FnMut(usize, monitor::MonitorVerdict),
    ) {
        if let (Track::Watch(track), TrackSpec::Watch(spec)) = (self, spec) {
            track.update(spec, observation.time, observation.value, report);
        }
    }
}

impl Model for Track {
    type Spec = TrackSpec;
    type Silence = Silence;

    fn new(spec: &TrackSpec) -> Self {
        match spec {
            TrackSpec::Score(spec) => Track::Score(ScoreTrack::new(spec)),
            TrackSpec::Watch(spec) => Track::Watch(Box::new(WatchTrack::new(spec))),
        }
    }

    #[inline(never)]
    fn update(&mut self, spec: &TrackSpec, observation: Observation) {
        Score(&mut None).ask(self, spec, observation);
        self.watch(spec, observation, &mut |_, _| {});
    }

    fn clock_seconds(spec: &TrackSpec) -> Option<u32> {
        match spec {
            TrackSpec::Score(_) => None,
            TrackSpec::Watch(spec) => spec.clock_seconds(),
        }
    }

    fn pass(&mut self, spec: &TrackSpec, seen: Time, now: Time, report: &mut dyn FnMut(Silence)) {
        if let (Track::Watch(track), TrackSpec::Watch(spec)) = (self, spec) {
            track.pass(spec, seen, now, report);
        }
    }

    fn save(&self, spec: &TrackSpec, w: &mut Writer<'_>) {
        match (self, spec) {
            (Track::Score(track), _) => track.save(w),
            (Track::Watch(track), TrackSpec::Watch(spec)) => track.save(spec, w),
            _ => {}
        }
    }

    fn restore(spec: &TrackSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        match spec {
            TrackSpec::Score(spec) => Ok(Track::Score(ScoreTrack::restore(spec, r)?)),
            TrackSpec::Watch(spec) => Ok(Track::Watch(Box::new(WatchTrack::restore(spec, r)?))),
        }
    }

    fn memory_bytes(spec: &TrackSpec) -> usize {
        let heap = match spec {
            TrackSpec::Score(spec) => ScoreTrack::memory_bytes(spec) - size_of::<ScoreTrack>(),
            TrackSpec::Watch(spec) => WatchTrack::memory_bytes(spec),
        };
        size_of::<Self>() + heap
    }
}
