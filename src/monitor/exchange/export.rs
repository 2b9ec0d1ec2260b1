//! A checked monitor -> the body that creates it.

use serde_json::{Map, Value, json};

use crate::monitor::spec::MonitorSpec;

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
