//! The calibrated score of a point, as records state it.

use crate::detector::calibrated::{AlarmEvent, AlarmReason, Rarity, ReasonKind};

/// Where a run of alarming points begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmEdge {
    /// The alarm begins with this point.
    Start,
    /// The alarm has been quiet long enough: it is over.
    End,
}

/// The calibrated score of a point, as far as it is kept for when the point comes again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// 0..1, see [`Rarity::score`].
    pub score: f64,
    /// Rarer than the budget allows for.
    pub is_alarm: bool,
    /// A run of alarming points begins or ends here.
    pub edge: Option<AlarmEdge>,
    /// Why; present when `is_alarm`.
    pub reason: Option<ReasonKind>,
}

/// The calibrated score of a point. Where the point alarms and came for the first time, also the numbers that say why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anomaly {
    /// Score and alarm.
    pub rating: Rating,
    /// What was seen, what is usual, and how far apart they are.
    pub values: Option<AlarmNumbers>,
}

/// The numbers of an alarming point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlarmNumbers {
    /// What was seen, in the units of the reason.
    pub observed: f64,
    /// What is usual, in the units of the reason.
    pub expected: f64,
    /// See [`Rarity::size`].
    pub size: f64,
    /// See [`Rarity::unbounded_log10_s`].
    pub log10_s: f64,
}

impl From<Rarity> for Anomaly {
    fn from(rarity: Rarity) -> Self {
        let edge = rarity.alarm.map(|event| match event {
            AlarmEvent::Started { .. } => AlarmEdge::Start,
            AlarmEvent::Ended { .. } => AlarmEdge::End,
        });
        let reason = rarity.reason.map(|reason| reason.kind);
        Self {
            rating: Rating { score: rarity.score, is_alarm: rarity.is_alarm, edge, reason },
            values: rarity.reason.map(|AlarmReason { observed, expected, .. }| AlarmNumbers {
                observed,
                expected,
                size: rarity.size,
                log10_s: rarity.unbounded_log10_s,
            }),
        }
    }
}
