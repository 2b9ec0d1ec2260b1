//! Season found, not asked: does the value at this time of the hour, day or week repeat?
//!
//! For each candidate period a coarse profile predicts the next bin's mean before it learns it. The period is
//! known while its forecasts explain more than half of the variance about the slow mean. No coarser series are
//! derived, no autocorrelation is formed and nothing is voted on: each candidate is judged by its own forecasts.

use super::period::{DAY_S, GAIN, Period};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

const BINS: usize = 12 + 24 + 28;
/// Length of the finest bin, s, and as much of it as no rounding can lead out of.
const SLOT_S: f64 = 300.0;
const HOUR_S: f64 = 3600.0;
const SURELY_S: f64 = SLOT_S - 1.0;
/// Times below this are told apart well within a second, s.
const EXACT_S: f64 = 1e12;
/// Periods (and days) of forecasts before one can be known.
const PERIODS: f64 = 3.0;
/// Age of a series up to which no period can be known, s.
pub(super) const SOONEST_S: f64 = PERIODS * DAY_S;
/// Share of unexplained variance below which a period is known, and above which it is forgotten.
const KNOWN: f64 = 0.5;
const FORGOTTEN: f64 = 0.8;
/// Resolutions that the bin means must vary by.
const VISIBLE: f64 = 100.0;
/// The day must leave less than this share of what the hour leaves unexplained.
const BETTER: f64 = 0.6;

/// Forecast errors of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    /// Bin in progress, its sum and count.
    bin: u32,
    count: u32,
    sum: f64,
    /// Slow mean: about one period.
    slow: f64,
    /// Discounted squared errors of the profile and of the slow mean, 0..
    error: f64,
    reference: f64,
}

/// Looks for a season in 420 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeasonDetector {
    /// Coarse profiles, one behind the other; NaN before the first visit.
    bins: [f32; BINS],
    candidates: [Candidate; 3],
    /// Where the finest bin in progress begins, s; NaN where it must be looked for. Not saved.
    slot_s: f64,
    /// What the day's profile says of the bin in progress; NaN before the first visit. Not saved.
    day_mean: f32,
}

impl SeasonDetector {
    pub(super) const fn new() -> Self {
        let none = Candidate { bin: u32::MAX, count: 0, sum: 0.0, slow: 0.0, error: 0.0, reference: 0.0 };
        Self { bins: [f32::NAN; BINS], candidates: [none; 3], slot_s: f64::NAN, day_mean: f32::NAN }
    }

    /// Learns a point, `known_s` seconds after the first. True if a bin has closed: only then can another period be
    /// known.
    #[inline]
    pub(super) fn observe(&mut self, time_s: f64, known_s: f64, x: f64) -> bool {
        let within = time_s - self.slot_s;
        let stays = (0.0..=SURELY_S).contains(&within);
        let closed = !stays && self.turn(time_s, known_s);
        let [hour, day, week] = &mut self.candidates;
        hour.add(x);
        day.add(x);
        // the week is judged on what the day leaves: a daily series repeats every week too
        let left = x - f64::from(self.day_mean);
        if !left.is_nan() {
            week.add(left);
        }
        closed
    }

    /// Finds the bins of a time; true if one has closed. The bins of all candidates begin with a slot of the finest,
    /// so that within a slot nothing need be looked for.
    #[inline(never)] // speed: rarely needed
    fn turn(&mut self, time_s: f64, known_s: f64) -> bool {
        let mut closed = false;
        let mut bins = &mut self.bins[..];
        // within the hour of the slot that ends, the bins of day and week go on; not at its ends, where a time may be
        // rounded into the next one
        let hour_s = (self.slot_s / HOUR_S).floor() * HOUR_S;
        let within_hour = (0.0..=HOUR_S - 1.0).contains(&(time_s - hour_s));
        let turning = if within_hour && self.slot_s < hour_s + HOUR_S - SLOT_S { 1 } else { 3 };
        for (period, c) in Period::ALL.into_iter().zip(&mut self.candidates).take(turning) {
            let n = period.bins();
            let (profile, rest) = bins.split_at_mut(n.min(bins.len()));
            bins = rest;
            let bin = period.part(time_s, n) as u32;
            if bin != c.bin {
                if let Some(slot) = profile.get_mut(c.bin as usize) {
                    c.close(slot, period, known_s / period.seconds());
                    closed = true;
                }
                c.bin = bin;
                c.sum = 0.0;
                c.count = 0;
            }
            if period == Period::Day {
                self.day_mean = profile.get(bin as usize).copied().unwrap_or(f32::NAN);
            }
        }
        self.slot_s = if time_s.abs() < EXACT_S { (time_s / SLOT_S).floor() * SLOT_S } else { f64::NAN };
        closed
    }

    /// The period known now, where `known` was.
    #[inline(never)] // speed: rarely needed
    pub(super) fn best(&self, known_s: f64, resolution: f32, known: Option<Period>) -> Option<Period> {
        let least_variance = (VISIBLE * f64::from(resolution)) * (VISIBLE * f64::from(resolution));
        let mut best = None;
        let mut least = f64::INFINITY;
        for (period, c) in Period::ALL.into_iter().zip(&self.candidates) {
            let stays = known == Some(period);
            let share = c.error / c.reference;
            let limit = if stays { FORGOTTEN } else { KNOWN };
            let ready = known_s > PERIODS * period.seconds().max(DAY_S) && c.reference > least_variance;
            let bound =
                if period == Period::Week { f64::INFINITY } else { least * if stays { 1.0 } else { BETTER } };
            if ready && share < limit && share < bound {
                best = Some(period);
                least = share;
            }
        }
        best
    }

    /// Mean of a period's coarse profile at a time into it, between the middles of two bins; NaN for nothing.
    pub(super) fn mean_at(&self, period: Period, at_s: f64) -> f32 {
        let first: usize = Period::ALL.into_iter().filter(|p| *p < period).map(Period::bins).sum();
        let n = period.bins();
        let place = at_s / period.seconds() * n as f64 - 0.5;
        let below = place.floor();
        let share = (place - below) as f32;
        let bin = |i: usize| self.bins.get(first + i % n).copied().unwrap_or(f32::NAN);
        let i = (below + n as f64) as usize;
        let (a, b) = (bin(i), bin(i + 1));
        if a.is_nan() {
            b
        } else if b.is_nan() {
            a
        } else {
            a + share * (b - a)
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        self.bins.iter().for_each(|v| w.f32(*v));
        for c in &self.candidates {
            w.u32(c.bin);
            w.u32(c.count);
            w.f64s(&[c.sum, c.slow, c.error, c.reference]);
        }
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "season detector";
        let mut detector = Self::new();
        for v in &mut detector.bins {
            *v = r.f32(WHAT)?;
            if v.is_infinite() {
                return Err(CodecError::Invalid { what: WHAT });
            }
        }
        for c in &mut detector.candidates {
            let (bin, count) = (r.u32(WHAT)?, r.u32(WHAT)?);
            let mut v = [0.0; 4];
            r.f64s(&mut v, WHAT)?;
            let [sum, slow, error, reference] = v;
            if !v.iter().all(|v| v.is_finite()) || error < 0.0 || reference < 0.0 {
                return Err(CodecError::Invalid { what: WHAT });
            }
            *c = Candidate { bin, count, sum, slow, error, reference };
        }
        Ok(detector)
    }
}

impl Candidate {
    #[inline(always)] // speed
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.count = self.count.wrapping_add(1);
    }

    /// Judges the forecast of the bin that ends, then learns its mean.
    fn close(&mut self, slot: &mut f32, period: Period, periods: f64) {
        if self.count == 0 {
            return;
        }
        let mean = self.sum / f64::from(self.count);
        if slot.is_nan() {
            *slot = mean as f32;
        } else {
            if periods > 2.0 {
                // errors are averaged over two periods, at least two days
                let bins = period.bins() as f64 * larger(DAY_S / period.seconds(), 1.0);
                let (e, d) = (mean - f64::from(*slot), mean - self.slow);
                self.error += (e * e - self.error) / (2.0 * bins);
                self.reference += (d * d - self.reference) / (2.0 * bins);
            }
            let gain = larger(GAIN, 1.0 / (larger(periods, 1.0) + 1.0));
            *slot += (gain * (mean - f64::from(*slot))) as f32;
        }
        self.slow += (mean - self.slow) / smaller(period.bins() as f64, 1.0 + periods * period.bins() as f64);
    }
}
