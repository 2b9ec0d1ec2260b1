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

    /// Takes the point in on one side after the other, up to the first on which it may be rare: that side's number.
    #[inline(always)] // speed
    pub(super) fn first_rare(&mut self, o: &ChannelValues, at: &PointContext) -> usize {
        let [[value, below], [mean, mean_below], [activity, lull], [error, error_below]] = &mut self.channels;
        let y = o.value as f32;
        if !value.takes(y, at.resolution, at.seen) {
            return 0;
        }
        if !below.takes(-y, at.resolution, at.seen) {
            return 1;
        }
        if at.seen >= MEAN_FROM {
            let seen = at.seen - MEAN_FROM;
            let y = o.mean as f32;
            if !mean.takes(y, at.resolution, seen) {
                return 2;
            }
            if !mean_below.takes(-y, at.resolution, seen) {
                return 3;
            }
            let y = positive(o.activity);
            if !activity.takes(y, RATIO * y, seen) {
                return 4;
            }
            if !lull.takes(-y, RATIO * y, seen) {
                return 5;
            }
        }
        if at.seen >= ERROR_FROM {
            let y = single(o.error);
            if !error.takes(y, at.resolution, at.seen - ERROR_FROM) {
                return 6;
            }
            if !error_below.takes(-y, at.resolution, at.seen - ERROR_FROM) {
                return 7;
            }
        }
        if self.run.takes(o.run as f32, 0.0, at.seen) { NONE_RARE } else { RUN_SIDE }
    }

    /// Raw rarities from side `first` on; the sides before it have taken the point in.
    pub(super) fn evidence(
        &mut self,
        first: usize,
        o: &ChannelValues,
        at: &PointContext,
        tuning: &Tuning,
    ) -> ReasonRarities {
        let channels = [
            (o.value as f32, Measure::Linear, 0),
            (o.mean as f32, Measure::Linear, MEAN_FROM),
            (positive(o.activity), Measure::Log, MEAN_FROM),
            (single(o.error), Measure::Linear, ERROR_FROM),
        ];
        let mut rarities = [[Record::NONE; 2]; TWO_SIDED];
        for (bit, (((y, measure, from), [up, down]), rarity)) in
            channels.into_iter().zip(&mut self.channels).zip(&mut rarities).enumerate()
        {
            if first > 2 * bit + 1 || at.seen < from || tuning.channels & (1 << bit) == 0 {
                continue;
            }
            let seen = at.seen - from;
            let resolution = if measure == Measure::Log { RATIO * y } else { at.resolution };
            let on_channel = || {
                let quantum = match (measure, from) {
                    (Measure::Log, _) => 0.0,
                    (_, MEAN_FROM) => at.quantum / at.window,
                    _ => at.quantum,
                };
                PointContext { measure, resolution, seen, quantum, ..*at }
            };
            if first <= 2 * bit && !up.takes(y, resolution, seen) {
                rarity[0] = up.rare(y, Some(down), &on_channel(), tuning);
            }
            if !down.takes(-y, resolution, seen) {
                rarity[1] = down.rare(-y, Some(up), &on_channel(), tuning);
            }
        }
        let stuck = if first > RUN_SIDE || tuning.channels & RUN_BIT == 0 {
            Record::NONE
        } else {
            let at = &PointContext { resolution: 0.0, floor: RUN_FLOOR, quantum: 0.0, ..*at };
            self.run.rarity(o.run as f32, None, at, tuning)
        };
        let [value, mean, activity, error] = rarities;
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

/// Single precision, without infinities.
fn single(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN)), f64::from(f32::MAX)) as f32
}

/// The same of a positive number, which stays positive.
fn positive(value: f64) -> f32 {
    smaller(larger(value, f64::from(f32::MIN_POSITIVE)), f64::from(f32::MAX)) as f32
}
