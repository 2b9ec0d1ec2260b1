//! Records within one JSON document: exports of CloudWatch, searches of Elasticsearch, OpenTelemetry's log files.

use serde_json::{Map, Value, json};

/// Deepest map in which a list of records is looked for.
const DEEPEST: usize = 3;

/// How `jq` takes a document of OpenTelemetry's apart as [`otlp`] does.
const JQ_OTLP: &str = ".resourceLogs[] | (.resource.attributes // []) as $r | .scopeLogs[].logRecords[] | {timestamp: .timeUnixNano, severity: .severityText, body: .body.stringValue} + ([($r + (.attributes // []))[] | {(.key): (.value | to_entries[0].value)}] | add // {})";

/// The same for metrics.
const JQ_OTLP_METRICS: &str = ".resourceMetrics[] | (.resource.attributes // []) as $r | .scopeMetrics[].metrics[] | .name as $n | (.gauge // .sum // {}).dataPoints[]? | {timestamp: .timeUnixNano, name: $n, value: (.asDouble // .asInt)} + ([($r + (.attributes // []))[] | {(.key): (.value | to_entries[0].value)}] | add // {})";

/// How it takes a line of VictoriaMetrics' export apart.
const JQ_SERIES: &str = ". as $s | range($s.values | length) as $i | $s.metric + {timestamp: $s.timestamps[$i], value: $s.values[$i]}";

/// The records in a document, and the program of `jq` that takes it apart; `None` where it holds no list of them.
pub(super) fn records(document: &Value) -> Option<(Vec<Map<String, Value>>, String)> {
    if let Some((records, jq)) = of_message(document) {
        return Some((records, jq.to_owned()));
    }
    let (path, list) = longest_list(document)?;
    let is_cells =
        |row: &Value| row.as_array().is_some_and(|cells| cells.iter().all(|cell| cell["field"].is_string()));
    // CloudWatch Logs Insights: a list of cells a row
    if list.iter().all(is_cells) {
        let of_row = |row: &Value| {
            let cells = row.as_array().into_iter().flatten();
            cells
                .filter_map(|cell| Some((cell["field"].as_str()?.to_owned(), cell["value"].clone())))
                .collect()
        };
        return Some((
            list.iter().map(of_row).collect(),
            format!("{path}[] | map({{(.field): .value}}) | add"),
        ));
    }
    // Elasticsearch: the record, and where it was found
    let source = if list.iter().all(|one| one["_source"].is_object()) { "_source" } else { "" };
    let of_element = |element: &Value| {
        let record = if source.is_empty() { element } else { &element[source] };
        record.as_object().cloned()
    };
    let records: Option<Vec<_>> = list.iter().map(of_element).collect();
    let jq = if source.is_empty() { format!("{path}[]") } else { format!("{path}[]._source") };
    Some((records?, jq))
}

/// The longest list of objects, or of lists, and the path that leads to it.
fn longest_list(document: &Value) -> Option<(String, &Vec<Value>)> {
    let mut found: Option<(String, &Vec<Value>)> = None;
    let mut open = vec![(String::new(), document, 0)];
    while let Some((path, value, depth)) = open.pop() {
        for (key, inner) in value.as_object().into_iter().flatten() {
            let is_plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let path = if is_plain { format!("{path}.{key}") } else { format!("{path}.[{}]", json!(key)) };
            match inner {
                Value::Array(list)
                    if list.len() > 1
                        && list.iter().all(|one| one.is_object() || one.is_array())
                        && found.as_ref().is_none_or(|(_, longest)| longest.len() < list.len()) =>
                {
                    found = Some((path, list));
                }
                Value::Object(_) if depth < DEEPEST => open.push((path, inner, depth + 1)),
                _ => {}
            }
        }
    }
    found
}

/// The records of a line that holds several, and the program of `jq` that takes it apart: OpenTelemetry's logs and
/// metrics, a series of VictoriaMetrics' export. `None` for any other.
pub(super) fn of_message(value: &Value) -> Option<(Vec<Map<String, Value>>, &'static str)> {
    if value["resourceLogs"].is_array() {
        return Some((otlp(value), JQ_OTLP));
    }
    if value["resourceMetrics"].is_array() {
        return Some((otlp_metrics(value), JQ_OTLP_METRICS));
    }
    let is_series =
        value["metric"].is_object() && value["values"].is_array() && value["timestamps"].is_array();
    is_series.then(|| (exported_series(value), JQ_SERIES))
}

/// The points of a series in `/api/v1/export` of VictoriaMetrics.
fn exported_series(series: &Value) -> Vec<Map<String, Value>> {
    let labels = series["metric"].as_object().cloned().unwrap_or_default();
    let points = list(&series["timestamps"]).iter().zip(list(&series["values"]));
    points
        .map(|(time, value)| {
            let mut record = labels.clone();
            record.insert("timestamp".to_owned(), time.clone());
            record.insert("value".to_owned(), value.clone());
            record
        })
        .collect()
}

/// The points of gauges and sums of an OpenTelemetry message, attributes as fields.
fn otlp_metrics(document: &Value) -> Vec<Map<String, Value>> {
    let mut records = Vec::new();
    for resource in list(&document["resourceMetrics"]) {
        for metric in list(&resource["scopeMetrics"]).iter().flat_map(|scope| list(&scope["metrics"])) {
            let points = [&metric["gauge"], &metric["sum"]].map(|kind| list(&kind["dataPoints"]));
            for point in points.into_iter().flatten() {
                let mut record = Map::new();
                record.insert("timestamp".to_owned(), point["timeUnixNano"].clone());
                record.insert("name".to_owned(), metric["name"].clone());
                let value = if point["asDouble"].is_null() { &point["asInt"] } else { &point["asDouble"] };
                record.insert("value".to_owned(), value.clone());
                put_attributes(&resource["resource"]["attributes"], &mut record);
                put_attributes(&point["attributes"], &mut record);
                records.push(record);
            }
        }
    }
    records
}

fn put_attributes(attributes: &Value, record: &mut Map<String, Value>) {
    for attribute in list(attributes) {
        let value = attribute["value"].as_object().and_then(|value| value.values().next());
        if let (Some(key), Some(value)) = (attribute["key"].as_str(), value) {
            record.insert(key.to_owned(), value.clone());
        }
    }
}

/// The log records of an OpenTelemetry message, attributes as fields.
fn otlp(document: &Value) -> Vec<Map<String, Value>> {
    let mut records = Vec::new();
    for resource in list(&document["resourceLogs"]) {
        for scope in list(&resource["scopeLogs"]) {
            for log in list(&scope["logRecords"]) {
                let mut record = Map::new();
                record.insert("timestamp".to_owned(), log["timeUnixNano"].clone());
                record.insert("severity".to_owned(), log["severityText"].clone());
                record.insert("body".to_owned(), log["body"]["stringValue"].clone());
                put_attributes(&resource["resource"]["attributes"], &mut record);
                put_attributes(&log["attributes"], &mut record);
                records.push(record);
            }
        }
    }
    records
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_document_is_taken_apart() {
        for (document, first, jq) in [
            (json!({"events": [{"a": 1}, {"a": 2}], "nextToken": "x"}), json!({"a": 1}), ".events[]"),
            (
                json!({"Label": "CPU", "Datapoints": [{"Average": 1.5}, {"Average": 2}]}),
                json!({"Average": 1.5}),
                ".Datapoints[]",
            ),
            (
                json!({"took": 1, "hits": {"total": {"value": 2}, "hits": [{"_id": "1", "_source": {"a": 1}}, {"_source": {"a": 2}}]}}),
                json!({"a": 1}),
                ".hits.hits[]._source",
            ),
            (
                json!({"status": "Complete", "results": [[{"field": "@timestamp", "value": "x"}, {"field": "ms", "value": "1"}],
                    [{"field": "ms", "value": "2"}]]}),
                json!({"@timestamp": "x", "ms": "1"}),
                ".results[] | map({(.field): .value}) | add",
            ),
            (json!({"log data": [{"a": 1}, {"a": 2}]}), json!({"a": 1}), ".[\"log data\"][]"),
            (
                json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
                    "scopeLogs": [{"logRecords": [{"timeUnixNano": "1", "severityText": "INFO", "body": {"stringValue": "b"},
                        "attributes": [{"key": "ms", "value": {"doubleValue": 1.5}}]}]}]}]}),
                json!({"timestamp": "1", "severity": "INFO", "body": "b", "service.name": "web", "ms": 1.5}),
                JQ_OTLP,
            ),
            (
                json!({"resourceMetrics": [{"resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "h"}}]},
                    "scopeMetrics": [{"metrics": [{"name": "load", "gauge": {"dataPoints": [{"timeUnixNano": "1", "asDouble": 1.5,
                        "attributes": [{"key": "cpu", "value": {"intValue": "0"}}]}]}}, {"name": "h", "histogram": {"dataPoints": [{}]}}]}]}]}),
                json!({"timestamp": "1", "name": "load", "value": 1.5, "host.name": "h", "cpu": "0"}),
                JQ_OTLP_METRICS,
            ),
            (
                json!({"metric": {"__name__": "up", "job": "n"}, "values": [1, 0.5], "timestamps": [1000, 2000]}),
                json!({"__name__": "up", "job": "n", "timestamp": 1000, "value": 1}),
                JQ_SERIES,
            ),
        ] {
            let (records, told) = records(&document).unwrap();
            assert_eq!((Value::Object(records[0].clone()), told.as_str()), (first, jq), "{document}");
        }
        for document in [json!({"a": 1}), json!({"tags": ["a", "b"]}), json!({"only": [{"a": 1}]}), json!(1)]
        {
            assert_eq!(records(&document), None, "{document}");
        }
    }
}
