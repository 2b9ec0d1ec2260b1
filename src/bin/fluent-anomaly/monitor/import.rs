//! `monitor import`: a monitor's JSON -> sections of a configuration.

use std::path::PathBuf;

use fluent_anomaly::monitors::MonitorSpec;
use fluent_anomaly::monitors::exchange;

use crate::failure::Failure;

/// Turn a monitor as Datadog exports it (JSON) into a section of the configuration, on standard output.
///
/// What this program does not evaluate is left out and told on standard error. Without --on a [datadog.*] section
/// that pulls the monitor's metric is written as well.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  fluent-anomaly monitor import monitor.json --on cpu >> fluent-anomaly.ini\n\n\
    The JSON is that of the editor's \"Export monitor\", or of GET /api/v1/monitor/<id>."
)]
pub(crate) struct Args {
    /// The JSON file; `-`: standard input
    file: PathBuf,
    /// The section that the monitor watches: `cpu` for [datadog.cpu] or [series.cpu]
    #[arg(long, value_name = "SECTION")]
    on: Option<String>,
    /// Name of the monitor's section; otherwise made of its title
    #[arg(long)]
    name: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let shown = args.file.display();
    let bytes = super::read(&args.file)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Failure::Usage(format!("{shown}: is no UTF-8 text")))?;
    let mut imported = exchange::import(text).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
    if let Some(name) = &args.name {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            return Err(Failure::Usage(format!(
                "--name {name:?} is not allowed: letters, digits, `_`, `-` and `.` without blanks"
            )));
        }
        imported.section.clone_from(name);
    }
    for note in &imported.notes {
        eprintln!("{shown}: {note}");
    }
    let spec = MonitorSpec::check(&imported.raw).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| format!("{shown}: {problem}")).collect();
        Failure::Usage(told.join("\n"))
    })?;
    let mut ini = String::new();
    let on = args.on.as_ref().unwrap_or(&imported.section);
    if args.on.is_none() {
        ini += &format!("[datadog.{on}]\nquery: {}\n\n", spec.query.metric);
    }
    ini += &imported.to_ini(on);
    super::print(&ini)
}
