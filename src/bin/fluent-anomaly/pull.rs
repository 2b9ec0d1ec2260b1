//! `pull`: points of Datadog's metrics into Fluent Bit or Fluentd, or to stdout.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use fluent_anomaly::Secret;
use fluent_anomaly::native::{Counters, Native, StopAndReload, metrics};
use fluent_anomaly::sinks::forward::{ForwardServer, ForwardSettings, ForwardSink};
use fluent_anomaly::sinks::{RecordSink, StdoutSink};
use fluent_anomaly::sources::datadog::{self, ApiVersion, DatadogSettings};
use fluent_anomaly::sources::pull::{self, PullError, PullSection, PullSettings, Sections};
use fluent_anomaly::{Config, configuration::SectionKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::daemon::{Running, form_of_records};
use crate::failure::Failure;
use crate::notifier::{NoticeLog, Notifier};
use crate::orders::Orders;
use crate::scoring_sink::{Outlet, ScoringSink};
use crate::{credentials, files, metrics_endpoint, signals, utc};

/// A stop that a silent server holds up is not waited for any longer: whatever is not acknowledged comes again.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// So far back the original detector looks for the order of a section without `k`.
const LOOK_BACK: Duration = Duration::from_secs(86_400);

/// Pull the metrics of all [datadog.*] sections and forward them, from where the last run has stopped.
///
/// Keys come from the environment: DD_API_KEY and DD_APP_KEY (with the scope timeseries_query), or from files named
/// by DD_API_KEY_FILE and DD_APP_KEY_FILE; DD_SITE and DD_PROXY_HTTPS are taken from there too, where the file names
/// no site. The configuration is read again when it changes and on SIGHUP. A cursor moves when its records are acknowledged and
/// settled: points may come twice after a crash, none is skipped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    DD_API_KEY=... DD_APP_KEY=... fluent-anomaly pull -c fluent-config/fluent-anomaly.ini\n  \
    fluent-anomaly pull --once --to stdout | fluent-anomaly filter --tag changefinder.cpu     (from cron)")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, alias = "inifile_path", default_value_os_t = files::default_config())]
    config: PathBuf,
    /// Pull up to now, then stop; exit status 1 if that was not possible
    #[arg(long)]
    once: bool,
    /// Where records go
    #[arg(long, value_enum, default_value_t = To::Forward)]
    to: To,
    /// Where records go, instead of `forward` in [general]; several for failover
    #[arg(long, value_name = "SERVER")]
    forward: Vec<String>,
    /// Serve OpenMetrics about this process at http://ADDRESS/metrics
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::address::parse)]
    metrics: Option<SocketAddr>,
    /// Run as the daemon of `start`, with this log file
    #[arg(long, hide = true, value_name = "LOG")]
    detached: Option<PathBuf>,
    /// The daemon's pid file
    #[arg(long, hide = true, requires = "detached")]
    pidfile: Option<PathBuf>,
    /// The log is where the standard error of `start` goes
    #[arg(long, hide = true, requires = "detached")]
    log_is_shared: bool,
    /// Score the records here, as with `detect: on`, so that they leave with their scores; models are kept in the
    /// state folder
    #[arg(long)]
    detect: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum To {
    /// The servers of `forward` in [general]
    Forward,
    /// JSON lines on standard output
    Stdout,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut config = files::read_companion_config(&args.config)?;
    forward_to(&mut config, "--forward", &args.forward)?;
    if sections_of(&config, false).is_empty() {
        return Err(Failure::Usage(format!(
            "{}: there is no [datadog.*] section to pull",
            args.config.display()
        )));
    }
    let Some(log) = &args.detached else { return pull(args, &config, None) };
    let daemon =
        Arc::new(Running::begin(&args.config, &config, log, args.pidfile.as_deref(), args.log_is_shared)?);
    let ended = pull(args, &config, Some(daemon.clone()));
    daemon.leave();
    ended
}

fn pull(args: &Args, config: &Config, daemon: Option<Arc<Running>>) -> Result<(), Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let datadog = datadog_settings(config)?;
    let api = datadog::connect(&datadog).map_err(|error| usage(&error))?;
    let asked = Arc::new(StopAndReload::default());
    listen(asked.clone(), daemon.clone())?;
    let (env, counters) = (Native::new(asked), Arc::new(Counters::default()));
    let log = Arc::new(NoticeLog { daemon: daemon.clone(), counters: counters.clone() });
    // a run from cron would repeat its warnings each time; its exit status tells
    let slack = config.slack.as_ref().filter(|_| !args.once);
    let voice = Notifier::new(log.clone(), slack, env.clone())?;
    let forward = || {
        let settings = forward_settings(&args.config, config, args.once)?;
        ForwardSink::new(settings, &env, &voice, &counters).map_err(|error| usage(&error))
    };
    let scored = args.detect || config.detects();
    let form = form_of_records(config, scored);
    if let Some(daemon) = &daemon {
        daemon.records_leave(form);
    }
    if !args.once {
        log.say(form.1);
    }
    let latest = RefCell::new(None);
    let orders = RefCell::new(Orders::open(cursors(&args.config, config).as_deref()));
    let mut sink: Box<dyn RecordSink + '_> = match (scored, args.to) {
        (true, to) => {
            let outlet = match to {
                To::Forward => Outlet::Forward(Box::new(forward()?)),
                To::Stdout => Outlet::stdout(),
            };
            Box::new(ScoringSink::live(outlet, &args.config, config, &latest, &orders, &voice)?)
        }
        (false, To::Forward) => Box::new(forward()?),
        (false, To::Stdout) => Box::new(StdoutSink::new(BufWriter::new(io::stdout()))),
    };
    if let Some(address) = args.metrics {
        let found = serve_metrics(address, counters.clone(), env.clone())?;
        log.say(&format!("metrics at http://{found}/metrics"));
        if let Some(daemon) = &daemon {
            daemon.metrics_at(found.to_string());
        }
    }
    let settings =
        PullSettings { keys: datadog.keys_digest(), ..pull_settings(&args.config, config, args.once) };
    let mut sections = ConfigFile {
        path: &args.config,
        read_at: None,
        latest: &latest,
        scored,
        detect: args.detect,
        orders: &orders,
    };
    let ended = pull::run(&settings, &mut sections, &*api, &mut *sink, &env, &voice, &counters);
    voice.end(ended.as_ref().err().map(ToString::to_string).as_deref());
    match ended {
        Ok(()) => Ok(()),
        Err(error @ PullError::Sections { .. }) => Err(usage(&error)),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

fn serve_metrics(address: SocketAddr, counters: Arc<Counters>, env: Native) -> Result<SocketAddr, Failure> {
    let started = utc::now();
    let text = move || {
        let about = metrics::About { version: env!("CARGO_PKG_VERSION"), started, now: utc::now() };
        metrics::render(&counters.snapshot(), about)
    };
    metrics_endpoint::serve(address, env, text)
}

/// Site of the configuration, keys of the environment or of a file.
pub(crate) fn datadog_settings(config: &Config) -> Result<DatadogSettings, Failure> {
    let general = &config.general;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let default = DatadogSettings::default();
    Ok(DatadogSettings {
        api_key: credentials::find(["DD_API_KEY", "DATADOG_API_KEY"], "dd-api-key")?,
        app_key: credentials::find(["DD_APP_KEY", "DATADOG_APP_KEY"], "dd-app-key")?,
        site: general.site.clone().or_else(|| variable("DD_SITE")).unwrap_or(default.site),
        // the predecessor's library took the API's address from there
        api_url: general
            .api_url
            .clone()
            .or_else(|| variable("DATADOG_HOST").filter(|_| general.site.is_none())),
        version: if general.api_version == 2 { ApiVersion::V2 } else { ApiVersion::V1 },
        proxy: variable("DD_PROXY_HTTPS").map(|proxy| Secret::new(proxy.trim())),
        ..DatadogSettings::default()
    })
}

/// The servers of the command line go before those of the file.
pub(crate) fn forward_to(config: &mut Config, option: &str, servers: &[String]) -> Result<(), Failure> {
    for server in servers {
        ForwardServer::parse(server).map_err(|error| {
            Failure::Usage(error.to_string().replacen("forward:", &format!("{option}:"), 1))
        })?;
    }
    if !servers.is_empty() {
        config.general.forward = servers.to_vec();
    }
    Ok(())
}

pub(crate) fn forward_settings(path: &Path, config: &Config, once: bool) -> Result<ForwardSettings, Failure> {
    let general = &config.general;
    let security = &general.forward_security;
    let servers: Result<Vec<ForwardServer>, _> =
        general.forward.iter().map(|server| ForwardServer::parse(server)).collect();
    Ok(ForwardSettings {
        servers: servers.map_err(|error| Failure::Usage(error.to_string()))?,
        shared_key: security.shared_key.clone(),
        username: security.username.clone().unwrap_or_default(),
        password: security.password.clone().unwrap_or_default(),
        gzip: security.gzip,
        ca_file: security.ca_file.as_deref().map(|file| files::beside(path, file)),
        settle: Duration::from_secs(general.forward_settle_seconds.into()),
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
        overlap: Duration::from_secs(general.overlap_seconds.into()),
        // the models' files lie next to it, with a lock of their own
        state: cursors(path, config),
        once,
        ..Default::default()
    }
}

/// The folder of the cursors and of what else the companion keeps for itself.
pub(crate) fn cursors(path: &Path, config: &Config) -> Option<PathBuf> {
    files::state_path(path, config).map(|state| state.join("pull"))
}

/// The sections to pull. `scored`: their records are scored here, so that a section without `k` asks for its past.
pub(crate) fn sections_of(config: &Config, scored: bool) -> Vec<PullSection> {
    let pulled = |section: &fluent_anomaly::configuration::Section| match &section.kind {
        SectionKind::Datadog { query } => Some(PullSection {
            name: section.name.clone(),
            query: query.clone(),
            nulls: section.nulls,
            evaluation_delay: section.evaluation_delay_seconds.map(|s| Duration::from_secs(s.into())),
            one_model: section.source.is_some(),
            look_back: (scored && section.change_finder.order.is_none()).then_some(LOOK_BACK),
        }),
        SectionKind::Series => None,
    };
    config.sections.iter().filter_map(pulled).collect()
}

/// The sections of a file that is read again when it changes.
struct ConfigFile<'a> {
    path: &'a Path,
    read_at: Option<SystemTime>,
    /// What was read last, for those who score.
    latest: &'a RefCell<Option<Config>>,
    /// Records are scored here.
    scored: bool,
    /// The command line says so.
    detect: bool,
    orders: &'a RefCell<Orders>,
}

impl Sections for ConfigFile<'_> {
    fn current(&mut self, asked: bool) -> Result<Option<Vec<PullSection>>, String> {
        let changed = fs::metadata(self.path).and_then(|data| data.modified()).ok();
        if !asked && changed == self.read_at {
            return Ok(None);
        }
        let is_another = self.read_at.is_some();
        self.read_at = changed;
        let text =
            fs::read_to_string(self.path).map_err(|error| format!("{}: {error}", self.path.display()))?;
        let file = self.path.display().to_string();
        let read = Config::parse_for_companion(&file, &text);
        // those of the first file were told at the start
        let mut config = if is_another { files::with_notices(&file, read) } else { read }
            .map_err(|error| error.to_string())?;
        if (self.detect || config.detects()) != self.scored {
            let (now, then) = if self.scored { ("scored", "raw") } else { ("raw", "scored") };
            return Err(format!(
                "records leave {now}, with this file they would leave {then}: restart for that"
            ));
        }
        self.orders.borrow().apply(&mut config);
        let sections = sections_of(&config, self.scored);
        self.latest.replace(Some(config));
        Ok(Some(sections))
    }
}

pub(crate) fn listen(asked: Arc<StopAndReload>, daemon: Option<Arc<Running>>) -> Result<(), Failure> {
    signals::listen(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
        if signal == SIGHUP {
            if let Some(daemon) = &daemon {
                daemon.reopen_log();
            }
            asked.reload();
            return;
        }
        asked.stop();
        let daemon = daemon.clone();
        thread::spawn(move || {
            thread::sleep(STOP_WITHIN);
            if let Some(daemon) = daemon {
                daemon.leave();
            }
            std::process::exit(0);
        });
    })
}
