//! `pull`: points of Datadog's metrics into Fluent Bit or Fluentd, or to stdout.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use fluent_anomaly::companion::{Asked, Counters, Native, Notice, Progress};
use fluent_anomaly::config::{Config, Kind};
use fluent_anomaly::secret::Secret;
use fluent_anomaly::sink::forward::{ForwardSettings, ForwardSink, Server};
use fluent_anomaly::sink::{RecordSink, StdoutSink};
use fluent_anomaly::source::datadog::{self, ApiVersion, DatadogSettings};
use fluent_anomaly::source::pull::{self, PullError, PullSection, PullSettings, Sections};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::Failure;
use crate::files;

/// A stop that a silent server holds up is not waited for any longer: whatever is not acknowledged comes again.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// Pull the metrics of all [datadog.*] sections and forward them, from where the last run has stopped.
///
/// Keys come from the environment: DD_API_KEY and DD_APP_KEY (with the scope timeseries_query). The file is read
/// again when it changes and on SIGHUP. A cursor moves when its records are acknowledged: points may come twice
/// after a crash, none is skipped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    DD_API_KEY=... DD_APP_KEY=... fluent-anomaly pull -c fluent-config/fluent-anomaly.ini\n  \
    fluent-anomaly pull --once --to stdout | fluent-anomaly filter --tag changefinder.cpu     (from cron)")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, default_value = files::DEFAULT_CONFIG)]
    config: PathBuf,
    /// Pull up to now, then stop; exit status 1 if that was not possible
    #[arg(long)]
    once: bool,
    /// Where records go
    #[arg(long, value_enum, default_value_t = To::Forward)]
    to: To,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// The servers of `forward` in [general]
    Forward,
    /// JSON lines on standard output
    Stdout,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.config)?;
    if sections_of(&config).is_empty() {
        return Err(Failure::Usage(format!(
            "{}: there is no [datadog.*] section to pull",
            args.config.display()
        )));
    }
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let api = datadog::connect(&datadog_settings(&config)).map_err(|error| usage(&error))?;
    let asked = Arc::new(Asked::default());
    listen(asked.clone())?;
    let (env, counters) = (Native::new(asked), Counters::default());
    let mut sink: Box<dyn RecordSink> = match args.to {
        To::Forward => {
            let settings = forward_settings(&args.config, &config, args.once)?;
            Box::new(ForwardSink::new(settings, &env, &Log, &counters).map_err(|error| usage(&error))?)
        }
        To::Stdout => Box::new(StdoutSink::new(BufWriter::new(io::stdout()))),
    };
    let settings = pull_settings(&args.config, &config, args.once);
    let mut sections = File { path: &args.config, read_at: None };
    match pull::run(&settings, &mut sections, &*api, &mut *sink, &env, &Log, &counters) {
        Ok(()) => Ok(()),
        Err(error @ PullError::Sections { .. }) => Err(usage(&error)),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

fn datadog_settings(config: &Config) -> DatadogSettings {
    let key = |names: [&str; 2]| {
        Secret::new(&names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default())
    };
    let general = &config.general;
    DatadogSettings {
        api_key: key(["DD_API_KEY", "DATADOG_API_KEY"]),
        app_key: key(["DD_APP_KEY", "DATADOG_APP_KEY"]),
        site: general.site.clone(),
        api_url: general.api_url.clone(),
        version: if general.api_version == 2 { ApiVersion::V2 } else { ApiVersion::V1 },
        ..Default::default()
    }
}

fn forward_settings(path: &Path, config: &Config, once: bool) -> Result<ForwardSettings, Failure> {
    let general = &config.general;
    let security = &general.forward_security;
    let servers: Result<Vec<Server>, _> =
        general.forward.iter().map(|server| Server::parse(server)).collect();
    Ok(ForwardSettings {
        servers: servers.map_err(|error| Failure::Usage(error.to_string()))?,
        shared_key: security.shared_key.clone(),
        username: security.username.clone().unwrap_or_default(),
        password: security.password.clone().unwrap_or_default(),
        gzip: security.gzip,
        ca_file: security.ca_file.as_deref().map(|file| beside(path).join(file)),
        patience: once.then_some(Duration::from_secs(60)),
        ..Default::default()
    })
}

fn pull_settings(path: &Path, config: &Config, once: bool) -> PullSettings {
    let general = &config.general;
    PullSettings {
        interval: Duration::from_secs(general.interval_seconds.into()),
        limit: general.limit,
        tag_prefix: general.tag_prefix.clone(),
        evaluation_delay: Duration::from_secs(general.evaluation_delay_seconds.into()),
        // the models' files lie next to it, with a lock of their own
        state: files::state_path(path, config).map(|state| state.join("pull")),
        once,
        ..Default::default()
    }
}

fn beside(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn sections_of(config: &Config) -> Vec<PullSection> {
    let pulled = |section: &fluent_anomaly::config::Section| match &section.kind {
        Kind::Datadog { query } => Some(PullSection {
            name: section.name.clone(),
            query: query.clone(),
            nulls: section.nulls,
            evaluation_delay: None,
            one_model: section.source.is_some(),
        }),
        Kind::Series => None,
    };
    config.sections.iter().filter_map(pulled).collect()
}

/// The sections of a file that is read again when it changes.
struct File<'a> {
    path: &'a Path,
    read_at: Option<SystemTime>,
}

impl Sections for File<'_> {
    fn current(&mut self, asked: bool) -> Result<Option<Vec<PullSection>>, String> {
        let changed = fs::metadata(self.path).and_then(|data| data.modified()).ok();
        if !asked && changed == self.read_at {
            return Ok(None);
        }
        self.read_at = changed;
        let text =
            fs::read_to_string(self.path).map_err(|error| format!("{}: {error}", self.path.display()))?;
        let config =
            Config::parse(&self.path.display().to_string(), &text).map_err(|error| error.to_string())?;
        Ok(Some(sections_of(&config)))
    }
}

/// Notices on standard error.
struct Log;

impl Progress for Log {
    fn notice(&self, notice: &Notice) {
        eprintln!("fluent-anomaly: {notice}");
    }
}

fn listen(asked: Arc<Asked>) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::of("signals", error);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let wait = move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                asked.reload();
                continue;
            }
            asked.stop();
            thread::spawn(|| {
                thread::sleep(STOP_WITHIN);
                std::process::exit(0);
            });
        }
    };
    thread::Builder::new().name("signals".into()).spawn(wait).map_err(failed)?;
    Ok(())
}
