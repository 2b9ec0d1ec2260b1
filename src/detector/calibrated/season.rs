//! The profile of a known season, and the memory of what left it.

use super::age::{ExtremeSide, PointContext, Record, WARM_UP};
use super::period::{GAIN, Period};
use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller, within};

/// Buckets of a week, the longest season.
const MOST_BUCKETS: usize = 168;

/// A point at its place in the season.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeasonalRarity {
    /// How rare what leaves the profile is.
    pub(super) record: Record,
    /// What the profile expects, measured from the first value.
    pub(super) expected: f64,
    /// Distance from that in the usual deviations of this time, 0..
    pub(super) size: f64,
    /// The series has been drifting away from its profile for hours.
    pub(super) drifts: bool,
    /// What is rare is the mean of the distances, which has gone half of the way.
    pub(super) of_mean: bool,
}

/// Smallest usual deviation of a time, as a share of that of all times.
const LEAST_SCALE: f64 = 0.7;
/// What a profile learns of a residual at most, in usual mean distances.
const WINSOR: f64 = 4.0;
/// Standard deviation of a Gaussian residual, 1.25 times its mean absolute value, as a divisor.
const SD_PER_MEAN_ERROR: f64 = 0.8;
/// Periods after which what leaves the profile is remembered, and after which it is judged.
const REMEMBERED_FROM: f64 = 1.0;
const JUDGED_FROM: f64 = 2.0;
/// Time for which, and share of the way to the value that, the mean distance must have gone one way to be a drift, s.
const DRIFT_S: f64 = 3.0 * 3600.0;
const DRIFTED: f64 = 0.25;
/// Share of the way that the mean distance must have gone to be a new level.
const SHIFTED: f64 = 0.5;
/// Distances that are told apart: the smallest step and the farthest.
const RESOLUTION: f32 = 1e-4;
const FARTHEST: f64 = 1e30;

/// Profile of one period and the age of the extremes of what leaves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Season {
    period: Period,
    /// When the profile was begun, s.
    start_s: f64,
    /// Each bucket's mean over the periods, NaN before the first visit, and its usual distance from it.
    buckets: Vec<Bucket>,
    /// Bucket in progress, its sum, its sum of distances from the profile, and its count.
    bucket: u32,
    sum: f64,
    far: f64,
    count: u32,
    /// Usual distance from the profile over all buckets.
    scale: f64,
    /// Moving mean of the distances in usual ones.
    mean: f64,
    /// Points for which that has had its sign, saturating.
    signed: u32,
    /// Residuals seen, saturating.
    seen: u32,
    /// Residual high, low; its mean high, low.
    sides: [ExtremeSide; 4],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    mean: f32,
    scale: f32,
}

impl Season {
    /// A new profile; `guess` is what is known of the mean at a time into the period, NaN for nothing.
    pub(super) fn new(period: Period, time_s: f64, guess: impl Fn(f64) -> f32) -> Self {
        let n = period.buckets();
        let bucket =
            |i: usize| Bucket { mean: guess((i as f64 + 0.5) / n as f64 * period.seconds()), scale: 0.0 };
        Self {
            period,
            start_s: time_s,
            buckets: (0..n).map(bucket).collect(),
            bucket: u32::MAX,
            sum: 0.0,
            far: 0.0,
            count: 0,
            scale: 0.0,
            mean: 0.0,
            signed: 0,
            seen: 0,
            sides: [const { ExtremeSide::new() }; 4],
        }
    }

    /// Mean at a time into the period.
    pub(super) fn mean_at(&self, at_s: f64) -> f32 {
        let part = self.period.part(at_s, self.buckets.len());
        self.buckets.get(part).map_or(f32::NAN, |bucket| bucket.mean)
    }

    /// Holds no time later than `time_s` any more.
    pub(super) fn rewind(&mut self, time_s: f64) {
        self.start_s = smaller(self.start_s, time_s);
    }

    pub(super) fn period(&self) -> Period {
        self.period
    }

    /// What a season takes at most: the week's.
    pub(super) const fn most_bytes() -> usize {
        size_of::<Self>() + MOST_BUCKETS * size_of::<Bucket>()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.capacity() * size_of::<Bucket>()
    }

    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        self.sides.iter_mut().for_each(|side| side.close_blocks(t, block));
    }

    /// What the profile expects: between the middles of the points of two buckets.
    fn expected(&self, time_s: f64, bucket: usize, spacing_s: f64) -> f64 {
        let n = self.buckets.len();
        let length = self.period.seconds() / n as f64;
        let into = time_s - (time_s / length).floor() * length;
        let off = within((into - 0.5 * larger(length - spacing_s, 0.0)) / length, 1.0);
        let mean = |i: usize| self.buckets.get(i % n).map_or(f64::NAN, |bucket| f64::from(bucket.mean));
        let here = mean(bucket);
        if spacing_s >= length {
            return here;
        }
        let there = mean(if off < 0.0 { bucket + n - 1 } else { bucket + 1 });
        if there.is_nan() { here } else { here + off.abs() * (there - here) }
    }

    /// Judges a point at its place, then learns it. `None` while the profile or its residuals are young.
    pub(super) fn judge(
        &mut self,
        time_s: f64,
        x: f64,
        spacing_s: f64,
        at: &PointContext,
        tuning: &Tuning,
    ) -> Option<SeasonalRarity> {
        let n = self.buckets.len();
        let bucket = self.period.part(time_s, n);
        let age = larger((time_s - self.start_s) / self.period.seconds(), 0.0);
        if bucket as u32 != self.bucket {
            self.close_bucket(age);
            self.bucket = bucket as u32;
        }
        let expected = self.expected(time_s, bucket, spacing_s);
        self.count = self.count.saturating_add(1);
        if expected.is_nan() {
            self.sum += x;
            return None;
        }
        let residual = x - expected;
        let own = self.buckets.get(bucket).map_or(0.0, |bucket| f64::from(bucket.scale));
        let scale = larger(if own > 0.0 { own } else { self.scale }, LEAST_SCALE * self.scale);
        let learned = if scale > 0.0 && age > 1.0 { within(residual, WINSOR * scale) } else { residual };
        self.sum += expected + learned;
        self.far += learned.abs();
        if age < REMEMBERED_FROM || scale <= 0.0 {
            return None;
        }
        let distance = within(SD_PER_MEAN_ERROR * residual / scale, FARTHEST);
        let mean = self.mean + (distance - self.mean) / at.window;
        self.signed = if (mean > 0.0) == (self.mean > 0.0) { self.signed.saturating_add(1) } else { 0 };
        self.mean = mean;
        let at = &PointContext { seen: self.seen, resolution: RESOLUTION, quantum: 0.0, ..*at };
        self.seen = self.seen.saturating_add(1);
        let [high, low, mean_high, mean_low] = &mut self.sides;
        let mut both = [Record::NONE; 2];
        for (record, (up, down, y)) in
            both.iter_mut().zip([(high, low, distance), (mean_high, mean_low, self.mean)])
        {
            let y = y as f32;
            *record = up.rarity(y, Some(down), at, tuning).rarer(down.rarity(-y, Some(up), at, tuning));
        }
        let [own, of_mean] = both;
        let record = own.rarer(of_mean);
        let size = distance.abs();
        let of_mean =
            of_mean.rarity >= own.rarity && self.mean * distance > 0.0 && self.mean.abs() >= SHIFTED * size;
        let drifts = f64::from(self.signed) * spacing_s >= DRIFT_S
            && self.mean * distance > 0.0
            && self.mean.abs() >= DRIFTED * size;
        let judged = age >= JUDGED_FROM && at.seen >= WARM_UP;
        judged.then_some(SeasonalRarity { record, expected, size, drifts, of_mean })
    }

    fn close_bucket(&mut self, age: f64) {
        let (n, count) = (self.buckets.len() as f64, f64::from(self.count.max(1)));
        if let Some(slot) = self.buckets.get_mut(self.bucket as usize) {
            let (mean, far) = ((self.sum / count) as f32, (self.far / count) as f32);
            let gain = larger(GAIN, 1.0 / (age + 2.0)) as f32;
            if slot.mean.is_nan() {
                slot.mean = mean;
            } else {
                slot.mean += gain * (mean - slot.mean);
                self.scale += (f64::from(far) - self.scale) / smaller(1.0 + age * n, 3.0 * n);
                slot.scale = if slot.scale > 0.0 {
                    slot.scale + gain * (far - slot.scale)
                } else {
                    // halves first: the sum can be beyond the range
                    0.5 * far + 0.5 * self.scale as f32
                };
            }
        }
        self.sum = 0.0;
        self.far = 0.0;
        self.count = 0;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(self.period.code());
        w.f64s(&[self.start_s, self.sum, self.mean, self.far, self.scale]);
        w.u32(self.bucket);
        w.u32(self.count);
        w.u32(self.seen);
        w.u32(self.signed);
        self.buckets.iter().for_each(|bucket| {
            w.f32(bucket.mean);
            w.f32(bucket.scale);
        });
        self.sides.iter().for_each(|side| side.save(w));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "season";
        const INVALID: CodecError = CodecError::Invalid { what: WHAT };
        let period = Period::from_code(r.u8(WHAT)?).ok_or(INVALID)?;
        let mut v = [0.0; 5];
        r.f64s(&mut v, WHAT)?;
        if !v.iter().all(|v| v.is_finite()) || v[3] < 0.0 || v[4] < 0.0 {
            return Err(INVALID);
        }
        let mut season = Self::new(period, v[0], |_| f32::NAN);
        [_, season.sum, season.mean, season.far, season.scale] = v;
        season.bucket = r.u32(WHAT)?;
        season.count = r.u32(WHAT)?;
        season.seen = r.u32(WHAT)?;
        season.signed = r.u32(WHAT)?;
        for slot in &mut season.buckets {
            *slot = Bucket { mean: r.f32(WHAT)?, scale: r.f32(WHAT)? };
            if slot.mean.is_infinite() || !slot.scale.is_finite() || slot.scale < 0.0 {
                return Err(INVALID);
            }
        }
        for side in &mut season.sides {
            *side = ExtremeSide::restore(r)?;
        }
        Ok(season)
    }
}
