//! `filter`: records from stdin or a file, scored to stdout; for Fluentd's `exec_filter` and for the shell.

mod envelope;
mod figures;
pub(crate) mod file;
mod log;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use envelope::Envelope;
use figures::Figures;
use fluent_anomaly::configuration::field_accessor;
use fluent_anomaly::{Config, Format, Pipeline};
use log::Log;
use worker::{Scorer, Worker};

use crate::address;
use crate::failure::{Failure, guarded};
use crate::files;
use crate::stdin::Input;
use crate::system_clock::SystemClock;

/// Score records: from standard input to standard output, in the same order and the same format.
///
/// Every record that comes in goes out; what cannot be scored is left as it came. Output is flushed whenever
/// input pauses. Standard input holds JSON lines, an array of objects or msgpack, as it is or packed with gzip or zstd.
/// A FILE may be all that `eval` and `report` read: CSV, logfmt, InfluxDB lines, answers of Prometheus; its rows come out
/// as JSON lines, in the order of time. With SIGTERM, SIGHUP or Ctrl-C what was read is still answered and the state saved, within 5 s. With
/// `--tag-key` (Fluentd's exec_filter, which shows no standard error) a wrong configuration does not end the command:
/// records pass with `anomaly_error` until the file is mended.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    echo '{\"service\":\"a\",\"latency_ms\":12.5}' | fluent-anomaly filter -c fluent-config/fluent-anomaly.ini --tag app.web\n  \
    fluent-anomaly filter -c fluent-anomaly.ini history.csv.gz\n  \
    fluent-anomaly filter --value latency_ms --by service app.log         (without a configuration)\n  \
    fluent-anomaly filter --tag-key fluent_tag --time-key fluent_time     (in Fluentd's exec_filter)\n\n\
    Exit status: 0 all output is written, 1 some is lost or input cannot be read, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// A file in place of standard input; `-`: standard input, read to its end as a file
    #[arg(value_name = "FILE", conflicts_with = "input")]
    file: Option<PathBuf>,
    /// The same
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// How records are written, in and out
    #[arg(long, value_enum, default_value_t = Wire::Json)]
    format: Wire,
    /// Tag of records that do not carry one [default: stdin, or where no section matches it, one that the first matches]
    #[arg(long)]
    tag: Option<String>,
    /// Field that holds the tag of a record, e.g. fluent_tag
    #[arg(long, value_name = "FIELD")]
    tag_key: Option<String>,
    /// Field that holds the time of a record, e.g. fluent_time: a number of any unit since 1970, or a date [default: the
    /// time of arrival; of a file the field time, timestamp, ts, @timestamp, ...]
    #[arg(long, visible_alias = "time", value_name = "FIELD")]
    time_key: Option<String>,
    /// Score this field by itself, without a configuration and without state: one alarm a day and series
    #[arg(long, value_name = "FIELD", conflicts_with = "config")]
    value: Option<String>,
    /// Fields that name a series, with --value
    #[arg(long, value_name = "FIELD", value_delimiter = ',', requires = "value")]
    by: Vec<String>,
    /// Put this in front of the tag of every record, so that Fluentd routes the answer elsewhere
    #[arg(long, value_name = "PREFIX", requires = "tag_key")]
    add_tag_prefix: Option<String>,
    /// Serve the filter's figures as OpenMetrics at http://ADDRESS/metrics; the state folder has them in metrics.prom
    #[arg(long, value_name = "ADDRESS", value_parser = address::parse)]
    metrics: Option<SocketAddr>,
    /// File for what would go to standard error; it is appended to
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wire {
    /// One JSON object a line
    Json,
    /// msgpack maps, one behind the other
    Msgpack,
}

impl Wire {
    fn format(self) -> Format {
        match self {
            Wire::Json => Format::Json,
            Wire::Msgpack => Format::Msgpack,
        }
    }
}

/// Tag of records where nothing names one.
const DEFAULT_TAG: &str = "stdin";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut log = Log::open(args.log.as_deref())?;
    // of a panic the log has a line too: nobody sees the standard error of an exec_filter's child
    let outcome = guarded(|| score(args, &mut log));
    if let (Err(failure), true) = (&outcome, log.is_file()) {
        log.say(failure.text());
    }
    outcome
}

fn score(args: &Args, log: &mut Log) -> Result<(), Failure> {
    if is_closed_stdout() {
        return Err(Failure::Failed("output: standard output is closed".into()));
    }
    let mut envelope = Envelope::new(args)?;
    let config = config_of(args);
    let by = config.as_ref().map(by).unwrap_or_default();
    let reads_time =
        config.as_ref().is_ok_and(|config| config.sections.iter().all(|section| section.time.is_some()));
    let mut state = None;
    let scorer = match config.and_then(|config| open(args, &config)) {
        Ok(opened) => {
            if let Some(tag) = opened.tag {
                log.say(&format!(
                    "records count with the tag {tag}, which the first section matches; --tag names another"
                ));
                envelope.fallback = tag.into_bytes();
            }
            state = opened.state;
            Scorer::Pipeline(Box::new(opened.pipeline))
        }
        // nobody sees why the child of an exec_filter ends, and it would be started again at once
        Err(failure) if args.tag_key.is_some() => Scorer::passing(&failure, args.format(), log),
        Err(failure) => return Err(failure),
    };
    let mut figures = Figures::new(args.metrics)?;
    figures.write_into(state);
    let mut worker = Worker::new(args, log, scorer, envelope, figures, reads_time);
    let outcome = match args.path() {
        Some(path) => worker.score_file(file::read(path, args.time_key.as_deref(), &by)?),
        None => {
            let input = Input::start().map_err(|error| Failure::of("standard input", error))?;
            worker.score_input(&input)
        }
    };
    worker.finish();
    outcome
}

impl Args {
    fn path(&self) -> Option<&Path> {
        self.file.as_deref().or(self.input.as_deref())
    }

    /// Rows of a file are JSON, whatever it is.
    fn format(&self) -> Format {
        if self.path().is_some() { Format::Json } else { self.format.format() }
    }
}

fn config_of(args: &Args) -> Result<Config, Failure> {
    let Some(value) = &args.value else { return files::read_config(&args.config) };
    for (flag, name) in [("--value", value)].into_iter().chain(args.by.iter().map(|name| ("--by", name))) {
        if name.trim().is_empty() {
            return Err(Failure::Usage(format!(
                "{flag}: {name:?} is not allowed: a field such as $latency_ms or latency_ms"
            )));
        }
        field_accessor(&file::field(name)).map_err(|error| Failure::Usage(format!("{flag}: {error}")))?;
    }
    let by: Vec<String> = args.by.iter().map(|name| file::field(name)).collect();
    let (value, unit) = match args.path() {
        Some(path) if path != Path::new("-") => file::value_column(path, value)?,
        _ => (value.clone(), None),
    };
    let unit = unit.map_or(String::new(), |unit| format!("unit: {unit}\n"));
    let text = format!(
        "[filter]\nstate: off\nalarms: 1/day\n[series.value]\nmatch: *\nvalue: {}\nby: {}\n{unit}",
        file::field(&value),
        by.join(", ")
    );
    Config::parse("--value and --by", &text).map_err(|error| Failure::Usage(error.to_string()))
}

/// Fields that name series anywhere in a configuration.
fn by(config: &Config) -> Vec<String> {
    config.sections.iter().flat_map(|section| &section.by).map(ToString::to_string).collect()
}

/// What a configuration leads to.
struct Opened {
    pipeline: Pipeline,
    /// The tag for records without one, where that is not `stdin` or what was asked for.
    tag: Option<String>,
    /// The state folder.
    state: Option<PathBuf>,
}

fn open(args: &Args, config: &Config) -> Result<Opened, Failure> {
    let storage = files::open_state(&args.config, config)?;
    let tag = match (&args.tag, &args.tag_key) {
        (None, None) => matched_tag(config),
        _ => None,
    };
    let mut pipeline = Pipeline::new(config, args.format(), storage).with_clock(SystemClock);
    pipeline.make_window_records();
    Ok(Opened { pipeline, tag, state: files::state_path(&args.config, config) })
}

/// A tag that the first section matches, where none matches `stdin`.
fn matched_tag(config: &Config) -> Option<String> {
    if config.sections.iter().any(|section| section.tags.matches(DEFAULT_TAG.as_bytes())) {
        return None;
    }
    let first = config.sections.first()?;
    let patterns = first.tags.to_string();
    let tag = patterns.split_whitespace().next()?.replace('*', "x");
    first.tags.matches(tag.as_bytes()).then_some(tag)
}

/// Whether standard output was closed before the start (`>&-`): the runtime then puts the null device there, open for
/// reading too, which no shell does.
fn is_closed_stdout() -> bool {
    use rustix::fs::{OFlags, fcntl_getfl};
    let is_null = std::fs::read_link("/proc/self/fd/1").is_ok_and(|path| path == Path::new("/dev/null"));
    is_null && fcntl_getfl(io::stdout()).is_ok_and(|flags| flags.contains(OFlags::RDWR))
}
