//! `filter`: records from stdin, scored to stdout; for Fluentd's `exec_filter` and for the shell.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use fluent_anomaly::{
    Format,
    records::{Accessor, Extractor, Field, Found, Output, Value},
};

use crate::failure::Failure;
use crate::files;
use crate::record_reader::{NextRecord, RecordReader};
use crate::stdin::{Input, InputEvent};
use crate::system_clock::SystemClock;

/// Score records: from standard input to standard output, in the same order and the same format.
///
/// Every record that comes in goes out; what cannot be scored is left as it came. Output is flushed whenever
/// input pauses. With SIGTERM or Ctrl-C what was read is still answered and the state saved.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    echo '{\"service\":\"a\",\"latency_ms\":12.5}' | fluent-anomaly filter -c fluent-config/fluent-anomaly.ini --tag app.web\n  \
    fluent-anomaly filter --tag-key fluent_tag --time-key fluent_time     (in Fluentd's exec_filter)")]
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
    let config = files::read_config(&args.config)?;
    let envelope = Envelope::new(args)?;
    let storage = files::open_state(&args.config, &config)?;
    let format = args.format.format();
    let mut worker = Worker {
        pipeline: Pipeline::new(&config, format, storage).with_clock(SystemClock),
        envelope,
        frames: RecordReader::new(format),
        record: Vec::new(),
        output: Vec::new(),
    };
    let input = Input::start().map_err(|error| Failure::of("standard input", error))?;
    let outcome = worker.work(&input);
    worker.pipeline.flush();
    worker.pipeline.tell_unscored();
    worker.log();
    outcome
}

struct Worker {
    pipeline: Pipeline,
    envelope: Envelope,
    frames: RecordReader,
    record: Vec<u8>,
    output: Vec<u8>,
}

impl Worker {
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
        loop {
            match self.frames.next(&mut self.record) {
                NextRecord::Record => {
                    self.envelope.process(&mut self.pipeline, &mut self.record);
                    self.output.extend_from_slice(&self.record);
                    self.frames.end_of_record(&mut self.output);
                }
                NextRecord::Through(why) => {
                    if let Some(why) = why {
                        eprintln!("fluent-anomaly: {why}");
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
        self.pipeline.flush();
        self.log();
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let outcome = stdout.write_all(&self.output).and_then(|()| stdout.flush());
        self.output.clear();
        outcome.map_err(|error| Failure::output(&error))
    }

    fn log(&mut self) {
        for line in self.pipeline.take_log() {
            eprintln!("fluent-anomaly: {line}");
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

    fn process(&mut self, pipeline: &mut Pipeline, record: &mut Vec<u8>) {
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
        pipeline.process(&self.tag, time.unwrap_or_else(now), record);
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
