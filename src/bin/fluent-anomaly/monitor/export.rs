//! `monitor export`: a section -> the body of the API's create call.

use fluent_anomaly::monitors::exchange;

use crate::failure::Failure;
use crate::files;

/// Print a monitor as the body of Datadog's POST /api/v1/monitor.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  fluent-anomaly monitor export cpu --config fluent-anomaly.ini > monitor.json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    one: super::One,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.one.file.config)?;
    if let Some(group) = super::group::find(&config, &args.one.name) {
        return super::print(&super::pretty(&super::group::export(&config, group, &args.one.file.config)?));
    }
    let monitor = super::named(&config, &args.one.file.config, &args.one.name)?;
    super::print(&super::pretty(&exchange::export(&monitor.spec, &monitor.name)))
}
