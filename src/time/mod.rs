//! Event time: nanoseconds since 1970-01-01 UTC.

mod clock_doubt;
mod date;
mod field;
#[cfg(feature = "datadog")]
mod http_date;

pub(crate) use clock_doubt::{ClockDoubt, StepDoubt};
pub use date::utc_text;
pub(crate) use date::{date_of, days_since_1970};
#[cfg(feature = "datadog")]
pub(crate) use http_date::retry_after_s;

/// The instant that a text names, in UTC when it gives no offset; `None` for anything else, such as a 31 February.
#[cfg(feature = "companion")]
#[must_use]
pub fn parse_date(text: &str) -> Option<Time> {
    date::parse(text)
}

/// The clock of a host. It bounds the times that records may state; no score depends on it.
pub trait HostClock: Send {
    /// The time of day; `None` where the host does not know it.
    fn now(&mut self) -> Option<Time>;
}

/// An instant of event time. It comes with the record or its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

const NANOS: i64 = 1_000_000_000;

impl Time {
    /// Before every other.
    pub const MIN: Self = Self(i64::MIN);
    /// After every other.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole nanoseconds since 1970, any sign.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since 1970; clamped to the years 1677..2262 that fit.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS))
    }

    /// From the two numbers that Fluent Bit hands to a filter.
    #[must_use]
    pub const fn from_parts(seconds: u32, nanos: u32) -> Self {
        Self(seconds as i64 * NANOS + nanos as i64)
    }

    /// From a number of seconds as records hold it; `None` unless it is finite and within the years 1677..2262.
    #[must_use]
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        // whole and fractional part apart: a product of 1.7e9 s and 1e9 has no bits left for nanoseconds
        let whole = seconds.floor();
        if !(-9.2e9..=9.2e9).contains(&whole) {
            return None;
        }
        let fraction = ((seconds - whole) * NANOS as f64) as i64;
        Some(Self(whole as i64 * NANOS + fraction))
    }

    /// From plain decimal text such as `1700000420.868669464`, to the nanosecond, which a float cannot hold; `None`
    /// for signs, exponents, and what does not fit.
    #[must_use]
    pub fn from_seconds_text(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let kept = fraction.get(..fraction.len().min(9))?;
        let nanos = kept.parse::<i64>().ok()? * 10_i64.pow(9 - kept.len() as u32);
        whole.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos).map(Self)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The instant so many seconds later; clamped to what fits.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(NANOS)))
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS)
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn seconds_of_every_form_agree() {
        assert_eq!(Time::from_parts(1_700_000_000, 500_000_000).nanos(), 1_700_000_000_500_000_000);
        assert_eq!(
            Time::from_seconds_f64(1_700_000_000.5),
            Some(Time::from_parts(1_700_000_000, 500_000_000))
        );
        assert_eq!(Time::from_seconds_f64(-0.5).map(Time::seconds), Some(-1));
        assert_eq!(Time::from_nanos(-1).seconds(), -1);
    }

    #[test]
    fn a_text_is_read_to_the_nanosecond() {
        for (text, nanos) in [
            ("1700000420.868669464", Some(1_700_000_420_868_669_464)),
            ("1700000420", Some(1_700_000_420_000_000_000)),
            ("1.5", Some(1_500_000_000)),
            ("0.0000000019", Some(1)),
            ("-1", None),
            ("1e9", None),
            ("1.", None),
            (".5", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(Time::from_seconds_text(text).map(Time::nanos), nanos, "{text}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_held_is_none() {
        for seconds in [f64::NAN, f64::INFINITY, 1e300, -1e10] {
            assert_eq!(Time::from_seconds_f64(seconds), None, "{seconds}");
        }
    }
}
