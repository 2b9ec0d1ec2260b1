//! Holds on to level and slope; doubts itself when too many points lie off, and widens, at most twofold.

use super::checked_reads::{within_f64, within_u32};
use super::spec::BandSpec;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller, within};

/// Share of points off the forecast that raises no doubt, and what doubt is worth.
const USUAL: f64 = 0.05;
const WIDENING: f64 = 2.0;

/// Points after which the constant gains of level and slope are the larger ones.
const fn settled(spec: &BandSpec) -> u32 {
    15 * spec.buckets
}

/// Level and slope start as the least-squares line through all points so far (expanding-memory polynomial
/// filter of degree one, gains 4/n and 6/n^2 for large n: Morrison 1969) and end with constant gains, 1/(3m) and 1/(36 m^2), which is critical damping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Robust {
    /// Q, 0..=1: recent share of points more than three deviations off.
    doubt: f64,
    /// Points since the level was in doubt, 0 once it is not.
    post: u32,
    /// Points that level and slope rest on, the three seasons of warm-up among them; saturates at 15m.
    points: u32,
}

impl Robust {
    pub(super) const fn new() -> Self {
        Self { doubt: 0.0, post: 0, points: 0 }
    }

    pub(super) fn warmed_up(&mut self, spec: &BandSpec) {
        self.points = 3 * spec.buckets;
        self.post = 10;
        self.doubt = 0.0;
    }

    pub(super) fn reset(&mut self) {
        self.post = 1;
    }

    /// W, 1..=2: how much wider the band is for doubt. Bounded, so that robust never goes blind.
    pub(super) fn width(&self) -> f64 {
        1.0 + smaller(larger(WIDENING * (self.doubt - USUAL), 0.0), 1.0)
    }

    /// More than five buckets pass.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn elapse(&mut self, spec: &BandSpec, gap: f64) {
        self.doubt /= 1.0 + gap * spec.doubt_gain;
    }

    #[inline(always)] // speed
    pub(super) fn observe(&mut self, spec: &BandSpec, out: bool) {
        let seen = if out { 1.0 } else { 0.0 };
        self.doubt += spec.doubt_gain * (seen - self.doubt);
    }

    /// What a `slope` adds to the level over a long `gap`.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn growth(&self, slope: f64, gap: f64, sigma: f64) -> f64 {
        slope * gap * self.trust(slope, sigma)
    }

    /// Share of a `slope` (per point) that is to be carried across a gap, 0..=1: a slope within its own error,
    /// whose variance is some 40 sigma^2 / n^3 (12 for a least-squares line through n points, which two thirds
    /// of them are), carried far, would spoil the level.
    fn trust(&self, slope: f64, sigma: f64) -> f64 {
        let n = f64::from(self.points);
        let ratio = slope / sigma;
        let significance = ratio * ratio * n * n * n / 40.0;
        1.0 - 4.0 / (significance + 4.0)
    }

    /// Steps of level and slope for an error `e`, given the noise `sg`.
    #[inline(always)] // speed
    pub(super) fn level(&mut self, spec: &BandSpec, e: f64, sg: f64, out: bool) -> (f64, f64) {
        let (mut gain, mut slope) = (spec.slow, spec.slope);
        if self.points < settled(spec) {
            let share = 1.5 / f64::from(self.points.max(1));
            gain = larger(gain, 4.0 * share);
            slope = larger(slope, 6.0 * share * share);
            self.points += 1;
        }
        if self.post > 0 {
            gain = larger(gain, 1.0 / f64::from(self.post));
            self.post = if self.post >= 60 { 0 } else { self.post + 1 };
        }
        let limit = if out { 0.25 * sg } else { 2.0 * sg };
        let u = within(e, limit);
        (gain * u, slope * u)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64(self.doubt);
        w.varint(u64::from(self.post));
        w.varint(u64::from(self.points));
    }

    pub(super) fn restore(spec: &BandSpec, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            doubt: within_f64(r, 0.0..=1.0, "share of outliers")?,
            post: within_u32(r, 0..=60, "points since a change")?,
            points: within_u32(r, 0..=settled(spec), "points behind level and slope")?,
        })
    }
}
