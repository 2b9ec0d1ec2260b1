//! A monitor's message with Datadog's template variables filled in.
//!
//! | text | becomes |
//! |---|---|
//! | `{{value}}` | share of anomalous points, which is what `{{threshold}}` and `{{warn_threshold}}` are compared with |
//! | `{{observed}}`, `{{expected}}`, `{{lower}}`, `{{upper}}` | the bucket's value and band (not in Datadog) |
//! | `{{host.name}}`, `{{[my.key].name}}` | value of the group `host`, `my.key` |
//! | `{{#is_alert}}..{{else}}..{{/is_alert}}`, `{{^is_alert}}..{{/is_alert}}` | one branch or the other |
//! | `{{#is_match "host.name" "db"}}..{{/is_match}}`, `is_exact_match` | when the variable holds, or is, one of the texts |
//!
//! Conditions are `is_alert`, `is_warning`, `is_no_data`, `is_recovery`, `is_alert_recovery`, `is_warning_recovery`,
//! `is_no_data_recovery`, `is_alert_to_warning`, `is_no_data_to_alert` and `is_renotify`. What is not known stays as it is, as do
//! blocks that are not closed.

use std::borrow::Cow;

use super::alert::{Status, Transition};

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
    /// Value of the bucket.
    pub observed: Option<f64>,
    /// Expected value and lower and upper bound.
    pub band: Option<(f64, f64, f64)>,
    /// State now.
    pub status: Status,
    /// The change that the message is about; `None` for a reminder.
    pub transition: Option<Transition>,
    /// Groups of the series: tag key and value.
    pub groups: &'a [(&'a str, &'a str)],
}

/// Fills a template in.
///
/// ```
/// use fluent_anomaly::monitors::Status;
/// use fluent_anomaly::monitors::{Facts, render};
/// let facts = Facts {
///     share: 0.9, threshold: 0.8, warn_threshold: None, observed: None, band: None,
///     status: Status::Alert, transition: None, groups: &[("host", "web1")],
/// };
/// let template = "{{#is_alert}}{{host.name}}: {{value}} >= {{threshold}}{{/is_alert}} {{color}}";
/// assert_eq!(render(template, &facts), "web1: 0.9 >= 0.8 {{color}}");
/// ```
#[must_use]
pub fn render(template: &str, facts: &Facts<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    fill(template, facts, &mut out);
    out
}

/// Goes through nested blocks with a list, not with calls of itself: the stack of the filter's host has no room for deep
/// calls.
fn fill(template: &str, facts: &Facts<'_>, out: &mut String) {
    // texts behind the blocks that are open
    let mut behind = Vec::new();
    let mut rest = template;
    loop {
        let Some((before, tag, after)) = next_tag(rest) else {
            out.push_str(rest);
            let Some(text) = behind.pop() else { return };
            rest = text;
            continue;
        };
        out.push_str(before);
        rest = after;
        let block = tag
            .strip_prefix('#')
            .map(|head| (head, true))
            .or(tag.strip_prefix('^').map(|head| (head, false)));
        if let Some((head, wanted)) = block {
            let (name, arguments) = head.trim().split_once(char::is_whitespace).unwrap_or((head.trim(), ""));
            if behind.len() < DEEPEST
                && let Some(holds) = match name {
                    "is_match" => is_match(arguments, facts, |value, text| value.contains(text)),
                    "is_exact_match" => is_match(arguments, facts, |value, text| value == text),
                    _ => condition(name, facts),
                }
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

/// `"variable" "text" "text"`: whether the variable fits one of the texts.
#[inline(never)] // stack
fn is_match(arguments: &str, facts: &Facts<'_>, fits: fn(&str, &str) -> bool) -> Option<bool> {
    // every second piece stands between quotes
    let mut texts = arguments.split('"').skip(1).step_by(2);
    let value = variable(texts.next()?, facts)?;
    Some(texts.any(|text| fits(&value, text)))
}

#[inline(never)] // stack
fn variable<'a>(name: &str, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    match number(name, facts) {
        Some(number) => Some(Cow::Owned(number?.to_string())),
        None => group(name, facts).map(Cow::Borrowed),
    }
}

/// A number that the variable stands for; the outer `None`: it stands for none.
#[inline(never)] // stack
fn number(name: &str, facts: &Facts<'_>) -> Option<Option<f64>> {
    Some(match name {
        "value" => Some(facts.share),
        "threshold" => Some(facts.threshold),
        "warn_threshold" => facts.warn_threshold,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GROUPS: &[(&str, &str)] = &[("host", "web1"), ("device", "sda"), ("my.key", "x")];

    fn facts(status: Status, from: Option<Status>) -> Facts<'static> {
        Facts {
            share: 1.0,
            threshold: 0.8,
            warn_threshold: None,
            observed: Some(97.25),
            band: Some((50.0, 40.5, 60.0)),
            status,
            transition: from.map(|from| Transition { from, to: status }),
            groups: GROUPS,
        }
    }

    #[test]
    fn variables_are_filled_in_and_unknown_ones_stay() {
        let facts = facts(Status::Alert, None);
        for (template, text) in [
            ("{{value}}/{{ threshold }}", "1/0.8"),
            ("{{warn_threshold}}", "{{warn_threshold}}"),
            ("{{host.name}} {{device.name}} {{host}} {{[my.key].name}}", "web1 sda web1 x"),
            ("{{observed}} in {{lower}}..{{upper}}, about {{expected}}", "97.25 in 40.5..60, about 50"),
            ("{{color}} {{host.ip}} {{}} {{ }}", "{{color}} {{host.ip}} {{}} {{ }}"),
            ("{{ {{value}} }}", "{{ 1 }}"),
            ("{{value", "{{value"),
            ("@slack-ops 100 % {value}", "@slack-ops 100 % {value}"),
        ] {
            assert_eq!(render(template, &facts), text);
        }
    }

    #[test]
    fn each_condition_holds_in_its_state_only() {
        use Status::{Alert, NoData, Ok, Warn};
        let states = [
            (Alert, Some(Ok)),
            (Warn, Some(Alert)),
            (NoData, Some(Ok)),
            (Ok, Some(Alert)),
            (Ok, Some(Warn)),
            (Ok, Some(NoData)),
            (Alert, Some(NoData)),
            (Alert, None),
        ];
        for (condition, holds) in [
            ("is_alert", "y.....yy"),
            ("is_warning", ".y......"),
            ("is_no_data", "..y....."),
            ("is_recovery", "...yyy.."),
            ("is_alert_recovery", "...y...."),
            ("is_warning_recovery", "....y..."),
            ("is_no_data_recovery", ".....y.."),
            ("is_alert_to_warning", ".y......"),
            ("is_no_data_to_alert", "......y."),
            ("is_renotify", ".......y"),
        ] {
            for ((status, from), expected) in states.into_iter().zip(holds.chars()) {
                let template = format!(
                    "{{{{#{condition}}}}}y{{{{/{condition}}}}}{{{{^{condition}}}}}.{{{{/{condition}}}}}"
                );
                assert_eq!(
                    render(&template, &facts(status, from)),
                    expected.to_string(),
                    "{condition} {status} {from:?}"
                );
            }
        }
    }

    #[test]
    fn blocks_nest_and_have_two_branches() {
        let facts = facts(Status::Alert, None);
        for (template, text) in [
            ("{{#is_alert}}a{{#is_warning}}w{{/is_warning}}{{value}}{{/is_alert}}.", "a1."),
            ("{{#is_warning}}w{{else}}{{#is_alert}}a{{else}}b{{/is_alert}}{{/is_warning}}", "a"),
            ("{{#is_alert}}a{{^is_alert}}b{{/is_alert}}c{{/is_alert}}", "ac"),
            ("{{#is_match \"host.name\" \"db\" \"web\"}}y{{/is_match}}", "y"),
            ("{{#is_match \"host.name\" \"db\"}}y{{else}}n{{/is_match}}", "n"),
            ("{{#is_exact_match \"host.name\" \"web\"}}y{{/is_exact_match}}", ""),
            ("{{#is_exact_match \"host.name\" \"web1\"}}y{{/is_exact_match}}", "y"),
        ] {
            assert_eq!(render(template, &facts), text, "{template}");
        }
    }

    #[test]
    fn blocks_that_are_unknown_or_not_closed_stay() {
        let facts = facts(Status::Ok, None);
        for template in [
            "{{#is_alert}} open",
            "closed {{/is_alert}}",
            "{{#is_alert}}a{{#is_warning}}b{{/is_alert}}c{{/is_warning}}",
            "{{#is_blue}}x{{/is_blue}}",
            "{{else}}",
        ] {
            assert_eq!(render(template, &facts), template);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rendered_without_harm(parts in proptest::collection::vec(
            prop_oneof![Just("{{#is_alert}}".to_owned()), Just("{{/is_alert}}".to_owned()), Just("{{else}}".to_owned()),
                Just("{{".to_owned()), Just("}}".to_owned()), Just("{{value}}".to_owned()), ".{0,4}"], 0..60)
        ) {
            let template = parts.concat();
            let text = render(&template, &facts(Status::Ok, None));
            prop_assert!(text.len() <= template.len());
        }

        #[test]
        fn text_without_braces_is_not_changed(template in "[^{]{0,80}") {
            prop_assert_eq!(render(&template, &facts(Status::Alert, None)), template);
        }
    }
}
