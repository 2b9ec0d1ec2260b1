//! `demo`: the main job on a simulated fleet, and what was found of what was planted.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use fluent_anomaly::Config;
use fluent_anomaly::Counters;
use fluent_anomaly::Pipeline;
use fluent_anomaly::Time;
use fluent_anomaly::configuration::Section;
use fluent_anomaly::{
    Format,
    records::{Accessor, Extractor, Found, Value},
};

use crate::failure::Failure;
use crate::usage::whole;
use alarms::Alarms;
use fleet::Fleet;
use incidents::DAY;
use judge::Judge;
use progress::Progress;
use report::Report;
use sink::{Sink, Written};
use style::Style;

mod alarms;
mod fleet;
mod incidents;
mod judge;
#[cfg(feature = "report")]
mod page;
mod progress;
mod random;
mod report;
mod service_log;
mod sink;
mod style;

/// The configuration at work, in the format of every other one.
const CONFIG: &str = include_str!("demo/fluent-anomaly.ini");
/// More than anyone waits for.
const MAX_RECORDS: u64 = 100_000_000;

/// Score a simulated fleet: no files, keys or network needed.
///
/// Web servers count their requests each minute for some days. Spikes, drops, level shifts and changes of rhythm
/// are planted from the second day on. Every record goes through a configuration and the pipeline as in the filter;
/// the report compares what was found with what was planted. The same seed gives the same records and scores on
/// every machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly demo\n  \
    fluent-anomaly demo --hosts 20 --days 30 --no-write\n  \
    fluent-anomaly demo --logs\n  \
    fluent-anomaly demo --format json | jq '.incidents[] | select(.found == null)'")]
pub(crate) struct Args {
    /// Another seed is another fleet with other incidents
    #[arg(long, default_value_t = 1, value_parser = whole::<u64>(0, u64::MAX), allow_negative_numbers = true)]
    seed: u64,
    /// Servers
    #[arg(long, default_value_t = 6, value_parser = whole::<u32>(1, 10_000), allow_negative_numbers = true)]
    hosts: u32,
    /// Days of one-minute points; on the first one nothing is planted
    #[arg(long, default_value_t = 7, value_parser = whole::<u32>(2, 3650), allow_negative_numbers = true)]
    days: u32,
    /// The second act: log lines of three services, counted in windows; rate, errors, latency, a new kind of line, a silence
    #[arg(long, conflicts_with_all = ["hosts", "days"])]
    logs: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
    /// Folder for the scored records and the configuration; made if it is missing
    #[arg(short, long, value_name = "DIR", default_value = "demo-out")]
    output: PathBuf,
    /// Write no files
    #[arg(long, conflicts_with = "output")]
    no_write: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs: one JSON object
    Json,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.logs {
        let folder = (!args.no_write).then_some(args.output.as_path());
        let style = (args.format == Output::Text).then(Style::of_stdout);
        let text = service_log::act(args.seed, folder, style)?;
        return io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error));
    }
    let total = u64::from(args.hosts) * u64::from(args.days) * u64::from(DAY);
    if total > MAX_RECORDS {
        return Err(Failure::Usage(format!(
            "--hosts {} --days {}: {total} records are not allowed: at most {MAX_RECORDS}",
            args.hosts, args.days
        )));
    }
    let config =
        Config::parse(sink::CONFIG, CONFIG).map_err(|error| Failure::of("built-in configuration", error))?;
    let [section] = config.sections.as_slice() else {
        return Err(Failure::of("built-in configuration", "has to watch one series"));
    };
    let simulated = simulate(args, &config, section, total)?;
    let program = std::env::args().next().unwrap_or_else(|| "fluent-anomaly".to_owned());
    let report = Report {
        program: &program,
        seed: args.seed,
        hosts: args.hosts,
        days: args.days,
        section,
        judge: &simulated.judge,
        counters: simulated.counters,
        busy: simulated.busy,
        sample: simulated.sample.as_deref(),
        written: simulated.written.as_ref(),
    };
    let text = match args.format {
        Output::Text => report.text(Style::of_stdout()),
        Output::Json => report.json().to_string() + "\n",
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
    #[cfg(feature = "report")]
    if let Some(missing) = page::missing().filter(|_| simulated.written.is_some()) {
        tell!("report.html was not written: {missing}");
    }
    Ok(())
}

/// What came of the fleet's records.
struct Simulated {
    judge: Judge,
    counters: Counters,
    /// Time within [`Pipeline::process`].
    busy: Duration,
    /// The record with which the first incident was found.
    sample: Option<String>,
    written: Option<Written>,
}

/// Lets the pipeline score all records of the fleet, `total` of them, and writes what is wanted.
fn simulate(args: &Args, config: &Config, section: &Section, total: u64) -> Result<Simulated, Failure> {
    let mut scores = Scores::new(&section.annotation_names());
    let mut sink = if args.no_write { None } else { Some(Sink::create(&args.output, CONFIG)?) };
    let mut fleet = Fleet::new(args.seed, args.hosts, args.days);
    let mut alarms = Alarms::new(args.hosts);
    let mut judge = Judge::new(args.hosts, &fleet.incidents());
    let mut pipeline = Pipeline::new(config, Format::Json, None);
    let mut records = vec![Vec::new(); args.hosts as usize];
    let mut busy = Duration::ZERO;
    let mut sample = None;
    let progress = Progress::new(total);

    while let Some(minute) = fleet.next_minute(&mut records) {
        let time = Time::from_seconds(fleet::seconds(minute).into());
        let start = Instant::now();
        for record in &mut records {
            pipeline.process(fleet::TAG.as_bytes(), time, record);
        }
        busy += start.elapsed();
        for (host, record) in records.iter().enumerate() {
            let strengths = alarms.strengths(host, minute, scores.read(record));
            let found = judge.see(host, minute, strengths);
            if found && sample.is_none() {
                sample = Some(String::from_utf8_lossy(record).into_owned());
            }
        }
        if let Some(sink) = &mut sink {
            sink.write(&records)?;
        }
        progress.advance(args.hosts.into());
    }
    progress.finish();
    if let Some(sink) = &sink {
        sink.write_incidents(&fleet.incidents())?;
    }
    #[cfg_attr(not(feature = "report"), expect(unused_mut, reason = "only the page changes it"))]
    let mut written = sink.map(Sink::finish).transpose()?;
    #[cfg(feature = "report")]
    if let Some(written) = &mut written
        && page::missing().is_none()
    {
        let page = args.output.join(page::NAME);
        page::write(&page, args.seed, args.hosts, args.days, section)?;
        written.page = Some(page);
    }
    Ok(Simulated { judge, counters: pipeline.counters(), busy, sample, written })
}

/// Reads the scores back from a record, as whatever stands behind the filter would.
struct Scores {
    extractor: Extractor,
    found: Found,
}

impl Scores {
    fn new(annotations: &[String]) -> Self {
        let [outlier, change] =
            [1, 3].map(|n| annotations.get(n).and_then(|name| Accessor::parse(name).ok()));
        let inputs: Vec<Accessor> = [outlier, change].into_iter().flatten().collect();
        Self { extractor: Extractor::new(Format::Json, &inputs, &[]), found: Found::default() }
    }

    fn read(&mut self, record: &[u8]) -> [Option<f64>; 2] {
        if self.extractor.scan(record, &mut self.found).is_err() {
            return [None; 2];
        }
        [0, 1].map(|input| match self.found.value(record, input) {
            Some(Value::Number(number)) => Some(number.to_f64()),
            _ => None,
        })
    }
}
