//! Times as files hold them.

use super::table::{Cell, Table};
use crate::time::{Time, parse_date};

/// A number of seconds, or of milliseconds, microseconds, nanoseconds from sizes on that seconds reach in the year 5138.
pub(super) fn of_number(number: f64) -> Option<Time> {
    let size = number.abs();
    let seconds = match () {
        () if size < 1e11 => number,
        () if size < 1e14 => number / 1e3,
        () if size < 1e17 => number / 1e6,
        () => number / 1e9,
    };
    Time::from_seconds_f64(seconds)
}

/// The time that a text stands for: a number by its size, or a date.
#[must_use]
pub fn of_text(text: &str) -> Option<Time> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => of_number(number),
        _ => parse_date(text).or_else(|| of_access_log(text)),
    }
}

/// `10/Oct/2000:13:55:36 -0700`, and what else jiff reads: RFC 2822, a zone in brackets.
fn of_access_log(text: &str) -> Option<Time> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    let zoned = ["%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%Y/%m/%d %H:%M:%S %z"];
    let parsed =
        zoned.iter().find_map(|form| jiff::fmt::strtime::parse(form, text).ok()?.to_timestamp().ok());
    let plain = ["%Y/%m/%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%b %d %Y %H:%M:%S"];
    let timestamp = parsed.or_else(|| {
        plain.iter().find_map(|form| {
            let moment = jiff::fmt::strtime::parse(form, text).ok()?.to_datetime().ok()?;
            moment.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
    });
    timestamp.map(|timestamp| Time::from_nanos(i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX)))
}

/// The time that a cell stands for.
#[must_use]
pub fn of_cell(table: &Table, cell: Cell) -> Option<Time> {
    match cell {
        Cell::Number(number) => of_number(number),
        Cell::Text(text) => of_text(table.text(text)),
        _ => None,
    }
}
