//! `[group.*]` sections in the commands of `monitor`: found by name, explained, exported.

use std::path::Path;

use fluent_anomaly::Config;
use fluent_anomaly::configuration::{GroupKey, GroupSection, Section, SectionKind};
use fluent_anomaly::detectors::{GroupTest, PeerTest};
use fluent_anomaly::monitors::exchange::{self, GroupMonitor};
use fluent_anomaly::monitors::query::OutlierQuery;

use crate::failure::Failure;

/// The group of that name: `group.load`, or `load` where no monitor has that name.
pub(super) fn find<'a>(config: &'a Config, name: &str) -> Option<&'a GroupSection> {
    let is_monitor = config.monitors.iter().any(|monitor| monitor.name == name);
    let wanted = name.strip_prefix("group.").or((!is_monitor).then_some(name))?;
    config.groups.iter().find(|group| group.name == wanted)
}

/// What a group alerts on, in plain words.
pub(super) fn explain(config: &Config, group: &GroupSection) -> String {
    let spec = &group.spec;
    let names = |keys: &[GroupKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut text = format!("[group.{}]\n", group.name);
    if let Some(query) = &group.query {
        text += &format!("{query}\n");
    }
    let mut line = |words: String| text += &format!("  {words}\n");
    let on = config.sections.get(group.on).map(Section::title).unwrap_or_default();
    line(format!("Compares the series of [{on}] that differ in {}.", names(&group.across)));
    if !group.within.is_empty() {
        line(format!("Each {} is a group of its own.", names(&group.within)));
    }
    let (buckets, interval_s) = (spec.buckets(), spec.interval_s());
    line(match buckets {
        1 => format!("Each {interval_s} s the mean of each member is compared."),
        _ => format!(
            "Each {interval_s} s the means of the last {buckets} intervals are compared: {} min.",
            u64::from(buckets) * u64::from(interval_s) / 60
        ),
    });
    explain_test(spec.test()).into_iter().for_each(&mut line);
    line(format!(
        "An interval waits {} s for late records; groups of fewer than {} are not judged.",
        spec.delay_s(),
        spec.least_members()
    ));
    line(format!("Written into the records of [{on}] as `{}`.", group.annotation_name()));
    text
}

fn explain_test(test: GroupTest) -> Vec<String> {
    let PeerTest { algorithm, tolerance, percent } = match test {
        GroupTest::Fixed(test) => test,
        GroupTest::Budget(budget) => {
            return vec![
                "Learns how far each member usually is from the median of its group, and how much that moves.".to_owned(),
                format!(
                    "A member is an outlier when it moves so far from there as the whole group does by chance once in {} h.",
                    budget.period_s() / 3600.0
                ),
            ];
        }
    };
    let mut lines = vec![match algorithm.has_percent() {
        true => format!(
            "A member is an outlier when more than {percent} % of its values lie more than {tolerance} usual deviations from the median of all."
        ),
        false => format!(
            "A member is an outlier when it is no part of the largest cluster; {tolerance} usual deviations separate two clusters."
        ),
    }];
    if algorithm.query_word().starts_with("scaled") {
        lines.push(
            "A deviation is at least 4.4 % of the level, so that members of a close group may differ."
                .to_owned(),
        );
    }
    lines
}

/// The body of Datadog's create call.
pub(super) fn export(
    config: &Config,
    group: &GroupSection,
    file: &Path,
) -> Result<serde_json::Value, Failure> {
    let query = match &group.query {
        Some(query) => query.clone(),
        None => query_of(config, group)
            .map_err(|why| Failure::Usage(format!("{}: [group.{}] {why}", file.display(), group.name)))?,
    };
    let spec = &group.spec;
    Ok(exchange::export_group(GroupMonitor {
        name: group.title.as_deref().unwrap_or(&group.name),
        query: &query,
        window_s: spec.interval_s().saturating_mul(spec.buckets()),
        message: &group.message,
        tags: &group.tags,
        priority: group.priority,
    }))
}

/// The query of a group that has none: that of the section it compares.
fn query_of(config: &Config, group: &GroupSection) -> Result<OutlierQuery, String> {
    let Some(SectionKind::Datadog { query }) = config.sections.get(group.on).map(|section| &section.kind)
    else {
        return Err("has no query, and compares records that Datadog does not have: add `query`".to_owned());
    };
    let GroupTest::Fixed(test) = group.spec.test() else {
        return Err("has a budget of alarms, which Datadog's outlier monitors do not have".to_owned());
    };
    let text = format!("outliers({query}, '{}', {})", test.algorithm.query_word(), test.tolerance);
    let mut query = OutlierQuery::parse(&text).map_err(|error| format!("cannot be exported: {error}"))?;
    query.test = test;
    Ok(query)
}
