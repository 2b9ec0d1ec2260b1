//! A section and its monitor -> where the controls of the page stand.

use fluent_anomaly::Config;
use fluent_anomaly::configuration::{GroupKey, GroupSection, MonitorSection, Section, budget_text};
use fluent_anomaly::detectors::{GroupTest, PeerAlgorithm};
use fluent_anomaly::monitors::{MonitorSpec, RawMonitor, exchange};

use crate::failure::Failure;

/// Texts by key: ChangeFinder's parameters, and the monitor's if there is one.
pub(crate) fn pairs(
    section: &Section,
    monitor: Option<&MonitorSection>,
) -> Result<Vec<(String, String)>, Failure> {
    let change_finder = &section.change_finder;
    let mut pairs = vec![
        ("r", change_finder.discounting_rate.to_string()),
        ("k", change_finder.order.map_or_else(String::new, |order| order.to_string())),
        ("T1", change_finder.outlier_window.to_string()),
        ("T2", change_finder.change_window.to_string()),
        ("ar", change_finder.ar.to_string()),
        ("score", change_finder.score_function.to_string()),
    ];
    if let Some(monitor) = monitor {
        pairs.extend(of_monitor(&monitor.spec, &monitor.name)?);
    }
    Ok(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The budget of alarms, and the group that watches the section, as the controls say them.
pub(crate) fn of_all_series(config: &Config, section: &Section) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    if let Some(budget) = section.alarms {
        let for_all = if section.alarms_for_all { " for all" } else { "" };
        pairs.push(("alarms", format!("{}{for_all}", budget_text(budget))));
    }
    if let Some(group) = group_on(config, section) {
        match group.spec.test() {
            GroupTest::Budget(budget) => pairs.push(("group", budget_text(budget))),
            GroupTest::Fixed(test) => {
                let word = PeerAlgorithm::WORDS.iter().find(|(.., algorithm)| *algorithm == test.algorithm);
                pairs.extend(word.map(|(word, ..)| ("group", (*word).to_owned())));
                pairs.push(("tolerance", test.tolerance.to_string()));
            }
        }
        let spec = &group.spec;
        pairs.push(("group_interval", spec.interval_s().to_string()));
        // those without a control come along where they are not what the page takes by itself
        let percent = match spec.test() {
            GroupTest::Fixed(test) => test.percent,
            GroupTest::Budget(_) => 0.0,
        };
        let others = [
            ("group_intervals", spec.buckets().to_string(), spec.buckets() == 1),
            ("group_delay", spec.delay_s().to_string(), spec.delay_s() == (spec.interval_s() / 4).min(15)),
            ("group_percent", percent.to_string(), percent == 0.0),
            ("group_members", spec.least_members().to_string(), spec.least_members() == 3),
        ];
        pairs.extend(others.into_iter().filter(|(.., is_usual)| !is_usual).map(|(key, text, _)| (key, text)));
    }
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The first group that watches a section.
fn group_on<'a>(config: &'a Config, section: &Section) -> Option<&'a GroupSection> {
    let at = config.sections.iter().position(|other| other.name == section.name);
    config.groups.iter().find(|group| Some(group.on) == at)
}

/// What the `within` of the section's group says of a series by its name: the values of `by`, or the scope.
pub(crate) fn group_of(config: &Config, section: &Section, name: &str) -> String {
    let Some(group) = group_on(config, section) else { return String::new() };
    let parts: Vec<&str> = name.split(", ").collect();
    let part = |key: &GroupKey| match key {
        GroupKey::Field(accessor) if parts.len() == section.by.len() => {
            let place = section.by.iter().position(|by| by == accessor);
            place.and_then(|place| parts.get(place)).copied()
        }
        GroupKey::Field(_) => None,
        GroupKey::Tag(tag) => {
            name.split(',').find_map(|pair| pair.trim().strip_prefix(tag.as_str())?.strip_prefix(':'))
        }
    };
    group.within.iter().map(|key| part(key).unwrap_or("-")).collect::<Vec<_>>().join(",")
}

fn of_monitor(spec: &MonitorSpec, name: &str) -> Result<Vec<(&'static str, String)>, Failure> {
    let query = &spec.query;
    let mut pairs = vec![
        ("query_window", query.query_window.to_string()),
        ("metric", query.metric.text().to_owned()),
        ("algorithm", query.algorithm.to_string()),
        ("deviations", query.deviations.to_string()),
        ("direction", query.side().to_string()),
        ("trigger_window", query.alert_window.to_string()),
        ("interval", query.interval_s.to_string()),
        ("count_default_zero", query.count_default_zero.to_string()),
        ("seasonality", query.season().map_or_else(String::new, |season| season.to_string())),
        ("timezone", query.timezone.clone().unwrap_or_default()),
    ];
    // the rest as its section would say it
    let body = exchange::export(spec, name).to_string();
    let imported =
        exchange::import(&body).map_err(|error| Failure::of(format_args!("[monitor.{name}]"), error))?;
    let known: Vec<&str> = pairs.iter().map(|(key, _)| *key).collect();
    for key in RawMonitor::KEYS {
        match imported.raw.get(key) {
            Some(value) if *key != "query" && !known.contains(key) => pairs.push((key, value.to_owned())),
            _ => {}
        }
    }
    pairs.push(("critical", spec.critical.to_string()));
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_for_all_and_a_group_come_along() {
        let text = "[series.web]\nmatch: *\nvalue: $v\nby: $host\nalarms: 3/day for all\n\
            [group.web]\non: web\nacross: $host\nalgorithm: mad\ntolerance: 4\ninterval: 120\n";
        let config = Config::parse("f.ini", text).unwrap();
        let pairs = of_all_series(&config, &config.sections[0]);
        let expected =
            [("alarms", "3/day for all"), ("group", "mad"), ("tolerance", "4"), ("group_interval", "120")];
        assert_eq!(pairs, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let more = text.replace(
            "tolerance: 4\n",
            "tolerance: 4\npercent: 20\nintervals: 5\nevaluation_delay: 0\nmin_members: 7\n",
        );
        let config = Config::parse("f.ini", &more).unwrap();
        let pairs = of_all_series(&config, &config.sections[0]);
        let expected =
            [("group_intervals", "5"), ("group_delay", "0"), ("group_percent", "20"), ("group_members", "7")];
        assert_eq!(pairs[4..], expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn series_are_compared_with_those_that_within_puts_beside_them() {
        let text = "[series.web]\nmatch: *\nvalue: $v\nby: $host, $role\n\
            [group.web]\non: web\nacross: $host\nwithin: $role\n";
        let config = Config::parse("f.ini", text).unwrap();
        let of = |name| group_of(&config, &config.sections[0], name);
        assert_eq!((of("a, db"), of("b, web"), of("b")), ("db".to_owned(), "web".to_owned(), "-".to_owned()));
        let text = "[datadog.load]\nquery: avg:l{*} by {host,role}\n[group.load]\non: load\nacross: host\nwithin: role\n";
        let config = Config::parse("f.ini", text).unwrap();
        assert_eq!(group_of(&config, &config.sections[0], "host:a,role:db"), "db");
    }

    #[test]
    fn every_argument_and_key_of_a_monitor_comes_along() {
        let text = "[series.web]\nmatch: *\nvalue: $v\nr: 0.03\nk: 4\n\
            [monitor.web]\non: web\nquery: avg(last_4h):anomalies(sum:a{*}.as_count(), 'robust', 3, direction='below', \
            alert_window='last_1h', interval=300, count_default_zero='false', seasonality='daily', timezone='Europe/Vienna') >= 0.9\n\
            warning: 0.5\nrecovery_window: last_30m\nmessage: low\\n{{value}}\n";
        let config = Config::parse("f.ini", text).unwrap();
        let pairs = pairs(&config.sections[0], config.monitors.first()).unwrap();
        let get = |key: &str| pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
        for (key, value) in [
            ("r", "0.03"),
            ("k", "4"),
            ("algorithm", "robust"),
            ("metric", "sum:a{*}.as_count()"),
            ("direction", "below"),
            ("interval", "300"),
            ("count_default_zero", "false"),
            ("seasonality", "daily"),
            ("timezone", "Europe/Vienna"),
            ("critical", "0.9"),
            ("warning", "0.5"),
            ("recovery_window", "last_30m"),
            ("message", "low\\n{{value}}"),
        ] {
            assert_eq!(get(key), Some(value), "{key} in {pairs:?}");
        }
    }
}
