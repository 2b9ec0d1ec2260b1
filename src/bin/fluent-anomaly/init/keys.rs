//! Which fields tell series apart.

use std::collections::HashSet;

use fluent_anomaly::sources::series_file::Table;

use super::columns::{Content, name, series_of};

/// Most fields that name a series.
const MOST_KEYS: usize = 3;
/// Records that each series has, on average, at least.
const FEWEST_RECORDS: usize = 20;
/// Names of fields that tell series apart, the best first.
const KEYS: [&str; 42] = [
    "service",
    "app",
    "application",
    "ident",
    "name",
    "host",
    "hostname",
    "instance",
    "pod_name",
    "namespace_name",
    "container_name",
    "plugin",
    "plugin_instance",
    "type",
    "type_instance",
    "device",
    "interface",
    "dev",
    "queue",
    "topic",
    "endpoint",
    "route",
    "path",
    "uri",
    "method",
    "vhost",
    "region",
    "zone",
    "scope",
    "series",
    "measurement",
    "source",
    "stage",
    "environment",
    "env",
    "cluster",
    "node",
    "job",
    "backend",
    "server",
    "dyno",
    "operation",
];

/// The columns, the best first, each told with its reason.
pub(super) fn keys(
    table: &Table,
    contents: &[Content],
    time: Option<usize>,
    names: &[String],
    told: &mut Vec<String>,
) -> Vec<usize> {
    let rows = table.rows.len();
    let mut keys: Vec<usize> = Vec::new();
    let mut series = 1;
    for wanted in KEYS {
        for (column, content) in contents.iter().enumerate() {
            let is_free = Some(column) != time && !keys.contains(&column) && keys.len() < MOST_KEYS;
            if !is_free
                || !is_called(&table.last_key(column), wanted)
                || content.texts * 10 < rows * 9
                || content.distinct < 2
            {
                continue;
            }
            let mut tried = keys.clone();
            tried.push(column);
            let found = combinations(table, &tried);
            if found * FEWEST_RECORDS > rows || found == series {
                continue;
            }
            (keys, series) = (tried, found);
            told.push(format!(
                "key     {}: {} texts, a model for each",
                name(names, column),
                content.distinct
            ));
        }
    }
    if keys.is_empty() {
        told.push("key     none: one series".to_owned());
    }
    keys
}

fn combinations(table: &Table, keys: &[usize]) -> usize {
    table.rows.iter().map(|row| series_of(table, row, keys)).collect::<HashSet<_>>().len()
}

/// `service`, `_service` of GELF, `service.name` of OpenTelemetry.
fn is_called(name: &str, wanted: &str) -> bool {
    let name = name.trim_start_matches('_');
    name == wanted || (name != "logger.name" && name.strip_suffix(".name") == Some(wanted))
}
