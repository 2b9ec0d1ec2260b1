//! Configurations of Fluent Bit and Fluentd that feed the filter with records like the sample's.

use std::path::Path;

use fluent_anomaly::sources::series_file::{Cell, Form, Prefix, PrefixKind, Table};

use super::propose::Proposal;
use super::sample::Sample;

/// The time field, and how it is written, for a parser.
fn time(proposal: &Proposal, table: &Table) -> Option<(String, TimeForm)> {
    let time = proposal.time?;
    let name = table.columns.get(time)?.path.last()?.clone();
    let form = match table.rows.first()?.cell(time) {
        Cell::Number(number) if number < 1e11 => TimeForm::Seconds,
        Cell::Text(text) => TimeForm::of(table.text(text)),
        _ => return None,
    };
    Some((name, form))
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TimeForm {
    /// A number.
    Seconds,
    /// `2026-01-31T12:00:00.5Z` and other zones; the form of one for Fluent Bit.
    Iso(String),
    /// As for `strptime`, with `%L` for a fraction.
    Strptime(String),
}

impl TimeForm {
    fn of(text: &str) -> Self {
        if text.contains('/') {
            return Self::Strptime("%d/%b/%Y:%H:%M:%S %z".to_owned());
        }
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Self::Strptime("%b %d %H:%M:%S".to_owned());
        }
        let (date, clock) = text.split_at_checked(10).unwrap_or((text, ""));
        let has_zone = clock.ends_with('Z') || clock.contains(['+', '-']);
        if date.len() == 10 && clock.starts_with('T') && has_zone {
            let fraction = if text.contains('.') { ".%L" } else { "" };
            let zone = if text.ends_with('Z') { "Z" } else { "%z" };
            return Self::Iso(format!("%Y-%m-%dT%H:%M:%S{fraction}{zone}"));
        }
        let mark = if clock.starts_with('T') { "T" } else { " " };
        let fraction = if clock.contains('.') {
            ".%L"
        } else if clock.contains(',') {
            ",%L"
        } else {
            ""
        };
        let zone = if has_zone { "%z" } else { "" };
        Self::Strptime(format!("%Y-%m-%d{mark}%H:%M:%S{fraction}{zone}"))
    }

    /// As Fluent Bit reads it.
    fn fluent_bit(&self) -> &str {
        match self {
            Self::Seconds => "%s",
            Self::Iso(form) | Self::Strptime(form) => form,
        }
    }

    /// As Fluentd reads it.
    fn fluentd(&self) -> String {
        match self {
            Self::Seconds => "    time_type unixtime\n".to_owned(),
            Self::Iso(_) => "    time_format %iso8601\n".to_owned(),
            Self::Strptime(form) => format!("    time_format {form}\n"),
        }
    }
}

/// The parser of a form; empty where records come another way.
fn parser(form: Form) -> &'static str {
    match form {
        Form::Json => "json",
        Form::Logfmt => "logfmt",
        Form::Csv => "csv",
        Form::AccessLog => "access",
        Form::Prefixed => "prefixed",
        _ => "",
    }
}

/// The lines of a collector, as both hosts read regular expressions.
fn prefix_regex(prefix: &Prefix) -> String {
    // what is a record begins with a brace, or where words begin
    let log = if prefix.inner == Form::Json { r"[^{]*(?<log>\{.*)" } else { "(?<log>.*)" };
    match prefix.kind {
        PrefixKind::Containerd => {
            "^(?<logged>[^ ]+) (?<stream>stdout|stderr) [FP] (?<log>.*)$".to_owned()
        }
        PrefixKind::Time => {
            format!("^(?:<[0-9]+>1 )?(?<logged>[0-9]+-[0-9]+-[0-9]+[T ][0-9:.,]+(?:Z|[-+][0-9:]+)?) {log}$")
        }
        PrefixKind::Syslog => r"^(?:<[0-9]+>)?(?<logged>[A-Z][a-z]+ +[0-9]+ [0-9:]+) (?<host>[^ ]+) (?<ident>[^:\[ ]+)(?:\[[0-9]+\])?: (?<log>.*)$".to_owned(),
        PrefixKind::Compose => "^(?<service>[^ |]+) *[|] (?<log>.*)$".to_owned(),
    }
}

/// The fields of an access log, as both hosts read regular expressions.
const ACCESS: &str = r#"^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>[^ "]*)(?: +(?<path>[^ "]*))?[^"]*" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?(?: (?<request_time>[0-9.]+))?.*$"#;

/// The file that hosts read: the sample, or what has to be made of it.
pub(super) fn path(input: &Path, table: &Table) -> String {
    if input == Path::new("-") {
        return "/var/log/app.log".to_owned();
    }
    // the hosts are started in another folder
    let path = std::fs::canonicalize(input).unwrap_or_else(|_| input.to_owned()).display().to_string();
    if table.preparation.is_empty() { path } else { path + ".lines" }
}

/// `fluent-bit.yaml`.
pub(super) fn fluent_bit(proposal: &Proposal, sample: &Sample, path: &str, module: &str) -> String {
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    let table = &sample.table;
    let format = parser(table.kind);
    let tag = proposal.tag.replace('*', "x");
    let types = value_types(proposal, table).join(" ");
    if format.is_empty() {
        text += &format!(
            "pipeline:\n  inputs:\n    - name: forward\n      port: 24224    # records of the tag {tag}\n"
        );
    } else {
        text += "parsers:\n  - name: sample\n";
        match (format, &table.prefix) {
            ("csv", _) => {
                text += &format!(
                    "    format: regex\n    regex: '{}'\n    types: {types}\n",
                    csv_regex(proposal, sample)
                )
            }
            ("prefixed", Some(prefix)) => {
                text += &format!("    format: regex\n    regex: '{}'\n", prefix_regex(prefix));
                if !prefix.time.is_empty() {
                    let form = TimeForm::of(&prefix.time);
                    text += &format!("    time_key: logged\n    time_format: '{}'\n", form.fluent_bit());
                }
            }
            _ => text += &parser_body(format, &types),
        }
        // a section that reads the time itself needs no parser to do so
        if table.prefix.is_none()
            && !proposal.reads_time
            && let Some((name, form)) = time(proposal, table)
        {
            text += &format!(
                "    time_key: '{name}'\n    time_format: '{}'\n    time_keep: on\n",
                form.fluent_bit()
            );
        }
        if let Some((_, form)) = &sample.inner {
            text += &format!("  - name: inner\n{}", parser_body(parser(*form), &types));
        }
        text += &format!(
            "pipeline:\n  inputs:\n    - name: tail\n      path: {path}\n      tag: {tag}\n      parser: sample\n      read_from_head: on\n"
        );
    }
    text += "  filters:\n";
    if let Some((field, _)) = &sample.inner {
        text += &format!(
            "    - name: parser\n      match: '*'\n      key_name: {}\n      parser: inner\n      reserve_data: on\n",
            quoted(field)
        );
    }
    text += &format!(
        "    - name: wasm
      match: '*'
      wasm_path: {module}
      function_name: anomaly_filter
      event_format: json
      accessible_paths: .
      wasm_stack_size: 65536
  outputs:
    - name: stdout
      match: '*'
      format: json_lines
"
    );
    text
}

/// A name as YAML takes it.
fn quoted(name: &str) -> String {
    if name.starts_with('@') { format!("'{name}'") } else { name.to_owned() }
}

/// The lines of a parser behind its name.
fn parser_body(format: &str, types: &str) -> String {
    match format {
        "access" => format!("    format: regex\n    regex: '{ACCESS}'\n    types: {types}\n"),
        "logfmt" => format!("    format: logfmt\n    types: {types}\n"),
        other => format!("    format: {other}\n"),
    }
}

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
            } else {
                format!("\"?(?<{name}>[^{separator}\"]*)\"?")
            }
        })
        .collect();
    format!("^{}$", groups.join(between))
}

/// The columns of values, as both hosts write that they hold numbers.
fn value_types(proposal: &Proposal, table: &Table) -> Vec<String> {
    let columns = proposal.sections.iter().filter_map(|section| table.columns.get(section.value));
    columns.map(|column| format!("{}:float", column.name)).collect()
}

/// A name of a group in a regular expression.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// `fluentd.conf`.
pub(super) fn fluentd(proposal: &Proposal, sample: &Sample, path: &str) -> String {
    let table = &sample.table;
    let tag = proposal.tag.replace('*', "x");
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    let format = parser(table.kind);
    let types = format!("    types {}\n", value_types(proposal, table).join(","));
    if format.is_empty() {
        text += "<source>\n  @type forward\n</source>\n";
    } else {
        let kind = match (format, &table.prefix) {
            ("csv", _) => format!("regexp\n    expression /{}/", csv_regex(proposal, sample)),
            ("prefixed", Some(prefix)) => format!("regexp\n    expression /{}/", prefix_regex(prefix)),
            (other, _) => fluentd_parser(other),
        };
        text += &format!(
            "<source>\n  @type tail\n  path {path}\n  pos_file sample.pos\n  tag {tag}\n  read_from_head true\n  <parse>\n    @type {kind}\n"
        );
        if !matches!(format, "json" | "prefixed") {
            text += &types;
        }
        match (&table.prefix, time(proposal, table).filter(|_| !proposal.reads_time)) {
            (Some(prefix), _) if !prefix.time.is_empty() => {
                text += "    time_key logged\n";
                text += &TimeForm::of(&prefix.time).fluentd();
            }
            // otherwise Fluentd reads what is called `time`, and takes it away
            (Some(_), _) | (None, None) => text += "    time_key fluentd_reads_no_time\n",
            (None, Some((name, form))) => {
                text += &format!("    time_key {name}\n    keep_time_key true\n");
                text += &form.fluentd();
            }
        }
        text += "  </parse>\n</source>\n";
        if let Some((field, form)) = &sample.inner {
            let inner = parser(*form);
            let types = if inner == "json" { "" } else { &types };
            text += &format!(
                "<filter {tag}>\n  @type parser\n  key_name {field}\n  reserve_data true\n  reserve_time true\n  remove_key_name_field true\n  <parse>\n    @type {}\n{types}    time_key fluentd_reads_no_time\n  </parse>\n</filter>\n",
                fluentd_parser(inner)
            );
        }
    }
    text += &format!(
        "<match {tag}>
  @type exec_filter
  command fluent-anomaly filter -c fluent-anomaly.ini --format msgpack --tag-key fluent_tag --time-key fluent_time --add-tag-prefix scored.
  child_respawn inf
  <format>
    @type msgpack
  </format>
  <parse>
    @type msgpack
  </parse>
  <inject>
    tag_key fluent_tag
    time_key fluent_time
    time_type float
  </inject>
  <extract>
    tag_key fluent_tag
    time_key fluent_time
    time_type float
  </extract>
  <buffer>
    flush_interval 1s
  </buffer>
</match>
<match scored.**>
  @type stdout
</match>
"
    );
    text
}

/// The type of a parser, and what it needs to know.
fn fluentd_parser(format: &str) -> String {
    match format {
        "logfmt" => "ltsv\n    delimiter_pattern /\\s+/\n    label_delimiter =".to_owned(),
        "access" => format!("regexp\n    expression /{ACCESS}/"),
        other => other.to_owned(),
    }
}
