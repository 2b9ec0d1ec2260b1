//! Holds on to level and slope; doubts itself when too many points lie off, and widens, at most twofold.

use super::spec::Spec;
use super::state::{within_f64, within_u32};
use crate::codec::{CodecError, Reader, Writer};

/// Share of points off the forecast that raises no doubt, and what doubt is worth.
const USUAL: f64 = 0.05;
const WIDENING: f64 = 2.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Robust {
    /// Q, 0..=1: recent share of points more than three deviations off.
    doubt: f64,
    /// Points since the level was in doubt, 0 once it is not.
    post: u32,
}

impl Robust {
    pub(super) const fn new() -> Self {
        Self { doubt: 0.0, post: 0 }
    }

    pub(super) fn warmed_up(&mut self) {
        self.post = 10;
        self.doubt = 0.0;
    }

    pub(super) fn reset(&mut self) {
        self.post = 1;
    }

    /// W, 1..=2: how much wider the band is for doubt. Bounded, so that robust never goes blind.
    pub(super) fn width(&self) -> f64 {
        1.0 + (WIDENING * (self.doubt - USUAL)).clamp(0.0, 1.0)
    }

    pub(super) fn elapse(&mut self, spec: &Spec, gap: f64) {
        if gap > 5.0 {
            self.doubt /= 1.0 + gap * spec.doubt_gain;
        }
    }

    pub(super) fn observe(&mut self, spec: &Spec, out: bool) {
        self.doubt += spec.doubt_gain * (f64::from(u8::from(out)) - self.doubt);
    }

    /// Steps of level and slope for an error `e`, given the noise `sg`.
    pub(super) fn level(&mut self, spec: &Spec, e: f64, sg: f64, out: bool) -> (f64, f64) {
        let mut gain = spec.slow;
        if self.post > 0 {
            gain = gain.max(1.0 / f64::from(self.post));
            self.post = if self.post >= 60 { 0 } else { self.post + 1 };
        }
        let limit = if out { 0.5 * sg } else { 2.0 * sg };
        let u = e.clamp(-limit, limit);
        (gain * u, spec.slope * u)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64(self.doubt);
        w.varint(u64::from(self.post));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            doubt: within_f64(r, 0.0..=1.0, "share of outliers")?,
            post: within_u32(r, 0..=60, "points since a change")?,
        })
    }
}
