//! Configurations of Fluent Bit and Fluentd that feed the filter with records like the sample's.

use std::path::Path;

use fluent_anomaly::sources::series_file::{Cell, Table};

use super::propose::Proposal;

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

fn parser(table: &Table) -> &'static str {
    match table.form {
        "JSON" => "json",
        "logfmt" => "logfmt",
        "CSV" => "csv",
        _ => "",
    }
}

fn path(input: &Path) -> String {
    if input == Path::new("-") { "/var/log/app.log".to_owned() } else { input.display().to_string() }
}

/// `fluent-bit.yaml`.
pub(super) fn fluent_bit(proposal: &Proposal, table: &Table, input: &Path) -> String {
    let mut text = String::from(
        "# made by `fluent-anomaly init`; run it in this folder. The module comes from `cargo wasm`\n",
    );
    let format = parser(table);
    let tag = proposal.tag.replace('*', "x");
    if format.is_empty() {
        text += &format!(
            "pipeline:\n  inputs:\n    - name: forward\n      port: 24224    # records of the tag {tag}\n"
        );
    } else {
        text += "parsers:\n  - name: sample\n";
        if format == "csv" {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            let groups: Vec<String> =
                names.iter().map(|name| format!("(?<{}>[^,;\\t]*)", word(name))).collect();
            text += &format!("    format: regex\n    regex: '^{}$'\n", groups.join("[,;\\t]"));
            let numbers: Vec<String> = proposal
                .sections
                .iter()
                .filter_map(|section| names.get(section.value))
                .map(|name| format!("{}:float", word(name)))
                .collect();
            text += &format!("    types: {}\n", numbers.join(" "));
        } else {
            text += &format!("    format: {format}\n");
            if format == "logfmt" {
                text += &format!("    types: {}\n", value_types(proposal, table).join(" "));
            }
        }
        if let Some((name, form)) = time(proposal, table) {
            text += &format!("    time_key: '{name}'\n    time_format: '{form}'\n    time_keep: on\n");
        }
        text += &format!(
            "pipeline:\n  inputs:\n    - name: tail\n      path: {}\n      tag: {tag}\n      parser: sample\n      read_from_head: on\n",
            path(input)
        );
    }
    text += "  filters:
    - name: wasm
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
pub(super) fn fluentd(proposal: &Proposal, table: &Table, input: &Path) -> String {
    let tag = proposal.tag.replace('*', "x");
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    match parser(table) {
        "" => text += "<source>\n  @type forward\n</source>\n",
        format => {
            let kind = if format == "logfmt" {
                "ltsv\n    delimiter_pattern /\\s+/\n    label_delimiter ="
            } else {
                format
            };
            text += &format!(
                "<source>\n  @type tail\n  path {}\n  pos_file sample.pos\n  tag {tag}\n  read_from_head true\n  <parse>\n    @type {kind}\n",
                path(input)
            );
            if format == "csv" {
                let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
                text += &format!("    keys {}\n", names.join(","));
            }
            if format != "json" {
                text += &format!("    types {}\n", value_types(proposal, table).join(","));
            }
            if let Some((name, form)) = time(proposal, table) {
                text += &format!("    time_key {name}\n    keep_time_key true\n");
                text += &match form {
                    "%s" => "    time_type unixtime\n".to_owned(),
                    form => format!("    time_format {}\n", form.replace(".%L", "")),
                };
            }
            text += "  </parse>\n</source>\n";
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
