//! Lines as both hosts read regular expressions.

use fluent_anomaly::sources::series_file::{
    Cell, DURATIONS, Form, LEVEL_WITHIN, LEVELS, Prefix, PrefixKind, Table,
};

use super::super::propose::Proposal;
use super::super::sample::Sample;

/// The regular expression that takes a line of the sample apart; `None`: its form has a parser.
pub(super) fn line_regex(proposal: &Proposal, sample: &Sample) -> Option<String> {
    let table = &sample.table;
    match (table.kind, &table.prefix) {
        (Form::Csv, _) => Some(csv_regex(proposal, sample)),
        (Form::AccessLog, _) => Some(ACCESS.to_owned()),
        (Form::Prefixed, Some(prefix)) => Some(prefix_regex(prefix)),
        // words alone need no parser
        (Form::Text, prefix) if prefix.is_some() || table.columns.len() > 1 => {
            Some(text_regex(prefix.as_ref(), table, "log"))
        }
        _ => None,
    }
}

/// The same of the words in a field of a record, which has a time of its own.
pub(super) fn inner_regex(sample: &Sample) -> Option<String> {
    let (Some(words), Some((field, _))) = (&sample.inner_words, &sample.inner) else { return None };
    Some(text_regex(words.prefix.as_ref(), words, &word(field)).replace("(?<logged>", "(?:"))
}

/// What stands before the words of a line.
pub(super) fn head_regex(kind: PrefixKind) -> &'static str {
    match kind {
        PrefixKind::Containerd => "^(?<logged>[^ ]+) (?<stream>stdout|stderr) [FP] ",
        PrefixKind::Time => {
            r"^(?:<[0-9]+>1 )?\[?(?<logged>[0-9]+[-/][0-9]+[-/][0-9]+[T ][0-9:.,]+(?:Z|[-+][0-9:]+)?)\]? +"
        }
        PrefixKind::Syslog => {
            r"^(?:<[0-9]+>)?(?<logged>[A-Z][a-z]+ +[0-9]+ [0-9:]+) (?<host>[^ ]+) (?<ident>[^:\[ ]+)(?:\[[0-9]+\])?: "
        }
        PrefixKind::Compose => "^(?<service>[^ |]+) *[|] ",
        PrefixKind::Klog => "^(?<level>[IWEF])(?<logged>[0-9]+ [0-9:.]+) +",
        PrefixKind::Apache => r"^\[(?<logged>[A-Z][a-z]+ [A-Z][a-z]+ +[0-9]+ [0-9:.]+ [0-9]+)\] ",
    }
}

/// The lines of a collector.
fn prefix_regex(prefix: &Prefix) -> String {
    let log = match (prefix.kind, prefix.inner) {
        (PrefixKind::Containerd | PrefixKind::Compose, _) => "(?<log>.*)",
        // what is a record begins with a brace, or where words begin
        (_, Form::Json) => r"[^{]*(?<log>\{.*)",
        _ => "(?<log>.*)",
    };
    let level = if prefix.has_level { level_regex("[^{]") } else { String::new() };
    // what the records have themselves is not named
    let head = head_regex(prefix.kind).to_owned();
    let head = prefix.hidden.iter().fold(head, |head, name| head.replace(&format!("(?<{name}>"), "(?:"));
    format!("{head}{level}{log}$")
}

/// The first word for a level, with characters of this class before it.
fn level_regex(before: &str) -> String {
    format!(r"(?:{before}{{0,{LEVEL_WITHIN}}}?\b(?<level>(?i:{}))\b)?", LEVELS.join("|"))
}

/// Lines of words: the first line of each, with the fields that its words have.
fn text_regex(prefix: Option<&Prefix>, table: &Table, field: &str) -> String {
    let is_in_head = prefix.is_some_and(|prefix| prefix.kind == PrefixKind::Klog);
    let has_level = !is_in_head && table.columns.iter().any(|column| column.name == "level");
    let level = if has_level { level_regex(r"[^\n]") } else { String::new() };
    let duration = DURATIONS.iter().find(|(name, _)| table.columns.iter().any(|column| column.name == *name));
    let duration = duration.map_or_else(String::new, |(name, units)| {
        format!(r"(?:[^\n]*?\b(?<{name}>[0-9]+(?:\.[0-9]+)?) ?(?:{})\b)?", units.join("|"))
    });
    format!(r"{}(?<{field}>{level}{duration}[^\n]*)", prefix.map_or("^", |prefix| head_regex(prefix.kind)))
}

/// The fields of an access log, as both hosts read regular expressions.
pub(super) const ACCESS: &str = r#"^(?:(?<vhost>[^ ]+:[0-9]+) (?=[^ ]+ [^ ]+ [^ ]+ \[))?(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>[^ "]*)(?: +(?<path>[^ "]*))?[^"]*" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?(?: (?<request_time>[0-9.]+))?.*$"#;

/// The columns of a line, in quotes or not.
fn csv_regex(proposal: &Proposal, sample: &Sample) -> String {
    let separator = match sample.table.separator.unwrap_or(',') {
        '\t' => "\\t".to_owned(),
        mark => mark.to_string(),
    };
    let between = if separator == "|" { "[|]" } else { &separator };
    let groups: Vec<String> = sample
        .table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let name = word(&column.name);
            // the line with the names is no record
            let is_value = proposal.sections.iter().any(|section| section.value == at);
            if is_value {
                format!("\"?(?<{name}>[-+0-9.eE]*)\"?")
            } else if is_free_text(&sample.table, at) {
                // within quotes the separator is a sign as others
                format!("\"?(?<{name}>(?<=\")(?:[^\"]|\"\")*|[^{separator}\"]*)\"?")
            } else {
                format!("\"?(?<{name}>[^{separator}\"]*)\"?")
            }
        })
        .collect();
    format!("^{}$", groups.join(between))
}

/// Whether a column holds words, among which anything may come.
fn is_free_text(table: &Table, column: usize) -> bool {
    table.rows.iter().any(|row| match row.cell(column) {
        Cell::Text(text) => table.text(text).contains([' ', ',', ';', '|']),
        _ => false,
    })
}

/// A name of a group in a regular expression.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
