//! The periods that a series may have.

/// Gain of a profile from one period to the next, once the mean over the first periods is slower.
pub(super) const GAIN: f64 = 0.15;

pub(super) const DAY_S: f64 = 86_400.0;
/// A period that series are known to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// 3600 s.
    Hour,
    /// 86 400 s.
    Day,
    /// 604 800 s.
    Week,
}

impl Period {
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Length, s.
    #[must_use]
    pub fn seconds(self) -> f64 {
        match self {
            Self::Hour => 3600.0,
            Self::Day => DAY_S,
            Self::Week => 7.0 * DAY_S,
        }
    }

    /// Which of `n` equal parts of the period (UTC) holds this time, 0..n; exact at full seconds.
    pub(super) fn part(self, time_s: f64, n: usize) -> usize {
        let length = self.seconds();
        let into = time_s - (time_s / length).floor() * length;
        ((into * n as f64 / length) as usize).min(n.saturating_sub(1))
    }

    /// Buckets of the full profile: a minute, a quarter of an hour, an hour.
    pub(super) fn buckets(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
            Self::Week => 168,
        }
    }

    /// Coarse bins: five minutes, an hour, six hours.
    pub(super) fn bins(self) -> usize {
        match self {
            Self::Hour => 12,
            Self::Day => 24,
            Self::Week => 28,
        }
    }

    pub(super) fn code(self) -> u8 {
        self as u8
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}
