//! `monitor suggest`: parameters from history, each with its reason.

use fluent_anomaly::detectors::{Algorithm, Parameter, Suggestion, suggest};
use fluent_anomaly::monitors::explain;
use fluent_anomaly::monitors::{MonitorSpec, RawMonitor, Timeframe};
use fluent_anomaly::sources::series_file::FileSeries;
use serde_json::json;

use super::Output;
use crate::failure::Failure;

/// Fewest points of an alert window; Datadog asks for five.
const POINTS: u32 = 5;
/// A shorter window alerts on noise, s.
const WINDOW_S: u32 = 900;
/// Share of anomalous points: 1 alerts on what lasts the whole window.
const THRESHOLD: &str = "1";

/// Find seasonality, interval, algorithm and deviations from history, and say why.
///
/// Prints a query for Datadog and a section for the configuration, both ready to use. The windows are a start:
/// try them with `monitor eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly monitor suggest --input history.csv\n  \
    fluent-anomaly monitor suggest -i history.csv --metric 'avg:system.cpu.idle{*} by {host}' --on cpu")]
pub(crate) struct Args {
    #[command(flatten)]
    history: crate::history::History,
    /// Which series to look at; the one with most points when the file has several
    #[arg(long, value_name = "NAME")]
    series: Option<String>,
    /// The metric query that the monitor is to watch
    #[arg(long, value_name = "QUERY", default_value = "avg:metric{*}")]
    metric: String,
    /// The section that the monitor watches; without it one is printed as well
    #[arg(long, value_name = "SECTION")]
    on: Option<String>,
    /// above, below or both: which side of the band counts
    #[arg(long, default_value = "both", value_parser = ["above", "below", "both"])]
    direction: String,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let file = args.history.read(None)?;
    let series = pick(args, &file.series)?;
    let (times, values): (Vec<i64>, Vec<f64>) =
        series.points.iter().filter_map(|point| Some((point.time.seconds(), point.value?))).unzip();
    let found = suggest(&times, &values)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.history.input().display())))?;
    let query = query(args, &found)?;
    let mut raw = RawMonitor::default();
    raw.set("query", query.as_str());
    let spec = MonitorSpec::check(&raw).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Usage(format!("--metric {:?}: {}", args.metric, told.join("; ")))
    })?;
    let ini = ini(args, &spec);
    let cautions: Vec<String> =
        explain(&spec).into_iter().filter(|line| line.starts_with("Caution: ")).collect();
    super::print(&match args.format {
        Output::Text => text(series, &found, &spec, &ini, &cautions),
        Output::Json => {
            let reasons: Vec<_> = found
                .reasons
                .iter()
                .map(|reason| json!({"about": name(reason.about), "text": reason.text}))
                .collect();
            let whole = json!({
                "series": series.name,
                "points": values.len(),
                "interval": found.interval_s,
                "seasonality": found.seasonality.map(|season| season.name()),
                "algorithm": found.algorithm.name(),
                "deviations": found.deviations,
                "reasons": reasons,
                "cautions": cautions,
                "query": spec.query.to_string(),
                "ini": ini,
            });
            whole.to_string() + "\n"
        }
    })
}

fn pick<'a>(args: &Args, series: &'a [FileSeries]) -> Result<&'a FileSeries, Failure> {
    let found = match &args.series {
        Some(name) => series.iter().find(|series| series.name == *name),
        None => series.iter().rev().max_by_key(|series| series.points.len()),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).take(10).collect();
        Failure::Usage(format!(
            "{}: there is no series {:?}; it has {}{}",
            args.history.input().display(),
            args.series.as_deref().unwrap_or(""),
            names.join("; "),
            if series.len() > names.len() { " and more" } else { "" }
        ))
    })
}

fn query(args: &Args, found: &Suggestion) -> Result<String, Failure> {
    let alert = WINDOW_S.max(found.interval_s.saturating_mul(POINTS));
    let window = |seconds| {
        Timeframe::from_seconds(seconds).map_err(|error| {
            Failure::Usage(format!("{}: no window for it: {error}", args.history.input().display()))
        })
    };
    let (alert, shown) = (window(alert)?, window(alert.saturating_mul(5).max(4 * 3600))?);
    let season = match found.seasonality {
        Some(season) if found.algorithm != Algorithm::Basic => format!(", seasonality='{}'", season.name()),
        _ => String::new(),
    };
    Ok(format!(
        "avg({shown}):anomalies({}, '{}', {}, direction='{}', alert_window='{alert}', interval={}, count_default_zero='true'{season}) >= {THRESHOLD}",
        args.metric,
        found.algorithm.name(),
        found.deviations,
        args.direction,
        found.interval_s
    ))
}

fn ini(args: &Args, spec: &MonitorSpec) -> String {
    let name = args.on.as_deref().unwrap_or("metric");
    let monitor = format!(
        "[monitor.{name}]\non: {name}\nquery: {}\nrecovery_window: {}\n",
        spec.query, spec.query.alert_window
    );
    match args.on {
        Some(_) => monitor,
        None => format!("[datadog.{name}]\nquery: {}\n\n{monitor}", spec.query.metric),
    }
}

fn text(
    series: &FileSeries,
    found: &Suggestion,
    spec: &MonitorSpec,
    ini: &str,
    cautions: &[String],
) -> String {
    let of = if series.name.is_empty() { String::new() } else { format!(" of {}", series.name) };
    let mut text = format!("From {} points{of}:\n\n", series.points.len());
    let season = found.seasonality.map_or("none", |season| season.name());
    for (about, value) in [
        (Parameter::Interval, format!("{} s", found.interval_s)),
        (Parameter::Seasonality, season.to_owned()),
        (Parameter::Algorithm, found.algorithm.name().to_owned()),
        (Parameter::Deviations, found.deviations.to_string()),
    ] {
        text += &format!("{:<12} {value}\n", name(about));
        for reason in found.reasons.iter().filter(|reason| reason.about == about) {
            text += &format!("             - {}\n", reason.text);
        }
    }
    for caution in cautions {
        text += &format!("{caution}\n");
    }
    text + &format!("\nQuery for Datadog:\n\n{}\n\nFor the configuration:\n\n{ini}", spec.query)
}

fn name(about: Parameter) -> &'static str {
    match about {
        Parameter::Interval => "interval",
        Parameter::Seasonality => "seasonality",
        Parameter::Algorithm => "algorithm",
        Parameter::Deviations => "deviations",
    }
}
