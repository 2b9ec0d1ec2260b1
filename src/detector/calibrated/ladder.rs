//! Calibration ladder: how often did incidents of this raw rarity really happen in this series?
//!
//! Channels that move together, an AR noise, a ramp: raw rarities are not exchangeable everywhere. Each
//! series counts, at a few knots of raw rarity, the incidents that reached it, and reads the true rate from the
//! counts. The prior at a knot (a gamma prior on a Poisson rate) says that raw rarity is right.

use super::order::smaller;
use crate::codec::{CodecError, Reader, Writer};

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

/// Counts of incidents by raw rarity; 88 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ladder {
    /// Points counted, 0..=WINDOW.
    points: u32,
    /// Incidents that reached each knot, 0..=points.
    counts: [u32; KNOTS],
    /// Time at which the incident in progress began, s.
    start_s: f64,
    /// Knots that it has reached, 0..=KNOTS.
    reached: u32,
}

impl Ladder {
    pub(super) const fn new() -> Self {
        Self { points: 0, counts: [0; KNOTS], start_s: f64::NEG_INFINITY, reached: 0 }
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

    /// Counts a point; one that is nothing rare needs no more than this.
    #[inline]
    pub(super) fn count(&mut self) {
        self.points += 1;
        if self.points > WINDOW {
            self.points /= 2;
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
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
        const WHAT: &str = "calibration ladder";
        let mut ladder = Self::new();
        ladder.points = r.u32(WHAT)?;
        for count in &mut ladder.counts {
            *count = r.u32(WHAT)?;
        }
        ladder.start_s = r.f64(WHAT)?;
        ladder.reached = r.u32(WHAT)?;
        let sound = ladder.points <= WINDOW
            && ladder.counts.iter().all(|count| *count <= ladder.points)
            && ladder.reached as usize <= KNOTS
            && ladder.start_s < f64::INFINITY;
        if sound { Ok(ladder) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
