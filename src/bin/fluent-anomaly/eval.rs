//! `eval`: series through the pipeline that ships, judged by labelled windows.

mod judge;
pub(crate) mod labels;
mod report;
mod series;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fluent_anomaly::detectors::AlarmBudget;
use fluent_anomaly::records::Accessor;
use fluent_anomaly::sources::series_file::Layout;
use fluent_anomaly::{
    Config,
    configuration::{Journal, Section, SectionKind, TagPattern},
};

use crate::failure::Failure;
use crate::files;
use crate::history::Columns;

/// Stream labelled or unlabelled series through the pipeline: alarms, hits, misses, delay, false alarms.
///
/// Each file is one run of a fresh pipeline over its rows in their order, without a look ahead: CSV with the columns
/// timestamp and value (`YYYY-MM-DD hh:mm:ss` in UTC, or seconds since 1970; a header is optional), JSON lines with
/// such fields, and whatever else `report` reads. Columns with texts name series.
///
/// An alarm counts once, from its start to its last alarming point. It is a hit of each labelled window in which one
/// of its points lies, and a false alarm when none of them lies in any; delay is counted from a window's start.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  fluent-anomaly eval --input data --labels labels/combined_windows.json --scores out\n\nExit status: 0 fine, 1 failed, 2 wrong usage, configuration or input."
)]
pub(crate) struct Args {
    /// A file, or a folder whose files (.csv, .tsv, .json, .jsonl, .ndjson, .log, .gz, .zst) are all read
    #[arg(value_name = "FILE", required_unless_present = "input", conflicts_with = "input")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long)]
    input: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// JSON map of relative path to labelled windows, `{"folder/file.csv": [["start", "end"], ...]}`
    #[arg(short, long)]
    labels: Option<PathBuf>,
    /// Take the settings of a section from this configuration file; otherwise k 7 and one alarm a week
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// The section whose settings are taken, such as `latency`; otherwise the first
    #[arg(long, requires = "config")]
    section: Option<String>,
    /// Write for each file a CSV of the same relative path: timestamp,value,anomaly_score
    #[arg(short, long)]
    scores: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs: one JSON object
    Json,
}

const DEFAULT: &str = "[filter]\nalarms: 1/week\n[series.eval]\nmatch: eval\nvalue: $value\nk: 7\n";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (config, layout) = settings(args)?;
    let budget = config.sections.first().and_then(|section| section.alarms).unwrap_or(AlarmBudget::WEEKLY);
    let input = args.file.as_deref().or(args.input.as_deref()).unwrap_or(Path::new("-"));
    let files = series::files(input)?;
    let labels = args.labels.as_deref().map(|path| labels::read(path, "--labels")).transpose()?;
    let mut judged = Vec::new();
    for (path, name) in &files {
        let windows = labels.as_ref().map(|labels| labels.of(name, files.len() == 1));
        let rows = series::read(path, layout.clone())?;
        for note in &rows.notes {
            tell!("{}: {note}", path.display());
        }
        let results = judge::score(&config, &rows.points);
        if let Some(folder) = &args.scores {
            write_scores(&folder.join(name), &rows, &results)?;
        }
        judged.push(judge::File::new(name, &rows.points, &results, windows));
    }
    let absent = labels.map_or(0, |labels| labels.not_among(files.iter().map(|(_, name)| &name[..])));
    let text = match args.format {
        Output::Text => report::text(&judged, absent, budget),
        Output::Json => report::json(&judged, absent).to_string() + "\n",
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// The settings of one section, over records of our own.
fn settings(args: &Args) -> Result<(Config, Layout), Failure> {
    let mut config = match &args.config {
        Some(path) => files::read_config(path)?,
        None => Config::parse("built-in", DEFAULT)
            .map_err(|error| Failure::of("built-in configuration", error))?,
    };
    let wanted = |section: &&Section| {
        args.section.as_ref().is_none_or(|name| *name == section.name || *name == section.title())
    };
    let Some(mut section) = config.sections.iter().find(wanted).cloned() else {
        let names: Vec<String> = config.sections.iter().map(Section::title).collect();
        let given = args.section.as_deref().unwrap_or_default();
        return Err(Failure::Usage(format!("--section {given}: there is only {}", names.join(", "))));
    };
    if !section.anomaly_score || section.alarms.is_none() {
        return Err(Failure::Usage(format!(
            "[{}] raises no alarms: set `alarms: 1/week`, and `anomaly_score: on`, there or in [filter]",
            section.title()
        )));
    }
    let layout = args.columns.layout(args.config.is_some().then_some(&section));
    let field = |name: &str| Accessor::parse(name).map_err(|error| Failure::of("built-in field", error));
    section.kind = SectionKind::Series;
    section.tags = TagPattern::exactly(judge::TAG);
    section.value = field("value")?;
    section.by = vec![field("series")?];
    (section.source, section.time) = (None, None);
    section.prefix.clear();
    config.sections = vec![section];
    config.monitors.clear();
    config.filter.state = None;
    config.filter.journal = Journal::Record;
    Ok((config, layout))
}

/// One row a row; those without a score have 0.
fn write_scores(path: &Path, rows: &series::Rows, results: &[judge::Scored]) -> Result<(), Failure> {
    let mut text = String::from("timestamp,value,anomaly_score\n");
    let mut scored = results.iter().peekable();
    for (line, stamp, value) in &rows.stated {
        let result = scored.next_if(|result| result.line == *line);
        let score = result.and_then(|result| result.score).unwrap_or(0.0);
        text += &format!("{stamp},{value},{score}\n");
    }
    let path = &path.with_extension("csv");
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::of(path.display(), error))
}
