//! The configuration of Fluentd.

use super::super::ini::TICK;
use super::super::propose::Proposal;
use super::super::sample::Sample;
use super::regex::{ACCESS, head_regex, inner_regex, line_regex};
use super::time_form::{TimeForm, time};
use super::{parser, value_types};

/// `fluentd.conf`.
pub(in super::super) fn fluentd(proposal: &Proposal, sample: &Sample, path: &str) -> String {
    let table = &sample.table;
    let tag = proposal.tag.replace('*', "x");
    let mut text = String::from("# made by `fluent-anomaly init`; run it in this folder\n");
    let format = parser(table.kind);
    let types = match &value_types(proposal, table)[..] {
        [] => String::new(),
        types => format!("    types {}\n", types.join(",")),
    };
    if format.is_empty() {
        text += "<source>\n  @type forward\n</source>\n";
    } else {
        let kind = match (line_regex(proposal, sample), &table.prefix) {
            (Some(regex), Some(prefix)) if table.continuations > 0 => {
                format!(
                    "multiline\n    format_firstline /{}/\n    format1 /{regex}/",
                    head_regex(prefix.kind)
                )
            }
            (Some(regex), _) => format!("regexp\n    expression /{regex}/"),
            (None, _) => fluentd_parser(format),
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
                inner_regex(sample).map_or_else(
                    || fluentd_parser(inner),
                    |regex| format!("regexp\n    expression /{regex}/")
                )
            );
        }
    }
    let mut ticks = String::new();
    if proposal.log_series.is_some() {
        ticks = format!(" {TICK}");
        text += &format!(
            "# closes windows when no line comes, so that silence is seen\n<source>\n  @type exec\n  tag {TICK}\n  command echo '{{}}'\n  run_interval 1s\n  <parse>\n    @type json\n  </parse>\n</source>\n"
        );
    }
    text += &format!(
        "<match {tag}{ticks}>
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
"
    );
    if proposal.log_series.is_some() {
        text += &format!("<match scored.{TICK}>\n  @type null\n</match>\n");
    }
    text += "<match scored.**>\n  @type stdout\n</match>\n";
    text
}

/// The type of a parser, and what it needs to know.
fn fluentd_parser(format: &str) -> String {
    match format {
        "logfmt" => "ltsv\n    delimiter_pattern /\\s+/\n    label_delimiter =".to_owned(),
        "access" => format!("regexp\n    expression /{ACCESS}/"),
        // words alone
        "text" => "none\n    message_key log".to_owned(),
        other => other.to_owned(),
    }
}
