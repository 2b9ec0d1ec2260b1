//! A group with a budget of alarms instead of a tolerance.
//!
//! Of each member the group learns its own distance from the group's median, how that follows the group's level, and how
//! much it moves, so that hosts need not be equal, and what all of them do at once, a season or a shock, cancels out. Where
//! a shock spreads the members apart, distances count in deviations of that interval, and nothing is learned. The farthest
//! member of each interval goes to a [`Ladder`] by each statistic, which gives the threshold that the whole group crosses
//! as often as its part of the budget says.

use super::ladder::{Block, Ladder};
use super::member::Member;
use super::shift::{PARTS, STATISTICS, TAILS};
use super::sort::{median_of_sorted, sort};
use super::spec::GroupSpec;
use super::usual::{Place, Usual};
use super::{ROUNDING, TO_DEVIATION};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::AlarmBudget;
use crate::detector::min_max::larger;

/// Longest block, s, and blocks that a budget's period has at least.
const BLOCK_S: f64 = 3600.0;
const LEAST_BLOCKS: f64 = 24.0;
/// Part of the budget that each statistic has where values do not scatter as normal ones do.
const EQUAL: f64 = 1.0 / STATISTICS as f64;
/// Smallest deviation of a member, as a share of the median deviation of the members.
const LEAST_SCALE: f64 = 0.25;
/// An interval in which the members are spread so much, usual spreads, says nothing of one of them: at least the one,
/// and 1 more than so many times the error of a median of n.
const APART: f64 = 1.5;
const APART_ERRORS: f64 = 3.5;
/// Spread up to which deviations count as they are.
const UNCERTAIN: f64 = 1.25;

/// State of such a group besides its members.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroupAlarms {
    /// One for each statistic; they share the budget.
    ladders: [Ladder; STATISTICS],
    /// The group's median in the interval before.
    level: Option<f64>,
    /// By the place of the member in the group.
    pub(super) members: Vec<Usual>,
}

impl GroupAlarms {
    pub(super) const fn new() -> Self {
        Self { ladders: [Ladder::NEW; STATISTICS], level: None, members: Vec::new() }
    }

    /// Judges an interval, and gives each of the `members` its verdict; their `values`, NaN for none.
    #[inline(never)] // stack
    pub(super) fn judge(
        &mut self,
        spec: &GroupSpec,
        budget: AlarmBudget,
        values: &[f64],
        members: &mut [Member],
    ) {
        let mut sorted = Vec::new();
        if sorted.try_reserve_exact(values.len()).is_err() {
            return;
        }
        sorted.extend(values.iter().copied().filter(|value| !value.is_nan()));
        sort(&mut sorted);
        let compared = sorted.len() as f64;
        let median = median_of_sorted(&sorted);
        let least = larger(self.usual_scale(&mut sorted) * LEAST_SCALE, ROUNDING * median.abs());
        let step = self.level.replace(median).map_or(0.0, |before| median - before);
        let group = Place { distance: 0.0, level: median, step, least };
        let (shift, spread) = self.interval(values, group, &mut sorted);
        let thresholds = [0, 1, 2, 3].map(|at| self.threshold(at));
        let is_young = thresholds.iter().any(|threshold| threshold.is_infinite());
        let errors = APART_ERRORS / libm::sqrt(values.len() as f64);
        let is_apart = spread > larger(APART, 1.0 + errors);
        // the spread of a few is uncertain, and dividing by it would be noise
        let wide = larger(spread / UNCERTAIN, 1.0);
        let part = if is_apart { 1.0 / (spread * spread) } else { 1.0 };
        let mut highest = [0.0; STATISTICS];
        for ((usual, member), &value) in self.members.iter_mut().zip(members).zip(values) {
            if value.is_nan() {
                usual.leave();
                member.verdict = None;
                continue;
            }
            let place = Place { distance: value - median, ..group };
            let deviation = usual.deviation(usual.off(place) - shift, place, wide);
            // the value of an earlier interval says nothing new
            let is_new = member.absent == 0;
            let verdict = if !usual.is_known() {
                None
            } else if is_apart || !is_new {
                if is_apart {
                    // all of them may be as far off, and for as long as this goes on
                    usual.pass();
                }
                Some(usual.stay(deviation))
            } else {
                let found = usual.observe(deviation, place);
                if !usual.is_alert {
                    let both = highest.iter_mut().zip(found);
                    both.for_each(|(highest, found)| *highest = larger(*highest, found));
                }
                Some(usual.judge(found, thresholds))
            };
            if is_new {
                usual.learn(place, deviation, part);
            }
            member.verdict = verdict.filter(|_| !is_young);
        }
        let interval_s = f64::from(spec.interval_s());
        let block_s = BLOCK_S.min(budget.period_s() / LEAST_BLOCKS);
        let intervals = larger(block_s / interval_s, 1.0) as u32;
        let share = (f64::from(intervals) * interval_s / budget.period_s()).min(0.5);
        let values = compared * f64::from(intervals);
        let [spikes, ..] = &self.ladders;
        let normality = if spikes.is_due(intervals) { spikes.normality(values) } else { 0.0 };
        let block = Block { intervals, values, share, normality };
        let statistics = self.ladders.iter_mut().zip(TAILS).zip(PARTS);
        for (((ladder, tail), part), highest) in statistics.zip(highest) {
            let part = EQUAL + normality * (part - EQUAL);
            ladder.observe(tail, highest, Block { share: share * part, ..block });
        }
    }

    fn threshold(&self, statistic: usize) -> f64 {
        self.ladders.get(statistic).map_or(f64::INFINITY, Ladder::threshold)
    }

    /// The median deviation of the members that are known.
    fn usual_scale(&self, buffer: &mut Vec<f64>) -> f64 {
        buffer.clear();
        buffer.extend(self.members.iter().filter(|member| member.is_known()).map(|member| member.scale));
        sort(buffer);
        median_of_sorted(buffer)
    }

    /// What the known members have in common in this interval: the median of what they are off, and the spread of their
    /// deviations about it where that is larger than usual.
    fn interval(&self, values: &[f64], group: Place, buffer: &mut Vec<f64>) -> (f64, f64) {
        let known = || {
            let both = self.members.iter().zip(values);
            both.filter(|(member, value)| member.is_known() && !value.is_nan()).map(|(member, value)| {
                let place = Place { distance: value - group.level, ..group };
                (member, place, member.off(place))
            })
        };
        buffer.clear();
        buffer.extend(known().map(|(.., off)| off));
        if buffer.len() < 3 {
            return (0.0, 1.0);
        }
        sort(buffer);
        let shift = median_of_sorted(buffer);
        buffer.clear();
        buffer.extend(known().map(|(member, place, off)| member.deviation(off - shift, place, 1.0).abs()));
        sort(buffer);
        (shift, larger(TO_DEVIATION * median_of_sorted(buffer), 1.0))
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        self.ladders.iter().for_each(|ladder| ladder.save(w));
        w.f64(self.level.unwrap_or(f64::NAN));
        self.members.iter().for_each(|member| member.save(w));
    }

    pub(super) fn restore(members: usize, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "level of a group";
        let mut alarms = Self::new();
        for ladder in &mut alarms.ladders {
            *ladder = Ladder::restore(r)?;
        }
        let level = r.f64(WHAT)?;
        if level.is_infinite() {
            return Err(CodecError::Invalid { what: WHAT });
        }
        alarms.level = Some(level).filter(|level| !level.is_nan());
        alarms.members = (0..members).map(|_| Usual::restore(r)).collect::<Result<_, _>>()?;
        Ok(alarms)
    }
}
