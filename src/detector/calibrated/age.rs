//! Age of the extreme: how many points have passed since a channel was last this high (or low).
//!
//! For any exchangeable series the chance that the next of A + 1 values is the largest is 1/(A+1), whatever its
//! distribution: rarity by counting needs neither scale nor fit. What counting cannot reach, the distance beyond
//! the old extreme, is weighed by a Lomax tail (shape 4) whose mean excess each series learns from its own records.

use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};

/// Levels of the ladder of block maxima; each looks back four times as far as the one before.
pub(super) const LEVELS: usize = 4;
/// Blocks a level keeps.
const RING: usize = 4;
/// Values a channel must have seen before its extremes mean anything.
const WARM_UP: u32 = 30;
/// A point so long ago that no incident reaches back to it.
const NEVER: u32 = 1 << 31;

/// What one level knows of one side of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    /// Maxima of the last four blocks, newest first; -inf before there are any.
    ring: [f32; RING],
    /// Largest of the rings of this level and those below.
    top: f32,
    /// Discounted sum of record excesses, in units of the range, 0..
    excess: f32,
    /// Discounted number of records, 0..30.
    records: f32,
    /// Excess of the record that is still open, 0..=EXCESS_CAP.
    open: f32,
    /// Point of the last record.
    last: u32,
    /// Point at which `base` was frozen.
    frozen: u32,
    /// The extreme that a record in progress is measured against.
    base: f32,
}

impl Level {
    const NEW: Self = Self {
        ring: [f32::NEG_INFINITY; RING],
        top: f32::NEG_INFINITY,
        excess: 0.0,
        records: 0.0,
        open: 0.0,
        last: NEVER,
        frozen: NEVER,
        base: f32::NEG_INFINITY,
    };
}

/// One side (high or low) of one channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side {
    /// Maximum of the block in progress.
    current: f32,
    levels: [Level; LEVELS],
}

/// Everything a side must be told about the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Points of the series before this one.
    pub t: u32,
    /// Values of this channel before this one.
    pub seen: u32,
    /// Points that count as one incident.
    pub hold: u32,
}

impl Side {
    pub(super) fn new() -> Self {
        Self { current: f32::NEG_INFINITY, levels: [Level::NEW; LEVELS] }
    }

    /// Largest value that level `l` remembers.
    fn top(&self, l: usize) -> f32 {
        self.levels.get(l).map_or(self.current, |level| self.current.max(level.top))
    }

    /// Largest value in memory: what `reason` reports as expected.
    pub(super) fn extreme(&self) -> f32 {
        self.top(0)
    }

    /// Closes blocks that end before point `t`; called for every side when `t` is a multiple of `block`.
    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        let mut span = block << (2 * (LEVELS - 1));
        for l in (0..LEVELS).rev() {
            if t % span == 0 {
                let mut max = self.current;
                for below in &self.levels[..l] {
                    max = below.ring[..3].iter().fold(max, |m, v| m.max(*v));
                }
                let ring = &mut self.levels[l].ring;
                ring.rotate_right(1);
                ring[0] = max;
            }
            span >>= 2;
        }
        self.current = f32::NEG_INFINITY;
        let mut top = f32::NEG_INFINITY;
        for level in &mut self.levels {
            top = level.ring.iter().fold(top, |m, v| m.max(*v));
            level.top = top;
        }
    }

    /// log10 of the points since such a value, plus the bonus for its distance beyond the old extreme; then
    /// learns the value. `None` while warming up. `floor` bounds the range of a one-sided channel from below.
    pub(super) fn rarity(&mut self, y: f32, other: Option<&Side>, at: Moment, floor: f32, k: &Tuning) -> Option<f64> {
        let rarity = if at.seen >= WARM_UP { Some(self.score(y, other, at, floor, k)) } else { None };
        self.current = self.current.max(y);
        rarity
    }

    fn score(&mut self, y: f32, other: Option<&Side>, at: Moment, floor: f32, k: &Tuning) -> f64 {
        let mut best = f64::INFINITY;
        let mut reached = false;
        let mut answer = f64::NEG_INFINITY;
        let mut reach = 4 * k.block; // points level l looks back
        let current = self.current;
        for l in 0..LEVELS {
            let finer = reach >> 2; // reach of the level below
            if l > 0 && at.seen <= finer + at.t % (finer >> 2) {
                break;
            }
            let level = &mut self.levels[l];
            let top = current.max(level.top);
            let age = libm::log10(f64::from(at.seen.min(reach)) + 1.0);
            if top == f32::NEG_INFINITY {
                break;
            }
            if y <= top {
                best = best.min(age + k.recurrence);
                break;
            }
            reached = true;
            let range = match other {
                Some(other) => top + other.top(l),
                None => top,
            }
            .max(floor);
            if at.t.wrapping_sub(level.frozen) > k.freeze {
                level.base = top;
                level.frozen = at.t;
            }
            let distance =
                if range > 0.0 { f64::from(y - level.base) / f64::from(range) } else { k.no_range };
            let beta = (k.prior_weight * k.prior_excess + f64::from(level.excess))
                / (k.prior_weight + f64::from(level.records));
            let rarity = age + k.shape * libm::log10(1.0 + distance / (k.shape * beta));
            answer = answer.max(rarity);
            let capped = distance.min(k.excess_cap) as f32;
            if at.t.wrapping_sub(level.last) > at.hold {
                level.records = (level.records + 1.0) * (1.0 - 1.0 / 30.0);
                level.excess = (level.excess + capped) * (1.0 - 1.0 / 30.0);
                level.open = capped;
            } else if at.t.wrapping_sub(level.frozen) > 0 {
                level.excess += capped.max(level.open) - level.open;
                level.open = level.open.max(capped);
            } else {
                let grown = (level.open + capped).min(k.excess_cap as f32) - level.open;
                level.excess += grown;
                level.open += grown;
            }
            level.last = at.t;
            reach <<= 2;
        }
        if reached { answer.min(best) } else { 0.0 }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        w.f32(self.current);
        for level in &self.levels {
            level.ring.iter().for_each(|v| w.f32(*v));
            w.f32(level.excess);
            w.f32(level.records);
            w.f32(level.open);
            w.u32(level.last);
            w.u32(level.frozen);
            w.f32(level.base);
        }
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "age of extremes";
        let mut side = Self::new();
        side.current = not_nan(r, what)?;
        let mut top = f32::NEG_INFINITY;
        for level in &mut side.levels {
            for v in &mut level.ring {
                *v = not_nan(r, what)?;
                top = top.max(*v);
            }
            level.top = top;
            level.excess = not_nan(r, what)?;
            level.records = not_nan(r, what)?;
            level.open = not_nan(r, what)?;
            level.last = r.u32(what)?;
            level.frozen = r.u32(what)?;
            level.base = not_nan(r, what)?;
        }
        Ok(side)
    }
}

fn not_nan(r: &mut Reader<'_>, what: &'static str) -> Result<f32, CodecError> {
    let v = r.f32(what)?;
    if v.is_nan() { Err(CodecError::Invalid { what }) } else { Ok(v) }
}
