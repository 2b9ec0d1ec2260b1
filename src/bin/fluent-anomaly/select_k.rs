//! `select-k`: the AR order by Akaike's criterion, from a past range of a metric or from a file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use fluent_anomaly::detectors::{MAX_ORDER, OrderFit, order_fits};
use fluent_anomaly::native::{Counters, Native, StopAndReload};
use fluent_anomaly::sinks::{MetricRecord, RecordSink, SinkError};
use fluent_anomaly::sources::datadog;
use fluent_anomaly::sources::series_file::FilePoint;

use crate::failure::Failure;
use crate::files;
use crate::history::{self, Columns};
use crate::pull;
use crate::replay::{self, Bar, Watched};
use crate::time_range::RangeArgs;
use crate::usage::whole;

/// Without a range the last day counts, as in the predecessor.
const DAY_S: i64 = 86_400;

/// Choose the order `k` of a section's models by Akaike's information criterion (AIC).
///
/// One line for each series, and where a section has several, one for the order that fits them all best. Points
/// come from Datadog, by default those of the last 24 hours, or from a file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly select-k cpu --start \"2026-11-20 12:00\" --end \"2026-11-21 12:00\" --timezone Europe/Vienna\n  \
    seq 100 | awk '{print sin($1 / 3)}' > values.txt; fluent-anomaly select-k --input values.txt --max-k 20")]
pub(crate) struct Args {
    /// The section, e.g. cpu for [datadog.cpu] [default: all]
    #[arg(value_name = "SECTION", conflicts_with = "input")]
    section: Option<String>,
    /// The highest order to try, 1 to 100
    #[arg(long, alias = "max_k", value_name = "N", default_value_t = 50, value_parser = whole::<u16>(1, MAX_ORDER as u64), allow_negative_numbers = true)]
    max_k: u16,
    #[command(flatten)]
    range: RangeArgs,
    /// A file instead: one value a line, or any file that `report` reads; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["start", "end", "timezone"])]
    input: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// One line a series
    Text,
    /// For programs: one JSON object with the AIC of every order
    Json,
    /// For scripts: the order alone, for one section or file
    Number,
}

/// Values of one section or file.
struct Group {
    section: Option<String>,
    series: Vec<(String, Vec<f64>)>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let groups = match &args.input {
        Some(path) => vec![from_file(path, &args.columns)?],
        None => pulled(args)?,
    };
    let mut text = String::new();
    let mut json = Vec::new();
    for group in &groups {
        let many = groups.len() > 1 || group.series.len() > 1;
        let mut fits = Vec::new();
        for (name, values) in &group.series {
            let label = [group.section.as_deref().unwrap_or_default(), name].map(str::trim).join(" ");
            let found = order_fits(values, usize::from(args.max_k));
            let Some(best) = best(&found) else {
                let why = "no order can be chosen: two or more finite values are needed";
                return Err(Failure::Failed(format!("{}: {why}", label.trim())));
            };
            if many {
                text += &format!("{}: ", label.trim());
            }
            text += &line(best);
            json.push(report(group.section.as_deref(), Some(name), values.len(), best, &found));
            fits.push(found);
        }
        if fits.len() > 1 {
            let points = group.series.iter().map(|(_, values)| values.len()).sum();
            let all = together(&fits);
            if let Some(best) = best(&all) {
                text += &group.section.as_ref().map_or(String::new(), |section| format!("{section}: "));
                text += &line(best);
                json.push(report(group.section.as_deref(), None, points, best, &all));
            }
        }
    }
    if args.format == Output::Number {
        if groups.len() > 1 {
            let why = "one section is needed: name it, or take another --format";
            return Err(Failure::Usage(format!("--format number: {why}")));
        }
        // of several series the last entry is that of all together
        text = json.last().map(|best| format!("{}\n", best["k"])).unwrap_or_default();
    }
    if args.format == Output::Json {
        text = serde_json::json!({ "max_k": args.max_k, "series": json }).to_string() + "\n";
    }
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn line(best: &OrderFit) -> String {
    format!("k = {} (AIC = {})\n", best.order, best.aic)
}

fn report(
    section: Option<&str>,
    scope: Option<&str>,
    points: usize,
    best: &OrderFit,
    fits: &[OrderFit],
) -> serde_json::Value {
    let aic: Vec<_> = fits.iter().map(|fit| serde_json::json!({ "k": fit.order, "aic": fit.aic })).collect();
    serde_json::json!({
        "section": section, "scope": scope, "points": points, "k": best.order, "aic": best.aic, "orders": aic,
    })
}

/// The lowest order among those with the lowest AIC, as `select_order` has it.
pub(crate) fn best(fits: &[OrderFit]) -> Option<&OrderFit> {
    fits.iter()
        .filter(|fit| fit.aic.is_finite())
        .reduce(|best, fit| if fit.aic < best.aic { fit } else { best })
}

/// The series are modelled each by itself with a common order: their log-likelihoods add up, and so do the AICs.
pub(crate) fn together(fits: &[Vec<OrderFit>]) -> Vec<OrderFit> {
    let orders = fits.iter().map(Vec::len).min().unwrap_or(0);
    let sum = |at: usize, of: fn(&OrderFit) -> f64| fits.iter().filter_map(|fits| fits.get(at)).map(of).sum();
    (0..orders)
        .map(|at| OrderFit { order: at + 1, sigma: sum(at, |fit| fit.sigma), aic: sum(at, |fit| fit.aic) })
        .collect()
}

fn from_file(path: &Path, columns: &Columns) -> Result<Group, Failure> {
    let bytes = history::bytes(path)?;
    let wrong = |why: String| Failure::Usage(format!("--input: {}: {why}", path.display()));
    let series = match plain_values(&bytes).map_err(&wrong)? {
        Some(values) => vec![(String::new(), values)],
        None => {
            let file = history::of_bytes(path, &bytes, &columns.layout(None))?;
            for note in &file.notes {
                tell!("{}: {note}", path.display());
            }
            let values = |points: Vec<FilePoint>| points.iter().filter_map(|point| point.value).collect();
            file.series.into_iter().map(|series| (series.name, values(series.points))).collect()
        }
    };
    Ok(Group { section: None, series })
}

/// The values of a file with one on each line; `None` when its first line is something else.
fn plain_values(bytes: &[u8]) -> Result<Option<Vec<f64>>, String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
    let mut lines = lines.filter(|(_, line)| !line.is_empty()).peekable();
    if lines.peek().is_none_or(|(_, first)| first.parse::<f64>().is_err()) {
        return Ok(None);
    }
    let value = |(at, line): (usize, &str)| {
        let value = line.parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| format!("line {}: {line:.40?} is not allowed: a finite number", at + 1))
    };
    lines.map(value).collect::<Result<_, _>>().map(Some)
}

fn pulled(args: &Args) -> Result<Vec<Group>, Failure> {
    let config = files::read_companion_config(&args.config)?;
    let names: Vec<String> = args.section.iter().cloned().collect();
    let sections = replay::chosen(&args.config, &config, &names, false)?;
    let range = args.range.window(replay::settled(&config), Some(DAY_S))?;
    let api = datadog::connect(&pull::datadog_settings(&config)?)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let asked = Arc::new(StopAndReload::default());
    pull::listen(asked.clone(), None)?;
    let (env, counters, bar) = (Native::new(asked), Counters::default(), Bar::new(&sections, range));
    let watched = Watched { api: &*api, bar: &bar, at: Default::default(), from: range.from };
    let mut collect = Collect::default();
    let settings = replay::pull_settings(&config, range);
    let prefix = format!("{}.", settings.tag_prefix);
    let done = replay::pull_range(settings, sections.clone(), &watched, &mut collect, &env, &bar, &counters);
    bar.clear();
    done?;
    let mut groups = Vec::new();
    for section in sections {
        let mut series = collect.tags.remove(&format!("{prefix}{}", section.name)).unwrap_or_default();
        let one_model = config
            .sections
            .iter()
            .any(|known| known.title() == format!("datadog.{}", section.name) && known.source.is_some());
        if series.is_empty() {
            let why = "there are no points in that range";
            return Err(Failure::Failed(format!("datadog.{}: {why}", section.name)));
        }
        let series = if one_model {
            vec![(String::new(), series.remove(ALL).unwrap_or_default())]
        } else {
            series.remove(ALL);
            series.into_iter().collect()
        };
        groups.push(Group { section: Some(format!("datadog.{}", section.name)), series });
    }
    Ok(groups)
}

/// All scopes, in the order in which one model for the section learns them.
const ALL: &str = "";

/// Keeps values by tag and scope.
#[derive(Default)]
struct Collect {
    tags: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
}

impl RecordSink for Collect {
    fn deliver(
        &mut self,
        tag: &str,
        records: &mut dyn Iterator<Item = MetricRecord<'_>>,
        acknowledged: &mut dyn FnMut(usize),
    ) -> Result<(), SinkError> {
        let scopes = self.tags.entry(tag.to_owned()).or_default();
        let mut count = 0;
        for record in records {
            for scope in [record.scope, ALL] {
                match scopes.get_mut(scope) {
                    Some(values) => values.push(record.raw_value),
                    None => drop(scopes.insert(scope.to_owned(), vec![record.raw_value])),
                }
            }
            count += 1;
        }
        acknowledged(count);
        Ok(())
    }
}
