//! Why a point is rare, in a word and two numbers.

use crate::detector::min_max::larger;
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
        }
    }
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an alarming point is rare. Units by kind: the series' own for `Spike`, `Drop`, `Level` and `Rhythm`;
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

/// Raw rarities by kind, in the order in which a person would name them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReasonRarities {
    pub(super) stuck: f64,
    pub(super) spike: f64,
    pub(super) drop: f64,
    pub(super) rhythm: f64,
    pub(super) level: f64,
    pub(super) spread: f64,
}

impl ReasonRarities {
    pub(super) fn strongest(&self) -> f64 {
        [self.spike, self.drop, self.rhythm, self.level, self.spread].into_iter().fold(self.stuck, larger)
    }

    /// The plainest kind that explains the rarity about as well as the rarest channel does.
    pub(super) fn kind(&self) -> ReasonKind {
        let enough = self.strongest() - PLAINER;
        let ranked = [
            (self.stuck, ReasonKind::Stuck),
            (
                larger(self.spike, self.drop),
                if self.spike >= self.drop { ReasonKind::Spike } else { ReasonKind::Drop },
            ),
            (self.rhythm, ReasonKind::Rhythm),
            (self.level, ReasonKind::Level),
        ];
        ranked.into_iter().find(|(rarity, _)| *rarity >= enough).map_or(ReasonKind::Spread, |(_, kind)| kind)
    }
}
