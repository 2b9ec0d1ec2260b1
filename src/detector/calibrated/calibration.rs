//! Calibration: how often did incidents of this raw rarity really happen in this series?
//!
//! Channels that move together, an AR noise, a ramp, what size takes away: raw rarities are not exchangeable
//! everywhere. Each series counts, at a few knots of raw rarity, the incidents that reached it, and reads the true rate
//! from the counts. The prior at a knot (a gamma prior on a Poisson rate) says that raw rarity is right; for alarms it
//! is worth no more than the time whose promise may be spent in advance, and the incident that it adds to those counted
//! is taken back while the series grows old.
//!
//! A series' first records are wild: where next to nothing is remembered, anything lies far beyond it. They would
//! stand at the knots for as long as it takes to count past them, and keep the series quiet. So what the high knots
//! have counted is cut to one incident when the series is as old as a knot's return time (what raw rarity says such a
//! time holds), and what the low knots have counted is halved each time the series has grown four times as old.

use super::age::log10;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

const KNOTS: usize = 34;
/// Knots below the first one of states before version 5.
const ADDED: usize = 3;
/// Raw rarity of the first knot and the distance of the next ones, decades: as close as incidents may crowd, or the
/// crowd's rate is given to all between two knots. What size takes away leads below 0.
const FIRST: f64 = -2.5;
const STEP: f64 = 0.35;
/// 10^STEP.
const RATIO: f64 = 2.238_721_138_568_339_6;
/// Slope between knots, decades per decade of raw rarity: a series that lingers just under a knot that it never
/// reached must not borrow that knot's rarity.
const STEEPEST: f64 = 2.0;
/// Points after which the counts are halved: old habits fade.
const WINDOW: u32 = 400_000;
/// First knot that is high.
const HIGH: usize = 18;
/// Return times of the knots from `HIGH` on, 10^(FIRST + STEP·j) points, while counts are not yet halved.
const RETURN_TIMES: [u32; 5] = [6_310, 14_125, 31_623, 70_795, 158_489];
/// Age up to which the incident that the prior adds to a low knot counts whole, points; then by as much less as the series
/// has grown older.
const PRIOR_POINTS: f64 = 500.0;
/// Ages at which the counts of the low knots are halved, points.
const HALVINGS: [u32; 5] = [375, 1_500, 6_000, 24_000, 96_000];

/// How a calibration counts and reads its counts.
#[derive(Debug)]
pub(super) struct CalibrationRule {
    /// Knots in use: the first, and the one behind the last.
    knots: [usize; 2],
    /// Raw rarity of the first, 10^ that, and the distance below it at which a return time is one point.
    first: f64,
    first_points: f64,
    first_step: f64,
    /// Weight of the prior at the first knot, incidents; half of one less at each next, at least 1.
    weight: f64,
    /// Decades by which a knot may be raised above its prior, and a factor that is surely more.
    raise: f64,
    raised: f64,
    /// Least slope between knots, and a factor that is surely less than from one knot to the next.
    flattest: f64,
    flat: f64,
    /// What decades beyond `FAR` are worth, and the largest raw rarity that is told apart.
    far_worth: f64,
    top: f64,
    /// Most incidents that a high knot forgets: where there are more, they are the series' own.
    forgets: f32,
    /// What low knots have counted fades while the series is young.
    fades: bool,
}

/// Raw rarity from which on decades may be worth less.
const FAR: f64 = 4.0;

/// For alarms. What size takes away leads below 0. What lies far out says only that it is far, and the top knot must
/// tell a series' own large incidents apart.
pub(super) static ALARM: CalibrationRule = CalibrationRule {
    knots: [0, KNOTS],
    first: FIRST,
    first_points: 0.003_162_277_660_168_379_3,
    first_step: STEP,
    weight: 1.0,
    raise: f64::INFINITY,
    raised: f64::INFINITY,
    flattest: 0.03,
    flat: 1.024,
    far_worth: 0.4,
    top: FIRST + STEP * (KNOTS - 1) as f64,
    forgets: 8.0,
    fades: true,
};

/// For the score, whose rarities are whole: sixteen knots from one decade on.
pub(super) static SCORE: CalibrationRule = CalibrationRule {
    knots: [10, 26],
    first: 1.0,
    first_points: 10.0,
    first_step: 1.0,
    weight: 4.0,
    raise: 1.0,
    raised: 10.001,
    flattest: 0.14,
    flat: 1.119,
    far_worth: 1.0,
    top: f64::INFINITY,
    forgets: f32::INFINITY,
    fades: false,
};

/// Counts of incidents by raw rarity; 176 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    /// Points counted, 0..=WINDOW.
    points: u32,
    /// Of these, points that the low knots have forgotten with their incidents, 0..=points.
    faded: u32,
    /// Incidents that reached each knot, discounted, 0..=points.
    counts: [f32; KNOTS],
    /// Time at which the incident in progress began, s.
    start_s: f64,
    /// Knots that it has reached, 0..=KNOTS.
    reached: u32,
    /// Points at which counts fade or are forgotten next; follows from `points`, not saved.
    turn_at: u32,
    common: Common,
}

/// Raw rarities that are surely too common for an alarm: of them nothing need be looked up. Not saved.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Common {
    /// They lie below; at most [`FAR`].
    below: f32,
    /// Return time of which they fall short, points.
    short_of: f32,
    /// Points counted up to which this holds.
    until: u32,
}

impl Common {
    const UNKNOWN: Self = Self { below: f32::NEG_INFINITY, short_of: 0.0, until: 0 };
}

/// What a calibration must know of the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct CalibrationContext {
    /// Latest time, s.
    pub(super) now_s: f64,
    /// Quiet time that separates two incidents, s.
    pub(super) hold_s: f64,
    /// Time for which an incident may rise, s.
    pub(super) climb_s: f64,
    /// Points whose promise may be spent in advance; infinite where the prior counts whole.
    pub(super) advance: f64,
}

impl Calibration {
    pub(super) const fn new() -> Self {
        Self {
            points: 0,
            faded: 0,
            counts: [0.0; KNOTS],
            start_s: f64::NEG_INFINITY,
            reached: 0,
            turn_at: HALVINGS[0],
            common: Common::UNKNOWN,
        }
    }

    /// Raw rarity -> -log10 of the rate of incidents that rare, per point, 0..; then counts this point.
    pub(super) fn calibrate(&mut self, raw: f64, at: &CalibrationContext, rule: &CalibrationRule) -> f64 {
        // a climb is judged by the incidents before it, not by what it has itself added
        let own = if at.now_s - self.start_s > at.climb_s { 0 } else { self.reached as usize };
        let raw = if raw > FAR { smaller(FAR + rule.far_worth * (raw - FAR), rule.top) } else { raw };
        let calibrated =
            if raw > rule.first - rule.first_step { self.look_up(raw, own, at.advance, rule) } else { 0.0 };
        self.learn(raw, at, rule);
        larger(calibrated, 0.0)
    }

    /// Counts a point of this raw rarity, which is at most `FAR` or was drawn in from beyond.
    #[inline(always)] // speed
    pub(super) fn learn(&mut self, raw: f64, at: &CalibrationContext, rule: &CalibrationRule) {
        if raw >= rule.first {
            if at.now_s - self.start_s > at.hold_s {
                self.start_s = at.now_s;
                self.reached = 0;
            }
            while let Some(count) = self.counts.get_mut(self.reached as usize) {
                if raw < FIRST + STEP * f64::from(self.reached) {
                    break;
                }
                *count += 1.0;
                self.reached += 1;
            }
        }
        self.count(rule);
    }

    /// Whether [`calibrate`](Calibration::calibrate) would surely give less than the log10 of `needed` points: then
    /// [`learn`](Calibration::learn) does all that is left of it. False where it might not.
    #[inline(always)] // speed
    pub(super) fn is_common(&mut self, raw: f64, needed: f64, rule: &CalibrationRule) -> bool {
        if self.points >= self.common.until || needed < f64::from(self.common.short_of) {
            self.find_common(needed, rule);
        }
        raw < f64::from(self.common.below)
    }

    /// Walks the knots as [`look_up`](Calibration::look_up) does, with return times instead of their logarithms, and with
    /// bounds from above: a quarter more points, the incident in progress left out, slopes a little steeper.
    #[inline(never)] // speed: rarely needed
    fn find_common(&mut self, needed: f64, rule: &CalibrationRule) {
        const MARGIN: f64 = 0.9;
        const FLATTEST: f64 = 1.03;
        const STEEPEST: f64 = 5.02;
        let more = self.points / 4 + 1;
        let all_points = f64::from(self.points + more);
        let low_points = all_points - f64::from(self.faded);
        let outgrown = outgrown(all_points, rule);
        let short_of = (MARGIN * needed) as f32;
        let [first, end] = rule.knots;
        let (mut knot, mut weight, mut return_points) = (rule.first, rule.weight, rule.first_points);
        let (mut below, mut most) = (f32::NEG_INFINITY, 0.0);
        for (j, &count) in (first..).zip(self.counts.get(first..end).unwrap_or_default()) {
            let (points, outgrown) = if j < HIGH { (low_points, outgrown) } else { (all_points, 0.0) };
            let count = larger(f64::from(count) - 1.0 - outgrown, 0.0);
            let each = (weight * return_points + points) / (weight + count);
            most = if j == first { each } else { smaller(larger(each, FLATTEST * most), STEEPEST * most) };
            if most >= f64::from(short_of) || knot > FAR {
                break;
            }
            below = (knot - 0.001) as f32; // no rounding leads beyond the knot
            return_points *= RATIO;
            knot += STEP;
            weight = larger(weight - 0.5, 1.0);
        }
        self.common = Common { below, short_of, until: self.points + more };
    }

    /// Holds no time later than `time_s` any more.
    pub(super) fn rewind(&mut self, time_s: f64) {
        self.start_s = smaller(self.start_s, time_s);
    }

    /// Counts a point; one that is nothing rare needs no more than this.
    #[inline]
    pub(super) fn count(&mut self, rule: &CalibrationRule) {
        self.points += 1;
        if self.points >= self.turn_at {
            self.turn(rule);
        }
    }

    #[inline(never)] // speed: rarely needed
    fn turn(&mut self, rule: &CalibrationRule) {
        self.common = Common::UNKNOWN;
        if self.points > WINDOW {
            self.points /= 2;
            self.faded /= 2;
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
        } else if let Some(nth) = RETURN_TIMES.iter().position(|time| *time == self.points) {
            let high = self.counts.iter_mut().skip(HIGH + nth).filter(|count| **count <= rule.forgets);
            high.for_each(|count| *count = smaller(*count, 1.0));
        } else if rule.fades && HALVINGS.contains(&self.points) {
            self.counts.iter_mut().take(HIGH).for_each(|count| *count *= 0.5);
            self.faded = faded_after(self.faded, self.points);
        }
        self.turn_at = next_turn(self.points);
    }

    fn look_up(&self, raw: f64, own: usize, advance: f64, rule: &CalibrationRule) -> f64 {
        let all_points = f64::from(self.points);
        let low_points = all_points - f64::from(self.faded);
        // in the long run k incidents in n points are a rate of k/n: of those counted, so much is the prior's
        let outgrown = outgrown(all_points, rule);
        let [first, end] = rule.knots;
        let mut return_points = rule.first_points;
        let mut knot = rule.first;
        let mut step = rule.first_step;
        let mut weight = rule.weight;
        let mut below = 0.0;
        // points an incident up to which a knot is the least that the one below allows
        let mut least_up_to = 0.0;
        for (j, &count) in (first..).zip(self.counts.get(first..end).unwrap_or_default()) {
            let count = f64::from(count) - if j < own { 1.0 } else { 0.0 };
            let (points, outgrown) = if j < HIGH { (low_points, outgrown) } else { (all_points, 0.0) };
            let count = larger(count - outgrown, 0.0);
            // points an incident: where the prior is worth more points than may be spent in advance, it is worth those
            let (all, known) = (weight + count, weight * return_points + points);
            let spent = count * known > all * (points + advance);
            let each = if spent { (points + advance) / count } else { known / all };
            // a logarithm is half of what a knot costs: it is taken where bounds do not tell
            let here = if each <= least_up_to {
                below + rule.flattest * STEP
            } else {
                let raised = knot + rule.raise;
                let told = if each >= rule.raised * return_points { raised } else { log10(each) };
                let here = smaller(told, raised);
                let (least, most) = (below + rule.flattest * STEP, below + STEEPEST * STEP);
                let is_too_steep = j > first && here > most;
                least_up_to = if told < raised && !is_too_steep { rule.flat * each } else { 0.0 };
                // `clamp` is a call
                if is_too_steep {
                    most
                } else if j > first && here < least {
                    least
                } else {
                    here
                }
            };
            if raw < knot {
                return below + (here - below) * (raw - knot + step) / step;
            }
            below = here;
            return_points *= RATIO;
            knot += STEP;
            step = STEP;
            weight = larger(weight - 0.5, 1.0);
        }
        below + (raw - knot + STEP)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.u32(self.points);
        self.counts.iter().for_each(|count| w.f32(*count));
        w.f64(self.start_s);
        w.u32(self.reached);
        w.u32(self.faded);
    }

    /// `whole`: the state holds the lowest knots and what the low ones have forgotten; else the first of its knots stands
    /// for those below.
    pub(super) fn restore(
        r: &mut Reader<'_>,
        whole: bool,
        rule: &CalibrationRule,
    ) -> Result<Self, CodecError> {
        const WHAT: &str = "calibration";
        let mut calibration = Self::new();
        calibration.points = r.u32(WHAT)?;
        let added = if whole { 0 } else { ADDED };
        for count in calibration.counts.iter_mut().skip(added) {
            *count = r.f32(WHAT)?;
        }
        let lowest = calibration.counts.get(added).copied().unwrap_or_default();
        calibration.counts.iter_mut().take(added).for_each(|count| *count = lowest);
        calibration.start_s = r.f64(WHAT)?;
        calibration.reached = r.u32(WHAT)?;
        if whole {
            calibration.faded = r.u32(WHAT)?;
        } else {
            if calibration.reached > 0 {
                calibration.reached = calibration.reached.saturating_add(ADDED as u32);
            }
            let past = HALVINGS.into_iter().filter(|at| *at <= calibration.points);
            calibration.faded = if rule.fades { past.fold(0, faded_after) } else { 0 };
        }
        let most = calibration.points as f32;
        let sound = calibration.points <= WINDOW
            && calibration.faded <= calibration.points
            && calibration.counts.iter().all(|count| (0.0..=most).contains(count))
            && calibration.reached as usize <= KNOTS
            && calibration.start_s < f64::INFINITY;
        calibration.turn_at = next_turn(calibration.points);
        if sound { Ok(calibration) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}

/// How much of an incident is taken from what a low knot has counted, 0..1: the prior's, which the series has outgrown.
fn outgrown(points: f64, rule: &CalibrationRule) -> f64 {
    if rule.fades && points > PRIOR_POINTS { 1.0 - PRIOR_POINTS / points } else { 0.0 }
}

/// Points that the low knots have forgotten once they have halved their counts at so many points.
fn faded_after(faded: u32, points: u32) -> u32 {
    faded + points.saturating_sub(faded) / 2
}

/// The next number of points at which counts fade or are forgotten.
fn next_turn(points: u32) -> u32 {
    RETURN_TIMES.into_iter().chain(HALVINGS).filter(|time| *time > points).min().unwrap_or(WINDOW + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD_S: f64 = 28_800.0;
    const ADVANCE: f64 = 80_640.0;

    fn at(i: u32) -> CalibrationContext {
        let now_s = 2.0 * HOLD_S * f64::from(i);
        CalibrationContext { now_s, hold_s: HOLD_S, climb_s: 0.0, advance: ADVANCE }
    }

    /// A calibration that has counted `points`, with an incident of raw rarity 6 at each of the first `wild`.
    fn aged(points: u32, wild: u32) -> Calibration {
        let mut calibration = Calibration::new();
        for i in 0..points {
            calibration.calibrate(if i < wild { 6.0 } else { -9.0 }, &at(i), &ALARM);
        }
        calibration
    }

    #[test]
    fn return_times_written_out_are_those_of_the_knots() {
        for (j, time) in RETURN_TIMES.into_iter().enumerate() {
            let exact = libm::pow(10.0, FIRST + STEP * (HIGH + j) as f64);
            assert_eq!(f64::from(time), libm::round(exact));
            assert!(time < WINDOW / 2, "or it would come again after each halving");
        }
    }

    #[test]
    fn rules_written_out_agree_with_the_knots() {
        for rule in [&ALARM, &SCORE] {
            assert!((rule.first - (FIRST + STEP * rule.knots[0] as f64)).abs() < 1e-12);
            assert!((libm::log10(rule.first_points) - rule.first).abs() < 1e-12);
        }
        assert!((libm::log10(RATIO) - STEP).abs() < 1e-12);
        for rule in [&ALARM, &SCORE] {
            assert!(libm::log10(rule.flat) < rule.flattest * STEP - 1e-5);
            assert!(rule.raise.is_infinite() || libm::log10(rule.raised) > rule.raise + 1e-5);
        }
    }

    #[test]
    fn where_nothing_was_counted_a_raw_rarity_is_right() {
        for rule in [&ALARM, &SCORE] {
            let calibration = Calibration { points: 100_000, ..Calibration::new() };
            let read = calibration.look_up(2.7, 0, f64::INFINITY, rule);
            assert!(read > 2.6, "{read}: not seen in 100 000 points is at least as rare as promised");
        }
    }

    #[test]
    fn wild_records_of_the_first_minutes_are_forgotten() {
        let (calm, wild) = (aged(200_000, 0), aged(200_000, 5));
        let (calm, wild) = (calm.look_up(4.5, 0, ADVANCE, &ALARM), wild.look_up(4.5, 0, ADVANCE, &ALARM));
        // five incidents in 200 000 points would be half a decade more
        assert!(calm - wild < 0.31, "{calm} {wild}");
    }

    #[test]
    fn a_restored_calibration_forgets_when_the_first_would() {
        for points in [0, 6_309, 6_310, 200_000, 399_999] {
            let mut calibration = aged(points, 3);
            let mut bytes = Vec::new();
            calibration.save(&mut Writer::new(&mut bytes));
            let mut back = Calibration::restore(&mut Reader::new(&bytes), true, &ALARM).unwrap();
            for _ in 0..20_000 {
                calibration.count(&ALARM);
                back.count(&ALARM);
            }
            assert_eq!(calibration, back, "after {points} points");
        }
    }
}
