//! POSIX TZ rules: `CET-1CEST,M3.5.0,M10.5.0/3` -> the UTC offset at an instant.
//!
//! IEEE Std 1003.1, chapter 8.3 (`TZ`), with the extension of RFC 9636 section 3.3.1: the time of a change may
//! run from -167 to 167 hours. Offsets are turned round: POSIX counts hours west, we count seconds east.

use super::OffsetSpan;
use crate::time::{date_of, days_since_1970};

/// A parsed rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::monitor) struct Posix {
    standard_s: i32, // east of UTC, -86_400..=86_400
    summer: Option<Summer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summer {
    offset_s: i32, // east of UTC, -86_400..=86_400
    start: Change,
    end: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    day: Day,
    time_s: i32, // after local midnight, -601_200..=601_200
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// `Mm.w.d`: month 1..=12, week 1..=5 (5 is the last), weekday 0..=6 from Sunday.
    Month { month: i64, week: i64, weekday: i64 },
    /// `Jn`: 1..=365, 29 February is never counted.
    Julian(i64),
    /// `n`: 0..=365, 29 February is counted.
    Ordinal(i64),
}

impl Posix {
    /// No offset at any time.
    pub(in crate::monitor) const UTC: Self = Self { standard_s: 0, summer: None };

    /// Reads a rule; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        name(&mut rest)?;
        let standard_s = -hours(&mut rest, 24)?;
        if rest.is_empty() {
            return Some(Self { standard_s, summer: None });
        }
        name(&mut rest)?;
        let offset_s = if rest.starts_with(',') { standard_s + 3600 } else { -hours(&mut rest, 24)? };
        let start = change(&mut rest)?;
        let end = change(&mut rest)?;
        rest.is_empty().then_some(Self { standard_s, summer: Some(Summer { offset_s, start, end }) })
    }

    /// The offset that holds at `utc_s` and how long it does.
    pub(in crate::monitor) fn span(&self, utc_s: i64) -> OffsetSpan {
        let Some(summer) = self.summer else {
            return OffsetSpan { offset_s: self.standard_s, from_s: i64::MIN, until_s: i64::MAX };
        };
        let mut span = OffsetSpan { offset_s: self.standard_s, from_s: i64::MIN, until_s: i64::MAX };
        let (year, ..) = date_of((utc_s + i64::from(self.standard_s)).div_euclid(86_400));
        // a change of the neighbour years may fall over New Year once it is expressed in UTC
        for year in year - 1..=year + 1 {
            let changes = [
                (summer.start.local_s(year) - i64::from(self.standard_s), summer.offset_s),
                (summer.end.local_s(year) - i64::from(summer.offset_s), self.standard_s),
            ];
            for (at, offset_s) in changes {
                if at <= utc_s && at >= span.from_s {
                    span.from_s = at;
                    span.offset_s = offset_s;
                } else if at > utc_s {
                    span.until_s = span.until_s.min(at);
                }
            }
        }
        span
    }
}

impl Change {
    /// Seconds since 1970 on the local clock that is about to change.
    fn local_s(&self, year: i64) -> i64 {
        let first = days_since_1970(year, 1, 1);
        let leap = days_since_1970(year, 3, 1) - first == 60;
        let day = match self.day {
            Day::Julian(n) => first + n - 1 + i64::from(leap && n > 59),
            Day::Ordinal(n) => first + n,
            Day::Month { month, week, weekday } => {
                let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                let month_first = days_since_1970(year, month, 1);
                let month_end = days_since_1970(next_year, next_month, 1);
                // day 0, 1970-01-01, was a Thursday, which is 4
                let ahead = (weekday - (month_first + 4)).rem_euclid(7);
                let day = month_first + ahead + 7 * (week - 1);
                if day >= month_end { day - 7 } else { day }
            }
        };
        day * 86_400 + i64::from(self.time_s)
    }
}

/// `CET` or `<+01>`: letters only, or anything in angle brackets.
fn name(rest: &mut &str) -> Option<()> {
    if let Some(quoted) = rest.strip_prefix('<') {
        *rest = quoted.split_once('>')?.1;
        return Some(());
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    *rest = rest.get(end..)?;
    (end >= 3).then_some(())
}

fn number(rest: &mut &str, largest: i64) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end)?;
    *rest = after;
    digits.parse().ok().filter(|n| *n <= largest)
}

/// `[+-]h[:mm[:ss]]` in seconds.
fn hours(rest: &mut &str, largest: i64) -> Option<i32> {
    let negative = rest.starts_with('-');
    if let Some(after) = rest.strip_prefix(['-', '+']) {
        *rest = after;
    }
    let mut seconds = number(rest, largest)? * 3600;
    for unit in [60, 1] {
        let Some(after) = rest.strip_prefix(':') else { break };
        *rest = after;
        seconds += number(rest, 59)? * unit;
    }
    i32::try_from(if negative { -seconds } else { seconds }).ok()
}

/// `,day[/time]`.
fn change(rest: &mut &str) -> Option<Change> {
    *rest = rest.strip_prefix(',')?;
    let day = if let Some(after) = rest.strip_prefix('M') {
        *rest = after;
        let month = number(rest, 12).filter(|n| *n >= 1)?;
        *rest = rest.strip_prefix('.')?;
        let week = number(rest, 5).filter(|n| *n >= 1)?;
        *rest = rest.strip_prefix('.')?;
        Day::Month { month, week, weekday: number(rest, 6)? }
    } else if let Some(after) = rest.strip_prefix('J') {
        *rest = after;
        Day::Julian(number(rest, 365).filter(|n| *n >= 1)?)
    } else {
        Day::Ordinal(number(rest, 365)?)
    };
    let mut time_s = 7200;
    if let Some(after) = rest.strip_prefix('/') {
        *rest = after;
        time_s = hours(rest, 167)?;
    }
    Some(Change { day, time_s })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vienna_changes_at_one_hour_utc() {
        let vienna = Posix::parse("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 2025-03-30 01:00 UTC and 2025-10-26 01:00 UTC
        let (spring, autumn) = (1_743_296_400, 1_761_440_400);
        assert_eq!(vienna.span(spring - 1).offset_s, 3600);
        assert_eq!(vienna.span(spring), OffsetSpan { offset_s: 7200, from_s: spring, until_s: autumn });
        assert_eq!(vienna.span(autumn - 1).offset_s, 7200);
        assert_eq!(vienna.span(autumn).offset_s, 3600);
    }

    #[test]
    fn a_rule_without_summer_time_never_changes() {
        let tokyo = Posix::parse("JST-9").unwrap();
        assert_eq!(tokyo.span(0), OffsetSpan { offset_s: 32_400, from_s: i64::MIN, until_s: i64::MAX });
        assert_eq!(Posix::parse("<+0545>-5:45").unwrap().span(0).offset_s, 20_700);
    }

    #[test]
    fn days_of_the_year_with_and_without_the_leap_day() {
        // 1 March is J60 in each year, day 59 in common and 60 in leap years
        let day = |text, year| {
            let change = Change { day: text, time_s: 0 };
            change.local_s(year) / 86_400
        };
        assert_eq!(day(Day::Julian(60), 2024), days_since_1970(2024, 3, 1));
        assert_eq!(day(Day::Julian(60), 2025), days_since_1970(2025, 3, 1));
        assert_eq!(day(Day::Ordinal(60), 2024), days_since_1970(2024, 3, 1));
        assert_eq!(day(Day::Ordinal(59), 2025), days_since_1970(2025, 3, 1));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "CET",
            "C-1",
            "CET-1CEST",
            "CET-1CEST,M13.1.0,M10.5.0",
            "CET-99",
            "CET-1CEST,M3.5.0,M10.5.0/3x",
        ] {
            assert_eq!(Posix::parse(text), None, "{text}");
        }
    }

    #[test]
    fn years_and_days_agree_for_eight_centuries() {
        let mut year = 1600;
        for day in days_since_1970(1600, 1, 1)..days_since_1970(2400, 1, 1) {
            if day == days_since_1970(year + 1, 1, 1) {
                year += 1;
            }
            assert_eq!(date_of(day).0, year);
        }
    }
}
