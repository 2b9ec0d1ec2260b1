//! Configurations of Fluent Bit and Fluentd that feed the filter with records like the sample's.

use std::path::Path;

use fluent_anomaly::sources::series_file::{Cell, Form, Table};

use super::propose::Proposal;
use super::sample::Sample;

/// The time field, and the form in which it is written, for a parser.
fn time(proposal: &Proposal, table: &Table) -> Option<(String, &'static str)> {
    let time = proposal.time?;
    let name = table.columns.get(time)?.path.last()?.clone();
    let form = match table.rows.first()?.cell(time) {
        Cell::Number(number) if number < 1e11 => "%s",
        Cell::Text(text) => {
            let text = table.text(text);
            let zone = if text.ends_with('Z') || text.len() < 20 { "" } else { "%z" };
            match (text.contains('T'), text.contains('/')) {
                (true, _) if zone.is_empty() && text.ends_with('Z') => "%Y-%m-%dT%H:%M:%S.%LZ",
                (true, _) => "%Y-%m-%dT%H:%M:%S.%L%z",
                (_, true) => "%d/%b/%Y:%H:%M:%S %z",
                _ => "%Y-%m-%d %H:%M:%S",
            }
        }
        _ => return None,
    };
    Some((name, form))
}

/// The parser of a form; empty where records come another way.
fn parser(sample: &Sample) -> &'static str {
    match sample.form {
        Form::Json => "json",
        Form::Logfmt => "logfmt",
        Form::Csv => "csv",
        Form::AccessLog => "access",
        _ => "",
    }
}

/// The fields of an access log, as both hosts read regular expressions.
const ACCESS: &str = r#"^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>[^ "]*)(?: +(?<path>[^ "]*))?[^"]*" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?(?: (?<request_time>[0-9.]+))?.*$"#;

fn path(input: &Path) -> String {
    if input == Path::new("-") {
        return "/var/log/app.log".to_owned();
    }
    // the hosts are started in another folder
    std::fs::canonicalize(input).unwrap_or_else(|_| input.to_owned()).display().to_string()
}

/// `fluent-bit.yaml`.
pub(super) fn fluent_bit(proposal: &Proposal, sample: &Sample, input: &Path) -> String {
    let mut text = String::from(
        "# made by `fluent-anomaly init`; run it in this folder. The module comes from `cargo wasm`\n",
    );
    let table = &sample.table;
    let format = parser(sample);
    let tag = proposal.tag.replace('*', "x");
    let types = value_types(proposal, table).join(" ");
    if format.is_empty() {
        text += &format!(
            "pipeline:\n  inputs:\n    - name: forward\n      port: 24224    # records of the tag {tag}\n"
        );
    } else {
        text += "parsers:\n  - name: sample\n";
        match format {
            "csv" => {
                text += &format!(
                    "    format: regex\n    regex: '{}'\n    types: {types}\n",
                    csv_regex(proposal, sample)
                )
            }
            "access" => text += &format!("    format: regex\n    regex: '{ACCESS}'\n    types: {types}\n"),
            "logfmt" => text += &format!("    format: logfmt\n    types: {types}\n"),
            _ => text += &format!("    format: {format}\n"),
        }
        // a section that reads the time itself needs no parser to do so
        if !proposal.reads_time()
            && let Some((name, form)) = time(proposal, table)
        {
            text += &format!("    time_key: '{name}'\n    time_format: '{form}'\n    time_keep: on\n");
        }
        if sample.inner.is_some() {
            text += "  - name: inner\n    format: json\n";
        }
        text += &format!(
            "pipeline:\n  inputs:\n    - name: tail\n      path: {}\n      tag: {tag}\n      parser: sample\n      read_from_head: on\n",
            path(input)
        );
    }
    text += "  filters:\n";
    if let Some(field) = &sample.inner {
        text += &format!(
            "    - name: parser\n      match: '*'\n      key_name: {field}\n      parser: inner\n      reserve_data: on\n"
        );
    }
    text += "    - name: wasm
      match: '*'
      wasm_path: anomaly_filter.wasm
      function_name: anomaly_filter
      event_format: json
      accessible_paths: .
      wasm_stack_size: 65536
  outputs:
    - name: stdout
      match: '*'
      format: json_lines
";
    text
}

/// The columns of a line, in quotes or not.
fn csv_regex(proposal: &Proposal, sample: &Sample) -> String {
    let separator = if sample.separator == '\t' { "\\t".to_owned() } else { sample.separator.to_string() };
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
    format!("^{}$", groups.join(&separator))
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
pub(super) fn fluentd(proposal: &Proposal, sample: &Sample, input: &Path) -> String {
    let table = &sample.table;
    let tag = proposal.tag.replace('*', "x");
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    let format = parser(sample);
    if format.is_empty() {
        text += "<source>\n  @type forward\n</source>\n";
    } else {
        let kind = match format {
            "logfmt" => "ltsv\n    delimiter_pattern /\\s+/\n    label_delimiter =".to_owned(),
            "access" => format!("regexp\n    expression /{ACCESS}/"),
            "csv" => format!("regexp\n    expression /{}/", csv_regex(proposal, sample)),
            other => other.to_owned(),
        };
        text += &format!(
            "<source>\n  @type tail\n  path {}\n  pos_file sample.pos\n  tag {tag}\n  read_from_head true\n  <parse>\n    @type {kind}\n",
            path(input)
        );
        if format != "json" {
            text += &format!("    types {}\n", value_types(proposal, table).join(","));
        }
        match time(proposal, table).filter(|_| !proposal.reads_time()) {
            // otherwise Fluentd reads what is called `time`, and takes it away
            None => text += "    time_key fluentd_reads_no_time\n",
            Some((name, form)) => {
                text += &format!("    time_key {name}\n    keep_time_key true\n");
                text += &match form {
                    "%s" => "    time_type unixtime\n".to_owned(),
                    form => format!("    time_format {}\n", form.replace(".%L", "")),
                };
            }
        }
        text += "  </parse>\n</source>\n";
        if let Some(field) = &sample.inner {
            text += &format!(
                "<filter {tag}>\n  @type parser\n  key_name {field}\n  reserve_data true\n  remove_key_name_field true\n  <parse>\n    @type json\n    time_key fluentd_reads_no_time\n  </parse>\n</filter>\n"
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
