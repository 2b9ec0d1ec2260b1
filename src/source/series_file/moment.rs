//! Times as files hold them.

use crate::time::Time;

/// The time that a text stands for: a number by its size, or a date.
#[must_use]
pub fn of_text(text: &str) -> Option<Time> {
    let text = text.trim();
    Time::from_text(text)
        .or_else(|| of_utc(text))
        .or_else(|| of_powershell(text))
        .or_else(|| of_access_log(text))
}

/// `/Date(1700000000000)/`, milliseconds: `ConvertTo-Json` of PowerShell.
fn of_powershell(text: &str) -> Option<Time> {
    let milliseconds: i64 = text.strip_prefix("/Date(")?.strip_suffix(")/")?.parse().ok()?;
    Some(Time::from_nanos(milliseconds.checked_mul(1_000_000)?))
}

/// `2026-01-31 12:00:00 UTC`, as databases print it.
fn of_utc(text: &str) -> Option<Time> {
    let plain = ["UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone))?;
    let time = Time::from_text(plain)?;
    // `1700000000 UTC` is no date
    plain.contains(':').then_some(time)
}

/// `10/Oct/2000:13:55:36 -0700`, and what else jiff reads: RFC 2822 (`Sat, 31 Jan 2026 12:00:00 GMT`), `date`'s own form.
fn of_access_log(text: &str) -> Option<Time> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    let zoned = ["%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%Y/%m/%d %H:%M:%S %z"];
    let parsed =
        zoned.iter().find_map(|form| jiff::fmt::strtime::parse(form, text).ok()?.to_timestamp().ok());
    let parsed = parsed.or_else(|| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()));
    let plain = [
        "%Y/%m/%d %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S",
        "%b %d %Y %H:%M:%S",
        "%a %b %d %H:%M:%S %Y",
        "%a %b %d %H:%M:%S UTC %Y",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %I:%M:%S %p",
    ];
    let timestamp = parsed.or_else(|| {
        plain.iter().find_map(|form| {
            let moment = jiff::fmt::strtime::parse(form, text).ok()?.to_datetime().ok()?;
            moment.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })
    });
    timestamp.map(|timestamp| Time::from_nanos(i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX)))
}
