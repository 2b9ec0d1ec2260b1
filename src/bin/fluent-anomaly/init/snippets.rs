//! Configurations of Fluent Bit and Fluentd that feed the filter with records like the sample's.

mod fluent_bit;
mod fluentd;
mod regex;
mod time_form;

use std::path::Path;

use fluent_anomaly::sources::series_file::{Form, Table};

use super::propose::Proposal;
pub(super) use fluent_bit::fluent_bit;
pub(super) use fluentd::fluentd;

/// The parser of a form; empty where records come another way.
fn parser(form: Form) -> &'static str {
    match form {
        Form::Json => "json",
        Form::Logfmt => "logfmt",
        Form::Csv => "csv",
        Form::AccessLog => "access",
        Form::Prefixed => "prefixed",
        Form::Text => "text",
        _ => "",
    }
}

/// The file that hosts read: the sample, or what has to be made of it.
pub(super) fn path(input: &Path, table: &Table) -> String {
    if input == Path::new("-") {
        return "/var/log/app.log".to_owned();
    }
    // the hosts are started in another folder
    let path = std::fs::canonicalize(input).unwrap_or_else(|_| input.to_owned()).display().to_string();
    if table.preparation.is_empty() { path } else { path + ".lines" }
}

/// The columns of values, as both hosts write that they hold numbers.
fn value_types(proposal: &Proposal, table: &Table) -> Vec<String> {
    let columns = proposal.sections.iter().filter_map(|section| table.columns.get(section.value));
    columns.map(|column| format!("{}:float", column.name)).collect()
}
