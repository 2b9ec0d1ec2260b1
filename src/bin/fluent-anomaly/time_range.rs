//! Moments and ranges on the command line: dates in a time zone, ISO 8601, or seconds since 1970.

use fluent_anomaly::monitors::Zone;
use fluent_anomaly::sources::datadog::QueryWindow;
use fluent_anomaly::sources::series_file::parse_date;

use crate::failure::Failure;

/// The end of the year 9999, seconds since 1970.
const LATEST: i64 = 253_402_300_799;

/// The range of `replay` and `select-k`.
#[derive(Debug, clap::Args)]
pub(crate) struct RangeArgs {
    /// First moment: "2026-11-20 12:00", 2026-11-20T12:00:00+01:00, or seconds since 1970
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Moment behind the last one [default: now]
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Time zone of moments that name no offset, e.g. Europe/Vienna [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

impl RangeArgs {
    /// The range, up to `settled` at most, the moment behind which points still change; without a start it is
    /// `default_s` seconds long, or an error.
    pub(crate) fn window(&self, settled: i64, default_s: Option<i64>) -> Result<QueryWindow, Failure> {
        let usage = |flag: &str, why: String| Failure::Usage(format!("{flag}: {why}"));
        let zone = Zone::named(self.timezone.as_deref().unwrap_or("UTC"))
            .map_err(|error| usage("--timezone", error.to_string()))?;
        let read = |flag: &str, text: &Option<String>| {
            text.as_deref().map(|text| parse(text, &zone)).transpose().map_err(|why| usage(flag, why))
        };
        let (start, end) = (read("--start", &self.start)?, read("--end", &self.end)?);
        let to = end.unwrap_or(settled).min(settled);
        let from = match (start, default_s) {
            (Some(start), _) => start,
            (None, Some(length)) => to.saturating_sub(length).max(0),
            (None, None) => return Err(usage("--start", "the first moment of the range is needed".into())),
        };
        if from >= settled {
            return Err(usage("--start", format!("{} lies in the future", shown(&self.start))));
        }
        if from >= to {
            return Err(usage(
                "--end",
                format!("{} is not behind --start {}", shown(&self.end), shown(&self.start)),
            ));
        }
        if end.is_some_and(|end| end > settled) {
            tell!("fluent-anomaly: --end: points are settled up to {settled} only, the range ends there");
        }
        Ok(QueryWindow { from, to })
    }
}

fn shown(given: &Option<String>) -> String {
    given.as_ref().map_or_else(|| "(absent)".to_owned(), |text| format!("{text:?}"))
}

/// Seconds since 1970.
fn parse(text: &str, zone: &Zone) -> Result<i64, String> {
    let wrong = || {
        format!(
            "{text:?} is not allowed: \"2026-11-20 12:00\", 2026-11-20T12:00:00+01:00, or seconds since 1970"
        )
    };
    let trimmed = text.trim();
    let moment = if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = trimmed.parse().map_err(|_| wrong())?;
        if seconds > LATEST {
            return Err(format!("{text:?} is not allowed: seconds since 1970 are wanted, not milliseconds"));
        }
        seconds
    } else {
        let read = parse_date(trimmed).ok_or_else(wrong)?.seconds();
        // only what names no offset may get one
        let no_offset = trimmed.len() == 10 || parse_date(&format!("{trimmed}Z")).is_some();
        if no_offset { in_zone(read, text, zone)? } else { read }
    };
    if (0..=LATEST).contains(&moment) { Ok(moment) } else { Err(wrong()) }
}

/// The instant at which clocks in `zone` show `local`; the earlier one where they show it twice.
fn in_zone(local: i64, text: &str, zone: &Zone) -> Result<i64, String> {
    const DAY: i64 = 86_400;
    // an offset changes at most once within these two days
    let offsets = [local - DAY, local + DAY].map(|at| i64::from(zone.span(at).offset_s));
    let fits = |offset: &i64| i64::from(zone.span(local - offset).offset_s) == *offset;
    offsets
        .into_iter()
        .filter(fits)
        .map(|offset| local - offset)
        .min()
        .ok_or_else(|| format!("{text:?} does not exist in {}: clocks are put forward over it", zone.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_every_form() {
        for (text, zone, seconds) in [
            ("0", "UTC", 0),
            ("1700000000", "Europe/Vienna", 1_700_000_000),
            ("2026-11-20 12:00", "UTC", 1_795_176_000),
            ("2026-11-20 12:00", "Europe/Vienna", 1_795_172_400),
            ("2026-11-20", "Europe/Vienna", 1_795_129_200),
            ("2026-07-01T12:00:00", "Europe/Vienna", 1_782_900_000),
            ("2026-11-20T12:00:00Z", "Europe/Vienna", 1_795_176_000),
            ("2026-11-20T12:00:00+01:00", "Asia/Tokyo", 1_795_172_400),
            // shown twice: the first time, still in summer
            ("2026-10-25 02:30", "Europe/Vienna", 1_792_888_200),
        ] {
            assert_eq!(parse(text, &Zone::named(zone).unwrap()), Ok(seconds), "{text} {zone}");
        }
    }

    #[test]
    fn what_is_no_moment_says_why() {
        let vienna = Zone::named("Europe/Vienna").unwrap();
        for (text, said) in [
            ("", "is not allowed"),
            ("yesterday", "2026-11-20 12:00"),
            ("2026-02-30", "is not allowed"),
            ("1700000000000", "not milliseconds"),
            ("99999999999999999999", "is not allowed"),
            ("-5", "is not allowed"),
            ("1950-01-01", "is not allowed"),
            ("2026-03-29 02:30", "does not exist in Europe/Vienna"),
        ] {
            let error = parse(text, &vienna).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
