//! A monitor's message with Datadog's template variables filled in.
//!
//! | text | becomes |
//! |---|---|
//! | `{{value}}` | share of anomalous points, which is what `{{threshold}}` and `{{warn_threshold}}` are compared with |
//! | `{{observed}}`, `{{expected}}`, `{{lower}}`, `{{upper}}` | the bucket's value and band (not in Datadog) |
//! | `{{host.name}}`, `{{[my.key].name}}` | value of the group `host`, `my.key` |
//! | `{{comparator}}` | `>=` |
//! | `{{alert_recovery_threshold}}`, `{{warn_recovery_threshold}}` | below which the monitor recovers |
//! | `{{first_triggered_at}}`, `{{last_triggered_at}}` | when the state left OK, and when it became what it is; in UTC, `{{local_time 'last_triggered_at' 'Europe/Vienna'}}` in a zone |
//! | `{{first_triggered_at_epoch}}`, `{{last_triggered_at_epoch}}` | the same in milliseconds since 1970 |
//! | `{{triggered_duration_sec}}` | seconds since the state left OK |
//! | `{{eval "round(value * 100, 1)"}}` | the result of `+ - * / % ^`, parentheses and functions over numbers and variables |
//! | `{{urlencode "host.name"}}` | the variable as a part of an address |
//! | `{{{...}}}` | the same without Datadog's escapes, of which there are none here |
//! | `{{{{raw}}}}..{{{{/raw}}}}` | what stands in it, braces and all |
//! | `{{!-- ... --}}`, `{{! ... }}` | nothing: a comment |
//! | `{{#is_alert}}..{{else}}..{{/is_alert}}`, `{{^is_alert}}..{{/is_alert}}` | one branch or the other |
//! | `{{#is_match "host.name" "db"}}..{{/is_match}}`, `is_exact_match` | when the variable holds, or is, one of the texts; `(eval "...")` stands for a variable |
//! | `{{#is_priority 'P1'}}..{{/is_priority}}` | when the monitor has this priority |
//!
//! Conditions are `is_alert`, `is_warning`, `is_no_data`, `is_recovery`, `is_alert_recovery`, `is_warning_recovery`,
//! `is_no_data_recovery`, `is_alert_to_warning`, `is_no_data_to_alert`, `is_renotify`, and `is_unknown`, which never holds.
//! What is known and has no value is `n/a`: a warning threshold where there is none. In a message about silence
//! `{{observed}}` is `no data`. To conditions these are empty, and so is a tag by which the series are not grouped. What is
//! not known stays as it is, as do blocks that are not closed; [`unknown`] tells them.

mod conditions;
mod raw;
mod rounded;
#[cfg(test)]
mod tests;
mod times;
mod variables;

use std::borrow::Cow;

use conditions::holds;
use raw::raw_block;
use variables::variable;

use super::alert::{Status, Transition, Triggered};
use super::spec::MonitorSpec;

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
    /// When the state left OK.
    pub triggered: Option<Triggered>,
    /// The monitor's priority, 1 to 5.
    pub priority: Option<u8>,
    /// Groups of the series: tag key and value.
    pub groups: &'a [(&'a str, &'a str)],
}

impl Facts<'_> {
    /// What the variables stand for that a monitor itself says, in a state with so large a share of anomalous points.
    #[must_use]
    pub fn of(spec: &MonitorSpec, status: Status, share: f64) -> Self {
        Self {
            share,
            threshold: spec.critical,
            warn_threshold: spec.warning,
            recovery_thresholds: (spec.critical_recovery, spec.warning.map(|_| spec.warning_recovery)),
            observed: None,
            band: None,
            status,
            transition: None,
            triggered: None,
            priority: spec.priority,
            groups: &[],
        }
    }
}

/// Fills a template in.
///
/// ```
/// use fluent_anomaly::monitors::Status;
/// use fluent_anomaly::monitors::{Facts, render};
/// let facts = Facts {
///     share: 0.9, threshold: 0.8, warn_threshold: None, recovery_thresholds: (0.0, None),
///     observed: None, band: None, status: Status::Alert, transition: None, triggered: None, priority: None,
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
    // of "{{ {{value}}" the inner pair counts; `rfind` of a text would be 2 kB of the filter
    match tag.as_bytes().windows(2).rposition(|pair| pair == b"{{") {
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
        triggered: Some(Triggered::new(0, 0, 0)),
        priority: None,
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
