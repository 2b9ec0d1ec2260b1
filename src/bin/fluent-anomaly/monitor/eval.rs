//! `monitor eval`: a monitor over history.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fluent_anomaly::monitors::{Backtest, BacktestEvent, Status};
use fluent_anomaly::monitors::{MonitorSpec, SharedBand};
use fluent_anomaly::sources::series_file::FileSeries;

use super::timeline::Timeline;
use super::{Output, timeline};
use crate::failure::Failure;
use crate::files;
use crate::utc;

/// Run a monitor over history: when it would have changed its state, and how much it would have found anomalous.
///
/// Each series is evaluated for itself, as the filter would, and time passes in its gaps. Records that are
/// annotated already are read like others.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    fluent-anomaly monitor eval cpu --config fluent-anomaly.ini --input history.csv\n  \
    fluent-anomaly monitor eval cpu -c fluent-anomaly.ini -i records.jsonl --bands bands.csv\n  \
    fluent-anomaly monitor eval cpu -c fluent-anomaly.ini -i history.csv --format json | jq '.series[].transitions'")]
pub(crate) struct Args {
    #[command(flatten)]
    one: super::One,
    #[command(flatten)]
    history: crate::history::History,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Output::Text)]
    format: Output,
    /// Write each point with its band as CSV: time, series, value, expected, lower, upper, is_anomaly, status (none without a band)
    #[arg(long, value_name = "FILE")]
    bands: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let config = files::read_config(&args.one.file.config)?;
    let monitor = super::named(&config, &args.one.file.config, &args.one.name)?;
    let file = args.history.read(config.sections.get(monitor.on))?;
    let mut bands = args.bands.as_deref().map(Bands::create).transpose()?;
    let shared = SharedBand::new(monitor.spec.clone());
    let until_s =
        file.series.iter().filter_map(|series| Some(series.points.last()?.time.seconds())).max().unwrap_or(0);
    let mut timelines = Vec::new();
    for series in &file.series {
        timelines.push(evaluate(&shared, &monitor.spec, series, until_s, bands.as_mut())?);
    }
    if let Some(bands) = bands {
        bands.finish()?;
    }
    let head = timeline::Head {
        monitor: &monitor.name,
        query: monitor.spec.query.to_string(),
        input: args.history.input().display().to_string(),
        passed_over: file.passed_over,
        warm_up_s: monitor.spec.band.warm_up_seconds(),
    };
    super::print(&match args.format {
        Output::Text => timeline::text(&head, &timelines),
        Output::Json => timeline::json(&head, &timelines).to_string() + "\n",
    })
}

fn evaluate(
    shared: &SharedBand,
    spec: &MonitorSpec,
    series: &FileSeries,
    until_s: i64,
    mut bands: Option<&mut Bands>,
) -> Result<Timeline, Failure> {
    let mut timeline = Timeline::new(spec, series);
    let mut backtest = Backtest::new(shared);
    let mut wrong = None;
    for point in &series.points {
        let in_time =
            backtest.point(point.time.seconds(), point.value.unwrap_or(f64::NAN), |time_s, _, event| {
                timeline.add(time_s, event);
                if let (Some(bands), BacktestEvent::Point(said)) = (&mut bands, event)
                    && let Err(error) = bands.write(time_s, &series.name, &said)
                {
                    wrong.get_or_insert(error);
                }
            });
        timeline.count(point.value, in_time);
        if let Some(error) = wrong {
            return Err(error);
        }
    }
    backtest.pass(until_s, |time_s, _, event| timeline.add(time_s, event));
    timeline.end(until_s);
    Ok(timeline)
}

/// The file of `--bands`.
struct Bands {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Bands {
    fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| Failure::of(path.display(), error))?;
        let mut bands = Self { path: path.to_owned(), out: BufWriter::new(file) };
        let head = "time,series,value,expected,lower,upper,is_anomaly,status\n";
        bands.out.write_all(head.as_bytes()).map_err(|error| bands.failure(&error))?;
        Ok(bands)
    }

    fn write(
        &mut self,
        time_s: i64,
        series: &str,
        said: &fluent_anomaly::monitors::MonitorVerdict,
    ) -> Result<(), Failure> {
        let band = said
            .band
            .map_or(",,".to_owned(), |band| format!("{},{},{}", band.expected, band.lower, band.upper));
        let series = match series.contains([',', '"']) {
            true => format!("\"{}\"", series.replace('"', "\"\"")),
            false => series.to_owned(),
        };
        let (value, anomaly) = (said.value, said.is_anomaly);
        // nothing is judged before there is a band
        let status = if said.band.is_none() && said.status == Status::Ok { "" } else { said.status.text() };
        writeln!(self.out, "{},{series},{value},{band},{anomaly},{status}", utc::text(time_s))
            .map_err(|error| self.failure(&error))
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::of(self.path.display(), error)
    }
}
