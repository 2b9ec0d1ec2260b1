//! A monitor's message with Datadog's template variables filled in.
//!
//! | text | becomes |
//! |---|---|
//! | `{{value}}` | share of anomalous points, which is what `{{threshold}}` and `{{warn_threshold}}` are compared with |
//! | `{{observed}}`, `{{expected}}`, `{{lower}}`, `{{upper}}` | the bucket's value and band (not in Datadog) |
//! | `{{host.name}}`, `{{[my.key].name}}` | value of the group `host`, `my.key` |
//! | `{{comparator}}` | `>=` |
//! | `{{alert_recovery_threshold}}`, `{{warn_recovery_threshold}}` | below which the monitor recovers |
//! | `{{last_triggered_at}}` | when, in UTC; `{{local_time 'last_triggered_at' 'Europe/Vienna'}}` in a zone |
//! | `{{last_triggered_at_epoch}}` | the same in milliseconds since 1970 |
//! | `{{eval "round(value * 100, 1)"}}` | the result of `+ - * / % ^`, parentheses and functions over numbers and variables |
//! | `{{urlencode "host.name"}}` | the variable as a part of an address |
//! | `{{{...}}}` | the same without Datadog's escapes, of which there are none here |
//! | `{{{{raw}}}}..{{{{/raw}}}}` | what stands in it, braces and all |
//! | `{{!-- ... --}}`, `{{! ... }}` | nothing: a comment |
//! | `{{#is_alert}}..{{else}}..{{/is_alert}}`, `{{^is_alert}}..{{/is_alert}}` | one branch or the other |
//! | `{{#is_match "host.name" "db"}}..{{/is_match}}`, `is_exact_match` | when the variable holds, or is, one of the texts; `(eval "...")` stands for a variable |
//!
//! Conditions are `is_alert`, `is_warning`, `is_no_data`, `is_recovery`, `is_alert_recovery`, `is_warning_recovery`,
//! `is_no_data_recovery`, `is_alert_to_warning`, `is_no_data_to_alert` and `is_renotify`. To conditions a tag by which the
//! series are not grouped is empty. What is not known stays as it is, as do blocks that are not closed; [`unknown`] tells
//! them.

mod raw;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use raw::raw_block;

use super::alert::{Status, Transition};
use super::expression::evaluate;
use super::zone::Zone;
use crate::time::{date_of, utc_text};

/// Deepest nesting of blocks that is evaluated; deeper ones stay as they are.
const DEEPEST: usize = 16;

/// What the variables of a message stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts<'a> {
    /// Share of anomalous points in the trigger window.
    pub share: f64,
    /// The monitor's critical threshold.
    pub threshold: f64,
    /// The monitor's warning threshold.
    pub warn_threshold: Option<f64>,
    /// Shares below which the monitor recovers from an alert and from a warning.
    pub recovery_thresholds: (f64, Option<f64>),
    /// Value of the bucket.
    pub observed: Option<f64>,
    /// Expected value and lower and upper bound.
    pub band: Option<(f64, f64, f64)>,
    /// State now.
    pub status: Status,
    /// The change that the message is about; `None` for a reminder.
    pub transition: Option<Transition>,
    /// Event time of the change, seconds of UTC.
    pub time_s: Option<i64>,
    /// Groups of the series: tag key and value.
    pub groups: &'a [(&'a str, &'a str)],
}

/// Fills a template in.
///
/// ```
/// use fluent_anomaly::monitors::Status;
/// use fluent_anomaly::monitors::{Facts, render};
/// let facts = Facts {
///     share: 0.9, threshold: 0.8, warn_threshold: None, recovery_thresholds: (0.0, None),
///     observed: None, band: None, status: Status::Alert, transition: None, time_s: None,
///     groups: &[("host", "web1")],
/// };
/// let template = "{{#is_alert}}{{host.name}}: {{value}} >= {{threshold}}{{/is_alert}} {{color}}";
/// assert_eq!(render(template, &facts), "web1: 0.9 >= 0.8 {{color}}");
/// ```
#[must_use]
pub fn render(template: &str, facts: &Facts<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    fill(&without_comments(template), facts, &mut out);
    out
}

/// Without `{{!-- ... --}}`, in which anything may stand, and `{{!-- ... }}`, in which no tag stands.
#[inline(never)] // stack
fn without_comments(template: &str) -> Cow<'_, str> {
    if !template.contains("{{!--") {
        return Cow::Borrowed(template);
    }
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, comment)) = rest.split_once("{{!--") {
        let is_short = comment.split_once("}}").is_some_and(|(inner, _)| !inner.contains("{{"));
        let Some((_, after)) = comment.split_once(if is_short { "}}" } else { "--}}" }) else { break };
        out.push_str(before);
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Goes through nested blocks with a list, not with calls of itself: the stack of the filter's host has no room for deep
/// calls.
fn fill(template: &str, facts: &Facts<'_>, out: &mut String) {
    // texts behind the blocks that are open
    let mut behind = Vec::new();
    let mut rest = template;
    loop {
        if let Some(block) = raw_block(rest, facts) {
            out.push_str(block.before);
            out.push_str(block.text);
            rest = block.after;
            continue;
        }
        let Some((before, tag, after)) = next_tag(rest) else {
            out.push_str(rest);
            let Some(text) = behind.pop() else { return };
            rest = text;
            continue;
        };
        out.push_str(before);
        rest = after;
        if tag.starts_with('!') {
            continue;
        }
        if let Some(raw) = tag.strip_prefix('{')
            && let Some(behind) = rest.strip_prefix('}')
            && let Some(value) = variable(raw.trim(), facts)
        {
            out.push_str(&value);
            rest = behind;
            continue;
        }
        let block = tag
            .strip_prefix('#')
            .map(|head| (head, true))
            .or(tag.strip_prefix('^').map(|head| (head, false)));
        if let Some((head, wanted)) = block {
            let name = head.trim().split(char::is_whitespace).next().unwrap_or_default();
            if behind.len() < DEEPEST
                && let Some(holds) = holds(head.trim(), facts)
                && let Some((then, otherwise, after)) = body(rest, name)
            {
                behind.push(after);
                rest = if holds == wanted { then } else { otherwise };
                continue;
            }
        } else if let Some(value) = variable(tag.trim(), facts) {
            out.push_str(&value);
            continue;
        }
        for text in ["{{", tag, "}}"] {
            out.push_str(text);
        }
    }
}

/// Text before the next `{{..}}`, what stands in it, and the text behind.
fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (tag, after) = rest.split_once("}}")?;
    // of "{{ {{value}}" the inner pair counts
    match tag.rfind("{{") {
        None => Some((before, tag, after)),
        Some(inner) => {
            let start = before.len() + 2 + inner;
            let (before, rest) = text.split_at_checked(start)?;
            let tag = rest.strip_prefix("{{")?.split_once("}}")?.0;
            Some((before, tag, after))
        }
    }
}

/// Splits what follows an opening tag into its branches and the rest behind the closing one.
#[inline(never)] // stack
fn body<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut rest = text;
    let mut open = 0usize;
    let mut middle = None;
    while let Some((_, tag, after)) = next_tag(rest) {
        let tag_start = text.len() - after.len() - tag.len() - 4;
        let tag = tag.trim();
        if tag.starts_with(['#', '^']) {
            open += 1;
        } else if let Some(closed) = tag.strip_prefix('/') {
            if open == 0 {
                let then = text.get(..middle.map_or(tag_start, |(end, _)| end))?;
                let otherwise = middle.map_or(Some(""), |(_, start)| text.get(start..tag_start))?;
                return (closed.trim() == name).then_some((then, otherwise, after));
            }
            open -= 1;
        } else if tag == "else" && open == 0 && middle.is_none() {
            middle = Some((tag_start, text.len() - after.len()));
        }
        rest = after;
    }
    None
}

/// Whether a condition with its arguments holds; `None` for what is none.
#[inline(never)] // stack
fn holds(head: &str, facts: &Facts<'_>) -> Option<bool> {
    let (name, arguments) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    match name {
        "is_match" => is_match(arguments, facts, |value, text| value.contains(text)),
        "is_exact_match" => is_match(arguments, facts, is_same),
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
        _ => return None,
    })
}

/// `"variable" "text" "text"`, or `(eval "expression") "text"`: whether it fits one of the texts.
#[inline(never)] // stack
fn is_match(arguments: &str, facts: &Facts<'_>, fits: fn(&str, &str) -> bool) -> Option<bool> {
    // every second piece stands between quotes
    let quote = if arguments.contains('"') { '"' } else { '\'' };
    let mut texts = arguments.split(quote).skip(1).step_by(2);
    if arguments.trim_start().starts_with("(eval") {
        let value = evaluated(arguments, facts)?;
        return Some(texts.skip(1).any(|text| fits(&value, text)));
    }
    let asked = texts.next()?;
    let value = variable(asked, facts).or_else(|| is_tag(asked).then_some(Cow::Borrowed("")))?;
    Some(texts.any(|text| fits(&value, text)))
}

#[inline(never)] // stack
fn variable<'a>(name: &str, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    if let Some(number) = number(name, facts) {
        return Some(Cow::Owned(rounded(number?)));
    }
    if name == "comparator" {
        return Some(Cow::Borrowed(">="));
    }
    let is_call =
        |called: &str| name.strip_prefix(called).is_some_and(|rest| rest.starts_with([' ', '\'', '"']));
    if name == "last_triggered_at" || is_call("local_time") {
        return local_time(name, facts).map(Cow::Owned);
    }
    if is_call("eval") {
        return evaluated(name, facts).map(Cow::Owned);
    }
    if is_call("urlencode") {
        return url_encoded(name, facts).map(Cow::Owned);
    }
    group(name, facts).map(Cow::Borrowed)
}

/// Whether a name can be that of a tag: anything but the numbers of this template language.
fn is_tag(name: &str) -> bool {
    const NUMBERS: [&str; 10] = [
        "value",
        "threshold",
        "warn_threshold",
        "alert_recovery_threshold",
        "warn_recovery_threshold",
        "last_triggered_at_epoch",
        "observed",
        "expected",
        "lower",
        "upper",
    ];
    !name.is_empty() && !name.contains(char::is_whitespace) && !NUMBERS.contains(&name)
}

/// The variable of `urlencode "variable"`, its bytes escaped but for letters, digits and `-._~` (RFC 3986, 2.3).
#[inline(never)] // stack
fn url_encoded(call: &str, facts: &Facts<'_>) -> Option<String> {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let name = call.split(['\'', '"']).nth(1)?;
    let value = match number(name, facts) {
        Some(number) => Cow::Owned(rounded(number?)),
        None => Cow::Borrowed(group(name, facts)?),
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
fn evaluated(call: &str, facts: &Facts<'_>) -> Option<String> {
    let expression = call.split(['\'', '"']).nth(1)?;
    let variable = |name: &str| number(name, facts)?.or_else(|| group(name, facts)?.parse().ok());
    evaluate(expression, &variable).map(rounded)
}

/// `last_triggered_at`, or `local_time 'last_triggered_at' 'Europe/Vienna'`.
#[inline(never)] // stack
fn local_time(call: &str, facts: &Facts<'_>) -> Option<String> {
    let time_s = facts.time_s?;
    let mut texts = call.split(['\'', '"']).skip(1).step_by(2);
    let zone = match (texts.next(), texts.next()) {
        (None, _) => None,
        (Some("last_triggered_at"), zone) => Some(Zone::named(zone.unwrap_or("UTC")).ok()?),
        _ => return None,
    };
    let Some(zone) = zone else { return Some(utc_text(time_s)) };
    let offset_s = zone.span(time_s).offset_s;
    let local = time_s.saturating_add(offset_s.into());
    let ((year, month, day), of_day) = (date_of(local.div_euclid(86_400)), local.rem_euclid(86_400));
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let (sign, offset) = if offset_s < 0 { ('-', -offset_s) } else { ('+', offset_s) };
    Some(format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}",
        offset / 3600,
        offset / 60 % 60
    ))
}

/// What a template holds that is not known here, each once: Datadog may know it, this program leaves it as it is.
#[must_use]
pub(crate) fn unknown(template: &str, groups: &[&str]) -> Vec<String> {
    let values: Vec<(&str, &str)> = groups.iter().map(|group| (*group, "1")).collect();
    let facts = Facts {
        share: 1.0,
        threshold: 1.0,
        warn_threshold: Some(1.0),
        recovery_thresholds: (1.0, Some(1.0)),
        observed: Some(1.0),
        band: Some((1.0, 1.0, 1.0)),
        status: Status::Ok,
        transition: None,
        time_s: Some(0),
        groups: &values,
    };
    let mut found: Vec<String> = Vec::new();
    let template = without_comments(template);
    let mut rest = &template[..];
    loop {
        if let Some(block) = raw_block(rest, &facts) {
            rest = block.after;
            continue;
        }
        let Some((_, tag, after)) = next_tag(rest) else { break };
        rest = after;
        let trimmed = tag.trim();
        let known = match trimmed.chars().next() {
            Some('#' | '^') => holds(trimmed.get(1..).unwrap_or_default().trim(), &facts).is_some(),
            Some('/' | '!') | None => true,
            Some('{') => variable(trimmed.trim_start_matches('{').trim(), &facts).is_some(),
            _ => trimmed == "else" || variable(trimmed, &facts).is_some(),
        };
        let shown = format!("{{{{{tag}}}}}");
        if !known && !found.contains(&shown) {
            found.push(shown);
        }
    }
    found
}

/// Four digits that count, and all before the point: `1.432`, `97.25`, `12346`, `0.00001234`.
#[inline(never)] // stack
fn rounded(value: f64) -> String {
    const DIGITS: usize = 4;
    const MOST_DECIMALS: usize = 12;
    let (mut size, mut decimals) = (value.abs(), DIGITS - 1);
    while size >= 10.0 && decimals > 0 {
        size /= 10.0;
        decimals -= 1;
    }
    while size > 0.0 && size < 1.0 && decimals < MOST_DECIMALS {
        size *= 10.0;
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A number that the variable stands for; the outer `None`: it stands for none.
#[inline(never)] // stack
fn number(name: &str, facts: &Facts<'_>) -> Option<Option<f64>> {
    Some(match name {
        "value" => Some(facts.share),
        "threshold" => Some(facts.threshold),
        "warn_threshold" => facts.warn_threshold,
        "alert_recovery_threshold" => Some(facts.recovery_thresholds.0),
        "warn_recovery_threshold" => facts.recovery_thresholds.1,
        "last_triggered_at_epoch" => facts.time_s.map(|time_s| time_s as f64 * 1000.0),
        "observed" => facts.observed,
        "expected" => facts.band.map(|(expected, ..)| expected),
        "lower" => facts.band.map(|(_, lower, _)| lower),
        "upper" => facts.band.map(|(.., upper)| upper),
        _ => return None,
    })
}

/// `host.name` or `[my.key].name`.
#[inline(never)] // stack
fn group<'a>(name: &str, facts: &Facts<'a>) -> Option<&'a str> {
    let key = name.strip_suffix(".name").unwrap_or(name);
    let key = key.strip_prefix('[').and_then(|key| key.strip_suffix(']')).unwrap_or(key);
    facts.groups.iter().find(|(group, _)| *group == key).map(|(_, value)| *value)
}
