//! Calibration: how often did incidents of this raw rarity really happen in this series?
//!
//! Channels that move together, an AR noise, a ramp: raw rarities are not exchangeable everywhere. Each
//! series counts, at a few knots of raw rarity, the incidents that reached it, and reads the true rate from the
//! counts. The prior at a knot (a gamma prior on a Poisson rate) says that raw rarity is right.
//!
//! A series' first records are wild: where next to nothing is remembered, anything lies far beyond it. They would
//! stand at the high knots for as long as it takes to count past them, and keep the series quiet. So when a series is
//! as old as a knot's return time, one incident is left there at most: what raw rarity says such a time holds.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::smaller;

const KNOTS: usize = 16;
/// Raw rarity of the first knot and the distance of the next ones, decades: as close as incidents may crowd, or the
/// crowd's rate is given to all between two knots.
const FIRST: f64 = 1.0;
const STEP: f64 = 0.35;
/// 10^-FIRST and 10^STEP.
const FIRST_RATE: f64 = 0.1;
const RATIO: f64 = 2.238_721_138_568_339_6;
/// Weight of the prior at each knot, incidents: where there are few, one.
const WEIGHTS: [f64; KNOTS] =
    [4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
/// Decades by which a knot may be raised above its prior.
const RAISE: f64 = 1.0;
/// Slope between knots, decades per decade of raw rarity: a series that lingers just under a knot that it never
/// reached must not borrow that knot's rarity.
const STEEPEST: f64 = 2.0;
const FLATTEST: f64 = 0.14;
/// Points after which the counts are halved: old habits fade.
const WINDOW: u32 = 400_000;
/// First knot that the first records are forgotten at. What lower knots have counted by their return time is mostly the
/// series' own: to forget that costs false alarms.
const RARE: usize = 8;
/// Return times of the knots from `RARE` on, 10^(FIRST + STEP·j) points, while counts are not yet halved.
const RETURN_TIMES: [u32; 5] = [6_310, 14_125, 31_623, 70_795, 158_489];

/// Counts of incidents by raw rarity; 88 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    /// Points counted, 0..=WINDOW.
    points: u32,
    /// Incidents that reached each knot, 0..=points.
    counts: [u32; KNOTS],
    /// Time at which the incident in progress began, s.
    start_s: f64,
    /// Knots that it has reached, 0..=KNOTS.
    reached: u32,
    /// Points at which counts fade or are forgotten next; follows from `points`, not saved.
    turn_at: u32,
}

impl Calibration {
    pub(super) const fn new() -> Self {
        Self {
            points: 0,
            counts: [0; KNOTS],
            start_s: f64::NEG_INFINITY,
            reached: 0,
            turn_at: RETURN_TIMES[0],
        }
    }

    /// Raw rarity -> -log10 of the rate of incidents that rare, per point; then counts this point. An
    /// incident may rise for `climb_s`.
    pub(super) fn calibrate(&mut self, time_s: f64, raw: f64, hold_s: f64, climb_s: f64) -> f64 {
        // a climb is judged by the incidents before it, not by what it has itself added
        let own = if time_s - self.start_s > climb_s { 0 } else { self.reached as usize };
        let calibrated = if raw > 0.0 { self.look_up(raw, own) } else { 0.0 };
        if raw >= FIRST {
            if time_s - self.start_s > hold_s {
                self.start_s = time_s;
                self.reached = 0;
            }
            while let Some(count) = self.counts.get_mut(self.reached as usize) {
                if raw < FIRST + STEP * f64::from(self.reached) {
                    break;
                }
                *count += 1;
                self.reached += 1;
            }
        }
        self.count();
        calibrated
    }

    /// Holds no time later than `time_s` any more.
    pub(super) fn rewind(&mut self, time_s: f64) {
        self.start_s = smaller(self.start_s, time_s);
    }

    /// Counts a point; one that is nothing rare needs no more than this.
    #[inline]
    pub(super) fn count(&mut self) {
        self.points += 1;
        if self.points >= self.turn_at {
            self.turn();
        }
    }

    #[inline(never)] // speed: rarely needed
    fn turn(&mut self) {
        if self.points > WINDOW {
            self.points /= 2;
            self.counts.iter_mut().for_each(|count| *count /= 2);
        } else if let Some(nth) = RETURN_TIMES.iter().position(|time| *time == self.points) {
            self.counts.iter_mut().skip(RARE + nth).for_each(|count| *count = smaller(*count, 1));
        }
        self.turn_at = next_turn(self.points);
    }

    fn look_up(&self, raw: f64, own: usize) -> f64 {
        let mut prior = FIRST_RATE;
        let mut knot = FIRST;
        let mut step = FIRST;
        let mut below = 0.0;
        for (j, (&count, weight)) in self.counts.iter().zip(WEIGHTS).enumerate() {
            let count = if j < own { count.saturating_sub(1) } else { count };
            let rate = (weight + f64::from(count)) / (weight / prior + f64::from(self.points));
            let mut here = smaller(-libm::log10(rate), knot + RAISE);
            if j > 0 {
                here = here.clamp(below + FLATTEST * STEP, below + STEEPEST * STEP);
            }
            if raw < knot {
                return below + (here - below) * (raw - knot + step) / step;
            }
            below = here;
            prior /= RATIO;
            knot += STEP;
            step = STEP;
        }
        below + (raw - knot + STEP)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u32(self.points);
        self.counts.iter().for_each(|count| w.u32(*count));
        w.f64(self.start_s);
        w.u32(self.reached);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "calibration";
        let mut calibration = Self::new();
        calibration.points = r.u32(WHAT)?;
        for count in &mut calibration.counts {
            *count = r.u32(WHAT)?;
        }
        calibration.start_s = r.f64(WHAT)?;
        calibration.reached = r.u32(WHAT)?;
        let sound = calibration.points <= WINDOW
            && calibration.counts.iter().all(|count| *count <= calibration.points)
            && calibration.reached as usize <= KNOTS
            && calibration.start_s < f64::INFINITY;
        calibration.turn_at = next_turn(calibration.points);
        if sound { Ok(calibration) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}

/// The next number of points at which counts fade or are forgotten.
fn next_turn(points: u32) -> u32 {
    RETURN_TIMES.into_iter().find(|time| *time > points).unwrap_or(WINDOW + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD_S: f64 = 28_800.0;

    /// A calibration that has counted `points`, with an incident of raw rarity 6 at each of the first `wild`.
    fn aged(points: u32, wild: u32) -> Calibration {
        let mut calibration = Calibration::new();
        for i in 0..points {
            let raw = if i < wild { 6.0 } else { 0.0 };
            calibration.calibrate(2.0 * HOLD_S * f64::from(i), raw, HOLD_S, 0.0);
        }
        calibration
    }

    #[test]
    fn return_times_written_out_are_those_of_the_knots() {
        for (j, time) in RETURN_TIMES.into_iter().enumerate() {
            let exact = libm::pow(10.0, FIRST + STEP * (RARE + j) as f64);
            assert_eq!(f64::from(time), libm::round(exact));
            assert!(time < WINDOW / 2, "or it would come again after each halving");
        }
    }

    #[test]
    fn wild_records_of_the_first_minutes_are_forgotten() {
        let (calm, wild) = (aged(200_000, 0), aged(200_000, 5));
        let (calm, wild) = (calm.look_up(4.5, 0), wild.look_up(4.5, 0));
        // five incidents in 200 000 points would be half a decade more
        assert!(calm - wild < 0.31, "{calm} {wild}");
    }

    #[test]
    fn a_restored_ladder_forgets_when_the_first_would() {
        for points in [0, 6_309, 6_310, 200_000, 399_999] {
            let mut calibration = aged(points, 3);
            let mut bytes = Vec::new();
            calibration.save(&mut Writer::new(&mut bytes));
            let mut back = Calibration::restore(&mut Reader::new(&bytes)).unwrap();
            for _ in 0..20_000 {
                calibration.count();
                back.count();
            }
            assert_eq!(calibration, back, "after {points} points");
        }
    }
}
