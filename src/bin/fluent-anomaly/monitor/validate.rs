//! `monitor validate`: here, and with --remote by Datadog.

use std::path::Path;

use fluent_anomaly::Config;
use fluent_anomaly::configuration::{GroupSection, MonitorSection, raw_monitor};
use fluent_anomaly::monitors::exchange;
use fluent_anomaly::monitors::explain;
use fluent_anomaly::sources::datadog::MonitorApi;

use crate::failure::Failure;
use crate::files;

/// Check monitors: query, windows, thresholds and delays; with --remote Datadog is asked, too.
///
/// All problems of the file are told at once, with line and key. Exit status 2 when something is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly monitor validate --config fluent-anomaly.ini\n  \
    DD_API_KEY=... DD_APP_KEY=... fluent-anomaly monitor validate cpu --remote --config fluent-anomaly.ini")]
pub(crate) struct Args {
    /// Which one: `cpu` for [monitor.cpu]; all of them when none is named
    name: Option<String>,
    /// All monitors of the file, as when none is named
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    file: super::File,
    /// Ask Datadog (POST /api/v1/monitor/validate) with DD_API_KEY and DD_APP_KEY of the environment
    #[arg(long)]
    remote: bool,
}

/// Reads the file; of a wrong monitor it is told whether only the rules of Datadog's editor are broken.
fn read(path: &Path) -> Result<Config, Failure> {
    let text = files::text_of(path)?;
    let file = path.display().to_string();
    files::with_notices(&file, Config::parse(&file, &text)).map_err(|error| {
        let mut message = error.to_string();
        let mut sections: Vec<&str> = error.problems().iter().filter_map(|problem| problem.at_section()).collect();
        sections.dedup();
        for section in sections.into_iter().filter(|section| section.starts_with("monitor.")) {
            if let Some(notes) = raw_monitor(&text, section).as_ref().and_then(exchange::editors_rules) {
                message += &format!(
                    "\n[{section}] breaks rules of Datadog's editor only, which its API does not have; `monitor import` would take it so:"
                );
                for note in notes {
                    message += &format!("\n  {note}");
                }
            }
        }
        Failure::Usage(message)
    })
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = read(&args.file.config)?;
    let group = args.name.as_deref().and_then(|name| super::group::find(&config, name));
    let monitors: Vec<&MonitorSection> = match &args.name {
        Some(_) if group.is_some() => Vec::new(),
        Some(name) => vec![super::named(&config, &args.file.config, name)?],
        None => config.monitors.iter().collect(),
    };
    let groups: Vec<&GroupSection> = match &args.name {
        Some(_) => group.into_iter().collect(),
        None => config.groups.iter().collect(),
    };
    if monitors.is_empty() && groups.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: there is no [monitor.*] section to validate",
            args.file.config.display()
        )));
    }
    let api = if args.remote { Some(super::remote::connect(&config)?) } else { None };
    let mut refused = false;
    for monitor in monitors {
        let section = format!("monitor.{}", monitor.name);
        let body = || Ok(exchange::export(&monitor.spec, &monitor.name));
        let cautions = explain(&monitor.spec).into_iter().filter(|line| line.starts_with("Caution: "));
        let cautions: String = cautions.map(|line| format!("  {line}\n")).collect();
        refused |= !validate(api.as_ref(), &section, body, &cautions)?;
    }
    for group in groups {
        let section = format!("group.{}", group.name);
        let body = || super::group::export(&config, group, &args.file.config);
        refused |= !validate(api.as_ref(), &section, body, "")?;
    }
    match refused {
        true => Err(Failure::Usage(format!("{}: not all monitors are taken", args.file.config.display()))),
        false => Ok(()),
    }
}

/// Says that a section is fine; false when Datadog would not take it, which is told.
fn validate(
    api: Option<&MonitorApi>,
    section: &str,
    body: impl Fn() -> Result<serde_json::Value, Failure>,
    cautions: &str,
) -> Result<bool, Failure> {
    let mut by = "fine";
    if let Some(api) = api {
        let asked = api.validate(&body()?.to_string());
        match asked.map_err(|error| super::remote::failure(section, &error)) {
            Ok(()) => by = "fine, and Datadog would take it",
            Err(Failure::Usage(message)) => {
                tell!("{message}");
                return Ok(false);
            }
            Err(failure) => return Err(failure),
        }
    }
    super::print(&format!("[{section}] {by}\n{cautions}"))?;
    Ok(true)
}
