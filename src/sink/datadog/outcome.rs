//! What became of a shipment: the verdict for the host, and a count for everything that was not sent.

use std::fmt;

/// Why a record or point was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[non_exhaustive]
pub enum UnsentReason {
    /// Bytes that are no record; what stands behind them in the chunk cannot be read either.
    Malformed,
    /// A record with neither `metric` nor a `metric_outlier` or `metric_change`.
    NoMetric,
    /// A record that names a metric but carries no value yet: a score in its warm-up.
    Unscored,
    /// A metric name of which Datadog would keep nothing.
    BadName,
    /// A value that is no number.
    NotANumber,
    /// NaN or an infinity.
    NotFinite,
    /// A `type` other than gauge, count, counter or rate.
    BadType,
    /// A time that is no number of seconds.
    BadTime,
    /// A point more than an hour old: the intake would drop it without a word.
    TooOld,
    /// A point more than ten minutes ahead: likewise.
    TooFarAhead,
    /// A single point larger than the intake takes.
    TooLarge,
    /// A payload that the intake refused as malformed (400).
    Refused,
    /// An event more than 18 hours old, or beyond the thousandth of a chunk.
    EventTooOld,
}

impl UnsentReason {
    /// All reasons, in the order of [`UnsentCounts`].
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::NoMetric,
        Self::Unscored,
        Self::BadName,
        Self::NotANumber,
        Self::NotFinite,
        Self::BadType,
        Self::BadTime,
        Self::TooOld,
        Self::TooFarAhead,
        Self::TooLarge,
        Self::Refused,
        Self::EventTooOld,
    ];

    /// Whether this is a loss to be told; a record in its warm-up has nothing to lose.
    pub fn is_loss(self) -> bool {
        self != Self::Unscored
    }

    fn text(self) -> &'static str {
        match self {
            Self::Malformed => "not a record",
            Self::NoMetric => "without a metric",
            Self::Unscored => "without a value yet",
            Self::BadName => "with an unusable metric name",
            Self::NotANumber => "with a value that is no number",
            Self::NotFinite => "with a NaN or infinite value",
            Self::BadType => "with a type other than gauge, count, counter, rate",
            Self::BadTime => "with an unusable time",
            Self::TooOld => "more than 1 h old",
            Self::TooFarAhead => "more than 10 min ahead",
            Self::TooLarge => "larger than the intake takes",
            Self::Refused => "refused by the intake",
            Self::EventTooOld => "events more than 18 h old or beyond 1000 of a chunk",
        }
    }
}

impl fmt::Display for UnsentReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A count for each [`UnsentReason`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnsentCounts([u64; UnsentReason::ALL.len()]);

impl UnsentCounts {
    /// What was counted for `reason`.
    pub fn get(&self, reason: UnsentReason) -> u64 {
        self.0[reason as usize]
    }

    pub(super) fn add(&mut self, reason: UnsentReason, count: u64) {
        let slot = &mut self.0[reason as usize];
        *slot = slot.saturating_add(count);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for reason in UnsentReason::ALL {
            self.add(reason, other.get(reason));
        }
    }

    /// All that was lost; records in their warm-up do not count.
    pub fn lost(&self) -> u64 {
        UnsentReason::ALL.iter().filter(|r| r.is_loss()).map(|&r| self.get(r)).sum()
    }
}

/// `2 more than 1 h old, 1 with a NaN or infinite value`; `none` when nothing was counted.
impl fmt::Display for UnsentCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for reason in UnsentReason::ALL {
            let count = self.get(reason);
            if count > 0 {
                write!(f, "{}{count} {reason}", if first { "" } else { ", " })?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

/// What the host is to do with the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkVerdict {
    /// Finished: every point was accepted, or counted as dropped.
    Done,
    /// Some points are still to be delivered: give the same chunk again.
    Retry,
    /// Nothing of the chunk could be used or was accepted, and nothing ever will be.
    Failed,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteLevel {
    /// Data is lost or the settings are wrong.
    Error,
    /// Data is late, or some of it was dropped.
    Warn,
    /// Progress.
    Info,
}

/// A line for the host's log. It never holds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// The line, without its end.
    pub text: String,
}

/// What became of one shipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipOutcome {
    /// What the host is to do.
    pub verdict: ChunkVerdict,
    /// Points that the intake accepted now.
    pub sent: u64,
    /// What was given up now, by reason.
    pub dropped: UnsentCounts,
    /// Lines to be logged now; repetitions within a minute are left out.
    pub notes: Vec<Note>,
}

/// What was shipped and dropped since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Points that the intake accepted.
    pub sent: u64,
    /// Requests made.
    pub requests: u64,
    /// Shipments that had to be given again.
    pub retries: u64,
    /// What was given up, by reason.
    pub dropped: UnsentCounts,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, requests, retries, dropped } = self;
        write!(f, "{sent} points accepted in {requests} requests, {retries} retries, dropped: {dropped}")
    }
}

#[cfg(test)]
mod tests {
    use super::{UnsentCounts, UnsentReason};

    #[test]
    fn counts_name_each_reason_and_leave_warm_up_out_of_the_losses() {
        let mut counts = UnsentCounts::default();
        assert_eq!(counts.to_string(), "none");
        counts.add(UnsentReason::TooOld, 2);
        counts.add(UnsentReason::Unscored, 5);
        assert_eq!(counts.to_string(), "5 without a value yet, 2 more than 1 h old");
        assert_eq!(counts.lost(), 2);
        for (place, reason) in UnsentReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
