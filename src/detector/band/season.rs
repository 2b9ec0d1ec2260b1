//! Which bucket of the season a moment belongs to.

/// How long a pattern takes to repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Seasonality {
    /// The same minute of every hour.
    Hourly,
    /// The same time of every day.
    Daily,
    /// The same time of the same day of every week; weeks start on Monday.
    Weekly,
}

impl Seasonality {
    /// Length of a season in seconds.
    ///
    /// ```
    /// use fluent_anomaly::detectors::Seasonality;
    /// assert_eq!(Seasonality::Daily.seconds(), 86_400);
    /// ```
    #[must_use]
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Hourly => 3_600,
            Self::Daily => 86_400,
            Self::Weekly => 604_800,
        }
    }

    /// The name that queries use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// True where a time zone's daylight saving moves the pattern.
    #[must_use]
    pub const fn follows_local_time(self) -> bool {
        !matches!(self, Self::Hourly)
    }

    /// Bucket of the season, `0..buckets`, of the moment `time` (s, UTC) in a zone `utc_offset` seconds ahead.
    ///
    /// Only the place within the season is local time. Around a clock change an hour of buckets is skipped or
    /// visited twice, and nothing else has to know about it.
    pub(super) fn bucket(self, buckets: u32, time: i64, utc_offset: i32) -> usize {
        // 1 January 1970 was a Thursday: three days after a Monday
        const MONDAY: i64 = 3 * 86_400;
        let local = time.wrapping_add(i64::from(utc_offset));
        // one arm a season, so that the divisors are constants
        let (phase, length) = match self {
            Self::Hourly => (time.rem_euclid(3_600), 3_600),
            Self::Daily => (local.rem_euclid(86_400), 86_400),
            Self::Weekly => (local.wrapping_add(MONDAY).rem_euclid(604_800), 604_800),
        };
        (phase * i64::from(buckets) / length) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 2 November 2026, 00:00 UTC.
    const MONDAY: i64 = 1_793_577_600;

    #[test]
    fn weeks_start_on_monday_of_the_local_calendar() {
        assert_eq!(Seasonality::Weekly.bucket(168, MONDAY, 0), 0);
        assert_eq!(Seasonality::Weekly.bucket(168, MONDAY - 1, 0), 167);
        assert_eq!(Seasonality::Weekly.bucket(168, MONDAY - 3_600, 3_600), 0);
    }

    #[test]
    fn days_are_local_and_hours_are_not() {
        assert_eq!(Seasonality::Daily.bucket(288, MONDAY, 3_600), 12);
        assert_eq!(Seasonality::Daily.bucket(288, MONDAY, -300), 287);
        assert_eq!(Seasonality::Hourly.bucket(60, MONDAY + 90, 1_800), 1);
    }

    #[test]
    fn an_interval_that_does_not_divide_the_season_still_reaches_every_bucket() {
        let buckets = 3_600u32.div_ceil(7);
        let mut seen = vec![0u32; buckets as usize];
        for t in 0..buckets as i64 * 7 {
            seen[Seasonality::Hourly.bucket(buckets, t * 7, 0)] += 1;
        }
        assert!(seen.iter().all(|&n| (5..=9).contains(&n)), "{seen:?}");
    }

    #[test]
    fn times_at_the_ends_of_the_range_have_a_bucket() {
        for season in [Seasonality::Hourly, Seasonality::Daily, Seasonality::Weekly] {
            for time in [i64::MIN, -1, i64::MAX] {
                assert!(season.bucket(7, time, i32::MIN) < 7);
            }
        }
    }
}
