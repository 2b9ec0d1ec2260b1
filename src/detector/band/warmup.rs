//! The first three seasons that hold points, in which there is no band.
//!
//! How many points a season holds is the metric's own affair: points every five minutes make a profile of one-minute
//! buckets as well, and office hours leave the night empty. Seasons without any do not count.
//!
//! Season 1 is taken as it comes, as the frame; seasons 2 and 3 give the level against that frame (`shift`), the
//! noise, and a profile that gross points cannot spoil. Growth that shows in both of them is a slope; a shift in
//! one of them is not.

use super::checked_reads::{finite, within, within_f64, within_u32};
use super::profile::{Gross, Profile};
use super::season_model::SeasonModel;
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max;

/// Fewest points that make a band: four a season.
const LEAST_POINTS: u32 = 12;
/// Points on one side that confirm a level shift.
const CONFIRM: u32 = 20;
/// Standard deviation of Gaussian noise by its mean absolute difference: sqrt(pi) / 2.
const OF_DIFFERENCES: f64 = 0.886;

/// Where the band starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Start {
    /// Last bucket of warm-up, to which `level` belongs.
    pub(super) bucket: i64,
    pub(super) level: f64,
    pub(super) slope: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Warmup {
    /// t0: bucket of the first point.
    from: i64,
    /// Its bucket of the season, 0..m.
    place: u32,
    /// 0..=2
    season: u8,
    /// All points.
    points: u32,
    /// Points of this season.
    in_season: u32,
    /// dabs >= 0: mean absolute difference of neighbouring points.
    roughness: f64,
    /// Differences in it, 0..=200.
    differences: u32,
    /// dm: level against the frame of season 1.
    shift: f64,
    /// Sum of `shift` over the last quarter of this season.
    late_sum: f64,
    late_points: u32,
    /// D1: mean of `shift` late in season 2.
    second: f64,
}

impl Warmup {
    pub(super) const fn new(bucket: i64, place: usize) -> Self {
        Self {
            from: bucket,
            place: place as u32,
            season: 0,
            points: 1,
            in_season: 1,
            roughness: 0.0,
            differences: 0,
            shift: 0.0,
            late_sum: 0.0,
            late_points: 0,
            second: 0.0,
        }
    }

    fn elapsed(&self, bucket: i64) -> i64 {
        bucket.saturating_sub(self.from)
    }

    /// Whether `bucket` lies behind the third season that holds points; `last` is the bucket of the last point.
    pub(super) fn is_over(&self, spec: &BandSpec, last: i64, bucket: i64) -> bool {
        let m = i64::from(spec.buckets);
        self.season == 2 && self.elapsed(bucket) / m > self.elapsed(last) / m && self.points >= LEAST_POINTS
    }

    pub(super) const fn knows_scale(&self) -> bool {
        self.season > 0
    }

    /// A point: bucket `k` of the season, `rise` away from the point before, whose bucket was `last`; `step` is the last
    /// digit.
    #[expect(
        clippy::too_many_arguments,
        reason = "one point has that many sides; the caller is the only one"
    )]
    pub(super) fn step(
        &mut self,
        model: &mut SeasonModel,
        spec: &BandSpec,
        last: i64,
        bucket: i64,
        k: usize,
        y: f64,
        rise: f64,
        step: f64,
    ) {
        let m = i64::from(spec.buckets);
        if self.elapsed(bucket) / m > self.elapsed(last) / m {
            self.begin_season(model, step);
        }
        self.points = self.points.saturating_add(1);
        self.in_season = self.in_season.saturating_add(1);
        if self.season == 0 {
            self.first_season(&mut model.profile, k, y - model.anchor, rise);
            return;
        }
        self.later_season(model, spec, k, y - model.anchor - self.shift, step);
        if self.elapsed(bucket) % m >= (3 * m + 3) / 4 {
            self.late_sum += self.shift;
            self.late_points = self.late_points.saturating_add(1);
        }
    }

    /// A season begins.
    fn begin_season(&mut self, model: &mut SeasonModel, step: f64) {
        if self.season == 0 {
            model.scale.sigma = (OF_DIFFERENCES * self.roughness).max(0.3 * step);
        }
        if self.season == 1 {
            self.second = self.late_shift();
        }
        self.season = (self.season + 1).min(2);
        self.in_season = 0;
        self.late_sum = 0.0;
        self.late_points = 0;
    }

    fn late_shift(&self) -> f64 {
        if self.late_points > 0 { self.late_sum / f64::from(self.late_points) } else { self.shift }
    }

    fn first_season(&mut self, profile: &mut Profile, k: usize, y: f64, rise: f64) {
        let rise = if self.differences > 10 { rise.min(4.0 * self.roughness) } else { rise };
        self.differences = (self.differences + 1).min(200);
        self.roughness += (rise - self.roughness) / f64::from(self.differences);
        if profile.seen(k) == 0 {
            profile.bucket(k).set(y);
        }
    }

    /// `y` is relative to anchor and shift.
    fn later_season(&mut self, model: &mut SeasonModel, spec: &BandSpec, k: usize, y: f64, step: f64) {
        let SeasonModel { profile, scale, run, .. } = model;
        let seen = profile.seen(k);
        if seen == 0 {
            profile.bucket(k).set(y);
            return;
        }
        // the profile itself is a mean of few points
        let young = (1.0 + 1.0 / f64::from(seen)).sqrt();
        let e = y - profile.value(k);
        let sg = (scale.sigma * young).max(0.4 * step);
        run.step(e, e.abs() > 3.5 * sg, 0.2);

        let i = f64::from(self.in_season);
        let moved =
            if self.in_season <= 5 { e / i } else { (1.0 / i).max(0.1) * min_max::within(e, 2.5 * sg) };
        self.shift += moved;
        run.moved(moved);
        if let Some(shift) = run.confirmed(CONFIRM) {
            self.shift += shift;
        }

        // the first errors of a season are errors of its level
        if run.length() >= 8 || self.in_season <= (spec.buckets / 5).min(5) {
            return;
        }
        scale.learn_sigma(spec, k, e.abs() / young, step);
        if e.abs() <= 4.5 * sg {
            profile.bucket(k).learn(e, 1.0);
        } else if profile.bucket(k).conflict(e) == Gross::Again {
            let value = profile.value(k);
            profile.bucket(k).set(value + e);
        }
    }

    /// Splits what was seen into slope and profile. `last` is the bucket of the last point.
    pub(super) fn finish(&mut self, model: &mut SeasonModel, spec: &BandSpec, last: i64, step: f64) -> Start {
        let m = i64::from(spec.buckets);
        let end = self.from.saturating_add(3 * m - 1);
        let mut slope = 0.0;
        // with too few points warm-up went on, or never came to season 3: no comparison of like with like
        if self.season == 2 && last <= end {
            let (x, z) = (self.second, self.late_shift() - self.second);
            if x * z > 0.0 && x.abs() <= 2.0 * z.abs() && z.abs() <= 2.0 * x.abs() {
                let growth = 0.5 * (x + z);
                let noise = 0.5 * model.scale.sigma / growth;
                slope = growth / f64::from(spec.buckets) / (1.0 + noise * noise);
            }
        }
        if slope != 0.0 {
            for j in 0..model.profile.len() {
                let order = (j as i64 - i64::from(self.place)).rem_euclid(m);
                if model.profile.seen(j) > 0 {
                    model.profile.bucket(j).add(-slope * order as f64);
                }
            }
        }
        model.scale.sigma = model.scale.sigma.max(0.3 * step);
        model.scale.restart_gains();
        model.run = super::outlier_run::OutlierRun::new();
        Start { bucket: end.max(last), level: self.shift + slope * (m - 1) as f64, slope }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.i64(self.from);
        w.varint(u64::from(self.place));
        w.u8(self.season);
        w.varint(u64::from(self.points));
        w.varint(u64::from(self.in_season));
        w.f64(self.roughness);
        w.varint(u64::from(self.differences));
        w.f64s(&[self.shift, self.late_sum, self.second]);
        w.varint(u64::from(self.late_points));
    }

    pub(super) fn restore(spec: &BandSpec, last: i64, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            from: within(r.i64("start of warm-up")?, i64::MIN..=last, "start of warm-up")?,
            place: within_u32(r, 0..=spec.buckets - 1, "first bucket of the season")?,
            season: within(r.u8("season of warm-up")?, 0..=2, "season of warm-up")?,
            points: within_u32(r, 1..=u32::MAX, "points of warm-up")?,
            in_season: within_u32(r, 1..=u32::MAX, "points of the season")?,
            roughness: within_f64(r, 0.0..=1e60, "roughness")?,
            differences: within_u32(r, 0..=200, "differences")?,
            shift: finite(r, "shift")?,
            late_sum: finite(r, "late shift")?,
            second: finite(r, "second shift")?,
            late_points: within_u32(r, 0..=u32::MAX, "late points")?,
        })
    }
}
