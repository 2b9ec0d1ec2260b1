//! The verdict on one point, and its score.

use super::incident::AlarmEvent;
use super::reason::AlarmReason;

/// Decades that score one half.
const HALF: f64 = 4.0;

/// How rare one point is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rarity {
    /// 0..1: `s / (s + 4)`, where `s` is the log10 of the geometric mean of the return time in points and in
    /// minutes; 0.5 is one in 10 000. A point that only repeats a running incident is not rare any more.
    pub score: f64,
    /// log10 of the points between two incidents as rare as this; 0 for an ordinary point.
    pub log10_points: f64,
    /// log10 of the seconds between two incidents as rare as this, from the series' own point spacing.
    pub log10_s: f64,
    /// As `log10_s`, without the bound of what the series has lived through, once it is two days old: for a judge who
    /// compares many series.
    pub unbounded_log10_s: f64,
    /// The point is rarer than the budget allows for, or continues an alarm by being so.
    pub is_alarm: bool,
    /// An alarm begins or ends here.
    pub alarm: Option<AlarmEvent>,
    /// How far the value is from what is usual (its level, its prediction or its place in the season, whichever is
    /// farthest), in usual deviations, 0..; 0 unless `is_alarm`.
    pub size: f64,
    /// Why; present when `is_alarm`.
    pub reason: Option<AlarmReason>,
}

impl Rarity {
    /// What nearly every point is.
    #[inline(always)] // speed
    pub(super) const fn ordinary(alarm: Option<AlarmEvent>) -> Self {
        Self {
            score: 0.0,
            log10_points: 0.0,
            log10_s: 0.0,
            unbounded_log10_s: 0.0,
            is_alarm: false,
            alarm,
            size: 0.0,
            reason: None,
        }
    }
}

/// What is said of a point, in as few bytes as an ordinary one needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Judged {
    /// Nothing: the series is too young.
    TooYoung,
    /// What nearly every point is, and no alarm ends with it.
    Ordinary,
    /// How rare it is.
    Rare(Rarity),
}

/// Score of a rarity in decades, 0..: of 1 what `HALF` decades leave of it.
pub(super) fn score(decades: f64) -> f64 {
    decades / (decades + HALF)
}
