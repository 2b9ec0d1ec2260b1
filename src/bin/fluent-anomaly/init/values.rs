//! Which fields are values, and what speaks against the others.

use fluent_anomaly::Time;
use fluent_anomaly::records::Unit;
use fluent_anomaly::sources::series_file::{Cell, Table, why_no_value};

use super::columns::{Content, name};

/// Most sections that are proposed.
const MOST_SECTIONS: usize = 4;
/// Numbers from which on a field that most records lack is a value.
const FEWEST_NUMBERS: usize = 30;
/// Words in names of values worth a look.
const VALUES: [&str; 34] = [
    "latency",
    "duration",
    "elapsed",
    "response_time",
    "request_time",
    "took",
    "ms",
    "seconds",
    "value",
    "usage",
    "used",
    "cpu_p",
    "percent",
    "pct",
    "load",
    "rate",
    "count",
    "bytes",
    "size",
    "temperature",
    "queue",
    "depth",
    "errors",
    "free",
    "idle",
    "user_p",
    "system_p",
    "rx",
    "service",
    "connect",
    "average",
    "sum",
    "maximum",
    "tt",
];
/// One section.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) value: usize,
    /// That of texts such as `12ms`.
    pub(super) unit: Option<Unit>,
    pub(super) reason: String,
}

/// A section for each field that is worth it, each choice told with its reason.
pub(super) fn sections(
    table: &Table,
    contents: &[Content],
    time: Option<usize>,
    keys: &[usize],
    names: &[String],
    told: &mut Vec<String>,
) -> Result<Vec<Section>, String> {
    let is_other = |column: usize| Some(column) != time && !keys.contains(&column);
    let candidates = candidates(table, contents, is_other, names, told);
    if candidates.is_empty() {
        return Err(no_numbers(table, contents, names, told));
    }
    let more = candidates.len().saturating_sub(MOST_SECTIONS);
    let mut sections: Vec<Section> = Vec::new();
    for Candidate { column, reason, .. } in candidates.into_iter().take(MOST_SECTIONS) {
        told.push(format!("value   {}: {reason}", name(names, column)));
        let name = section_name(&table.last_key(column), &sections);
        sections.push(Section { name, value: column, unit: None, reason });
    }
    if more > 0 {
        told.push(format!("        {more} more fields with numbers: add sections for those that matter"));
    }
    Ok(sections)
}

/// A field with numbers that may be worth a section; the first in order is the best one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: usize,
    column: usize,
    reason: String,
}

/// The fields with numbers, the best first; why others are left out is told.
fn candidates(
    table: &Table,
    contents: &[Content],
    is_other: impl Fn(usize) -> bool,
    names: &[String],
    told: &mut Vec<String>,
) -> Vec<Candidate> {
    let rows = table.rows.len();
    let mut candidates = Vec::new();
    for (column, content) in contents.iter().enumerate() {
        // records of several shapes may stand in one file
        let is_some = content.numbers >= FEWEST_NUMBERS.min(rows.div_ceil(2)) && content.numbers >= 2;
        if !is_other(column) || !is_some {
            continue;
        }
        let last = table.last_key(column);
        let words: Vec<&str> = last.split(['_', '-', '.']).collect();
        if let Some(why) = why_left_out(table, column, content) {
            told.push(format!("not     {}: {why}", name(names, column)));
            continue;
        }
        let rank = VALUES
            .iter()
            .position(|word| last == *word || words.contains(word) || last.ends_with(word))
            .unwrap_or(VALUES.len());
        let reason = format!(
            "numbers in {} of {rows} records, {} to {}",
            content.numbers,
            short(content.least),
            short(content.most)
        );
        // what most records have comes before what few have
        let rank = rank + if content.numbers * 2 < rows { VALUES.len() + 1 } else { 0 };
        candidates.push(Candidate { rank, column, reason });
    }
    candidates.sort();
    candidates
}

/// Why a field with numbers is none to score.
fn why_left_out(table: &Table, column: usize, content: &Content) -> Option<String> {
    if content.least == content.most {
        Some(format!("always {}", content.least))
    } else if let Some(why) = why_no_value(table, column) {
        Some(why.to_owned())
    } else if content.falls == 0 && content.rises * 10 > content.numbers * 9 && table.rows.len() > 10 {
        Some("it only rises, as a counter does".to_owned())
    } else if content.least > 1e8
        && Time::from_float_of_any_unit(content.least).is_some()
        && table.last_key(column).contains("time")
    {
        Some("its name and its size say that it is a time".to_owned())
    } else {
        None
    }
}

/// What is said where no field can be scored.
fn no_numbers(table: &Table, contents: &[Content], names: &[String], told: &[String]) -> String {
    let there: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
    let reasons: Vec<&str> = told.iter().filter_map(|line| line.strip_prefix("not     ")).collect();
    let reasons = match &reasons[..] {
        [] => with_units(table, contents, names).unwrap_or_default(),
        reasons => format!("; left out: {}", reasons.join("; ")),
    };
    let lists = match &table.lists[..] {
        [] => String::new(),
        [first, ..] => format!(
            "; {} hold lists of numbers: `value: {first}[0]` of a section reads the first number of such a list",
            table.lists.join(", ")
        ),
    };
    format!(
        "no field holds numbers that could be scored; the records have {}{reasons}{lists}",
        if there.is_empty() { "no fields".to_owned() } else { there.join(", ") }
    )
}

/// The name of a section for a key, unlike those of the others.
fn section_name(key: &str, others: &[Section]) -> String {
    let mut name: String =
        key.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    while name.is_empty() || others.iter().any(|other| other.name == name) {
        name.push('_');
    }
    name
}

/// A field whose texts begin with a number, as `12ms` does.
fn with_units(table: &Table, contents: &[Content], names: &[String]) -> Option<String> {
    let text = |column: usize| match table.rows.first()?.cell(column) {
        Cell::Text(text) => Some(table.text(text)),
        _ => None,
    };
    let begins = |column: &usize| {
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.len() < 16;
        contents.get(*column).is_some_and(|content| content.distinct > 1) && text(*column).is_some_and(digits)
    };
    let column = (0..table.columns.len()).find(begins)?;
    Some(format!(
        "; {} is a text such as {:?}: log the number alone, its unit in the name of the field",
        name(names, column),
        text(column)?
    ))
}

/// Four digits that count.
pub(super) fn short(value: f64) -> String {
    let text = if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
