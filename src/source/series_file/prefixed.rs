//! Lines that a collector wrote around those of a program: containerd's files, syslog, `kubectl logs --timestamps`,
//! `docker compose logs`, Heroku's.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Map, Value};

use super::error::SeriesFileError;
use super::json;
use super::kinds::{Form, Prefix, PrefixKind};
use super::line_record::line_record;
use super::line_words::level_of;
use super::lines::lines;
use super::moment;
use super::table::Table;
use crate::time::Time;

/// Lines that are looked at to tell what a file is.
const LOOKED_AT: usize = 20;
/// The field of a line's level.
const LEVEL: &str = "level";

impl Prefix {
    /// Of a text that begins with such lines, most of which hold records.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let (mut found, mut has_level) = (None::<Self>, true);
        let (mut fitting, mut others) = (0_usize, 0_usize);
        for line in
            text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(LOOKED_AT)
        {
            let parsed = std::str::from_utf8(line).ok().and_then(|line| Line::parse(line.trim_end()));
            let record = parsed.as_ref().and_then(|parsed| record_behind(parsed));
            if let Some((parsed, _, record)) = &record {
                has_level &= parsed.level.is_some() && !record.contains_key(LEVEL);
            }
            match (record, &found) {
                (Some((parsed, inner, _)), None) => {
                    found = Some(Self {
                        kind: parsed.kind,
                        time: parsed.time.to_owned(),
                        inner,
                        has_level: true,
                        hidden: Vec::new(),
                    });
                    fitting += 1;
                }
                (Some((parsed, inner, _)), Some(first))
                    if parsed.kind == first.kind && inner == first.inner =>
                {
                    fitting += 1
                }
                _ => others += 1,
            }
        }
        let found = found.filter(|_| fitting > 3 * others)?;
        Some(Self { has_level, ..found })
    }
}

/// The record behind a head. Of words with a pair here and there no record is made.
fn record_behind<'p, 'a>(parsed: &'p Line<'a>) -> Option<(&'p Line<'a>, Form, Map<String, Value>)> {
    let (form, record) = line_record(parsed.rest)?;
    let words = parsed.rest.split_whitespace().count();
    (form != Form::Logfmt || 4 * record.len() >= words).then_some((parsed, form, record))
}

/// A line in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) kind: PrefixKind,
    pub(super) time: &'a str,
    pub(super) fields: Vec<(&'static str, &'a str)>,
    pub(super) rest: &'a str,
    /// The level among the words between the head and a record.
    level: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        containerd(line).or_else(|| timed(line)).or_else(|| syslog(line)).or_else(|| compose(line))
    }

    /// Without fields; `time` is empty where the head has none.
    pub(super) fn new(kind: PrefixKind, time: &'a str, rest: &'a str) -> Self {
        Self { kind, time, fields: Vec::new(), rest, level: None }
    }

    /// The time, in UTC where it has no zone, and this year where it has none.
    pub(super) fn moment(&self, now: Timestamp) -> Option<Time> {
        match self.kind {
            PrefixKind::Syslog => of_this_year(self.time, now),
            PrefixKind::Apache => of_apache(self.time),
            PrefixKind::Klog => of_this_year(&klog_date(self.time)?, now),
            _ => moment::of_text(self.time),
        }
    }
}

/// A line with words behind its head, of whatever kind.
pub(super) fn text_line(line: &str) -> Option<Line<'_>> {
    let timed = || {
        let (time, rest) = timed_head(line)?;
        Some(Line::new(PrefixKind::Time, time, rest))
    };
    let parsed = containerd(line)
        .or_else(timed)
        .or_else(|| klog(line))
        .or_else(|| apache(line))
        .or_else(|| syslog(line))
        .or_else(|| compose(line));
    parsed.filter(|parsed| parsed.rest.contains(char::is_alphabetic))
}

fn containerd(line: &str) -> Option<Line<'_>> {
    let (time, rest) = line.split_once(' ')?;
    let (stream, rest) = rest.split_once(' ')?;
    let (flag, rest) = rest.split_once(' ')?;
    let fits = matches!(stream, "stdout" | "stderr") && matches!(flag, "F" | "P") && time.contains('T');
    let line = Line { fields: vec![("stream", stream)], ..Line::new(PrefixKind::Containerd, time, rest) };
    (fits && moment::of_text(time).is_some()).then_some(line)
}

/// `2026-01-31T12:00:00Z web[1]: level=info`, `2026-01-31 12:00:00,123 INFO {"ms":1}`.
fn timed(line: &str) -> Option<Line<'_>> {
    let (time, behind) = timed_head(line)?;
    // words ahead of an object belong to no record
    let at = behind.find('{').filter(|_| behind.ends_with('}')).unwrap_or(0);
    let (words, rest) = behind.split_at_checked(at)?;
    Some(Line { level: level_of(words), ..Line::new(PrefixKind::Time, time, rest) })
}

/// A date and a clock, in brackets or not, and what stands behind them.
fn timed_head(line: &str) -> Option<(&str, &str)> {
    // syslog since 2009: `<165>1 2026-01-31T12:00:00Z web-1 app 17 - - `
    let line = match line.strip_prefix('<').and_then(|line| line.split_once(">1 ")) {
        Some((number, line)) if number.parse::<u8>().is_ok() => line,
        _ => line.strip_prefix('[').unwrap_or(line),
    };
    let is_date = line.get(..10)?.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-' || byte == b'/',
        _ => byte.is_ascii_digit(),
    });
    if !is_date || !line.get(10..11).is_some_and(|mark| mark == "T" || mark == " ") {
        return None;
    }
    let clock = line.get(11..)?;
    let end = clock.find([' ', ']'])?;
    let (time, behind) = line.split_at_checked(11 + end)?;
    moment::of_text(time)?;
    Some((time, behind.strip_prefix(']').unwrap_or(behind).trim_start()))
}

/// `E0131 12:00:00.123456       1 server.go:12] boom`
fn klog(line: &str) -> Option<Line<'_>> {
    let (level, behind) = line.split_at_checked(1)?;
    let (time, rest) = behind.split_at_checked(20)?;
    let fits = ["I", "W", "E", "F"].contains(&level) && rest.starts_with(' ') && klog_date(time).is_some();
    let line = Line { fields: vec![(LEVEL, level)], ..Line::new(PrefixKind::Klog, time, rest.trim_start()) };
    fits.then_some(line)
}

/// `0131 12:00:00.123456` as `Jan 31 12:00:00`.
fn klog_date(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month: usize = text.get(..2)?.parse().ok()?;
    let (day, clock) = (text.get(2..4)?, text.get(4..13)?);
    let is_clock = clock.starts_with(' ') && text.get(13..14) == Some(".");
    is_clock.then(|| Some(format!("{} {day}{clock}", MONTHS.get(month.checked_sub(1)?)?))).flatten()
}

/// `[Sat Jan 31 12:00:00.123456 2026] [core:error] `
fn apache(line: &str) -> Option<Line<'_>> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    of_apache(time)?;
    Some(Line::new(PrefixKind::Apache, time, rest))
}

fn of_apache(text: &str) -> Option<Time> {
    let time = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S%.f %Y", text).ok()?.to_datetime().ok()?;
    Some(Time::from_seconds(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

fn syslog(line: &str) -> Option<Line<'_>> {
    let behind = match line.strip_prefix('<') {
        Some(priority) => priority.split_once('>').filter(|(number, _)| number.parse::<u8>().is_ok())?.1,
        None => line,
    };
    let (time, rest) = behind.split_at_checked(15)?;
    of_this_year(time, Timestamp::UNIX_EPOCH)?;
    let (host, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let (program, rest) = rest.split_once(": ")?;
    let ident = program.split('[').next().unwrap_or(program);
    let fits = !ident.is_empty() && !ident.contains(' ');
    let fields = vec![("host", host), ("ident", ident)];
    fits.then_some(Line { fields, ..Line::new(PrefixKind::Syslog, time, rest) })
}

fn compose(line: &str) -> Option<Line<'_>> {
    let (service, rest) = line.split_once("| ")?;
    let name = service.trim_end();
    let fits = !name.is_empty() && name.len() < service.len() && !name.contains(char::is_whitespace);
    fits.then_some(Line { fields: vec![("service", name)], ..Line::new(PrefixKind::Compose, "", rest) })
}

/// `Jan 31 12:00:00`: the latest such moment that is no more than a day ahead.
fn of_this_year(text: &str, now: Timestamp) -> Option<Time> {
    let now = now.to_zoned(TimeZone::UTC);
    let of_year = |year: i16| -> Option<DateTime> {
        jiff::fmt::strtime::parse("%Y %b %d %H:%M:%S", format!("{year} {text}")).ok()?.to_datetime().ok()
    };
    let latest = now.datetime().checked_add(1.day()).ok()?;
    // the 29th of February is not in each year
    let years = (0..=4).filter_map(|ago| of_year(now.year() - ago));
    let moment = years.into_iter().find(|moment| *moment <= latest).or_else(|| of_year(now.year() + 2))?;
    let timestamp = moment.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(Time::from_seconds(timestamp.as_second()))
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("lines of a collector", true);
    table.prefix = Prefix::of(bytes.trim_ascii_start());
    let has_level = table.prefix.as_ref().is_some_and(|prefix| prefix.has_level);
    let now = Timestamp::now();
    let mut read = Vec::new();
    for line in lines(bytes) {
        let (number, line) = line?;
        table.lines += 1;
        let parsed = Line::parse(line.trim_end());
        let record = parsed.and_then(|parsed| Some((line_record(parsed.rest)?.1, parsed)));
        let Some((inner, parsed)) = record else {
            let why = "it is no line of a collector with a record behind it".to_owned();
            table.pass_over(SeriesFileError::NotARecord { line: number, why });
            continue;
        };
        read.push((number, parsed, inner));
    }
    // where some records have a field themselves, the prefix has none of that name: hosts would give both
    let names: BTreeSet<&str> =
        read.iter().flat_map(|(_, parsed, _)| parsed.fields.iter().map(|(name, _)| *name)).collect();
    let hidden: Vec<&str> =
        names.into_iter().filter(|name| read.iter().any(|(.., inner)| inner.contains_key(*name))).collect();
    for (number, parsed, inner) in read {
        let own = parsed.fields.iter().filter(|(name, _)| !hidden.contains(name));
        let mut record: Map<String, Value> =
            own.map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
        if has_level && let Some(level) = parsed.level {
            record.insert(LEVEL.to_owned(), Value::from(level));
        }
        record.extend(inner);
        json::put_record(&record, &mut table, number);
        if let Some(row) = table.rows.last_mut() {
            row.time = parsed.moment(now);
        }
    }
    if let Some(prefix) = &mut table.prefix {
        prefix.hidden = hidden;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prefix_is_told_by_its_form() {
        for (line, kind, time, rest) in [
            (
                "2026-01-31T12:00:00.123456789Z stdout F {\"ms\":1}",
                PrefixKind::Containerd,
                "2026-01-31T12:00:00.123456789Z",
                "{\"ms\":1}",
            ),
            (
                "2026-01-31T12:00:00.5+00:00 heroku[router]: at=info service=18ms",
                PrefixKind::Time,
                "2026-01-31T12:00:00.5+00:00",
                "heroku[router]: at=info service=18ms",
            ),
            (
                "2026-01-31 12:00:00,123 INFO {\"ms\":1}",
                PrefixKind::Time,
                "2026-01-31 12:00:00,123",
                "{\"ms\":1}",
            ),
            (
                "<13>Jan 31 12:00:00 web-1 app[17]: took=1 n=2",
                PrefixKind::Syslog,
                "Jan 31 12:00:00",
                "took=1 n=2",
            ),
            ("Jan  3 12:00:00 web-1 app: took=1 n=2", PrefixKind::Syslog, "Jan  3 12:00:00", "took=1 n=2"),
            (
                "<165>1 2026-01-31T12:00:00.003Z web-1 app 17 ID47 - took=1 n=2",
                PrefixKind::Time,
                "2026-01-31T12:00:00.003Z",
                "web-1 app 17 ID47 - took=1 n=2",
            ),
            ("web-1   | {\"ms\":1}", PrefixKind::Compose, "", "{\"ms\":1}"),
        ] {
            let parsed = Line::parse(line).unwrap();
            assert_eq!((parsed.kind, parsed.time, parsed.rest), (kind, time, rest), "{line}");
        }
        for line in [
            "",
            "{\"ms\":1}",
            "2026-01-31 12:00",
            "Jan 31 soon a b: c",
            "a | b c",
            "12:00:00 stdout F x",
            "1,2",
        ] {
            assert!(Line::parse(line).is_none_or(|line| line_record(line.rest).is_none()), "{line}");
        }
    }

    #[test]
    fn a_time_without_a_year_is_the_latest_that_has_been() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (text, time) in [
            ("Jan  1 23:00:00", "2026-01-01T23:00:00Z"),
            ("Jan  2 12:00:00", "2026-01-02T12:00:00Z"), // clocks differ
            ("Dec 31 23:00:00", "2025-12-31T23:00:00Z"),
            ("Feb 29 12:00:00", "2024-02-29T12:00:00Z"),
        ] {
            assert_eq!(of_this_year(text, now), Time::from_text(time), "{text}");
        }
        assert_eq!(of_this_year("Feb 30 12:00:00", now), None);
    }
}
