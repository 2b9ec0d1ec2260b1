//! `monitor explain`: what will be alerted on.

use fluent_anomaly::monitors::explain;

use crate::failure::Failure;
use crate::files;

/// Say in plain words what a monitor alerts on, with its windows worked out.
///
/// Lines that begin with `Caution:` are worth a second thought, such as windows that cannot fill.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fluent-anomaly monitor explain cpu --config fluent-anomaly.ini")]
pub(crate) struct Args {
    #[command(flatten)]
    one: super::One,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.one.file.config)?;
    if let Some(group) = super::group::find(&config, &args.one.name) {
        return super::print(&super::group::explain(&config, group));
    }
    let monitor = super::named(&config, &args.one.file.config, &args.one.name)?;
    let mut text = format!("[monitor.{}]\n{}\n", monitor.name, monitor.spec.query);
    for line in explain(&monitor.spec) {
        text += &format!("  {line}\n");
    }
    if let Some(section) = config.sections.get(monitor.on) {
        text += &format!(
            "  Written into the records of [{}] as `{}`; silent series as `{}`.\n",
            section.title(),
            monitor.annotation_names()[0],
            monitor.annotation_names()[1]
        );
    }
    super::print(&text)
}
