//! The shape of a season: one value a bucket, and how well it is known.

use super::checked_reads::within;
use crate::codec::{CodecError, Reader, Writer};

/// A season counts as one of at most six.
const MOST_SEASONS: u8 = 6;
const SEEN: u8 = 0b0_0111;
const CONFLICT: u8 = 0b1_1000;
const CONFLICT_ABOVE: u8 = 0b0_1000;
const CONFLICT_BELOW: u8 = 0b1_0000;
const SIDE: u8 = 0b110_0000;
const SIDE_ABOVE: u8 = 0b010_0000;
const SIDE_BELOW: u8 = 0b100_0000;
/// Values are kept as f32 relative to the series' first value; beyond this they are cut off.
const LARGEST: f64 = 1e38;

/// What a gross point does to its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gross {
    /// The first of its side: remembered, nothing learned.
    Noted,
    /// The season before was off to the same side.
    Again,
}

/// Values of the buckets of a season, relative to level and anchor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile {
    buckets: Box<[Bucket]>,
}

/// One bucket of a profile: five bytes, as there are thousands of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// An f32 within +-1e38.
    value: [u8; 4],
    /// Bits 0-2: seasons seen, 0 (empty)..=6. Bits 3-4: the last gross point was above, below, or none. Bits 5-6: the
    /// last error was above, below, or is not known.
    mark: u8,
}

impl Profile {
    /// Bytes of a bucket.
    pub(super) const BUCKET: usize = size_of::<Bucket>();

    pub(super) fn new(buckets: usize) -> Self {
        Self { buckets: vec![Bucket::EMPTY; buckets].into_boxed_slice() }
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill(Bucket::EMPTY);
    }

    /// Seasons seen in a bucket, 0..=6.
    pub(super) fn seen(&self, k: usize) -> u8 {
        self.buckets[k].mark & SEEN
    }

    /// Value of a bucket that has been seen.
    pub(super) fn value(&self, k: usize) -> f64 {
        self.buckets[k].value()
    }

    /// Value of a bucket; none for an empty one.
    #[inline(always)] // speed
    pub(super) fn seen_base(&self, k: usize) -> Option<f64> {
        let bucket = &self.buckets[k];
        (!bucket.is_empty()).then(|| bucket.value())
    }

    /// Value of a bucket; for an empty one what its neighbours say, else NaN: an option would come by way of the memory.
    pub(super) fn base(&self, k: usize) -> f64 {
        self.seen_base(k).unwrap_or_else(|| self.between_neighbours(k))
    }

    /// The mean of the nearest neighbours up to three away, where both are known. Where points come more seldom than
    /// buckets: the value between the nearest ones on either side, which are at most 12 buckets apart, or, in a long
    /// profile, a twenty-fourth of it (up to 60).
    #[cold]
    fn between_neighbours(&self, k: usize) -> f64 {
        let m = self.len();
        let (left, right) = (|d: usize| (k + m - d % m) % m, |d: usize| (k + d) % m);
        let between = (1..=3.min(m / 2)).find_map(|d| {
            (self.seen(left(d)) > 0 && self.seen(right(d)) > 0)
                .then(|| 0.5 * (self.value(left(d)) + self.value(right(d))))
        });
        between.or_else(|| self.between_far_neighbours(k)).unwrap_or(f64::NAN)
    }

    fn between_far_neighbours(&self, k: usize) -> Option<f64> {
        let m = self.len();
        let reach = (m / 24).clamp(12, 60).min(m - 1);
        let before = (1..reach).find(|d| self.seen((k + m - d) % m) > 0)?;
        let after = (1..=reach - before).find(|d| self.seen((k + d) % m) > 0)?;
        let (left, right) = (self.value((k + m - before) % m), self.value((k + after) % m));
        let part = before as f64 / (before + after) as f64;
        Some(left + part * (right - left))
    }

    /// Keeps `share` of the shape, which counts as seen once from now on.
    pub(super) fn shrink(&mut self, share: f64) {
        for bucket in &mut self.buckets {
            if !bucket.is_empty() {
                bucket.set(bucket.value() * share);
            }
        }
    }

    /// One bucket, looked up once for all that a point does to it.
    #[inline(always)] // speed
    pub(super) fn bucket(&mut self, k: usize) -> &mut Bucket {
        &mut self.buckets[k]
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        for bucket in &self.buckets {
            w.u8(bucket.mark);
            if bucket.mark != 0 {
                w.f32(f32::from_le_bytes(bucket.value));
            }
        }
    }

    pub(super) fn restore(buckets: usize, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        // a mark for each bucket has to follow, so nothing larger than the input is claimed
        let left = r.rest().len();
        if left < buckets {
            return Err(CodecError::Truncated { what: "seasonal profile", wanted: buckets, left });
        }
        let mut profile = Self::new(buckets);
        for Bucket { value, mark } in &mut profile.buckets {
            *mark = within(r.u8("bucket mark")?, 0..=SIDE | CONFLICT | SEEN, "bucket mark")?;
            if *mark & SEEN > MOST_SEASONS
                || *mark & CONFLICT == CONFLICT
                || *mark & SIDE == SIDE
                || (*mark != 0 && *mark & SEEN == 0)
            {
                return Err(CodecError::Invalid { what: "bucket mark" });
            }
            if *mark != 0 {
                *value = within(r.f32("bucket value")?, -1.001e38..=1.001e38, "bucket value")?.to_le_bytes();
            }
        }
        Ok(profile)
    }
}

impl Bucket {
    const EMPTY: Self = Self { value: [0; 4], mark: 0 };

    #[inline(always)] // speed
    pub(super) fn is_empty(&self) -> bool {
        self.mark & SEEN == 0
    }

    /// Value of a bucket that has been seen.
    #[inline(always)] // speed
    pub(super) fn value(&self) -> f64 {
        f64::from(f32::from_le_bytes(self.value))
    }

    /// Forgets what the bucket held: one season seen, no conflict.
    pub(super) fn set(&mut self, value: f64) {
        self.put(value);
        self.mark = 1;
    }

    fn put(&mut self, value: f64) {
        self.value = (value.clamp(-LARGEST, LARGEST) as f32).to_le_bytes();
    }

    /// Counts one more season, at most six, clears the conflict and moves the value by
    /// `error * share / seasons`.
    #[inline(always)] // speed
    pub(super) fn learn(&mut self, error: f64, share: f64) {
        let seen = self.mark & SEEN;
        let seen = if seen < MOST_SEASONS { seen + 1 } else { MOST_SEASONS };
        self.mark = self.mark & SIDE | seen;
        self.add(error * share / f64::from(seen));
    }

    pub(super) fn add(&mut self, amount: f64) {
        self.put(self.value() + amount);
    }

    /// Notes the side of an error, -1 or 1; the one of the season before, 0 where that is not known.
    #[inline(always)] // speed
    pub(super) fn note_side(&mut self, side: f32) -> f32 {
        let before = match self.mark & SIDE {
            SIDE_ABOVE => 1.0,
            SIDE_BELOW => -1.0,
            _ => 0.0,
        };
        self.mark = self.mark & !SIDE | if side > 0.0 { SIDE_ABOVE } else { SIDE_BELOW };
        before
    }

    /// Notes a gross error.
    #[inline(always)] // speed
    pub(super) fn conflict(&mut self, error: f64) -> Gross {
        let side = if error > 0.0 { CONFLICT_ABOVE } else { CONFLICT_BELOW };
        if self.mark & CONFLICT == side {
            return Gross::Again;
        }
        self.mark = self.mark & (SIDE | SEEN) | side;
        Gross::Noted
    }
}

/// Scale factors of the parts of a season, for noise that comes and goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    /// 0.25..=4; empty where the whole season has one scale.
    factors: Box<[f32]>,
}

impl Cells {
    pub(super) fn new(cells: usize) -> Self {
        let kept = if cells > 1 { cells } else { 0 };
        Self { factors: vec![1.0; kept].into_boxed_slice() }
    }

    pub(super) fn reset(&mut self) {
        self.factors.fill(1.0);
    }

    fn place(&self, k: usize, buckets: usize) -> usize {
        k * self.factors.len() / buckets
    }

    /// Factor of bucket `k` of `buckets`.
    #[inline(always)] // speed
    pub(super) fn factor(&self, k: usize, buckets: usize) -> f64 {
        if self.factors.is_empty() { 1.0 } else { f64::from(self.factors[self.place(k, buckets)]) }
    }

    /// Whether the whole season has one factor, 1.
    #[inline(always)] // speed
    pub(super) fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    /// Follows the 68.27 % quantile of `ratio` = |error| / sigma, with a weak pull to 1.
    pub(super) fn learn(&mut self, k: usize, buckets: usize, ratio: f64, weight: f64) {
        const GAIN: f64 = 0.01;
        const PULL: f64 = 0.0002;
        let place = self.place(k, buckets);
        let factor = f64::from(self.factors[place]);
        let moved = factor * if ratio > factor { 1.0 + 0.6827 * GAIN } else { 1.0 - weight * 0.3173 * GAIN };
        self.factors[place] = (moved + weight * PULL * (1.0 - moved)).clamp(0.25, 4.0) as f32;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        for &factor in &self.factors {
            w.f32(factor);
        }
    }

    pub(super) fn restore(cells: usize, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "scale of a part of the season";
        let mut restored = Self::new(cells);
        for factor in &mut restored.factors {
            *factor = within(r.f32(WHAT)?, 0.25..=4.0, WHAT)?;
        }
        Ok(restored)
    }
}
