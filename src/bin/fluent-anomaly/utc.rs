//! A moment as text, UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

pub(crate) use fluent_anomaly::utc_text as text;

/// `45 s`, `5 min`, `3 h 20 min`, `2 d 4 h`.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => two(s / 3600, "h", s / 60 % 60, "min"),
        s => two(s / 86_400, "d", s / 3600 % 24, "h"),
    }
}

fn two(whole: i64, unit: &str, part: i64, of: &str) -> String {
    if part == 0 { format!("{whole} {unit}") } else { format!("{whole} {unit} {part} {of}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        assert_eq!(
            [span(119), span(7199), span(7260), span(86_400), span(180_000), span(604_800)],
            ["119 s", "119 min", "2 h 1 min", "24 h", "2 d 2 h", "7 d"]
        );
    }
}
