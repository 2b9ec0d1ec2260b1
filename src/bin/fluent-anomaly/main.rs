//! The companion binary: one file a command.

#![warn(clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, Parser, Subcommand};

#[macro_use]
mod tell;

mod address;
mod check;
mod config;
mod credentials;
mod daemon;
mod dd;
mod demo;
mod eval;
mod failure;
mod files;
mod filter;
mod history;
mod incidents;
mod init;
mod metrics_endpoint;
mod monitor;
mod notifier;
mod orders;
mod pull;
mod record_reader;
mod replay;
#[cfg(feature = "report")]
mod report;
mod scoring_sink;
mod select_k;
mod serve;
mod shell;
mod signals;
mod stdin;
#[cfg(feature = "kafka")]
mod stream;
mod system_clock;
mod time_range;
mod unpack;
mod usage;
mod utc;

const COMMIT: &str = match option_env!("FLUENT_ANOMALY_COMMIT") {
    Some(commit) => commit,
    None => "unknown, as this is no release build of a clone",
};
/// Version, commit and features.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [
        ("companion", true),
        ("report", cfg!(feature = "report")),
        ("kafka", cfg!(feature = "kafka")),
        ("kafka-kerberos", cfg!(feature = "kafka-kerberos")),
    ];
    let features: Vec<&str> = features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    format!("{}\ncommit: {COMMIT}\nfeatures: {}", env!("CARGO_PKG_VERSION"), features.join(", "))
});

/// Streaming anomaly detection inside Fluent Bit and Fluentd pipelines.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = LONG_VERSION.as_str(),
    max_term_width = 100,
    after_help = "Start here:\n  fluent-anomaly demo\n  fluent-anomaly init app.log\n  fluent-anomaly check --config fluent-config/fluent-anomaly.ini\n\nExit status: 0 fine, 1 failed, 2 wrong usage or configuration."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Eval(eval::Args),
    Filter(filter::Args),
    Check(check::Args),
    Config(config::Args),
    Dd(dd::Args),
    Pull(pull::Args),
    Monitor(monitor::Args),
    Start(daemon::start::Args),
    Stop(daemon::stop::Args),
    /// Stop the daemon if it runs, and start it; a wrong configuration leaves the running one alone
    Restart(daemon::start::Args),
    Status(daemon::status::Args),
    Replay(replay::Args),
    SelectK(select_k::Args),
    Serve(serve::Args),
    #[cfg(feature = "kafka")]
    Stream(stream::Args),
    #[cfg(feature = "report")]
    Report(report::Args),
    Unpack(unpack::Args),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

fn main() -> ExitCode {
    let command = usage::parse().command;
    match failure::guarded(|| run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), failure::Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Filter(args) => filter::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Dd(args) => dd::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Monitor(args) => monitor::run(&args),
        Command::Start(args) => daemon::start::run(&args),
        Command::Stop(args) => daemon::stop::run(&args),
        Command::Restart(args) => daemon::stop::restart(&args),
        Command::Status(args) => daemon::status::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::SelectK(args) => select_k::run(&args),
        Command::Serve(args) => serve::run(&args),
        #[cfg(feature = "kafka")]
        Command::Stream(args) => stream::run(&args),
        #[cfg(feature = "report")]
        Command::Report(args) => report::run(&args),
        Command::Unpack(args) => unpack::run(&args),
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    }
}
