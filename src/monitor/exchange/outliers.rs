//! Outlier monitors as Datadog's API writes them <-> `[group.*]` sections.

use serde_json::{Map, Value, json};

use super::{Imported, says_nothing, section_name};
use crate::monitor::query::OutlierQuery;
use crate::monitor::spec::{RawMonitor, escape};
use crate::monitor::text::shorten;
use crate::monitor::timeframe::Timeframe;

/// Keys of a monitor that a `[group.*]` section has as well.
pub(super) const KEYS: [&str; 5] = ["query", "name", "message", "tags", "priority"];
/// Options that say nothing about what is evaluated here.
const SILENT: [&str; 10] = [
    "thresholds",
    "variables",
    "include_tags",
    "notify_audit",
    "locked",
    "new_host_delay",
    "silenced",
    "require_full_window",
    "notify_no_data",
    "no_data_timeframe",
];

/// Whether a monitor's query asks for outliers.
pub(super) fn is_outliers(query: &str) -> bool {
    let query = query.trim_start();
    // the call itself, or the one behind the window's colon
    let inner = query.split_once(')').and_then(|(_, rest)| rest.trim_start().strip_prefix(':'));
    [Some(query), inner].into_iter().flatten().any(|call| call.trim_start().starts_with("outliers"))
}

/// Notes what `[group.*]` leaves out of a monitor's options.
fn options(options: &Map<String, Value>, notes: &mut Vec<String>) {
    for (option, value) in options {
        let is_default = option == "notify_no_data" || !says_nothing(value);
        let is_told = !SILENT.contains(&option.as_str()) && is_default
            || option == "notify_no_data" && *value == json!(true);
        if is_told {
            notes.push(format!("{option}: left out ({})", shorten(&value.to_string(), 60)));
        }
    }
}

impl Imported {
    /// The query of an outlier monitor; `None` where the monitor is another one.
    ///
    /// # Errors
    /// What is wrong with the query.
    #[must_use]
    pub fn outliers(&self) -> Option<Result<OutlierQuery, String>> {
        let query = self.raw.query.as_deref().filter(|query| is_outliers(query))?;
        Some(OutlierQuery::parse(query).map_err(|error| error.to_string()))
    }
}

/// An outlier monitor of the API's, as far as a section has it.
pub(super) fn of_monitor(monitor: &Map<String, Value>, query: &str) -> Imported {
    let mut raw = RawMonitor::default();
    let mut notes = Vec::new();
    raw.query = Some(query.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = |field: &str| monitor.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    raw.message = text("message").map(escape);
    raw.name = text("name").map(escape);
    raw.tags = monitor.get("tags").and_then(super::list).filter(|tags| !tags.is_empty());
    raw.priority = monitor.get("priority").and_then(Value::as_u64).map(|priority| priority.to_string());
    if let Some(Value::Object(given)) = monitor.get("options") {
        options(given, &mut notes);
    }
    Imported { section: section_name(text("name").unwrap_or_default()), raw, notes }
}

/// What of a `[group.*]` section makes a monitor.
#[derive(Debug, Clone, Copy)]
pub struct GroupMonitor<'a> {
    /// Its title.
    pub name: &'a str,
    /// Its query.
    pub query: &'a OutlierQuery,
    /// Seconds that are compared at once, for a query without a window.
    pub window_s: u32,
    /// Its text.
    pub message: &'a str,
    /// Its tags.
    pub tags: &'a [String],
    /// 1 to 5.
    pub priority: Option<u32>,
}

/// The body that creates this monitor.
#[must_use]
pub fn export_group(monitor: GroupMonitor<'_>) -> Value {
    let mut query = monitor.query.clone();
    if query.window.is_none() {
        query.window = Timeframe::from_seconds(monitor.window_s.max(60)).ok();
    }
    let mut body = json!({
        "name": monitor.name,
        "type": "query alert",
        "query": query.to_string(),
        "message": monitor.message,
        "tags": monitor.tags,
        "options": {"thresholds": {"critical": 0}, "notify_no_data": false, "require_full_window": false},
    });
    if let (Some(body), Some(priority)) = (body.as_object_mut(), monitor.priority) {
        body.insert("priority".to_owned(), priority.into());
    }
    body
}
