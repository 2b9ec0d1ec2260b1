use super::*;

fn told(text: &str) -> Vec<String> {
    match Config::parse("f.ini", text) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

/// The seed's own example, as its README prints it.
const SEED: &str = "[general]
pidfile_path: /var/run/changefinder.pid

; Datadog API access interval (in sec. range)
interval: 600

[datadog.cpu]
query: system.load.norm.5{chef_environment:production,chef_role:worker6-staticip} by {host}

; ChangeFinder hyperparameters
r: 0.02
k: 7
T1: 10
T2: 5

[datadog.queue]
query: avg:queue.system.running{*}

r: 0.02
k: 7
T1: 10
T2: 5
";

#[test]
fn the_seeds_file_is_accepted_as_it_is() {
    let config = Config::parse("datadog.ini", SEED).unwrap();
    assert_eq!(config.general.interval_seconds, 600);
    assert_eq!(config.general.pidfile.as_deref(), Some("/var/run/changefinder.pid"));
    let [cpu, queue] = &config.sections[..] else { panic!("{:?}", config.sections) };
    assert_eq!(
        cpu.kind,
        SectionKind::Datadog {
            query: "system.load.norm.5{chef_environment:production,chef_role:worker6-staticip} by {host}"
                .into()
        }
    );
    assert!(cpu.tags.matches(b"changefinder.cpu") && !cpu.tags.matches(b"changefinder.queue"));
    assert_eq!(queue.change_finder.order, Some(7));
    assert_eq!(cpu.metric_names(), ["changefinder.outlier.cpu", "changefinder.change.cpu"]);
}

#[test]
fn zero_means_not_given_as_in_the_seed() {
    let config = Config::parse("f.ini", "[datadog.a]\nquery: q\nr: 0\nT1: 0\nT2: 0\nk: 0\n").unwrap();
    let settings = config.sections[0].change_finder;
    assert_eq!(
        (settings.discounting_rate, settings.outlier_window, settings.change_window, settings.order),
        (0.02, 10, 5, None)
    );
}

#[test]
fn all_problems_are_told_in_one_go() {
    assert_eq!(
        told(
            "[general]\ninterval: soon\nlimits: 3\n[filter]\nmax_series: 0\njournal: sometimes\n\
             [series.a]\nmatch: x\nvalue: $v\nscore: bayes\nT1: 2000\n[serie.b]\nmatch: y\n[slack]\n"
        ),
        [
            "f.ini:2: [general] interval: \"soon\" is not allowed: a whole number from 1 to 86400",
            "f.ini:3: [general] limits: unknown key; did you mean `limit`?",
            "f.ini:5: [filter] max_series: \"0\" is not allowed: a whole number from 1 to 10000000",
            "f.ini:6: [filter] journal: \"sometimes\" is not allowed: `record`, or `interval:<seconds>` with 1 to 86400",
            "f.ini:10: [series.a] score: \"bayes\" is not allowed: logloss or hellinger",
            "f.ini:11: [series.a] T1: \"2000\" is not allowed: a whole number from 0 to 1000",
            "f.ini:12: [serie.b] unknown section; allowed: [general], [filter], [slack], [kafka], [serve], [datadog.<name>], [series.<name>], [monitor.<name>], [group.<name>]",
            "f.ini:14: [slack] url: the key is needed, for example `url: https://hooks.slack.com/services/...`",
        ]
    );
}

#[test]
fn two_sections_that_would_write_the_same_fields_are_refused() {
    let text = "[series.a]\nmatch: app.*\nvalue: $x\n[series.b]\nmatch: *.web\nvalue: $y\n";
    assert_eq!(
        told(text),
        [
            "f.ini:4: [series.b] writes the same fields as [series.a] into records tagged `*.web`: give one of them another `prefix` or `match`"
        ]
    );
    assert_eq!(told(&format!("{text}prefix: y_\n")), [""; 0]);
}

#[test]
fn what_people_bring_from_other_formats_is_refused_with_the_form_that_works() {
    for (lines, told_first) in [
        (
            "match: \"app.*\"\nvalue: $x",
            "match: \"\\\"app.*\\\"\" is not allowed: patterns stand without quotes, as in `match: app.*`",
        ),
        (
            "match: 'app'\nvalue: $x",
            "match: \"'app'\" is not allowed: patterns stand without quotes, as in `match: app.*`",
        ),
        (
            "match: /^app/\nvalue: $x",
            "match: \"/^app/\" is not allowed: no regular expression but tags with `*`, as in `match: app.*`",
        ),
        (
            "match: app\nvalue: '$x'",
            "value: \"'$x'\" is not allowed: fields stand without quotes, as in `$host` or `$['any key']`",
        ),
        (
            "match: app\nvalue: $x\nby: $a, \"b\"",
            "by: \"\\\"b\\\"\" is not allowed: fields stand without quotes, as in `$host` or `$['any key']`",
        ),
        ("match: app\nvalue: $x\nevery: 1m", "every: goes with `measure`, which this section does not have"),
    ] {
        let told = told(&format!("[series.a]\n{lines}\n"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with(&format!("[series.a] {told_first}")), "{told:?}");
    }
}

#[test]
fn a_field_cannot_be_read_and_written() {
    assert_eq!(
        told("[series.a]\nmatch: app.*\nvalue: $score_outlier\n"),
        ["f.ini:1: [series.a] $score_outlier is read, and written as an annotation: choose another `prefix`"]
    );
}

#[test]
fn a_file_that_watches_nothing_is_refused() {
    assert_eq!(told("[general]\ninterval: 5\n").len(), 1);
    assert_eq!(told("").len(), 1);
}

#[test]
fn a_nan_is_no_discounting_rate() {
    assert_eq!(told("[series.a]\nmatch: a\nvalue: $x\nr: nan\n").len(), 1);
}

#[test]
fn no_secret_is_shown() {
    let text = "[general]\nshared_key: hush-hush\npassword: hush-hush\n[slack]\nurl: https://x/hush-hush\n[series.a]\nmatch: a\nvalue: $x\n";
    let config = Config::parse("f.ini", text).unwrap();
    assert!(!format!("{config:?}").contains("hush-hush"));
}

const MONITOR: &str = "[series.cpu]\nmatch: cpu\nvalue: $p\n[monitor.cpu]\non: cpu\nquery: avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'agile', 2, direction='below', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 0.8\nwarning: 0.5\nrecovery_window: last_15m\ntimezone: Europe/Vienna\n";

#[test]
fn a_monitor_watches_a_section_by_its_name() {
    let config = Config::parse("f.ini", MONITOR).unwrap();
    assert_eq!(config.monitors[0].on, 0);
    assert_eq!(config.monitors[0].spec.warning, Some(0.5));
    assert_eq!(config.monitors[0].annotation_names(), ["anomaly", "anomaly_silent"]);
}

#[test]
fn two_monitors_cannot_write_one_field() {
    let second = MONITOR.split_once("[monitor.cpu]").unwrap().1;
    let told = told(&format!("{MONITOR}[monitor.second]{second}"));
    assert_eq!(
        told,
        [
            "f.ini:10: [monitor.second] writes the same field `anomaly` into the same records as [monitor.cpu]: give one of them another `prefix`"
        ]
    );
}

#[test]
fn a_monitors_problems_are_told_with_their_keys() {
    let told =
        told(&MONITOR.replace("on: cpu", "on: cpus").replace("warning: 0.5", "warning: 0.9\nwarnin: 1"));
    assert_eq!(told.len(), 3, "{told:#?}");
    assert_eq!(
        told[0],
        "f.ini:5: [monitor.cpu] on: there is no [datadog.cpus] and no [series.cpus]; did you mean `cpu`?"
    );
    assert!(told[1].starts_with("f.ini:7: [monitor.cpu] warning: "), "{}", told[1]);
    assert_eq!(told[2], "f.ini:8: [monitor.cpu] warnin: unknown key; did you mean `warning`?");
}

#[test]
fn a_budget_of_alarms_holds_for_all_sections_that_do_not_say_otherwise() {
    let text = "[series.a]\nmatch: x\nvalue: $v\n[series.b]\nmatch: y\nvalue: $v\nalarms: 2/Day\n\
                [series.c]\nmatch: z\nvalue: $v\nanomaly_score: off\n[series.d]\nmatch: w\nvalue: $v\nalarms: off\n\
                [filter]\nalarms: 1/week\n";
    let config = Config::parse("f.ini", text).unwrap();
    let periods: Vec<_> =
        config.sections.iter().map(|section| section.alarms.map(|b| b.period_s())).collect();
    assert_eq!(periods, [Some(604_800.0), Some(43_200.0), None, None]);
    assert_eq!(config.sections[2].annotation_names().len(), 5);
    assert_eq!(config.sections[3].annotation_names().len(), 6);
    let names = ["anomaly_score", "is_alarm", "alarm", "anomaly_reason", "anomaly_size"];
    assert_eq!(config.sections[0].annotation_names()[5..], names);
}

#[test]
fn wrong_budgets_are_told_with_what_is_allowed() {
    for given in ["1", "0/week", "1.5/week", "2/hour", "1/year", "-1/day", "999999999999/month", "week"] {
        let text = format!("[series.a]\nmatch: x\nvalue: $v\nalarms: {given}\n");
        let error = Config::parse("f.ini", &text).unwrap_err().to_string();
        let expected = format!(
            "f.ini:4: [series.a] alarms: {given:?} is not allowed: `off`, or a whole number an `hour`, `day`, `week` \
             or `month` such as `1/week`, at most one an hour"
        );
        assert_eq!(error, expected);
    }
    for (keys, told) in [
        ("anomaly_score: yes", "anomaly_score: \"yes\" is not allowed: on or off"),
        ("anomaly_score: off\nalarms: 1/week", "a section with `anomaly_score: off` has no alarms"),
    ] {
        let error =
            Config::parse("f.ini", &format!("[series.a]\nmatch: x\nvalue: $v\n{keys}\n")).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn names_that_only_meet_through_a_prefix_are_refused_too() {
    let text = "[filter]\nalarms: 1/week\n[series.a]\nmatch: x\nvalue: $v\n[series.b]\nmatch: x\nvalue: $v\nprefix: is_\n";
    let error = Config::parse("f.ini", text).unwrap_err().to_string();
    assert!(error.contains("writes the same fields as [series.a]"), "{error}");
}

#[test]
fn series_warm_up_and_datadog_sections_score_from_their_first_point_as_the_seed_does() {
    let text = "[series.a]\nmatch: x\nvalue: $v\n[series.b]\nmatch: y\nvalue: $v\nwarm_up: off\n\
                [datadog.c]\nquery: q\n[datadog.d]\nquery: q\nwarm_up: on\n";
    let config = Config::parse("f.ini", text).unwrap();
    let warm_up: Vec<_> =
        config.sections.iter().map(|section| (&section.name[..], section.warm_up)).collect();
    assert_eq!(warm_up, [("a", true), ("b", false), ("c", false), ("d", true)]);
}
