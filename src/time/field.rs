//! Times as records hold them: numbers of any unit, text.

use super::{NANOS, Time, date};

/// The units, each with the largest number that is read in it. Seconds up to 2262; larger numbers are milliseconds
/// from 1970-04-17 on, then microseconds, then nanoseconds.
const UNITS: [(u64, i64); 4] = [
    (9_200_000_000, NANOS),
    (9_200_000_000_000, 1_000_000),
    (9_200_000_000_000_000, 1_000),
    (9_200_000_000_000_000_000, 1),
];

impl Time {
    /// What the functions below read, for messages.
    pub const READABLE: &'static str = "seconds, milliseconds, microseconds or nanoseconds since 1970, as a number or as text, or ISO 8601 (UTC without a zone)";

    /// From a whole number since 1970 whose size tells its unit: seconds up to 9.2e9, milliseconds up to 9.2e12,
    /// microseconds up to 9.2e15, nanoseconds up to 9.2e18, likewise before 1970.
    ///
    /// ```
    /// use fluent_anomaly::Time;
    /// let time = Time::from_integer_of_any_unit(1_700_000_000);
    /// assert_eq!(time, Time::from_integer_of_any_unit(1_700_000_000_000));
    /// assert_eq!(time, Time::from_integer_of_any_unit(1_700_000_000_000_000_000));
    /// ```
    #[must_use]
    pub fn from_integer_of_any_unit(number: i64) -> Option<Self> {
        let (_, unit) = UNITS.iter().find(|(most, _)| number.unsigned_abs() <= *most)?;
        number.checked_mul(*unit).map(Self)
    }

    /// The same from a number with a fraction.
    #[must_use]
    pub fn from_float_of_any_unit(number: f64) -> Option<Self> {
        let whole = number.floor();
        let (_, unit) = UNITS.iter().find(|(most, _)| whole.abs() <= *most as f64)?;
        let fraction = ((number - whole) * *unit as f64) as i64;
        (whole as i64).checked_mul(*unit)?.checked_add(fraction).map(Self)
    }

    /// From text: a number of any unit, or a date and time of ISO 8601, in UTC without a zone. Eight digits that are a day
    /// of the years 1900 to 2199, such as `20260131`, are that day.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            if let Some(date) = date::of_digits(text) {
                return Some(date);
            }
            return Self::from_integer_of_any_unit(number);
        }
        if let Some((whole, _)) = text.split_once('.')
            && whole.len() <= 10
            && let Some(time) = Self::from_seconds_text(text)
        {
            return Some(time); // to the nanosecond
        }
        let is_number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b'e' | b'E'));
        match text.parse::<f64>() {
            Ok(number) if is_number => Self::from_float_of_any_unit(number),
            _ => date::parse(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: i64 = 1_700_000_000;

    #[test]
    fn a_number_of_each_unit_is_the_same_instant() {
        let expected = Some(Time::from_seconds(SECONDS));
        for power in [0, 3, 6, 9] {
            let number = SECONDS * 10_i64.pow(power);
            assert_eq!(Time::from_integer_of_any_unit(number), expected, "{number}");
            assert_eq!(Time::from_float_of_any_unit(number as f64), expected, "{number}");
            assert_eq!(Time::from_text(&number.to_string()), expected, "{number}");
            assert_eq!(Time::from_integer_of_any_unit(-number), Some(Time::from_seconds(-SECONDS)));
        }
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for (number, nanos) in [
            (0, 0),
            (5, 5_000_000_000),
            (9_200_000_000, 9_200_000_000_000_000_000),
            (9_200_000_001, 9_200_000_001_000_000),
            (9_200_000_000_001, 9_200_000_000_001_000),
            (9_200_000_000_000_001, 9_200_000_000_000_001),
        ] {
            assert_eq!(Time::from_integer_of_any_unit(number).map(Time::nanos), Some(nanos), "{number}");
        }
        assert_eq!(Time::from_integer_of_any_unit(i64::MAX), None);
        assert_eq!(Time::from_integer_of_any_unit(i64::MIN), None);
    }

    #[test]
    fn text_is_read_as_a_number_or_as_a_date() {
        let at = |nanos: i64| Some(SECONDS * NANOS + nanos);
        for (text, nanos) in [
            ("1700000000", at(0)),
            (" 1700000000.868669464 ", at(868_669_464)),
            ("1700000000123", at(123_000_000)),
            ("1700000000123.5", at(123_500_000)),
            ("1.7e9", at(0)),
            ("-1", Some(-NANOS)),
            ("2023-11-14T22:13:20Z", at(0)),
            ("2023-11-14T22:13:20", at(0)),
            ("2023-11-14 23:13:20.25 +0100", at(250_000_000)),
            ("2023-11-14T23:13:20,25+01:00", at(250_000_000)),
            ("20231114T221320Z", at(0)),
            ("2023-11-14", Some(1_699_920_000 * NANOS)),
            ("20231114", Some(1_699_920_000 * NANOS)),
            ("20231414", Some(20_231_414 * NANOS)),
            ("18991114", Some(18_991_114 * NANOS)),
        ] {
            assert_eq!(Time::from_text(text).map(Time::nanos), nanos, "{text}");
        }
        for text in
            ["", "nan", "inf", "-inf", "yesterday", "1e300", "2023-13-14", "0x10", "1,5", "--1", "+", "Tue"]
        {
            assert_eq!(Time::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_year_is_none() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e19, f64::MAX] {
            assert_eq!(Time::from_float_of_any_unit(number), None, "{number}");
        }
    }
}
