//! The keys that make a series of a stream of records: `measure`, `every`, `late`, `empty`, `forget`, `windows`,
//! `timezone`; with `measure: patterns`, `learn_patterns`, `new_patterns`, `mark_patterns`.

use super::field::accessor;
use super::problem::not_allowed;
use super::section_reader::SectionReader;
use crate::detector::measure::MeasureKind;
use crate::monitor::Zone;
use crate::record::{Accessor, Condition};

const DAY_S: u32 = 86_400;
const QUARTER_S: u32 = 900;
/// Windows last at most so long.
const LONGEST_S: u32 = 7 * DAY_S;
/// `late` where the section does not say; at most a window.
const LATE_S: u32 = 10;
/// Open windows of a series that `late` may ask for.
const MOST_OPEN: u32 = 60;
/// `forget` where the section does not say; at least so many windows.
const FORGET_S: u32 = DAY_S;
const FORGET_WINDOWS: u32 = 7;

/// `learn_patterns` and `new_patterns` where the section does not say.
const LEARN_S: u32 = 3600;
const NEW_A_DAY: u32 = 20;
const MOST_NEW_A_DAY: u64 = 1_000_000;

/// Windows of a section, and what becomes of the records in one.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowSettings {
    /// What the records of a window amount to.
    pub measure: Measure,
    /// Length of a window, s; whole days begin at midnight.
    pub every_s: u32,
    /// A window closes so long after its end, s.
    pub late_s: u32,
    /// A window without records has the value 0; otherwise there is none.
    pub empty_is_zero: bool,
    /// So long after its last record a series is no longer silent but gone, s.
    pub forget_s: u32,
    /// Which windows are told, and how.
    pub told: WindowsTold,
    /// Whose clock windows follow; `None`: UTC.
    pub zone: Option<Zone>,
    /// With `measure: patterns`.
    pub patterns: Option<PatternSettings>,
}

/// Which lines are told to be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternSettings {
    /// So long after the first line no template counts as new, s.
    pub learn_s: u32,
    /// At most so many new templates are told a day.
    pub new_a_day: u32,
    /// Each line is marked with its template, not only the first one of a new template.
    pub marks_all: bool,
}

/// The keys that go with `measure`.
pub(super) const WINDOW_KEYS: [&str; 8] =
    ["every", "late", "forget", "empty", "timezone", "learn_patterns", "new_patterns", "mark_patterns"];

impl PatternSettings {
    #[inline(never)] // stack
    fn read(keys: &mut SectionReader<'_>) -> Self {
        let learn_s = keys.parsed("learn_patterns", |text| {
            duration(text)
                .filter(|&seconds| seconds <= LONGEST_S)
                .ok_or_else(|| not_allowed(text, "a time such as `1h`, from `0s` to `7d`"))
        });
        let new_a_day = keys.integer("new_patterns", 0..=MOST_NEW_A_DAY);
        let marks_all = keys.choice("mark_patterns", &[("new", false), ("all", true)]);
        Self {
            learn_s: learn_s.unwrap_or(LEARN_S),
            new_a_day: new_a_day.map_or(NEW_A_DAY, |number| number as u32),
            marks_all: marks_all.unwrap_or(false),
        }
    }
}

/// `measure:` of a section.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// How the numbers of a window become one.
    pub kind: MeasureKind,
    /// The field that is measured; `None` where records are counted.
    pub field: Option<Accessor>,
    /// Of `share`: what the counted records have in common.
    pub condition: Option<Condition>,
    /// As the file says it.
    pub text: String,
}

/// `windows:` of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowsTold {
    /// Those that begin, go on or end an alarm, or change the state of a monitor.
    Alarms,
    /// All.
    All,
    /// All, each as a record of its own, where the host can make records; otherwise as [`WindowsTold::All`].
    Records,
}

impl WindowSettings {
    /// Reads the keys. `None` where something is wrong with them, which is told.
    #[inline(never)] // stack
    pub(super) fn read(keys: &mut SectionReader<'_>) -> Option<Self> {
        let measure = keys.parsed("measure", Measure::parse);
        keys.required("every", "1m");
        let every_s = keys.parsed("every", every);
        let late_s = keys.parsed("late", |text| {
            let most = every_s.unwrap_or(LONGEST_S).saturating_mul(MOST_OPEN).min(LONGEST_S);
            let late = duration(text).filter(|&seconds| seconds <= most);
            late.ok_or_else(|| {
                format!(
                    "{text:?} is not allowed: a time such as `10s`, at most {MOST_OPEN} windows and a week"
                )
            })
        });
        let forget_s = keys.parsed("forget", |text| {
            let forget = duration(text).filter(|&seconds| seconds >= every_s.unwrap_or(0));
            forget.ok_or_else(|| not_allowed(text, "a time such as `24h`, at least one window"))
        });
        let empty = keys.choice("empty", &[("zero", true), ("skip", false)]);
        let told = keys.choice(
            "windows",
            &[("all", WindowsTold::All), ("alarms", WindowsTold::Alarms), ("records", WindowsTold::Records)],
        );
        let zone = keys.parsed("timezone", |text| match every_s {
            // clocks of all zones show the same quarters of an hour
            Some(every_s) if QUARTER_S.is_multiple_of(every_s) => Err(
                "has no effect on windows that divide a quarter of an hour, which begin at the same time in all \
                 zones: leave it out"
                    .to_owned(),
            ),
            _ => {
                Zone::named(text).map_err(|unknown| format!("{text:?} is not allowed: {}", unknown.allowed()))
            }
        });
        let of_lines = measure.as_ref().is_some_and(|measure| measure.kind == MeasureKind::Patterns);
        let patterns = of_lines.then(|| PatternSettings::read(keys));
        let (measure, every_s) = (measure?, every_s?);
        Some(Self {
            late_s: late_s.unwrap_or(LATE_S.min(every_s)),
            empty_is_zero: empty.unwrap_or(measure.kind.is_zero_when_empty()),
            forget_s: forget_s.unwrap_or(FORGET_S.max(every_s.saturating_mul(FORGET_WINDOWS))),
            told: told.unwrap_or(WindowsTold::All),
            zone: zone.filter(|zone| !zone.is_utc()),
            patterns,
            measure,
            every_s,
        })
    }
}

impl Measure {
    fn parse(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let kinds = [
            ("count", MeasureKind::Count),
            ("rate", MeasureKind::Rate),
            ("sum", MeasureKind::Sum),
            ("avg", MeasureKind::Avg),
            ("min", MeasureKind::Min),
            ("max", MeasureKind::Max),
            ("share", MeasureKind::Share),
            ("distinct", MeasureKind::Distinct),
            ("patterns", MeasureKind::Patterns),
            ("p50", MeasureKind::Quantile(500)),
            ("p75", MeasureKind::Quantile(750)),
            ("p90", MeasureKind::Quantile(900)),
            ("p95", MeasureKind::Quantile(950)),
            ("p99", MeasureKind::Quantile(990)),
            ("p99.9", MeasureKind::Quantile(999)),
        ];
        let found = kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let Some((name, kind)) = found else {
            return Err(not_allowed(
                text,
                "count, rate, `share <condition>`, or one of sum, avg, min, max, distinct, p50, p75, \
                 p90, p95, p99, p99.9 with a field, such as `p95 $latency_ms`, or `patterns` with a text, such as `patterns $log`",
            ));
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if kind == MeasureKind::Share {
            let condition = Condition::parse(rest).map_err(|error| error.to_string())?;
            return Ok(Self { kind, field: None, condition: Some(condition), text });
        }
        let field = match (kind.counts_only(), rest) {
            (true, "") => None,
            (true, _) => {
                return Err(format!("{text:?} is not allowed: `{name}` counts records, without a field"));
            }
            (false, "") => {
                let field = if kind == MeasureKind::Patterns { "$log" } else { "$latency_ms" };
                return Err(format!(
                    "{text:?} is not allowed: `{name}` needs a field, such as `{name} {field}`"
                ));
            }
            (false, field) => Some(accessor(field)?),
        };
        Ok(Self { kind, field, condition: None, text })
    }
}

/// A length that fits whole times into a day, or whole days.
fn every(text: &str) -> Result<u32, String> {
    let allowed = |seconds: &u32| {
        (1..=LONGEST_S).contains(seconds) && (DAY_S.is_multiple_of(*seconds) || seconds.is_multiple_of(DAY_S))
    };
    duration(text).filter(allowed).ok_or_else(|| {
        not_allowed(
            text,
            "a time from `1s` to `7d` that divides a day, or whole days, such as `1m`, `1h` or \
             `1d`",
        )
    })
}

/// `10s`, `5m`, `1h`, `1d` or `1w` in seconds.
fn duration(text: &str) -> Option<u32> {
    let text = text.trim();
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY_S,
        "w" => 7 * DAY_S,
        _ => return None,
    };
    let count = count.trim();
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    count.parse::<u32>().ok()?.checked_mul(unit_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_in_each_unit_and_must_fit_into_days() {
        for (text, seconds) in [
            ("1s", 1),
            ("10s", 10),
            ("5m", 300),
            ("1h", 3600),
            ("1d", DAY_S),
            ("1w", LONGEST_S),
            ("2d", 2 * DAY_S),
        ] {
            assert_eq!(every(text), Ok(seconds), "{text}");
        }
        for text in ["", "s", "0s", "7s", "-1m", "1.5h", "1", "25h", "8d", "99999999999d", "1 min", "é"] {
            assert!(every(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_measure_says_what_it_lacks() {
        let field = |text| Measure::parse(text).map(|measure| measure.field.map(|field| field.to_string()));
        assert_eq!(field("count"), Ok(None));
        assert_eq!(field("max  $a['b']"), Ok(Some("$a['b']".to_owned())));
        assert!(field("count $x").unwrap_err().contains("without a field"));
        assert!(field("sum").unwrap_err().contains("`sum $latency_ms`"));
        assert!(field("median $x").unwrap_err().contains("allowed: count"));
    }
}
