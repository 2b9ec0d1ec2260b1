//! Lagging rolling quantiles: the band of the last hour or so.
//!
//! Order statistics leave the promised share outside whatever the distribution. Points outside the band are
//! withheld from the quantiles until they are as old as the alert window: a shift stays anomalous that long,
//! and ramps are followed all the same, because only outsiders wait.
//!
//! | symbol | field |
//! |---|---|
//! | w, L | [`BandSpec::look_back`], [`BandSpec::lag`] |
//! | a | `factor`: conformal factor, answers autocorrelation |
//! | A, B | `below`, `above`: one deviation on each side of the median |

use super::checked_reads::{finite, flag, within_f64, within_u32};
use super::counter::Counter;
use super::prediction::Prediction;
use super::resolution::Resolution;
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};

/// Windows without a point after which the old ones say nothing any more: a day of one-minute points.
const STALE: i64 = 24;
/// Fewest admitted points that make a band.
const LEAST_POINTS: usize = 15;

/// Normal quantile whose tail is 0.02275 * 61 / (n + 1), for n = 15..=59; 2 from n = 60 on. The outermost order
/// statistics of n points, divided by it, are one standard deviation.
const DEVIATIONS: [f64; 45] = [
    1.3611, 1.3942, 1.4249, 1.4535, 1.4804, 1.5056, 1.5294, 1.5519, 1.5733, //
    1.5936, 1.6130, 1.6314, 1.6491, 1.6660, 1.6823, 1.6979, 1.7129, 1.7273, //
    1.7413, 1.7548, 1.7678, 1.7804, 1.7926, 1.8044, 1.8159, 1.8270, 1.8379, //
    1.8484, 1.8586, 1.8686, 1.8783, 1.8878, 1.8970, 1.9061, 1.9149, 1.9235, //
    1.9319, 1.9401, 1.9481, 1.9560, 1.9637, 1.9713, 1.9787, 1.9859, 1.9930,
];

/// The share outside at two deviations that `factor` steers to, and its gain.
const OUTSIDE: f64 = 0.0455;
const GAIN: f64 = 0.004;

/// Rolling quantiles of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Basic {
    /// The last w values; `head` is the place of the next one, and of the oldest once full.
    ring: Box<[f64]>,
    /// The admitted ones in ascending order, in `0..count`.
    sorted: Box<[f64]>,
    /// One bit for each place of `ring`: in `sorted`. w <= 230.
    admitted: [u64; 4],
    head: usize,
    /// 0..=w
    len: usize,
    /// 0..=len
    count: usize,
    /// 1.02..=1.6; never below, so that a line at the minimum of a season stays inside
    factor: f64,
    /// Signed count of the last points that lay outside on one side.
    run: i32,
    /// Points that are admitted unseen, after a gap; 0..=w
    grace: u32,
    resolution: Resolution,
    counter: Counter,
    /// Bucket of the last point, none before the first.
    last: Option<i64>,
    median: f64,
    below: f64,
    above: f64,
}

impl Basic {
    pub(super) fn new(spec: &BandSpec) -> Self {
        let w = spec.look_back();
        Self {
            ring: vec![0.0; w].into_boxed_slice(),
            sorted: vec![0.0; w].into_boxed_slice(),
            admitted: [0; 4],
            head: 0,
            len: 0,
            count: 0,
            factor: 1.02,
            run: 0,
            grace: 0,
            resolution: Resolution::new(),
            counter: Counter::new(),
            last: None,
            median: 0.0,
            below: 0.0,
            above: 0.0,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(spec: &BandSpec) -> usize {
        2 * size_of::<f64>() * spec.look_back()
    }

    /// See [`BandEngine::rewind`](super::BandEngine::rewind).
    pub(super) fn rewind(&mut self, bucket: i64) {
        let before = bucket.saturating_sub(1);
        self.last = self.last.map(|last| last.min(before));
    }

    pub(super) fn predict(&self, bucket: i64) -> Option<Prediction> {
        let gap = bucket.saturating_sub(self.last?);
        if self.count < LEAST_POINTS || gap <= 0 || gap > STALE * self.ring.len() as i64 {
            return None;
        }
        Some(Prediction {
            expected: self.median,
            below: self.factor * self.below,
            above: self.factor * self.above,
            tail: 1.0,
            least_deviation: 0.0,
            // one last digit; 1.1 in spite of rounding
            least: 1.1 * self.resolution.step_at(self.median),
            reach: self.counter.reach(gap as f64),
        })
    }

    pub(super) fn update(&mut self, spec: &BandSpec, bucket: i64, y: f64) {
        let w = self.ring.len();
        let lag = spec.lag();
        let gap = match self.last {
            None => {
                self.counter.begin(y);
                1
            }
            Some(last) if bucket > last => bucket.saturating_sub(last),
            Some(_) => return,
        };
        let prediction = self.predict(bucket);
        self.last = Some(bucket);
        self.resolution.observe(y, w as u32);
        let reset = self.counter.observe(y, gap as f64);
        if reset || gap > STALE * w as i64 {
            self.forget();
        } else if gap > w as i64 {
            // all of the window is old: what lies outside it is no reason to wait
            self.grace = w as u32;
        } else if gap > w as i64 / 4 {
            self.grace = self.grace.max(lag as u32);
        }

        let mut inside = true;
        if let Some(prediction) = prediction
            && self.count > 0
        {
            let band = prediction.bounds(2.0);
            inside = band.contains(y);
            let side = if y > band.upper { 1 } else { -1 };
            self.run = match self.run {
                _ if inside => 0,
                run if run * side > 0 => (run + side).clamp(-10_000, 10_000),
                _ => side,
            };
            let steady = self.run.unsigned_abs() as usize;
            if steady < 5 || steady >= 2 * lag {
                let step = if inside { 1.0 - GAIN * OUTSIDE } else { 1.0 + GAIN * (1.0 - OUTSIDE) };
                self.factor = (self.factor * step).clamp(1.02, 1.6);
            }
        } else {
            self.run = 0;
        }

        let admit = inside || self.grace > 0 || self.run.unsigned_abs() as usize >= lag;
        self.grace = self.grace.saturating_sub(1);
        self.push(y, admit, lag);
        self.summarize();
    }

    /// Starts over, but for what is known of noise, digits and counting.
    fn forget(&mut self) {
        self.admitted = [0; 4];
        self.head = 0;
        self.len = 0;
        self.count = 0;
        self.run = 0;
        self.grace = 0;
    }

    fn push(&mut self, y: f64, admit: bool, lag: usize) {
        let w = self.ring.len();
        if self.len == w {
            if self.is_admitted(self.head) {
                self.take_out(self.ring[self.head]);
            }
        } else {
            self.len += 1;
        }
        self.ring[self.head] = y;
        self.mark(self.head, admit);
        if admit {
            self.put_in(y);
        }
        self.head = if self.head + 1 == w { 0 } else { self.head + 1 };

        // the one that has waited long enough; `head` is now one past the newest
        if self.len > lag {
            let waited = (self.head + w - 1 - lag) % w;
            if !self.is_admitted(waited) {
                self.mark(waited, true);
                self.put_in(self.ring[waited]);
            }
        }
    }

    fn is_admitted(&self, place: usize) -> bool {
        self.admitted[place / 64] >> (place % 64) & 1 == 1
    }

    fn mark(&mut self, place: usize, admitted: bool) {
        let bit = 1 << (place % 64);
        if admitted {
            self.admitted[place / 64] |= bit;
        } else {
            self.admitted[place / 64] &= !bit;
        }
    }

    fn put_in(&mut self, y: f64) {
        let at = self.sorted[..self.count].partition_point(|&x| x < y);
        self.sorted.copy_within(at..self.count, at + 1);
        self.sorted[at] = y;
        self.count += 1;
    }

    fn take_out(&mut self, y: f64) {
        let at = self.sorted[..self.count].partition_point(|&x| x < y);
        self.sorted.copy_within(at + 1..self.count, at);
        self.count -= 1;
    }

    /// Median, and one deviation below and above it: the outermost values of up to 60, beyond that the 1/61
    /// quantiles, divided by the normal quantile at the same rank.
    fn summarize(&mut self) {
        let n = self.count;
        if n < LEAST_POINTS {
            return;
        }
        let x = &self.sorted[..n];
        self.median = if n % 2 == 1 { x[n / 2] } else { 0.5 * (x[n / 2 - 1] + x[n / 2]) };
        let (low, high) = if n <= 60 {
            (x[0], x[n - 1])
        } else {
            let rank = (n + 1) as f64 / 61.0 - 1.0;
            let i = rank as usize;
            let part = rank - i as f64;
            (x[i] + part * (x[i + 1] - x[i]), x[n - 1 - i] + part * (x[n - 2 - i] - x[n - 1 - i]))
        };
        let deviations = DEVIATIONS.get(n - LEAST_POINTS).copied().unwrap_or(2.0);
        self.below = (self.median - low) / deviations;
        self.above = (high - self.median) / deviations;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        match self.last {
            None => w.u8(0),
            Some(last) => {
                w.u8(1);
                w.i64(last);
            }
        }
        w.varint(self.len as u64);
        let size = self.ring.len();
        for age in (1..=self.len).rev() {
            let place = (self.head + size - age) % size;
            w.f64(self.ring[place]);
            w.u8(u8::from(self.is_admitted(place)));
        }
        w.f64(self.factor);
        w.i64(i64::from(self.run));
        w.varint(u64::from(self.grace));
        self.resolution.save(w);
        self.counter.save(w);
    }

    pub(super) fn restore(spec: &BandSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut basic = Self::new(spec);
        if flag(r, "band has begun")? {
            basic.last = Some(r.i64("last bucket")?);
        }
        let size = basic.ring.len();
        let len = within_u32(r, 0..=size as u32, "points in the window")? as usize;
        for _ in 0..len {
            let y = finite(r, "point in the window")?;
            let admit = flag(r, "admitted point")?;
            basic.push(y, admit, size);
        }
        basic.factor = within_f64(r, 1.02..=1.6, "band factor")?;
        basic.run = i32::try_from(r.i64("run")?)
            .ok()
            .filter(|run| run.unsigned_abs() <= 10_000)
            .ok_or(CodecError::Invalid { what: "run" })?;
        basic.grace = within_u32(r, 0..=size as u32, "points of grace")?;
        basic.resolution = Resolution::restore(r, size as u32)?;
        basic.counter = Counter::restore(r)?;
        basic.summarize();
        Ok(basic)
    }
}
