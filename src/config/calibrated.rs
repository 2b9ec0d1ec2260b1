//! `anomaly_score` and `alarms`: the calibrated score, in `[filter]` for all sections or in one.

use super::problem::not_allowed;
use super::section_reader::SectionReader;
use crate::detector::calibrated::AlarmBudget;

/// Units of a budget, s; a month is 30 days.
const UNITS: [(&str, f64); 4] =
    [("hour", 3600.0), ("day", 86_400.0), ("week", 604_800.0), ("month", 2_592_000.0)];
/// No more than this many in any unit: one an hour for a month.
const MOST: u32 = 720;

/// `on` or `off`; `None` where the key is absent or wrong.
pub(super) fn anomaly_score(keys: &mut SectionReader<'_>) -> Option<bool> {
    keys.choice("anomaly_score", &[("on", true), ("off", false)])
}

/// `1/week` or `off`, which is `Some(None)`; `None` where the key is absent or wrong.
pub(super) fn alarms(keys: &mut SectionReader<'_>) -> Option<Option<AlarmBudget>> {
    keys.parsed("alarms", alarm_budget)
}

/// Reads `1/week`; `off` is no budget.
///
/// # Errors
/// What is allowed, in the words of `fluent-anomaly check`.
pub fn alarm_budget(text: &str) -> Result<Option<AlarmBudget>, String> {
    match read(text) {
        Some((_, true)) => Err(format!(
            "{text:?} is not allowed here: `for all` goes into a [datadog.*] or [series.*] section"
        )),
        Some((budget, false)) => Ok(budget),
        None => Err(no_budget(text)),
    }
}

/// A budget as [`alarm_budget`] reads it.
#[cfg(feature = "companion")]
#[must_use]
pub fn budget_text(budget: AlarmBudget) -> String {
    let counts = UNITS.map(|(unit, seconds)| (unit, seconds / budget.period_s()));
    let whole = counts.iter().find(|(_, count)| *count >= 1.0 && (count - count.round()).abs() < 1e-9);
    whole.map_or_else(|| "1/month".to_owned(), |(unit, count)| format!("{}/{unit}", count.round()))
}

/// The same of a section of series: `1/day for all` is one budget for all of them.
pub(super) fn alarms_of_series(keys: &mut SectionReader<'_>) -> (Option<Option<AlarmBudget>>, bool) {
    let read = keys.parsed("alarms", |text| read(text).ok_or_else(|| no_budget(text)));
    read.map_or((None, false), |(budget, for_all)| (Some(budget), for_all))
}

fn no_budget(text: &str) -> String {
    not_allowed(
        text,
        "`off`, or a whole number an `hour`, `day`, `week` or `month` such as \
         `1/week`, at most one an hour",
    )
}

/// A budget, and whether it is for all; no budget for `off`.
fn read(text: &str) -> Option<(Option<AlarmBudget>, bool)> {
    if text.eq_ignore_ascii_case("off") {
        return Some((None, false));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match &words[..] {
        [rest @ .., last_but_one, last]
            if last_but_one.eq_ignore_ascii_case("for") && last.eq_ignore_ascii_case("all") =>
        {
            Some((Some(budget(&rest.concat())?), true))
        }
        _ => Some((Some(budget(text)?), false)),
    }
}

fn budget(text: &str) -> Option<AlarmBudget> {
    let (count, unit) = text.split_once('/')?;
    let count: u32 = count.trim().parse().ok().filter(|count| (1..=MOST).contains(count))?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
    AlarmBudget::new(f64::from(count), seconds).ok()
}

#[cfg(all(test, feature = "companion"))]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_written_as_it_is_read() {
        for text in ["1/hour", "5/day", "1/week", "10/week", "1/month", "7/month"] {
            let budget = alarm_budget(text).unwrap().unwrap();
            assert_eq!(budget_text(budget), text);
        }
    }
}
