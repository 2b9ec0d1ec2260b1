//! The message of a monitor, filled in for one series.

use crate::monitor::MonitorSpec;
use crate::monitor::message::{Facts, render};

/// Groups of a Datadog scope, `host:a,env:b`, count by their keys; any other group by its field.
pub(super) fn render_message(spec: &MonitorSpec, facts: &Facts<'_>, groups: &[(String, String)]) -> String {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (name, value) in groups {
        pairs.push((name, value));
        if name == "scope" {
            pairs.extend(value.split(',').filter_map(|tag| tag.split_once(':')));
        }
    }
    render(&spec.message, &Facts { groups: &pairs, ..*facts })
}
