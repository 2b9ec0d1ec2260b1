//! `dd`: records from a file or stdin to Datadog; for Fluentd's `exec` output and for the shell.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use fluent_anomaly::sinks::datadog::{
    Note, NoteLevel, ShipperSettings, StreamError, StreamOptions, run_stream,
};

use crate::failure::Failure;
use crate::usage::whole;

/// Ship records to Datadog: metrics as fluent-plugin-dd takes them, and the scores of the filter.
///
/// Takes JSON lines or msgpack, whichever comes. The API key is read from DD_API_KEY or a file, never from the
/// command line. The exit status is 0 only when the intake has everything that is of use; otherwise give the
/// same input again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    echo '{\"metric\":\"my.metric\",\"value\":1.5,\"tags\":[\"env:x\"]}' | DD_API_KEY=... fluent-anomaly dd\n  \
    command fluent-anomaly dd --api-key-file /etc/datadog.key     (in Fluentd's exec output)")]
pub(crate) struct Args {
    /// The records; standard input when absent
    file: Option<PathBuf>,
    /// File whose only content is the API key [default: DD_API_KEY from the environment]
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<String>,
    /// Datadog site [default: DD_SITE from the environment, or datadoghq.com]
    #[arg(long)]
    site: Option<String>,
    /// Address of the intake [default: https://api.<SITE>]; http only on this machine
    #[arg(long)]
    url: Option<String>,
    /// Host of records that name none
    #[arg(long)]
    host: Option<String>,
    /// Device of records that name none
    #[arg(long)]
    device: Option<String>,
    /// Tags of every series, separated by commas
    #[arg(long)]
    tags: Option<String>,
    /// Tag of records that carry none
    #[arg(long)]
    tag: Option<String>,
    /// Send what fluent-plugin-dd would send: values as Ruby reads them (`12abc` is 12, nothing is 0), and this machine
    /// as the host of records that name none
    #[arg(long, value_name = "PLUGIN", value_parser = ["fluent-plugin-dd"])]
    compat: Option<String>,
    /// Also post transitions of monitors as events
    #[arg(long)]
    events: bool,
    /// Version of the intake's API: v2 or v1
    #[arg(long, default_value = "v2")]
    api: String,
    /// Compression of bodies: deflate, gzip or off
    #[arg(long, default_value = "deflate")]
    compress: String,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value = "10", allow_negative_numbers = true)]
    timeout: String,
    /// Seconds to wait in all, for each shipment, for an intake that says "later"
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = whole::<u32>(0, u32::MAX.into()), allow_negative_numbers = true)]
    patience: u32,
    /// End with status 0 also when nothing of the input is of use: Fluentd would give it again for days
    #[arg(long)]
    drop_unusable: bool,
}

impl Args {
    fn settings(&self) -> Result<ShipperSettings, Failure> {
        let option = |name: &str| match name {
            "dd_api_key_file" => self.api_key_file.clone(),
            "dd_site" => self.site.clone(),
            "dd_url" => self.url.clone(),
            "dd_host" => self.host.clone(),
            "dd_device" => self.device.clone(),
            "dd_tags" => self.tags.clone(),
            "dd_compat" => self.compat.clone(),
            "dd_events" => self.events.then(|| "on".to_owned()),
            "dd_api" => Some(self.api.clone()),
            "dd_compress" => Some(self.compress.clone()),
            "dd_timeout" => Some(self.timeout.clone()),
            "use_fluentd_tag_for_datadog_tag" => self.tag.as_ref().map(|_| "on".to_owned()),
            _ => None,
        };
        let settings = ShipperSettings::read(option, |name| std::env::var(name).ok()).map_err(|error| {
            let problems: Vec<_> = error.problems.iter().map(|problem| spelled(problem)).collect();
            Failure::Usage(problems.join("\n"))
        })?;
        let patience = Duration::from_secs(self.patience.into());
        // many requests, each of which may take its time
        Ok(settings.with_patience(Duration::from_secs(3600), patience))
    }
}

/// The problem with option names as they are written here.
fn spelled(problem: &str) -> String {
    if problem.starts_with("dd_api_key: missing") {
        return "the API key is missing: set DD_API_KEY or give --api-key-file".to_owned();
    }
    match problem.split_once(':') {
        Some((name, rest)) if name.starts_with("dd_") => {
            format!("--{}:{rest}", name.trim_start_matches("dd_").replace('_', "-"))
        }
        _ => problem.to_owned(),
    }
}

fn tell(note: &Note) {
    let level = match note.level {
        NoteLevel::Error => "error",
        NoteLevel::Warn => "warning",
        NoteLevel::Info => "info",
    };
    tell!("fluent-anomaly: {level}: {}", note.text);
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let settings = args.settings()?;
    let input: Box<dyn Read + Send> = match &args.file {
        Some(path) => Box::new(File::open(path).map_err(|why| Failure::of(path.display(), why))?),
        None => Box::new(io::stdin()),
    };
    let options = StreamOptions { tag: args.tag.clone().unwrap_or_default(), ..StreamOptions::default() };
    match run_stream(input, settings, &options, tell) {
        Ok(totals) => {
            tell!("fluent-anomaly: {totals}");
            Ok(())
        }
        Err(error @ StreamError::Unusable(_)) if args.drop_unusable => {
            tell!("fluent-anomaly: error: {error}");
            Ok(())
        }
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}
