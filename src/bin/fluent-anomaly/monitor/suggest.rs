//! `monitor suggest`: a monitor for a history, proved on it, each parameter with its reason.

use std::path::PathBuf;

use fluent_anomaly::detectors::{Parameter, Suggestion};
use fluent_anomaly::monitors::{
    Candidate, KnownIncident, MonitorSpec, MonitorSuggestion, RawMonitor, explain, plain_duration,
    suggest_monitor,
};
use fluent_anomaly::sources::series_file::{Fields, FileSeries};
use serde_json::json;

use super::Output;
use crate::eval::labels;
use crate::failure::Failure;

/// What the query is about where no metric of Datadog is meant.
const ANY_METRIC: &str = "avg:metric{*}";

/// Find seasonality, interval, algorithm and deviations from history, and say why.
///
/// Candidates are run over the history as the filter would run them; the one that does best is printed, ready to use,
/// with what the others would have done. With --incidents it is the one that hits them with the fewest false alerts;
/// without, the widest band that would have alerted, or else a quiet one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly monitor suggest --input history.csv\n  \
    fluent-anomaly monitor suggest -i history.csv --incidents incidents.json\n  \
    fluent-anomaly monitor suggest -i history.csv --metric 'avg:system.cpu.idle{*} by {host}' --on cpu")]
pub(crate) struct Args {
    #[command(flatten)]
    history: crate::history::History,
    /// Which series to look at; the one with most points when the file has several
    #[arg(long, value_name = "NAME")]
    series: Option<String>,
    /// What was wrong, and when: `{"series or file.csv": [["start", "end"], ...]}`, dates or seconds since 1970
    #[arg(long, value_name = "FILE")]
    incidents: Option<PathBuf>,
    /// The metric query at Datadog that the monitor is to watch; without it the section printed takes any records
    #[arg(long, value_name = "QUERY")]
    metric: Option<String>,
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
    if let Some(on) = &args.on {
        super::check_name("--on", on)?;
    }
    let file = args.history.read(None)?;
    let series = pick(args, &file.series)?;
    let known = known(args, series)?;
    let (times, values): (Vec<i64>, Vec<f64>) =
        series.points.iter().filter_map(|point| Some((point.time.seconds(), point.value?))).unzip();
    let found = suggest_monitor(&times, &values, &known, &args.direction)
        .map_err(|error| Failure::Usage(format!("{}: {error}", args.history.input().display())))?;
    let metric = args.metric.as_deref().unwrap_or(ANY_METRIC);
    let mut raw = RawMonitor::default();
    raw.set("query", found.query(metric, &args.direction));
    let spec = MonitorSpec::check(&raw).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Usage(format!("--metric {metric:?}: {}", told.join("; ")))
    })?;
    let ini = ini(args, &spec, &file.fields);
    let cautions: Vec<String> =
        explain(&spec).into_iter().filter(|line| line.starts_with("Caution: ")).collect();
    super::print(&match args.format {
        Output::Text => text(series, &found, &spec, &ini, &cautions, args.incidents.is_some()),
        Output::Json => {
            let Suggestion { interval_s, seasonality, algorithm, deviations, reasons } = &found.band;
            let reasons: Vec<_> = reasons
                .iter()
                .map(|reason| json!({"about": reason.about.name(), "text": reason.text}))
                .collect();
            let candidates: Vec<_> = found.candidates.iter().map(|one| candidate_json(&found, one)).collect();
            let whole = json!({
                "series": series.name,
                "points": values.len(),
                "interval": interval_s,
                "seasonality": seasonality.map(|season| season.name()),
                "algorithm": algorithm.name(),
                "deviations": deviations,
                "alert_window_s": found.choice().alert_window_s,
                "threshold": found.choice().threshold,
                "reasons": reasons,
                "judged_s": found.judged_s,
                "judged_incidents": found.judged_incidents,
                "chosen": found.chosen,
                "candidates": candidates,
                "cautions": cautions,
                "query": spec.query.to_string(),
                "ini": ini,
            });
            whole.to_string() + "\n"
        }
    })
}

fn candidate_json(found: &MonitorSuggestion, one: &Candidate) -> serde_json::Value {
    json!({
        "algorithm": one.algorithm.name(),
        "deviations": one.deviations,
        "alert_window_s": one.alert_window_s,
        "threshold": one.threshold,
        "alerts": one.alerts,
        "alerts_a_week": found.alerts_a_week(one),
        "false_alerts": one.false_alerts,
        "hits": one.hits,
    })
}

/// The incidents of a series: named by its own name or by that of the file.
fn known(args: &Args, series: &FileSeries) -> Result<Vec<KnownIncident>, Failure> {
    let Some(path) = &args.incidents else { return Ok(Vec::new()) };
    let labels = labels::read(path, "--incidents")?;
    let file = args.history.input().file_name().unwrap_or_default().to_string_lossy();
    let mut windows = labels.of(&series.name, false);
    if windows.is_empty() {
        windows = labels.of(&file, true);
    }
    let second = 1_000_000_000;
    let known = windows
        .into_iter()
        .map(|(from, to)| KnownIncident { from_s: from.div_euclid(second), to_s: to.div_euclid(second) });
    Ok(known.collect())
}

fn pick<'a>(args: &Args, series: &'a [FileSeries]) -> Result<&'a FileSeries, Failure> {
    let found = match &args.series {
        Some(name) => series.iter().find(|series| series.name == *name),
        None => series.iter().rev().max_by_key(|series| series.points.len()),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).take(10).collect();
        let names = match &names[..] {
            [""] => "one series without a name".to_owned(),
            names => names.join("; "),
        };
        Failure::Usage(format!(
            "--series: {}: there is no series {:?}; it has {names}{}",
            args.history.input().display(),
            args.series.as_deref().unwrap_or(""),
            if series.len() > 10 { " and more" } else { "" }
        ))
    })
}

fn ini(args: &Args, spec: &MonitorSpec, fields: &Fields) -> String {
    let name = args.on.as_deref().unwrap_or("metric");
    let monitor = format!(
        "[monitor.{name}]\non: {name}\nquery: {}\nrecovery_window: {}\n",
        spec.query, spec.query.alert_window
    );
    match (&args.on, &args.metric) {
        (Some(_), _) => monitor,
        (None, Some(_)) => format!("[datadog.{name}]\nquery: {}\n\n{monitor}", spec.query.metric),
        (None, None) => {
            let mut section = format!("[series.{name}]\nmatch: *\n");
            section += &format!("value: {}\n", fields.value.as_deref().unwrap_or("$value"));
            if !fields.by.is_empty() {
                section += &format!("by: {}\n", fields.by.join(", "));
            }
            if let Some(time) = &fields.time {
                section += &format!("time: {time}\n");
            }
            format!("{section}\n{monitor}")
        }
    }
}

fn text(
    series: &FileSeries,
    found: &MonitorSuggestion,
    spec: &MonitorSpec,
    ini: &str,
    cautions: &[String],
    with_incidents: bool,
) -> String {
    let of = if series.name.is_empty() { String::new() } else { format!(" of {}", series.name) };
    let mut text = format!("From {} points{of}:\n\n", series.points.len());
    let (band, choice) = (&found.band, found.choice());
    let season = band.seasonality.map_or("none", |season| season.name());
    for (about, value) in [
        (Parameter::Interval, format!("{} s", band.interval_s)),
        (Parameter::Seasonality, season.to_owned()),
        (Parameter::Algorithm, band.algorithm.name().to_owned()),
        (Parameter::Deviations, band.deviations.to_string()),
        (Parameter::AlertWindow, plain_duration(choice.alert_window_s.into())),
        (Parameter::Threshold, choice.threshold.to_string()),
    ] {
        text += &format!("{:<12} {value}\n", about.name());
        for reason in band.reasons.iter().filter(|reason| reason.about == about) {
            text += &format!("             - {}\n", reason.text);
        }
    }
    for caution in cautions {
        text += &format!("{caution}\n");
    }
    text += &candidates_text(found, with_incidents);
    text + &format!("\nQuery for Datadog:\n\n{}\n\nFor the configuration:\n\n{ini}", spec.query)
}

/// What each candidate of the chosen algorithm would have done.
fn candidates_text(found: &MonitorSuggestion, with_incidents: bool) -> String {
    let judged = plain_duration((found.judged_s.max(0) as u64).div_ceil(3600) * 3600);
    let mut text = format!("\nTried on the history, {judged} with a band:\n\n");
    text += "   deviations  alert_window  threshold  alerts  a week";
    text += if with_incidents { "  incidents hit  false alerts\n" } else { "\n" };
    for (at, one) in found.candidates.iter().enumerate() {
        if one.algorithm != found.band.algorithm {
            continue;
        }
        text += &format!(
            " {} {:>10}  {:>12}  {:>9}  {:>6}  {:>6.1}",
            if at == found.chosen { ">" } else { " " },
            one.deviations,
            plain_duration(one.alert_window_s.into()),
            one.threshold,
            one.alerts,
            found.alerts_a_week(one)
        );
        if with_incidents {
            let hits = format!("{} of {}", one.hits.len(), found.judged_incidents);
            text += &format!("  {hits:>13}  {:>12}", one.false_alerts);
        }
        text += "\n";
    }
    text
}
