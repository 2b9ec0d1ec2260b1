//! A threshold that is crossed as often as a budget says: read from how often each level was crossed so far.
//!
//! Time is cut into blocks. Of each block the highest value counts, at every level that it reaches; so a run of high
//! values counts once. Where a level was crossed too seldom to tell its rate, the tail beyond is read from the blocks that
//! reach its begin: a Weibull tail, whose rate falls as exp(-H (x / x0)^θ) with H = ln of the values for each block that
//! reaches the begin x0 (Beirlant, Goegebeur, Segers and Teugels 2004, section 4.6). Its mean logarithmic rise is 1 / (θ H):
//! θ is 2 for normal values and 1 for an exponential tail; a Pareto tail (Hill 1975) is the limit of small θ. Where the
//! rise of the group's spikes is that of normal values, it counts as so many blocks more ([`NORMAL`]): a rise read from the
//! ten blocks of a first day would be noise. Values without bounds take a Pareto tail as far as spikes are heavier.
//!
//! The rise of the tail is uncertain, so a level is crossed more often than by the rise that is likeliest: with a gamma
//! posterior of k blocks, h likeliest nats lower the rate by (1 + h / k)^-k instead of e^-h (the predictive distribution
//! of an exponential sample). Counts are Poisson with a gamma prior whose mean that is. What lies far above the threshold
//! counts as little above it: else one large incident would raise the threshold for weeks.

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
/// Blocks that the rise of normal values counts as, where spikes rise as normal values do.
const NORMAL: f64 = 30.0;
/// Rise of spikes beside that of normal values: up to the one they count as normal, from the other on as heavy.
const LIGHT: f64 = 1.4;
const HEAVY: f64 = 2.0;
/// Share of the blocks of a tail that counts as independent of the others.
const SURE: f64 = 0.35;
/// ln(sqrt(pi / 2) x) less ln of the statistics that a value has a part in: normal values reach x less often than
/// exp(-x^2 / 2), by that.
const FACTOR: f64 = 0.5;
/// Least depth of a tail, and least θ, where it is Pareto's.
const SHALLOW: f64 = 2.0;
const LEAST_SHAPE: f64 = 0.01;
/// Blocks after which the counts are halved: eight weeks of hours.
const MEMORY: f64 = 1344.0;
/// Blocks before there is a threshold.
const YOUNG: f64 = 24.0;

/// How the rate of a statistic falls beyond what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// A power of the level, unless spikes are those of normal values.
    Pareto,
    /// As the blocks say: a sum of bounded values is lighter.
    Sum,
}

/// What a block is beside others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Intervals of a block.
    pub(super) intervals: u32,
    /// Values of all members in a block.
    pub(super) values: f64,
    /// Share of blocks with an alarm that the budget allows, below 1.
    pub(super) share: f64,
    /// How much spikes are those of normal values, 0..=1.
    pub(super) normality: f64,
}

/// Where the tail of a ladder begins, and how it rises.
struct Begin {
    level: usize,
    /// Blocks that reach it.
    reached: f64,
    /// Mean of the logarithm by which they rise above it.
    rise: f64,
    /// ln of how many values there are for each block that reaches it.
    depth: f64,
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

    /// Takes the highest value of an interval of a statistic with such a tail.
    pub(super) fn observe(&mut self, tail: Tail, highest: f64, block: Block) {
        self.highest = larger(self.highest, highest);
        self.intervals += 1;
        if self.intervals >= block.intervals {
            self.close(tail, block);
        }
    }

    /// Whether it closes a block with the next interval.
    pub(super) fn is_due(&self, intervals: u32) -> bool {
        self.intervals + 1 >= intervals
    }

    /// How much values that rise as these do are normal ones, 0..=1; `values` of a block.
    pub(super) fn normality(&self, values: f64) -> f64 {
        let Begin { rise, depth, .. } = self.begin(values);
        let beside = 2.0 * rise * depth;
        if self.blocks < YOUNG { 0.0 } else { larger(0.0, (HEAVY - larger(beside, LIGHT)) / (HEAVY - LIGHT)) }
    }

    #[inline(never)] // stack
    fn close(&mut self, tail: Tail, block: Block) {
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
            self.threshold = self.find(tail, block);
        }
    }

    fn count(&self, level: usize) -> f64 {
        self.counts.get(level).map_or(0.0, |&count| f64::from(count))
    }

    /// The lowest level that fewer blocks reached.
    fn first_below(&self, least: f64) -> usize {
        (0..LEVELS).find(|&at| self.count(at) < least).unwrap_or(LEVELS)
    }

    fn begin(&self, values: f64) -> Begin {
        let level = self.first_below(TAIL * self.blocks);
        let reached = larger(self.count(level), 1.0);
        // levels are whole ones: the mean of a geometric number of them
        let levels = (level + 1..LEVELS).map(|at| self.count(at)).sum::<f64>() / reached;
        let rise = if levels > 0.0 { libm::log(RATIO) / libm::log(1.0 + 1.0 / levels) } else { 0.0 };
        let share = smaller(reached / larger(self.blocks, 1.0), TAIL);
        let depth = libm::log(larger(values, 1.0) / -libm::log(1.0 - share)) - FACTOR;
        Begin { level, reached, rise, depth: larger(depth, SHALLOW) }
    }

    /// The lowest level that is reached in no more than a share of the blocks.
    fn find(&self, tail: Tail, block: Block) -> f64 {
        let level = |at: usize| LOWEST * libm::pow(RATIO, at as f64);
        // where the tail begins, and where its counts become few
        let Begin { level: start, reached, rise, depth } = self.begin(block.values);
        let end = self.first_below(ENOUGH).saturating_sub(1);
        let known = NORMAL * block.normality;
        let rise = larger((reached * rise + known * 0.5 / depth) / (reached + known), f64::EPSILON);
        let sure = SURE * (reached + known);
        let part = if tail == Tail::Sum { 1.0 } else { block.normality };
        let shape = larger(part / (rise * depth), LEAST_SHAPE);
        // nats from the begin of the tail on
        let fall = |at: usize| {
            let above = libm::log(RATIO) * (at as f64 - start.min(end) as f64);
            (libm::exp(shape * above) - 1.0) / (shape * rise)
        };
        let few = larger(self.count(end), 1.0) / self.blocks;
        let mut below = 1.0;
        for at in 0..LEVELS {
            let mut rate = self.count(at) / self.blocks;
            if at > end {
                let prior = few * libm::pow(1.0 + (fall(at) - fall(end)) / sure, -sure);
                rate = (1.0 + self.count(at)) / (1.0 / prior + self.blocks);
            }
            if rate <= block.share {
                // between this level and the one below, where the rate falls exponentially
                let back =
                    if rate > 0.0 { libm::log(block.share / rate) / libm::log(below / rate) } else { 0.0 };
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
