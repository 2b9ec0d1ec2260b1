//! `monitor import`: a monitor's JSON -> sections of a configuration.

use std::path::PathBuf;

use fluent_anomaly::monitors::MonitorSpec;
use fluent_anomaly::monitors::exchange::{self, ExchangeError, Imported};

use crate::failure::Failure;
use crate::history;

/// Turn monitors as Datadog has them into sections of the configuration, on standard output.
///
/// A file is a monitor's JSON, an array of them, Terraform (its language, its plan as JSON), the Datadog operator's
/// YAML, or resources of Pulumi and CloudFormation. Among several, monitors of other kinds are passed over. What this program does not evaluate is left out or changed, and told on standard error. Without --on a [datadog.*] section
/// that pulls the monitor's metric is written as well.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  fluent-anomaly monitor import monitor.json --on cpu >> fluent-anomaly.ini\n\n\
    JSON is that of the editor's \"Export monitor\", or of GET /api/v1/monitor and /api/v1/monitor/<id>."
)]
pub(crate) struct Args {
    /// The file; `-`: standard input
    file: PathBuf,
    /// The section that the monitor watches: `cpu` for [datadog.cpu] or [series.cpu]
    #[arg(long, value_name = "SECTION")]
    on: Option<String>,
    /// Name of the monitor's section; otherwise made of its title
    #[arg(long)]
    name: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(on) = &args.on {
        super::check_name("--on", on)?;
    }
    let shown = args.file.display();
    let bytes = history::bytes(&args.file)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Failure::Usage(format!("{shown}: is no UTF-8 text")))?;
    let file = exchange::import_all(text).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
    for note in &file.notes {
        tell!("{shown}: {note}");
    }
    let monitors = file.monitors;
    if let Some(name) = &args.name {
        super::check_name("--name", name)?;
        if monitors.len() > 1 {
            return Err(Failure::Usage(format!(
                "--name {name:?} is for one monitor: {shown} has {}",
                monitors.len()
            )));
        }
    }
    let several = monitors.len() > 1;
    let mut ini = String::new();
    let mut refused = Vec::new();
    let mut others = Vec::new();
    for (at, imported) in monitors.into_iter().enumerate() {
        let which = if several { format!("{shown}: monitor {}", at + 1) } else { shown.to_string() };
        if let (true, Err(ExchangeError::OtherKind { .. })) = (several, &imported) {
            others.push((at + 1).to_string());
            continue;
        }
        match one(args, imported, &which, at > 0) {
            Ok(text) => {
                if !ini.is_empty() {
                    ini.push('\n');
                }
                ini += &text;
            }
            Err(problems) => refused.extend(problems),
        }
    }
    if !others.is_empty() {
        let which = if others.len() == 1 { "monitor" } else { "monitors" };
        let why = "no anomaly and no outlier monitors, which alone are evaluated here";
        let told = format!("{shown}: {which} {} passed over: {why}", others.join(", "));
        if ini.is_empty() && refused.is_empty() {
            return Err(Failure::Usage(told));
        }
        tell!("{told}");
    }
    super::print(&ini)?;
    if refused.is_empty() { Ok(()) } else { Err(Failure::Usage(refused.join("\n"))) }
}

/// The sections of one monitor, or why there are none. `is_further`: another one may watch the same section.
fn one(
    args: &Args,
    imported: Result<Imported, ExchangeError>,
    which: &str,
    is_further: bool,
) -> Result<String, Vec<String>> {
    let mut imported = imported.map_err(|error| vec![format!("{which}: {error}")])?;
    if let Some(name) = &args.name {
        imported.section.clone_from(name);
    }
    for note in &imported.notes {
        tell!("{which}: {note}");
    }
    let metric = match imported.outliers() {
        Some(query) => query.map_err(|error| vec![format!("{which}: query: {error}")])?.metric,
        None => {
            let check = MonitorSpec::check(&imported.raw).map_err(|problems| {
                problems.iter().map(|problem| format!("{which}: {problem}")).collect::<Vec<_>>()
            });
            check?.query.metric
        }
    };
    let on = args.on.as_ref().unwrap_or(&imported.section);
    let mut ini = String::new();
    if args.on.is_none() {
        ini += &format!("[datadog.{on}]\nquery: {metric}\n\n");
    }
    let section = imported.to_ini(on);
    match section.split_once(&format!("on: {on}\n")) {
        // each writes `anomaly` into the records of the section
        Some((head, keys)) if is_further && args.on.is_some() => {
            tell!("{which}: prefix: {}_ added, as several monitors watch [{on}]", imported.section);
            ini += &format!("{head}on: {on}\nprefix: {}_\n{keys}", imported.section);
        }
        _ => ini += &section,
    }
    Ok(ini)
}
