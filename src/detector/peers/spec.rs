//! What a group is judged by, and the ranges of its settings.

use thiserror::Error;

use crate::codec::{FloatText, Writer};
use crate::detector::calibrated::AlarmBudget;

/// Most windows that are compared at once.
const MOST_BUCKETS: u32 = 60;

/// How outliers are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAlgorithm {
    /// Members apart from the largest cluster.
    Dbscan,
    /// The same, with a threshold that grows with the magnitude.
    ScaledDbscan,
    /// Members whose values lie far from the median of all.
    Mad,
    /// The same, with a threshold that grows with the magnitude.
    ScaledMad,
}

impl PeerAlgorithm {
    /// Each with its word in a configuration and its word in a query.
    pub const WORDS: [(&'static str, &'static str, Self); 4] = [
        ("dbscan", "DBSCAN", Self::Dbscan),
        ("scaled_dbscan", "scaledDBSCAN", Self::ScaledDbscan),
        ("mad", "MAD", Self::Mad),
        ("scaled_mad", "scaledMAD", Self::ScaledMad),
    ];

    /// The word in a query.
    #[must_use]
    pub fn query_word(self) -> &'static str {
        Self::WORDS.iter().find(|(.., algorithm)| *algorithm == self).map_or("", |(_, word, _)| word)
    }

    /// Whether `percent` means something to it.
    #[must_use]
    pub fn has_percent(self) -> bool {
        matches!(self, Self::Mad | Self::ScaledMad)
    }

    pub(super) fn is_scaled(self) -> bool {
        matches!(self, Self::ScaledDbscan | Self::ScaledMad)
    }
}

/// What makes a member an outlier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerTest {
    /// How outliers are found.
    pub algorithm: PeerAlgorithm,
    /// Deviations that a member may differ, above 0 and at most 1000.
    pub tolerance: f64,
    /// MAD: per cent of its values that must be out, 0 to below 100.
    pub percent: f64,
}

/// By what a group is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GroupTest {
    /// The same distance at all times.
    Fixed(PeerTest),
    /// Alarms of the whole group per time; the distance follows from what is usual.
    Budget(AlarmBudget),
}

/// What all members of a section's groups share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupSpec {
    test: GroupTest,
    interval_s: u32,
    buckets: u32,
    delay_s: u32,
    least_members: u32,
}

/// Why settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum PeerSpecError {
    /// Deviations that a member may differ.
    #[error("a tolerance of {} is not allowed: a number above 0, at most 1000", FloatText(*.0))]
    Tolerance(f64),
    /// Share of values that must be out.
    #[error("{} per cent is not allowed: a number from 0 to below 100", FloatText(*.0))]
    Percent(f64),
    /// Values of a window that are compared.
    #[error("{0} intervals in a window are not allowed: 1 to {MOST_BUCKETS}")]
    Buckets(u32),
    /// Length of an interval, or the wait for late records.
    #[error(
        "an interval of {interval_s} s with a delay of {delay_s} s is not allowed: 1 s to a day, the delay at most the interval"
    )]
    Interval {
        /// Length of an interval.
        interval_s: u32,
        /// Wait for late records.
        delay_s: u32,
    },
    /// Fewer are not compared.
    #[error("a least group of {0} members is not allowed: 3 to 10000")]
    LeastMembers(u32),
}

impl GroupSpec {
    /// Members with a value in each of `buckets` intervals of `interval_s` seconds are compared, `delay_s` seconds after
    /// the last of them ends, where at least `least_members` are there.
    ///
    /// # Errors
    /// [`PeerSpecError`] for the first setting outside of its range.
    pub fn new(
        test: GroupTest,
        interval_s: u32,
        buckets: u32,
        delay_s: u32,
        least_members: u32,
    ) -> Result<Self, PeerSpecError> {
        if let GroupTest::Fixed(test) = test {
            Self::check(test)?;
        } else if buckets != 1 {
            return Err(PeerSpecError::Buckets(buckets));
        }
        if !(1..=MOST_BUCKETS).contains(&buckets) {
            return Err(PeerSpecError::Buckets(buckets));
        }
        if !(1..=86_400).contains(&interval_s) || delay_s > interval_s {
            return Err(PeerSpecError::Interval { interval_s, delay_s });
        }
        if !(3..=10_000).contains(&least_members) {
            return Err(PeerSpecError::LeastMembers(least_members));
        }
        Ok(Self { test, interval_s, buckets, delay_s, least_members })
    }

    fn check(test: PeerTest) -> Result<(), PeerSpecError> {
        // false for NaN, too
        if !(test.tolerance > 0.0 && test.tolerance <= 1000.0) {
            return Err(PeerSpecError::Tolerance(test.tolerance));
        }
        if !(0.0..100.0).contains(&test.percent) {
            return Err(PeerSpecError::Percent(test.percent));
        }
        Ok(())
    }

    /// By what a group is judged.
    #[must_use]
    pub fn test(&self) -> GroupTest {
        self.test
    }

    /// Writes everything that a saved group depends on.
    pub fn put_signature(&self, w: &mut Writer<'_>) {
        match self.test {
            GroupTest::Fixed(test) => {
                let word = PeerAlgorithm::WORDS.iter().find(|(.., algorithm)| *algorithm == test.algorithm);
                w.bytes(word.map_or("", |(word, ..)| word).as_bytes());
                w.f64s(&[test.tolerance, test.percent]);
            }
            // what is learned of a group does not depend on its budget, its threshold does until the next block ends
            GroupTest::Budget(_) => w.bytes(b"budget, 2"),
        }
        for number in [self.interval_s, self.buckets, self.delay_s, self.least_members] {
            w.u32(number);
        }
    }

    /// Length of an interval, s.
    #[must_use]
    pub fn interval_s(&self) -> u32 {
        self.interval_s
    }

    /// Intervals that are compared at once.
    #[must_use]
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// Wait for late records, s.
    #[must_use]
    pub fn delay_s(&self) -> u32 {
        self.delay_s
    }

    /// Fewer members are not compared.
    #[must_use]
    pub fn least_members(&self) -> u32 {
        self.least_members
    }
}

impl std::fmt::Display for GroupSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.test {
            GroupTest::Fixed(PeerTest { algorithm, tolerance, percent }) => {
                write!(f, "{}, tolerance {tolerance}", algorithm.query_word())?;
                if algorithm.has_percent() {
                    write!(f, ", more than {percent} % of the values")?;
                }
            }
            GroupTest::Budget(budget) => {
                write!(f, "one false alarm of the group in {} h", budget.period_s() / 3600.0)?;
            }
        }
        let (buckets, interval_s, delay_s) = (self.buckets, self.interval_s, self.delay_s);
        write!(f, "; windows of {buckets} x {interval_s} s, judged {delay_s} s behind their end, ")?;
        write!(f, "from {} members on", self.least_members)
    }
}
