//! A monitor of the API -> the keys of a section.

use serde_json::{Map, Value, json};

use super::{ExchangeError, Imported, adapt, formulas, list, outliers, says_nothing, section_name};
use crate::monitor::query;
use crate::monitor::spec::{MonitorSpec, RawMonitor, escape};
use crate::monitor::text::shorten;
use crate::monitor::timeframe::{Timeframe, recovery_range};

/// Fields that only say how Datadog keeps the monitor.
const SILENT: [&str; 29] = [
    "id",
    "org_id",
    "name",
    "type",
    "query",
    "message",
    "tags",
    "priority",
    "options",
    "variables",
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
    // of an answer of /monitor/search
    "classification",
    "last_triggered_ts",
    "metrics",
    "notifications",
    "scopes",
    "status",
];

/// The keys of a monitor, and what is left out of it.
pub(super) fn of_value(json: &Value) -> Result<Imported, ExchangeError> {
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
    let written_out = formulas::write_out(query, monitor, options)?;
    let query = written_out.query.as_str();
    if outliers::is_outliers(query) {
        let mut imported = outliers::of_monitor(monitor, query);
        imported.notes.splice(0..0, written_out.notes);
        return Ok(imported);
    }
    let mut import = Import { raw: RawMonitor::default(), notes: written_out.notes };
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
                (
                    "include_tags" | "notify_audit" | "locked" | "new_host_delay" | "silenced" | "variables",
                    _,
                ) => {}
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
