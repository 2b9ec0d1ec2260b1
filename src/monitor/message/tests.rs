use super::rounded::rounded;
use super::*;
use proptest::prelude::*;

const GROUPS: &[(&str, &str)] = &[("host", "web1"), ("device", "sda"), ("my.key", "x")];

fn facts(status: Status, from: Option<Status>) -> Facts<'static> {
    Facts {
        share: 1.0,
        threshold: 0.8,
        warn_threshold: None,
        recovery_thresholds: (0.5, Some(0.25)),
        observed: Some(97.25),
        band: Some((50.0, 40.5, 60.0)),
        status,
        transition: from.map(|from| Transition { from, to: status }),
        triggered: Some(Triggered::new(1_700_000_000 - 480, 1_700_000_000, 1_700_000_060)),
        priority: Some(2),
        groups: GROUPS,
    }
}

#[test]
fn variables_are_filled_in_and_unknown_ones_stay() {
    let facts = facts(Status::Alert, None);
    for (template, text) in [
        ("{{value}}/{{ threshold }}", "1/0.8"),
        ("{{warn_threshold}}", "n/a"),
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
fn comments_raw_values_times_and_expressions() {
    let facts = facts(Status::Alert, None);
    for (template, text) in [
        ("a{{! b }}c{{!-- {{value}} --}}d", "acd"),
        ("{{{value}}} {{{ host.name }}}", "1 web1"),
        ("a{{!-- b }}c{{!-- d --}}e", "ace"),
        ("share {{comparator}} {{threshold}}", "share >= 0.8"),
        ("{{alert_recovery_threshold}} {{warn_recovery_threshold}}", "0.5 0.25"),
        ("{{last_triggered_at_epoch}}", "1700000000000"),
        ("from_ts={{eval \"last_triggered_at_epoch-15*60*1000\"}}", "from_ts=1699999100000"),
        ("{{eval \"round(observed / 7, 1)\"}} {{eval \"int(observed)\"}}", "13.9 97"),
        ("?q={{urlencode \"host.name\"}}&v={{urlencode \"value\"}}", "?q=web1&v=1"),
        ("{{urlencode \"env.name\"}}", "{{urlencode \"env.name\"}}"),
        ("a {{{{raw}}}} {{ .x }}{{value}} {{{{/raw}}}} {{value}}", "a  {{ .x }}{{value}}  1"),
        ("{{{{raw}}}}(KST){{{{/raw}}}}{{{{raw}}}}{{a}}{{{{/raw}}}}", "(KST){{a}}"),
        ("{{{{is_match \"host.name\" \"web\"}}}}{{ .y }}{{{{/is_match}}}}", "{{ .y }}"),
        ("{{{{is_match \"host.name\" \"db\"}}}}{{ .y }}{{{{/is_match}}}}.", "."),
        ("{{{{raw}}}} open {{value}}", "{{{{raw}}}} open 1"),
        ("{{{{value}}}}", "{{1}}"),
        ("{{last_triggered_at}}", "2023-11-14T22:13:20Z"),
        ("{{first_triggered_at}}", "2023-11-14T22:05:20Z"),
        ("{{first_triggered_at_epoch}}", "1699999520000"),
        ("{{triggered_duration_sec}} s", "540 s"),
        ("{{eval \"int(triggered_duration_sec / 60)\"}} min", "9 min"),
        ("{{{triggered_duration_sec}}}", "540"),
        (
            "{{local_time 'first_triggered_at' 'Asia/Seoul'}}{{{{raw}}}}(KST){{{{/raw}}}}",
            "2023-11-15 07:05:20+09:00(KST)",
        ),
        ("{{local_time \"last_triggered_at\" \"Asia/Seoul\"}}", "2023-11-15 07:13:20+09:00"),
        ("{{local_time 'last_triggered_at'}}", "2023-11-14 22:13:20+00:00"),
        ("?since={{urlencode \"first_triggered_at\"}}", "?since=2023-11-14T22%3A05%3A20Z"),
        ("{{#is_exact_match \"triggered_duration_sec\" \"540.0\"}}y{{/is_exact_match}}", "y"),
        ("{{#is_match \"first_triggered_at\" \"2023-11\"}}y{{/is_match}}", "y"),
        ("{{last_triggered}} {{triggered_duration}}", "{{last_triggered}} {{triggered_duration}}"),
        ("{{local_time 'value' 'UTC'}}", "{{local_time 'value' 'UTC'}}"),
        ("{{local_time 'last_triggered_at' 'Europe/Vienna'}}", "2023-11-14 23:13:20+01:00"),
        ("{{local_time 'last_triggered_at' 'America/New_York'}}", "2023-11-14 17:13:20-05:00"),
        ("{{local_time 'last_triggered_at' 'Mars'}}", "{{local_time 'last_triggered_at' 'Mars'}}"),
        ("{{eval \"value * 100\"}} %", "100 %"),
        ("{{eval \"(observed - expected) / expected\"}}", "0.945"),
        ("{{eval \"-(1+2)*3/4\"}}", "-2.25"),
        ("{{eval \"1/0\"}}{{eval \"1+\"}}{{eval \"x\"}}", "{{eval \"1/0\"}}{{eval \"1+\"}}{{eval \"x\"}}"),
    ] {
        assert_eq!(render(template, &facts), text, "{template}");
    }
}

#[test]
fn what_is_not_known_is_listed() {
    let template = "{{value}} {{color}} {{host.name}} {{env.name}} {{#is_blue}}x{{else}}y{{/is_blue}} {{color}} \
                    {{#is_match \"env.name\" \"a\"}}{{/is_match}} {{eval \"value\"}} {{! note }}";
    assert_eq!(unknown(template, &["host"]), ["{{color}}", "{{env.name}}", "{{#is_blue}}"]);
    let template = "{{{{raw}}}}{{color}}{{{{/raw}}}}{{last_triggered_at_epoch}}{{urlencode \"host.name\"}}\
                    {{#is_match (eval \"int(value)\") \"1\"}}{{/is_match}}{{first_triggered_at}}\
                    {{triggered_duration_sec}}{{ok_threshold}}{{#is_priority 'P1'}}{{/is_priority}}\
                    {{#is_priority 'high'}}{{/is_priority}}{{#is_unknown}}{{/is_unknown}}{{eval \"humanize_bytes(value)\"}}";
    assert_eq!(
        unknown(template, &["host"]),
        ["{{ok_threshold}}", "{{#is_priority 'high'}}", "{{eval \"humanize_bytes(value)\"}}"]
    );
}

#[test]
fn numbers_are_rounded_as_people_do() {
    for (value, text) in [
        (1.432473180633161, "1.432"),
        (0.8, "0.8"),
        (97.25, "97.25"),
        (12_345.678, "12346"),
        (-0.000_012_345_6, "-0.00001235"),
        (0.0, "0"),
        (1.0 / 3.0, "0.3333"),
        (1e300, &format!("{:.0}", 1e300)),
    ] {
        assert_eq!(rounded(value), text);
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
            let template =
                format!("{{{{#{condition}}}}}y{{{{/{condition}}}}}{{{{^{condition}}}}}.{{{{/{condition}}}}}");
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
        ("{{#is_match \"env.name\" \"prod\"}}y{{else}}n{{/is_match}}", "n"),
        ("{{^is_match \"env.name\" \"prod\"}}n{{/is_match}}", "n"),
        ("{{#is_exact_match \"env.name\" \"\"}}none{{/is_exact_match}}", "none"),
        ("{{#is_match 'host.name' 'web'}}y{{/is_match}}", "y"),
        ("{{#is_exact_match \"host.name\" \"web1\"}}y{{/is_exact_match}}", "y"),
        ("{{#is_exact_match \"threshold\" \"0.80\"}}y{{/is_exact_match}}", "y"),
        ("{{#is_match \"threshold\" \"0.80\"}}y{{else}}n{{/is_match}}", "n"),
        (
            "{{#is_match (eval \"int(last_triggered_at_epoch / 3600000 % 24)\") \"21\" \"22\"}}y{{/is_match}}",
            "y",
        ),
        ("{{#is_match (eval \"int(value)\") \"7\"}}y{{else}}n{{/is_match}}", "n"),
    ] {
        assert_eq!(render(template, &facts), text, "{template}");
    }
}

#[test]
fn what_is_known_and_has_no_value_is_told_in_words_and_empty_to_conditions() {
    let facts =
        Facts { observed: None, band: None, triggered: None, priority: None, ..facts(Status::NoData, None) };
    for (template, text) in [
        ("{{observed}}, expected {{expected}}, {{lower}} to {{upper}}", "no data, expected n/a, n/a to n/a"),
        ("{{first_triggered_at}} {{last_triggered_at_epoch}} {{triggered_duration_sec}}", "n/a n/a n/a"),
        ("{{local_time 'last_triggered_at' 'Asia/Tokyo'}}", "n/a"),
        ("{{eval \"round(observed / expected, 2)\"}}", "n/a"),
        ("{{urlencode \"observed\"}}.", "."),
        ("{{#is_exact_match \"observed\" \"\"}}silent{{else}}{{observed}}{{/is_exact_match}}", "silent"),
        ("{{#is_priority 'P2'}}y{{else}}n{{/is_priority}}", "n"),
        ("{{#is_no_data}}{{host.name}}: {{observed}}{{/is_no_data}}", "web1: no data"),
    ] {
        assert_eq!(render(template, &facts), text, "{template}");
    }
}

#[test]
fn priorities_are_conditions() {
    let facts = facts(Status::Alert, None);
    for (template, text) in [
        ("{{#is_priority 'P2'}}page{{else}}mail{{/is_priority}}", "page"),
        ("{{#is_priority \"P1\"}}page{{else}}mail{{/is_priority}}", "mail"),
        ("{{^is_priority 'P1'}}mail{{/is_priority}}", "mail"),
        ("{{#is_priority 'P9'}}x{{/is_priority}}", "{{#is_priority 'P9'}}x{{/is_priority}}"),
        ("{{#is_unknown}}x{{else}}y{{/is_unknown}}", "y"),
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
        prop_assert!(text.len() <= template.len() + 40);
    }

    #[test]
    fn text_without_braces_is_not_changed(template in "[^{]{0,80}") {
        prop_assert_eq!(render(&template, &facts(Status::Alert, None)), template);
    }
}
