//! Dates as people and programs write them: `2026-01-31`, `2026-01-31 12:00`, `2026-01-31T12:00:00.25+01:00`, `...Z`,
//! `20260131T120000Z`.

use super::Time;

/// The instant, in UTC when no offset is given; `None` for anything else, such as a 31 February.
#[must_use]
pub(super) fn parse(text: &str) -> Option<Time> {
    // the basic format of ISO 8601 has no separators, and always a time here: a bare number is no date
    let is_basic = text.as_bytes().get(8) == Some(&b'T');
    let part = |rest: &'_ str, separator: char| -> Option<usize> {
        if is_basic { Some(0) } else { rest.starts_with(separator).then_some(1) }
    };
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.get(part(rest, '-')?..)?, 2)?;
    let (day, rest) = digits(rest.get(part(rest, '-')?..)?, 2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400;
    if rest.is_empty() {
        return Some(Time::from_seconds(midnight));
    }
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = digits(rest.get(part(rest, ':')?..)?, 2)?;
    let has_seconds = rest.starts_with(|c: char| if is_basic { c.is_ascii_digit() } else { c == ':' });
    let (second, mut rest) = if has_seconds { digits(rest.get(part(rest, ':')?..)?, 2)? } else { (0, rest) };
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        let (given, behind) = fraction.split_at_checked(end).filter(|_| end > 0)?;
        // nine digits count
        nanos = given.bytes().chain([b'0'; 9]).take(9).fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
        rest = behind;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset(rest.trim_start())?;
    Some(Time::from_nanos(seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?))
}

/// The day that eight digits are, in the years in which numbers of seconds are no times of today.
pub(super) fn of_digits(text: &str) -> Option<Time> {
    let is_year = matches!(text.get(..2), Some("19" | "20" | "21"));
    let (year, rest) = digits(text, 4).filter(|_| is_year && text.len() == 8)?;
    let (month, rest) = digits(rest, 2)?;
    let (day, _) = digits(rest, 2)?;
    let is_day = (1..=12).contains(&month) && day >= 1 && day <= days_of(year, month);
    is_day.then(|| Time::from_seconds(days_since_1970(year, month, day) * 86_400))
}

/// Seconds east of Greenwich.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z' | b'z') if text.len() == 1 => return Some(0),
        Some(b'+') => (1, text.get(1..)?),
        Some(b'-') => (-1, text.get(1..)?),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = match rest.strip_prefix(':').unwrap_or(rest) {
        "" => (0, ""),
        rest => digits(rest, 2)?,
    };
    (rest.is_empty() && hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    let all = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| all)?, rest))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; month 1..=12, day 1..=31. Years begin in March, so that the leap day is their last.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of the day that lies so many days after 1970-01-01 (Hinnant, "chrono-compatible low-level date
/// algorithms"). Years begin in March here too; eras have 400 of them.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let march = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
    (era * 400 + of_era_year + i64::from(month <= 2), month, day)
}

/// `2026-01-31T12:00:00Z`, of seconds since 1970.
#[must_use]
pub fn utc_text(seconds: i64) -> String {
    let ((year, month, day), of_day) = (date_of(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::{parse, utc_text};

    #[test]
    fn instants_become_text() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_774_746_000, "2026-03-29T01:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc_text(seconds), text);
            assert_eq!(parse(text).map(crate::time::Time::seconds), Some(seconds), "{text}");
        }
    }

    #[test]
    fn dates_become_instants() {
        for (text, nanos) in [
            ("1970-01-01", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
            ("2014-04-10 00:04:00", 1_397_088_240_000_000_000),
            ("2026-03-29T03:00:00+02:00", 1_774_746_000_000_000_000),
            ("20260329T010000Z", 1_774_746_000_000_000_000),
            ("20260329T0300+0200", 1_774_746_000_000_000_000),
            ("2026-03-29T03:00+0200", 1_774_746_000_000_000_000),
            ("1969-12-31T23:59:59.5Z", -500_000_000),
            ("1970-01-01T00:00:00.1234567899", 123_456_789),
        ] {
            assert_eq!(parse(text).map(crate::time::Time::nanos), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "1",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-01-01T24:00",
            "2026-01-01T1:00",
            "2026-01-01x",
            "2026-01-01T00:00:00.",
            "2026-01-01T00:00+99:00",
            "2026-01-01T00:00Zz",
            "20260101",
            "20260101T1",
            "2026-0101T00:00",
            "+026-01-01",
            "äöü-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
