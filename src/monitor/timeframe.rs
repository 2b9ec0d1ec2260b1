//! Timeframes such as `last_15m`, and the recovery windows that go with a trigger window.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// Longest trigger or recovery window, s: two weeks.
pub(crate) const LONGEST_ALERT_WINDOW_S: u32 = 14 * 86_400;
/// Longest timeframe that [`Timeframe`] reads, s: 31 days.
pub const LONGEST_TIMEFRAME_S: u32 = 31 * 86_400;

/// A timeframe that ends now: `last_<count><unit>`, unit `s`, `m`, `h`, `d` or `w`.
///
/// It keeps the unit it was written in (`last_60m` prints as such); compare [`Timeframe::seconds`] for length.
///
/// ```
/// use fluent_anomaly::monitors::Timeframe;
/// let window: Timeframe = "last_4h".parse()?;
/// assert_eq!(window.seconds(), 14_400);
/// assert_eq!(window.to_string(), "last_4h");
/// # Ok::<(), fluent_anomaly::monitors::TimeframeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeframe {
    count: u32, // >= 1; count * unit <= LONGEST_TIMEFRAME_S
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
}

impl Unit {
    const ALL: [Unit; 5] = [Unit::Second, Unit::Minute, Unit::Hour, Unit::Day, Unit::Week];

    fn letter(self) -> &'static str {
        match self {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
        }
    }

    fn seconds(self) -> u32 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
            Unit::Day => 86_400,
            Unit::Week => 604_800,
        }
    }
}

/// Why a timeframe cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TimeframeError {
    /// Not of the form `last_<count><unit>`.
    #[error("a timeframe is written last_<number><unit> with the unit s, m, h, d or w, for example last_15m")]
    Form,
    /// Zero, or longer than 31 days.
    #[error("a timeframe is 1 second (last_1s) to 31 days (last_31d) long")]
    Length,
}

impl Timeframe {
    /// A window of `seconds`, written in the largest unit that divides it (days at most).
    ///
    /// # Errors
    /// [`TimeframeError::Length`] for 0 or more than 31 days.
    pub fn from_seconds(seconds: u32) -> Result<Self, TimeframeError> {
        if !(1..=LONGEST_TIMEFRAME_S).contains(&seconds) {
            return Err(TimeframeError::Length);
        }
        let unit = [Unit::Day, Unit::Hour, Unit::Minute]
            .into_iter()
            .find(|unit| seconds.is_multiple_of(unit.seconds()))
            .unwrap_or(Unit::Second);
        Ok(Self { count: seconds / unit.seconds(), unit })
    }

    /// Length in seconds, 1 to 2 678 400.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.count.saturating_mul(self.unit.seconds())
    }
}

impl FromStr for Timeframe {
    type Err = TimeframeError;

    fn from_str(text: &str) -> Result<Self, TimeframeError> {
        let body = text.strip_prefix("last_").ok_or(TimeframeError::Form)?;
        let (unit, digits) = Unit::ALL
            .into_iter()
            .find_map(|unit| body.strip_suffix(unit.letter()).map(|digits| (unit, digits)))
            .ok_or(TimeframeError::Form)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(TimeframeError::Form);
        }
        let count: u32 = digits.parse().map_err(|_| TimeframeError::Length)?;
        match count.checked_mul(unit.seconds()) {
            Some(1..=LONGEST_TIMEFRAME_S) => Ok(Self { count, unit }),
            _ => Err(TimeframeError::Length),
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "last_{}{}", self.count, self.unit.letter())
    }
}

/// The recovery windows that go with a trigger window, in seconds: `(shortest, longest)`.
///
/// A recovery window R with at most the share `recovery` of anomalous points and a trigger window T with at
/// least the share `critical` hold at once when T - R (1 - recovery) >= critical T. So the shortest is
/// `T (1 - critical) / (1 - recovery)` plus one minute, which for `recovery` 0 is Datadog's
/// `T (1 - threshold) + 1 min`; the longest is T. Where the shortest would exceed T, T itself is allowed.
///
/// ```
/// use fluent_anomaly::monitors::recovery_range;
/// assert_eq!(recovery_range(4 * 3600, 0.5, 0.0), (121 * 60, 240 * 60));
/// assert_eq!(recovery_range(4 * 3600, 0.8, 0.0), (49 * 60, 240 * 60));
/// ```
#[must_use]
pub fn recovery_range(trigger_s: u32, critical: f64, recovery: f64) -> (u32, u32) {
    let shortest = f64::from(trigger_s) * (1.0 - critical) / (1.0 - recovery) + 60.0;
    // 1 - 0.8 is a hair below 0.2: a millionth of a second is given away rather than a whole one taken
    let shortest = (shortest - 1e-6).ceil();
    if shortest >= f64::from(trigger_s) || shortest.is_nan() {
        return (trigger_s, trigger_s);
    }
    (shortest as u32, trigger_s)
}

/// Seconds as people say them: `90 s`, `15 min`, `4 h`, `1 h 30 min`, `2 d`.
#[must_use]
pub fn plain_duration(seconds: u64) -> String {
    if seconds < 120 && seconds != 60 {
        return format!("{seconds} s");
    }
    let mut left = seconds;
    let mut parts = Vec::new();
    for (length, name) in [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")] {
        if left >= length {
            parts.push(format!("{} {name}", left / length));
            left %= length;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn timeframes_are_read_in_each_unit() {
        for (text, seconds) in [
            ("last_30s", 30),
            ("last_15m", 900),
            ("last_60m", 3600),
            ("last_4h", 14_400),
            ("last_1d", 86_400),
            ("last_7d", 604_800),
            ("last_1w", 604_800),
        ] {
            let window: Timeframe = text.parse().unwrap();
            assert_eq!(window.seconds(), seconds, "{text}");
            assert_eq!(window.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_timeframe_is_refused() {
        for (text, error) in [
            ("", TimeframeError::Form),
            ("15m", TimeframeError::Form),
            ("last_", TimeframeError::Form),
            ("last_m", TimeframeError::Form),
            ("last_15", TimeframeError::Form),
            ("last_1.5h", TimeframeError::Form),
            ("last_-5m", TimeframeError::Form),
            ("last_+5m", TimeframeError::Form),
            ("last_1mo", TimeframeError::Form),
            ("Last_15m", TimeframeError::Form),
            ("last_0m", TimeframeError::Length),
            ("last_32d", TimeframeError::Length),
            ("last_99999999999999999999m", TimeframeError::Length),
            ("last_4294967295w", TimeframeError::Length),
        ] {
            assert_eq!(text.parse::<Timeframe>(), Err(error), "{text}");
        }
    }

    #[test]
    fn recovery_windows_of_the_documentation() {
        assert_eq!(recovery_range(14_400, 0.5, 0.0), (121 * 60, 240 * 60));
        assert_eq!(recovery_range(14_400, 0.8, 0.0), (49 * 60, 240 * 60));
        assert_eq!(recovery_range(1800, 1.0, 0.0), (60, 1800));
    }

    #[test]
    fn a_threshold_so_low_that_no_minute_is_left_allows_the_trigger_window_itself() {
        assert_eq!(recovery_range(900, 0.05, 0.0), (900, 900));
        assert_eq!(recovery_range(900, 0.5, 1.0), (900, 900));
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 s"),
            (20, "20 s"),
            (60, "1 min"),
            (90, "90 s"),
            (900, "15 min"),
            (5400, "1 h 30 min"),
            (14_400, "4 h"),
            (86_460, "1 d 1 min"),
        ] {
            assert_eq!(plain_duration(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn printed_windows_are_read_back(count in 1u32..44_640, unit in 0usize..5) {
            let text = format!("last_{count}{}", Unit::ALL[unit].letter());
            if let Ok(window) = text.parse::<Timeframe>() {
                prop_assert_eq!(window.to_string(), text);
                let same = Timeframe::from_seconds(window.seconds()).unwrap();
                prop_assert_eq!(same.seconds(), window.seconds());
                prop_assert_eq!(same.to_string().parse::<Timeframe>(), Ok(same));
            } else {
                prop_assert!(u64::from(count) * u64::from(Unit::ALL[unit].seconds()) > u64::from(LONGEST_TIMEFRAME_S));
            }
        }

        /// At the shortest window and above, no pattern of points satisfies both conditions.
        #[test]
        fn alert_and_recovery_never_hold_together(minutes in 5u32..2000, critical in 0.01f64..1.0, recovery in 0.0f64..0.9) {
            prop_assume!(recovery < critical);
            let trigger = minutes * 60;
            let (shortest, longest) = recovery_range(trigger, critical, recovery);
            prop_assert!(shortest <= longest);
            // as many anomalous points as the recovery condition lets pass, one-minute points
            let within = shortest.div_ceil(60);
            let most = (minutes - within) + (f64::from(within) * recovery).floor() as u32;
            prop_assert!(f64::from(most) / f64::from(minutes) < critical || shortest == trigger);
        }
    }
}
