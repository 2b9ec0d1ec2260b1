//! Monitors as Datadog's API writes them <-> sections of a configuration.
//!
//! Importing keeps what this program evaluates and notes what it leaves out; exporting gives the body for
//! `POST /api/v1/monitor` (and `/validate`). For a checked monitor, importing what was exported gives it back.

mod adapt;
mod export;
mod formulas;
mod hcl;
mod import;
mod outliers;
mod sources;
mod terraform_expressions;

pub use export::export;
pub use import::editors_rules;
pub use outliers::{GroupMonitor, export_group};

use std::collections::BTreeSet;

use serde_json::Value;
use thiserror::Error;

use super::spec::{RawMonitor, escape};
use import::of_value;

/// Largest JSON text that is read, bytes.
pub const LONGEST_JSON: usize = 1 << 20;
/// Largest file of several monitors that is read, bytes.
const LONGEST_FILE: usize = 64 << 20;

/// A monitor read from JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Name for the section: the monitor's title in lower-case words joined by `_`.
    pub section: String,
    /// The keys, unchecked: [`MonitorSpec::check`](super::spec::MonitorSpec::check) comes next.
    pub raw: RawMonitor,
    /// What was left out or changed, one sentence each.
    pub notes: Vec<String>,
}

/// The monitors of a file.
#[derive(Debug)]
pub struct ImportedFile {
    /// Each with its own outcome.
    pub monitors: Vec<Result<Imported, ExchangeError>>,
    /// What is to be told of the file: that it is one page of several.
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

/// Reads a monitor as `GET /api/v1/monitor/<id>`, or the editor's export, gives it.
///
/// # Errors
/// [`ExchangeError`] when the text is no JSON object of a query monitor. Wrong values inside are left to
/// [`MonitorSpec::check`](super::spec::MonitorSpec::check).
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
pub fn import_all(text: &str) -> Result<ImportedFile, ExchangeError> {
    if text.len() > LONGEST_FILE {
        return Err(ExchangeError::TooLarge { given: text.len(), most: LONGEST_FILE });
    }
    let mut names = BTreeSet::new();
    let (found, notes) = sources::monitors(text)?;
    let mut monitors: Vec<Result<Imported, ExchangeError>> = found.iter().map(of_value_in_file).collect();
    for imported in monitors.iter_mut().flatten() {
        let name = imported.section.clone();
        let mut number = 1;
        while !names.insert(imported.section.clone()) {
            number += 1;
            imported.section = format!("{name}_{number}");
        }
    }
    Ok(ImportedFile { monitors, notes })
}

/// A file may be written by programs that put values in later.
fn of_value_in_file(json: &Value) -> Result<Imported, ExchangeError> {
    let mut imported = of_value(json)?;
    imported.notes.extend(json.as_object().map(terraform_expressions::notes).unwrap_or_default());
    Ok(imported)
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

#[cfg(test)]
mod tests;
