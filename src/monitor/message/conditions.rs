//! `{{#is_alert}}`, `{{#is_match "host.name" "db"}}`: whether a condition holds.

use std::borrow::Cow;

use super::Facts;
use super::rounded::rounded;
use super::variables::{evaluated, number, variable};
use crate::monitor::alert::{Status, Transition};

/// Whether a condition with its arguments holds; `None` for what is none.
#[inline(never)] // stack
pub(super) fn holds(head: &str, facts: &Facts<'_>) -> Option<bool> {
    let (name, arguments) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    match name {
        "is_match" => is_match(arguments, facts, |value, text| value.contains(text)),
        "is_exact_match" => is_match(arguments, facts, is_same),
        "is_priority" => is_priority(arguments, facts),
        _ => condition(name, facts),
    }
}

/// Numbers are the same whatever their text.
fn is_same(value: &str, text: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    value == text || number(value).is_some_and(|value| number(text) == Some(value))
}

#[inline(never)] // stack
fn condition(name: &str, facts: &Facts<'_>) -> Option<bool> {
    let change = |from, to| facts.transition == Some(Transition { from, to });
    Some(match name {
        "is_alert" => facts.status == Status::Alert,
        "is_warning" => facts.status == Status::Warn,
        "is_no_data" => facts.status == Status::NoData,
        "is_recovery" => facts.status == Status::Ok && facts.transition.is_some(),
        "is_alert_recovery" => change(Status::Alert, Status::Ok),
        "is_warning_recovery" => change(Status::Warn, Status::Ok),
        "is_no_data_recovery" => change(Status::NoData, Status::Ok),
        "is_alert_to_warning" => change(Status::Alert, Status::Warn),
        "is_no_data_to_alert" => change(Status::NoData, Status::Alert),
        "is_renotify" => facts.transition.is_none(),
        // a state that metric monitors do not have
        "is_unknown" => false,
        _ => return None,
    })
}

/// `'P1'` to `'P5'`, in quotes or not.
#[inline(never)] // stack
fn is_priority(arguments: &str, facts: &Facts<'_>) -> Option<bool> {
    let given = arguments.trim().trim_matches(['"', '\'']);
    let asked: u8 = given.strip_prefix(['P', 'p'])?.parse().ok()?;
    (1..=5).contains(&asked).then_some(facts.priority == Some(asked))
}

/// `"variable" "text" "text"`, or `(eval "expression") "text"`: whether it fits one of the texts. What has no value, and a
/// tag by which the series are not grouped, is empty.
#[inline(never)] // stack
fn is_match(arguments: &str, facts: &Facts<'_>, fits: fn(&str, &str) -> bool) -> Option<bool> {
    // every second piece stands between quotes
    let quote = if arguments.contains('"') { '"' } else { '\'' };
    let mut texts = arguments.split(quote).skip(1).step_by(2);
    if arguments.trim_start().starts_with("(eval") {
        let value = evaluated(arguments, facts)?;
        return Some(texts.skip(1).any(|text| fits(&value, text)));
    }
    let asked = texts.next().filter(|asked| !asked.is_empty() && !asked.contains(char::is_whitespace))?;
    let value = match number(asked, facts) {
        Some(number) => Cow::Owned(number.map_or_else(String::new, rounded)),
        None => variable(asked, facts).unwrap_or_default(),
    };
    Some(texts.any(|text| fits(&value, text)))
}
