//! Buckets that begin with a local hour: `.rollup(sum, daily, '8am', 'Europe/Vienna')`, `.rollup(avg, weekly, 'monday')`.
//!
//! They are numbered as those of UTC are, and as long, but for the days on which clocks change.

use super::zone::{FARTHEST_S, Posix, Zone};

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 86_400;
/// Days from 1970-01-01, a Thursday, to the first of these.
const DAYS: [(&str, i64); 7] = [
    ("thursday", 0),
    ("friday", 1),
    ("saturday", 2),
    ("sunday", 3),
    ("monday", 4),
    ("tuesday", 5),
    ("wednesday", 6),
];

/// Seconds of an interval that has a name and one length.
pub(super) fn interval_s(word: &str) -> Option<u32> {
    match word {
        "hourly" => Some(3600),
        "daily" => Some(86_400),
        "weekly" => Some(604_800),
        _ => None,
    }
}

/// Where buckets begin that do not begin at midnight UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calendar {
    rule: Posix,
    /// Local seconds after 1970-01-01T00:00 at which a bucket begins, 0 to below an interval.
    pub(crate) start_s: i32,
}

impl Calendar {
    /// Of the words behind `daily` or `weekly`, an interval of so many seconds; `None` where they change nothing.
    ///
    /// # Errors
    /// What is allowed instead.
    pub(super) fn parse<'a>(
        interval_s: u32,
        words: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Self>, String> {
        let (mut start_s, mut zone) = (None, None);
        for word in words {
            if start_s.is_none()
                && zone.is_none()
                && let Some(start) = start(interval_s, word)
            {
                start_s = Some(start);
                continue;
            }
            let found = match zone {
                None => Zone::named(word).map_err(|unknown| {
                    format!(
                        "an hour such as '8am' behind daily, a day such as 'monday' behind weekly, then {}",
                        unknown.allowed()
                    )
                })?,
                Some(_) => return Err("one hour or day, then one zone".to_owned()),
            };
            let rule = found.rule().ok_or_else(|| {
                format!(
                    "a zone whose clocks follow one rule; those of {} do not: write 'UTC' or a neighbour zone",
                    found.name()
                )
            })?;
            zone = Some((rule, found.is_utc()));
        }
        let (start_s, is_utc) = (start_s.unwrap_or(0), zone.is_none_or(|(_, is_utc)| is_utc));
        let rule = zone.map_or(Posix::UTC, |(rule, _)| rule);
        Ok((start_s != 0 || !is_utc).then_some(Self { rule, start_s: i32::try_from(start_s).unwrap_or(0) }))
    }

    /// Number of the bucket that holds a time.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn bucket(&self, interval_s: i64, time_s: i64) -> i64 {
        let local_s = time_s + self.offset_s(time_s) - i64::from(self.start_s);
        let bucket = local_s.div_euclid(interval_s);
        // where clocks are set back, a local time comes twice
        if time_s < self.bucket_start_s(interval_s, bucket) {
            bucket - 1
        } else if time_s >= self.bucket_start_s(interval_s, bucket + 1) {
            bucket + 1
        } else {
            bucket
        }
    }

    /// First second of a bucket.
    #[cold]
    #[inline(never)] // speed: keeps the usual way small
    pub(super) fn bucket_start_s(&self, interval_s: i64, bucket: i64) -> i64 {
        let local_s = bucket.saturating_mul(interval_s).saturating_add(self.start_s.into());
        // offsets are less than a day, and clocks are not changed twice within two
        let before = self.rule.span(local_s.saturating_sub(DAY_S).clamp(-FARTHEST_S, FARTHEST_S));
        let start_s = local_s.saturating_sub(before.offset_s.into());
        if start_s < before.until_s {
            return start_s;
        }
        local_s.saturating_sub(self.offset_s(before.until_s)).max(before.until_s)
    }

    fn offset_s(&self, time_s: i64) -> i64 {
        self.rule.span(time_s.clamp(-FARTHEST_S, FARTHEST_S)).offset_s.into()
    }
}

/// `8am`, `12am`, `5:30pm`, `monday`.
fn start(interval_s: u32, word: &str) -> Option<i64> {
    let word = word.to_ascii_lowercase();
    if i64::from(interval_s) == 7 * DAY_S {
        return DAYS.iter().find(|(day, _)| *day == word).map(|(_, days)| days * DAY_S);
    }
    let (clock, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(clock), _) => (clock, 0),
        (_, Some(clock)) => (clock, 12),
        _ => return None,
    };
    let (hours, minutes) = clock.trim().split_once(':').unwrap_or((clock.trim(), "0"));
    let hours: i64 = hours.parse().ok().filter(|hours| (1..=12).contains(hours))?;
    let minutes: i64 = minutes.parse().ok().filter(|minutes| (0..60).contains(minutes))?;
    let start_s = (hours % 12 + half) * HOUR_S + minutes * 60;
    (start_s < i64::from(interval_s)).then_some(start_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn daily(words: &[&str]) -> Calendar {
        Calendar::parse(86_400, words.iter().copied()).unwrap().unwrap()
    }

    #[test]
    fn days_begin_at_the_local_hour_and_are_longer_or_shorter_when_clocks_change() {
        let vienna = daily(&["Europe/Vienna"]);
        let start = |text: &str| crate::time::Time::from_text(text).unwrap().seconds();
        for (time, from, until) in [
            ("2026-01-15T12:00:00Z", "2026-01-14T23:00:00Z", "2026-01-15T23:00:00Z"),
            ("2026-07-15T12:00:00Z", "2026-07-14T22:00:00Z", "2026-07-15T22:00:00Z"),
            ("2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), // 23 h
            ("2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), // 25 h
            ("2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("2026-10-24T21:59:59Z", "2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"),
        ] {
            let bucket = vienna.bucket(86_400, start(time));
            let found = [bucket, bucket + 1].map(|bucket| vienna.bucket_start_s(86_400, bucket));
            assert_eq!(found, [start(from), start(until)], "{time}");
        }
        let from_eight = daily(&["8am", "America/New_York"]);
        let bucket = from_eight.bucket(86_400, start("2026-01-15T12:59:59Z"));
        assert_eq!(from_eight.bucket_start_s(86_400, bucket + 1), start("2026-01-15T13:00:00Z"));
        let monday = Calendar::parse(604_800, ["monday"].into_iter()).unwrap().unwrap();
        let bucket = monday.bucket(604_800, start("2026-01-15T12:00:00Z")); // a Thursday
        assert_eq!(monday.bucket_start_s(604_800, bucket), start("2026-01-12T00:00:00Z"));
    }

    #[test]
    fn words_that_change_nothing_make_no_calendar_and_others_are_told() {
        for words in [&[][..], &["12am"], &["UTC"], &["12am", "utc"]] {
            assert_eq!(Calendar::parse(86_400, words.iter().copied()), Ok(None), "{words:?}");
        }
        for (words, allowed) in [
            (&["25am"][..], "an hour such as '8am' behind daily"),
            (&["monday"], "an hour such as '8am' behind daily"),
            (&["8am", "Europe/Wien"], "Europe/Vienna"),
            (&["8am", "9am"], "a name of the IANA database"),
            (&["UTC", "UTC"], "one hour or day, then one zone"),
            (&["Africa/Casablanca"], "clocks follow one rule; those of Africa/Casablanca do not"),
        ] {
            let told = Calendar::parse(86_400, words.iter().copied()).unwrap_err();
            assert!(told.contains(allowed), "{words:?}: {told}");
        }
        assert!(Calendar::parse(604_800, ["8am"].into_iter()).is_err());
        assert_eq!(daily(&["5:30PM"]).start_s, 63_000);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_the_times_from_its_start_to_the_next(
            time in -20_000_000_000_i64..200_000_000_000,
            zone in prop_oneof![Just("Europe/Vienna"), Just("America/Havana"), Just("Australia/Lord_Howe"),
                Just("America/Santiago"), Just("Asia/Kolkata"), Just("Pacific/Kiritimati")],
            start in prop_oneof![Just("12am"), Just("1am"), Just("2:30am"), Just("11:45pm")],
        ) {
            let calendar = daily(&[start, zone]);
            for time in [time, time % 4_000_000_000] {
                let bucket = calendar.bucket(86_400, time);
                prop_assert!(calendar.bucket_start_s(86_400, bucket) <= time);
                prop_assert!(time < calendar.bucket_start_s(86_400, bucket + 1));
            }
        }
    }
}
