//! One point after warm-up, step by step. Each step is in place: a call costs an interpreter more than the step.

use super::super::after_warmup::{AfterWarmup, SETTLING};
use super::super::counter::Counter;
use super::super::level_model::LevelModel;
use super::super::outlier_run::OutlierRun;
use super::super::profile::Gross;
use super::super::resolution::Resolution;
use super::super::season_model::SeasonModel;
use super::super::spec::BandSpec;
use super::LEAST;
use crate::detector::min_max::larger;

/// Weight of a value that is stuck when the noise is learned: a sensor that hangs has not become precise.
const STUCK: f64 = 0.1;

/// A point and what it acts on, besides the model.
pub(super) struct Point<'a> {
    pub(super) spec: &'a BandSpec,
    pub(super) active: &'a mut AfterWarmup,
    pub(super) level_model: &'a mut LevelModel,
    pub(super) resolution: &'a Resolution,
    pub(super) counter: &'a Counter,
    /// Bucket of the season.
    pub(super) k: usize,
    pub(super) y: f64,
    /// Whether a counter started over with it.
    pub(super) reset: bool,
}

/// How far the point lies off the forecast.
pub(super) struct PointError {
    /// The value of the profile that the forecast took.
    base: f64,
    /// Whether the bucket of the season holds no value yet.
    is_new: bool,
    /// e, 0 at the reset of a counter.
    e: f64,
    /// |e|
    size: f64,
    /// sg > 0: one deviation, at least 0.4 last digits.
    deviation: f64,
    /// The last digit.
    step: f64,
    /// More than three deviations off.
    pub(super) out: bool,
}

impl Point<'_> {
    /// Counts the points since a counter started over.
    #[inline(always)] // speed
    pub(super) fn note_reset(&mut self) {
        if self.reset {
            self.active.settling = SETTLING;
        } else if self.active.settling > 0 {
            self.active.settling -= 1;
        }
    }

    /// Carries the level to this bucket, `gap` buckets on.
    #[inline(always)] // speed
    pub(super) fn pass_time(&mut self, gap: f64, model: &mut SeasonModel) {
        self.active.level += self.level_model.growth(self.active.slope, gap, &model.scale);
        if self.level_model.elapse(self.spec, gap) {
            model.run = OutlierRun::new();
        }
    }

    /// The error of the forecast; nothing where there was none for this bucket, which has its value now.
    #[inline(always)] // speed
    pub(super) fn error(&mut self, model: &mut SeasonModel) -> Option<PointError> {
        let place = model.profile.bucket(self.k);
        let is_new = place.is_empty();
        let base = if is_new { model.profile.base(self.k) } else { place.value() };
        if base.is_nan() {
            model.profile.bucket(self.k).set(self.y - model.anchor - self.active.level);
            return None;
        }
        let mut e = self.y - model.anchor - self.active.level - base;
        if self.reset {
            self.active.level += e;
            e = 0.0;
            model.run = OutlierRun::new();
            self.level_model.reset();
        }
        let step = self.resolution.step();
        let deviation = larger(model.scale.deviation(self.k, self.spec.buckets as usize), 0.4 * step);
        let size = e.abs();
        Some(PointError { base, is_new, e, size, deviation, step, out: size > 3.0 * deviation })
    }

    /// Runs of outliers, and what outliers to and fro say about the scale. Returns the length of the run.
    #[inline(always)] // speed
    pub(super) fn judge(&mut self, error: &PointError, model: &mut SeasonModel) -> u32 {
        let shifting = model.run.length() >= 5;
        model.run.step(error.e, error.out, self.spec.fast);
        let length = model.run.length();
        let enough = match self.level_model {
            LevelModel::Agile(_) => 2,
            LevelModel::Robust(robust) => {
                robust.observe(self.spec, error.out);
                1
            }
        };
        self.active.alternation.step(error.e, error.out, shifting, enough, &mut model.scale);
        length
    }

    /// Learns the noise; gross points teach nothing about it.
    #[inline(always)] // speed
    pub(super) fn learn_noise(&mut self, error: &PointError, run: u32, model: &mut SeasonModel) {
        if run < 3 && error.size <= 6.0 * error.deviation && !self.reset {
            let weight = if self.counter.is_stuck() { STUCK } else { 1.0 };
            let least = LEAST * self.resolution.step_at(self.y - error.e);
            model.scale.learn(self.spec, self.k, error.size, error.step, least, weight);
        }
    }

    /// Moves level and slope. Returns the share of the error that goes to the profile.
    #[inline(always)] // speed
    pub(super) fn move_level(&mut self, error: &PointError, run: u32, model: &mut SeasonModel) -> f64 {
        let (moved, share) = match self.level_model {
            LevelModel::Agile(agile) => {
                self.active.slope *= self.spec.slope;
                let moved = agile.follow(error.e, error.deviation, run, error.base);
                model.course.look(self.spec, self.k, self.y - model.anchor, error.base);
                (moved, agile.profile_share())
            }
            LevelModel::Robust(robust) => {
                let (moved, slope) = robust.level(self.spec, error.e, error.deviation, error.out);
                self.active.slope += slope;
                (moved, 1.0)
            }
        };
        self.active.level += moved;
        model.run.moved(moved);
        share
    }

    /// Learns the profile. A lasting shift is the level's business, unless it lasts for half a season.
    #[inline(always)] // speed
    pub(super) fn learn_profile(
        &mut self,
        error: &PointError,
        run: u32,
        share: f64,
        model: &mut SeasonModel,
    ) {
        let place = model.profile.bucket(self.k);
        if error.is_new {
            place.set(error.base + error.e);
            return;
        }
        let side = if error.e > 0.0 { 1.0 } else { -1.0 };
        let before = place.note_side(side);
        if before != 0.0 && model.lag.repeats(self.spec, before, error.e / error.deviation) && before == side
        {
            place.set(error.base + error.e);
            place.note_side(side);
        } else if error.size > 4.0 * error.deviation {
            if place.conflict(error.e) == Gross::Again && run < self.spec.buckets / 2 {
                place.set(error.base + error.e);
            }
        } else if run < 8 {
            place.learn(error.e, share);
        }
    }

    /// Takes a confirmed shift over into the level.
    #[inline(always)] // speed
    pub(super) fn take_over_shift(&mut self, run: u32, model: &mut SeasonModel) {
        if run >= self.spec.confirm
            && let Some(shift) = model.run.confirmed(self.spec.confirm)
        {
            self.active.level += shift;
        }
    }
}
