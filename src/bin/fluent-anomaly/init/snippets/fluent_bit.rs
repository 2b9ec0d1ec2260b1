//! The configuration of Fluent Bit.

use super::super::ini::TICK;
use super::super::propose::Proposal;
use super::super::sample::Sample;
use super::regex::{ACCESS, head_regex, inner_regex, line_regex};
use super::time_form::{TimeForm, time};
use super::{parser, value_types};

/// `fluent-bit.yaml`.
pub(in super::super) fn fluent_bit(proposal: &Proposal, sample: &Sample, path: &str, module: &str) -> String {
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    let table = &sample.table;
    let format = parser(table.kind);
    let tag = proposal.tag.replace('*', "x");
    let types = match &value_types(proposal, table)[..] {
        [] => String::new(),
        types => format!("    types: {}\n", types.join(" ")),
    };
    if format.is_empty() {
        text += &format!(
            "pipeline:\n  inputs:\n    - name: forward\n      port: 24224    # records of the tag {tag}\n"
        );
    } else if format == "text" && line_regex(proposal, sample).is_none() {
        // words alone: the host puts each line into `log`
        text += &format!(
            "pipeline:\n  inputs:\n    - name: tail\n      path: {}\n      tag: {tag}\n      read_from_head: on\n",
            quoted(path)
        );
    } else {
        text += "parsers:\n  - name: sample\n";
        match line_regex(proposal, sample) {
            Some(regex) => {
                text += &format!("    format: regex\n    regex: '{regex}'\n");
                // those of a record within the line belong to its own parser
                text += if format == "prefixed" { "" } else { &types };
            }
            None => text += &parser_body(format, &types),
        }
        if let Some(prefix) = table.prefix.as_ref().filter(|prefix| !prefix.time.is_empty()) {
            let form = TimeForm::of(&prefix.time);
            text += &format!("    time_key: logged\n    time_format: '{}'\n", form.fluent_bit());
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
            let body = match inner_regex(sample) {
                Some(regex) => format!("    format: regex\n    regex: '{regex}'\n{types}"),
                None => parser_body(parser(*form), &types),
            };
            text += &format!("  - name: inner\n{body}");
        }
        let head = table.prefix.as_ref().filter(|_| table.continuations > 0).map(|it| head_regex(it.kind));
        let parser = match head {
            Some(head) => {
                text += &multiline(head);
                "multiline.parser: lines"
            }
            None => "parser: sample",
        };
        text += &format!(
            "pipeline:\n  inputs:\n    - name: tail\n      path: {}\n      tag: {tag}\n      {parser}\n      read_from_head: on\n",
            quoted(path)
        );
    }
    if proposal.log_series.is_some() {
        text += &format!(
            "    # closes windows when no line comes, so that silence is seen\n    - {{name: dummy, tag: {TICK}, dummy: '{{}}'}}\n"
        );
    }
    text += "  filters:\n";
    for field in &sample.hidden {
        text += &format!("    - name: modify\n      match: {tag}\n      remove: {}\n", quoted(field));
    }
    let parsed = match &sample.inner {
        Some((field, _)) => Some((&field[..], "inner")),
        None => (table.continuations > 0).then_some(("log", "sample")),
    };
    if let Some((field, parser)) = parsed {
        text += &format!(
            "    - name: parser\n      match: {tag}\n      key_name: {}\n      parser: {parser}\n      reserve_data: on\n",
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
"
    );
    if proposal.log_series.is_some() {
        text += &format!(
            "    # of the ticks those stay that carry a window\n    - name: grep\n      match: {TICK}\n      regex: $anomaly_window['series'] .\n"
        );
    }
    text += "  outputs:
    - name: stdout
      match: '*'
      format: json_lines
";
    text
}

/// A line without a head goes to the one before, as those of a stack trace do.
fn multiline(head: &str) -> String {
    let behind = head.strip_prefix('^').unwrap_or(head);
    format!(
        "multiline_parsers:\n  - name: lines\n    type: regex\n    flush_timeout: 1000\n    rules:\n      \
         - state: start_state\n        regex: '/{head}/'\n        next_state: more\n      \
         - state: more\n        regex: '/^(?!{behind})/'\n        next_state: more\n"
    )
}

/// A name or a path as YAML takes it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let is_word =
        name.starts_with(|c: char| c.is_alphabetic() || "_/".contains(c)) && name.chars().all(is_plain);
    if is_word { name.to_owned() } else { format!("'{}'", name.replace('\'', "''")) }
}

/// The lines of a parser behind its name.
fn parser_body(format: &str, types: &str) -> String {
    match format {
        "access" => format!("    format: regex\n    regex: '{ACCESS}'\n{types}"),
        "logfmt" => format!("    format: logfmt\n{types}"),
        other => format!("    format: {other}\n"),
    }
}
