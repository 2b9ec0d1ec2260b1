//! Files that hold monitors: JSON of the API and of exports, Terraform, the Datadog operator's YAML.

use serde_json::{Map, Value, json};

use super::ExchangeError;
use super::hcl;
use crate::monitor::text::shorten;

/// Options that Terraform writes beside the query, without `options`.
const FLAT: [&str; 18] = [
    "notify_no_data",
    "no_data_timeframe",
    "renotify_interval",
    "renotify_occurrences",
    "renotify_statuses",
    "timeout_h",
    "require_full_window",
    "evaluation_delay",
    "new_group_delay",
    "new_host_delay",
    "on_missing_data",
    "escalation_message",
    "notify_audit",
    "include_tags",
    "locked",
    "group_retention_duration",
    "notify_by",
    "silenced",
];

/// Those among them that are texts.
const TEXTS: [&str; 2] = ["on_missing_data", "escalation_message"];

/// The monitors of a file, each as the API writes it, and what is to be told of the file.
pub(super) fn monitors(text: &str) -> Result<(Vec<Value>, Vec<String>), ExchangeError> {
    let mut notes = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    let begins = text.trim_start();
    let found = if begins.starts_with(['{', '[']) {
        let mut found = Vec::new();
        // one document, or one a line
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value?;
            if let Some(why) = value["errors"][0].as_str().filter(|_| value["query"].is_null()) {
                return Err(ExchangeError::NoAnswer { why: why.to_owned() });
            }
            notes.extend(of_search(&value));
            found.extend(of_json(&value));
        }
        found
    } else if text.contains("datadog_monitor") {
        let resources = hcl::monitors(text).map_err(|(line, why)| ExchangeError::Terraform { line, why })?;
        resources.iter().map(of_terraform).collect()
    } else {
        of_yaml(text)?
    };
    if found.is_empty() {
        return Err(ExchangeError::Shape {
            what: "file",
            given: shorten(begins, 40),
            allowed: "a monitor's JSON or an array of them, Terraform with datadog_monitor, a DatadogMonitor in YAML",
        });
    }
    Ok((found, notes))
}

/// What an answer of `GET /api/v1/monitor/search` lacks: options, and the monitors of its other pages.
fn of_search(answer: &Value) -> Vec<String> {
    let metadata = &answer["metadata"];
    let Some(monitors) = answer["monitors"].as_array().filter(|_| metadata.is_object()) else {
        return Vec::new();
    };
    let mut notes = vec![
        "an answer of /api/v1/monitor/search, in which monitors have neither options nor a message: windows, warnings \
         and delays are taken as not set; GET /api/v1/monitor has them"
            .to_owned(),
    ];
    let number = |name: &str| metadata[name].as_u64();
    if let Some(pages) = number("page_count").filter(|pages| *pages > 1) {
        // the API counts pages from 0
        let page = number("page").unwrap_or(0).saturating_add(1);
        let total = number("total_count").map_or(String::new(), |total| format!(" of {total}"));
        notes.push(format!(
            "page {page} of {pages}: it holds {}{total} monitors; ask for the others with `page`, or for more at once with \
             `per_page`",
            monitors.len()
        ));
    }
    notes
}

fn of_json(value: &Value) -> Vec<Value> {
    if let Some(list) = value.as_array() {
        return list.iter().flat_map(of_json).collect();
    }
    for wrapper in ["definition", "monitor"] {
        if value[wrapper].is_object() {
            return of_json(&value[wrapper]);
        }
    }
    for list in ["monitors", "data"] {
        if value[list].is_array() {
            return of_json(&value[list]);
        }
    }
    if let Some(resources) = value["resources"].as_object().or(value["Resources"].as_object()) {
        return resources.values().filter_map(of_pulumi).collect();
    }
    // Terraform: a plan, a state, a configuration in JSON
    let mut found = Vec::new();
    for modules in [&value["planned_values"]["root_module"], &value["values"]["root_module"]] {
        resources(modules, &mut found);
    }
    let configured = match &value["resource"] {
        Value::Array(several) => several.iter().collect(),
        one => vec![one],
    };
    for configured in configured.iter().filter_map(|resources| resources["datadog_monitor"].as_object()) {
        found.extend(configured.values().map(of_terraform));
    }
    // the file `terraform.tfstate`
    for resource in value["resources"].as_array().into_iter().flatten() {
        if resource["type"] == "datadog_monitor" {
            let instances = resource["instances"].as_array().into_iter().flatten();
            found.extend(instances.map(|instance| of_terraform(&instance["attributes"])));
        }
    }
    if value["kind"] == "DatadogMonitor" {
        found.push(of_operator(value));
    }
    if found.is_empty() && value["planned_values"].is_null() { vec![value.clone()] } else { found }
}

/// A resource of Pulumi's or CloudFormation's: the same words in another case.
fn of_pulumi(resource: &Value) -> Option<Value> {
    let kind = resource["type"].as_str().or(resource["Type"].as_str())?;
    let is_monitor = kind.to_lowercase().contains("datadog") && kind.ends_with("Monitor");
    let properties = resource["properties"].as_object().or(resource["Properties"].as_object());
    let properties = snake(&Value::Object(properties.filter(|_| is_monitor)?.clone()));
    // CloudFormation has `options`, Pulumi what Terraform has
    Some(if properties["options"].is_object() { properties } else { of_terraform(&properties) })
}

fn resources(module: &Value, found: &mut Vec<Value>) {
    for resource in module["resources"].as_array().into_iter().flatten() {
        if resource["type"] == "datadog_monitor" {
            found.push(of_terraform(&resource["values"]));
        }
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        resources(child, found);
    }
}

/// A `datadog_monitor` resource.
fn of_terraform(resource: &Value) -> Value {
    let mut monitor = Map::new();
    let mut options = Map::new();
    // blocks are lists of one
    let block = |value: &Value| match value {
        Value::Array(list) => list.first().cloned().unwrap_or(Value::Null),
        other => other.clone(),
    };
    for (key, value) in resource.as_object().into_iter().flatten() {
        match key.as_str() {
            "name" | "type" | "query" | "message" | "tags" => {
                monitor.insert(key.clone(), value.clone());
            }
            "priority" => match number(value) {
                Value::String(_) => {
                    monitor.insert("priority of Terraform".to_owned(), value.clone());
                }
                number => {
                    monitor.insert(key.clone(), number);
                }
            },
            "monitor_thresholds" | "thresholds" => {
                let mut thresholds = Map::new();
                for (threshold, value) in block(value).as_object().into_iter().flatten() {
                    match number(value) {
                        // an expression of Terraform's, which only Terraform knows
                        Value::String(_) => {
                            monitor.insert(format!("{key}.{threshold}"), value.clone());
                        }
                        number => {
                            thresholds.insert(threshold.clone(), number);
                        }
                    }
                }
                options.insert("thresholds".to_owned(), Value::Object(thresholds));
            }
            "monitor_threshold_windows" | "threshold_windows" => {
                options.insert("threshold_windows".to_owned(), block(value));
            }
            _ if FLAT.contains(&key.as_str()) => match number(value) {
                Value::String(_) if !TEXTS.contains(&key.as_str()) => {
                    monitor.insert(key.clone(), value.clone());
                }
                number => {
                    options.insert(key.clone(), number);
                }
            },
            // how Terraform keeps the resource
            "id" | "validate" | "force_delete" | "count" | "for_each" | "lifecycle" | "depends_on"
            | "provider" | "effective_tags" | "restricted_roles" | "draft_status" => {}
            _ => {
                monitor.insert(key.clone(), value.clone());
            }
        }
    }
    monitor.insert("options".to_owned(), Value::Object(options));
    Value::Object(monitor)
}

/// Terraform writes numbers as texts now and then.
fn number(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.trim().parse::<f64>().ok()) {
        Some(number) => json!(number),
        None => value.clone(),
    }
}

fn of_yaml(text: &str) -> Result<Vec<Value>, ExchangeError> {
    let documents = yaml_rust2::YamlLoader::load_from_str(text)
        .map_err(|error| ExchangeError::Yaml { line: error.marker().line(), why: error.info().to_owned() })?;
    let values: Vec<Value> = documents.iter().map(value_of_yaml).collect();
    let mut found = Vec::new();
    for value in values {
        match value["kind"].as_str() {
            Some("DatadogMonitor") => found.push(of_operator(&value)),
            Some("List") => found.extend(value["items"].as_array().into_iter().flatten().map(of_operator)),
            Some(_) => {}
            None if value.is_object() || value.is_array() => found.extend(of_json(&value)),
            None => {}
        }
    }
    Ok(found)
}

fn value_of_yaml(yaml: &yaml_rust2::Yaml) -> Value {
    use yaml_rust2::Yaml;
    match yaml {
        Yaml::Real(text) => text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number)),
        Yaml::Integer(number) => json!(number),
        Yaml::String(text) => json!(text),
        Yaml::Boolean(bool) => json!(bool),
        Yaml::Array(list) => Value::Array(list.iter().map(value_of_yaml).collect()),
        Yaml::Hash(map) => Value::Object(
            map.iter()
                .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value_of_yaml(value))))
                .collect(),
        ),
        _ => Value::Null,
    }
}

/// A `DatadogMonitor` of the operator: the same words in another case, and numbers in quotes.
fn of_operator(resource: &Value) -> Value {
    let spec = &resource["spec"];
    let mut monitor = Map::new();
    for (key, value) in spec.as_object().into_iter().flatten() {
        match key.as_str() {
            "controllerOptions" => {}
            "options" => {
                monitor.insert(key.clone(), snake(value));
            }
            _ => {
                monitor.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(monitor)
}

/// `noDataTimeframe` -> `no_data_timeframe`, and `"0.5"` -> 0.5.
fn snake(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let renamed = map.iter().map(|(key, value)| {
                let mut name = String::new();
                for c in key.chars() {
                    if c.is_ascii_uppercase() && !name.is_empty() {
                        name.push('_');
                    }
                    name.push(c.to_ascii_lowercase());
                }
                (name, snake(value))
            });
            Value::Object(renamed.collect())
        }
        other => number(other),
    }
}
