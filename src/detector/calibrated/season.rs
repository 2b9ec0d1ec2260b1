//! The profile of a known season, and the memory of what left it.

use super::age::{ExtremeSide, PointContext, WARM_UP};
use super::period::{GAIN, Period};
use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Periods after which the profile is believed, and after which what leaves it is judged.
const PROFILE_PERIODS: f64 = 2.0;
const JUDGED_PERIODS: f64 = 3.0;

/// Buckets of a week, the longest season.
const MOST_BUCKETS: usize = 168;

/// Rarity of a point at its place in the season.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeasonalRarity {
    /// Raw rarity, decades, 0..
    pub(super) rarity: f64,
    /// What the profile expects, measured from the first value.
    pub(super) expected: f64,
}

/// Profile of one period and the age of the extremes of what leaves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Season {
    period: Period,
    /// When the profile was begun, s.
    start_s: f64,
    /// Mean of each bucket over the periods; NaN before the first visit.
    buckets: Vec<f32>,
    /// Bucket in progress, its sum and count.
    bucket: u32,
    sum: f64,
    count: u32,
    /// Moving mean of the residual.
    mean: f64,
    /// Residuals seen, saturating.
    seen: u32,
    /// Residual high, low; its mean high, low.
    sides: [ExtremeSide; 4],
}

impl Season {
    /// A new profile; where a shorter season is known, its buckets are the first guess.
    pub(super) fn new(period: Period, time_s: f64, shorter: Option<&Self>) -> Self {
        let n = period.buckets();
        let mut season = Self {
            period,
            start_s: time_s,
            buckets: vec![f32::NAN; n],
            bucket: u32::MAX,
            sum: 0.0,
            count: 0,
            mean: 0.0,
            seen: 0,
            sides: [const { ExtremeSide::new() }; 4],
        };
        if let Some(old) = shorter.filter(|old| old.period < period) {
            for (i, slot) in season.buckets.iter_mut().enumerate() {
                let at_s = (i as f64 + 0.5) / n as f64 * period.seconds();
                let from = old.period.part(at_s, old.buckets.len());
                *slot = old.buckets.get(from).copied().unwrap_or(f32::NAN);
            }
        }
        season
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
        size_of::<Self>() + MOST_BUCKETS * size_of::<f32>()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.capacity() * size_of::<f32>()
    }

    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        self.sides.iter_mut().for_each(|side| side.close_blocks(t, block));
    }

    /// Judges a point at its place, then learns it. `None` while the profile or its residuals are young.
    pub(super) fn judge(
        &mut self,
        time_s: f64,
        x: f64,
        at: &PointContext,
        tuning: &Tuning,
    ) -> Option<SeasonalRarity> {
        let n = self.buckets.len();
        let bucket = self.period.part(time_s, n);
        let age = (time_s - self.start_s) / self.period.seconds();
        if bucket as u32 != self.bucket {
            self.close_bucket(age);
            self.bucket = bucket as u32;
        }
        self.sum += x;
        self.count = self.count.saturating_add(1);
        // a value between those of the neighbouring buckets is at its place: edges may come a bucket early or late
        let around = [(bucket + n - 1) % n, bucket, (bucket + 1) % n].map(|i| self.buckets.get(i).copied());
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        // points further apart than buckets visit only some of them
        for mean in around.into_iter().flatten().filter(|mean| !mean.is_nan()) {
            low = smaller(low, f64::from(mean));
            high = larger(high, f64::from(mean));
        }
        if age < PROFILE_PERIODS || low > high {
            return None;
        }
        let expected = smaller(larger(x, low), high);
        let residual = x - expected;
        self.mean += (residual - self.mean) / at.window;
        let at = &PointContext { seen: self.seen, ..*at };
        self.seen = self.seen.saturating_add(1);
        let [high, low, mean_high, mean_low] = &mut self.sides;
        let mut rarity = 0.0f64;
        for (up, down, y) in [(high, low, residual), (mean_high, mean_low, self.mean)] {
            let y = y as f32;
            rarity = larger(rarity, up.rarity(y, Some(down), at, tuning));
            rarity = larger(rarity, down.rarity(-y, Some(up), at, tuning));
        }
        (age >= JUDGED_PERIODS && at.seen >= WARM_UP).then_some(SeasonalRarity { rarity, expected })
    }

    fn close_bucket(&mut self, age: f64) {
        if let Some(slot) = self.buckets.get_mut(self.bucket as usize) {
            let mean = (self.sum / f64::from(self.count.max(1))) as f32;
            if slot.is_nan() {
                *slot = mean;
            } else {
                *slot += larger(GAIN, 1.0 / (larger(age, 0.0) + 2.0)) as f32 * (mean - *slot);
            }
        }
        self.sum = 0.0;
        self.count = 0;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u8(self.period.code());
        w.f64s(&[self.start_s, self.sum, self.mean]);
        w.u32(self.bucket);
        w.u32(self.count);
        w.u32(self.seen);
        self.buckets.iter().for_each(|v| w.f32(*v));
        self.sides.iter().for_each(|side| side.save(w));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "season";
        const INVALID: CodecError = CodecError::Invalid { what: WHAT };
        let period = Period::from_code(r.u8(WHAT)?).ok_or(INVALID)?;
        let mut v = [0.0; 3];
        r.f64s(&mut v, WHAT)?;
        if !v.iter().all(|v| v.is_finite()) {
            return Err(INVALID);
        }
        let mut season = Self::new(period, v[0], None);
        [_, season.sum, season.mean] = v;
        season.bucket = r.u32(WHAT)?;
        season.count = r.u32(WHAT)?;
        season.seen = r.u32(WHAT)?;
        for slot in &mut season.buckets {
            *slot = r.f32(WHAT)?;
            if slot.is_infinite() {
                return Err(INVALID);
            }
        }
        for side in &mut season.sides {
            *side = ExtremeSide::restore(r)?;
        }
        Ok(season)
    }
}
