//! Level + slope + seasonal profile, one pass and constant gains: what agile and robust share.
//!
//! The forecast of bucket `t` is `anchor + level + slope * (t - last) + profile[k]`. Profile and scale learn alike
//! in both; they differ in how the level follows ([`super::agile`], [`super::robust`]). A run of points on one
//! side that is long enough moves the level by the mean of its errors, at once and without residue. A profile whose shape is
//! gone is given up ([`super::profile_lag`]; of agile, whose level can undo it, [`super::course`]). No
//! decomposition is iterated and no period is searched for.

mod point;
mod saved;

use super::after_warmup::{AfterWarmup, Tally};
use super::alternation::Alternation;
use super::counter::Counter;
use super::course::Course;
use super::level_model::LevelModel;
use super::prediction::Prediction;
use super::profile::Profile;
use super::resolution::Resolution;
use super::season_model::SeasonModel;
use super::spec::BandSpec;
use super::warmup::Warmup;
use point::Point;

/// Least half-width in last digits: one digit off a value that is itself known to half a digit.
const LEAST: f64 = 1.5;
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// No point yet.
    Empty,
    Warm(Warmup),
    AfterWarmup(AfterWarmup),
}

/// A seasonal band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seasonal {
    /// t_last; meaningless in phase `Empty`
    last: i64,
    resolution: Resolution,
    counter: Counter,
    level_model: LevelModel,
    model: SeasonModel,
    phase: Phase,
}

impl Seasonal {
    pub(super) fn new(spec: &BandSpec) -> Self {
        Self {
            last: 0,
            resolution: Resolution::new(),
            counter: Counter::new(),
            level_model: LevelModel::new(spec),
            model: SeasonModel::new(spec),
            phase: Phase::Empty,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(spec: &BandSpec) -> usize {
        let cells = if spec.cells() > 1 { spec.cells() as usize } else { 0 };
        spec.buckets as usize * Profile::BUCKET + cells * size_of::<f32>() + size_of::<Course>()
    }

    /// Bucket of the season; within the profile even for a spec that is not the engine's own.
    pub(super) fn place(&self, spec: &BandSpec, bucket: i64, utc_offset: i32) -> usize {
        spec.place(bucket, utc_offset).min(self.model.profile.len() - 1)
    }

    /// Buckets since the last point, none when that is too long ago, or not past.
    fn gap(&self, spec: &BandSpec, bucket: i64) -> Option<f64> {
        let gap = bucket.saturating_sub(self.last);
        (gap > 0 && gap <= spec.stale).then_some(gap as f64)
    }

    /// Whether this is the bucket behind the last one of a series past warm-up, as nearly always.
    fn is_next(&self, bucket: i64) -> bool {
        matches!(self.phase, Phase::AfterWarmup(_)) && bucket > self.last && bucket - 1 == self.last
    }

    /// `k`: place of the bucket in the season.
    pub(super) fn predict(&mut self, spec: &BandSpec, bucket: i64, k: usize) -> Option<Prediction> {
        self.gap(spec, bucket)?;
        self.end_warm_up(spec, bucket);
        let gap = self.gap(spec, bucket)?;
        let Phase::AfterWarmup(active) = &self.phase else { return None };
        let base = self.model.profile.base(k);
        let reach = if active.settling > 0 { self.counter.reach(gap) } else { None };
        (!base.is_nan()).then(|| self.forecast(spec, active, gap, k, base, reach))
    }

    #[inline(always)] // speed
    fn forecast(
        &self,
        spec: &BandSpec,
        active: &AfterWarmup,
        gap: f64,
        k: usize,
        base: f64,
        reach: Option<(f64, f64)>,
    ) -> Prediction {
        let growth = self.level_model.growth(active.slope, gap, &self.model.scale);
        let expected = self.model.anchor + active.level + growth + base;
        let (width, least_deviation) = self.level_model.width(gap);
        let one = width * self.model.scale.deviation(k, spec.buckets as usize);
        Prediction {
            expected,
            below: one,
            above: one,
            tail: self.model.scale.tail,
            least_deviation,
            least: LEAST * self.resolution.step_at(expected),
            reach,
        }
    }

    /// `k`: place of the bucket in the season.
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn update(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) {
        let gap = if self.is_next(bucket) { Some(1.0) } else { self.learn_unusual(spec, bucket, k, y) };
        if let Some(gap) = gap {
            self.follow_point(spec, bucket, gap, k, y);
        }
    }

    /// [`Seasonal::update`] of `bucket` and [`Seasonal::predict`] of the one behind it, whose place is `next`; no
    /// forecast where history or buckets are unusual.
    #[inline(always)] // speed
    pub(super) fn advance(
        &mut self,
        spec: &BandSpec,
        bucket: i64,
        k: usize,
        y: f64,
        next: usize,
    ) -> Option<Prediction> {
        if !self.is_next(bucket) || crate::IS_COMPACT {
            self.update(spec, bucket, k, y);
            return None;
        }
        if !self.follow_point(spec, bucket, 1.0, k, y) {
            return None;
        }
        let Phase::AfterWarmup(active) = &self.phase else { return None };
        if active.settling > 0 {
            return None;
        }
        let base = self.model.profile.seen_base(next)?;
        Some(self.forecast(spec, active, 1.0, next, base, None))
    }

    /// Learns a point that does not follow the last one after warm-up. Where the usual steps are still to be taken,
    /// returns the buckets between the last point and this one; nothing where the point is ignored or has been
    /// learned.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn learn_unusual(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) -> Option<f64> {
        if !matches!(self.phase, Phase::Empty) && bucket <= self.last {
            return None;
        }
        if matches!(self.phase, Phase::Empty) || self.gap(spec, bucket).is_none() {
            self.begin(spec, bucket, k, y);
            return None;
        }
        self.end_warm_up(spec, bucket);
        let gap = bucket.saturating_sub(self.last) as f64;
        let Phase::Warm(warm) = &mut self.phase else { return Some(gap) };
        let due = self.counter.next(gap);
        let rise = (y - self.counter.last()).abs();
        self.resolution.observe(y, spec.buckets);
        let reset = self.counter.observe(y, gap);
        self.level_model.observe(spec, y);
        let last = core::mem::replace(&mut self.last, bucket);
        if reset {
            // the frame moves with the counter, at every stage of warm-up
            self.model.anchor += y - due;
        }
        let rise = if reset { 0.0 } else { rise };
        warm.step(&mut self.model, spec, last, bucket, k, y, rise, self.resolution.step());
        None
    }

    /// See [`BandEngine::rewind`](super::BandEngine::rewind).
    pub(super) fn rewind(&mut self, bucket: i64) {
        self.last = self.last.min(bucket.saturating_sub(1));
        match &mut self.phase {
            Phase::Empty => {}
            Phase::Warm(_) => self.phase = Phase::Empty,
            Phase::AfterWarmup(active) => active.season.from = active.season.from.min(bucket),
        }
    }

    /// Starts over with the first point of a series.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn begin(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) {
        self.last = bucket;
        self.resolution = Resolution::new();
        self.resolution.observe(y, spec.buckets);
        self.counter = Counter::new();
        self.counter.begin(y);
        self.level_model = LevelModel::new(spec);
        self.level_model.observe(spec, y);
        self.model.begin(y);
        self.model.profile.bucket(k).set(0.0);
        self.phase = Phase::Warm(Warmup::new(bucket, k));
    }

    /// Ends warm-up when `bucket` lies behind it. Called before a forecast too: the first band is due for the
    /// first bucket after three seasons, not for the second.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn end_warm_up(&mut self, spec: &BandSpec, bucket: i64) {
        let Phase::Warm(warm) = &mut self.phase else { return };
        if !warm.is_over(spec, self.last, bucket) {
            return;
        }
        let start = warm.finish(&mut self.model, spec, self.last, self.resolution.step());
        self.last = self.last.max(start.bucket);
        self.level_model.warmed_up(spec);
        self.phase = Phase::AfterWarmup(AfterWarmup {
            level: start.level,
            slope: start.slope,
            alternation: Alternation::NONE,
            season: Tally { from: self.last, points: 0, outliers: 0, bad: 0 },
            settling: 0,
        });
    }

    /// A point after warm-up. True where a forecast of the next bucket can follow; false where the bucket was empty
    /// with no neighbours, or where the series starts over.
    #[inline(always)] // speed
    fn follow_point(&mut self, spec: &BandSpec, bucket: i64, gap: f64, k: usize, y: f64) -> bool {
        let Phase::AfterWarmup(active) = &mut self.phase else { return false };
        self.resolution.observe(y, spec.buckets);
        let reset = self.counter.observe(y, gap);
        self.level_model.observe(spec, y);
        self.last = bucket;
        let mut point = Point {
            spec,
            active,
            level_model: &mut self.level_model,
            resolution: &self.resolution,
            counter: &self.counter,
            k,
            y,
            reset,
        };
        point.note_reset();
        point.pass_time(gap, &mut self.model);
        let Some(error) = point.error(&mut self.model) else { return false };
        let run = point.judge(&error, &mut self.model);
        point.learn_noise(&error, run, &mut self.model);
        let share = point.move_level(&error, run, &mut self.model);
        point.learn_profile(&error, run, share, &mut self.model);
        point.take_over_shift(run, &mut self.model);
        if active.season.ends(spec, bucket, error.out) && self.end_season(spec, bucket) {
            self.begin(spec, bucket, k, y);
            return false;
        }
        true
    }

    /// True when the model has been wrong for four seasons.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn end_season(&mut self, spec: &BandSpec, bucket: i64) -> bool {
        let Phase::AfterWarmup(active) = &mut self.phase else { return false };
        if let LevelModel::Agile(agile) = &mut self.level_model {
            if let Some(share) = self.model.course.share_to_keep() {
                // the forecast stays where it is
                let base = agile.last_base();
                active.level += base - base * share;
                self.model.profile.shrink(share);
                agile.shrink(share);
            }
            *self.model.course = Course::NONE;
        }
        let tally = &mut active.season;
        let share = f64::from(tally.outliers) / f64::from(tally.points);
        let bad = if share > 0.30 { tally.bad + 1 } else { 0 };
        *tally = Tally { from: bucket, points: 0, outliers: 0, bad };
        if matches!(self.level_model, LevelModel::Robust(_))
            && share > 0.15
            && self.model.run.length() < spec.buckets / 2
        {
            self.model.scale.sigma *= 1.3;
        }
        bad >= 4
    }
}
