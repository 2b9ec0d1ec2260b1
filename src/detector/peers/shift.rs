//! Whether the latest deviations of a member are a shift: four statistics, since noise differs.
//!
//! Deviations remember: of a deviation d a part ρ is still there in the next interval. What is fresh in each is
//! e = d - ρ d'. A shift by s shows as s in the first fresh deviation and as (1 - ρ) s in each that follows, so the sum
//! that sees it best weighs them so (the matched filter; Basseville and Nikiforov 1993, chapter 2). The sum is taken for
//! each of the latest [`FRESH`] intervals in which a shift may have begun.
//!
//! | statistic | what it sees |
//! |---|---|
//! | the newest fresh deviation | a spike |
//! | the largest sum, deviations up to [`LOOSE`] | a shift in noise without large values |
//! | the largest sum, deviations up to [`TIGHT`] | a shift in noise with large values |
//! | a slow mean, deviations up to [`TIGHT`] | a small shift, within an hour |

use super::ladder::Tail;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller, within};

pub(super) const STATISTICS: usize = 4;
/// A spike is as large as values are. What the tight bound leaves of each value and the slow mean remember too much of
/// what came before: with a tail as the blocks say they alarm four times as often as promised in the first days.
pub(super) const TAILS: [Tail; STATISTICS] = [Tail::Pareto, Tail::Sum, Tail::Pareto, Tail::Pareto];
/// Part of the budget of each where values are normal: there the sum of all of a deviation sees a shift best, and what
/// bounds deviations is of little use.
pub(super) const PARTS: [f64; STATISTICS] = [0.1, 0.65, 0.05, 0.2];
/// Latest intervals in which a shift may have begun.
const FRESH: usize = 15;
/// Largest fresh deviation that a sum takes.
const LOOSE: f64 = 8.0;
const TIGHT: f64 = 2.0;
/// Weight of the newest fresh deviation in the slow mean, and its variance for independent ones.
const SLOW: f64 = 0.05;
const SLOW_VARIANCE: f64 = SLOW / (2.0 - SLOW);
/// A deviation teaches at most so much.
const WINSOR: f64 = 3.0;
/// Largest part that remains: beyond it nothing fresh is left to see.
const MOST_KEPT: f64 = 0.95;
/// Smallest deviation of what is fresh.
const LEAST_FRESH: f64 = 0.1;
const TO_DEVIATION: f64 = super::MEAN_TO_DEVIATION;

/// How well the usual place is known, in the variance of a deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    pub(super) place: f64,
    pub(super) step: f64,
}

/// One member's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shift {
    /// The deviation of the newest interval and of the one before it, where there were any.
    last: Option<f64>,
    before: Option<f64>,
    /// Moments that ρ is read from: the product of neighbours, and the square.
    product: f64,
    square: f64,
    /// Deviation of what is fresh.
    scale: f64,
    slow: f64,
    /// Fresh deviations, in theirs, the newest first.
    fresh: [f32; FRESH],
}

impl Shift {
    pub(super) const NEW: Self = Self {
        last: None,
        before: None,
        product: 0.0,
        square: 1.0,
        scale: 1.0,
        slow: 0.0,
        fresh: [0.0; FRESH],
    };

    /// The part of a deviation that is there in the next interval, 0..=[`MOST_KEPT`].
    fn kept(&self) -> f64 {
        if self.square > 0.0 { larger(0.0, smaller(self.product / self.square, MOST_KEPT)) } else { 0.0 }
    }

    /// Takes the deviation of an interval in. `doubt`: variance of the usual place as far as it is known, and of the step
    /// it has made since the interval before, in that of a deviation. All deviations share the first error, so sums add it
    /// up; the second is one that a shift would begin with.
    pub(super) fn observe(&mut self, deviation: f64, doubt: Doubt) -> [f64; STATISTICS] {
        let kept = self.kept();
        // a deviation that follows none is as large as any
        let fresh = self.last.map_or(deviation, |last| (deviation - kept * last) / self.scale);
        let later = 1.0 - kept;
        // noise that remembers has told the less of the line
        let fresh = fresh / libm::sqrt(1.0 + doubt.step / (later * later));
        (self.before, self.last) = (self.last, Some(deviation));
        self.push(fresh);
        self.slow += SLOW * (within(fresh, TIGHT) - self.slow);
        let [loose, tight] = self.largest_sums(later, doubt.place);
        [fresh.abs(), loose, tight, self.slow.abs() / libm::sqrt(SLOW_VARIANCE + doubt.place)]
    }

    /// An interval without a deviation.
    pub(super) fn pass(&mut self) {
        (self.before, self.last) = (self.last, None);
        self.push(0.0);
    }

    fn push(&mut self, fresh: f64) {
        self.fresh.rotate_right(1);
        if let Some(newest) = self.fresh.first_mut() {
            *newest = fresh as f32;
        }
    }

    /// Sums from each of the latest intervals on, in their own deviations; `later`: weight of all but the first.
    fn largest_sums(&self, later: f64, doubt: f64) -> [f64; 2] {
        let mut largest = [0.0; 2];
        let mut sums = [0.0; 2];
        let (mut squares, mut weights) = (1.0, 1.0);
        for (at, &fresh) in self.fresh.iter().enumerate() {
            let variance = squares + weights * weights * doubt;
            for ((largest, sum), limit) in largest.iter_mut().zip(&mut sums).zip([LOOSE, TIGHT]) {
                let fresh = within(f64::from(fresh), limit);
                let whole = (fresh + later * *sum).abs();
                // the newest alone is a statistic of its own
                if at > 0 && whole * whole > *largest * *largest * variance {
                    *largest = whole / libm::sqrt(variance);
                }
                *sum += fresh;
            }
            squares += later * later;
            weights += later;
        }
        largest
    }

    /// Learns how much remains, and the deviation of what is fresh, from the newest two deviations.
    pub(super) fn learn(&mut self, weight: f64) {
        let (Some(before), Some(last)) = (self.before, self.last) else { return };
        let size = (last - self.kept() * before).abs();
        let size = TO_DEVIATION * smaller(size, WINSOR * self.scale);
        self.scale = larger(self.scale + weight * (size - self.scale), LEAST_FRESH);
        let (before, last) = (within(before, WINSOR), within(last, WINSOR));
        self.product += weight * (last * before - self.product);
        self.square += weight * (last * last - self.square);
    }

    pub(super) const SAVED: usize = 6 * 8 + FRESH * 4;

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        let [last, before] = [self.last, self.before].map(|deviation| deviation.unwrap_or(f64::NAN));
        w.f64s(&[self.product, self.square, self.scale, self.slow, last, before]);
        self.fresh.iter().for_each(|fresh| w.f32(*fresh));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "latest deviations of a member";
        let mut shift = Self::NEW;
        let mut numbers = [0.0; 6];
        r.f64s(&mut numbers, WHAT)?;
        let [product, square, scale, slow, last, before] = numbers;
        let given = |number: f64| Some(number).filter(|number| !number.is_nan());
        (shift.last, shift.before) = (given(last), given(before));
        (shift.product, shift.square, shift.scale, shift.slow) = (product, square, scale, slow);
        for fresh in &mut shift.fresh {
            *fresh = r.f32(WHAT)?;
        }
        let moments = [product, square, scale, slow];
        let is_sound = moments.iter().all(|number| number.is_finite())
            && !last.is_infinite()
            && !before.is_infinite()
            && shift.fresh.iter().all(|fresh| fresh.is_finite())
            && shift.square >= 0.0
            && shift.scale >= LEAST_FRESH;
        if is_sound { Ok(shift) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
