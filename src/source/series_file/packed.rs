//! msgpack: maps one behind the other, or what the forward protocol sends.

use rmpv::Value;
use serde_json::{Map, Value as Json};

use super::error::SeriesFileError;
use super::json::put_record;
use super::table::Table;
use crate::time::Time;

/// Deepest nesting that is read.
const DEEPEST: usize = 32;

/// Whether the bytes begin with a map, or with an array as of the forward protocol.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    match rmpv::decode::read_value_with_max_depth(&mut rest, DEEPEST) {
        Ok(Value::Map(_)) => true,
        Ok(Value::Array(parts)) => {
            parts.iter().any(|part| matches!(part, Value::Map(_) | Value::Array(_) | Value::Binary(_)))
        }
        _ => false,
    }
}

/// Reads a whole file; lines are counted by records.
pub(super) fn read(bytes: &[u8]) -> Result<Table, SeriesFileError> {
    let mut table = Table::new("msgpack", true);
    stream(bytes, None, &mut table)?;
    Ok(table)
}

fn stream(mut rest: &[u8], tag: Option<u32>, table: &mut Table) -> Result<(), SeriesFileError> {
    while !rest.is_empty() {
        let value = rmpv::decode::read_value_with_max_depth(&mut rest, DEEPEST).map_err(|error| {
            let why = format!("record {}: {error}", table.lines + 1);
            SeriesFileError::Packed { what: "msgpack", why }
        })?;
        message(value, tag, table)?;
    }
    Ok(())
}

/// A map, `[tag, time, record, ...]`, `[tag, [[time, record], ...], ...]`, `[tag, bytes, ...]` or `[time, record]`.
fn message(value: Value, tag: Option<u32>, table: &mut Table) -> Result<(), SeriesFileError> {
    match value {
        Value::Map(_) => record(&value, tag, None, table),
        Value::Array(parts) => match &parts[..] {
            [Value::String(tag), Value::Array(entries), ..] => {
                let tag = table.intern(tag.as_str().unwrap_or_default());
                for entry in entries {
                    message(entry.clone(), Some(tag), table)?;
                }
            }
            [Value::String(tag), Value::Binary(packed), ..] => {
                let tag = table.intern(tag.as_str().unwrap_or_default());
                stream(packed, Some(tag), table)?;
            }
            [Value::String(tag), time, of @ Value::Map(_), ..] => {
                let tag = table.intern(tag.as_str().unwrap_or_default());
                record(of, Some(tag), moment(time), table);
            }
            [time, of @ Value::Map(_)] => record(of, tag, moment(time), table),
            _ => {}
        },
        _ => {}
    }
    Ok(())
}

fn record(value: &Value, tag: Option<u32>, time: Option<Time>, table: &mut Table) {
    table.lines += 1;
    let line = table.lines;
    if let Json::Object(map) = json(value) {
        put_record(&map, table, line);
        if let Some(row) = table.rows.last_mut() {
            (row.tag, row.time) = (tag, time);
        }
    }
}

/// Whole seconds, or the event time of the forward protocol; of `[time, metadata]` the first.
fn moment(value: &Value) -> Option<Time> {
    match value {
        Value::Ext(0, bytes) => {
            let (seconds, nanos) = bytes.split_first_chunk::<4>()?;
            let nanos = nanos.first_chunk::<4>()?;
            Some(Time::from_parts(u32::from_be_bytes(*seconds), u32::from_be_bytes(*nanos)))
        }
        Value::Array(parts) => moment(parts.first()?),
        other => Time::from_seconds_f64(other.as_f64()?),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Boolean(bool) => Json::Bool(*bool),
        Value::Integer(number) => {
            number.as_i64().map(Json::from).or(number.as_u64().map(Json::from)).unwrap_or(Json::Null)
        }
        Value::F32(number) => Json::from(f64::from(*number)),
        Value::F64(number) => Json::from(*number),
        Value::String(text) => Json::String(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Value::Binary(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Value::Array(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(pairs) => {
            let named = pairs.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), json(value))));
            Json::Object(named.collect::<Map<_, _>>())
        }
        Value::Nil | Value::Ext(..) => Json::Null,
    }
}
