//! What only Terraform knows: expressions in the texts of a file.

use serde_json::{Map, Value};

use crate::monitor::text::shorten;

/// What texts hold that only Terraform can work out. Tags that are no list are left out, which is told apart.
pub(super) fn notes(monitor: &Map<String, Value>) -> Vec<String> {
    let mut notes = Vec::new();
    for field in ["name", "query", "message", "tags"] {
        let texts: Vec<&str> = match monitor.get(field) {
            Some(Value::String(text)) if field != "tags" => vec![text],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
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
