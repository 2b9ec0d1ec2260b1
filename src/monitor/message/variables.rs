//! `{{value}}`, `{{host.name}}`, `{{eval "..."}}`: what a variable becomes.

use std::borrow::Cow;
use std::cell::Cell;

use super::Facts;
use super::rounded::rounded;
use super::times::{local_time, moment_s, utc};
use crate::monitor::alert::Triggered;
use crate::monitor::expression::evaluate;

/// What a variable becomes that is known and has no value: a warning threshold where there is none, a band in warm-up.
const NONE: &str = "n/a";
/// What `{{observed}}` becomes where the message is about silence.
const NO_DATA: &str = "no data";

/// The text of a variable; `None` for what is not known.
#[inline(never)] // stack
pub(super) fn variable<'a>(name: &str, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    if let Some(number) = number(name, facts) {
        return Some(match number {
            Some(number) => Cow::Owned(rounded(number)),
            None if name == "observed" => Cow::Borrowed(NO_DATA),
            None => Cow::Borrowed(NONE),
        });
    }
    let time = |text: Option<String>| text.map_or(Cow::Borrowed(NONE), Cow::Owned);
    if let Some(time_s) = moment_s(name, facts) {
        return Some(time(utc(time_s)));
    }
    match name.split([' ', '\'', '"']).next().unwrap_or_default() {
        "comparator" => Some(Cow::Borrowed(">=")),
        "local_time" => local_time(name, facts).map(time),
        "eval" => evaluated(name, facts),
        "urlencode" => url_encoded(name, facts).map(Cow::Owned),
        _ => group(name, facts).map(Cow::Borrowed),
    }
}

/// A number that the variable stands for; the outer `None`: it stands for none.
#[inline(never)] // stack
pub(super) fn number(name: &str, facts: &Facts<'_>) -> Option<Option<f64>> {
    let millis = |time_s: i64| time_s as f64 * 1000.0;
    Some(match name {
        "value" => Some(facts.share),
        "threshold" => Some(facts.threshold),
        "warn_threshold" => facts.warn_threshold,
        "alert_recovery_threshold" => Some(facts.recovery_thresholds.0),
        "warn_recovery_threshold" => facts.recovery_thresholds.1,
        "triggered_duration_sec" => facts.triggered.map(|triggered| triggered.duration_s().into()),
        "observed" => facts.observed,
        "expected" => facts.band.map(|(expected, ..)| expected),
        "lower" => facts.band.map(|(_, lower, _)| lower),
        "upper" => facts.band.map(|(.., upper)| upper),
        "first_triggered_at_epoch" => facts.triggered.map(Triggered::first_s).map(millis),
        "last_triggered_at_epoch" => facts.triggered.map(Triggered::last_s).map(millis),
        _ => return None,
    })
}

/// The variable of `urlencode "variable"`, its bytes escaped but for letters, digits and `-._~` (RFC 3986, 2.3).
#[inline(never)] // stack
fn url_encoded(call: &str, facts: &Facts<'_>) -> Option<String> {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let name = call.split(['\'', '"']).nth(1)?;
    let value = match (number(name, facts), moment_s(name, facts)) {
        (Some(number), _) => Cow::Owned(number.map_or_else(String::new, rounded)),
        (_, Some(time_s)) => Cow::Owned(utc(time_s).unwrap_or_default()),
        _ => Cow::Borrowed(group(name, facts)?),
    };
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(HEX.get(usize::from(byte >> 4)));
            out.extend(HEX.get(usize::from(byte & 15)));
        }
    }
    Some(out)
}

/// The result of `eval "expression"`.
#[inline(never)] // stack
pub(super) fn evaluated<'a>(call: &str, facts: &Facts<'_>) -> Option<Cow<'a, str>> {
    let expression = call.split(['\'', '"']).nth(1)?;
    let lacks_a_value = Cell::new(false);
    let variable = |name: &str| match number(name, facts) {
        Some(Some(number)) => Some(number),
        Some(None) => {
            lacks_a_value.set(true);
            Some(1.0)
        }
        None => group(name, facts)?.parse().ok(),
    };
    let result = evaluate(expression, &variable);
    if lacks_a_value.get() {
        return Some(Cow::Borrowed(NONE));
    }
    result.map(|result| Cow::Owned(rounded(result)))
}

/// `host.name` or `[my.key].name`.
#[inline(never)] // stack
fn group<'a>(name: &str, facts: &Facts<'a>) -> Option<&'a str> {
    let key = name.strip_suffix(".name").unwrap_or(name);
    let key = key.strip_prefix('[').and_then(|key| key.strip_suffix(']')).unwrap_or(key);
    facts.groups.iter().find(|(group, _)| *group == key).map(|(_, value)| *value)
}
