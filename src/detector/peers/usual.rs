//! What is usual of one member beside its group: its own distance from the group's median, how that follows the group's
//! level, how much it moves, and how much of a deviation is still there one interval later.

use super::MEAN_TO_DEVIATION;
use super::common::PeerVerdict;
use super::shift::{Doubt, STATISTICS, Shift};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller, within};

/// Intervals after which a member is compared.
pub(super) const KNOWN: u32 = 60;
/// Intervals over which a member is learned.
const MEMORY: u32 = 2880;
/// A deviation teaches at most so much, deviations.
const WINSOR: f64 = 3.0;
/// What is assumed of a new member's noise counts as so many intervals.
const FIRST: u32 = 10;
/// No deviation counts as more.
pub(super) const MOST: f64 = 1000.0;
/// The slope is drawn to 0 as if the level had varied by so much more, variances of the member.
const RIDGE: f64 = 0.25;
/// Squares beyond this teach nothing about slopes.
const FARTHEST: f64 = 1e300;
/// Quiet intervals that end an alarm, and what is quiet: a share of the threshold.
const CALM: u32 = 5;
const QUIET: f64 = 0.5;

/// Where a member is in an interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its value less the group's median.
    pub(super) distance: f64,
    /// The group's median, and what it has moved since the interval before.
    pub(super) level: f64,
    pub(super) step: f64,
    /// Smallest deviation that counts, 0..
    pub(super) least: f64,
}

/// One member.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Usual {
    /// Means of its distance and of the group's level, the variance of the level and the covariance of both: members that
    /// do more than the others do more of everything, of a season and of a shock as well.
    distance: f64,
    level: f64,
    level_variance: f64,
    covariance: f64,
    /// Deviation about that line, 0..
    pub(super) scale: f64,
    /// Intervals learned, saturating.
    pub(super) seen: u32,
    /// What its latest deviations say.
    shift: Shift,
    /// It is an outlier, and for how many intervals it has been quiet.
    pub(super) is_alert: bool,
    calm: u32,
}

impl Usual {
    pub(super) const NEW: Self = Self {
        distance: 0.0,
        level: 0.0,
        level_variance: 0.0,
        covariance: 0.0,
        scale: 0.0,
        seen: 0,
        shift: Shift::NEW,
        is_alert: false,
        calm: 0,
    };

    pub(super) fn is_known(&self) -> bool {
        self.seen >= KNOWN
    }

    /// How far a place is from the usual one, in the unit of the values.
    pub(super) fn off(&self, place: Place) -> f64 {
        place.distance - self.distance - self.slope() * (place.level - self.level)
    }

    /// Least squares with a ridge: where the level hardly moves, its own noise is no evidence.
    fn slope(&self) -> f64 {
        let variance = self.ridged_variance();
        if variance > 0.0 { self.covariance / variance } else { 0.0 }
    }

    fn ridged_variance(&self) -> f64 {
        self.level_variance + RIDGE * self.scale * self.scale
    }

    /// The same in deviations; `spread` of the members in this interval, 1..
    pub(super) fn deviation(&self, off: f64, place: Place, spread: f64) -> f64 {
        let scale = larger(self.scale, place.least);
        if scale > 0.0 {
            within(off / scale / spread, MOST)
        } else if off == 0.0 {
            0.0
        } else {
            MOST.copysign(off)
        }
    }

    /// Takes the deviation of an interval in, and returns how far out each statistic is.
    pub(super) fn observe(&mut self, deviation: f64, place: Place) -> [f64; STATISTICS] {
        self.shift.observe(deviation, self.doubt(place))
    }

    /// Variance of the line at a place, in that about the line (Montgomery, Peck and Vining 2012, eq. 2.43), and of the
    /// step along it that the group has made.
    fn doubt(&self, place: Place) -> Doubt {
        let variance = self.ridged_variance();
        let lever = |by: f64| if variance > 0.0 { smaller(by * by / variance, FARTHEST) } else { 0.0 };
        let seen = f64::from(self.seen.clamp(1, MEMORY));
        Doubt { place: (1.0 + lever(place.level - self.level)) / seen, step: lever(place.step) / seen }
    }

    /// It was not compared in an interval.
    pub(super) fn pass(&mut self) {
        self.shift.pass();
    }

    /// It is not in the group: what was said of it is over.
    pub(super) fn leave(&mut self) {
        self.shift.pass();
        (self.is_alert, self.calm) = (false, 0);
    }

    /// Learns a place whose deviation is known, or any place while the member is new. `part`: weight beside that of other
    /// intervals, 0..=1.
    pub(super) fn learn(&mut self, place: Place, deviation: f64, part: f64) {
        let weight = if self.seen == 0 { 1.0 } else { part / f64::from(self.seen.min(MEMORY) + 1) };
        let off = if self.is_known() {
            let scale = larger(self.scale, place.least);
            let size = smaller(deviation.abs(), WINSOR) * scale;
            self.scale += weight * (MEAN_TO_DEVIATION * size - self.scale);
            within(deviation, WINSOR) * scale
        } else {
            let off = self.off(place);
            // the first distance says nothing about the deviation
            let weight = if self.seen == 0 { 0.0 } else { 1.0 / f64::from(self.seen) };
            self.scale += weight * (MEAN_TO_DEVIATION * off.abs() - self.scale);
            off
        };
        let from_level = if self.seen == 0 { 0.0 } else { place.level - self.level };
        // as if its distance had been that: a large deviation draws the line no further than a small one
        let from_distance = off + self.slope() * from_level;
        self.distance += weight * from_distance;
        self.level = if self.seen == 0 { place.level } else { self.level + weight * from_level };
        let (square, product) = (from_level * from_level, from_level * from_distance);
        if square <= FARTHEST && product.abs() <= FARTHEST {
            let kept = 1.0 - weight;
            self.level_variance = kept * (self.level_variance + weight * square);
            self.covariance = kept * (self.covariance + weight * product);
        }
        if self.is_known() && !self.is_alert {
            let learned = self.seen.saturating_sub(KNOWN).min(MEMORY);
            self.shift.learn(part / f64::from(learned + FIRST));
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// What was said of it last.
    pub(super) fn stay(&self, deviation: f64) -> PeerVerdict {
        PeerVerdict { is_outlier: self.is_alert, distance: deviation.abs() }
    }

    /// Whether it is an outlier after an interval whose statistics are `found`.
    pub(super) fn judge(&mut self, found: [f64; STATISTICS], thresholds: [f64; STATISTICS]) -> PeerVerdict {
        let (mut reached, mut distance) = (0.0, 0.0);
        for (statistic, threshold) in found.into_iter().zip(thresholds) {
            if statistic / threshold > reached {
                (reached, distance) = (statistic / threshold, statistic);
            }
        }
        if reached >= 1.0 {
            self.is_alert = true;
            self.calm = 0;
        } else if self.is_alert {
            self.calm = if reached < QUIET { self.calm + 1 } else { 0 };
            self.is_alert = self.calm < CALM;
        }
        PeerVerdict { is_outlier: self.is_alert, distance }
    }

    pub(super) const SAVED: usize = 5 * 8 + 3 * 4 + Shift::SAVED;

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.distance, self.level, self.level_variance, self.covariance, self.scale]);
        self.shift.save(w);
        w.u32(self.seen);
        w.u32(u32::from(self.is_alert));
        w.u32(self.calm);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "usual distance of a member";
        let mut usual = Self::NEW;
        let mut numbers = [0.0; 5];
        r.f64s(&mut numbers, WHAT)?;
        [usual.distance, usual.level, usual.level_variance, usual.covariance, usual.scale] = numbers;
        usual.shift = Shift::restore(r)?;
        usual.seen = r.u32(WHAT)?;
        let is_alert = r.u32(WHAT)?;
        usual.calm = r.u32(WHAT)?;
        usual.is_alert = is_alert == 1;
        let is_sound = is_alert <= 1
            && numbers.iter().all(|number| number.is_finite())
            && usual.level_variance >= 0.0
            && usual.scale >= 0.0;
        if is_sound { Ok(usual) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
