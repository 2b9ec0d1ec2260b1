//! `monitor create`: a section becomes a monitor at Datadog.

use fluent_anomaly::monitors::exchange;

use crate::failure::Failure;
use crate::files;

/// Create a monitor at Datadog from a section of the configuration.
///
/// Keys come from the environment: DD_API_KEY and DD_APP_KEY (with the scope monitors_write); site or api_url from
/// [general]. A second call creates a second monitor.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    DD_API_KEY=... DD_APP_KEY=... fluent-anomaly monitor create cpu --config fluent-anomaly.ini")]
pub(crate) struct Args {
    #[command(flatten)]
    one: super::One,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.one.file.config)?;
    let file = &args.one.file.config;
    let (section, body) = match super::group::find(&config, &args.one.name) {
        Some(group) => (format!("group.{}", group.name), super::group::export(&config, group, file)?),
        None => {
            let monitor = super::named(&config, file, &args.one.name)?;
            (format!("monitor.{}", monitor.name), exchange::export(&monitor.spec, &monitor.name))
        }
    };
    let id = super::remote::connect(&config)?
        .create(&body.to_string())
        .map_err(|error| super::remote::failure(&section, &error))?;
    super::print(&match id {
        Some(id) => format!("[{section}] is Datadog's monitor {id} now\n"),
        None => format!("[{section}] was created; Datadog did not tell its number\n"),
    })
}
