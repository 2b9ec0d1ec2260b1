//! Level + slope + seasonal profile, one pass and constant gains: what agile and robust share.
//!
//! The forecast of bucket `t` is `anchor + level + slope * (t - last) + profile[k]`. Profile and scale learn alike
//! in both; they differ in how the level follows ([`super::agile`], [`super::robust`]). A run of points on one
//! side that is long enough moves the level by the mean of its errors, at once and without residue. No
//! decomposition is iterated and no period is searched for.

mod saved;

use super::after_warmup::{AfterWarmup, SETTLING, Tally};
use super::alternation::Alternation;
use super::counter::Counter;
use super::level_model::Follow;
use super::noise_scale::NoiseScale;
use super::outlier_run::OutlierRun;
use super::prediction::Prediction;
use super::profile::{Gross, Profile};
use super::resolution::Quantum;
use super::spec::BandSpec;
use super::warmup::Warmup;
use crate::detector::min_max::larger;

/// Least half-width in last digits: one digit off a value that is itself known to half a digit.
const LEAST: f64 = 1.5;
/// Weight of a value that is stuck when the noise is learned: a sensor that hangs has not become precise.
const STUCK: f64 = 0.1;
/// What warm-up fills and the forecast uses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    /// First value of the series; `profile` is relative to it, so that f32 is enough at any level.
    pub(super) anchor: f64,
    pub(super) profile: Profile,
    pub(super) scale: NoiseScale,
    pub(super) run: OutlierRun,
}

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
    quantum: Quantum,
    counter: Counter,
    follow: Follow,
    parts: Parts,
    phase: Phase,
}

impl Seasonal {
    pub(super) fn new(spec: &BandSpec) -> Self {
        Self {
            last: 0,
            quantum: Quantum::new(),
            counter: Counter::new(),
            follow: Follow::new(spec),
            parts: Parts {
                anchor: 0.0,
                profile: Profile::new(spec.buckets as usize),
                scale: NoiseScale::new(spec.cells() as usize),
                run: OutlierRun::new(),
            },
            phase: Phase::Empty,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(spec: &BandSpec) -> usize {
        let cells = if spec.cells() > 1 { spec.cells() as usize } else { 0 };
        spec.buckets as usize * Profile::BUCKET + cells * size_of::<f32>()
    }

    /// Bucket of the season; within the profile even for a spec that is not the engine's own.
    pub(super) fn place(&self, spec: &BandSpec, bucket: i64, utc_offset: i32) -> usize {
        spec.place(bucket, utc_offset).min(self.parts.profile.len() - 1)
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
        let base = self.parts.profile.base(k);
        let reach = if active.settling > 0 { self.counter.reach(gap) } else { None };
        (!base.is_nan()).then(|| self.forecast(spec, active, gap, k, base, reach))
    }

    #[inline(always)]
    fn forecast(
        &self,
        spec: &BandSpec,
        active: &AfterWarmup,
        gap: f64,
        k: usize,
        base: f64,
        reach: Option<(f64, f64)>,
    ) -> Prediction {
        let growth = self.follow.growth(active.slope, gap, &self.parts.scale);
        let expected = self.parts.anchor + active.level + growth + base;
        let (width, least_deviation) = self.follow.width(gap);
        let one = width * self.parts.scale.deviation(k, spec.buckets as usize);
        Prediction {
            expected,
            below: one,
            above: one,
            tail: self.parts.scale.tail,
            least_deviation,
            least: LEAST * self.quantum.step_at(expected),
            reach,
        }
    }

    /// `k`: place of the bucket in the season.
    #[inline(never)]
    pub(super) fn update(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) {
        let gap = if self.is_next(bucket) { 1.0 } else { self.learn_apart(spec, bucket, k, y) };
        if gap > 0.0 {
            self.follow_point(spec, bucket, gap, k, y);
        }
    }

    /// [`Seasonal::update`] of `bucket` and [`Seasonal::predict`] of the one behind it, whose place is `next`; no
    /// forecast where history or buckets are unusual.
    #[inline(always)]
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
        let base = self.parts.profile.seen_base(next)?;
        Some(self.forecast(spec, active, 1.0, next, base, None))
    }

    /// Learns a point that is not followed as those after warm-up are; else returns how many buckets lie between it
    /// and the last one.
    #[cold]
    #[inline(never)]
    fn learn_apart(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) -> f64 {
        const DONE: f64 = 0.0;
        if !matches!(self.phase, Phase::Empty) && bucket <= self.last {
            return DONE;
        }
        if matches!(self.phase, Phase::Empty) || self.gap(spec, bucket).is_none() {
            self.begin(spec, bucket, k, y);
            return DONE;
        }
        self.end_warm_up(spec, bucket);
        let gap = bucket.saturating_sub(self.last) as f64;
        let Phase::Warm(warm) = &mut self.phase else { return gap };
        let due = self.counter.next(gap);
        let rise = (y - self.counter.last()).abs();
        self.quantum.observe(y, spec.buckets);
        let reset = self.counter.observe(y, gap);
        self.follow.observe(spec, y);
        self.last = bucket;
        if reset {
            // the frame moves with the counter, at every stage of warm-up
            self.parts.anchor += y - due;
        }
        let rise = if reset { 0.0 } else { rise };
        warm.step(&mut self.parts, spec, bucket, k, y, rise, self.quantum.step());
        DONE
    }

    /// Starts over with the first point of a series.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, spec: &BandSpec, bucket: i64, k: usize, y: f64) {
        self.last = bucket;
        self.quantum = Quantum::new();
        self.quantum.observe(y, spec.buckets);
        self.counter = Counter::new();
        self.counter.begin(y);
        self.follow = Follow::new(spec);
        self.follow.observe(spec, y);
        self.parts.anchor = y;
        self.parts.profile.clear();
        self.parts.scale.reset();
        self.parts.run = OutlierRun::new();
        self.parts.profile.bucket(k).set(0.0);
        self.phase = Phase::Warm(Warmup::new(bucket, k));
    }

    /// Ends warm-up when `bucket` lies behind it. Called before a forecast too: the first band is due for the
    /// first bucket after three seasons, not for the second.
    #[cold]
    #[inline(never)]
    fn end_warm_up(&mut self, spec: &BandSpec, bucket: i64) {
        let Phase::Warm(warm) = &mut self.phase else { return };
        if !warm.is_over(spec, bucket) {
            return;
        }
        let start = warm.finish(&mut self.parts, spec, self.last, self.quantum.step());
        self.last = self.last.max(start.bucket);
        self.follow.warmed_up(spec);
        self.phase = Phase::AfterWarmup(AfterWarmup {
            level: start.level,
            slope: start.slope,
            alternation: Alternation::NONE,
            season: Tally { from: self.last, points: 0, outliers: 0, bad: 0 },
            settling: 0,
        });
    }

    /// A point after warm-up; false where that is over, or the bucket is of no use yet.
    #[inline(always)]
    fn follow_point(&mut self, spec: &BandSpec, bucket: i64, gap: f64, k: usize, y: f64) -> bool {
        let Phase::AfterWarmup(active) = &mut self.phase else { return false };
        let Parts { anchor, profile, scale, run } = &mut self.parts;
        self.quantum.observe(y, spec.buckets);
        let reset = self.counter.observe(y, gap);
        self.follow.observe(spec, y);
        self.last = bucket;
        if reset {
            active.settling = SETTLING;
        } else if active.settling > 0 {
            active.settling -= 1;
        }

        // time passes
        active.level += self.follow.growth(active.slope, gap, scale);
        if self.follow.elapse(spec, gap) {
            *run = OutlierRun::new();
        }

        // the error
        let mut place = profile.bucket(k);
        let base = if place.is_empty() {
            let between = profile.base(k);
            place = profile.bucket(k);
            between
        } else {
            place.value()
        };
        if base.is_nan() {
            place.set(y - *anchor - active.level);
            return false;
        }
        let mut e = y - *anchor - active.level - base;
        if reset {
            active.level += e;
            e = 0.0;
            *run = OutlierRun::new();
            self.follow.reset();
        }
        let step = self.quantum.step();
        let sg = larger(scale.deviation(k, spec.buckets as usize), 0.4 * step);
        let size = e.abs();
        let out = size > 3.0 * sg;

        // runs, and what they say about the scale
        let shifting = run.length() >= 5;
        run.step(e, out, spec.fast);
        let length = run.length();
        let enough = match &mut self.follow {
            Follow::Agile(_) => 2,
            Follow::Robust(robust) => {
                robust.observe(spec, out);
                1
            }
        };
        active.alternation.step(e, out, shifting, enough, scale);
        // gross points teach nothing about the noise
        if length < 3 && size <= 6.0 * sg && !reset {
            let weight = if self.counter.is_stuck() { STUCK } else { 1.0 };
            scale.learn(spec, k, size, step, LEAST * self.quantum.step_at(y - e), weight);
        }

        // level and slope
        let (moved, share) = match &mut self.follow {
            Follow::Agile(agile) => {
                active.slope *= spec.slope;
                let moved = agile.level(e, sg, length);
                (moved, agile.profile_share())
            }
            Follow::Robust(robust) => {
                let (moved, slope) = robust.level(spec, e, sg, out);
                active.slope += slope;
                (moved, 1.0)
            }
        };
        active.level += moved;
        run.moved(moved);

        // profile: a lasting shift is the level's business, unless it lasts for half a season
        if place.is_empty() {
            place.set(base + e);
        } else if size > 4.0 * sg {
            if place.conflict(e) == Gross::Again && length < spec.buckets / 2 {
                place.set(base + e);
            }
        } else if length < 8 {
            place.learn(e, share);
        }

        if length >= spec.confirm
            && let Some(shift) = run.confirmed(spec.confirm)
        {
            active.level += shift;
        }

        // a season ends
        let tally = &mut active.season;
        tally.points += 1;
        if out {
            tally.outliers += 1;
        }
        // never before its beginning
        if bucket.wrapping_sub(tally.from) as u64 >= u64::from(spec.buckets) && self.end_season(spec, bucket)
        {
            self.begin(spec, bucket, k, y);
            return false;
        }
        true
    }

    /// True when the model has been wrong for four seasons.
    #[cold]
    #[inline(never)]
    fn end_season(&mut self, spec: &BandSpec, bucket: i64) -> bool {
        let Phase::AfterWarmup(active) = &mut self.phase else { return false };
        let tally = &mut active.season;
        let share = f64::from(tally.outliers) / f64::from(tally.points);
        let bad = if share > 0.30 { tally.bad + 1 } else { 0 };
        *tally = Tally { from: bucket, points: 0, outliers: 0, bad };
        if matches!(self.follow, Follow::Robust(_))
            && share > 0.15
            && self.parts.run.length() < spec.buckets / 2
        {
            self.parts.scale.sigma *= 1.3;
        }
        bad >= 4
    }
}
