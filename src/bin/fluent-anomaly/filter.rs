//! `filter`: records from stdin or a file, scored to stdout; for Fluentd's `exec_filter` and for the shell.

mod figures;
mod file;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use figures::Figures;
use file::FileRecords;
use fluent_anomaly::records::{Accessor, Extractor, Field, Found, Output, Value};
use fluent_anomaly::sources::series_file::{self, Form};
use fluent_anomaly::{Config, Format, Pipeline, Time, Unconfigured, WindowRecord};

use crate::address;
use crate::failure::Failure;
use crate::files;
use crate::record_reader::{NextRecord, RecordReader};
use crate::stdin::{Input, InputEvent};
use crate::system_clock::SystemClock;
use crate::utc;

/// Score records: from standard input to standard output, in the same order and the same format.
///
/// Every record that comes in goes out; what cannot be scored is left as it came. Output is flushed whenever
/// input pauses. Standard input holds JSON lines, an array of objects or msgpack, as it is or packed with gzip or zstd.
/// A FILE may be all that `eval` and `report` read: CSV, logfmt, InfluxDB lines, answers of Prometheus; its rows come out
/// as JSON lines, in the order of time. With SIGTERM or Ctrl-C what was read is still answered and the state saved, within 5 s. With
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

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut log = Log::open(args.log.as_deref())?;
    let outcome = score(args, &mut log);
    if let (Err(failure), Some(_)) = (&outcome, &log.file) {
        log.say(failure.text());
    }
    outcome
}

fn score(args: &Args, log: &mut Log) -> Result<(), Failure> {
    if is_closed_stdout() {
        return Err(Failure::Failed("output: standard output is closed".into()));
    }
    let mut envelope = Envelope::new(args)?;
    let format = args.format();
    let scorer = match open(args) {
        Ok((pipeline, tag)) => {
            if let Some(tag) = tag {
                log.say(&format!(
                    "records count with the tag {tag}, which the first section matches; --tag names another"
                ));
                envelope.fallback = tag.into_bytes();
            }
            Scorer::Pipeline(Box::new(pipeline))
        }
        // nobody sees why the child of an exec_filter ends, and it would be started again at once
        Err(failure) if args.tag_key.is_some() => Scorer::passing(&failure, format, log),
        Err(failure) => return Err(failure),
    };
    let figures = Figures::new(
        args.metrics,
        config_of(args).ok().and_then(|config| files::state_path(&args.config, &config)),
    )?;
    let mut worker = Worker {
        figures,
        args,
        log,
        scorer,
        envelope,
        frames: RecordReader::new(format),
        record: Vec::new(),
        output: Vec::new(),
        begin: Vec::new(),
        has_looked: false,
    };
    if let Some(path) = args.path() {
        let by = config_of(args).map(|config| by(&config)).unwrap_or_default();
        let file = file::read(path, args.time_key.as_deref(), &by)?;
        let outcome = worker.score_file(file);
        worker.figures.end();
        worker.settle();
        worker.tell_unscored();
        return outcome;
    }
    let input = Input::start().map_err(|error| Failure::of("standard input", error))?;
    let outcome = worker.work(&input);
    worker.figures.end();
    worker.settle();
    worker.tell_unscored();
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
    let field = |name: &String| match name.starts_with('$') {
        true => name.clone(),
        false => format!("$['{}']", name.replace('\'', "''")),
    };
    let by: Vec<String> = args.by.iter().map(field).collect();
    let text = format!(
        "[filter]\nstate: off\nalarms: 1/day\n[series.value]\nmatch: *\nvalue: {}\nby: {}\n",
        field(value),
        by.join(", ")
    );
    Config::parse("--value and --by", &text).map_err(|error| Failure::Usage(error.to_string()))
}

/// Fields that name series anywhere in a configuration.
fn by(config: &Config) -> Vec<String> {
    config.sections.iter().flat_map(|section| &section.by).map(ToString::to_string).collect()
}

/// The pipeline, and the tag for records without one where that is not `stdin` or what was asked for.
fn open(args: &Args) -> Result<(Pipeline, Option<String>), Failure> {
    let config = config_of(args)?;
    let storage = files::open_state(&args.config, &config)?;
    let tag = match (&args.tag, &args.tag_key) {
        (None, None) => matched_tag(&config),
        _ => None,
    };
    let mut pipeline = Pipeline::new(&config, args.format(), storage).with_clock(SystemClock);
    pipeline.make_window_records();
    Ok((pipeline, tag))
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

/// What is said: standard error, or a file.
struct Log {
    file: Option<File>,
}

impl Log {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|error| Failure::Usage(format!("--log: {}: {error}", path.display())))
        };
        Ok(Self { file: path.map(open).transpose()? })
    }

    fn say(&mut self, line: &str) {
        match &mut self.file {
            // a full disk is no reason to stop scoring
            Some(file) => drop(writeln!(file, "{} fluent-anomaly: {line}", utc::text(utc::now()))),
            None => eprintln!("fluent-anomaly: {line}"),
        }
    }
}

/// Scores records, or says in each why it is not scored.
enum Scorer {
    Pipeline(Box<Pipeline>),
    Passing {
        records: Box<Unconfigured>,
        /// When the file was read last.
        tried: Instant,
    },
}

/// How often a file that is wrong is read again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl Scorer {
    fn passing(failure: &Failure, format: Format, log: &mut Log) -> Self {
        let mut message = failure.text().to_owned();
        if message.starts_with("state: ") {
            message += "; one child is wanted: `num_children 1` in Fluentd's exec_filter";
        }
        log.say(&format!("records pass unscored: {message}"));
        Self::Passing { records: Box::new(Unconfigured::new(&message, format)), tried: Instant::now() }
    }

    fn process(&mut self, tag: &[u8], time: Time, record: &mut Vec<u8>) {
        match self {
            Self::Pipeline(pipeline) => {
                pipeline.process(tag, time, record);
            }
            Self::Passing { records, .. } => records.process(record),
        }
    }
}

struct Worker<'a> {
    args: &'a Args,
    log: &'a mut Log,
    scorer: Scorer,
    envelope: Envelope,
    frames: RecordReader,
    record: Vec<u8>,
    output: Vec<u8>,
    /// The first bytes of standard input.
    begin: Vec<u8>,
    figures: Figures,
    /// Whether the first lines have been looked at.
    has_looked: bool,
}

/// Tag of records where nothing names one.
const DEFAULT_TAG: &str = "stdin";
/// Bytes after which scored records are written.
const PIECE: usize = 256 << 10;
/// First bytes of standard input that are kept.
const BEGIN: usize = 4096;

impl Worker<'_> {
    fn work(&mut self, input: &Input) -> Result<(), Failure> {
        loop {
            match input.next() {
                InputEvent::Bytes(bytes) => {
                    let room = BEGIN.saturating_sub(self.begin.len()).min(bytes.len());
                    self.begin.extend_from_slice(bytes.get(..room).unwrap_or_default());
                    if !self.has_looked && self.begin.contains(&b'\n') {
                        self.has_looked = true;
                        self.tell_unused_time();
                    }
                    self.frames.push(&bytes);
                }
                InputEvent::Failed(error) => return Err(Failure::of("standard input", error)),
                InputEvent::End => {
                    self.frames.finish();
                    self.answer()?;
                    return Ok(());
                }
            }
            self.answer()?;
        }
    }

    /// Scores all records that are complete, and writes them before more input is waited for.
    fn answer(&mut self) -> Result<(), Failure> {
        self.look_again();
        loop {
            match self.frames.next(&mut self.record) {
                NextRecord::Record => {
                    self.envelope.process(&mut self.scorer, &mut self.record);
                    self.output.extend_from_slice(&self.record);
                    self.frames.end_of_record(&mut self.output);
                    self.add_windows();
                }
                NextRecord::Through(why) => {
                    if let Some(why) = why {
                        self.log.say(&why);
                    }
                    self.output.extend_from_slice(&self.record);
                }
                NextRecord::More => break,
            }
            if self.output.len() >= PIECE {
                self.write()?;
            }
        }
        self.write()?;
        self.settle();
        Ok(())
    }

    /// Closed windows become records of their own, behind the one that closed them.
    fn add_windows(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        while let Some(window) = pipeline.take_window_record() {
            self.record.clone_from(&window.record);
            self.envelope.address(&window, &mut self.record);
            self.output.extend_from_slice(&self.record);
            self.frames.end_of_record(&mut self.output);
        }
    }

    /// A file that was wrong may have been mended.
    fn look_again(&mut self) {
        let Scorer::Passing { tried, .. } = &mut self.scorer else { return };
        if tried.elapsed() < TRY_AGAIN {
            return;
        }
        *tried = Instant::now();
        if let Ok((pipeline, _)) = open(self.args) {
            self.log.say("the configuration can be used: records are scored");
            self.scorer = Scorer::Pipeline(Box::new(pipeline));
        }
    }

    /// Scores the records of a file.
    fn score_file(&mut self, file: FileRecords) -> Result<(), Failure> {
        for note in &file.notes {
            self.log.say(note);
        }
        for (time, mut record) in file.records {
            self.envelope.process_at(time, &mut self.scorer, &mut record);
            self.output.append(&mut record);
            self.output.push(b'\n');
            if self.output.len() >= PIECE {
                self.write()?;
            }
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let outcome = stdout.write_all(&self.output).and_then(|()| stdout.flush());
        self.output.clear();
        outcome.map_err(|error| match error.kind() {
            // its reader knows, but records are lost
            io::ErrorKind::BrokenPipe => Failure::Said,
            _ => Failure::of("output", error),
        })
    }

    /// Says that records have a time of long ago, and that it does not count.
    fn tell_unused_time(&mut self) {
        if self.args.time_key.is_some() || self.args.tag_key.is_some() || self.args.format() != Format::Json {
            return;
        }
        let Ok(config) = config_of(self.args) else { return };
        let Some(lines) = self.begin.iter().rposition(|&byte| byte == b'\n') else { return };
        let Some((name, time)) = self.begin.get(..lines).and_then(file::usual_time) else { return };
        let is_read = config.sections.iter().all(|section| section.time.is_some());
        if !is_read && time.seconds().abs_diff(utc::now()) > 3600 {
            self.log.say(&format!(
                "records count with the time of their arrival, not with their `{name}`, {}: --time {name} takes that",
                utc::text(time.seconds())
            ));
        }
    }

    /// Says which records were not scored, and why.
    fn tell_unscored(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.tell_unscored();
        for line in pipeline.take_log() {
            self.log.say(&line);
        }
        let counters = pipeline.counters();
        let is_json = self.args.format() == Format::Json;
        if is_json && counters.records > 0 && counters.malformed == counters.records {
            let form = series_file::form(&self.begin);
            if form != Form::Json {
                self.log.say(&format!(
                    "standard input looks like {}, and JSON lines are wanted: `filter --input -` reads it as such",
                    form.name()
                ));
            }
        }
    }

    /// Writes the state, and says what there is to say.
    fn settle(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.flush();
        if let Some(error) = self.figures.update(pipeline) {
            self.log.say(&error);
        }
        for line in pipeline.take_log() {
            self.log.say(&line);
        }
    }
}

/// Tag and time as Fluentd puts them into a record.
struct Envelope {
    extractor: Extractor,
    found: Found,
    tag_input: Option<usize>,
    time_input: Option<usize>,
    fallback: Vec<u8>,
    prefix: Option<String>,
    tag: Vec<u8>,
}

impl Envelope {
    fn new(args: &Args) -> Result<Self, Failure> {
        let mut inputs = Vec::new();
        let mut input = |flag: &str, name: &Option<String>| -> Result<Option<usize>, Failure> {
            let Some(name) = name else { return Ok(None) };
            inputs.push(Accessor::parse(name).map_err(|error| Failure::Usage(format!("{flag}: {error}")))?);
            Ok(Some(inputs.len() - 1))
        };
        let tag_input = input("--tag-key", &args.tag_key)?;
        let time_input = input("--time-key", &args.time_key)?;
        let outputs: Vec<Output> = args
            .tag_key
            .iter()
            .chain(&args.time_key)
            .map(|name| Output { name: name.trim_start_matches('$').to_owned(), constant: None })
            .collect();
        Ok(Self {
            extractor: Extractor::new(args.format(), &inputs, &outputs),
            found: Found::default(),
            tag_input,
            time_input,
            fallback: args.tag.as_deref().unwrap_or(DEFAULT_TAG).as_bytes().to_vec(),
            prefix: args.add_tag_prefix.clone(),
            tag: Vec::new(),
        })
    }

    /// Writes tag and time into a record that did not come in.
    fn address(&mut self, window: &WindowRecord, record: &mut Vec<u8>) {
        let tag = [self.prefix.as_deref().unwrap_or_default(), window.tag.as_str()].concat();
        let mut fields = Vec::new();
        if self.tag_input.is_some() {
            fields.push((fields.len(), Field::Text(&tag)));
        }
        if self.time_input.is_some() {
            fields.push((fields.len(), Field::Integer(window.time.seconds())));
        }
        if self.extractor.scan(record, &mut self.found).is_ok() {
            self.extractor.annotate(record, &self.found, &fields);
        }
    }

    fn process(&mut self, scorer: &mut Scorer, record: &mut Vec<u8>) {
        self.process_at(None, scorer, record);
    }

    /// `time` goes before that of the record, and that before the time of arrival.
    fn process_at(&mut self, mut time: Option<Time>, scorer: &mut Scorer, record: &mut Vec<u8>) {
        self.tag.clear();
        if (self.tag_input.is_some() || self.time_input.is_some())
            && self.extractor.scan(record, &mut self.found).is_ok()
        {
            if let Some(Value::Text(tag)) = self.tag_input.and_then(|n| self.found.value(record, n)) {
                tag.append_to(&mut self.tag);
            }
            let given = self.time_input.and_then(|n| self.found.value(record, n));
            time = time.or_else(|| given.and_then(file::moment));
        }
        let had_tag = !self.tag.is_empty();
        if !had_tag {
            self.tag.extend_from_slice(&self.fallback);
        }
        scorer.process(&self.tag, time.unwrap_or_else(now), record);
        if let Some(prefix) = &self.prefix
            && had_tag
            && self.extractor.scan(record, &mut self.found).is_ok()
        {
            let tag = format!("{prefix}{}", String::from_utf8_lossy(&self.tag));
            self.extractor.annotate(record, &self.found, &[(0, Field::Text(&tag))]);
        }
    }
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
