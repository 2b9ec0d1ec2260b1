//! What stands in the words of a line: its level, how long something took.

/// Words for the level of a line; the configurations of hosts know the same.
pub const LEVELS: [&str; 19] = [
    "trace",
    "debug",
    "info",
    "information",
    "notice",
    "warn",
    "warning",
    "error",
    "err",
    "critical",
    "crit",
    "fatal",
    "severe",
    "alert",
    "emerg",
    "emergency",
    "panic",
    "verbose",
    "log",
];
/// Characters of a line, its head aside, in which a level begins.
pub const LEVEL_WITHIN: usize = 60;
/// Fields for durations, and the units that stand behind their numbers.
pub const DURATIONS: [(&str, &[&str]); 2] = [("ms", &["ms"]), ("seconds", &["s", "sec", "secs", "seconds"])];

/// The first word for a level near the begin of a line.
pub(super) fn level_of(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        let begin = rest.find(is_of_word)?;
        let behind = rest.get(begin..)?;
        let at = line.len() - behind.len();
        if line.get(..at)?.chars().count() > LEVEL_WITHIN {
            return None;
        }
        let end = behind.find(|c: char| !is_of_word(c)).unwrap_or(behind.len());
        let (word, next) = behind.split_at_checked(end)?;
        if LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level)) {
            return Some(word);
        }
        rest = next;
    }
}

/// The first number with one of these units behind it, a blank between them or not.
pub(super) fn duration_of<'a>(line: &'a str, units: &[&str]) -> Option<&'a str> {
    let mut before = None;
    line.char_indices().find_map(|(at, c)| {
        let begins = c.is_ascii_digit() && before.is_none_or(|c| !is_of_word(c));
        before = Some(c);
        begins.then(|| number_with_unit(line.get(at..)?, units)).flatten()
    })
}

fn number_with_unit<'a>(text: &'a str, units: &[&str]) -> Option<&'a str> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole = digits(text);
    let fraction = text.get(whole..)?.strip_prefix('.').map_or(0, digits);
    let end = if fraction > 0 { whole + 1 + fraction } else { whole };
    let behind = text.get(end..)?;
    let behind = behind.strip_prefix(' ').unwrap_or(behind);
    let has_unit = |unit: &&str| behind.strip_prefix(*unit).is_some_and(|rest| !rest.starts_with(is_of_word));
    units.iter().any(has_unit).then(|| text.get(..end)).flatten()
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_whole_word_near_the_begin() {
        assert_eq!(level_of("x infos Error"), Some("Error"));
        assert_eq!(level_of("error_count is 3"), None);
        assert_eq!(level_of(&format!("{} error", "x".repeat(LEVEL_WITHIN))), None);
        assert_eq!(level_of(&format!("{} error", "x".repeat(LEVEL_WITHIN - 1))), Some("error"));
    }

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        let [(_, ms), (_, seconds)] = DURATIONS;
        for (line, units, duration) in [
            ("v1.2 took 120.5 ms, then 3ms", ms, Some("120.5")),
            ("took 5ms", ms, Some("5")),
            ("took 5 msgs", ms, None),
            ("x5 ms", ms, None),
            ("done in 0.25s", seconds, Some("0.25")),
            ("done in 2 seconds", seconds, Some("2")),
            ("1.2.3s", seconds, Some("2.3")),
            ("", ms, None),
        ] {
            assert_eq!(duration_of(line, units), duration, "{line}");
        }
    }
}
