//! The last points of a series with their scores, for sources that deliver at least once: a point that comes again
//! is not learned again, and leaves with the scores that it had.

use super::rating::Rating;
use crate::bank::Observation;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::Scores;
use crate::time::Time;

/// What a rating is called where the saved state is at fault.
const WHAT: &str = "calibrated score of a recent point";

/// What is known of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Repeat {
    New,
    /// Seen, with the scores it had.
    Known(Option<Scores>, Option<Rating>),
    /// Older than everything remembered.
    TooOld,
}

/// Small, as it is written for each record.
#[derive(Debug, Clone, Copy)]
struct RecentPoint {
    time: Time,
    source: u32,
    /// Which of the others hold something, and what a rating says besides its score.
    marks: u32,
    outlier: f64,
    change: f64,
    score: f64,
}

impl RecentPoint {
    #[inline(always)] // speed
    fn new(observation: Observation, scores: Option<Scores>, rating: Option<Rating>) -> Self {
        let Observation { time, source, .. } = observation;
        let mut point = Self { time, source, marks: 0, outlier: 0.0, change: 0.0, score: 0.0 };
        if let Some(scores) = scores {
            (point.outlier, point.change) = (scores.outlier, scores.change);
            point.marks = SCORED;
        }
        if let Some(rating) = rating {
            point.score = rating.score;
            point.marks |= marks_of(rating);
        }
        point
    }

    fn scores(&self) -> Option<Scores> {
        (self.marks & SCORED != 0).then_some(Scores { outlier: self.outlier, change: self.change })
    }

    fn rating(&self) -> Option<Rating> {
        if self.marks & RATED == 0 {
            return None;
        }
        let codes = ((self.marks >> EDGE & 3) as u8, (self.marks >> REASON) as u8);
        Rating::of_codes(self.score, self.marks & ALARM != 0, codes, WHAT).ok()
    }
}

/// Bits of [`RecentPoint::marks`].
const SCORED: u32 = 1;
const RATED: u32 = 2;
const ALARM: u32 = 4;
/// Two bits, then the rest: where they begin.
const EDGE: u32 = 3;
const REASON: u32 = 5;

#[inline(always)] // speed
fn marks_of(rating: Rating) -> u32 {
    let alarm = if rating.is_alarm { ALARM } else { 0 };
    let is_ordinary = rating.edge.is_none() && rating.reason.is_none();
    let (edge, reason) = if is_ordinary { (0, 0) } else { rating.codes() };
    RATED | alarm | u32::from(edge) << EDGE | u32::from(reason) << REASON
}

/// A ring of points, newest arrival last.
#[derive(Debug, Clone)]
pub(super) struct RecentPoints {
    points: Vec<RecentPoint>,
    /// Where the next arrival goes: behind the last one, or in place of the oldest once the ring is full.
    next: usize,
    /// Latest time in the ring: what comes later is new without a search.
    latest: Time,
}

impl Default for RecentPoints {
    fn default() -> Self {
        Self { points: Vec::new(), next: 0, latest: Time::MIN }
    }
}

impl RecentPoints {
    #[inline(always)] // speed
    pub(super) fn find(&self, time: Time, source: u32, most: usize) -> Repeat {
        if time > self.latest { Repeat::New } else { self.search(time, source, most) }
    }

    #[inline(never)] // stack
    fn search(&self, time: Time, source: u32, most: usize) -> Repeat {
        let same = |point: &&RecentPoint| point.time == time && point.source == source;
        if let Some(point) = self.points.iter().find(same) {
            return Repeat::Known(point.scores(), point.rating());
        }
        let full = self.points.len() >= most;
        if full && self.points.iter().all(|point| point.time > time) {
            return Repeat::TooOld;
        }
        Repeat::New
    }

    #[inline(always)] // speed
    pub(super) fn remember(
        &mut self,
        observation: Observation,
        scores: Option<Scores>,
        rating: Option<Rating>,
        most: usize,
    ) {
        let point = RecentPoint::new(observation, scores, rating);
        match self.points.get_mut(self.next) {
            Some(slot) => *slot = point,
            None => self.points.push(point),
        }
        self.next += 1;
        if self.next >= most {
            self.next = 0;
        }
        if self.latest < observation.time {
            self.latest = observation.time;
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.next as u64);
        w.varint(self.points.len() as u64);
        for point in &self.points {
            w.i64(point.time.nanos());
            w.u32(point.source);
            w.u8((point.marks & (SCORED | RATED)) as u8);
            if let Some(scores) = point.scores() {
                w.f64(scores.outlier);
                w.f64(scores.change);
            }
            if let Some(rating) = point.rating() {
                rating.save(w);
            }
        }
    }

    pub(super) fn restore(most: usize, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let next = r.varint("place in the recent points")? as usize;
        let count = r.varint("number of recent points")? as usize;
        if count > most || next >= most || (count < most && next != count) {
            return Err(CodecError::Invalid { what: "number of recent points" });
        }
        let mut recent = Self { points: Vec::with_capacity(count), next, latest: Time::MIN };
        for _ in 0..count {
            let time = Time::from_nanos(r.i64("time of a recent point")?);
            let source = r.u32("source of a recent point")?;
            let held = u32::from(r.u8("scores of a recent point")?);
            if held & !(SCORED | RATED) != 0 {
                return Err(CodecError::Invalid { what: "scores of a recent point" });
            }
            let scores = match held & SCORED {
                0 => None,
                _ => Some(Scores { outlier: r.f64("outlier score")?, change: r.f64("change score")? }),
            };
            let rating = if held & RATED == 0 { None } else { Some(Rating::restore(WHAT, r)?) };
            let observation = Observation { time, value: 0.0, source };
            recent.points.push(RecentPoint::new(observation, scores, rating));
            recent.latest = recent.latest.max(time);
        }
        Ok(recent)
    }

    pub(super) fn memory_bytes(most: usize) -> usize {
        if most == 0 { 0 } else { size_of::<Self>() + most.next_power_of_two() * size_of::<RecentPoint>() }
    }
}
