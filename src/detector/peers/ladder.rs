//! A threshold that is crossed as often as a budget says: read from how often each level was crossed so far.
//!
//! Time is cut into blocks. Of each block the highest value counts, at every level that it reaches; so a run of high
//! values counts once. Where a level was crossed too seldom to tell its rate, the rate of the levels below goes on
//! falling as fast as it fell there (Pickands 1975). Values without bounds have a Pareto tail, fitted as Hill (1975)
//! does: the same factor for each level. A sum of bounded values has a lighter one, of half that shape: the mean of the
//! logarithms of the Pareto tail and of an exponential one with the mean excess. A Pareto tail puts its threshold a
//! deviation too high, and an exponential one is crossed twice as often as promised (`cargo bench --bench fleet`).
//! Counts are Poisson with a gamma prior whose mean that is. What lies far above the threshold counts as little above
//! it: else one large incident would raise the threshold for weeks.

use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Levels are `LOWEST` · `RATIO`^j.
const LEVELS: usize = 80;
const LOWEST: f64 = 2.0;
const RATIO: f64 = 1.05;
/// Levels above the threshold that a crossing counts at.
const ABOVE: usize = 8;
/// Crossings that tell the rate of a level.
const ENOUGH: f64 = 8.0;
/// Share of blocks at whose level the tail begins.
const TAIL: f64 = 0.4;
/// Largest factor of the rate from one level to the next.
const SLOWEST: f64 = 0.95;
/// Blocks after which the counts are halved: eight weeks of hours.
const MEMORY: f64 = 1344.0;
/// Blocks before there is a threshold.
const YOUNG: f64 = 24.0;

/// How the rate of a statistic falls beyond what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// A power of the level.
    Pareto,
    /// A lighter one, of a sum of bounded values.
    Sum,
}

/// Counts and the threshold that follows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ladder {
    /// Blocks counted, discounted, 0..=MEMORY.
    blocks: f64,
    /// Blocks so far in which each level was reached, discounted.
    counts: [f32; LEVELS],
    /// The block at hand: its highest value and the intervals it has had.
    highest: f64,
    intervals: u32,
    /// Level above which an alarm begins; infinite while the ladder is young.
    threshold: f64,
}

impl Ladder {
    pub(super) const NEW: Self =
        Self { blocks: 0.0, counts: [0.0; LEVELS], highest: 0.0, intervals: 0, threshold: f64::INFINITY };

    /// Level above which an alarm begins.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Takes the highest value of an interval of a statistic with such a tail. `block`: intervals of a block; `share`:
    /// share of blocks with an alarm that the budget allows, below 1.
    pub(super) fn observe(&mut self, tail: Tail, highest: f64, block: u32, share: f64) {
        self.highest = larger(self.highest, highest);
        self.intervals += 1;
        if self.intervals >= block {
            self.close(tail, share);
        }
    }

    #[inline(never)] // stack
    fn close(&mut self, tail: Tail, share: f64) {
        let mut level = LOWEST;
        let mut above = 0;
        for count in &mut self.counts {
            if self.highest < level || above > ABOVE {
                break;
            }
            *count += 1.0;
            above += usize::from(level >= self.threshold);
            level *= RATIO;
        }
        self.blocks += 1.0;
        if self.blocks > MEMORY {
            self.blocks *= 0.5;
            self.counts.iter_mut().for_each(|count| *count *= 0.5);
        }
        (self.highest, self.intervals) = (0.0, 0);
        if self.blocks >= YOUNG {
            self.threshold = self.find(tail, share);
        }
    }

    /// The lowest level that is reached in no more than a share of the blocks.
    fn find(&self, tail: Tail, share: f64) -> f64 {
        // where the tail begins, and where its counts become few
        let level = |at: usize| LOWEST * libm::pow(RATIO, at as f64);
        let count = |at: usize| self.counts.get(at).map_or(0.0, |&count| f64::from(count));
        let first_below = |least: f64| (0..LEVELS).find(|&at| count(at) < least).unwrap_or(LEVELS);
        let end = first_below(ENOUGH).saturating_sub(1);
        let start = first_below(TAIL * self.blocks).min(end);
        // blocks that reach the start rise above it by so many levels on average (Hill 1975), and by so much
        let width = |at: usize| level(at) - level(at - 1);
        let reached = larger(count(start), 1.0);
        let levels = (start + 1..LEVELS).map(count).sum::<f64>() / reached;
        let excess = (start + 1..LEVELS).map(|at| count(at) * width(at)).sum::<f64>() / reached;
        let pareto = levels / (1.0 + levels);
        let fall = |at: usize| {
            let fall = match tail {
                Tail::Pareto => pareto,
                Tail::Sum if excess > 0.0 => libm::sqrt(pareto * libm::exp(-width(at) / excess)),
                Tail::Sum => 0.0,
            };
            smaller(fall, SLOWEST)
        };
        let mut prior = larger(count(end), 1.0) / self.blocks;
        let mut below = 1.0;
        for at in 0..LEVELS {
            let mut rate = count(at) / self.blocks;
            if at > end {
                prior *= fall(at);
                rate = (1.0 + count(at)) / (1.0 / prior + self.blocks);
            }
            if rate <= share {
                // between this level and the one below, where the rate falls exponentially
                let back = if rate > 0.0 { libm::log(share / rate) / libm::log(below / rate) } else { 0.0 };
                return level(at) / libm::pow(RATIO, if back > 0.0 { smaller(back, 1.0) } else { 0.0 });
            }
            below = rate;
        }
        level(LEVELS)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f64s(&[self.blocks, self.highest, self.threshold]);
        w.u32(self.intervals);
        self.counts.iter().for_each(|count| w.f32(*count));
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "threshold of a group";
        let mut ladder = Self::NEW;
        let mut numbers = [0.0; 3];
        r.f64s(&mut numbers, WHAT)?;
        [ladder.blocks, ladder.highest, ladder.threshold] = numbers;
        ladder.intervals = r.u32(WHAT)?;
        for count in &mut ladder.counts {
            *count = r.f32(WHAT)?;
        }
        let is_sound = (0.0..=MEMORY).contains(&ladder.blocks)
            && ladder.highest >= 0.0
            && ladder.threshold > 0.0
            && ladder.counts.iter().all(|count| (0.0..=MEMORY as f32).contains(count));
        if is_sound { Ok(ladder) } else { Err(CodecError::Invalid { what: WHAT }) }
    }
}
