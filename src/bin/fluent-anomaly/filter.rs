//! `filter`: records from stdin, scored to stdout; for Fluentd's `exec_filter` and for the shell.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use fluent_anomaly::records::{Accessor, Extractor, Field, Found, Output, Value};
use fluent_anomaly::{Format, Pipeline, Time, Unconfigured, WindowRecord};

use crate::failure::Failure;
use crate::files;
use crate::record_reader::{NextRecord, RecordReader};
use crate::stdin::{Input, InputEvent};
use crate::system_clock::SystemClock;
use crate::utc;

/// Score records: from standard input to standard output, in the same order and the same format.
///
/// Every record that comes in goes out; what cannot be scored is left as it came. Output is flushed whenever
/// input pauses. With SIGTERM or Ctrl-C what was read is still answered and the state saved, within 5 s. With
/// `--tag-key` (Fluentd's exec_filter, which shows no standard error) a wrong configuration does not end the command:
/// records pass with `anomaly_error` until the file is mended.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    echo '{\"service\":\"a\",\"latency_ms\":12.5}' | fluent-anomaly filter -c fluent-config/fluent-anomaly.ini --tag app.web\n  \
    fluent-anomaly filter --tag-key fluent_tag --time-key fluent_time     (in Fluentd's exec_filter)\n\n\
    Exit status: 0 all output is written, 1 some is lost or input cannot be read, 2 wrong usage or configuration.")]
pub(crate) struct Args {
    /// The configuration file
    #[arg(short, long, default_value_os_t = files::default_config())]
    config: PathBuf,
    /// How records are written, in and out
    #[arg(long, value_enum, default_value_t = Wire::Json)]
    format: Wire,
    /// Tag of records that do not carry one
    #[arg(long, default_value = "stdin")]
    tag: String,
    /// Field that holds the tag of a record, e.g. fluent_tag
    #[arg(long, value_name = "FIELD")]
    tag_key: Option<String>,
    /// Field that holds the time of a record in seconds, e.g. fluent_time; otherwise the time of arrival counts
    #[arg(long, value_name = "FIELD")]
    time_key: Option<String>,
    /// Put this in front of the tag of every record, so that Fluentd routes the answer elsewhere
    #[arg(long, value_name = "PREFIX", requires = "tag_key")]
    add_tag_prefix: Option<String>,
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
    let envelope = Envelope::new(args)?;
    let format = args.format.format();
    let scorer = match open(args) {
        Ok(pipeline) => Scorer::Pipeline(Box::new(pipeline)),
        // nobody sees why the child of an exec_filter ends, and it would be started again at once
        Err(failure) if args.tag_key.is_some() => Scorer::passing(&failure, format, log),
        Err(failure) => return Err(failure),
    };
    let mut worker = Worker {
        args,
        log,
        scorer,
        envelope,
        frames: RecordReader::new(format),
        record: Vec::new(),
        output: Vec::new(),
    };
    let input = Input::start().map_err(|error| Failure::of("standard input", error))?;
    let outcome = worker.work(&input);
    worker.settle();
    worker.tell_unscored();
    outcome
}

fn open(args: &Args) -> Result<Pipeline, Failure> {
    let config = files::read_config(&args.config)?;
    let storage = files::open_state(&args.config, &config)?;
    let mut pipeline = Pipeline::new(&config, args.format.format(), storage).with_clock(SystemClock);
    pipeline.make_window_records();
    Ok(pipeline)
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
}

impl Worker<'_> {
    fn work(&mut self, input: &Input) -> Result<(), Failure> {
        loop {
            match input.next() {
                InputEvent::Bytes(bytes) => self.frames.push(&bytes),
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
        const PIECE: usize = 256 << 10;
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
        if let Ok(pipeline) = open(self.args) {
            self.log.say("the configuration can be used: records are scored");
            self.scorer = Scorer::Pipeline(Box::new(pipeline));
        }
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

    /// Says which records were not scored, and why.
    fn tell_unscored(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.tell_unscored();
        for line in pipeline.take_log() {
            self.log.say(&line);
        }
    }

    /// Writes the state, and says what there is to say.
    fn settle(&mut self) {
        let Scorer::Pipeline(pipeline) = &mut self.scorer else { return };
        pipeline.flush();
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
            extractor: Extractor::new(args.format.format(), &inputs, &outputs),
            found: Found::default(),
            tag_input,
            time_input,
            fallback: args.tag.clone().into_bytes(),
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
        let mut time = None;
        self.tag.clear();
        if (self.tag_input.is_some() || self.time_input.is_some())
            && self.extractor.scan(record, &mut self.found).is_ok()
        {
            if let Some(Value::Text(tag)) = self.tag_input.and_then(|n| self.found.value(record, n)) {
                tag.append_to(&mut self.tag);
            }
            if let Some(Value::Number(seconds)) = self.time_input.and_then(|n| self.found.value(record, n)) {
                let exact = seconds.text().and_then(Time::from_seconds_text);
                time = exact.or_else(|| Time::from_seconds_f64(seconds.to_f64()));
            }
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
