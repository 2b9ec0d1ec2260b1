use proptest::prelude::*;

use super::*;

const SEED: &str = "avg(last_1h):anomalies(avg:system.cpu.system{name:cassandra}, 'basic', 3, direction='above', alert_window='last_5m', interval=20, count_default_zero='true') >= 1";
const FULL: &str = "avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily', timezone='Europe/Vienna') >= 0.8";

/// A query with one part exchanged.
fn with(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from}");
    FULL.replacen(from, to, 1)
}

fn errors(text: &str) -> Vec<QueryError> {
    parse(text).expect_err(text)
}

#[test]
fn the_example_of_the_documentation() {
    let query = parse(SEED).unwrap();
    assert_eq!(query.query_window.seconds(), 3600);
    assert_eq!(query.metric.text(), "avg:system.cpu.system{name:cassandra}");
    assert_eq!(query.algorithm, Algorithm::Basic);
    assert_eq!(query.deviations, 3.0);
    assert_eq!(query.direction, Some(Direction::Above));
    assert_eq!(query.alert_window.seconds(), 300);
    assert_eq!(query.interval_s, 20);
    assert!(query.count_default_zero);
    assert_eq!(query.season(), None);
    assert_eq!(query.threshold, 1.0);
    assert_eq!(query.to_string(), SEED);
}

#[test]
fn every_argument_is_typed_and_printed_back() {
    let query = parse(FULL).unwrap();
    assert_eq!(query.metric.by(), ["host"]);
    assert_eq!(query.season(), Some(Seasonality::Daily));
    assert_eq!(query.timezone.as_deref(), Some("Europe/Vienna"));
    assert_eq!(query.to_string(), FULL);
}

#[test]
fn arguments_stand_in_any_order_and_spacing() {
    let shuffled = "avg( last_4h ):anomalies( avg:system.cpu.idle{*} by {host} , timezone = 'Europe/Vienna',2,interval=60,\n seasonality=\"daily\", 'agile', count_default_zero='true', alert_window='last_15m', direction='below')>=0.80 ";
    assert_eq!(parse(shuffled), parse(FULL));
}

#[test]
fn queries_from_the_field_are_read() {
    for text in [
        "avg(last_4h):anomalies(top(max:mongodb.atlas.system.cpu.norm.user{*} by {hostnameport}, 10, 'mean', 'desc'), 'agile', 2, direction='both', alert_window='last_30m', interval=120, count_default_zero='true') >= 1",
        "avg(last_15m):anomalies(sum:web.rpc_error{*}.as_count(), 'agile', 2, direction='both', interval=60, alert_window='last_15m', count_default_zero='true', seasonality='hourly') >= 1",
        "avg(last_1h):anomalies(p75:trace.express.request{service:burger-api,env:prod,span.kind:server}, 'agile', 2, direction='above', interval=20, alert_window='last_5m', count_default_zero='true', seasonality='hourly') >= 1",
        "avg(last_30m):anomalies(avg:aws.wafv2.blocked_requests{webacl:main} by {labelname}, 'agile', 2, direction='above', interval=60, alert_window='last_30m', seasonality='hourly', timezone='utc', count_default_zero='true') >= 1",
        "avg(last_1w):anomalies(sum:checkout.order{env:prod AND result:ok}.as_count(), 'robust', 2, direction='below', interval=3600, alert_window='last_1d', seasonality='weekly', count_default_zero='true', timezone='utc') >= 1",
        "avg(last_1w):anomalies((sum:a.errors{service:x,env:p}.as_rate() / sum:a.hits{service:x,env:p}.as_rate()) * 100, 'agile', 5, direction='above', interval=21600, alert_window='last_1w', seasonality='weekly', count_default_zero='true') >= 1",
        "avg(last_4h):anomalies(ewma_20(avg:system.load.1{!host:a,role:(db OR web)} by {host,device}.fill(null).rollup(max, 120)), 'basic', 2.5, direction='both', alert_window='last_1h', interval=60, count_default_zero='false') >= 0.05",
    ] {
        let query = parse(text).unwrap_or_else(|errors| panic!("{}", errors[0]));
        assert_eq!(parse(&query.to_string()), Ok(query), "{text}");
    }
}

#[test]
fn absent_arguments_take_the_defaults_of_the_editor() {
    let query =
        parse("avg(last_1h):anomalies(avg:x{*}, 'robust', 3, alert_window='last_15m', interval=60) >= 1")
            .unwrap();
    assert_eq!(query.side(), Direction::Both);
    assert!(query.count_default_zero);
    assert_eq!(query.seasonality, None);
    assert_eq!(query.season(), Some(Seasonality::Weekly));
}

/// Each row breaks one rule; the error names the argument, quotes what was given and says what is allowed.
#[test]
fn each_broken_rule_names_its_argument_the_value_and_what_is_allowed() {
    for (from, to, argument, given, allowed) in [
        ("'agile'", "'adaptive'", "algorithm", "'adaptive'", "'basic', 'agile' or 'robust'"),
        ("'agile'", "'Agile'", "algorithm", "'Agile'", "'basic', 'agile' or 'robust'"),
        (" 2,", " 0,", "deviations", "0", "above 0"),
        (" 2,", " -2,", "deviations", "-2", "above 0"),
        ("'below'", "'down'", "direction", "'down'", "'above', 'below' or 'both'"),
        ("'below'", "below", "direction", "below", "'above', 'below' or 'both'"),
        ("'last_15m'", "'15m'", "alert_window", "'15m'", "timeframe"),
        ("'last_15m'", "15", "alert_window", "15", "timeframe"),
        ("'last_15m'", "'last_5h'", "query_window", "last_4h", "at least the alert window (last_5h)"),
        ("'last_15m'", "'last_15d'", "alert_window", "'last_15d'", "two weeks"),
        ("last_4h", "last_10m", "query_window", "last_10m", "at least the alert window (last_15m)"),
        ("last_4h", "4h", "query_window", "'4h'", "timeframe"),
        (
            "interval=60",
            "interval=181",
            "interval",
            "181",
            "1 to 180 seconds, a fifth of the alert window (last_15m)",
        ),
        ("interval=60", "interval=0", "interval", "0", "whole number of seconds"),
        ("interval=60", "interval=-60", "interval", "-60", "whole number of seconds"),
        ("interval=60", "interval=1.5", "interval", "1.5", "whole number of seconds"),
        ("interval=60", "interval='60'", "interval", "'60'", "without quotes"),
        ("='true'", "='yes'", "count_default_zero", "'yes'", "'true' or 'false'"),
        ("='true'", "=true", "count_default_zero", "true", "'true' or 'false'"),
        ("'daily'", "'monthly'", "seasonality", "'monthly'", "'hourly', 'daily' or 'weekly'"),
        ("'agile'", "'basic'", "seasonality", "'daily'", "no seasonality with 'basic'"),
        ("'daily'", "'hourly'", "timezone", "'Europe/Vienna'", "daily or weekly seasonality"),
        (
            "Europe/Vienna",
            "Europe/Wien",
            "timezone",
            "'Europe/Wien'",
            "a name of the IANA database; similar ones are",
        ),
        ("0.8", "0", "threshold", "0", "above 0, at most 1"),
        ("0.8", "1.01", "threshold", "1.01", "above 0, at most 1"),
        ("0.8", "-0.5", "threshold", "-0.5", "above 0, at most 1"),
        ("0.8", "80", "threshold", "80", "above 0, at most 1"),
        ("avg:system", "mean:system", "metric_query", "'mean'", "avg, sum, min, max, count, last"),
        ("{host}", "{}", "metric_query", "", ""),
        ("{host}", "{host,}", "metric_query", "by {host,}", "list of tag keys"),
        ("{host}", "{host}.rollup(median, 60)", "metric_query", "rollup(median, 60)", ".rollup("),
        ("{host}", "{host}.rollup(avg, 0)", "metric_query", "rollup(avg, 0)", "1 to 604800"),
        ("{host}", "{host}.rollup(avg, monthly)", "metric_query", "rollup(avg, monthly)", "seconds"),
        ("{host}", "{host}.rollup(avg, 300)", "alert_window", "'last_15m'", "at least last_1500s"),
    ] {
        let text = with(from, to);
        let errors = errors(&text);
        let error = errors.iter().find(|error| error.rule.argument() == argument);
        let Some(error) = error else { panic!("{text}: {errors:?}") };
        let shown = error.rule.to_string();
        assert!(shown.starts_with(argument), "{shown}");
        assert!(shown.contains(given) && shown.contains(allowed), "{shown}");
    }
}

#[test]
fn basic_takes_no_zone_but_utc_which_changes_nothing() {
    let basic = |zone: &str| {
        parse(&format!(
            "avg(last_1h):anomalies(avg:x{{*}}, 'basic', 3, alert_window='last_15m', interval=60, timezone='{zone}') >= 1"
        ))
    };
    assert!(basic("UTC").is_ok());
    assert_eq!(basic("Europe/Vienna").unwrap_err()[0].rule.argument(), "timezone");
}

#[test]
fn what_leaves_the_grammar_is_shown_with_what_may_stand_there() {
    for (text, argument, expected, found) in [
        ("", "query", "avg(<query_window>)", "the end of the query"),
        ("max(last_4h):anomalies(avg:x{*}, 'basic', 2) >= 1", "query", "avg(<query_window>)", "'max'"),
        ("avg(last_4h):avg:x{*} > 3", "query", "anomalies(...)", "'avg:x{*}'"),
        ("avg(last_4h):anomalies()", "metric_query", "a metric such as", "')'"),
        ("avg(last_4h):anomalies(avg:x, 'basic', 2) >= 1", "metric_query", "'{' with a scope", "','"),
        ("avg(last_4h):anomalies(avg:x{*, 'basic', 2) >= 1", "metric_query", "'}' that closes", "none"),
        ("avg(last_4h):anomalies(avg:x{*} 'basic', 2) >= 1", "anomalies", "','", "''basic''"),
        ("avg(last_4h):anomalies((avg:x{*}, 'basic', 2) >= 1", "metric_query", "')'", "','"),
        ("avg(last_4h):anomalies(avg:x{*} +, 'basic', 2) >= 1", "metric_query", "a metric such as", "','"),
        ("avg(last_4h):anomalies(avg:x{*}, 'basic, 2) >= 1", "anomalies", "an argument", "''basic'"),
        ("avg(last_4h):anomalies(avg:x{*}, 'basic', 2) > 1", "threshold", "'>='", "'>'"),
        ("avg(last_4h):anomalies(avg:x{*}, 'basic', 2) >= high", "threshold", "a number", "'high'"),
        (
            "avg(last_4h):anomalies(avg:x{*}, 'basic', 2) >= 1 by {host}",
            "query",
            "the end of the query",
            "'by'",
        ),
        (
            "avg(last_4h):anomalies(avg:x{*}, 'basic', 2",
            "anomalies",
            "',' and the next argument, or ')'",
            "the end of the query",
        ),
    ] {
        let errors = errors(text);
        let shown = errors[0].rule.to_string();
        assert_eq!(errors[0].rule.argument(), argument, "{text}: {shown}");
        assert!(shown.contains(expected) && shown.ends_with(&format!("found {found}")), "{text}: {shown}");
    }
}

#[test]
fn the_carets_stand_under_the_value() {
    let text = with("interval=60", "interval=600");
    let shown = errors(&text)[0].to_string();
    let lines: Vec<&str> = shown.lines().collect();
    let carets = lines[2].find('^').unwrap();
    let under: String = lines[1].chars().skip(carets).take(lines[2].len() - carets).collect();
    assert_eq!(under, "600");
    assert!(lines[1].chars().count() < 130, "{shown}");
}

#[test]
fn a_misspelt_argument_is_named_with_the_one_that_was_meant() {
    let shown =
        errors(&with("interval", "intervall")).iter().map(|error| error.rule.to_string()).collect::<Vec<_>>();
    assert!(shown[0].starts_with("intervall: no such argument, is interval meant?"), "{shown:?}");
    assert!(shown[1].starts_with("interval: missing"), "{shown:?}");
}

#[test]
fn an_argument_given_twice_is_refused() {
    let errors = errors(&with("interval=60", "interval=60, interval=30"));
    assert_eq!(errors[0].rule, QueryRule::Twice { argument: "interval" });
}

#[test]
fn all_broken_rules_come_at_once() {
    let text = "avg(last_10m):anomalies(avg:x{*}, 'adaptive', 0, direction='up', alert_window='last_15m', interval=600, seasonality='yearly') >= 2";
    let mut arguments: Vec<_> = errors(text).iter().map(|error| error.rule.argument().to_owned()).collect();
    arguments.sort();
    let all =
        ["algorithm", "deviations", "direction", "interval", "query_window", "seasonality", "threshold"];
    assert_eq!(arguments, all);
}

#[test]
fn functions_that_datadog_refuses_are_refused_at_any_depth() {
    for function in ["cumsum", "integral", "outliers", "piecewise_constant", "robust_trend", "trend_line"] {
        for metric in
            [format!("{function}(avg:x{{*}})"), format!("abs(avg:y{{*}} + ({function}(avg:x{{*}}) / 2))")]
        {
            let errors = errors(&with("avg:system.cpu.idle{*} by {host}", &metric));
            let shown = errors[0].to_string();
            assert!(shown.starts_with(&format!("{function}(): not allowed inside anomalies()")), "{shown}");
            let lines: Vec<&str> = shown.lines().collect();
            let carets = lines[2].find('^').unwrap();
            assert!(lines[1].chars().skip(carets).collect::<String>().starts_with(function), "{shown}");
        }
    }
    // a tag or metric of that name is no function
    assert!(parse(&with("avg:system.cpu.idle{*}", "avg:cumsum{integral:outliers}")).is_ok());
}

#[test]
fn metric_queries_are_kept_verbatim_and_scanned() {
    let query =
        MetricQuery::parse("  avg:system.cpu.user{ env:prod , !host:a } by {host, device}.rollup(max,120) ")
            .unwrap();
    assert_eq!(query.text(), "avg:system.cpu.user{ env:prod , !host:a } by {host, device}.rollup(max,120)");
    let part = &query.parts()[0];
    assert_eq!((part.aggregator.as_deref(), part.metric.as_str()), (Some("avg"), "system.cpu.user"));
    assert_eq!(part.scope, "env:prod , !host:a");
    assert_eq!(query.by(), ["host", "device"]);
    assert_eq!(query.rollup_s(), Some(120));
    assert_eq!(query.point_rollup(), PointRollup { method: Method::Max, per_second: false });
}

#[test]
fn the_roll_up_follows_rollup_then_count_then_aggregator() {
    use Method::*;
    for (text, method, per_second, count) in [
        ("avg:x{*}", Avg, false, false),
        ("x{*}", Avg, false, false),
        ("max:x{*}", Max, false, false),
        ("min:x{*}", Min, false, false),
        ("sum:x{*}", Sum, false, false),
        ("p95:x{*}", Avg, false, false),
        ("count:x{*}", Count, false, true),
        ("sum:x{*}.as_count()", Sum, false, true),
        ("avg:x{*}.as_count()", Sum, false, true),
        ("sum:x{*}.as_rate()", Sum, true, true),
        ("sum:x{*}.rollup(count, 60)", Count, false, true),
        ("sum:x{*}.as_count().rollup(max, 60)", Max, false, true),
        ("sum:x{*}.rollup(last)", Last, false, false),
        ("sum:x{*}.as_count() + sum:y{*}.as_count()", Sum, false, true),
        ("sum:x{*}.as_count() / sum:y{*}.as_count()", Avg, false, false),
        ("sum:x{*}.as_count() * 2", Sum, false, true),
        ("max:x{*} + min:y{*}", Avg, false, false),
        ("ewma_5(max:x{*})", Max, false, false),
    ] {
        let query = MetricQuery::parse(text).unwrap();
        assert_eq!(query.point_rollup(), PointRollup { method, per_second }, "{text}");
        assert_eq!(query.is_count(), count, "{text}");
    }
}

#[test]
fn an_empty_bucket_is_zero_for_counts_and_where_the_query_says_so() {
    for (metric, flag, zero) in [
        ("sum:x{*}.as_count()", "true", true),
        ("sum:x{*}.as_count()", "false", false),
        ("avg:x{*}", "true", false),
        ("default_zero(avg:x{*})", "false", true),
        ("avg:x{*}.fill(zero)", "false", true),
        ("avg:x{*}.fill(null)", "true", false),
    ] {
        let text = with("avg:system.cpu.idle{*} by {host}", metric).replace("'true'", &format!("'{flag}'"));
        assert_eq!(parse(&text).unwrap().empty_is_zero(), zero, "{metric} {flag}");
    }
}

#[test]
fn the_interval_of_rollup_overrides_that_of_the_monitor() {
    let query = parse(&with("{host}", "{host}.rollup(avg, 120)")).unwrap();
    assert_eq!((query.interval_s, query.bucket_s()), (60, 120));
}

#[test]
fn depth_and_length_are_limited() {
    let deep = format!("{}avg:x{{*}}{}", "(".repeat(1000), ")".repeat(1000));
    assert!(matches!(
        errors(&with("avg:system.cpu.idle{*} by {host}", &deep))[0].rule,
        QueryRule::Limit { limit: 32, .. }
    ));
    let minus = format!("{}avg:x{{*}}", "- ".repeat(5000));
    assert!(matches!(
        errors(&with("avg:system.cpu.idle{*} by {host}", &minus))[0].rule,
        QueryRule::Limit { .. }
    ));
    let long = with("{*}", &format!("{{{}}}", "a".repeat(20_000)));
    assert!(matches!(errors(&long)[0].rule, QueryRule::Limit { limit: LONGEST_QUERY, .. }));
    let many = with("'last_15m', interval=60", "'last_2w', interval=1").replace("last_4h", "last_2w");
    assert_eq!(errors(&many)[0].rule.argument(), "alert_window");
}

fn metric() -> impl Strategy<Value = String> {
    let name = "[a-z][a-z0-9_]{0,6}(\\.[a-z][a-z0-9_]{0,6}){0,2}";
    let scope = prop_oneof![Just("*".to_owned()), "[a-z]{1,5}:[a-z0-9-]{1,6}(,![a-z]{1,4}:[a-z]{1,4})?"];
    let aggregator =
        prop_oneof![Just(""), Just("avg:"), Just("sum:"), Just("min:"), Just("p95:"), Just("count:")];
    let by = prop_oneof![Just(""), Just(" by {host}"), Just("by{host, device}")];
    let suffix = prop_oneof![
        Just(""),
        Just(".as_count()"),
        Just(".rollup(max, 30)"),
        Just(".fill(zero).as_rate()"),
        Just(".rollup(sum)")
    ];
    let leaf = (aggregator, name, scope, by, suffix).prop_map(|(aggregator, name, scope, by, suffix)| {
        format!("{aggregator}{name}{{{scope}}}{by}{suffix}")
    });
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), "[-+*/]").prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("abs({a})")),
            inner.clone().prop_map(|a| format!("top( {a}, 10, 'mean', \"desc\")")),
            inner.clone().prop_map(|a| format!("timeshift({a}, -3600)")),
            inner.prop_map(|a| format!("100 - {a} * 2.5e-1")),
        ]
    })
}

prop_compose! {
    fn queries()(
        metric in metric(), algorithm in 0usize..3, deviations in 0.001f64..1e6, direction in 0usize..4,
        minutes in 5u32..2000, times in 1u32..5, part in 1u32..20, zero: bool, season in 0usize..4,
        zone in prop_oneof![Just("Europe/Vienna"), Just("utc"), Just("Asia/Gaza")], zoned: bool,
        threshold in prop_oneof![Just(1.0), 1e-9f64..=1.0],
    ) -> AnomalyQuery {
        let algorithm = Algorithm::WORDS[algorithm].1;
        let seasonality = Seasonality::WORDS.get(season).map(|word| word.1).filter(|_| algorithm != Algorithm::Basic);
        let local = algorithm != Algorithm::Basic && seasonality != Some(Seasonality::Hourly);
        AnomalyQuery {
            query_window: Timeframe::from_seconds(minutes * 60 * times).unwrap(),
            metric: MetricQuery::parse(&metric).unwrap(),
            algorithm,
            deviations,
            direction: Direction::WORDS.get(direction).map(|word| word.1),
            alert_window: format!("last_{minutes}m").parse().unwrap(),
            interval_s: (minutes * 60 / 5 / part).max(10),
            count_default_zero: zero,
            seasonality,
            timezone: (zoned && (local || zone == "utc")).then(|| zone.to_owned()),
            threshold,
        }
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(query in queries()) {
        prop_assert_eq!(parse(&query.to_string()), Ok(query));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        let _ = parse(&text);
    }

    /// Cut anywhere, and with one character exchanged: an error that can be shown, or another valid query.
    #[test]
    fn damaged_queries_are_refused_with_a_place(query in queries(), cut: usize, other: char) {
        let text = query.to_string();
        let at = text.floor_char_boundary(cut % text.len());
        for damaged in [text[..at].to_owned(), format!("{}{other}{}", &text[..at], &text[at..])] {
            match parse(&damaged) {
                Ok(query) => prop_assert_eq!(parse(&query.to_string()), Ok(query)),
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    for error in errors {
                        prop_assert!(error.to_string().lines().count() >= 3);
                    }
                }
            }
        }
    }
}
