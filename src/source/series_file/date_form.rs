//! How dates are written of which only the whole column tells how to read them.

use crate::time::{Time, parse_date};

/// How the dates of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// `31/01/2026`, `31-01-2026`, `31.01.2026`.
    DayFirst,
    /// `01/31/2026`, `01-31-2026`.
    MonthFirst,
    /// `20260131`.
    Digits,
    /// `01/02/2026` throughout: nothing tells which number is the month.
    Unclear,
    /// `13/01/2026` in one row and `01/13/2026` in another.
    Mixed,
}

/// The parts of `1/31/2026 12:00:00 PM`.
pub(super) struct Parts<'a> {
    pub(super) numbers: [u8; 2],
    mark: char,
    year: &'a str,
    clock: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let mark = text.chars().find(|c| !c.is_ascii_digit()).filter(|mark| "/.-".contains(*mark))?;
        let (first, rest) = text.split_once(mark)?;
        let (second, rest) = rest.split_once(mark)?;
        let number = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() <= 2);
        let (year, clock) = rest.split_at_checked(4)?;
        let is_year = year.bytes().all(|byte| byte.is_ascii_digit());
        let has_clock = clock.is_empty() || clock.starts_with([' ', 'T', ',']);
        let numbers = [number(first)?, number(second)?];
        (is_year && has_clock).then_some(Self { numbers, mark, year, clock })
    }

    fn is_american_clock(&self) -> bool {
        let clock = self.clock.to_ascii_lowercase();
        clock.ends_with("am") || clock.ends_with("pm")
    }

    fn time(&self, form: DateForm) -> Option<Time> {
        let [first, second] = self.numbers;
        let (day, month) = if form == DateForm::MonthFirst { (second, first) } else { (first, second) };
        let date = format!("{}-{month:02}-{day:02}", self.year);
        let clock = self.clock.trim_start_matches([' ', 'T', ',']);
        if clock.is_empty() {
            return parse_date(&date);
        }
        let half = clock.len().checked_sub(2).and_then(|at| clock.split_at_checked(at));
        let (clock, later) = match half {
            Some((clock, half)) if half.eq_ignore_ascii_case("am") => (clock.trim_end(), Some(0)),
            Some((clock, half)) if half.eq_ignore_ascii_case("pm") => (clock.trim_end(), Some(12)),
            _ => (clock, None),
        };
        let (hour, rest) = clock.split_once(':')?;
        let hour: u8 = hour.parse().ok().filter(|_| hour.len() <= 2)?;
        let hour = match later {
            Some(later) => (1..=12).contains(&hour).then_some(hour % 12 + later)?,
            None => hour,
        };
        parse_date(&format!("{date}T{hour:02}:{rest}"))
    }
}

/// Whether a text looks like a date of which the column tells more.
pub(super) fn looks_like_date(text: &str) -> bool {
    Parts::of(text).is_some()
}

/// The date that eight digits are.
fn of_digits(text: &str) -> Option<Time> {
    let is_digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    // seconds of 1970 otherwise
    Time::from_text(text).filter(|time| is_digits && text.parse() != Ok(time.seconds()))
}

impl DateForm {
    /// What the texts of a column have in common; `None` where they are no such dates.
    pub(super) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut day_first, mut month_first, mut american, mut digits, mut dates) =
            (false, false, false, 0, 0);
        for text in texts {
            if of_digits(text).is_some() {
                digits += 1;
                continue;
            }
            let parts = Parts::of(text)?;
            dates += 1;
            day_first |= parts.numbers[0] > 12 || parts.mark == '.';
            month_first |= parts.numbers[1] > 12;
            american |= parts.is_american_clock();
        }
        match (day_first, month_first, digits, dates) {
            (_, _, 0, 0) => None,
            (_, _, _, 0) => Some(Self::Digits),
            (true, true, 0, _) => Some(Self::Mixed),
            (true, false, 0, _) => Some(Self::DayFirst),
            (false, true, 0, _) => Some(Self::MonthFirst),
            (false, false, 0, _) if american => Some(Self::MonthFirst),
            (false, false, 0, _) => Some(Self::Unclear),
            _ => None,
        }
    }

    /// The instant, in UTC.
    pub(super) fn time(self, text: &str) -> Option<Time> {
        match self {
            Self::Digits => of_digits(text.trim()),
            Self::DayFirst | Self::MonthFirst => Parts::of(text)?.time(self),
            Self::Unclear | Self::Mixed => None,
        }
    }

    /// What it was taken for, where that is no matter of course.
    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::DayFirst => {
                Some("its dates taken as day, month, year: the column has a day above 12, or points")
            }
            Self::MonthFirst => {
                Some("its dates taken as month, day, year: the column has a day above 12, or AM and PM")
            }
            Self::Digits => Some("its eight digits taken as year, month, day"),
            Self::Unclear | Self::Mixed => None,
        }
    }
}
