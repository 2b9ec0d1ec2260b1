//! Calibration ladder: how often did incidents of this raw rarity really happen in this series?

/// Knots, one every 0.7 decades.
const KNOTS: usize = 8;
const FIRST: f64 = 1.0;
const STEP: f64 = 0.7;
/// Points after which the counts are halved.
const WINDOW: u32 = 400_000;

/// Counts of incidents by raw rarity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ladder {
    /// Points counted, 0..=WINDOW.
    n: u32,
    /// Incidents that reached each knot.
    counts: [u32; KNOTS],
    /// Point at which the incident in progress began.
    start: u32,
    /// Knots that it has reached.
    reached: u32,
}

impl Ladder {
    pub(super) fn new() -> Self {
        Self { n: 0, counts: [0; KNOTS], start: 1 << 31, reached: 0 }
    }

    /// Raw rarity -> -log10 of the rate of incidents that rare, per point; then counts this one.
    pub(super) fn calibrate(&mut self, t: u32, raw: f64, hold: u32) -> f64 {
        let answer = self.look_up(raw);
        self.n += 1;
        if raw >= FIRST {
            if t.wrapping_sub(self.start) > hold {
                self.start = t;
                self.reached = 0;
            }
            while (self.reached as usize) < KNOTS && raw >= knot(self.reached as usize) {
                self.counts[self.reached as usize] += 1;
                self.reached += 1;
            }
        }
        if self.n > WINDOW {
            self.n /= 2;
            self.counts.iter_mut().for_each(|k| *k /= 2);
        }
        answer
    }

    fn look_up(&self, raw: f64) -> f64 {
        if raw < FIRST {
            return if raw <= 0.0 { 0.0 } else { raw * self.rung(0, f64::NEG_INFINITY) / FIRST };
        }
        let mut below = self.rung(0, f64::NEG_INFINITY);
        for j in 1..KNOTS {
            let here = self.rung(j, below);
            if raw < knot(j) {
                return below + (here - below) * (raw - knot(j - 1)) / STEP;
            }
            below = here;
        }
        below + (raw - knot(KNOTS - 1))
    }

    fn rung(&self, j: usize, below: f64) -> f64 {
        let u = knot(j);
        let w = WEIGHT[j];
        let rate = (w + f64::from(self.counts[j])) / (w * RETURN[j] + f64::from(self.n));
        (-libm::log10(rate)).clamp(u - 1.5, u + 0.7).max(below + 0.1)
    }
}

fn knot(j: usize) -> f64 {
    FIRST + STEP * j as f64
}

const WEIGHT: [f64; KNOTS] = [20.0, 20.0, 20.0, 6.0, 2.0, 1.0, 1.0, 1.0];
/// 10^knot
const RETURN: [f64; KNOTS] = [10.0, 50.118723362727, 251.188643150958, 1258.92541179417, 6309.57344480193, 31622.7766016838, 158489.319246111, 794328.234724282];
