//! Quantiles of many numbers in bounded memory, each with a relative error below one per cent: DDSketch (C. Masson,
//! J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", PVLDB 12,
//! 2019).
//!
//! A number `x > 0` is counted in bin `i = ceil(log_gamma(x))` (section 2.1); what stands in bin `i` is estimated as
//! `2 gamma^i / (gamma + 1)`, which lies within `alpha = (gamma - 1) / (gamma + 1)` of each number in the bin (lemma 2). Negative
//! numbers have bins of their own, by their magnitude.
//!
//! | paper | here | |
//! |---|---|---|
//! | gamma | [`GAMMA`] | 1.02, so that alpha is 0.0099 |
//! | m | [`MAX_BINS`] | beyond it the bins of the smallest magnitudes are put together (algorithm 3) |
//!
//! The guarantee holds for each quantile whose magnitude is at least one 13 000th of the largest one (proposition 4). The
//! smallest and the largest number are kept as they are.

use super::logarithm::ln;
use super::numeric::{Finite, exp};
use crate::codec::{CodecError, Reader, Writer};

const GAMMA: f64 = 1.02;
/// ln 1.02.
const LN_GAMMA: f64 = 0.019_802_627_296_179_73;
/// 1 / ln 1.02.
const BINS_PER_E: f64 = 50.498_349_791_843_9;
/// Bins for each sign.
const MAX_BINS: usize = 480;
/// Bins of a first allocation and of each further one.
const GROWTH: usize = 32;
/// Numbers below this magnitude count as zero.
const SMALLEST: f64 = 1e-100;
/// No bin lies beyond: the magnitudes reach from [`SMALLEST`] to [`Finite::MAX`].
const MAX_INDEX: i32 = 11_630;

/// A sketch of the numbers that were inserted. The order in which they come changes nothing, unless bins were put together.
///
/// ```
/// use fluent_anomaly::detectors::{Finite, QuantileSketch};
///
/// let mut sketch = QuantileSketch::default();
/// for value in 1..=1000 {
///     sketch.insert(Finite::new(f64::from(value)).unwrap());
/// }
/// let p95 = sketch.quantile(0.95).unwrap();
/// assert!((p95 / 950.0 - 1.0).abs() <= QuantileSketch::RELATIVE_ERROR);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QuantileSketch {
    positive: Bins,
    negative: Bins,
    zeros: u64,
    /// Infinite while the sketch is empty, beyond all numbers that come.
    least: f64,
    greatest: f64,
}

impl Default for QuantileSketch {
    fn default() -> Self {
        Self {
            positive: Bins::EMPTY,
            negative: Bins::EMPTY,
            zeros: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }
}

/// Counts of neighbouring bins.
#[derive(Debug, Clone, PartialEq)]
struct Bins {
    /// Index of the first one.
    first: i32, // -MAX_INDEX..=MAX_INDEX
    counts: Vec<u32>, // at most MAX_BINS; neither the first nor the last is 0
    total: u64,
}

impl Bins {
    const EMPTY: Self = Self { first: 0, counts: Vec::new(), total: 0 };
}

impl QuantileSketch {
    /// An estimate differs from the exact quantile by at most this share of it.
    pub const RELATIVE_ERROR: f64 = 0.01;

    /// Bytes that a sketch takes at most; twice as many if it sees numbers of both signs.
    pub const MAX_BYTES: usize = size_of::<Self>() + MAX_BINS * size_of::<u32>();

    /// Counts a number.
    pub fn insert(&mut self, value: Finite) {
        let value = value.get();
        if value < self.least {
            self.least = value;
        }
        if value > self.greatest {
            self.greatest = value;
        }
        let (bins, magnitude) = if value >= SMALLEST {
            (&mut self.positive, value)
        } else if value <= -SMALLEST {
            (&mut self.negative, -value)
        } else {
            self.zeros += 1;
            return;
        };
        bins.add(index(magnitude), 1);
    }

    /// Counts all that the other one has counted.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if other.least < self.least {
            self.least = other.least;
        }
        if other.greatest > self.greatest {
            self.greatest = other.greatest;
        }
        self.zeros += other.zeros;
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
    }

    /// Numbers counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zeros + self.positive.total + self.negative.total
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The number at rank `floor(q (n - 1))` of the n in ascending order, counted from 0; `q` is taken as 0 below 0 and as 1
    /// above. `None` of nothing.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let q = if q >= 1.0 {
            1.0
        } else if q > 0.0 {
            q
        } else {
            0.0
        };
        let rank = (q * (count - 1) as f64) as u64;
        if rank == 0 {
            return Some(self.least);
        }
        if rank >= count - 1 {
            return Some(self.greatest);
        }
        let negatives = self.negative.total;
        let estimate = if rank < negatives {
            // in ascending order the greatest magnitude comes first
            -self.negative.value_at(negatives - 1 - rank)
        } else if rank < negatives + self.zeros {
            0.0
        } else {
            self.positive.value_at(rank - negatives - self.zeros)
        };
        let estimate = if estimate < self.least { self.least } else { estimate };
        Some(if estimate > self.greatest { self.greatest } else { estimate })
    }

    /// Forgets all numbers, and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.zeros = 0;
        (self.least, self.greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        for bins in [&mut self.positive, &mut self.negative] {
            bins.counts.clear();
            bins.total = 0;
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        (self.positive.counts.capacity() + self.negative.counts.capacity()) * size_of::<u32>()
    }

    /// Appends the sketch.
    pub fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.zeros);
        self.positive.save(w);
        self.negative.save(w);
        if !self.is_empty() {
            w.f64(self.least);
            w.f64(self.greatest);
        }
    }

    /// The sketch that was saved.
    ///
    /// # Errors
    /// [`CodecError`] where the bytes are none of a sketch.
    pub fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let zeros = r.varint("zeros of a sketch")?;
        if zeros > u64::MAX / 2 {
            return Err(CodecError::Invalid { what: "zeros of a sketch" }); // so that no sum overflows
        }
        let positive = Bins::restore(r)?;
        let negative = Bins::restore(r)?;
        let mut sketch = Self { positive, negative, zeros, ..Self::default() };
        if !sketch.is_empty() {
            sketch.least = r.f64("least number of a sketch")?;
            sketch.greatest = r.f64("greatest number of a sketch")?;
            // false for NaN
            let in_order = sketch.least <= sketch.greatest;
            if !(in_order && sketch.least >= -Finite::MAX && sketch.greatest <= Finite::MAX) {
                return Err(CodecError::Invalid { what: "range of a sketch" });
            }
        }
        Ok(sketch)
    }
}

/// The bin of a magnitude between [`SMALLEST`] and [`Finite::MAX`].
#[inline(always)] // speed
fn index(magnitude: f64) -> i32 {
    (ln(magnitude) * BINS_PER_E).ceil() as i32
}

impl Bins {
    #[inline(always)] // speed
    fn add(&mut self, index: i32, count: u32) {
        let at = self.make_room(index);
        if let Some(bin) = self.counts.get_mut(at) {
            *bin = bin.saturating_add(count);
        }
        self.total += u64::from(count);
    }

    /// The place of a bin, which is there afterwards; of the lowest one if this bin is too low to be kept apart.
    #[inline(always)] // speed
    fn make_room(&mut self, index: i32) -> usize {
        let at = index.wrapping_sub(self.first);
        if at >= 0 && (at as usize) < self.counts.len() { at as usize } else { self.grow(index) }
    }

    #[cold]
    #[inline(never)] // speed: rare
    fn grow(&mut self, index: i32) -> usize {
        if self.counts.is_empty() {
            self.first = index;
        }
        let last = self.first + self.counts.len() as i32 - 1;
        if index > last {
            let first_kept = index - MAX_BINS as i32 + 1;
            if first_kept > self.first {
                self.put_together(first_kept);
            }
            let len = (index - self.first) as usize + 1;
            self.append_empty(len - self.counts.len());
            return len - 1;
        }
        let first = index.max(last - MAX_BINS as i32 + 1);
        if first < self.first {
            let more = (self.first - first) as usize;
            let len = self.counts.len();
            self.append_empty(more);
            self.counts.copy_within(..len, more);
            if let Some(bins) = self.counts.get_mut(..more) {
                bins.fill(0);
            }
            self.first = first;
        }
        0
    }

    /// Appends bins that are 0, by copies: a loop costs an interpreter five operations a bin.
    fn append_empty(&mut self, mut more: usize) {
        const EMPTY: [u32; GROWTH] = [0; GROWTH];
        self.reserve(self.counts.len() + more);
        while let Some(bins) = EMPTY.get(..more.min(GROWTH)).filter(|bins| !bins.is_empty()) {
            self.counts.extend_from_slice(bins);
            more -= bins.len();
        }
    }

    /// Room for so many bins; each further allocation is twice as large as the one before, so that few are made.
    fn reserve(&mut self, len: usize) {
        if len > self.counts.capacity() {
            let rounded = len.next_multiple_of(GROWTH).max(2 * self.counts.capacity()).min(MAX_BINS);
            self.counts.reserve_exact(rounded - self.counts.len());
        }
    }

    /// Counts the bins below `first` in it.
    fn put_together(&mut self, first: i32) {
        let below = ((first - self.first) as usize).min(self.counts.len());
        let sum = self.counts.drain(..below).fold(0u32, u32::saturating_add);
        self.first = first;
        match self.counts.first_mut() {
            Some(bin) => *bin = bin.saturating_add(sum),
            None => self.counts.push(sum),
        }
    }

    fn merge(&mut self, other: &Self) {
        // from above, so that no bin grows only to be put together
        for (n, &count) in other.counts.iter().enumerate().rev() {
            if count > 0 {
                self.add(other.first + n as i32, count);
            }
        }
    }

    /// The estimate of the magnitude at this rank, counted from 0: by a count of the bins from the end that is nearer.
    fn value_at(&self, rank: u64) -> f64 {
        let mut passed = 0;
        let mut is_passed = |rank: u64, count: u32| {
            passed += u64::from(count);
            passed > rank
        };
        let rank_from_above = self.total.saturating_sub(rank + 1);
        // no bin has stopped at its most numbers
        let adds_up = self.total <= u64::from(u32::MAX);
        let place = if adds_up && rank_from_above < rank {
            self.counts.iter().rposition(|&count| is_passed(rank_from_above, count))
        } else {
            self.counts.iter().position(|&count| is_passed(rank, count))
        };
        let place = place.unwrap_or(self.counts.len().saturating_sub(1));
        let index = self.first + place as i32;
        2.0 / (GAMMA + 1.0) * exp(f64::from(index) * LN_GAMMA)
    }

    fn save(&self, w: &mut Writer<'_>) {
        w.varint(self.counts.len() as u64);
        if !self.counts.is_empty() {
            w.varint((self.first + MAX_INDEX) as u64);
            self.counts.iter().for_each(|&count| w.varint(u64::from(count)));
        }
    }

    fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let len = r.varint("bins of a sketch")? as usize;
        if len > MAX_BINS {
            return Err(CodecError::Invalid { what: "number of bins" });
        }
        let mut bins = Bins::EMPTY;
        if len > 0 {
            let first = r.varint("first bin of a sketch")?;
            let last = first.saturating_add(len as u64 - 1);
            if last > 2 * MAX_INDEX as u64 {
                return Err(CodecError::Invalid { what: "first bin of a sketch" });
            }
            bins.first = first as i32 - MAX_INDEX;
            bins.reserve(len);
            for _ in 0..len {
                let count = r.varint("bin of a sketch")?;
                let count =
                    u32::try_from(count).map_err(|_| CodecError::Invalid { what: "bin of a sketch" })?;
                bins.counts.push(count);
                bins.total += u64::from(count);
            }
        }
        Ok(bins)
    }
}

#[cfg(test)]
mod tests;
