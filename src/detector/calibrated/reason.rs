//! Why a point is rare, in a word and two numbers.

use super::age::{Record, log10};
use super::spec::Tuning;
use crate::detector::min_max::{larger, smaller};
use core::fmt;

/// What a rare point did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReasonKind {
    /// The value, or its step, is unusually high.
    Spike,
    /// The value, or its step, is unusually low.
    Drop,
    /// The mean has moved.
    Level,
    /// The series moves more, or less, than it does.
    Spread,
    /// Ordinary elsewhere, but not at this time of the hour, day or week.
    Rhythm,
    /// The value does not move at all.
    Stuck,
    /// The value has been drifting away for some time.
    Trend,
}

impl ReasonKind {
    /// The stable word for records and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::Level => "level",
            Self::Spread => "spread",
            Self::Rhythm => "rhythm",
            Self::Stuck => "stuck",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an alarming point is rare. Units by kind: the series' own for `Spike`, `Drop`, `Level`, `Rhythm` and `Trend`;
/// mean absolute prediction error for `Spread`; points in a row with the same value for `Stuck`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlarmReason {
    /// What happened.
    pub kind: ReasonKind,
    /// What was seen.
    pub observed: f64,
    /// What is usual.
    pub expected: f64,
}

/// Decades that a plainer reason may lie below the rarest channel and still be given.
const PLAINER: f64 = 1.0;
/// Size of a spread that has its full weight, its own usual deviations: a lull has ten at most, a doubled spread six.
const FULL_SPREAD: f64 = 8.0;
/// Size of a run that has its full weight: this many times as long as the longest.
const FULL_RUN: f64 = 6.0;
/// The same of a stay on one side of the centre.
const FULL_STAY: f64 = 10.0;
/// What is smaller is nothing, however rare its form: usual deviations; ratios of runs.
const LEAST_SIZE: f64 = 0.9;
const LEAST_RATIO: f64 = 1.25;
/// Decades of what is nothing rare, less than any incident has.
const NOTHING: f64 = -99.0;

/// What a record lacks whose size is this share of a full one, decades, at most 0.
#[inline(never)] // speed: most records of a point are none
fn lack_of_size(share: f64, tuning: &Tuning) -> f64 {
    tuning.size_weight * log10(share)
}

/// How large a point's deviation is, by what it is compared with.
pub(super) trait Sizes {
    /// The value from what is usual, usual deviations, 0..
    fn of_value(&self) -> f64;
    /// The value from its place in the season, usual deviations there, 0..
    fn of_season(&self) -> f64;
    /// The moving mean from the usual level, its own usual deviations, 0..
    fn of_mean(&self) -> f64;
    /// The spread from the usual one, its own usual deviations, 0..
    fn of_spread(&self) -> f64;
    /// The run over the longest one so far, 0..
    fn of_run(&self) -> f64;
}

impl Record {
    /// Takes from it what its size lacks.
    #[inline(always)] // speed
    fn weigh(&mut self, size: impl FnOnce() -> f64, least: f64, full: f64, tuning: &Tuning) {
        if self.rarity <= 0.0 {
            self.rarity = NOTHING;
            return;
        }
        let size = size();
        if size < least {
            self.rarity = NOTHING;
        } else if size < full {
            self.rarity += lack_of_size(size / full, tuning);
        }
    }
}

/// Records by kind, in the order in which a person would name them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReasonRarities {
    pub(super) stuck: Record,
    pub(super) spike: Record,
    pub(super) drop: Record,
    /// Of the value alone, without its step.
    pub(super) high: Record,
    pub(super) low: Record,
    pub(super) rhythm: Record,
    pub(super) level: Record,
    pub(super) spread: Record,
}

impl ReasonRarities {
    /// Takes from each kind what its size lacks: nothing that is tiny should alarm because it is rare in form alone.
    /// Only ever less: a bonus for size would make the many large incidents of a series that has them look rare. Of what is
    /// no record no size is asked.
    #[inline(always)] // speed
    pub(super) fn weigh(&mut self, sizes: impl Sizes, tuning: &Tuning) {
        let full = tuning.full_size;
        self.spike.weigh(|| sizes.of_value(), LEAST_SIZE, full, tuning);
        self.drop.weigh(|| sizes.of_value(), LEAST_SIZE, full, tuning);
        self.level.weigh(|| sizes.of_mean(), LEAST_SIZE, full, tuning);
        self.rhythm.weigh(|| sizes.of_season(), LEAST_SIZE, full, tuning);
        self.spread.weigh(|| sizes.of_spread(), LEAST_SIZE, FULL_SPREAD, tuning);
        self.stuck.weigh(|| sizes.of_run(), LEAST_RATIO, FULL_RUN, tuning);
    }

    /// Takes in a stay on one side of the centre that is so many `times` as long as the longest one: a level, whose records
    /// are no drift. True where it is rarer than that of the mean.
    #[inline(always)] // speed
    pub(super) fn weigh_stay(&mut self, stay: Record, times: f64, tuning: &Tuning) -> bool {
        if stay.rarity <= 0.0 || times < LEAST_RATIO {
            return false;
        }
        let rarity = stay.rarity + tuning.size_weight * log10(smaller(times / FULL_STAY, 1.0));
        let is_rarer = rarity > self.level.rarity;
        if is_rarer {
            self.level = Record { rarity, lasts: 0.0 };
        }
        is_rarer
    }

    #[inline(always)] // speed
    pub(super) fn strongest(&self) -> f64 {
        // written out: over an array it is a loop through memory
        let mut most = larger(self.spike.rarity, self.stuck.rarity);
        most = larger(self.drop.rarity, most);
        most = larger(self.rhythm.rarity, most);
        most = larger(self.level.rarity, most);
        larger(self.spread.rarity, most)
    }

    /// The plainest kind that explains the rarity about as well as the rarest channel does, and how long its records
    /// have followed one another, points.
    pub(super) fn kind(&self) -> (ReasonKind, f64) {
        let enough = self.strongest() - PLAINER;
        let jump = if self.spike.rarity >= self.drop.rarity {
            (self.spike, ReasonKind::Spike)
        } else {
            (self.drop, ReasonKind::Drop)
        };
        let ranked = [
            (self.stuck, ReasonKind::Stuck),
            jump,
            (self.rhythm, ReasonKind::Rhythm),
            (self.level, ReasonKind::Level),
        ];
        let plainest = ranked.into_iter().find(|(record, _)| record.rarity >= enough);
        plainest.map_or((ReasonKind::Spread, self.spread.lasts), |(record, kind)| (kind, record.lasts))
    }
}
