//! Age of the extreme: how many points have passed since a channel was last this high (or low).
//!
//! For any exchangeable series the chance that the next of A + 1 values is the largest is 1/(A+1), whatever its
//! distribution (Rényi 1962, on records): rarity by counting needs neither scale nor fit. What counting cannot
//! reach, the distance beyond the old extreme, is weighed by a Lomax tail whose mean excess is that of a
//! Gaussian series; the calibration corrects it for every other kind.

use core::f64::consts::LOG10_E;

use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::logarithm::ln;
use crate::detector::min_max::{larger, smaller};

/// Levels of block maxima; each looks back four times as far as the one before.
const LEVELS: usize = 6;
/// Closed blocks a level keeps: with the part that is not closed yet, the four quarters of the next level's block.
const RING: usize = 3;
/// Values a channel must have seen before its extremes mean anything.
pub(super) const WARM_UP: u32 = 30;
/// A point so long ago that no record reaches back to it.
const NEVER: u32 = 1 << 31;
/// Largest distance beyond an extreme, in units of the range; what leaves a constant has it.
const FARTHEST: f64 = 1000.0;

/// Windows after which a climb is learned whole: it is a new level, or a counter.
const WHOLE_AFTER: f64 = 3.0;
/// Windows that separate two incidents that are cut, and points after which such an incident counts half.
const APART: f64 = 16.0;
const HALF_LIFE: f64 = 40_000.0;

/// What a side says of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Record {
    /// log10 of the points since such a value, plus the bonus for its distance; 0 for what is no record.
    pub(super) rarity: f64,
    /// Points since the first of the records that this one follows.
    pub(super) lasts: f64,
}

impl Record {
    pub(super) const NONE: Self = Self { rarity: 0.0, lasts: 0.0 };

    /// The rarer of two.
    pub(super) fn rarer(self, other: Self) -> Self {
        if self.rarity > other.rarity { self } else { other }
    }
}

/// How distances on a channel are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// As differences.
    Linear,
    /// As ratios: the channel is positive.
    Log,
}

/// Everything a side must be told about the moment and its channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct PointContext {
    /// How distances are measured.
    pub(super) measure: Measure,
    /// Differences up to this are none: the data's own resolution, in the channel's units.
    pub(super) resolution: f32,
    /// Points of the moving window.
    pub(super) window: f64,
    /// Smallest step of the channel, in its units: what a record lies beyond the old extreme in steps says little.
    pub(super) quantum: f64,
    /// Records are learned winsorised, so that a large incident does not hide smaller ones after it.
    pub(super) winsorised: bool,
    /// Smallest range of the channel, in its units.
    pub(super) floor: f64,
    /// Points of the series before this one.
    pub(super) t: u32,
    /// Values of this channel before this one.
    pub(super) seen: u32,
}

/// One side (high or low) of one channel; 140 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExtremeSide {
    /// Maximum of the finest block in progress and of the finest ring.
    recent: f32,
    /// Maximum of the finest block in progress.
    current: f32,
    /// Point at which the bases were frozen.
    frozen: u32,
    /// Maxima of each level's last closed blocks, newest first; -inf before there are any.
    rings: [[f32; RING]; LEVELS],
    /// The extremes that a record in progress is measured against, so that a climb of some points counts as one.
    bases: [f32; LEVELS],
    /// Records in progress, by level.
    climbs: [Climb; LEVELS],
    /// Discounted number of incidents that were cut, 0..
    cut: f32,
    /// Point of the latest of them.
    cut_at: u32,
}

/// Records that follow one another within a window, told by the low halves of point numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Climb {
    start: u16,
    last: u16,
}

impl Climb {
    /// Takes in a record at point `t`; points since the first of its kind, up to `LONG`.
    #[inline(always)] // speed
    fn extend(&mut self, t: u32, window: f64) -> f64 {
        const LONG: u16 = 4096;
        let now = t as u16;
        if f64::from(now.wrapping_sub(self.last)) > window {
            self.start = now;
        } else if now.wrapping_sub(self.start) > LONG {
            self.start = now.wrapping_sub(LONG);
        }
        self.last = now;
        f64::from(now.wrapping_sub(self.start))
    }
}

/// The coarsest level that a value exceeds.
#[derive(Clone, Copy)]
struct ExceededLevel {
    level: usize,
    /// Largest value that it remembers, and the extreme that the record is measured against.
    top: f32,
    base: f32,
    /// Values that it remembers, and this one.
    values: f64,
    /// Points since the first of the records that this one follows.
    lasts: f64,
    /// Values of the next level, where one as large is on record.
    on_record: Option<f64>,
}

impl ExtremeSide {
    pub(super) const fn new() -> Self {
        Self {
            recent: f32::NEG_INFINITY,
            current: f32::NEG_INFINITY,
            frozen: NEVER,
            rings: [[f32::NEG_INFINITY; RING]; LEVELS],
            bases: [0.0; LEVELS],
            climbs: [Climb { start: 0, last: 0 }; LEVELS],
            cut: 0.0,
            cut_at: NEVER,
        }
    }

    /// Largest value that one level remembers.
    #[inline(always)] // speed
    fn top(&self, level: usize) -> f32 {
        let mut top = self.current;
        for ring in self.rings.iter().take(level + 1) {
            top = topped(top, ring);
        }
        top
    }

    /// The extreme of all that is remembered, from before the record in progress.
    pub(super) fn before(&self) -> f32 {
        self.bases.into_iter().fold(0.0, larger)
    }

    /// Closes the blocks that end before point `t`; called when `t` is a multiple of `block`.
    #[inline(always)] // speed
    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        if t & (4 * block - 1) == 0 {
            self.close_coarse_blocks(t, block);
        }
        let [newest, middle, _] = self.rings[0];
        self.rings[0] = [self.current, newest, middle];
        self.recent = larger(larger(self.current, newest), middle);
        self.current = f32::NEG_INFINITY;
    }

    /// The same for all levels but the finest, whose blocks they read: before it.
    #[inline(never)] // speed: one time in four
    fn close_coarse_blocks(&mut self, t: u32, block: u32) {
        // a level's block ends only where all finer ones do; coarse levels first, they read the finer rings
        let closing = (1..LEVELS).take_while(|l| t & ((block << (2 * l)) - 1) == 0).count();
        for level in (1..=closing).rev() {
            let max = self.top(level - 1);
            if let Some(ring) = self.rings.get_mut(level) {
                *ring = [max, ring[0], ring[1]];
            }
        }
    }

    /// log10 of the points since such a value, plus the bonus for its distance beyond the old extreme (0 for
    /// what the finest level has seen, and while warming up); then remembers the value. `other` is the opposite
    /// side of the channel.
    #[inline]
    pub(super) fn rarity(
        &mut self,
        y: f32,
        other: Option<&ExtremeSide>,
        at: &PointContext,
        tuning: &Tuning,
    ) -> Record {
        if self.takes(y, at.resolution, at.seen) { Record::NONE } else { self.rare(y, other, at, tuning) }
    }

    /// [`rarity`](ExtremeSide::rarity) of a value that [`takes`](ExtremeSide::takes) has left.
    #[inline(always)] // speed
    pub(super) fn rare(
        &mut self,
        y: f32,
        other: Option<&ExtremeSide>,
        at: &PointContext,
        tuning: &Tuning,
    ) -> Record {
        let (record, learned) = self.record(y, other, at, tuning);
        self.learn(learned);
        record
    }

    /// [`takes`](ExtremeSide::takes) in two memories, of which one learns no more of any value than the other: mostly one
    /// comparison for both. Where one of them leaves the value, the other may have taken it in.
    #[inline(always)] // speed
    pub(super) fn both_take(less: &mut Self, more: &mut Self, y: f32, resolution: f32, seen: u32) -> bool {
        // not `y <= ..`: negated, as it is used, that would be one operation more
        if y > less.current {
            return less.takes(y, resolution, seen) & more.takes(y, resolution, seen);
        }
        true
    }

    /// Whether the finest block in progress has such a value: then [`takes`](ExtremeSide::takes) changes nothing.
    #[inline(always)] // speed
    pub(super) fn has_in_block(&self, y: f32) -> bool {
        y <= self.current
    }

    /// Takes in a value that is nothing rare; one that may be is left to [`ExtremeSide::rarity`], with `false`. Nearly
    /// always one comparison.
    #[inline(always)] // speed
    pub(super) fn takes(&mut self, y: f32, resolution: f32, seen: u32) -> bool {
        if y <= self.current {
            return true;
        }
        let ordinary = y <= self.recent + resolution || seen < WARM_UP;
        if ordinary {
            // beyond `current`, which is less than it
            self.current = y;
            self.recent = larger(y, self.recent);
        }
        ordinary
    }

    #[inline(always)] // speed
    fn learn(&mut self, y: f32) {
        self.current = larger(y, self.current);
        self.recent = larger(y, self.recent);
    }

    /// A value beyond everything that the finest level remembers: the coarsest level that it exceeds says how
    /// rare it is, and the next one, where such a value is on record, how rare at most.
    #[inline(never)] // stack
    fn record(
        &mut self,
        y: f32,
        other: Option<&ExtremeSide>,
        at: &PointContext,
        tuning: &Tuning,
    ) -> (Record, f32) {
        let Some(exceeded) = self.exceed(y, at, tuning) else { return (Record::NONE, y) };
        let ExceededLevel { level, top, base, values, lasts, on_record } = exceeded;
        let opposite = other.map_or(0.0, |other| measured(other.top(level), at.measure));
        let measured_top = measured(top, at.measure);
        let range = larger(measured_top + opposite, at.floor);
        let is_top = at.measure == Measure::Log && base == top; // then it needs no logarithm of its own
        let base = if is_top { measured_top } else { measured(base, at.measure) };
        let measured_y = measured(y, at.measure);
        let beyond = measured_y - base;
        let distance = if range > 0.0 { smaller(beyond / range, FARTHEST) } else { FARTHEST };
        // mean excess of a Gaussian record over n values, in units of the range: 1/(4 ln n) with two sides; one step
        // of coarse data counts as one unit of the tail
        let sides = if other.is_some() { 0.25 } else { 0.5 };
        let ln_values = ln(values);
        let gaussian = tuning.excess * sides / ln_values;
        let mean_excess =
            if range > 0.0 { larger(gaussian, at.quantum / (tuning.shape * range)) } else { gaussian };
        // where each point is a record (a counter, a constant's run), one more of them is nothing rare
        let ln_age = if lasts > at.window { ln(smaller(values, at.window + 1.0)) } else { ln_values };
        let age = LOG10_E * ln_age;
        let rarity = age + tuning.shape * log10(1.0 + distance / (tuning.shape * mean_excess));
        if let Some(values) = on_record {
            let rarity = if is_below_log10(rarity, values) { rarity } else { smaller(rarity, log10(values)) };
            return (Record { rarity, lasts }, y);
        }
        let cut = at.winsorised && range > 0.0 && lasts <= WHOLE_AFTER * at.window;
        let mean_excess = mean_excess * range;
        // what is learned is at least that far out
        let learned = if cut && measured_y > base + tuning.winsor * mean_excess {
            self.winsorise((y, measured_y), base, mean_excess, at, tuning)
        } else {
            y
        };
        (Record { rarity, lasts }, learned)
    }

    /// The coarsest level that a value exceeds, if any. Where no record is in progress, the extremes of all levels become
    /// what it is measured against.
    #[inline(always)] // speed
    fn exceed(&mut self, y: f32, at: &PointContext, tuning: &Tuning) -> Option<ExceededLevel> {
        let thaws = f64::from(at.t.wrapping_sub(self.frozen)) > at.window;
        if thaws {
            self.frozen = at.t;
        }
        let mut exceeded: Option<ExceededLevel> = None;
        let mut finer_reach = 0;
        let mut top = self.current;
        let mut is_open = true;
        let mut levels = self.rings.iter().zip(&mut self.climbs).zip(&mut self.bases).enumerate();
        for (level, ((ring, climb), base)) in levels.by_ref() {
            top = topped(top, ring);
            if thaws {
                *base = top;
            }
            if at.seen <= finer_reach || top == f32::NEG_INFINITY {
                _ = climb.extend(at.t, at.window);
                is_open = false;
                break;
            }
            let block = tuning.block << (2 * level);
            finer_reach = RING as u32 * block + (at.t & (block - 1));
            let values = f64::from(at.seen.min(finer_reach)) + 1.0;
            if y <= top + at.resolution {
                if let Some(exceeded) = &mut exceeded {
                    exceeded.on_record = Some(values);
                }
                break;
            }
            let lasts = climb.extend(at.t, at.window);
            exceeded = Some(ExceededLevel { level, top, base: *base, values, lasts, on_record: None });
        }
        if thaws || !is_open {
            for (_, ((ring, climb), base)) in levels {
                if thaws {
                    top = topped(top, ring);
                    *base = top;
                }
                // a level that is not open yet knows a climb that began before it
                if !is_open {
                    _ = climb.extend(at.t, at.window);
                }
            }
        }
        exceeded
    }

    /// What is learned of a record: no more than `winsor` mean excesses beyond the old extreme. Each incident that is
    /// cut lets the next one teach more, so that series whose incidents are many and large learn them whole.
    fn winsorise(
        &mut self,
        (y, measured_y): (f32, f64),
        base: f64,
        mean_excess: f64,
        at: &PointContext,
        tuning: &Tuning,
    ) -> f32 {
        let since = f64::from(at.t.wrapping_sub(self.cut_at));
        let cut = f64::from(self.cut) * libm::exp2(-since / HALF_LIFE);
        let most = base + tuning.winsor * libm::exp2(tuning.growth * cut) * mean_excess;
        if measured_y <= most {
            return y;
        }
        if since > APART * at.window {
            self.cut = cut as f32 + 1.0;
            self.cut_at = at.t;
        }
        let most = match at.measure {
            Measure::Linear => most,
            Measure::Log if y < 0.0 => -libm::exp(-most),
            Measure::Log => libm::exp(most),
        };
        smaller(most as f32, y)
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f32(self.current);
        w.u32(self.frozen);
        self.rings.iter().flatten().chain(&self.bases).for_each(|v| w.f32(*v));
        self.climbs.iter().for_each(|climb| w.u32(u32::from(climb.start) << 16 | u32::from(climb.last)));
        w.f32(self.cut);
        w.u32(self.cut_at);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "age of extremes";
        let mut side = Self::new();
        side.current = number(r.f32(WHAT)?)?;
        side.frozen = r.u32(WHAT)?;
        for v in side.rings.iter_mut().flatten().chain(&mut side.bases) {
            *v = number(r.f32(WHAT)?)?;
        }
        for climb in &mut side.climbs {
            let both = r.u32(WHAT)?;
            *climb = Climb { start: (both >> 16) as u16, last: both as u16 };
        }
        side.cut = number(r.f32(WHAT)?)?;
        if side.cut < 0.0 {
            return Err(CodecError::Invalid { what: WHAT });
        }
        side.cut_at = r.u32(WHAT)?;
        side.recent = side.rings[0].into_iter().fold(side.current, larger);
        return Ok(side);

        fn number(v: f32) -> Result<f32, CodecError> {
            // -inf stands for "nothing yet"
            if v < f32::INFINITY { Ok(v) } else { Err(CodecError::Invalid { what: WHAT }) }
        }
    }
}

/// The largest of a ring and of what is finer.
#[inline(always)] // speed
fn topped(finer: f32, &[newest, middle, oldest]: &[f32; RING]) -> f32 {
    larger(larger(larger(finer, newest), middle), oldest)
}

/// Decimal logarithm, in fewer steps than the library's.
#[inline]
pub(super) fn log10(x: f64) -> f64 {
    LOG10_E * ln(x)
}

/// Whether `y` is at most log10(n), n from 1 on, as far as the exponent of n tells, which costs no logarithm: log10(n) is
/// at least 0.301 floor(log2 n).
#[inline(always)] // speed
fn is_below_log10(y: f64, n: f64) -> bool {
    let doublings = (n.to_bits() >> 52) as i32 - 1023;
    y <= 0.301 * f64::from(doublings)
}

/// A stored value on the channel's scale; the low side stores negative values.
#[inline(always)] // speed
fn measured(v: f32, measure: Measure) -> f64 {
    match measure {
        Measure::Linear => f64::from(v),
        Measure::Log => measured_as_ratio(f64::from(v)),
    }
}

#[inline(never)] // speed: a channel of four
fn measured_as_ratio(v: f64) -> f64 {
    if v < 0.0 { -ln(-v) } else { ln(larger(v, f64::from(f32::MIN_POSITIVE))) }
}
