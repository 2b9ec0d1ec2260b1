//! Monitors as Datadog's API writes them <-> sections of a configuration.
//!
//! Importing keeps what this program evaluates and notes what it leaves out; exporting gives the body for
//! `POST /api/v1/monitor` (and `/validate`). For a checked monitor, importing what was exported gives it back.

mod adapt;
mod hcl;
mod outliers;
mod sources;

pub use outliers::{GroupMonitor, export_group};

use serde_json::{Map, Value, json};
use thiserror::Error;

use std::collections::BTreeSet;

use super::query;
use super::spec::{MonitorSpec, RawMonitor, escape};
use super::text::shorten;
use super::timeframe::{Timeframe, recovery_range};

/// Largest JSON text that is read, bytes.
pub const LONGEST_JSON: usize = 1 << 20;
/// Largest file of several monitors that is read, bytes.
const LONGEST_FILE: usize = 64 << 20;

/// A monitor read from JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Name for the section: the monitor's title in lower-case words joined by `_`.
    pub section: String,
    /// The keys, unchecked: [`MonitorSpec::check`] comes next.
    pub raw: RawMonitor,
    /// What was left out or changed, one sentence each.
    pub notes: Vec<String>,
}

/// Why a JSON text is no anomaly monitor.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Too large to be a monitor.
    #[error("the file has {given} bytes; allowed are at most {most}")]
    TooLarge {
        /// Bytes of the file.
        given: usize,
        /// Bytes that are read at most.
        most: usize,
    },
    /// No JSON.
    #[error("the file is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Terraform that cannot be read.
    #[error("the file is no Terraform: line {line}: {why}")]
    Terraform {
        /// From 1.
        line: usize,
        /// What is wanted there.
        why: &'static str,
    },
    /// YAML that cannot be read.
    #[error("the file is no YAML: line {line}: {why}")]
    Yaml {
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A monitor of a kind that is not evaluated here.
    #[error(
        "{what}: {given} is not allowed: only monitors with anomalies(...) or outliers(...) are evaluated here"
    )]
    OtherKind {
        /// `type` or `query`.
        what: &'static str,
        /// Its value, shortened.
        given: String,
    },
    /// An answer of the API that says why there are no monitors.
    #[error("the file is an answer that says {why:?}")]
    NoAnswer {
        /// The API's words.
        why: String,
    },
    /// JSON, but not what the API calls a monitor.
    #[error("{what}: {given} is not allowed; allowed is {allowed}")]
    Shape {
        /// Field.
        what: &'static str,
        /// Its value, shortened.
        given: String,
        /// What may be there.
        allowed: &'static str,
    },
}

/// Fields that only say how Datadog keeps the monitor.
const SILENT: [&str; 22] = [
    "id",
    "org_id",
    "name",
    "type",
    "query",
    "message",
    "tags",
    "priority",
    "options",
    "created",
    "created_at",
    "creator",
    "modified",
    "multi",
    "deleted",
    "overall_state",
    "overall_state_modified",
    "restricted_roles",
    "restriction_policy",
    "matching_downtimes",
    "draft_status",
    "assets",
];

/// Reads a monitor as `GET /api/v1/monitor/<id>`, or the editor's export, gives it.
///
/// # Errors
/// [`ExchangeError`] when the text is no JSON object of a query monitor. Wrong values inside are left to
/// [`MonitorSpec::check`].
pub fn import(text: &str) -> Result<Imported, ExchangeError> {
    if text.len() > LONGEST_JSON {
        return Err(ExchangeError::TooLarge { given: text.len(), most: LONGEST_JSON });
    }
    of_value(&serde_json::from_str(text)?)
}

/// Reads all monitors of a file: JSON of the API, of exports, arrays of them, files wrapped in `definition`, Terraform
/// (its language and its JSON), the Datadog operator's YAML. Each has its own outcome and a section name of its own.
///
/// # Errors
/// [`ExchangeError`] when the file is none of these.
pub fn import_all(text: &str) -> Result<Vec<Result<Imported, ExchangeError>>, ExchangeError> {
    if text.len() > LONGEST_FILE {
        return Err(ExchangeError::TooLarge { given: text.len(), most: LONGEST_FILE });
    }
    let mut names = BTreeSet::new();
    let mut imported: Vec<Result<Imported, ExchangeError>> =
        sources::monitors(text)?.iter().map(of_value_in_file).collect();
    for imported in imported.iter_mut().flatten() {
        let name = imported.section.clone();
        let mut number = 1;
        while !names.insert(imported.section.clone()) {
            number += 1;
            imported.section = format!("{name}_{number}");
        }
    }
    Ok(imported)
}

/// A file may be written by programs that put values in later.
fn of_value_in_file(json: &Value) -> Result<Imported, ExchangeError> {
    let mut imported = of_value(json)?;
    imported.notes.extend(json.as_object().map(terraforms).unwrap_or_default());
    Ok(imported)
}

fn of_value(json: &Value) -> Result<Imported, ExchangeError> {
    let shape = |what, value: Option<&Value>, allowed| {
        let given = value.map_or("nothing".to_owned(), |value| shorten(&value.to_string(), 60));
        ExchangeError::Shape { what, given, allowed }
    };
    let Some(monitor) = json.as_object() else {
        return Err(shape("monitor", Some(json), "one JSON object with name, type, query and options"));
    };
    match monitor.get("type") {
        None => {}
        Some(Value::String(kind)) if kind == "query alert" || kind == "metric alert" => {}
        Some(Value::String(kind)) => {
            return Err(ExchangeError::OtherKind { what: "type", given: format!("{kind:?}") });
        }
        kind => return Err(shape("type", kind, "\"query alert\" or \"metric alert\"")),
    }
    let query = match monitor.get("query") {
        Some(Value::String(query)) => query.trim(),
        query => return Err(shape("query", query, "the text avg(...):anomalies(...) >= <threshold>")),
    };
    let empty = Map::new();
    let options = match monitor.get("options") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(options)) => options,
        options => return Err(shape("options", options, "an object")),
    };
    if !query.is_empty() && !["anomalies", "outliers"].iter().any(|function| query.contains(function)) {
        return Err(ExchangeError::OtherKind { what: "query", given: shorten(query, 60) });
    }
    if outliers::is_outliers(query) {
        return Ok(outliers::of_monitor(monitor, query));
    }
    let mut import = Import { raw: RawMonitor::default(), notes: Vec::new() };
    let trigger = options.get("threshold_windows").and_then(|windows| windows.get("trigger_window"));
    import.query(query, trigger.and_then(Value::as_str));
    import.options(options);
    import.fit();
    if let Some(Value::String(message)) = monitor.get("message").filter(|message| **message != json!("")) {
        import.raw.message = Some(escape(message));
    }
    import.raw.tags = monitor.get("tags").and_then(list).filter(|tags| !tags.is_empty());
    if let Some(tags) = monitor.get("tags").filter(|tags| !tags.is_array() && !says_nothing(tags)) {
        import.left_out("tags", tags);
    }
    import.take("priority", monitor.get("priority"));
    let name = monitor.get("name").and_then(Value::as_str).unwrap_or("");
    import.raw.name = Some(escape(name)).filter(|name| !name.is_empty());
    for (field, value) in monitor {
        if !SILENT.contains(&field.as_str()) && !says_nothing(value) {
            import.left_out(field, value);
        }
    }
    Ok(Imported { section: section_name(name), raw: import.raw, notes: import.notes })
}

/// What texts hold that only Terraform can work out. Tags that are no list are left out, which is told apart.
fn terraforms(monitor: &Map<String, Value>) -> Vec<String> {
    let mut notes = Vec::new();
    for field in ["name", "query", "message", "tags"] {
        let text = monitor.get(field).and_then(Value::as_str).filter(|_| field != "tags");
        let mut texts: Vec<&str> = text.into_iter().collect();
        texts.extend(
            monitor.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
        let found = texts.iter().find_map(|text| {
            let start = ["${", "%{"].iter().filter_map(|mark| text.find(mark)).min()?;
            let rest = text.get(start..)?;
            Some(shorten(rest.get(..rest.find('}')? + 1)?, 40))
        });
        notes.extend(found.map(|expression| {
            format!("{field}: {expression} is known to Terraform only and stays as it is written; `terraform show -json PLAN` has what it becomes")
        }));
    }
    notes
}

/// What would be changed for a monitor whose problems are with rules that Datadog's editor has and its API has not;
/// `None` where other things are wrong.
#[must_use]
pub fn editors_rules(raw: &RawMonitor) -> Option<Vec<String>> {
    let mut import = Import { raw: raw.clone(), notes: Vec::new() };
    let trigger = import.raw.trigger_window.clone();
    import.query(raw.query.as_deref()?, trigger.as_deref());
    import.fit();
    MonitorSpec::check(&import.raw).ok().map(|_| import.notes).filter(|notes| !notes.is_empty())
}

struct Import {
    raw: RawMonitor,
    notes: Vec<String>,
}

impl Import {
    fn query(&mut self, query: &str, trigger_window: Option<&str>) {
        let (query, notes) = adapt::adapt(query, trigger_window);
        self.notes.extend(notes);
        self.raw.query = Some(query);
    }

    /// Values that the API takes and the editor does not.
    fn fit(&mut self) {
        self.at_most("timeout_h", 24, "h");
        self.at_most("no_data_timeframe", 1440, "min");
        self.at_most("new_group_delay", 604_800, "s");
        self.at_most("renotify_interval", 10_080, "min");
        let Some(query) = self.raw.query.as_deref().and_then(|query| query::parse(query).ok()) else {
            return;
        };
        let bucket_min = query.bucket_s().div_ceil(60);
        if let Some(given) = self.number("no_data_timeframe").filter(|minutes| *minutes < bucket_min) {
            self.change(
                "no_data_timeframe",
                &given.to_string(),
                &bucket_min.to_string(),
                "an interval, in minutes",
            );
        }
        let window = self.raw.recovery_window.as_deref().map(str::parse::<Timeframe>);
        let Some(Ok(window)) = window else { return };
        let recovery =
            self.raw.critical_recovery.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        if !(0.0..query.threshold).contains(&recovery) {
            return;
        }
        let (shortest, longest) = recovery_range(query.alert_window.seconds(), query.threshold, recovery);
        let fitting = window.seconds().clamp(shortest, longest);
        if fitting == window.seconds() {
            return;
        }
        let whole_minutes = fitting.div_ceil(60).saturating_mul(60);
        let fitting = if whole_minutes <= longest { whole_minutes } else { fitting };
        if let Ok(fitting) = Timeframe::from_seconds(fitting) {
            let why = "what goes with the alert window and the threshold";
            self.change("recovery_window", &window.to_string(), &fitting.to_string(), why);
        }
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.raw.get(key).and_then(|text| text.parse().ok())
    }

    fn at_most(&mut self, key: &str, most: u32, unit: &str) {
        if let Some(given) = self.number(key).filter(|given| *given > most) {
            self.change(key, &given.to_string(), &most.to_string(), &format!("the most, in {unit}"));
        }
    }

    fn change(&mut self, key: &str, from: &str, to: &str, why: &str) {
        self.notes.push(format!("{key}: {from} taken as {to}, {why}"));
        self.raw.set(key, to);
    }

    fn options(&mut self, options: &Map<String, Value>) {
        for (option, value) in options {
            match (option.as_str(), value) {
                (_, Value::Null) => {}
                ("thresholds", Value::Object(thresholds)) => self.nested("thresholds", thresholds),
                ("threshold_windows", Value::Object(windows)) => self.nested("threshold_windows", windows),
                ("require_full_window" | "notify_no_data", Value::Bool(false)) => {}
                (
                    "evaluation_delay" | "new_group_delay" | "no_data_timeframe" | "renotify_interval"
                    | "timeout_h",
                    value,
                ) if value.as_f64() == Some(0.0) => {}
                ("on_missing_data", Value::String(what)) => self.on_missing_data(what),
                ("on" | "name" | "query" | "message" | "tags" | "priority", _) => {
                    self.left_out(option, value)
                }
                (_, value) if RawMonitor::KEYS.contains(&option.as_str()) => self.take(option, Some(value)),
                // the API's defaults, and what only concerns Datadog's pages
                ("include_tags" | "notify_audit" | "locked" | "new_host_delay" | "silenced", _) => {}
                (_, value) if says_nothing(value) => {}
                _ => self.left_out(option, value),
            }
        }
        // the older name; 300 is its default
        if let Some(delay) = options.get("new_host_delay").and_then(Value::as_f64)
            && ![0.0, 300.0].contains(&delay)
            && options.get("new_group_delay").is_none_or(Value::is_null)
        {
            self.notes.push(format!("new_host_delay: {delay} taken as new_group_delay, its newer name"));
            self.raw.set("new_group_delay", delay.to_string());
        }
        // without notify_no_data the timeframe means nothing
        if self.raw.notify_no_data.is_none() {
            self.raw.no_data_timeframe = None;
        }
        // what the query says already
        if let Some(query) = self.raw.query.as_deref().and_then(|query| query::parse(query).ok()) {
            let same = |text: &String| text.parse() == Ok(query.threshold);
            self.raw.critical = self.raw.critical.take().filter(|text| !same(text));
            let trigger = self.raw.trigger_window.take();
            if let Some(trigger) = trigger.filter(|text| text.parse() != Ok(query.alert_window)) {
                self.notes.push(format!(
                    "trigger_window: {trigger} left out, the alert window of the query is {}",
                    query.alert_window
                ));
            }
        }
    }

    fn nested(&mut self, of: &str, values: &Map<String, Value>) {
        for (key, value) in values {
            match key.as_str() {
                "critical" | "critical_recovery" | "warning" | "warning_recovery" | "trigger_window"
                | "recovery_window" => {
                    self.take(key, Some(value));
                }
                _ if says_nothing(value) => {}
                _ => self.left_out(&format!("{of}.{key}"), value),
            }
        }
    }

    fn on_missing_data(&mut self, what: &str) {
        match what {
            "default" | "show_no_data" => {}
            "show_and_notify_no_data" => self.raw.notify_no_data = Some("true".to_owned()),
            _ => self.left_out("on_missing_data", &json!(what)),
        }
    }

    fn take(&mut self, key: &str, value: Option<&Value>) {
        let text = match value {
            None | Some(Value::Null) => return,
            Some(Value::String(text)) => text.clone(),
            // 60.0 is a whole number to the API
            Some(Value::Number(number)) => match number.as_f64() {
                Some(float) if float == float.trunc() && float.abs() < 1e15 => format!("{float:.0}"),
                _ => number.to_string(),
            },
            Some(other) => other.to_string(),
        };
        self.raw.set(key, escape(&text));
    }

    fn left_out(&mut self, field: &str, value: &Value) {
        self.notes.push(format!("{field}: left out ({})", shorten(&value.to_string(), 60)));
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

fn list(value: &Value) -> Option<String> {
    let tags: Vec<&str> = value.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(escape(&tags.join(", ")))
}

/// `CPU idle is low!` -> `cpu_idle_is_low`.
fn section_name(title: &str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() { "imported".to_owned() } else { words.join("_") }
}

impl Imported {
    /// The section's text: `[monitor.<section>]`, or `[group.<section>]` of an outlier monitor, `on: <on>`, then every key that is set.
    #[must_use]
    pub fn to_ini(&self, on: &str) -> String {
        let (kind, keys) = match self.outliers() {
            Some(_) => ("group", &outliers::KEYS[..]),
            None => ("monitor", RawMonitor::KEYS),
        };
        let mut text = format!("[{kind}.{}]\non: {on}\n", self.section);
        for key in keys {
            if let Some(value) = self.raw.get(key) {
                text.push_str(&format!("{key}: {value}\n"));
            }
        }
        text
    }
}

/// The body that creates this monitor; `name` is its title when it has none of its own.
#[must_use]
pub fn export(spec: &MonitorSpec, name: &str) -> Value {
    let mut thresholds = Map::new();
    thresholds.insert("critical".to_owned(), number(spec.critical));
    thresholds.insert("critical_recovery".to_owned(), number(spec.critical_recovery));
    if let Some(warning) = spec.warning {
        thresholds.insert("warning".to_owned(), number(warning));
        thresholds.insert("warning_recovery".to_owned(), number(spec.warning_recovery));
    }
    let mut options = json!({
        "thresholds": thresholds,
        "threshold_windows": {
            "trigger_window": spec.query.alert_window.to_string(),
            "recovery_window": spec.recovery_window.to_string(),
        },
        "require_full_window": spec.require_full_window,
        "notify_no_data": spec.notify_no_data,
        "new_group_delay": spec.new_group_delay_s,
    });
    let mut set = |option: &str, value: Option<u32>| {
        if let (Some(options), Some(value)) = (options.as_object_mut(), value) {
            options.insert(option.to_owned(), value.into());
        }
    };
    set("evaluation_delay", Some(spec.evaluation_delay_s).filter(|delay| *delay > 0));
    set("no_data_timeframe", spec.notify_no_data.then_some(spec.no_data_timeframe_min));
    set("renotify_interval", spec.renotify_interval_min);
    set("timeout_h", spec.timeout_h);
    let mut monitor = json!({
        "name": spec.name.as_deref().unwrap_or(name),
        "type": "query alert",
        "query": spec.query.to_string(),
        "message": spec.message,
        "tags": spec.tags,
        "options": options,
    });
    if let (Some(monitor), Some(priority)) = (monitor.as_object_mut(), spec.priority) {
        monitor.insert("priority".to_owned(), priority.into());
    }
    monitor
}

/// 1 rather than 1.0, as people write it.
fn number(value: f64) -> Value {
    if value == 0.0 || value == 1.0 { json!(value as u8) } else { json!(value) }
}

#[cfg(test)]
mod tests;
