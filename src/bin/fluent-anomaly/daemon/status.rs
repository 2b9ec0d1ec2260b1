//! `status`: is it running, and how far is it?

use std::io::{self, Write};

use clap::ValueEnum;

use super::DaemonArgs;
use super::pidfile::{self, Holder};
use super::report::Report;
use crate::failure::Failure;
use crate::utc;

/// Show whether the daemon runs, when each query was pulled last, and what is left of the budget.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 it runs, 1 it does not, 2 wrong configuration.")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs; times in seconds since 1970
    Json,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (_, places) = args.daemon.read()?;
    let holder = pidfile::look(&places.pid).map_err(|error| Failure::of(places.pid.display(), error))?;
    let Holder::Running(pid) = holder else {
        let why = match holder {
            Holder::Stale(Some(pid)) => {
                format!("not running: the pid file {} is stale (pid {pid})", places.pid.display())
            }
            _ => "not running".to_owned(),
        };
        return match args.format {
            Format::Text => Err(Failure::Failed(why)),
            Format::Json => {
                let stale = matches!(holder, Holder::Stale(_));
                let answer = serde_json::json!({ "running": false, "stale_pidfile": stale });
                writeln!(io::stdout(), "{answer}").map_err(|error| Failure::output(&error))?;
                Err(Failure::Said)
            }
        };
    };
    // a file that another process left behind says nothing about this one
    let report = Report::read(&places.status).filter(|report| Some(report.pid) == pid);
    let text = match args.format {
        Format::Json => json(pid, report.as_ref()),
        Format::Text => text(pid, report.as_ref()),
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn json(pid: Option<u32>, report: Option<&Report>) -> String {
    let mut value = report.and_then(|report| serde_json::to_value(report).ok()).unwrap_or_default();
    if !value.is_object() {
        value = serde_json::json!({ "pid": pid });
    }
    if let Some(map) = value.as_object_mut() {
        map.insert("running".to_owned(), true.into());
    }
    format!("{value}\n")
}

fn text(pid: Option<u32>, report: Option<&Report>) -> String {
    let pid = pid.map_or_else(|| "just starting".to_owned(), |pid| format!("pid {pid}"));
    let Some(report) = report else { return format!("running: {pid}\n") };
    let age = utc::now() - report.since;
    let mut lines = vec![
        format!("running: {pid}, since {} ({})", utc::text(report.since), utc::span(age)),
        format!(
            "{} points acknowledged, {} API calls left in this hour",
            report.acknowledged, report.budget_left
        ),
    ];
    lines.extend(report.records_told.clone());
    let width = report.queries.iter().map(|query| query.section.chars().count()).max().unwrap_or(0).max(5);
    if !report.queries.is_empty() {
        lines.push(format!(
            "  {:width$}  {:20}  {:>12}  {:>8}  {:>9}",
            "query", "last pull", "lag", "series", "points"
        ));
    }
    for query in &report.queries {
        let last = query.last_pull.map_or_else(|| "never".to_owned(), utc::text);
        let lag = utc::span(query.lag);
        lines.push(format!(
            "  {:width$}  {last:20}  {lag:>12}  {:>8}  {:>9}",
            query.section, query.series, query.acknowledged
        ));
    }
    if let Some(warning) = &report.last_warning {
        lines.push(format!("last warning, {}: {}", utc::text(warning.at), warning.text));
    }
    if let Some(address) = &report.metrics {
        lines.push(format!("metrics: http://{address}/metrics"));
    }
    lines.push(format!("log: {}", report.log));
    lines.join("\n") + "\n"
}
