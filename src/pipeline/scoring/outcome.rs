//! What one observation yields.

use crate::detector::{NotLearnable, Scores};

/// What one observation yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScoreOutcome {
    /// Scored and learned.
    Scored(Scores),
    /// Learned; the order is not yet chosen, or the model warms up.
    WarmingUp,
    /// Seen before: the scores it had then; none if it was part of the warm-up. Not learned again.
    Repeated(Option<Scores>),
    /// Older than all that is remembered: it may have been seen before. Not learned.
    TooLate,
    /// Neither scored nor learned.
    Refused(ScoreRefusal),
}

/// Why a number was not learned.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ScoreRefusal {
    /// The number itself.
    #[error(transparent)]
    NotLearnable(#[from] NotLearnable),
    /// The number in this series.
    #[error(transparent)]
    Overflow(#[from] crate::detector::Overflow),
}
