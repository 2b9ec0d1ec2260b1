//! How far points stray from the forecast: robust scale, conformal factor, tail.
//!
//! Each of them follows a quantile of the absolute error by stochastic approximation (Robbins and Monro 1951):
//! up by (1 - p) * gain when the error exceeds it, down by p * gain when it does not. The middle 68.27 % set
//! the scale, so half of the points may be bad; the other two make the shares outside two and three
//! deviations what they are for Gaussian noise, whatever the noise (adaptive conformal inference, Gibbs and
//! Candès 2021).

use super::checked_reads::{LARGEST, within_f64, within_u32};
use super::profile::Cells;
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::larger;

/// Below the share of the finest last digit, 1e-39, that is the floor of the scale.
const LEAST: f64 = 1e-40;
/// Points after which all gains have reached their lower limits.
const LEARNED: u32 = 1_000;
/// What is left of a scale that is far too large, a point.
const TOO_CALM: f64 = 0.96;
/// Points without which the scale is a guess.
const GUESS: u32 = 20;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct NoiseScale {
    /// sig > 0: 68.27 % quantile of |error|, one standard deviation.
    pub(super) sigma: f64,
    /// a, 0.8..=2: 95.45 % of errors lie within 2 * factor * sigma.
    factor: f64,
    /// g3, 1..=3: 99.3 % lie within (2 + tail) * factor * sigma.
    pub(super) tail: f64,
    /// N: points learned from, 0..=1000.
    points: u32,
    /// Points within half of sigma less those beyond it, as long as they outnumber them; 0..=7560.
    calm: u32,
    /// v: share of `sigma` in the parts of the season.
    pub(super) cells: Cells,
}

impl NoiseScale {
    pub(super) fn new(cells: usize) -> Self {
        Self { sigma: 0.0, factor: 1.0, tail: 1.0, points: 0, calm: 0, cells: Cells::new(cells) }
    }

    /// Back to the start, keeping the allocation.
    pub(super) fn reset(&mut self) {
        self.sigma = 0.0;
        self.factor = 1.0;
        self.tail = 1.0;
        self.points = 0;
        self.calm = 0;
        self.cells.reset();
    }

    /// The gains start high again.
    pub(super) fn restart_gains(&mut self) {
        self.points = 0;
    }

    /// False for a guess: nothing but the last digit has been seen of the noise lately.
    pub(super) const fn is_known(&self) -> bool {
        self.points >= GUESS
    }

    #[cfg(test)]
    pub(super) fn assume_known(&mut self) {
        self.points = LEARNED;
    }

    /// s1: one deviation in bucket `k`.
    #[inline(always)] // speed
    pub(super) fn deviation(&self, k: usize, buckets: usize) -> f64 {
        self.factor * self.sigma * self.cells.factor(k, buckets)
    }

    /// Learns from the absolute error of a point in bucket `k`; `step` is the last digit of the data, `least` the least
    /// half-width of the band, `weight` that of a small error, 1 or less.
    #[inline(always)] // speed
    pub(super) fn learn(
        &mut self,
        spec: &BandSpec,
        k: usize,
        error: f64,
        step: f64,
        least: f64,
        weight: f64,
    ) {
        if self.cells.is_empty() {
            self.follow_sigma::<false>(spec, k, error, step, weight);
            self.follow_shares::<false>(spec, k, error, least, weight);
        } else {
            self.learn_in_cells(spec, k, error, step, least, weight);
        }
    }

    #[inline(never)] // speed: keeps the usual way small
    fn learn_in_cells(&mut self, spec: &BandSpec, k: usize, error: f64, step: f64, least: f64, weight: f64) {
        self.follow_sigma::<true>(spec, k, error, step, weight);
        self.follow_shares::<true>(spec, k, error, least, weight);
    }

    /// Learns the scale alone, in warm-up.
    pub(super) fn learn_sigma(&mut self, spec: &BandSpec, k: usize, error: f64, step: f64) {
        if self.cells.is_empty() {
            self.follow_sigma::<false>(spec, k, error, step, 1.0);
        } else {
            self.follow_sigma::<true>(spec, k, error, step, 1.0);
        }
    }

    #[inline(always)] // speed
    fn follow_sigma<const CELLS: bool>(
        &mut self,
        spec: &BandSpec,
        k: usize,
        error: f64,
        step: f64,
        weight: f64,
    ) {
        let buckets = spec.buckets as usize;
        let gain = if self.points < LEARNED {
            larger(spec.eta, 2.0 / f64::from(self.points + 20))
        } else {
            spec.eta
        };
        let cell = if CELLS { self.cells.factor(k, buckets) } else { 1.0 };
        let up = error > self.sigma * cell;
        self.sigma *= if up { 1.0 + 0.6827 * gain } else { 1.0 - weight * 0.3173 * gain };
        if self.points >= GUESS && weight == 1.0 && error < 0.5 * self.sigma * cell {
            self.calm += 1;
            if self.calm > spec.calm {
                self.too_calm();
            }
        } else if self.calm > 0 {
            self.calm -= 1;
        }
        self.sigma = larger(self.sigma, 0.3 * step);
        if CELLS {
            self.cells.learn(k, buckets, error / self.sigma, weight);
        }
        if self.points < LEARNED {
            self.points += 1;
        }
    }

    /// Within half of a deviation lie 38 % of the points. Where so many more do, the scale is what is left of something larger.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    fn too_calm(&mut self) {
        self.calm -= 1;
        self.sigma *= TOO_CALM;
    }

    /// The shares outside of the band. Comes after [`NoiseScale::follow_sigma`].
    #[inline(always)] // speed
    fn follow_shares<const CELLS: bool>(
        &mut self,
        spec: &BandSpec,
        k: usize,
        error: f64,
        least: f64,
        weight: f64,
    ) {
        let gain = if self.points < LEARNED {
            larger(spec.eta_factor, 2.0 / f64::from(self.points + 100))
        } else {
            spec.eta_factor
        };
        let one = if CELLS { self.sigma * self.cells.factor(k, spec.buckets as usize) } else { self.sigma };
        let half = 2.0 * self.factor * one;
        if error > larger(half, least) {
            self.factor *= 1.0 + 0.9545 * gain;
        } else if half >= least {
            self.factor *= 1.0 - weight * 0.0455 * gain;
        } else if self.sigma < 0.21 * least {
            // at its floor: only the last digit is known, so noise that sets in is learned as if new
            self.points = 0;
        }
        self.factor = self.factor.clamp(0.8, 2.0);
        let far = error > larger((2.0 + self.tail) * self.factor * one, least);
        self.tail += if far { 0.05 * 0.993 } else { -weight * 0.05 * 0.007 };
        self.tail = self.tail.clamp(1.0, 3.0);
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64(self.sigma);
        w.f64(self.factor);
        w.f64(self.tail);
        w.varint(u64::from(self.points));
        w.varint(u64::from(self.calm));
        self.cells.save(w);
    }

    /// `settled`: past the first season, where sigma is known.
    /// `has_calm`: false for the state of a version that did not count them.
    pub(super) fn restore(
        spec: &BandSpec,
        settled: bool,
        has_calm: bool,
        r: &mut Reader<'_>,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            sigma: if settled {
                within_f64(r, LEAST..=LARGEST, "sigma")?
            } else {
                within_f64(r, 0.0..=0.0, "sigma")?
            },
            factor: within_f64(r, 0.8..=2.0, "band factor")?,
            tail: within_f64(r, 1.0..=3.0, "tail factor")?,
            points: within_u32(r, 0..=LEARNED, "points learned from")?,
            calm: if has_calm { within_u32(r, 0..=spec.calm, "points within a deviation")? } else { 0 },
            cells: Cells::restore(spec.cells() as usize, r)?,
        })
    }
}
