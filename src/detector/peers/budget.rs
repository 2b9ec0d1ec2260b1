//! A group with a budget of alarms instead of a tolerance.
//!
//! Of each member the group learns its own distance from the group's median and how much that moves, so that hosts need
//! not be equal, and what all of them do at once, a season or a shock, cancels out. Where a shock spreads the members
//! apart, distances count in deviations of that interval. The farthest member of each interval goes to a [`Ladder`],
//! which gives the threshold that the whole group crosses as often as the budget says.

use super::common::PeerVerdict;
use super::ladder::Ladder;
use super::sort::{median_of_sorted, sort};
use super::spec::GroupSpec;
use super::usual::{KNOWN, MEMORY, MOST, Place, USUAL_LEVEL, Usual};
use super::{MEAN_TO_DEVIATION, ROUNDING, TO_DEVIATION};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::AlarmBudget;
use crate::detector::min_max::larger;

/// Longest block, s, and blocks that a budget's period has at least.
const BLOCK_S: f64 = 3600.0;
const LEAST_BLOCKS: f64 = 24.0;
/// Smallest deviation of a member, as a share of the median deviation of the members.
const LEAST_SCALE: f64 = 0.25;
/// No level of the group counts as farther from its mean, deviations.
const FARTHEST: f64 = 1000.0;

/// State of such a group besides its members.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GroupAlarms {
    ladder: Ladder,
    /// Mean of the group's median, its deviation, and the intervals learned.
    level: f64,
    level_scale: f64,
    seen: u32,
    /// By the place of the member in the group.
    pub(super) members: Vec<Usual>,
}

impl GroupAlarms {
    pub(super) const fn new() -> Self {
        Self { ladder: Ladder::NEW, level: 0.0, level_scale: 0.0, seen: 0, members: Vec::new() }
    }

    /// Judges an interval: `values` of the members, NaN for none. `tell` gets each member's verdict.
    #[inline(never)] // stack
    pub(super) fn judge(
        &mut self,
        spec: &GroupSpec,
        budget: AlarmBudget,
        values: &[f64],
        mut tell: impl FnMut(usize, Option<PeerVerdict>),
    ) {
        let mut sorted = Vec::new();
        if sorted.try_reserve_exact(values.len()).is_err() {
            return;
        }
        sorted.extend(values.iter().copied().filter(|value| !value.is_nan()));
        sort(&mut sorted);
        let median = median_of_sorted(&sorted);
        let least = larger(self.usual_scale(&mut sorted) * LEAST_SCALE, ROUNDING * median.abs());
        let group = Place { distance: 0.0, level: self.learn_level(median), least };
        let (shift, spread) = self.interval(values, median, group, &mut sorted);
        let threshold = self.ladder.threshold();
        let mut highest = 0.0;
        for (at, (member, &value)) in self.members.iter_mut().zip(values).enumerate() {
            if value.is_nan() {
                tell(at, None);
                continue;
            }
            let place = Place { distance: value - median, ..group };
            let deviation = ((member.deviation(place) - shift) / spread).clamp(-MOST, MOST);
            if !member.is_known() {
                member.learn(place, deviation);
                tell(at, None);
                continue;
            }
            let farthest = member.observe(deviation);
            member.learn(place, deviation);
            if !member.is_alert {
                highest = larger(highest, farthest);
            }
            tell(at, threshold.is_finite().then(|| member.judge(farthest, threshold)));
        }
        let interval_s = f64::from(spec.interval_s());
        let block_s = BLOCK_S.min(budget.period_s() / LEAST_BLOCKS);
        let block = larger(block_s / interval_s, 1.0) as u32;
        let share = (f64::from(block) * interval_s / budget.period_s()).min(0.5);
        self.ladder.observe(highest, block, share);
    }

    /// Learns the group's median, and tells where it is, in its own deviations from its mean.
    fn learn_level(&mut self, median: f64) -> f64 {
        if self.seen == 0 {
            self.level = median;
        }
        let off = median - self.level;
        let range = USUAL_LEVEL * self.level_scale;
        let is_known = self.level_scale > 0.0;
        let level = if is_known { (off / self.level_scale).clamp(-FARTHEST, FARTHEST) } else { 0.0 };
        let seen = f64::from(self.seen.min(MEMORY) + 1);
        let is_young = self.seen < KNOWN || self.level_scale <= 0.0;
        let off = if is_young { off } else { off.clamp(-range, range) };
        self.level += off / seen;
        self.level_scale += (MEAN_TO_DEVIATION * off.abs() - self.level_scale) / seen;
        self.seen = self.seen.saturating_add(1);
        level
    }

    /// The median deviation of the members that are known.
    fn usual_scale(&self, buffer: &mut Vec<f64>) -> f64 {
        buffer.clear();
        buffer.extend(self.members.iter().filter(|member| member.is_known()).map(|member| member.scale));
        sort(buffer);
        median_of_sorted(buffer)
    }

    /// What the known members have in common in this interval: the median of their deviations, and the spread about it
    /// where that is larger than usual.
    fn interval(&self, values: &[f64], median: f64, group: Place, buffer: &mut Vec<f64>) -> (f64, f64) {
        buffer.clear();
        let known =
            self.members.iter().zip(values).filter(|(member, value)| member.is_known() && !value.is_nan());
        buffer.extend(
            known.map(|(member, value)| member.deviation(Place { distance: value - median, ..group })),
        );
        if buffer.len() < 3 {
            return (0.0, 1.0);
        }
        sort(buffer);
        let shift = median_of_sorted(buffer);
        buffer.iter_mut().for_each(|deviation| *deviation = (*deviation - shift).abs());
        sort(buffer);
        (shift, larger(TO_DEVIATION * median_of_sorted(buffer), 1.0))
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        self.ladder.save(w);
        w.f64s(&[self.level, self.level_scale]);
        w.u32(self.seen);
        self.members.iter().for_each(|member| member.save(w));
    }

    pub(super) fn restore(members: usize, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        const WHAT: &str = "level of a group";
        let mut alarms = Self::new();
        alarms.ladder = Ladder::restore(r)?;
        alarms.level = r.f64(WHAT)?;
        alarms.level_scale = r.f64(WHAT)?;
        alarms.seen = r.u32(WHAT)?;
        let is_sound =
            alarms.level.is_finite() && alarms.level_scale >= 0.0 && alarms.level_scale.is_finite();
        if !is_sound {
            return Err(CodecError::Invalid { what: WHAT });
        }
        alarms.members = (0..members).map(|_| Usual::restore(r)).collect::<Result<_, _>>()?;
        Ok(alarms)
    }
}
