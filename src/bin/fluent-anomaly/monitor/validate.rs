//! `monitor validate`: here, and with --remote by Datadog.

use fluent_anomaly::configuration::MonitorSection;
use fluent_anomaly::monitors::exchange;
use fluent_anomaly::monitors::explain;

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

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.file.config)?;
    let monitors: Vec<&MonitorSection> = match &args.name {
        Some(name) => vec![super::named(&config, &args.file.config, name)?],
        None => config.monitors.iter().collect(),
    };
    if monitors.is_empty() {
        return Err(Failure::Usage(format!(
            "{}: there is no [monitor.*] section to validate",
            args.file.config.display()
        )));
    }
    let api = if args.remote { Some(super::remote::connect(&config)?) } else { None };
    let mut refused = None;
    for monitor in monitors {
        let cautions: Vec<String> =
            explain(&monitor.spec).into_iter().filter(|line| line.starts_with("Caution: ")).collect();
        let asked = api.as_ref().map(|api| {
            api.validate(&exchange::export(&monitor.spec, &monitor.name).to_string())
                .map_err(|error| super::remote::failure(&monitor.name, &error))
        });
        let by = match asked {
            None => "fine",
            Some(Ok(())) => "fine, and Datadog would take it",
            Some(Err(failure @ (Failure::Failed(_) | Failure::Said | Failure::Silent))) => {
                return Err(failure);
            }
            Some(Err(Failure::Usage(message))) => {
                eprintln!("{message}");
                refused = Some(Failure::Usage(format!(
                    "{}: not all monitors are taken",
                    args.file.config.display()
                )));
                continue;
            }
        };
        let cautions: String = cautions.iter().map(|line| format!("  {line}\n")).collect();
        super::print(&format!("[monitor.{}] {by}\n{cautions}", monitor.name))?;
    }
    refused.map_or(Ok(()), Err)
}
