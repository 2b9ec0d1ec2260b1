//! JSON: records a line, arrays of them, and the answers of Prometheus, Datadog and CloudWatch.

use serde_json::{Deserializer, Map, Value};

use super::error::SeriesFileError;
use super::kinds::Form;
use super::moment;
use super::table::{Cell, Table};
use super::wrapped;

/// Deepest map inside of a record whose fields are columns.
const DEEPEST: usize = 8;

/// Whether a text that begins with `[` is an array of objects, rather than a line such as `[2026-01-31] ...`.
pub(super) fn is_array(text: &[u8]) -> bool {
    let inner = text.get(1..).unwrap_or_default().trim_ascii_start();
    matches!(inner.first(), Some(b'{' | b']'))
}

/// Whether a text begins with the answer of a metrics store, or is one document that holds records.
pub(super) fn begins_with_answer(text: &[u8]) -> bool {
    let mut values = Deserializer::from_slice(text).into_iter::<Value>();
    let Some(Ok(first)) = values.next() else { return false };
    let is_all = text.get(values.byte_offset()..).unwrap_or_default().trim_ascii().is_empty();
    is_answer(&first)
        || wrapped::of_message(&first).is_some()
        || (is_all && wrapped::records(&first).is_some())
}

/// Whether a line is one whole object.
pub(super) fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && serde_json::from_slice::<Map<String, Value>>(line).is_ok()
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("JSON", true);
    table.kind = Form::Json;
    let start = bytes.len() - bytes.trim_ascii_start().len();
    if bytes.get(start) == Some(&b'[') {
        elements(bytes, start + 1, &mut table)?;
        table.preparation.push("jq -c '.[]'".to_owned());
        return Ok(table);
    }
    // one document: an answer, or what holds records
    if let Ok(document) = serde_json::from_slice::<Value>(bytes) {
        if is_answer(&document) {
            let line = LineCount { bytes, at: 0, line: 1 }.of(start);
            answer(&document, &mut table, line)?;
            return Ok(table);
        }
        if let Some((records, jq)) = wrapped::records(&document) {
            for record in records {
                table.lines += 1;
                put_record(&record, &mut table, 1);
            }
            table.preparation.push(format!("jq -c '{jq}'"));
            return Ok(table);
        }
    }
    let first_line =
        bytes.get(start..).unwrap_or_default().split(|&byte| byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice::<Value>(first_line) {
        Ok(first) if is_answer(&first) => answer(&first, &mut table, 1)?,
        // pretty-printed: the object goes on
        Err(error) if error.is_eof() && !second_is_object(bytes.get(start..).unwrap_or_default()) => {
            document(bytes, start, &mut table)?;
            if table.kind == Form::Json {
                table.preparation.push("jq -c .".to_owned());
            }
        }
        _ => records(bytes, &mut table)?,
    }
    Ok(table)
}

/// Whether the second line is a whole object: then the first is torn, and no object goes over several lines.
fn second_is_object(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').nth(1).is_some_and(|line| is_object(line.trim_ascii()))
}

/// One record a line.
fn records(bytes: &[u8], table: &mut Table) -> Result<(), SeriesFileError> {
    for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        table.lines += 1;
        let line = serde_json::from_slice::<Value>(line);
        if let Some((records, jq)) = line.as_ref().ok().and_then(wrapped::of_message) {
            for record in records {
                put_record(&record, table, at + 1);
            }
            if table.preparation.is_empty() {
                table.preparation.push(format!("jq -c '{jq}'"));
            }
            continue;
        }
        match line {
            Ok(Value::Object(record)) => put_record(&record, table, at + 1),
            Ok(other) => {
                let why = format!("it is {}, an object (`{{`) is wanted", kind(&other));
                table.pass_over(SeriesFileError::NotARecord { line: at + 1, why });
            }
            Err(error) => {
                let why = format!("no JSON at column {}: {}", error.column(), reason(&error));
                table.pass_over(SeriesFileError::NotARecord { line: at + 1, why });
            }
        }
    }
    Ok(())
}

/// Objects over several lines, one behind the other.
fn document(bytes: &[u8], start: usize, table: &mut Table) -> Result<(), SeriesFileError> {
    let mut values = Deserializer::from_slice(bytes.get(start..).unwrap_or_default()).into_iter::<Value>();
    let mut lines = LineCount { bytes, at: 0, line: 1 };
    let first_line = lines.of(start);
    loop {
        let at = start + values.byte_offset();
        let space = bytes.get(at..).unwrap_or_default();
        let line = lines.of(at + space.len() - space.trim_ascii_start().len());
        match values.next() {
            None => return Ok(()),
            Some(Ok(value)) if is_answer(&value) => answer(&value, table, line)?,
            Some(Ok(Value::Object(record))) => {
                table.lines += 1;
                put_record(&record, table, line);
            }
            Some(Ok(other)) => {
                let why = format!("it is {}, an object (`{{`) is wanted", kind(&other));
                return Err(SeriesFileError::NotARecord { line, why });
            }
            Some(Err(error)) => {
                let line = first_line + error.line().saturating_sub(1);
                let why = format!("no JSON at column {}: {}", error.column(), reason(&error));
                return Err(SeriesFileError::NotARecord { line, why });
            }
        }
    }
}

/// An array of objects.
fn elements(bytes: &[u8], mut at: usize, table: &mut Table) -> Result<(), SeriesFileError> {
    let mut lines = LineCount { bytes, at: 0, line: 1 };
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let skip = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
        at += skip;
        let line = lines.of(at);
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first() {
            Some(b']') => return Ok(()),
            None => {
                return Err(SeriesFileError::NotARecord { line, why: "the array is not closed".to_owned() });
            }
            Some(_) => {}
        }
        let mut values = Deserializer::from_slice(rest).into_iter::<Value>();
        table.lines += 1;
        match values.next() {
            Some(Ok(Value::Object(record))) => put_record(&record, table, line),
            Some(Ok(other)) => {
                let why = format!("it is {}, an object (`{{`) is wanted", kind(&other));
                return Err(SeriesFileError::NotARecord { line, why });
            }
            Some(Err(error)) => {
                return Err(SeriesFileError::NotARecord {
                    line,
                    why: format!("no JSON: {}", reason(&error)),
                });
            }
            None => return Ok(()),
        }
        at += values.byte_offset();
    }
}

/// Counts lines on the way through a text, each byte once.
struct LineCount<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl LineCount<'_> {
    /// The line of a place, from 1; places come in their order.
    fn of(&mut self, at: usize) -> usize {
        let passed = self.bytes.get(self.at..at).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.at = self.at.max(at);
        self.line
    }
}

/// The text without its place, which is told apart.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Adds a record as a row.
pub(super) fn put_record(record: &Map<String, Value>, table: &mut Table, line: usize) {
    let mut row = Vec::new();
    fields(record, &mut Vec::new(), table, &mut row);
    table.push(line, row);
}

fn fields(map: &Map<String, Value>, path: &mut Vec<String>, table: &mut Table, row: &mut Vec<Cell>) {
    for (key, value) in map {
        path.push(key.clone());
        match value {
            Value::Object(inner) if path.len() < DEEPEST => fields(inner, path, table, row),
            // an element has no name of its own
            Value::Array(list) if list.first().is_some_and(Value::is_number) => table.note_list(path),
            Value::Object(_) | Value::Array(_) => {}
            scalar => {
                let cell = scalar_cell(scalar, table);
                table.put(row, path, cell);
            }
        }
        path.pop();
    }
}

fn scalar_cell(value: &Value, table: &mut Table) -> Cell {
    match value {
        Value::Bool(bool) => Cell::Bool(*bool),
        Value::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Cell::Number(number),
            None => table.text_cell(&number.to_string()),
        },
        Value::String(text) => table.text_cell(text),
        _ => Cell::Null,
    }
}

/// Whether an object is the answer of a metrics store, rather than a record.
fn is_answer(value: &Value) -> bool {
    value["data"]["result"].is_array()
        || value["series"]
            .as_array()
            .is_some_and(|series| series.iter().all(|one| one["pointlist"].is_array()) && !series.is_empty())
        || value["data"]["attributes"]["times"].is_array()
        || value["MetricDataResults"].is_array()
        || error_of(value).is_some()
}

/// What a metrics store says in place of an answer: Prometheus' `{"status":"error","error":..}`, Datadog's `errors`.
fn error_of(value: &Value) -> Option<&str> {
    if value["status"] == "error" && value["errorType"].is_string() {
        return value["error"].as_str();
    }
    let is_only_errors = value.as_object().is_some_and(|members| members.len() == 1);
    value["errors"][0].as_str().filter(|_| is_only_errors)
}

/// Prometheus `query_range` and `query`; Datadog's v1 and v2 queries.
fn answer(value: &Value, table: &mut Table, line: usize) -> Result<(), SeriesFileError> {
    table.lines += 1;
    table.kind = Form::Answer;
    if let Some(error) = error_of(value) {
        return Err(SeriesFileError::NoAnswer { line, why: error.to_owned() });
    }
    let mut put = |labels: &[(String, String)], time: &Value, value: &Value| {
        let mut row = Vec::new();
        for (label, text) in labels {
            let cell = table.text_cell(text);
            table.put(&mut row, std::slice::from_ref(label), cell);
        }
        for (name, cell) in [("time", time), ("value", value)] {
            let cell = match cell.as_str().map(str::parse::<f64>) {
                Some(Ok(number)) if number.is_finite() => Cell::Number(number),
                Some(_) => Cell::Null, // "NaN", "+Inf"
                None => scalar_cell(cell, table),
            };
            table.put(&mut row, &[name.to_owned()], cell);
        }
        table.push(line, row);
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(results) = value["data"]["result"].as_array() {
        for result in results {
            let labels: Vec<(String, String)> = result["metric"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(label, value)| (label.replace("__name__", "metric"), text(value)))
                .collect();
            let single = result["value"].is_array().then(|| result["value"].clone());
            for point in result["values"].as_array().into_iter().flatten().chain(single.iter()) {
                put(&labels, &point[0], &point[1]);
            }
        }
    } else if let Some(series) = value["series"].as_array() {
        for one in series {
            let labels =
                vec![("metric".to_owned(), text(&one["metric"])), ("scope".to_owned(), text(&one["scope"]))];
            for point in one["pointlist"].as_array().into_iter().flatten() {
                // always milliseconds
                let time =
                    point[0].as_f64().map_or(Value::Null, |milliseconds| Value::from(milliseconds / 1000.0));
                put(&labels, &time, &point[1]);
            }
        }
    } else if let Some(results) = value["MetricDataResults"].as_array() {
        // CloudWatch
        for result in results {
            let labels = vec![("metric".to_owned(), text(&result["Label"]))];
            let times = result["Timestamps"].as_array().into_iter().flatten();
            for (time, value) in times.zip(result["Values"].as_array().into_iter().flatten()) {
                let moment = time.as_str().and_then(moment::of_text);
                let time = moment.map_or_else(|| time.clone(), |moment| Value::from(moment.seconds()));
                put(&labels, &time, value);
            }
        }
    } else {
        let attributes = &value["data"]["attributes"];
        let times = attributes["times"].as_array().cloned().unwrap_or_default();
        for (at, values) in attributes["values"].as_array().into_iter().flatten().enumerate() {
            let tags = &attributes["series"][at]["group_tags"];
            let tags: Vec<String> = tags.as_array().into_iter().flatten().map(text).collect();
            let labels = vec![("scope".to_owned(), tags.join(","))];
            for (time, value) in times.iter().zip(values.as_array().into_iter().flatten()) {
                put(&labels, time, value);
            }
        }
    }
    Ok(())
}
