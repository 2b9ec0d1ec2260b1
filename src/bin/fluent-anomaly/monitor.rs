//! `monitor`: everything about [monitor.*] that is done by hand, one file a command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use fluent_anomaly::configuration::nearest;
use fluent_anomaly::{Config, configuration::MonitorSection};

use crate::failure::Failure;
use crate::files;

mod create;
mod eval;
mod explain;
mod export;
mod group;
mod import;
mod remote;
mod suggest;
mod timeline;
mod validate;

/// Anomaly monitors: bring them from Datadog and back, check, explain, try on history, find parameters.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly monitor suggest --input history.csv\n  \
    fluent-anomaly monitor import monitor.json >> fluent-anomaly.ini\n  \
    fluent-anomaly monitor explain cpu --config fluent-anomaly.ini\n  \
    fluent-anomaly monitor eval cpu --config fluent-anomaly.ini --input history.csv")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Args),
    Export(export::Args),
    Validate(validate::Args),
    Create(create::Args),
    Explain(explain::Args),
    Eval(eval::Args),
    Suggest(suggest::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Import(args) => import::run(args),
        Command::Export(args) => export::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Create(args) => create::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Suggest(args) => suggest::run(args),
    }
}

/// One monitor of one configuration.
#[derive(Debug, clap::Args)]
struct One {
    /// Which one: `cpu` for the section [monitor.cpu]
    name: String,
    #[command(flatten)]
    file: File,
}

#[derive(Debug, clap::Args)]
struct File {
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs: one JSON object
    Json,
}

/// The monitor of that name.
pub(crate) fn named<'a>(config: &'a Config, file: &Path, name: &str) -> Result<&'a MonitorSection, Failure> {
    let wanted = name.strip_prefix("monitor.").unwrap_or(name);
    if let Some(monitor) = config.monitors.iter().find(|monitor| monitor.name == wanted) {
        return Ok(monitor);
    }
    let names = || config.monitors.iter().map(|monitor| monitor.name.as_str());
    let hint = match nearest(wanted, names()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if config.monitors.is_empty() => "; it has no [monitor.*] section".to_owned(),
        None => format!("; it has {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Failure::Usage(format!("{}: there is no [monitor.{wanted}]{hint}", file.display())))
}

pub(crate) fn print(text: &str) -> Result<(), Failure> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// JSON as people read it.
fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// The name of a section on the command line.
fn check_name(option: &str, name: &str) -> Result<(), Failure> {
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
        return Err(Failure::Usage(format!(
            "{option} {name:?} is not allowed: letters, digits, `_`, `-` and `.` without blanks"
        )));
    }
    Ok(())
}
