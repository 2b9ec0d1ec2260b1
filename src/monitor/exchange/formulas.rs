//! Queries with formulas: the metric queries of `variables` are written where the formula names them.

use serde_json::{Map, Value};

use super::ExchangeError;
use crate::monitor::text::shorten;

/// Deepest nesting of lists and blocks around a definition, as Terraform writes them.
const DEEPEST: usize = 4;
/// What a formula may name.
const ALLOWED: &str = "a query with `name`, `data_source: metrics` and `query`: events are no metric; a metric made of \
                       them is one, and log lines are counted by `measure` of a [series.*] section";

/// A query whose formula is written out, and what was written in.
pub(super) struct WrittenOut {
    pub(super) query: String,
    pub(super) notes: Vec<String>,
}

/// The query as one text. `monitor` holds the variables itself, as Terraform writes them, or in its `options`.
pub(super) fn write_out(
    query: &str,
    monitor: &Map<String, Value>,
    options: &Map<String, Value>,
) -> Result<WrittenOut, ExchangeError> {
    let mut definitions = Vec::new();
    for variables in [options.get("variables"), monitor.get("variables")].into_iter().flatten() {
        collect(variables, DEEPEST, &mut definitions);
    }
    let query = without_wrapper(query).unwrap_or_else(|| query.to_owned());
    let mut written = String::new();
    let mut used: Vec<&str> = Vec::new();
    let mut rest = query.as_str();
    while let Some((before, word, behind)) = next_word(rest) {
        written += before;
        let definition = definitions.iter().find(|definition| definition["name"] == word);
        match definition {
            Some(definition) => {
                let inner = metric(word, definition)?.trim();
                // an operand stays one
                let is_alone =
                    before.trim_end().ends_with(['(', ',']) && behind.trim_start().starts_with([',', ')']);
                written +=
                    &if is_alone || is_one_term(inner) { inner.to_owned() } else { format!("({inner})") };
                if !used.contains(&word) {
                    used.push(word);
                }
            }
            None if is_usual_name(word) => {
                return Err(ExchangeError::Shape {
                    what: "variables",
                    given: format!("no query named {word}, which the query of the monitor names,"),
                    allowed: "a list that defines each, as the API and the editor's export have it in `options`",
                });
            }
            None => written += word,
        }
        rest = behind;
    }
    written += rest;
    let mut notes = Vec::new();
    if !used.is_empty() {
        let which = used.join(", ");
        notes.push(format!(
            "query: {which} of `variables` written out: the metric is read where it was named"
        ));
    }
    Ok(WrittenOut { query: written, notes })
}

/// `formula("anomalies(query1, ...)").last("4h") >= 1` -> `avg(last_4h):anomalies(query1, ...) >= 1`.
fn without_wrapper(query: &str) -> Option<String> {
    let rest = query.trim_start().strip_prefix("formula")?.trim_start().strip_prefix('(')?.trim_start();
    let mark = rest.chars().next().filter(|mark| ['"', '\''].contains(mark))?;
    // the formula has quotes of the other kind, or ends with the last one before `.last(`
    let (inside, behind) = rest.get(1..)?.split_once(&format!("{mark})"))?;
    let window = behind.trim_start().strip_prefix(".last(")?;
    let (window, behind) = window.split_once(')')?;
    let window = window.trim().trim_matches(['"', '\'']);
    let is_call = ["anomalies", "outliers"].iter().any(|call| inside.trim_start().starts_with(call));
    is_call.then(|| format!("avg(last_{window}):{} {}", inside.trim(), behind.trim()))
}

/// The objects that have a name, through lists and blocks such as Terraform's `metric_query`.
fn collect<'a>(value: &'a Value, deepest: usize, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(definition) if definition.contains_key("name") => found.push(value),
        Value::Object(blocks) if deepest > 0 => {
            blocks.values().for_each(|block| collect(block, deepest - 1, found));
        }
        Value::Array(list) if deepest > 0 => list.iter().for_each(|one| collect(one, deepest - 1, found)),
        _ => {}
    }
}

/// The metric query of a definition.
fn metric<'a>(name: &str, definition: &'a Value) -> Result<&'a str, ExchangeError> {
    let source = definition["data_source"].as_str().unwrap_or("metrics");
    match definition["query"].as_str() {
        Some(query) if source == "metrics" => Ok(query),
        _ => Err(ExchangeError::Shape {
            what: "variables",
            given: shorten(&format!("{name} with data_source {source:?}"), 80),
            allowed: ALLOWED,
        }),
    }
}

/// A name that Datadog's editor gives: `query1`.
fn is_usual_name(word: &str) -> bool {
    word.strip_prefix("query").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether nothing is added or multiplied outside of brackets.
fn is_one_term(metric: &str) -> bool {
    let mut open = 0_usize;
    for c in metric.chars() {
        match c {
            '(' | '{' | '[' => open += 1,
            ')' | '}' | ']' => open = open.saturating_sub(1),
            '+' | '*' | '/' | '-' if open == 0 => return false,
            _ => {}
        }
    }
    true
}

/// The next word that may name a query: no function, metric, suffix, scope or text. What stands before it, it, the rest.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let is_of_word = |c: char| c.is_alphanumeric() || "_.:@".contains(c);
    let (mut scopes, mut quote, mut start) = (0_usize, None, None);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if let Some(from) = start.filter(|_| !is_of_word(c)) {
            start = None;
            let (before, rest) = text.split_at_checked(from)?;
            let (word, behind) = rest.split_at_checked(at - from)?;
            let is_plain = word.starts_with(char::is_alphabetic) && !word.contains(['.', ':', '@']);
            if is_plain && !behind.trim_start().starts_with(['(', '{', '=']) {
                return Some((before, word, behind));
            }
        }
        match (quote, c) {
            (Some(mark), _) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => scopes += 1,
            (None, '}') => scopes = scopes.saturating_sub(1),
            (None, _) if scopes == 0 && is_of_word(c) => {
                start.get_or_insert(at);
            }
            _ => {}
        }
    }
    None
}
