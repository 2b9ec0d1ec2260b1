//! The calibrated score of a point, as records state it.

use super::codes::{code, decode};
use crate::codec::{CodecError, Reader, Writer};
use crate::detector::calibrated::{AlarmEvent, AlarmReason, Judged, Rarity, ReasonKind};

/// Where a run of alarming points begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmEdge {
    /// The alarm begins with this point.
    Start,
    /// The alarm has been quiet long enough: it is over.
    End,
}

impl AlarmEdge {
    /// The word for records.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }
}

/// By their codes in the saved state.
const EDGES: [AlarmEdge; 2] = [AlarmEdge::Start, AlarmEdge::End];
const REASONS: [ReasonKind; 7] = [
    ReasonKind::Spike,
    ReasonKind::Drop,
    ReasonKind::Level,
    ReasonKind::Spread,
    ReasonKind::Rhythm,
    ReasonKind::Stuck,
    ReasonKind::Trend,
];

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

impl Rating {
    /// Codes of edge and reason: 0..=2, 0..=7.
    pub(super) fn codes(self) -> (u8, u8) {
        (code(&EDGES, self.edge), code(&REASONS, self.reason))
    }

    /// The inverse of [`Rating::codes`]; `what` is read, for the error.
    ///
    /// # Errors
    /// When one is no code.
    pub(super) fn of_codes(
        score: f64,
        is_alarm: bool,
        (edge, reason): (u8, u8),
        what: &'static str,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            score,
            is_alarm,
            edge: decode(&EDGES, edge, what)?,
            reason: decode(&REASONS, reason, what)?,
        })
    }

    /// Appends all of it.
    pub(super) fn save(self, w: &mut Writer<'_>) {
        let (edge, reason) = self.codes();
        w.f64(self.score);
        w.u8(u8::from(self.is_alarm));
        w.u8(edge);
        w.u8(reason);
    }

    /// The inverse of [`Rating::save`]; `what` is read, for the error.
    ///
    /// # Errors
    /// When the bytes hold what `save` cannot have written.
    pub(super) fn restore(what: &'static str, r: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (score, is_alarm) = (r.f64(what)?, r.u8(what)?);
        if is_alarm > 1 || !(0.0..=1.0).contains(&score) {
            return Err(CodecError::Invalid { what });
        }
        Self::of_codes(score, is_alarm == 1, (r.u8(what)?, r.u8(what)?), what)
    }
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

impl Anomaly {
    /// Takes the verdict on a point; none for a series that is too young.
    #[inline(always)] // speed
    pub(super) fn take(said: &mut Option<Self>, judged: &Judged) {
        match judged {
            Judged::TooYoung => *said = None,
            Judged::Ordinary => {
                let rating = Rating { score: 0.0, is_alarm: false, edge: None, reason: None };
                *said = Some(Self { rating, values: None });
            }
            Judged::Rare(rarity) => Self::take_rare(said, rarity),
        }
    }

    /// Apart: an ordinary point then writes no more than it needs.
    #[inline(never)] // speed: rarely needed
    fn take_rare(said: &mut Option<Self>, rarity: &Rarity) {
        *said = Some(Self::from(*rarity));
    }
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
