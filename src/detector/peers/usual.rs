//! What is usual of one member beside its group: its own distance from the group's median, and how much that moves.

use super::MEAN_TO_DEVIATION;
use super::common::PeerVerdict;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Weights of the newest interval in the three moving means: one sees a spike at once, the others a shift that hides in
/// the noise.
const WEIGHTS: [f64; 3] = [1.0, 1.0 / 3.0, 0.1];
/// Deviations of these means for independent deviations of 1: sqrt(w / (2 - w)).
const MEAN_DEVIATIONS: [f64; 3] = [1.0, 0.447_213_595_499_957_9, 0.229_415_733_870_561_8];
/// Intervals after which a member is compared.
pub(super) const KNOWN: u32 = 60;
/// Intervals over which a member's own distance and its deviation are learned.
pub(super) const MEMORY: u32 = 2880;
/// A deviation teaches at most so much, deviations.
const WINSOR: f64 = 3.0;
/// Deviations of the group's level up to which a member learns.
pub(super) const USUAL_LEVEL: f64 = 3.0;
/// No deviation counts as more.
pub(super) const MOST: f64 = 100.0;
/// Quiet intervals that end an alarm, and what is quiet: a share of the threshold.
const CALM: u32 = 5;
const QUIET: f64 = 0.5;

/// Where a member is in an interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its value less the group's median.
    pub(super) distance: f64,
    /// Where the group's median is, in its own deviations from its mean.
    pub(super) level: f64,
    /// Smallest deviation that counts, 0..
    pub(super) least: f64,
}

/// One member.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usual {
    /// Mean distance from the group's median, in the unit of the values, and how much it grows with the group's level:
    /// members that do more than the others do more of everything, of a season as well.
    offset: f64,
    slope: f64,
    /// Deviation about it, 0..
    pub(super) scale: f64,
    /// Intervals learned, saturating.
    pub(super) seen: u32,
    /// Moving means of the deviations.
    means: [f64; 3],
    /// It is an outlier, and for how many intervals it has been quiet.
    pub(super) is_alert: bool,
    calm: u32,
}

impl Usual {
    pub(super) const NEW: Self =
        Self { offset: 0.0, slope: 0.0, scale: 0.0, seen: 0, means: [0.0; 3], is_alert: false, calm: 0 };

    pub(super) fn is_known(&self) -> bool {
        self.seen >= KNOWN
    }

    /// Deviations by which a place differs from the usual one.
    pub(super) fn deviation(&self, place: Place) -> f64 {
        let scale = larger(self.scale, place.least);
        let off = self.off(place);
        if scale > 0.0 {
            (off / scale).clamp(-MOST, MOST)
        } else if off == 0.0 {
            0.0
        } else {
            MOST.copysign(off)
        }
    }

    fn off(&self, place: Place) -> f64 {
        place.distance - self.offset - self.slope * place.level
    }

    /// Takes a deviation into the moving means and returns how far the farthest of them is, in its own deviations.
    pub(super) fn observe(&mut self, deviation: f64) -> f64 {
        let mut farthest = 0.0;
        for ((mean, weight), usual) in self.means.iter_mut().zip(WEIGHTS).zip(MEAN_DEVIATIONS) {
            *mean += weight * (deviation - *mean);
            farthest = larger(farthest, mean.abs() / usual);
        }
        farthest
    }

    /// Learns a place whose deviation is known, or any place while the member is new (normalised least mean squares).
    pub(super) fn learn(&mut self, place: Place, deviation: f64) {
        if place.level.abs() > USUAL_LEVEL {
            return; // a shock of all: it is predicted, and teaches nothing
        }
        let seen = f64::from(self.seen.min(MEMORY) + 1);
        if self.is_known() {
            let scale = larger(self.scale, place.least);
            let step = deviation.clamp(-WINSOR, WINSOR) * scale / seen;
            self.offset += step;
            self.slope += step * place.level;
            self.scale += (MEAN_TO_DEVIATION * smaller(deviation.abs(), WINSOR) * scale - self.scale) / seen;
        } else {
            let off = self.off(place);
            self.offset += off / seen;
            // the first distance says nothing about the deviation
            let weight = if self.seen == 0 { 0.0 } else { 1.0 / (seen - 1.0) };
            self.scale += weight * (MEAN_TO_DEVIATION * off.abs() - self.scale);
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// Whether it is an outlier after an interval that lay `farthest` out.
    pub(super) fn judge(&mut self, farthest: f64, threshold: f64) -> PeerVerdict {
        if farthest >= threshold {
            self.is_alert = true;
            self.calm = 0;
        } else if self.is_alert {
            self.calm = if farthest < QUIET * threshold { self.calm + 1 } else { 0 };
            self.is_alert = self.calm < CALM;
        }
        PeerVerdict { is_outlier: self.is_alert, distance: farthest }
    }

    pub(super) const SAVED: usize = 6 * 8 + 3 * 4;

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.offset, self.slope, self.scale]);
        w.f64s(&self.means);
        w.u32(self.seen);
        w.u32(u32::from(self.is_alert));
        w.u32(self.calm);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "usual distance of a member";
        let mut usual = Self::NEW;
        let mut numbers = [0.0; 3];
        r.f64s(&mut numbers, WHAT)?;
        [usual.offset, usual.slope, usual.scale] = numbers;
        r.f64s(&mut usual.means, WHAT)?;
        usual.seen = r.u32(WHAT)?;
        let is_alert = r.u32(WHAT)?;
        usual.calm = r.u32(WHAT)?;
        usual.is_alert = is_alert == 1;
        let is_sound = is_alert <= 1
            && usual.offset.is_finite()
            && usual.slope.is_finite()
            && usual.scale >= 0.0
            && usual.scale.is_finite()
            && usual.means.iter().all(|mean| mean.abs() <= MOST);
        if is_sound { Ok(usual) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
