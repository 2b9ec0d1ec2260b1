//! Verdicts of monitors as Datadog events (`POST /api/v1/events`).

use super::names;
use super::record_fields::{MonitorMap, RecordFields};
use crate::codec::checksum;
use serde_json::json;
use std::collections::BTreeSet;

/// The intake refuses events that are older, seconds.
pub(super) const OLDEST_EVENT: i64 = 18 * 3600;
/// Characters of a text, at most.
const TEXT_LIMIT: usize = 4000;
/// Bytes of a title, at most: no limit is documented, and lists show less.
const TITLE_LIMIT: usize = 500;
/// Bytes of an aggregation key, at most.
const KEY_LIMIT: usize = 100;

/// An event ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MonitorEvent {
    /// UNIX seconds.
    pub(super) time: i64,
    pub(super) body: Vec<u8>,
}

/// The event of what a monitor said in a record of `time`.
pub(super) fn event(
    map: &MonitorMap<'_>,
    fields: &RecordFields<'_>,
    time: i64,
    default_host: Option<&str>,
    default_tags: &[String],
) -> MonitorEvent {
    if map.is_incident() {
        return incident(map, time, default_host, default_tags);
    }
    let group = map.group.as_text();
    let monitor = map.monitor.as_text().or(group).unwrap_or_default();
    let (kind, title, called) = match group {
        Some(_) => ("group", "Group", "group"),
        None => ("monitor", "Monitor", "anomaly monitor"),
    };
    let status = map.status.as_text().unwrap_or_default();
    // a silent series is told in the record of another one: only its own name counts
    let silent = map.series.as_text().is_some();
    let scope: Vec<&str> =
        if silent { map.series.tags() } else { fields.scope.tags() }.filter(|item| *item != "*").collect();
    let own = fields.host.as_text().filter(|host| *host != "*" && !silent);
    let host = own.or_else(|| scope.iter().find_map(|item| item.strip_prefix("host:")));
    let mut tags: BTreeSet<String> = scope.iter().filter_map(|item| names::tag(item)).collect();
    if !silent {
        tags.extend(fields.tag.tags().chain(fields.tags.tags()).filter_map(names::tag));
    }
    tags.extend(names::tag(&format!("{kind}:{monitor}")));
    tags.extend(default_tags.iter().cloned());
    let series = match (scope.is_empty(), host) {
        (false, _) => scope.join(","),
        (true, Some(host)) => format!("host:{host}"),
        (true, None) => "*".to_owned(),
    };
    let what = match map.transition.as_text() {
        Some(transition) => transition.to_owned(),
        None => format!("still {status}"),
    };
    let plain = || format!("The {called} {monitor} is {status} ({what}) for {series}.");
    let text = map.message.as_text().map_or_else(plain, str::to_owned);
    let mut body = json!({
        "title": cut(format!("{title} {monitor}: {what} on {series}"), TITLE_LIMIT),
        "text": text.chars().take(TEXT_LIMIT).collect::<String>(),
        "alert_type": match status {
            "ALERT" => "error",
            "WARN" | "NO DATA" => "warning",
            "OK" => "success",
            _ => "info",
        },
        "tags": tags,
        "aggregation_key": aggregation_key(&format!("{monitor}:{series}")),
        "date_happened": time,
    });
    if let (Some(host), Some(body)) = (host.or(default_host), body.as_object_mut()) {
        body.insert("host".to_owned(), host.into());
    }
    MonitorEvent { time, body: body.to_string().into_bytes() }
}

/// The event of an incident: its updates and its end are joined to its start by its id.
fn incident(
    map: &MonitorMap<'_>,
    time: i64,
    default_host: Option<&str>,
    default_tags: &[String],
) -> MonitorEvent {
    let id = map.id.as_text().unwrap_or_default();
    let first = map.first.as_text().unwrap_or("-");
    let series = map.series.as_number().unwrap_or(1.0);
    let size = map.size.as_number().unwrap_or(0.0);
    let (what, alert_type) = match map.event.as_text() {
        Some("end") => ("is over", "success"),
        Some("update") => ("grows", "error"),
        _ => ("begins", "error"),
    };
    let mut tags: BTreeSet<String> = default_tags.iter().cloned().collect();
    tags.extend(names::tag(&format!("incident:{id}")));
    let mut body = json!({
        "title": cut(format!("Incident {id} {what}: {series} series, first {first}"), TITLE_LIMIT),
        "text": format!("The incident {id} {what}: {series} series alarmed, first {first}; the largest is {size:.1} usual deviations away.")
            .chars().take(TEXT_LIMIT).collect::<String>(),
        "alert_type": alert_type,
        "tags": tags,
        "aggregation_key": aggregation_key(&format!("incident:{id}")),
        "date_happened": time,
    });
    if let (Some(host), Some(body)) = (default_host, body.as_object_mut()) {
        body.insert("host".to_owned(), host.into());
    }
    MonitorEvent { time, body: body.to_string().into_bytes() }
}

/// A long name keeps its beginning, followed by a checksum of the whole name.
fn aggregation_key(name: &str) -> String {
    if name.len() <= KEY_LIMIT {
        return name.to_owned();
    }
    let sum = format!("~{:016x}", checksum(0, name.as_bytes()));
    cut(name.to_owned(), KEY_LIMIT - sum.len()) + &sum
}

fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}
