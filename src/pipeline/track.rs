//! What the bank keeps: one track of scores for each series, and one for each band that monitors need of it.

use super::scoring::{ScoreSpec, ScoreTrack, Verdict};
use super::watching::{WatchSpec, WatchTrack};
use crate::annotation::Anomaly;
use crate::bank::{Model, Observation};
use crate::codec::{CodecError, Reader, Writer};
use crate::monitor;
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

/// What one observation yields; used again for every record.
#[derive(Debug, Clone, Default)]
pub struct Verdicts {
    /// Of a track of scores.
    pub score: Option<Verdict>,
    /// Of a track of scores, once its calibrated score is warm.
    pub anomaly: Option<Anomaly>,
    /// Of a watched track: monitor, by its place in the spec, and what it says.
    pub watched: Vec<(usize, monitor::Observation)>,
}

/// What a monitor, by its place in the spec, says of a series that fell silent.
pub type Silence = (usize, monitor::Evaluation);

impl Model for Track {
    type Spec = TrackSpec;
    type Output = Verdicts;
    type Silence = Silence;

    fn new(spec: &TrackSpec) -> Self {
        match spec {
            TrackSpec::Score(spec) => Track::Score(ScoreTrack::new(spec)),
            TrackSpec::Watch(spec) => Track::Watch(Box::new(WatchTrack::new(spec))),
        }
    }

    #[inline(always)]
    fn update(&mut self, spec: &TrackSpec, observation: Observation, output: &mut Verdicts) {
        match (self, spec) {
            (Track::Score(track), TrackSpec::Score(spec)) => {
                output.score = Some(track.update(spec, observation, &mut output.anomaly));
            }
            (Track::Watch(track), TrackSpec::Watch(spec)) => {
                output.watched.clear();
                track.update(spec, observation.time, observation.value, &mut output.watched);
            }
            _ => {}
        }
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
