//! `serve`: records of Fluent Bit and Fluentd over the forward protocol, scored, to the next hop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fluent_anomaly::Config;
use fluent_anomaly::aggregation::{Aggregator, AggregatorSettings, OutputSettings, Stats, render};
use fluent_anomaly::native::{Counters, Native, StopAndReload};
use fluent_anomaly::sinks::datadog::ShipperSettings;
use fluent_anomaly::sources::forward::{ListenAddress, ServerSecurity, ServerSettings, server_tls};
use fluent_anomaly::state::{FolderStorage, Storage};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::Failure;
use crate::notifier::NoticeLog;
use crate::{files, metrics_endpoint, pull, signals};

/// After a stop was asked for, what was taken may take so long to arrive at the next hop.
const DRAIN: Duration = Duration::from_secs(8);

/// Score the records that Fluent Bit and Fluentd forward here, and forward them on.
///
/// Takes every mode of the forward protocol. A chunk is acknowledged when the next hop has acknowledged its records and
/// their models are on disk; where the next hop is slow, clients wait for their acks. SIGTERM answers what was taken and
/// saves the state; SIGHUP reads the configuration again. `[serve]` has the bounds, the shared key, TLS and `threads`.
/// With `--to dd` the API key comes from DD_API_KEY.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly serve -c fluent-config/fluent-anomaly.ini --listen tcp://127.0.0.1:24225 --to tcp://127.0.0.1:24224\n  \
    fluent-anomaly serve --to stdout     (a look at what arrives)\n\n\
    Exit status: 0 stopped by a signal, 1 failed, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// Where clients connect: tcp://host:port or tls://host:port; several are allowed
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://127.0.0.1:24225")]
    listen: Vec<String>,
    /// Where scored records go: tcp://host:port or tls://host:port, several for failover; stdout; or dd, which is
    /// Datadog's intake [default: `forward` in [general]]
    #[arg(long, value_name = "SERVER")]
    to: Vec<String>,
    /// Address of the intake, with `--to dd` [default: https://api.<DD_SITE>]; http only on this machine
    #[arg(long, value_name = "URL")]
    dd_url: Option<String>,
    /// Serve OpenMetrics about this process at http://ADDRESS/metrics
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::address::parse)]
    metrics: Option<SocketAddr>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut config = files::read_config(&args.config)?;
    let listen: Result<Vec<_>, _> = args.listen.iter().map(|text| ListenAddress::parse(text)).collect();
    let listen = listen.map_err(|error| Failure::Usage(format!("--listen: {error}")))?;
    let output = output(args, &mut config)?;
    let storage = state(args, &config)?;
    allow_descriptors();
    let asked = Arc::new(StopAndReload::default());
    let told = asked.clone();
    signals::listen(
        &[SIGINT, SIGTERM, SIGHUP],
        move |signal| {
            if signal == SIGHUP { told.reload() } else { told.stop() }
        },
    )?;
    let env = Native::new(asked);
    let (counters, stats) = (Arc::new(Counters::default()), Arc::new(Stats::default()));
    let progress = NoticeLog { daemon: None, counters: counters.clone() };
    let aggregator = Aggregator {
        env: &env,
        progress: &progress,
        counters: &counters,
        stats: stats.clone(),
        log: Arc::new(|text| tell!("fluent-anomaly: {text}")),
        reload: &|| files::read_config(&args.config).map_err(|failure| failure.text().to_owned()),
    };
    if let Some(address) = args.metrics {
        let counters = counters.clone();
        let text = move || render(&stats, &counters.snapshot());
        let found = metrics_endpoint::serve(address, env.clone(), text)?;
        tell!("fluent-anomaly: metrics at http://{found}/metrics");
    }
    let settings = AggregatorSettings {
        listen,
        server: server(args, &config)?,
        output,
        waiting_bytes: config.serve.memory / 2,
        drain: DRAIN,
    };
    let started = |addresses: &[ListenAddress]| {
        for address in addresses {
            tell!("fluent-anomaly: listening on {address}");
        }
    };
    aggregator.run(settings, &config, storage, started).map_err(|error| Failure::Failed(error.to_string()))
}

/// The folder `serve` in the state folder, locked for this process; `None` with `state: off`.
fn state(args: &Args, config: &Config) -> Result<Option<Box<dyn Storage>>, Failure> {
    let Some(folder) = files::state_path(&args.config, config) else { return Ok(None) };
    let storage = FolderStorage::open(&folder.join("serve"))
        .map_err(|error| Failure::Failed(format!("state: {error}")))?;
    Ok(Some(Box::new(storage)))
}

/// What clients may do and have to know.
fn server(args: &Args, config: &Config) -> Result<ServerSettings, Failure> {
    let serve = &config.serve;
    let beside = |file: &String| files::beside(&args.config, file);
    let tls = match (&serve.tls_cert_file, &serve.tls_key_file) {
        (Some(cert), Some(key)) => {
            let client_ca = serve.tls_client_ca_file.as_ref().map(beside);
            let tls = server_tls(&beside(cert), &beside(key), client_ca.as_deref());
            Some(tls.map_err(|error| Failure::Usage(format!("[serve] {error}")))?)
        }
        _ => None,
    };
    Ok(ServerSettings {
        max_connections: serve.max_connections,
        max_frame: serve.max_frame,
        frame_memory: serve.memory / 2,
        tls,
        security: serve.shared_key.clone().map(|shared_key| ServerSecurity {
            shared_key,
            users: serve.users.clone(),
            self_hostname: serve.self_hostname.clone(),
        }),
        ..ServerSettings::default()
    })
}

fn output(args: &Args, config: &mut Config) -> Result<OutputSettings, Failure> {
    let named = |word: &str| args.to.iter().any(|to| to == word);
    if args.to.len() > 1 && (named("stdout") || named("dd")) {
        return Err(Failure::Usage(
            "--to: stdout and dd stand alone; several servers are for failover".into(),
        ));
    }
    if named("stdout") {
        return Ok(OutputSettings::Stdout);
    }
    if named("dd") {
        let settings = ShipperSettings::read(
            |name| args.dd_url.clone().filter(|_| name == "dd_url"),
            |name| std::env::var(name).ok(),
        );
        let settings = settings.map_err(|error| {
            Failure::Usage(format!("--to dd: {}", error.problems.join("\n").replace("dd_url:", "--dd-url:")))
        })?;
        return Ok(OutputSettings::Datadog(Box::new(settings)));
    }
    pull::forward_to(config, "--to", &args.to)?;
    Ok(OutputSettings::Forward(Box::new(pull::forward_settings(&args.config, config, false)?)))
}

/// As many clients as the system allows: a shell's limit is often 1024 descriptors.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // where that is not allowed, the old limit stays
    let _ = setrlimit(Resource::Nofile, limit);
}
