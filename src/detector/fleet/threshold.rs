//! How rare a point must be to alarm, when all series together have one budget.
//!
//! Each series says of a point how rare it is in its own past: log10 of the seconds between two such points. Of n
//! independent series any one is that rare n times as often (Bonferroni), and that is what the threshold begins with. But
//! series depend on each other: where all of them move together, a rare point of one is a rare point of all, once. So the
//! fleet counts blocks of time in which the rarest point of all series reached each of a ladder of rarities, and reads the
//! rate from the counts. A level's prior is the rate of the level below, less a factor of ten a decade: what the low,
//! well counted levels say of the effective number of series (Nyholt 2004 calls it so; here it is measured, not
//! computed from correlations) is carried up to the levels that are rarely reached. Counts are Poisson with a gamma
//! prior, as in the calibrated score.
//!
//! Counts tell what was. Series grow older and know of rarer points, so what was is less than what will be. The threshold
//! therefore follows its own record as well: each incident raises it by a step, and the time that the budget gives an
//! incident lowers it by one, so that over a long time there are as many as the budget says, whatever the series do
//! (Gibbs and Candès 2021, eq. 2, with incidents for errors).

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::AlarmBudget;
use crate::detector::min_max::{larger, smaller, within};

/// log10 s of the first level, and the distance of the next ones, decades.
const FIRST: f64 = 3.5;
const STEP: f64 = 0.25;
const LEVELS: usize = 40;
/// Factor of the rate from one level to the next.
const FALL: f64 = 0.562_341_325_190_349_1;
/// Levels above the threshold at which a point counts: else one large incident would raise it for weeks.
const ABOVE: usize = 4;
/// Share of blocks below which a count tells the rate.
const TELLING: f64 = 0.5;
/// Step of an incident, decades, and the largest sum of such steps.
const GAIN: f64 = 0.1;
const FARTHEST: f64 = 1.0;
/// Longest block, s, and blocks of a budget's period at least.
const BLOCK_S: f64 = 3600.0;
const LEAST_BLOCKS: f64 = 24.0;
/// Blocks after which the counts are halved: eight weeks of hours.
const MEMORY: f64 = 1344.0;

/// Length of the blocks of a budget, s.
pub(super) fn block_s(budget: AlarmBudget) -> f64 {
    smaller(BLOCK_S, budget.period_s() / LEAST_BLOCKS)
}

/// The threshold and the counts it follows from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold {
    /// Blocks counted, discounted, 0..=MEMORY.
    blocks: f64,
    /// Blocks in which each level was reached, discounted.
    counts: [f32; LEVELS],
    /// The rarest point of the block at hand, log10 s, and incidents that began in it.
    rarest: f64,
    began: f64,
    /// What the record of incidents adds to the threshold, decades.
    correction: f64,
    /// log10 s from which on a point alarms.
    log10_s: f64,
}

impl Threshold {
    pub(super) const NEW: Self = Self {
        blocks: 0.0,
        counts: [0.0; LEVELS],
        rarest: 0.0,
        began: 0.0,
        correction: 0.0,
        log10_s: f64::INFINITY,
    };

    /// log10 s from which on a point alarms.
    pub(super) fn log10_s(&self) -> f64 {
        self.log10_s
    }

    /// Counts a point.
    pub(super) fn count(&mut self, log10_s: f64) {
        self.rarest = larger(self.rarest, log10_s);
    }

    /// Counts an incident that begins.
    pub(super) fn begin(&mut self) {
        self.began += 1.0;
    }

    /// Closes `blocks` blocks; `series`: how many there are now.
    pub(super) fn close(&mut self, blocks: f64, budget: AlarmBudget, series: f64) {
        let most = self.log10_s + ABOVE as f64 * STEP;
        let rarest = smaller(self.rarest, most);
        for (at, count) in self.counts.iter_mut().enumerate() {
            if rarest < FIRST + STEP * at as f64 {
                break;
            }
            *count += 1.0;
        }
        let allowed = blocks * block_s(budget) / budget.period_s();
        self.correction = within(self.correction + GAIN * (self.began - allowed), FARTHEST);
        (self.rarest, self.began) = (0.0, 0.0);
        self.blocks += blocks;
        while self.blocks > MEMORY {
            self.blocks *= 0.5;
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
        }
        self.find(budget, series);
    }

    /// The lowest rarity that is reached in no more blocks than the budget allows.
    pub(super) fn find(&mut self, budget: AlarmBudget, series: f64) {
        let block_s = block_s(budget);
        let share = smaller(block_s / budget.period_s(), 0.5);
        // points a block, of all series, as if they were independent
        let mut prior = larger(series, 1.0) * block_s * libm::pow(10.0, -FIRST);
        let mut below = larger(prior, 1.0);
        for (at, &count) in self.counts.iter().enumerate() {
            let rate = smaller((1.0 + f64::from(count)) / (1.0 / prior + self.blocks), below);
            if rate <= share {
                // between this level and the one below, where the rate falls exponentially
                let fall = libm::log10(below / rate);
                let back = if fall > 0.0 { libm::log10(share / rate) / fall } else { 0.0 };
                self.log10_s = FIRST + STEP * (at as f64 - smaller(back, 1.0)) + self.correction;
                return;
            }
            below = rate;
            // a level that nearly every block reaches does not tell how often
            prior = if rate < TELLING { rate } else { prior } * FALL;
        }
        self.log10_s = FIRST + STEP * LEVELS as f64 + self.correction;
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.blocks, self.rarest, self.log10_s, self.began, self.correction]);
        self.counts.iter().for_each(|count| w.f32(*count));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "threshold of a fleet";
        let mut threshold = Self::NEW;
        let mut numbers = [0.0; 5];
        r.f64s(&mut numbers, WHAT)?;
        [threshold.blocks, threshold.rarest, threshold.log10_s, threshold.began, threshold.correction] =
            numbers;
        for count in &mut threshold.counts {
            *count = r.f32(WHAT)?;
        }
        let is_sound = (0.0..=MEMORY).contains(&threshold.blocks)
            && threshold.rarest >= 0.0
            && threshold.log10_s >= 0.0
            && threshold.began >= 0.0
            && threshold.correction.abs() <= FARTHEST
            && threshold.counts.iter().all(|count| (0.0..=MEMORY as f32 + 1.0).contains(count));
        if is_sound { Ok(threshold) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
