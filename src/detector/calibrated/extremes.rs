//! All sides of one series: high and low of each channel, and the run. Which may be rare, and how rare they are.

use super::age::{ExtremeSide, Measure, PointContext, Record, WARM_UP};
use super::channels::ChannelValues;
use super::reason::ReasonRarities;
use super::spec::Tuning;
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::min_max::{larger, smaller};

/// Two-sided channels: value, mean, activity, error.
const TWO_SIDED: usize = 4;
/// Shortest longest-run that is told apart, points.
const RUN_FLOOR: f64 = 12.0;
/// Ratios closer to one than this are none.
const RATIO: f32 = 1e-4;
/// Bit of the run in [`Tuning::channels`]; the season's is the next.
pub(super) const RUN_BIT: u32 = 1 << TWO_SIDED;
/// Points from which on a moving mean is one, and an error one of a prediction. Before, a mean is as wild as a single
/// point: the extremes of the first minutes would stand over the channel for weeks.
const MEAN_FROM: u32 = WARM_UP;
const ERROR_FROM: u32 = 1;
/// The spread has a third of a side's weight, in decades: a series changes its spread for many a good reason.
const HANDICAP: f64 = 0.5;
/// Number of the run's side, behind high and low of each channel, and of none.
const RUN_SIDE: usize = 2 * TWO_SIDED;
pub(super) const NONE_RARE: usize = RUN_SIDE + 1;

/// Extremes of every channel but the season's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Extremes {
    /// High and low of each two-sided channel.
    channels: [[ExtremeSide; 2]; TWO_SIDED],
    run: ExtremeSide,
}

impl Extremes {
    pub(super) const fn new() -> Self {
        Self { channels: [const { [const { ExtremeSide::new() }; 2] }; TWO_SIDED], run: ExtremeSide::new() }
    }

    /// Closes the blocks that end before point `t`.
    pub(super) fn close_blocks(&mut self, t: u32, block: u32) {
        self.channels.iter_mut().flatten().for_each(|side| side.close_blocks(t, block));
        self.run.close_blocks(t, block);
    }

    /// The longest run before the one in progress.
    pub(super) fn longest_run(&self) -> f64 {
        f64::from(self.run.before())
    }

    /// Takes the point in on one side after the other, in two memories, up to the first on which it may be rare in one of
    /// them: that side's number. `less` learns no more of any value than `more`.
    #[inline(always)] // speed
    pub(super) fn first_rare(
        less: &mut Self,
        more: &mut Self,
        o: &ChannelValues,
        at: &PointContext,
    ) -> usize {
        let [value, mean, activity, error] = &mut less.channels;
        let [more_value, more_mean, more_activity, more_error] = &mut more.channels;
        let [on_value, on_mean, on_activity, on_error] = on_channels(o, at);
        // written out: a loop over arrays takes an interpreter twice as long
        if !on_value.both_take(UP, value, more_value, at) {
            return 0;
        }
        if !on_value.both_take(DOWN, value, more_value, at) {
            return 1;
        }
        if at.seen >= MEAN_FROM {
            if !on_mean.both_take(UP, mean, more_mean, at) {
                return 2;
            }
            if !on_mean.both_take(DOWN, mean, more_mean, at) {
                return 3;
            }
            if !on_activity.both_take(UP, activity, more_activity, at) {
                return 4;
            }
            if !on_activity.both_take(DOWN, activity, more_activity, at) {
                return 5;
            }
        }
        if at.seen >= ERROR_FROM {
            if !on_error.both_take(UP, error, more_error, at) {
                return 6;
            }
            if !on_error.both_take(DOWN, error, more_error, at) {
                return 7;
            }
        }
        let is_taken = ExtremeSide::both_take(&mut less.run, &mut more.run, o.run as f32, 0.0, at.seen);
        if is_taken { NONE_RARE } else { RUN_SIDE }
    }

    /// Raw rarities from side `first` on; the sides before it have taken the point in.
    #[inline(always)] // speed
    pub(super) fn evidence(
        &mut self,
        first: usize,
        o: &ChannelValues,
        at: &PointContext,
        tuning: &Tuning,
    ) -> ReasonRarities {
        let [value, mean, activity, error] = &mut self.channels;
        let [on_value, on_mean, on_activity, on_error] = on_channels(o, at);
        let value = on_value.evidence(0, value, first, at, tuning);
        let mean = on_mean.evidence(1, mean, first, at, tuning);
        let activity = on_activity.evidence(2, activity, first, at, tuning);
        let error = on_error.evidence(3, error, first, at, tuning);
        let is_quiet = self.run.has_in_block(o.run as f32) || first > RUN_SIDE;
        let stuck = if is_quiet || tuning.channels & RUN_BIT == 0 {
            Record::NONE
        } else {
            let at = &PointContext { resolution: 0.0, floor: RUN_FLOOR, quantum: 0.0, ..*at };
            self.run.rarity(o.run as f32, None, at, tuning)
        };
        let spread = activity[0].rarer(activity[1]);
        ReasonRarities {
            stuck,
            spike: value[0].rarer(error[0]),
            drop: value[1].rarer(error[1]),
            high: value[0],
            low: value[1],
            rhythm: Record::NONE,
            level: mean[0].rarer(mean[1]),
            spread: Record { rarity: larger(spread.rarity - HANDICAP, 0.0), ..spread },
        }
    }

    pub(super) fn save(&self, w: &mut Writer<'_>) {
        self.channels.iter().flatten().for_each(|side| side.save(w));
        self.run.save(w);
    }

    pub(super) fn restore(r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let mut extremes = Self::new();
        for side in extremes.channels.iter_mut().flatten() {
            *side = ExtremeSide::restore(r)?;
        }
        extremes.run = ExtremeSide::restore(r)?;
        Ok(extremes)
    }
}

/// The sides of a channel.
const UP: usize = 0;
const DOWN: usize = 1;

/// A point on one channel.
#[derive(Clone, Copy)]
struct OnChannel {
    y: f32,
    measure: Measure,
    resolution: f32,
    quantum: f64,
    /// Points of the series before the first of the channel.
    from: u32,
}

/// A point on each two-sided channel: value, mean, activity, error.
#[inline(always)] // speed
fn on_channels(o: &ChannelValues, at: &PointContext) -> [OnChannel; TWO_SIDED] {
    let &PointContext { resolution, quantum, window, .. } = at;
    let linear = |y, quantum, from| OnChannel { y, measure: Measure::Linear, resolution, quantum, from };
    let activity = positive(o.activity);
    [
        linear(o.value as f32, quantum, 0),
        linear(o.mean as f32, quantum / window, MEAN_FROM),
        OnChannel {
            y: activity,
            measure: Measure::Log,
            resolution: RATIO * activity,
            quantum: 0.0,
            from: MEAN_FROM,
        },
        linear(single(o.error), quantum, ERROR_FROM),
    ]
}

impl OnChannel {
    /// The number on a side: the low one stores negative numbers.
    #[inline(always)] // speed
    fn on_side(&self, side: usize) -> f32 {
        if side == UP { self.y } else { -self.y }
    }

    /// Whether a side takes it in, in both memories.
    #[inline(always)] // speed
    fn both_take(
        &self,
        side: usize,
        less: &mut [ExtremeSide; 2],
        more: &mut [ExtremeSide; 2],
        at: &PointContext,
    ) -> bool {
        let seen = at.seen - self.from;
        ExtremeSide::both_take(&mut less[side], &mut more[side], self.on_side(side), self.resolution, seen)
    }

    /// What the sides of its channel from number `first` on say of it.
    #[inline(always)] // speed
    fn evidence(
        &self,
        number: usize,
        channel: &mut [ExtremeSide; 2],
        first: usize,
        at: &PointContext,
        tuning: &Tuning,
    ) -> [Record; 2] {
        let [up, down] = channel;
        let is_quiet = up.has_in_block(self.y) && down.has_in_block(-self.y);
        let is_left = first <= 2 * number + 1 && tuning.channels & (1 << number) != 0;
        if is_quiet || !is_left || at.seen < self.from {
            return [Record::NONE; 2];
        }
        let &Self { y, measure, resolution, quantum, from } = self;
        let at = PointContext { measure, resolution, quantum, seen: at.seen - from, ..*at };
        records(channel, first <= 2 * number, y, &at, tuning)
    }
}

/// What the sides of one channel say; `has_high`: the high side has not taken the point in.
#[inline(never)] // speed: a channel of four
fn records(
    [up, down]: &mut [ExtremeSide; 2],
    has_high: bool,
    y: f32,
    at: &PointContext,
    tuning: &Tuning,
) -> [Record; 2] {
    let mut records = [Record::NONE; 2];
    if has_high && !up.takes(y, at.resolution, at.seen) {
        records[UP] = up.rare(y, Some(down), at, tuning);
    }
    if !down.takes(-y, at.resolution, at.seen) {
        records[DOWN] = down.rare(-y, Some(up), at, tuning);
    }
    records
}

/// Single precision, without infinities.
fn single(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN)), f64::from(f32::MAX)) as f32
}

/// The same of a positive number, which stays positive.
fn positive(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN_POSITIVE)), f64::from(f32::MAX)) as f32
}
